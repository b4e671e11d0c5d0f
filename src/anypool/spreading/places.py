"""Values put at stated places: the way up from argmax and from torch's indices."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..arguments import library_of
from ..arrays.adapter import adapter_of
from ..arrays.ops import where
from ..arrays.shape_ops import as_like, axes_last, cast, dtype_name, filled, is_floating, moved
from ..constants import fitted
from ..engines import execute
from ..errors import PoolingError
from ..plan import AxisIndices, IndexedWindows, Ints
from ..reductions import reduction_of
from .transposed import window_dims

FOLDS = {"sum": "sum", "average": "mean", "max": "max", "min": "min"}


def scattered(y: Any, plan: Any, at: Any, reduction: str, empty: float) -> Any:
    """y's values at the places `at`, flat in the pooled axes; values that meet are joined."""
    if reduction == "mean":
        raise PoolingError(
            'spread(at=, reduction="mean"): a mean divides by the size of its window; '
            'use "average" for the mean of the values that meet, or "sum", "max", "min", "last"'
        )
    shape, dims = plan.grids[0].shape, window_dims(plan)
    sizes = tuple(shape[a] for a in plan.pooled_dims)
    lead = tuple(n for a, n in enumerate(y.shape) if a not in dims)
    target = _places(at, y, plan, sizes)
    index = axes_last(target, y.shape, dims)
    rows, total = math.prod(lead), math.prod(sizes)
    index = np.where(index < 0, -1, index + np.arange(rows, dtype=np.int64)[:, None] * total).reshape(-1)
    values = axes_last(y, y.shape, dims).reshape(-1)
    flat = put(values, index, rows * total, reduction, empty)
    result = flat.reshape(*lead, *sizes)
    return moved(result, tuple(range(len(lead), result.ndim)), plan.pooled_dims)


def _places(at: Any, y: Any, plan: Any, sizes: tuple[int, ...]) -> Ints:
    """The flat place of each value in the pooled axes as NumPy's integers; −1 is none."""
    table = np.asarray(adapter_of(at).numbers(library_of(at).array(at)))
    if table.dtype.kind not in "iu":
        raise PoolingError(f"at= of {table.dtype}: give integers, such as pool(x, windows, 'argmax')")
    if table.shape != tuple(y.shape):
        raise PoolingError(f"at= of shape {table.shape}: give one place for each value of y, of shape {tuple(y.shape)}")
    groups = getattr(plan, "groups", None)
    plane = math.prod(sizes) if groups is None else math.prod(sizes[1:])
    check_places(table, plane, sizes if groups is None else sizes[1:], "at")
    places = table.astype(np.int64, copy=False)
    if groups is None:
        return places
    inner = max(math.prod(p.out for p in plan.indices), 1)
    image = groups[np.arange(plan.windows) // inner] * plane
    order = np.argsort(plan.result_dims)
    along = [1] * y.ndim
    for k in order:
        along[plan.result_dims[k]] = plan.windows_shape[k]
    base = np.transpose(image.reshape(plan.windows_shape), order).reshape(along)
    return np.where(places < 0, -1, places + base)


def check_places(table: Any, plane: int, sizes: tuple[int, ...], name: str) -> None:
    """Raise PoolingError for places beyond the plane, and for negative ones but −1."""
    if not table.size:
        return
    low, high = int(table.min()), int(table.max())
    if low < -1 or high >= plane:
        worst = low if low < -1 else high
        raise PoolingError(
            f"{name}= holds {worst}, but the plane {sizes} has the places 0 to {plane - 1}; "
            "give places of these windows and this shape, or −1 for none"
        )


def put(values: Any, index: Ints, size: int, reduction: str, empty: float) -> Any:
    """A row of `size` elements with the values at their places; −1 is none. Values at one place are
    joined."""
    adapter = adapter_of(values)
    values = cast(values, "float64") if reduction == "average" and not is_floating(values) else values
    present = index >= 0
    if not present.all():
        index = index[present]
        values = adapter.take(values, np.flatnonzero(present), 0)
    occupied = np.zeros(size, np.bool_)
    occupied[index] = True
    joins = int(np.count_nonzero(occupied)) < len(index)
    if joins and reduction != "last":
        return _joined(values, index, size, reduction, empty)
    dtype = _result_dtype(values, reduction)
    fitted(empty, dtype, f"empty={empty}")
    values = cast(values, dtype)
    if not joins and not adapter.differentiates(values) and adapter.device(values) == "cpu":
        return adapter.put(adapter.full((size,), empty, dtype, values), index, values, 0)
    source = np.full(size, -1, np.int64)
    source[index] = np.arange(len(index))  # the last of equal places
    if not len(index):
        return adapter.full((size,), empty, dtype, values)
    gathered = adapter.take(values, np.maximum(source, 0), 0)
    return where(as_like(source >= 0, gathered, exact=True), gathered, filled(gathered, empty))


def _result_dtype(values: Any, reduction: str) -> str:
    """The element type of the result: sums of integers are wide."""
    dtype = dtype_name(values)
    return dtype if reduction != "sum" or "float" in dtype else adapter_of(values).wide(dtype)


def _joined(values: Any, index: Ints, size: int, reduction: str, empty: float) -> Any:
    """The reduction of the values at each place, in the order of y."""
    order = np.argsort(index, kind="stable")
    offsets = np.concatenate([[0], np.cumsum(np.bincount(index, minlength=size))]).astype(np.int64)
    n = len(index)
    lists = IndexedWindows((n,), (0,), (AxisIndices(n, size, offsets, order),), (size,), (0,))
    fitted(empty, _result_dtype(values, reduction), f"empty={empty}")
    return execute.run(library_of(values), values, lists, (reduction_of(FOLDS[reduction], "first"),), empty=empty)[0]
