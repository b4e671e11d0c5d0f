"""Arguments of windows: sizes and axes; each error says what is possible."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from typing import Any, TypeVar

import numpy as np

from ..arrays.adapter import is_numpy
from ..arrays.incoming import array_of, of_tensor
from ..arrays.ops import among as among  # for the kinds of windows
from ..errors import PoolingError
from ..plan import Ints
from ..scalars import integer, is_row

Made = TypeVar("Made")


def constant(make: Made) -> Made:
    """Mark a function whose arguments decide its result: torch.compile calls it once and keeps what it gave."""
    make._dynamo_marked_constant = True  # type: ignore[attr-defined]
    return make


def sizes_of(value: Any, name: str) -> int | tuple[int, ...]:
    """An int, or a tuple of them; entries below 1 raise."""
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
    """The entries of a row, as far as its type lets them be read one by one."""
    try:
        return tuple(row)
    except TypeError as error:  # SciPy's sparse arrays claim to be iterable
        raise PoolingError(
            f"{name}={row!r}: use an integer or a row of them, one for each pooled axis ({error})"
        ) from None


def _listed(value: Any, name: str) -> Any:
    """The numbers of an array or a tensor; anything else as it is."""
    if isinstance(value, (int, float)):  # first: torch.compile asks nothing else of a symbol
        return value
    return array_of(value, name).tolist() if is_numpy(value) or hasattr(value, "detach") else value


def normal_axes(axes: int | Iterable[int] | None, rank: int) -> tuple[int, ...] | None:
    """Axes as non-negative numbers in the order given; repeats and axes out of range raise."""
    if axes is None:
        return None
    axes = _listed(axes, "axes")
    given: tuple[Any, ...] = _entries_of(axes, "axes") if is_row(axes) else (axes,)
    found: list[int] = []
    for axis in given:
        a = integer(axis, "axes")
        if not -rank <= a < rank:
            raise PoolingError(f"axes={given}: axis {a} is out of range for an array of {rank} axes")
        found.append(a % rank)
    if len(set(found)) != len(found):
        raise PoolingError(f"axes={given} names an axis twice")
    if not found:
        raise PoolingError("axes=(): name at least one axis to pool")
    return tuple(found)


def need_axes(axes: tuple[int, ...] | None, shape: tuple[Any, ...], what: str, instead: str) -> tuple[int, ...]:
    """The axes, which an array of one axis need not name; or the error that teaches how to name them."""
    if axes is None and len(shape) == 1:
        return (0,)
    if axes is None:
        raise PoolingError(f"{what} does not say which axes to pool: give {instead}")
    return axes


def last_axes(axes: tuple[int, ...] | None, count: int, shape: tuple[int, ...], what: str) -> tuple[int, ...]:
    """The named axes, or the last `count` ones."""
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
    try:
        return np.arange(out, dtype=np.int64)
    except (MemoryError, ValueError):
        raise PoolingError(
            f"{out} windows on one axis cannot fit in memory; use a larger stride or less padding"
        ) from None


def flag(value: Any, name: str) -> bool:
    """True or False; anything else raises."""
    if not among(value, (True, False)):
        raise PoolingError(f"{name}={value!r}: use True or False")
    return bool(value)


def to_numpy(value: Any) -> Any:
    """The numbers of a tensor, whoever watches it; anything else as it is."""
    return of_tensor(value, "an argument of the windows") if hasattr(value, "detach") else value


def shown(row: Any) -> str:
    return str(tuple(row)) if isinstance(row, (tuple, list)) else str(row)
