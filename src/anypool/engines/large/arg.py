"""Positions of the extremes of large windows by NumPy's argmax, for types whose key and position
need more than 64 bits."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...plan import Grid, Job
from ...reductions import fact
from ..folds import native as native_folds
from . import one_window

LARGE = 1 << 12  # elements of a window
TEXT = "one window at a time, in blocks"


def serves(job: Job) -> bool:
    """Whether the job is an argmax or argmin of large windows that the core refuses."""
    grid = job.grid
    if not isinstance(grid, Grid) or grid.max_length < LARGE or getattr(job.reduction, "gives", "") != "position":
        return False
    if fact(job.reduction, "merges_with") not in ("max", "min"):
        return False
    plain = not grid.weighted and job.weights is None and not job.omit_nan and job.device == "cpu"
    edges = any(axis.source is not None for axis in grid.axes)
    return plain and not edges and 0 not in (*grid.shape, *grid.out_shape) and native_folds.refuses(job) is not None


def forward(x: Any, job: Job) -> Any:
    """The flat position in the pooled axes for each window of a NumPy array."""
    grid, r = job.grid, job.reduction
    least = fact(r, "merges_with") == "min"
    value_of_empty = -1 if job.empty is None else int(job.empty)
    y = np.full(grid.out_shape, value_of_empty, np.int64)
    for at in one_window.each(grid):
        window = one_window.view(x, grid, at)
        if not window.size:
            continue
        index = np.unravel_index(_index_of_extreme(window, r.ties == "last", least), window.shape)
        flat = 0
        for a, axis, i in zip(grid.pooled_dims, grid.axes, index, strict=True):
            flat = flat * axis.size + int(axis.first[at[a]]) + int(i) * axis.step
        y[at] = flat
    return y


def _index_of_extreme(window: Any, last: bool, least: bool) -> int:
    """The index of the first (or last) largest (or smallest) element; of the last NaN if there is
    one."""
    best: Any = None
    index, has_nan = 0, False
    find = np.argmin if least else np.argmax
    for before, block in one_window.blocks(window):
        i = len(block) - 1 - int(find(block[::-1])) if last else int(find(block))
        v = block[i]
        if v != v:
            has_nan, index = True, before + int(np.flatnonzero(np.isnan(block))[-1])
        elif not has_nan and (best is None or (v < best if least else v > best) or (last and v == best)):
            best, index = v, before + i
    return index
