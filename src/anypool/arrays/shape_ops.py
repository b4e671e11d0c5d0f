"""Functions of arrays of any library: element types, shapes, axes, and NumPy tables in that
library."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .adapter import adapter_of
from .adapter import is_numpy as is_numpy


def take(x: Any, index: Any, dim: int) -> Any:
    """x at these positions of one axis; an axis of length 1 is broadcast."""
    if x.shape[dim] != 1:
        return adapter_of(x).take(x, index, dim)
    if len(index) == 1:
        return x
    return broadcast(x, [len(index) if d == dim else s for d, s in enumerate(x.shape)])


def take_flat(table: Any, index: Any) -> Any:
    """table[index] for a NumPy table and an array of indices."""
    return adapter_of(index).asarray(table, index)[index]


def narrow(x: Any, dim: int, begin: int, length: int) -> Any:
    """`length` positions of one axis, from `begin`."""
    return x[(slice(None),) * dim + (slice(begin, begin + max(length, 0)),)]


def dtype_name(x: Any) -> str:
    """NumPy's name of the element type."""
    return adapter_of(x).dtype_name(x)


def cast(x: Any, dtype: str) -> Any:
    """x in another element type."""
    return adapter_of(x).cast(x, dtype)


def is_bool(x: Any) -> bool:
    """Whether the elements are bool."""
    return dtype_name(x) == "bool"


def is_floating(x: Any) -> bool:
    """Whether the elements are floats."""
    return "float" in dtype_name(x)


def is_one(w: Any) -> bool:
    """Whether a weight is a plain number: 1, for every element."""
    return isinstance(w, (int, float))


def floats(x: Any) -> Any:
    """Integers and bools as the widest floats; floats unchanged.

    `n * 1.0` would have torch's default type, which may not represent a count.
    """
    if isinstance(x, (int, float)):
        return float(x)
    adapter = adapter_of(x)
    return x if "float" in adapter.dtype_name(x) else adapter.cast(x, adapter.widest(x))


def accumulator(x: Any, reduction: Any) -> str:
    """The element type in which a fold of x computes."""
    adapter = adapter_of(x)
    dtype = adapter.dtype_name(x)
    kind = getattr(reduction, "accumulates", "float")
    if getattr(reduction, "sums_need_double", False) and adapter.widest(x) == "float64":
        return "float64"
    if dtype in ("float16", "bfloat16"):
        return "float32" if kind != "same" else dtype
    if dtype in ("float32", "float64") or kind == "same":
        return dtype
    return adapter.wide(dtype) if kind == "wide" else "float64"


def result_of(y: Any, x: Any, reduction: Any) -> Any:
    """The result in its element type, in new memory."""
    dtype = dtype_name(x)
    if getattr(reduction, "gives", "value") == "value" and dtype in ("float16", "bfloat16", "float32", "float64"):
        y = cast(y, dtype)
    return adapter_of(y).owned(y)


def zeros_of(x: Any, shape: Sequence[int], dtype: str | None = None) -> Any:
    """Zeros of this shape, on x's device."""
    adapter = adapter_of(x)
    return adapter.full(shape, 0, adapter.dtype_name(x) if dtype is None else dtype, x)


def filled(x: Any, value: Any) -> Any:
    """An array like x, filled with a number that x's type can represent; integers are exact."""
    return adapter_of(x).full_like(x, float(value) if is_floating(x) else int(value))


def real(value: float, like: Any) -> Any:
    """A number that promotes integers to the widest floats; some libraries would use a default
    type."""
    if is_floating(like):
        return value
    adapter = adapter_of(like)
    return adapter.full((), value, adapter.widest(like), like)


def nothing_like(value: Any, like: Any, shape: Any = None) -> Any:
    """The state of an empty window, broadcast to `shape`, or to the shape of `like`."""
    shape = like.shape if shape is None else shape
    if isinstance(value, (int, float)) or 0 in tuple(value.shape):
        return zeros_of(like, shape)
    return broadcast(value.reshape(-1)[:1].reshape((1,) * like.ndim), shape)


def as_like(table: Any, x: Any, exact: bool = False) -> Any:
    """A NumPy table in x's library and on its device, in x's float type unless `exact`."""
    adapter = adapter_of(x)
    array = adapter.asarray(table, x)
    return array if exact or not is_floating(x) else adapter.cast(array, adapter.dtype_name(x))


def broadcast(x: Any, shape: Sequence[int]) -> Any:
    """x broadcast to a shape, without a copy."""
    return adapter_of(x).broadcast(x, tuple(shape))


def permuted(x: Any, order: Sequence[int]) -> Any:
    """x with its axes in this order."""
    return adapter_of(x).permute(x, order)


def moved(x: Any, source: Sequence[int], to: Sequence[int]) -> Any:
    """x with the axes `source` at the positions `to`."""
    return adapter_of(x).moveaxis(x, source, to)


def contiguous(x: Any) -> Any:
    """x, or a copy in row-major order."""
    return adapter_of(x).contiguous(x)


def concatenated(parts: Sequence[Any], axis: int) -> Any:
    """Arrays of one library, concatenated along an axis."""
    return parts[0] if len(parts) == 1 else adapter_of(*parts).concatenate(parts, axis)


def axes_last(x: Any, shape: Sequence[int], at: Sequence[int]) -> Any:
    """x as (rows, positions): the axes `at` are flattened and last, the others are flattened and
    first."""
    pooled_last = moved(x, at, range(-len(at), 0))
    rows = inside = 1
    for a, n in enumerate(shape):
        rows, inside = (rows, inside * n) if a in at else (rows * n, inside)
    return pooled_last.reshape(rows, inside)
