"""What irregular windows hold, as weights of each element: groups, boxes, pyramids, regions."""

from __future__ import annotations

import math
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays.adapter import adapter_of
from ..plan import Axis, Grid, GridConcat, IndexedWindows
from .window_info import positions

Plane = NDArray[np.float64]


def windows_shape(plan: Any) -> tuple[int, ...]:
    """The windows' own axes."""
    if isinstance(plan, GridConcat):
        return (sum(math.prod(g.windows_shape) for g in plan.grids),)
    return tuple(plan.windows_shape)


def held_by(plan: Any, window: int) -> Plane:
    """How much each element counts in one window, as x is shaped where only pooled axes are longer than 1.

    >>> import anypool as ap
    >>> held_by(ap.groups([0, 1, 0]).plan((3,), (0,)), 0).tolist()
    [1.0, 0.0, 1.0]
    """
    if isinstance(plan, IndexedWindows):
        return _listed(plan, window, 1)
    for grid in plan.grids:
        many = math.prod(grid.windows_shape)
        if window < many:
            at = np.unravel_index(window, grid.windows_shape)
            return _placed(grid, [_along(a, [int(w)]) for a, w in zip(grid.axes, at, strict=True)])
        window -= many
    raise IndexError(window)


def seen_by_all(plan: Any) -> Plane:
    """How much each element counts in all windows together."""
    if isinstance(plan, IndexedWindows):
        inner = math.prod(p.out for p in plan.indices)
        every = [_listed(plan, g * inner, 0) for g in range(plan.windows // max(inner, 1))]
        return reduce(np.add, every, np.zeros(plan.shape))
    return reduce(np.add, (_placed(g, [_along(a, range(a.out)) for a in g.axes]) for g in plan.grids))


def _listed(plan: IndexedWindows, window: int, one: int) -> Plane:
    """What one window lists (one = 1), or all of its group."""
    vectors: list[Plane] = []
    for picks, rows in zip(plan.indices, plan.index_rows, strict=True):
        row = int(rows[window])
        last = row + 1 if one else row + picks.out
        begin, end = int(picks.offsets[row]), int(picks.offsets[last])
        index = np.asarray(picks.index[begin:end])
        taps = np.ones(len(index)) if picks.taps is None else _plain(picks.taps)[begin:end]
        there = index >= 0
        vectors.append(np.bincount(index[there], taps[there], picks.size).astype(np.float64))
    at = plan.pooled_dims if plan.groups is None else plan.pooled_dims[1:]
    weights = reduce(np.multiply.outer, vectors).reshape([n if a in at else 1 for a, n in enumerate(plan.shape)])
    if plan.groups is None:
        return weights
    whole = np.zeros([n if a in plan.pooled_dims else 1 for a, n in enumerate(plan.shape)])
    group = window // max(math.prod(p.out for p in plan.indices), 1)
    image = [slice(None)] * whole.ndim
    image[plan.pooled_dims[0]] = slice(int(plan.groups[group]), int(plan.groups[group]) + 1)
    whole[tuple(image)] = weights
    return whole


def _along(axis: Axis, windows: Any) -> Plane:
    """How often windows hold each position of an axis."""
    line = np.zeros(axis.size)
    for w in windows:
        np.add.at(line, [p for p in positions(axis, w) if p >= 0], 1.0)
    return line


def _placed(grid: Grid, lines: list[Plane]) -> Plane:
    shape = [n if a in grid.pooled_dims else 1 for a, n in enumerate(grid.shape)]
    return reduce(np.multiply.outer, lines).reshape(shape)


def _plain(taps: Any) -> Plane:
    return np.asarray(adapter_of(taps).numbers(taps), np.float64)
