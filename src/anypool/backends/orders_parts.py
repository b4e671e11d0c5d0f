"""The part of a plan whose windows are full and equally far apart, and what it leaves."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache

import numpy as np

from ..plan import Axis, Grid


@lru_cache(maxsize=1024)
def interior(grid: Grid) -> Grid | None:
    """The grid itself, the part of it whose windows are full and equally far apart if that is most of it, or None."""
    if all(steady(a) is not None for a in grid.axes):
        return grid
    inside = cut(grid, [a.regular for a in grid.axes])
    full = math.prod(inside.windows_shape)
    if 2 * full < math.prod(grid.windows_shape) or any(steady(a) is None for a in inside.axes):
        return None
    return inside


@lru_cache(maxsize=1024)
def edges(grid: Grid) -> tuple[tuple[tuple[slice, ...], Grid], ...]:
    """What the interior leaves: slabs of the result, and the windows of each."""
    made: list[tuple[tuple[slice, ...], Grid]] = []
    for k, axis in enumerate(grid.axes):
        low, high = axis.regular
        for begin, end in ((0, low), (high, axis.out)):
            if begin < end:
                ranges = [a.regular for a in grid.axes[:k]] + [(begin, end)] + [(0, a.out) for a in grid.axes[k + 1 :]]
                made.append((slab(grid, ranges), cut(grid, ranges)))
    return tuple(made)


def slab(grid: Grid, ranges: list[tuple[int, int]]) -> tuple[slice, ...]:
    """Where these windows lie in the result."""
    where = [slice(None)] * len(grid.shape)
    for a, (begin, end) in zip(grid.at, ranges, strict=True):
        where[a] = slice(begin, end)
    return tuple(where)


def cut(grid: Grid, ranges: list[tuple[int, int]]) -> Grid:
    """The windows of these ranges."""
    axes = [
        replace(
            axis,
            first=axis.first[b:e],
            length=axis.length[b:e],
            skipped=axis.skipped[b:e],
            padded=axis.padded[b:e],
        )
        for axis, (b, e) in zip(grid.axes, ranges, strict=True)
    ]
    return replace(grid, axes=tuple(axes))


@lru_cache(maxsize=4096)
def steady(axis: Axis) -> tuple[int, int] | None:
    """(start, stride) where every window is full; else None."""
    if not axis.out or not np.all(axis.length == axis.places):
        return None
    stride = int(axis.first[1] - axis.first[0]) if axis.out > 1 else max(axis.places * axis.step, 1)
    if axis.out > 2 and not np.all(np.diff(axis.first) == stride):
        return None
    return (int(axis.first[0]), stride) if 0 < stride < 2**31 and axis.step < 2**20 else None
