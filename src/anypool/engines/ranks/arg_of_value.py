"""Positions of selected values: the compiled search for each value in its window."""

from __future__ import annotations

import ctypes

from ...plan import Grid, Job
from ..folds.adjoint import SelectionCall
from ..folds.native import cached_by_grid, succeeded
from ..native.library import library
from .native import bits_of


class PositionFinder(SelectionCall):
    """The positions of selected values."""

    def __init__(self, grid: Grid, x: tuple[int, ...], dtype: str, last: bool, omit: bool) -> None:
        super().__init__(grid, x, "uint8" if dtype == "bool" else dtype)
        self.call.last, self.call.omit = int(last), int(omit)
        self.call.fill = 0 if grid.fill is None else bits_of(grid.fill, dtype)
        self.result_shape = tuple(grid.out_shape[a] for a in self.order)
        self.run = library().anypool_find

    def find(self, x: int, mask: int, values: int, position: int) -> None:
        """Write the position of the element of x that equals each value."""
        succeeded(self.run(ctypes.addressof(self.call), x, mask, values, position))


def position_finder(job: Job, strides: tuple[int, ...]) -> PositionFinder:
    """The search for the results of a job in an array of these strides."""
    grid, last = job.grid, job.reduction.ties == "last"
    key = (id(grid), strides, job.dtype, "positions", last, job.omit_nan)
    return cached_by_grid(key, grid, lambda: PositionFinder(grid, strides, job.dtype, last, job.omit_nan))
