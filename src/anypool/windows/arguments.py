"""Validation of the arguments of windows: sizes and axes. Each error says which values are
possible."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from typing import Any, TypeVar

import numpy as np

from ..arrays.adapter import is_numpy
from ..arrays.incoming import array_of, of_tensor
from ..arrays.ops import among as among  # for the window kinds
from ..errors import PoolingError
from ..plan import Ints
from ..scalars import integer, is_row, is_sequence

Function = TypeVar("Function")


def constant(function: Function) -> Function:
    """Mark a function whose result depends on its arguments alone: torch.compile calls it once and
    stores the result."""
    function._dynamo_marked_constant = True  # type: ignore[attr-defined]
    return function


def sizes_of(value: Any, name: str) -> int | tuple[int, ...]:
    """An int or a tuple of ints. Entries below 1 raise."""
    value = _listed(value, name)
    if isinstance(value, (Mapping, Set)):
        raise PoolingError(f"{name}={value!r}: use an integer or a row of them, one for each pooled axis")
    if is_row(value):
        row = tuple(integer(v, name, 1) for v in _entries_of(value, name))
        if not row:
            raise PoolingError(f"{name}=(): give one entry for each pooled axis")
        return row
    return integer(value, name, 1)


def _entries_of(row: Iterable[Any], name: str) -> tuple[Any, ...]:
    """The entries of an iterable. An error replaces the TypeError of a type that is not really
    iterable."""
    try:
        return tuple(row)
    except TypeError as error:  # SciPy's sparse arrays claim to be iterable
        raise PoolingError(
            f"{name}={row!r}: use an integer or a row of them, one for each pooled axis ({error})"
        ) from None


def _listed(value: Any, name: str) -> Any:
    """The numbers of an array or a tensor as lists; anything else unchanged."""
    if isinstance(value, (int, float)):  # before the others: symbols of torch.compile
        return value
    return array_of(value, name).tolist() if is_numpy(value) or hasattr(value, "detach") else value


def normal_axes(axes: int | Iterable[int] | None, rank: int) -> tuple[int, ...] | None:
    """Axes as non-negative numbers in the same order. Duplicates and axes out of range raise."""
    if axes is None:
        return None
    axes = _listed(axes, "axes")
    entered: tuple[Any, ...] = _entries_of(axes, "axes") if is_row(axes) else (axes,)
    normalised: list[int] = []
    for axis in entered:
        a = integer(axis, "axes")
        if not -rank <= a < rank:
            raise PoolingError(f"axes={entered}: axis {a} is out of range for an array of {rank} axes")
        normalised.append(a % rank)
    if len(set(normalised)) != len(normalised):
        raise PoolingError(f"axes={entered} names an axis twice")
    if not normalised:
        raise PoolingError("axes=(): name at least one axis to pool")
    return tuple(normalised)


def need_axes(axes: tuple[int, ...] | None, shape: tuple[Any, ...], what: str, instead: str) -> tuple[int, ...]:
    """The named axes; the only axis of a 1-D array; else an error that says how to name them."""
    if axes is None and len(shape) == 1:
        return (0,)
    if axes is None:
        raise PoolingError(f"{what} does not say which axes to pool: give {instead}")
    return axes


def last_axes(axes: tuple[int, ...] | None, count: int, shape: tuple[int, ...], what: str) -> tuple[int, ...]:
    """The named axes, or the last `count` axes."""
    if axes is None:
        if count > len(shape):
            raise PoolingError(f"{what} pools {count} axes, but the input of shape {shape} has {len(shape)}")
        return tuple(range(len(shape) - count, len(shape)))
    if len(axes) != count:
        if count == 1:
            return axes
        raise PoolingError(f"{what} has {count} entries, but axes={axes} names {len(axes)} axes")
    return axes


def numbers(out: int) -> Ints:
    """0, 1, …, out − 1. Raises PoolingError if they do not fit in memory."""
    try:
        return np.arange(out, dtype=np.int64)
    except (MemoryError, ValueError):
        raise PoolingError(
            f"{out} windows on one axis cannot fit in memory; use a larger stride or less padding"
        ) from None


def flag(value: Any, name: str) -> bool:
    """True or False. Anything else raises."""
    if not among(value, (True, False)):
        raise PoolingError(f"{name}={value!r}: use True or False")
    return bool(value)


def integer_row(value: Any, name: str) -> Ints:
    """A row of integers from a list, or from a 1-D array or tensor."""
    if is_sequence(value) or isinstance(value, range):
        row = [integer(v, name) for v in value]
        large = [v for v in row if not -(2**63) <= v < 2**63]
        if large:
            raise PoolingError(f"{name} hold {large[0]}: use numbers of at most 63 bits")
        return np.array(row, np.int64)
    values = array_of(value, name)
    if values.ndim != 1 or (values.size and values.dtype.kind not in "iu"):
        raise PoolingError(f"{name} of shape {values.shape} and dtype {values.dtype}: use a 1-D row of integers")
    if values.dtype == np.uint64 and values.size and int(values.max()) >= 2**63:
        raise PoolingError(f"{name} hold {values.max()}: use numbers of at most 63 bits")
    return values.astype(np.int64)


def to_numpy(value: Any) -> Any:
    """The values of a tensor as an array, also under torch.func; anything else unchanged."""
    return of_tensor(value, "an argument of the windows") if hasattr(value, "detach") else value


def shown(row: object) -> str:
    """A row as text for an error message."""
    return str(tuple(row)) if is_sequence(row) else str(row)
