"""Where selected elements lie: the jobs of which the compiled core looks for the value in its window; places as positions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ...order_statistics import KMax, Place
from ...plan import Grid, Ints, Job
from ..folds.recipes import TYPES
from ..native.library import library
from .native import bits_of

MOST_PLACES = 1 << 20  # of one window: larger ones are sorted, with their places


def selection(job: Job) -> Job | None:
    """The job whose answers are looked for; None where windows are sorted with their places instead."""
    order, grid = job.reduction, job.grid
    if not isinstance(order, Place) or isinstance(order.order, KMax) or not isinstance(grid, Grid):
        return None
    masked = job.weights is not None and job.weights[1] != "bool"
    if library() is None or masked or grid.weighted or job.dtype not in (*TYPES, "bool") or job.device != "cpu":
        return None
    if 0 in grid.shape or 0 in grid.out_shape or grid.max_length > MOST_PLACES or order.components() is not None:
        return None
    if grid.fill is not None and bits_of(grid.fill, job.dtype) is None:
        return None
    return replace(job, reduction=order.order, empty=None if "float" in job.dtype else 0.0)


def positions(place: Any, begin: int, grid: Grid) -> Any:
    """Places in windows, numbered as they hold elements, as flat positions; windows are numbered row by row from `begin`."""
    number = (begin + np.arange(len(place))) % np.prod(grid.windows_shape)
    at = np.unravel_index(number, grid.windows_shape)
    at = [a.reshape(-1, *[1] * (place.ndim - 1)) for a in at]
    rest, flat, stride = place.astype(np.int64), np.zeros(place.shape, np.int64), 1
    outside = np.zeros(place.shape, bool)
    for axis, o in zip(reversed(grid.axes), reversed(at), strict=True):
        length = np.maximum(axis.length[o], 1)
        here: Ints = axis.first[o] + rest % length * axis.step
        rest = rest // length
        if axis.source is not None:
            here = axis.source[np.clip(here, 0, axis.extent - 1)]
            outside |= here < 0
        flat += here * stride
        stride *= axis.size
    return np.where(outside, -1, flat)
