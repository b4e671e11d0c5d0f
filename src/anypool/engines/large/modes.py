"""The mode of large windows, one at a time: labels are counted if there are few, else sorted and
their runs measured."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...order_statistics import Mode
from ...order_statistics.mode import heaviest_run_index
from ...order_statistics.sorted_window import Sorted
from ...plan import Grid, Job
from ..reference.sorted import finish_result
from . import one_window

LARGE = 1 << 10  # elements of a window for which one sort or count per window is faster than many windows at once
TEXT = "one window at a time: labels counted, or sorted and their runs measured"


def serves(job: Job) -> bool:
    """Whether the job is the mode of large windows of a Grid on the CPU."""
    grid = job.grid
    if type(job.reduction) is not Mode or job.reduction.ties != "first" or not isinstance(grid, Grid):
        return False
    return (
        job.device == "cpu"
        and not grid.weighted
        and grid.max_length >= LARGE
        and 0 not in (*grid.shape, *grid.out_shape)
    )


def forward(x: Any, job: Job, weights: Any) -> Any:
    """The mode of each window of a NumPy array."""
    grid, r = job.grid, job.reduction
    best = np.zeros(grid.out_shape, x.dtype)
    counts, has_nan = np.zeros(grid.out_shape, np.int64), np.zeros(grid.out_shape, bool)
    weights = None if weights is None else np.broadcast_to(weights, x.shape)
    for at in one_window.each(grid):
        values = one_window.view(x, grid, at, grid.fill).reshape(-1)
        masses = None if weights is None else one_window.view(weights, grid, at, 1).reshape(-1)
        values, masses, nan = _present_values(values, masses, job.omit_nan)
        counts[at], has_nan[at] = len(values), nan
        if len(values) and not nan:
            best[at] = mode(values, masses, r.parameters["ignore"])
    window = Sorted(best[..., None], counts)
    nan_windows = has_nan if "float" in job.dtype else None
    return finish_result(best, window, counts, nan_windows, r, grid, job.dtype, job.empty, weights is not None)


def _present_values(values: Any, masses: Any, omit_nan: bool) -> tuple[Any, Any, bool]:
    """The present elements, their masses (None: 1 each), and whether a NaN decides the result."""
    if masses is not None:
        keep = masses != 0
        values, masses = values[keep], None if masses.dtype == bool else masses[keep].astype(np.float64)
    if values.dtype.kind not in "biu":
        nan = values != values
        if omit_nan and bool(nan.any()):
            values, masses = values[~nan], None if masses is None else masses[~nan]
        elif bool(nan.any()):
            return values, masses, True
    return values, masses, False


def mode(values: Any, masses: Any, ignore: Any) -> Any:
    """The label of the largest mass, the smallest of those that tie; `ignore` only if there is no
    other label."""
    if ignore is not None:
        keep = values != ignore
        if not bool(keep.any()):
            return values[0]
        values, masses = values[keep], None if masses is None else masses[keep]
    if values.dtype.kind in "biu":
        low, high = values.min(), values.max()
        labels = int(high) - int(low) + 1
        if labels <= max(1 << 16, len(values) // 4):
            return _most_frequent_label(values, masses, low, labels)
    if masses is None:
        values = np.sort(values)
        return values[heaviest_run_index(values, None)]
    order = np.argsort(values, kind="stable")
    values = values[order]
    return values[heaviest_run_index(values, masses[order])]


def _most_frequent_label(values: Any, masses: Any, low: Any, labels: int) -> Any:
    unsigned = np.dtype(f"u{values.dtype.itemsize}")
    base = np.asarray(low).view(unsigned)
    total = np.zeros(labels, np.int64 if masses is None else np.float64)
    for begin in range(0, len(values), one_window.BLOCK):
        block = slice(begin, begin + one_window.BLOCK)
        offset = np.ascontiguousarray(values[block]).view(unsigned) - base  # differences wrap around, and are exact
        total += np.bincount(offset.astype(np.int64), None if masses is None else masses[block], labels)
    return (np.asarray(total.argmax()).astype(unsigned) + base).view(values.dtype)[()]
