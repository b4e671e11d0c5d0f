"""Where the greatest or smallest element of large windows lies, for types whose key and place share no 64 bits: NumPy's own argmax, block by block."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...plan import Grid, Job
from ...reductions import ArgMax, ArgMin
from ..folds import native as cpu
from . import one_window

LARGE = 1 << 12  # elements of a window
SAID = "window by window, block by block"


def serves(job: Job) -> bool:
    """Whether the job is an argmax or argmin of large windows that the core refuses."""
    grid = job.grid
    if type(job.reduction) not in (ArgMax, ArgMin) or not isinstance(grid, Grid) or grid.max_length < LARGE:
        return False
    plain = not grid.weighted and job.weights is None and not job.omit_nan and job.device == "cpu"
    edges = any(axis.source is not None for axis in grid.axes)
    return plain and not edges and 0 not in (*grid.shape, *grid.out_shape) and cpu.refuses(job) is not None


def forward(x: Any, job: Job) -> Any:
    """The flat position in the pooled axes of each window of a NumPy array."""
    grid, r = job.grid, job.reduction
    nothing = -1 if job.empty is None else int(job.empty)
    y = np.full(grid.out_shape, nothing, np.int64)
    for at in one_window.each(grid):
        window = one_window.view(x, grid, at)
        if not window.size:
            continue
        place = np.unravel_index(_place(window, r.ties == "last", type(r) is ArgMin), window.shape)
        flat = 0
        for a, axis, i in zip(grid.pooled_dims, grid.axes, place, strict=True):
            flat = flat * axis.size + int(axis.first[at[a]]) + int(i) * axis.step
        y[at] = flat
    return y


def _place(window: Any, last: bool, least: bool) -> int:
    """Of the first (or last) greatest (or smallest) element; of NaN the last."""
    best: Any = None
    place, spoiled = 0, False
    find = np.argmin if least else np.argmax
    for before, block in one_window.blocks(window):
        i = len(block) - 1 - int(find(block[::-1])) if last else int(find(block))
        v = block[i]
        if v != v:
            spoiled, place = True, before + int(np.flatnonzero(np.isnan(block))[-1])
        elif not spoiled and (best is None or (v < best if least else v > best) or (last and v == best)):
            best, place = v, before + i
    return place
