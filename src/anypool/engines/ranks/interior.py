"""The interior of a grid: its full windows at a uniform stride; the other windows are its edges."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from ...plan import Axis, Grid

MOST_RUNS = 4  # runs of windows with other lengths at an edge, each of which needs its own network


@lru_cache(maxsize=1024)
def interior(grid: Grid) -> Grid | None:
    """The windows that are full, at a uniform stride, and inside the border.

    The result is the grid itself if all windows are full at a uniform stride. It is None if the
    interior has less than half of the windows.
    """
    if all(uniform_stride(a) is not None for a in grid.axes):
        return grid
    inside = select_windows(grid, [slice(*r) for r in ranges(grid)])
    full = math.prod(inside.windows_shape)
    if 2 * full < math.prod(grid.windows_shape) or any(uniform_stride(a) is None for a in inside.axes):
        return None
    return replace(inside, axes=tuple(_without_border(a) for a in inside.axes), fill=None)


@dataclass(frozen=True)
class Edge:
    """Windows at the edge, and their part of the result. If many rows have few windows each, two
    axes are swapped."""

    where: tuple[slice, ...]
    grid: Grid
    swapped: tuple[int, int] | None = None

    def of(self, x: Any) -> Any:
        """x with the axes in the grid's order, or the result with the axes in x's order."""
        return x if self.swapped is None else x.swapaxes(*self.swapped)

    def order(self, strides: tuple[int, ...]) -> tuple[int, ...]:
        """Strides of x or of the result in the grid's order of axes."""
        if self.swapped is None:
            return strides
        a, b = self.swapped
        exchanged = list(strides)
        exchanged[a], exchanged[b] = strides[b], strides[a]
        return tuple(exchanged)


def _edge(where: tuple[slice, ...], grid: Grid) -> Edge:
    last = grid.pooled_dims[-1]
    longest = max(grid.pooled_dims, key=lambda a: grid.out_shape[a])
    if math.prod(grid.shape[last + 1 :]) > 1 or grid.out_shape[longest] < 8 * grid.out_shape[last]:
        return Edge(where, grid)
    shape, axes, k = list(grid.shape), list(grid.axes), grid.pooled_dims.index(longest)
    shape[last], shape[longest] = shape[longest], shape[last]
    axes[-1], axes[k] = axes[k], axes[-1]
    taps = np.swapaxes(grid.tap_weights(), k, -1) != 0 if grid.is_footprint else None
    return Edge(where, replace(grid, shape=tuple(shape), axes=tuple(axes), taps=taps), (longest, last))


@lru_cache(maxsize=1024)
def edges(grid: Grid, by_length: bool = False) -> tuple[Edge, ...]:
    """The windows outside the interior, as products of runs of one length along each axis.

    With `by_length`, each length at the edge of one axis is a run; without it, and where two edges
    meet, a side with many lengths is one run.
    """
    inside = [slice(*full) for full in ranges(grid)]
    few, each = (
        [_runs_outside(a, *full, most, not grid.is_footprint) for a, full in zip(grid.axes, ranges(grid), strict=True)]
        for most in (MOST_RUNS, max(a.out for a in grid.axes) if by_length else MOST_RUNS)
    )
    parts: list[tuple[slice, ...]] = []
    for outside in itertools.islice(itertools.product((False, True), repeat=len(inside)), 1, None):
        runs = each if sum(outside) == 1 else few
        parts += itertools.product(*(r if o else [i] for r, i, o in zip(runs, inside, outside, strict=True)))
    result: list[Edge] = []
    for part in parts:
        windows = _with_own_footprint(select_windows(grid, part))
        if 0 not in windows.windows_shape:
            result.append(_edge(output_slice(grid, part), windows))
    return tuple(result)


def _with_own_footprint(grid: Grid) -> Grid:
    """The same windows, with the part of the footprint that is inside the axes, if it is the same
    for all."""
    alike = all(len(np.unique(t)) == 1 for a in grid.axes for t in (a.absent_before, a.length))
    if not grid.is_footprint or not alike:
        return grid
    part = tuple(slice(int(a.absent_before[0]), int(a.absent_before[0] + a.length[0])) for a in grid.axes)
    taps = grid.tap_weights()[part] != 0
    axes = tuple(replace(a, absent_before=np.zeros_like(a.absent_before)) for a in grid.axes)
    return replace(grid, axes=axes, taps=(taps,) if taps.ndim == 1 else taps) if taps.any() else grid


