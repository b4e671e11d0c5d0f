"""The part of a plan whose windows are full and equally far apart, and what it leaves."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from ...plan import Axis, Grid

MOST_RUNS = 4  # windows of other lengths at an edge, each of which wants a network of its own


@lru_cache(maxsize=1024)
def interior(grid: Grid) -> Grid | None:
    """The grid itself if its windows are full and equally far apart, else the part of it that is and sees no border if that is most, or None."""
    if all(steady(a) is not None for a in grid.axes):
        return grid
    inside = cut(grid, [slice(*r) for r in ranges(grid)])
    full = math.prod(inside.windows_shape)
    if 2 * full < math.prod(grid.windows_shape) or any(steady(a) is None for a in inside.axes):
        return None
    return replace(inside, axes=tuple(_without_border(a) for a in inside.axes), fill=None)


@dataclass(frozen=True)
class Edge:
    """Part of the result and its windows; few windows in each of many rows are read as rows: axes change places."""

    where: tuple[slice, ...]
    grid: Grid
    swapped: tuple[int, int] | None = None

    def of(self, x: Any) -> Any:
        """x as the grid has its axes, or the grid's answers as x has them."""
        return x if self.swapped is None else x.swapaxes(*self.swapped)

    def order(self, strides: tuple[int, ...]) -> tuple[int, ...]:
        """Strides of x or of the result, as the grid has its axes."""
        if self.swapped is None:
            return strides
        a, b = self.swapped
        exchanged = list(strides)
        exchanged[a], exchanged[b] = strides[b], strides[a]
        return tuple(exchanged)


def _edge(where: tuple[slice, ...], grid: Grid) -> Edge:
    last = grid.pooled_dims[-1]
    longest = max(grid.pooled_dims, key=lambda a: grid.out_shape[a])
    if grid.weighted or math.prod(grid.shape[last + 1 :]) > 1 or grid.out_shape[longest] < 8 * grid.out_shape[last]:
        return Edge(where, grid)
    shape, axes, k = list(grid.shape), list(grid.axes), grid.pooled_dims.index(longest)
    shape[last], shape[longest] = shape[longest], shape[last]
    axes[-1], axes[k] = axes[k], axes[-1]
    return Edge(where, replace(grid, shape=tuple(shape), axes=tuple(axes)), (longest, last))


@lru_cache(maxsize=1024)
def edges(grid: Grid) -> tuple[Edge, ...]:
    """What the interior leaves: products of runs of windows that have one length along each axis."""
    inside = ranges(grid)
    runs = [[slice(*full), *_outside(a, *full)] for a, full in zip(grid.axes, inside, strict=True)]
    parts = itertools.islice(itertools.product(*runs), 1, None)  # the first is the interior
    made: list[Edge] = []
    for part in parts:
        windows = cut(grid, part)
        if 0 not in windows.windows_shape:
            made.append(_edge(slab(grid, part), windows))
    return tuple(made)


def _outside(axis: Axis, low: int, high: int) -> list[slice]:
    """The windows before and after those that are full, by their length.

    A run at the start and its twin at the end are one run, if their windows are equally far apart: each run is
    a call. If there are too many lengths, all windows of a side are one run.
    """
    before, after = _alike(axis, 0, low), _alike(axis, high, axis.out)
    single = [r for r in before if r[1] - r[0] == 1]
    joined: list[slice] = []
    for run in single:
        twin = next((r for r in after if r[1] - r[0] == 1 and axis.length[r[0]] == axis.length[run[0]]), None)
        if twin is not None and axis.length[run[0]]:
            joined.append(slice(run[0], twin[1], twin[0] - run[0]))
            before.remove(run)
            after.remove(twin)
    return [*joined, *(slice(b, e) for b, e in (*before, *after))]


def _alike(axis: Axis, begin: int, end: int) -> list[tuple[int, int]]:
    """Runs of windows of one length, which a network serves; all at once if there are too many to plan one for each."""
    if begin >= end:
        return []
    at = [begin, *(begin + 1 + np.flatnonzero(np.diff(axis.length[begin:end]))).tolist(), end]
    runs = list(itertools.pairwise(at))
    return runs if len(runs) <= MOST_RUNS else [(begin, end)]


@lru_cache(maxsize=1024)
def ranges(grid: Grid) -> tuple[tuple[int, int], ...]:
    """Along each axis, the windows that are full, equally far apart, and see no border."""
    found: list[tuple[int, int]] = []
    for axis in grid.axes:
        begin = _real_from(axis)
        if axis.source is None or begin is None:
            found.append(axis.regular if axis.source is None else (0, 0))
            continue
        last = axis.first + (axis.length - 1) * axis.step
        inside = (axis.first >= begin) & (last < begin + axis.size) & (axis.length == axis.max_length)
        full = np.flatnonzero(inside)
        found.append((int(full[0]), int(full[-1]) + 1) if len(full) and full[-1] - full[0] == len(full) - 1 else (0, 0))
    return tuple(found)


def _real_from(axis: Axis) -> int | None:
    """Where on the imagined axis the real one lies as it is."""
    if axis.source is None:
        return 0
    for start in np.flatnonzero(axis.source == 0)[::-1][:64]:
        if np.array_equal(axis.source[start : start + axis.size], np.arange(axis.size)):
            return int(start)
    return None


def _without_border(axis: Axis) -> Axis:
    """An axis of windows that see none, on the real axis."""
    return replace(axis, first=axis.first - (_real_from(axis) or 0), source=None)


def slab(grid: Grid, parts: Sequence[slice]) -> tuple[slice, ...]:
    """Where these windows lie in the result."""
    where = [slice(None)] * len(grid.shape)
    for a, part in zip(grid.pooled_dims, parts, strict=True):
        where[a] = part
    return tuple(where)


def cut(grid: Grid, parts: Sequence[slice]) -> Grid:
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
def steady(axis: Axis) -> tuple[int, int] | None:
    """(start, stride) where every window is full; else None."""
    if not axis.out or not np.all(axis.length == axis.max_length):
        return None
    stride = int(axis.first[1] - axis.first[0]) if axis.out > 1 else max(axis.max_length * axis.step, 1)
    if axis.out > 2 and not np.all(np.diff(axis.first) == stride):
        return None
    return (int(axis.first[0]), stride) if 0 < stride < 2**31 and axis.step < 2**20 else None
