"""The weight of each element in irregular windows: groups, boxes, pyramids, regions."""

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
    """The axes of the windows in the result."""
    if isinstance(plan, GridConcat):
        return (sum(math.prod(g.windows_shape) for g in plan.grids),)
    return tuple(plan.windows_shape)


def window_weights(plan: Any, window: int) -> Plane:
    """The weight of each element in one window; the axes that are not pooled have length 1.

    >>> import anypool as ap
    >>> window_weights(ap.groups([0, 1, 0]).plan((3,), (0,)), 0).tolist()
    [1.0, 0.0, 1.0]
    """
    if isinstance(plan, IndexedWindows):
        return _indexed(plan, window, 1)
    for grid in plan.grids:
        many = math.prod(grid.windows_shape)
        if window < many:
            at = np.unravel_index(window, grid.windows_shape)
            return _outer(grid, [_counts(a, [int(w)]) for a, w in zip(grid.axes, at, strict=True)])
        window -= many
    raise IndexError(window)


def coverage_weights(plan: Any) -> Plane:
    """The sum of each element's weights over all windows."""
    if isinstance(plan, IndexedWindows):
        inner = math.prod(p.out for p in plan.indices)
        every = [_indexed(plan, g * inner, 0) for g in range(plan.windows // max(inner, 1))]
        return reduce(np.add, every, np.zeros(plan.shape))
    return reduce(np.add, (_outer(g, [_counts(a, range(a.out)) for a in g.axes]) for g in plan.grids))


def _indexed(plan: IndexedWindows, window: int, one: int) -> Plane:
    """The weights of one window (one = 1), or of all windows of its group."""
    vectors: list[Plane] = []
    for axis, rows in zip(plan.indices, plan.index_rows, strict=True):
        row = int(rows[window])
        last = row + 1 if one else row + axis.out
        begin, end = int(axis.offsets[row]), int(axis.offsets[last])
        index = np.asarray(axis.index[begin:end])
        taps = np.ones(len(index)) if axis.taps is None else _plain(axis.taps)[begin:end]
        inside = index >= 0
        vectors.append(np.bincount(index[inside], taps[inside], axis.size).astype(np.float64))
    at = plan.pooled_dims if plan.groups is None else plan.pooled_dims[1:]
    weights = reduce(np.multiply.outer, vectors).reshape([n if a in at else 1 for a, n in enumerate(plan.shape)])
    if plan.groups is None:
        return weights
    weights_of_x = np.zeros([n if a in plan.pooled_dims else 1 for a, n in enumerate(plan.shape)])
    group = window // max(math.prod(p.out for p in plan.indices), 1)
    image = [slice(None)] * weights_of_x.ndim
    image[plan.pooled_dims[0]] = slice(int(plan.groups[group]), int(plan.groups[group]) + 1)
    weights_of_x[tuple(image)] = weights
    return weights_of_x


def _counts(axis: Axis, windows: Any) -> Plane:
    """The number of windows that contain each position of an axis."""
    line = np.zeros(axis.size)
    for w in windows:
        np.add.at(line, [p for p in positions(axis, w) if p >= 0], 1.0)
    return line


def _outer(grid: Grid, lines: list[Plane]) -> Plane:
    shape = [n if a in grid.pooled_dims else 1 for a, n in enumerate(grid.shape)]
    return reduce(np.multiply.outer, lines).reshape(shape)


def _plain(taps: Any) -> Plane:
    return np.asarray(adapter_of(taps).numbers(taps), np.float64)
