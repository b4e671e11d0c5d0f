"""Large windows folded piece by piece along the first pooled axes, so that states of few elements are held at once."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...arrays.adapter import adapter_of
from ...arrays.ops import zeros
from ...arrays.shape_ops import as_like, broadcast, cast, dtype_name, nothing_like, take
from ...plan import Axis, Grid, Ints
from ...reductions import State
from .fold_strategies import doubled
from .inputs import imagine, weights_of

LARGE = 1 << 22  # elements of the pooled axes, and all beside them, that are lifted at once


@dataclass(frozen=True)
class Whole:
    """What every piece shares."""

    reduction: Any
    acc: str  # the element type of the states
    weighed: bool
    omit_nan: bool
    extents: tuple[int, ...]  # of the pooled axes


def fold(x: Any, grid: Grid, reduction: Any, weights: Any, omit_nan: bool, acc: str) -> tuple[State, Any]:
    """The states of all windows, and of what is absent the weight and the number of those present."""
    whole = Whole(reduction, acc, weights is not None, omit_nan, tuple(axis.extent for axis in grid.axes))
    if weights is not None:
        weights = broadcast(weights, grid.shape)
    states, parts = _fold(x, weights, grid, [0] * len(grid.axes), whole)
    return tuple(parts[:states]), (parts[states:] or None)


def _fold(x: Any, weights: Any, grid: Grid, begin: list[int], whole: Whole) -> tuple[int, list[Any]]:
    """How many states there are, and these with what is present, of pooled axes that begin at these positions."""
    beside = math.prod(n for a, n in enumerate(x.shape) if a not in grid.pooled_dims)
    size = beside * math.prod(axis.extent for axis in grid.axes)
    k = next((k for k, axis in enumerate(grid.axes) if axis.extent > 1), None)
    if size <= LARGE or k is None or _step(grid.axes[k], size) is None:
        return _lifted(x, weights, grid, begin, whole)
    axis, dim = grid.axes[k], grid.pooled_dims[k]
    step = _step(axis, size) or axis.extent
    states, total = 0, list[Any]()
    for p in range(0, axis.extent, step):
        windows, parts, inside = _clipped(axis, p, min(p + step, axis.extent))
        if not len(windows):
            continue
        here = (slice(None),) * dim + (slice(p, p + step),)
        some = replace(
            grid,
            shape=tuple(inside.size if a == dim else n for a, n in enumerate(grid.shape)),
            axes=(*grid.axes[:k], inside, *grid.axes[k + 1 :]),
        )
        cut = axis.source is None
        states, made = _fold(
            x[here] if cut else x,
            weights[here] if cut and weights is not None else weights,
            some,
            [*begin[:k], begin[k] + p, *begin[k + 1 :]],
            whole,
        )
        if not total:
            shape = [axis.out if d == dim else n for d, n in enumerate(made[0].shape)]
            nothing = [*whole.reduction.init(zeros(cast(x[(slice(0, 1),) * x.ndim], whole.acc))), 0.0, 0]
            total = [_copied(nothing_like(v, m, shape), m) for v, m in zip(nothing, made, strict=False)]
        old = [take(t, windows, dim) if axis.out > 1 else t for t in total]
        new = [take(m, parts, dim) if inside.out > 1 or len(parts) > 1 else m for m in made]
        _put(total, windows, dim, _joined(old, new, states, whole.reduction))
    return (states, total) if total else _lifted(x, weights, grid, begin, whole)


def _lifted(x: Any, weights: Any, grid: Grid, begin: list[int], whole: Whole) -> tuple[int, list[Any]]:
    z = cast(imagine(x, grid, grid.fill), whole.acc)
    w, has = weights_of(z, weights, grid, whole.reduction, whole.omit_nan)
    flat: Any = np.zeros((1,) * z.ndim, np.int64)
    for axis, dim, b, n in zip(grid.axes, grid.pooled_dims, begin, whole.extents, strict=True):
        along = [1] * z.ndim
        along[dim] = axis.extent
        flat = flat * n + np.arange(b, b + axis.extent).reshape(along)
    state, seen = doubled(z, w, has, as_like(flat, z, exact=True), grid, whole.reduction)
    return len(state), [*state, *(seen or ())]


def _step(axis: Axis, size: int) -> int | None:
    """How many positions make a piece; None where too many windows begin and end in it."""
    step = max(1, axis.extent * LARGE // size)
    step = min(step, max(1, 4 * axis.extent // axis.out)) if axis.out > 1 else step
    return step if axis.out * (axis.extent // step) <= 4 * axis.extent else None


def _clipped(axis: Axis, begin: int, end: int) -> tuple[Ints, Ints, Axis]:
    """Windows that hold positions [begin, end), the part of each, and the axis of these parts, alike ones once."""
    low = np.maximum(0, -(-(begin - axis.first) // axis.step))
    high = np.minimum(axis.length, np.where(end > axis.first, (end - 1 - axis.first) // axis.step + 1, 0))
    windows = np.flatnonzero(low < high)
    first, length = (axis.first + low * axis.step - begin)[windows], (high - low)[windows]
    alike, parts = np.unique(np.stack([first, length]), axis=1, return_inverse=True)
    source = None if axis.source is None else axis.source[begin:end]
    size = end - begin if source is None else axis.size
    none = np.zeros(alike.shape[1], np.int64)
    return windows, parts.reshape(-1), Axis(size, alike[0], alike[1], axis.step, none, alike[1], source)


def _joined(a: list[Any], b: list[Any], states: int, reduction: Any) -> list[Any]:
    with np.errstate(all="ignore"):
        merged = list(reduction.merge(tuple(a[:states]), tuple(b[:states])))
    return merged + [p + q for p, q in zip(a[states:], b[states:], strict=True)]


def _copied(nothing: Any, like: Any) -> Any:
    """A state of nothing in memory of its own, in the type of what joins it."""
    return adapter_of(like).copy(cast(nothing, dtype_name(like)))


def _put(total: list[Any], windows: Ints, dim: int, new: list[Any]) -> None:
    for i, v in enumerate(new):
        total[i] = adapter_of(v).put(total[i], windows, v, dim)
