"""The places of a window that belong to it, with their weights, as runs for the compiled core."""

from __future__ import annotations

import ctypes
import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...plan import Grid
from .layout import affine_start
from .records import Run

MOST_PLACES = 1 << 16  # of one window


def taps_of(grid: Grid, reduction: Any) -> NDArray[np.float64]:
    """The weight of each place of a window: 1 or 0 if the reduction asks only which are present."""
    taps = grid.tap_weights()
    return (taps != 0).astype(np.float64) if reduction.ignores_weight_value else taps


def has_unit_taps(taps: NDArray[np.float64]) -> bool:
    """Whether each place counts once or not at all."""
    return bool(np.all((taps == 0) | (taps == 1)))


def is_clipped(grid: Grid) -> bool:
    """Whether some window extends beyond the ends of an axis."""
    return any(bool(np.any(a.length != a.max_length)) for a in grid.axes)


def refuses(grid: Grid) -> str | None:
    """The reason why windows with these taps are not runs of rows for the core, or None."""
    if any(a.edge_weights is not None for a in grid.axes):
        return "real-valued windows of a weighted reduction are not compiled"
    taps = grid.tap_weights()
    shape = taps.shape
    if not np.any(taps):
        return "taps without a position are not compiled"
    if any(a.max_length != k or affine_start(a) is None for a, k in zip(grid.axes, shape, strict=True)):
        return "taps are not compiled for windows larger than the axis or at irregular distances"
    if int(np.prod(shape)) > MOST_PLACES:
        return f"taps are not compiled for windows of more than {MOST_PLACES} places"
    return None


def are_compiled(grid: Grid) -> bool:
    """Whether the core folds these windows with taps, and their transposed windows."""
    if grid.taps is None or refuses(grid) is not None:
        return False
    adjoint = grid.adjoint
    return adjoint is not None and refuses(adjoint) is None


def write_runs(call: Any, taps: NDArray[np.float64]) -> Any:
    """Write the runs of equal weights in each row of the table to a record of the core; returns the
    array that must stay alive."""
    rows = np.ascontiguousarray(taps).reshape(-1, taps.shape[-1])
    edge = np.diff(rows, axis=1, prepend=np.nan, append=np.nan) != 0
    runs: list[tuple[int, int, int, float]] = []
    for number, (row, changes) in enumerate(zip(rows, edge, strict=True)):
        ends: list[int] = np.flatnonzero(changes).tolist()
        runs += [(number, a, b - a, float(row[a])) for a, b in itertools.pairwise(ends) if row[a]]
    records: Any = Run * len(runs)
    table = records(*runs)
    call.runs, call.run = len(runs), ctypes.addressof(table)
    return table
