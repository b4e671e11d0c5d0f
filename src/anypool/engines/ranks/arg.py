"""Positions of selected elements: the selection whose result is searched for, and indices as
positions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ...order_statistics import KMax, Place
from ...plan import Grid, Ints, Job
from ..folds.words import TYPES
from ..native.library import library
from .native import bits_of

MAX_LENGTH = 1 << 20  # elements of one window; longer windows are sorted with their positions


def selection(job: Job) -> Job | None:
    """The selection whose result is searched for in each window; None if windows are sorted
    instead."""
    order, grid = job.reduction, job.grid
    if not isinstance(order, Place) or isinstance(order.order, KMax) or not isinstance(grid, Grid):
        return None
    weighted = job.weights is not None and job.weights[1] != "bool"
    if library() is None or weighted or grid.weighted or job.dtype not in (*TYPES, "bool") or job.device != "cpu":
        return None
    if 0 in grid.shape or 0 in grid.out_shape or grid.max_length > MAX_LENGTH or order.components() is not None:
        return None
    if grid.fill is not None and bits_of(grid.fill, job.dtype) is None:
        return None
    return replace(job, reduction=order.order, empty=None if "float" in job.dtype else 0.0)


def positions(index: Any, begin: int, grid: Grid) -> Any:
    """Indices of present elements as flat positions; the windows are numbered row by row from
    `begin`."""
    number = (begin + np.arange(len(index))) % np.prod(grid.windows_shape)
    window = np.unravel_index(number, grid.windows_shape)
    window = [a.reshape(-1, *[1] * (index.ndim - 1)) for a in window]
    remaining, flat, stride = index.astype(np.int64), np.zeros(index.shape, np.int64), 1
    outside = np.zeros(index.shape, bool)
    for axis, o in zip(reversed(grid.axes), reversed(window), strict=True):
        length = np.maximum(axis.length[o], 1)
        position: Ints = axis.first[o] + remaining % length * axis.step
        remaining = remaining // length
        if axis.source is not None:
            position = axis.source[np.clip(position, 0, axis.extent - 1)]
            outside |= position < 0
        flat += position * stride
        stride *= axis.size
    return np.where(outside, -1, flat)
