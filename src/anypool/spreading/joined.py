"""Values of windows joined at the elements that the windows hold."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..arguments import library_of
from ..arrays.adapter import adapter_of, is_numpy
from ..arrays.ops import where, zeros
from ..arrays.shape_ops import as_like, broadcast, cast, dtype_name, filled, is_bool, is_floating, moved
from ..constants import fitted
from ..evaluation import evaluate
from ..plan import Grid, GridConcat, IndexedWindows, Ints
from .holders import Holders, holder_counts
from .transposed import transposed, window_dims


class Target(NamedTuple):
    """The pooling whose result is spread: its windows, and the shape and axes of x."""

    windows: Any
    shape: tuple[int, ...]
    axes: tuple[int, ...] | None
    plan: Any


def spread(y: Any, target: Target, reduction: str, w: Any, empty: float) -> Any:
    """The values of y at the elements of the target, joined by the reduction; w: weights or
    None."""
    if reduction in ("mean", "average") and not is_floating(y):
        y = cast(y, "float64")
    dtype = dtype_name(y)
    if reduction in ("max", "min", "last"):
        result = _last(y, target) if reduction == "last" else _pooled(y, target, reduction, False)
    else:
        half = dtype in ("float16", "bfloat16")
        y = cast(y, "float32") if half else y
        z = y / _divisors(y, target, w) if reduction == "mean" else y
        result = _pooled(z, target, "sum", True)
        if reduction == "average":
            result = result / _coverage(y, target, result)
        elif w is not None:
            result = where(w == 0, zeros(result), result)  # an absent element hides infinities
            result = result * (cast(w, dtype_name(result)) if is_floating(result) or is_bool(w) else w)
        result = cast(result, dtype) if half else result
    counts = holder_counts(target.plan)
    absent = None if bool((counts > 0).all()) else as_like(counts == 0, result, exact=True)
    if w is not None:
        absent = (w == 0) if absent is None else absent | (w == 0)
    fitted(empty, dtype_name(result), f"empty={empty}")
    return result if absent is None else where(absent, filled(result, empty), result)


def _reduced(x: Any, *call: Any, **options: Any) -> Any:
    """The result of a pooling in the form that the engines read."""
    return library_of(x).array(evaluate(x, *call, **options))


def _pooled(y: Any, target: Target, reduction: str, weighted: bool) -> Any:
    """The reduction of the values of the windows that hold each element."""
    tensors = any(p.taps is not None and not is_numpy(p.taps) for p in getattr(target.plan, "indices", ()))
    like = y if tensors else None
    holders = Holders(target.windows, target.shape, target.axes, weighted, like)
    return _reduced(y, holders, reduction, axes=window_dims(target.plan), empty=None if reduction == "sum" else 0)


def _coverage(y: Any, target: Target, like: Any) -> Any:
    """The total weight of the windows that hold each element, their number for plain windows; 1
    where it is none."""
    counts = holder_counts(target.plan)
    if not any(grid.weighted for grid in target.plan.grids):
        return as_like(np.maximum(counts, 1), like)
    total = _pooled(zeros(y) + 1, target, "sum", True)
    return where(as_like(counts == 0, total, exact=True), zeros(total) + 1, total)


def _divisors(y: Any, target: Target, w: Any) -> Any:
    """The divisor of each window of a mean: the total weight with weights w; 1 where it is 0."""
    plan = target.plan
    fractions = any(a.edge_weights is not None for g in plan.grids if isinstance(g, Grid) for a in g.axes)
    if w is None and isinstance(plan, (Grid, GridConcat)) and not fractions:
        if isinstance(plan, Grid):
            counts = plan.along(plan.counts)
        else:
            rows = np.concatenate([grid.counts.reshape(-1) for grid in plan.grids])
            shape = [1] * len(plan.out_shape)
            shape[window_dims(plan)[0]] = len(rows)
            counts = rows.reshape(shape)
        return as_like(np.where(counts == 0, 1, counts), y)
    if w is not None:
        n = _reduced(_numbers(w, y, target.shape), target.windows, "sum", axes=target.axes)
    else:
        ones = broadcast(adapter_of(y).full((1,) * len(target.shape), 1, dtype_name(y), y), target.shape)
        total, mean = (_reduced(ones, target.windows, r, axes=target.axes, empty=0) for r in ("sum", "mean"))
        n = where(mean == 0, zeros(mean), total / where(mean == 0, zeros(mean) + 1, mean))
    return where(n == 0, zeros(n) + 1, n)


def _numbers(w: Any, y: Any, shape: tuple[int, ...]) -> Any:
    return broadcast(cast(w, dtype_name(y)), shape)


def _last(y: Any, target: Target) -> Any:
    """The value of the last window that holds each element, 0 where there is none."""
    plan = target.plan
    holders: Any = transposed(plan, False, np.zeros(0))
    dims = holders.pooled_dims
    lasts = _last_windows(holders)
    if len(lasts) == len(dims):
        for a, last in zip(dims, lasts, strict=True):
            y = adapter_of(y).take(y, np.maximum(last, 0), a)
        return _in_order(y, holders, dims)
    lead = tuple(n for a, n in enumerate(y.shape) if a not in dims)
    rows = moved(y, dims, tuple(range(len(lead), len(y.shape)))).reshape(*lead, -1)
    rows = adapter_of(y).take(rows, np.maximum(lasts[0], 0), len(lead)).reshape(*lead, *holders.windows_shape)
    return moved(rows, tuple(range(len(lead), rows.ndim)), holders.result_dims)


def _last_windows(holders: Any) -> list[Ints]:
    """For each list of windows the last one of each position; −1 is none."""
    if isinstance(holders, Grid):
        return [np.where(a.length > 0, a.first + (a.length - 1) * a.step, -1) for a in holders.axes]
    return [_ends(p.offsets, p.index) for p in holders.indices]


def _in_order(y: Any, holders: Any, dims: tuple[int, ...]) -> Any:
    """y with the axis of its windows replaced by the pooled axes, where they are several."""
    if not isinstance(holders, IndexedWindows) or holders.result_dims == dims:
        return y
    lead = tuple(n for a, n in enumerate(y.shape) if a not in dims)
    rows = moved(y, dims, tuple(range(len(lead), len(y.shape)))).reshape(*lead, *holders.windows_shape)
    return moved(rows, tuple(range(len(lead), rows.ndim)), holders.result_dims)


def _ends(offsets: Ints, index: Ints) -> Ints:
    """The last entry of each list; −1 is none."""
    if not len(index):
        return np.full(len(offsets) - 1, -1, np.int64)
    return np.where(offsets[1:] > offsets[:-1], index[np.maximum(offsets[1:] - 1, 0)], -1)