def _runs_outside(axis: Axis, low: int, high: int, most: int, both_ends: bool) -> list[slice]:
    """The windows before and after the full ones, as runs of one length.

    With `both_ends`, a single window at the start and one of the same length at the end form one
    run
    with a large stride: each run is one call. A side with more than `most` lengths is one run.
    """
    before, after = _runs_of_one_length(axis, 0, low, most), _runs_of_one_length(axis, high, axis.out, most)
    single = [r for r in before if r[1] - r[0] == 1] if both_ends and len(before) <= MOST_RUNS else []
    merged: list[slice] = []
    for run in single:
        twin = next((r for r in after if r[1] - r[0] == 1 and axis.length[r[0]] == axis.length[run[0]]), None)
        if twin is not None and axis.length[run[0]]:
            merged.append(slice(run[0], twin[1], twin[0] - run[0]))
            before.remove(run)
            after.remove(twin)
    return [*merged, *(slice(b, e) for b, e in (*before, *after))]


def _runs_of_one_length(axis: Axis, begin: int, end: int, most: int) -> list[tuple[int, int]]:
    """Runs of windows of one length, each for one network; a single run if there are more than
    `most`."""
    if begin >= end:
        return []
    at = [begin, *(begin + 1 + np.flatnonzero(np.diff(axis.length[begin:end]))).tolist(), end]
    runs = list(itertools.pairwise(at))
    return runs if len(runs) <= most else [(begin, end)]


@lru_cache(maxsize=1024)
def ranges(grid: Grid) -> tuple[tuple[int, int], ...]:
    """The range of windows along each axis that are full, at a uniform stride, and inside the
    border."""
    result: list[tuple[int, int]] = []
    for axis in grid.axes:
        begin = _start_of_x(axis)
        if axis.source is None or begin is None:
            result.append(axis.regular if axis.source is None else (0, 0))
            continue
        last = axis.first + (axis.length - 1) * axis.step
        is_full = (axis.first >= begin) & (last < begin + axis.size) & (axis.length == axis.max_length)
        full_windows = np.flatnonzero(is_full)
        result.append(
            (int(full_windows[0]), int(full_windows[-1]) + 1)
            if len(full_windows) and full_windows[-1] - full_windows[0] == len(full_windows) - 1
            else (0, 0)
        )
    return tuple(result)


def _start_of_x(axis: Axis) -> int | None:
    """The index on the extended axis at which x begins; None if it is not contained."""
    if axis.source is None:
        return 0
    for start in np.flatnonzero(axis.source == 0)[::-1][:64]:
        if np.array_equal(axis.source[start : start + axis.size], np.arange(axis.size)):
            return int(start)
    return None


def _without_border(axis: Axis) -> Axis:
    """The same windows, which are inside the border, on the axis without border."""
    return replace(axis, first=axis.first - (_start_of_x(axis) or 0), source=None)


def output_slice(grid: Grid, parts: Sequence[slice]) -> tuple[slice, ...]:
    """The part of the result that these windows fill."""
    where = [slice(None)] * len(grid.shape)
    for a, part in zip(grid.pooled_dims, parts, strict=True):
        where[a] = part
    return tuple(where)


def select_windows(grid: Grid, parts: Sequence[slice]) -> Grid:
    """These windows of the grid."""
    axes = [
        replace(
            axis,
            first=axis.first[part],
            length=axis.length[part],
            absent_before=axis.absent_before[part],
            padded=axis.padded[part],
            edge_weights=None if axis.edge_weights is None else axis.edge_weights[part],
            stride=axis.stride * (part.step or 1),
        )
        for axis, part in zip(grid.axes, parts, strict=True)
    ]
    return replace(grid, axes=tuple(axes))


@lru_cache(maxsize=4096)
def uniform_stride(axis: Axis) -> tuple[int, int] | None:
    """(start, stride) if all windows are full at a uniform stride, else None."""
    if not axis.out or not np.all(axis.length == axis.max_length):
        return None
    stride = int(axis.first[1] - axis.first[0]) if axis.out > 1 else max(axis.max_length * axis.step, 1)
    if axis.out > 2 and not np.all(np.diff(axis.first) == stride):
        return None
    return (int(axis.first[0]), stride) if 0 < stride < 2**31 and axis.step < 2**20 else None
