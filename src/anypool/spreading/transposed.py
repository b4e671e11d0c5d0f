"""The transposed plan: for each position of x the windows that hold it, as windows of y."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..arrays.adapter import adapter_of, is_numpy
from ..engines.reference.indexed import elements
from ..plan import Axis, AxisIndices, Grid, GridConcat, IndexedWindows, Ints, SparseGroups
from ..reductions import Max


class Pairs(NamedTuple):
    """The pairs of a window and a position that it holds, with their weights; window by window."""

    window: Ints
    position: Ints  # flat in the pooled axes; none is the border
    weight: Any  # None: all are 1


def transposed(plan: Any, weighted: bool, like: Any) -> Any:
    """The windows of y that pool, for each position of x, the windows that hold it.

    weighted: with the weights of the windows themselves, their taps and fractions; else the pairs
    of nonzero weight. like: an array of y's library, for weights that learn.
    """
    if any(not is_numpy(p.taps) and p.taps is not None for p in getattr(plan, "indices", ())):
        return _transposed(plan, weighted, like)  # weights of a tensor may learn, so that no cache may keep them
    return _cached(plan, weighted)


@lru_cache(maxsize=64)
def _cached(plan: Any, weighted: bool) -> Any:
    return _transposed(plan, weighted, np.zeros(0))


def _transposed(plan: Any, weighted: bool, like: Any) -> Any:
    if isinstance(plan, Grid):
        grid = plan if weighted else plan.without_weights_for(Max())
        if grid.taps is None and grid.adjoint is not None:
            return grid.adjoint
        if grid.taps is None or isinstance(grid.taps, tuple):
            rows = grid.taps if isinstance(grid.taps, tuple) else (None,) * len(grid.axes)
            indices = tuple(_axis(a, taps, weighted) for a, taps in zip(grid.axes, rows, strict=True))
            return IndexedWindows(
                grid.out_shape, grid.pooled_dims, indices, tuple(a.size for a in grid.axes), grid.pooled_dims
            )
    return _lists(plan, pairs_of(plan, like), weighted)


def _axis(axis: Axis, taps: Any, weighted: bool) -> AxisIndices:
    """For each position of one axis the windows that hold it."""
    window, position, number, weight = _axis_pairs(axis)
    if taps is not None:
        weight = weight * np.asarray(taps, np.float64)[number]
    offsets, order = _by_position(position, weight, axis.size)
    plain = not weighted or bool((weight == 1).all())
    return AxisIndices(axis.out, axis.size, offsets, window[order], None if plain else weight[order])


def _axis_pairs(axis: Axis) -> tuple[Ints, Ints, Ints, NDArray[np.float64]]:
    """The windows, the positions, the number of the tap and the weight of each pair of one axis."""
    window = np.repeat(np.arange(axis.out, dtype=np.int64), axis.length)
    number = np.arange(len(window)) - np.repeat(np.cumsum(axis.length) - axis.length, axis.length)
    weight = axis.weights_at(window, number)
    position = axis.first[window] + number * axis.step
    tap = number + axis.absent_before[window]
    if axis.source is not None:
        position = axis.source[position]
        real = position >= 0
        window, position, tap, weight = window[real], position[real], tap[real], weight[real]
    return window, position, tap, weight


def _by_position(position: Ints, weight: Any, size: int) -> tuple[Ints, Ints]:
    """The offsets of each position's pairs, and the order of the pairs of nonzero weight."""
    order = np.argsort(position, kind="stable")
    if weight is not None:
        order = order[np.asarray(adapter_of(weight).numbers(weight))[order] != 0]
    counts = np.bincount(position[order], minlength=size)
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), order


def _lists(plan: Any, pairs: Pairs, weighted: bool) -> IndexedWindows:
    """Pairs as IndexedWindows over the windows' axes, taken as one."""
    shape = plan.grids[0].shape
    sizes = tuple(shape[a] for a in plan.pooled_dims)
    dims = window_dims(plan)
    offsets, order = _by_position(pairs.position, pairs.weight, math.prod(sizes))
    weight = pairs.weight if weighted else None
    taps = None if weight is None else adapter_of(weight).take(weight, order, 0)
    windows = math.prod(plan.out_shape[a] for a in dims)
    indices = AxisIndices(windows, math.prod(sizes), offsets, pairs.window[order], taps)
    return IndexedWindows(plan.out_shape, dims, (indices,), sizes, plan.pooled_dims)


def window_dims(plan: Any) -> tuple[int, ...]:
    """The axes of the result that hold the windows, ascending."""
    if isinstance(plan, GridConcat):
        return (min(plan.pooled_dims),)
    return tuple(sorted(getattr(plan, "result_dims", plan.pooled_dims)))


def pairs_of(plan: Any, like: Any) -> Pairs:
    """All pairs of a plan. Windows are numbered in the order of the result's axes."""
    if isinstance(plan, Grid):
        return _grid_pairs(plan)
    if isinstance(plan, GridConcat):
        parts = [_grid_pairs(grid) for grid in plan.grids]
        counts = [math.prod(grid.windows_shape) for grid in plan.grids]
        starts = np.cumsum(counts) - counts
        window = np.concatenate([p.window + start for p, start in zip(parts, starts, strict=True)])
        return Pairs(window, np.concatenate([p.position for p in parts]), None)
    lists: IndexedWindows = plan.nonempty if isinstance(plan, SparseGroups) else plan
    offsets, index, taps = elements(lists, 0, lists.windows, like)
    owner = np.repeat(_numbers(lists)[: lists.windows], np.diff(offsets) * index.shape[1])
    if isinstance(plan, SparseGroups):
        owner = np.append(plan.group_numbers, -1)[owner]
    flat = index.reshape(-1)
    there = np.flatnonzero(flat >= 0)
    taps = None if taps is None else adapter_of(taps).take(taps.reshape(-1), there, 0)
    return Pairs(owner[there], flat[there], taps)


def _numbers(lists: IndexedWindows) -> Ints:
    """The number of each window in the order of the result's axes."""
    order = np.argsort(lists.result_dims)
    numbers = np.arange(lists.windows, dtype=np.int64).reshape([lists.windows_shape[i] for i in order])
    return np.transpose(numbers, np.argsort(order)).reshape(-1)


def _grid_pairs(grid: Grid) -> Pairs:
    window = position = np.zeros(1, np.int64)
    weight: Any = np.ones(1)
    numbers: list[Ints] = []
    for axis in grid.axes:
        w, p, n, e = _axis_pairs(axis)
        window = (window[:, None] * axis.out + w).reshape(-1)
        position = (position[:, None] * axis.size + p).reshape(-1)
        weight = (weight[:, None] * e).reshape(-1)
        numbers = [np.repeat(k, len(w)) for k in numbers] + [np.tile(n, len(weight) // max(len(w), 1))]
    if grid.taps is not None:
        weight = weight * grid.tap_weights()[tuple(numbers)]
    return Pairs(window, position, weight if grid.weighted else None)
