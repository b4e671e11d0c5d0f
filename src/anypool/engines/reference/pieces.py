"""Large windows folded piece by piece along the first pooled axes, so that few states exist at
once."""

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
from .fold_strategies import fold_by_doubling
from .inputs import weights_of, with_border

LARGE = 1 << 22  # elements that are folded at once


@dataclass(frozen=True)
class FoldSettings:
    """The arguments that all pieces share."""

    reduction: Any
    acc: str  # the element type of the states
    weighed: bool
    omit_nan: bool
    extents: tuple[int, ...]  # of the pooled axes


def fold(x: Any, grid: Grid, reduction: Any, weights: Any, omit_nan: bool, acc: str) -> tuple[State, Any]:
    """The states of all windows; with weights or NaN, also the total weight and the number of
    present elements."""
    settings = FoldSettings(reduction, acc, weights is not None, omit_nan, tuple(axis.extent for axis in grid.axes))
    if weights is not None:
        weights = broadcast(weights, grid.shape)
    states, parts = _fold(x, weights, grid, [0] * len(grid.axes), settings)
    return tuple(parts[:states]), (parts[states:] or None)


def _fold(x: Any, weights: Any, grid: Grid, begin: list[int], settings: FoldSettings) -> tuple[int, list[Any]]:
    """The number of states, and the states and totals of pooled axes that begin at these
    positions."""
    other_size = math.prod(n for a, n in enumerate(x.shape) if a not in grid.pooled_dims)
    size = other_size * math.prod(axis.extent for axis in grid.axes)
    k = next((k for k, axis in enumerate(grid.axes) if axis.extent > 1), None)
    if size <= LARGE or k is None or _step(grid.axes[k], size) is None:
        return _fold_piece(x, weights, grid, begin, settings)
    axis, dim = grid.axes[k], grid.pooled_dims[k]
    step = _step(axis, size) or axis.extent
    states, total = 0, list[Any]()
    for p in range(0, axis.extent, step):
        windows, parts, inside = _clipped(axis, p, min(p + step, axis.extent))
        if not len(windows):
            continue
        piece = (slice(None),) * dim + (slice(p, p + step),)
        part = replace(
            grid,
            shape=tuple(inside.size if a == dim else n for a, n in enumerate(grid.shape)),
            axes=(*grid.axes[:k], inside, *grid.axes[k + 1 :]),
        )
        cut = axis.source is None
        states, state_of_piece = _fold(
            x[piece] if cut else x,
            weights[piece] if cut and weights is not None else weights,
            part,
            [*begin[:k], begin[k] + p, *begin[k + 1 :]],
            settings,
        )
        if not total:
            shape = [axis.out if d == dim else n for d, n in enumerate(state_of_piece[0].shape)]
            empty_state = [*settings.reduction.init(zeros(cast(x[(slice(0, 1),) * x.ndim], settings.acc))), 0.0, 0]
            total = [_copy_as(nothing_like(v, m, shape), m) for v, m in zip(empty_state, state_of_piece, strict=False)]
        old = [take(t, windows, dim) if axis.out > 1 else t for t in total]
        new = [take(m, parts, dim) if inside.out > 1 or len(parts) > 1 else m for m in state_of_piece]
        _set_windows(total, windows, dim, _merge(old, new, states, settings.reduction))
    return (states, total) if total else _fold_piece(x, weights, grid, begin, settings)


def _fold_piece(x: Any, weights: Any, grid: Grid, begin: list[int], settings: FoldSettings) -> tuple[int, list[Any]]:
    z = cast(with_border(x, grid, grid.fill), settings.acc)
    w, is_present = weights_of(z, weights, grid, settings.reduction, settings.omit_nan)
    flat = np.zeros((1,) * len(grid.shape), np.int64)
    for axis, dim, b, n in zip(grid.axes, grid.pooled_dims, begin, settings.extents, strict=True):
        shape = [1] * len(grid.shape)
        shape[dim] = axis.extent
        flat = flat * n + np.arange(b, b + axis.extent).reshape(shape)
    state, totals = fold_by_doubling(z, w, is_present, as_like(flat, z, exact=True), grid, settings.reduction)
    return len(state), [*state, *(totals or ())]


def _step(axis: Axis, size: int) -> int | None:
    """The number of positions in a piece; None if too many windows begin and end in it."""
    step = max(1, axis.extent * LARGE // size)
    step = min(step, max(1, 4 * axis.extent // axis.out)) if axis.out > 1 else step
    return step if axis.out * (axis.extent // step) <= 4 * axis.extent else None


def _clipped(axis: Axis, begin: int, end: int) -> tuple[Ints, Ints, Axis]:
    """Windows with positions in [begin, end), the part of each, and the axis of the distinct
    parts."""
    low = np.maximum(0, -(-(begin - axis.first) // axis.step))
    high = np.minimum(axis.length, np.where(end > axis.first, (end - 1 - axis.first) // axis.step + 1, 0))
    windows = np.flatnonzero(low < high)
    first, length = (axis.first + low * axis.step - begin)[windows], (high - low)[windows]
    distinct, parts = np.unique(np.stack([first, length]), axis=1, return_inverse=True)
    source = None if axis.source is None else axis.source[begin:end]
    size = end - begin if source is None else axis.size
    zero_runs = np.zeros(distinct.shape[1], np.int64)
    return windows, parts.reshape(-1), Axis(size, distinct[0], distinct[1], axis.step, zero_runs, distinct[1], source)


def _merge(a: list[Any], b: list[Any], states: int, reduction: Any) -> list[Any]:
    with np.errstate(all="ignore"):
        merged = list(reduction.merge(tuple(a[:states]), tuple(b[:states])))
    return merged + [p + q for p, q in zip(a[states:], b[states:], strict=True)]


def _copy_as(state: Any, like: Any) -> Any:
    """An empty state in new memory, in the type of the state that is merged into it."""
    return adapter_of(like).copy(cast(state, dtype_name(like)))


def _set_windows(total: list[Any], windows: Ints, dim: int, new: list[Any]) -> None:
    for i, v in enumerate(new):
        total[i] = adapter_of(v).put(total[i], windows, v, dim)
