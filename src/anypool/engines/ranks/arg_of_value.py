"""Positions of selected values: the call of the compiled core that looks for each value in its window."""

from __future__ import annotations

import ctypes

from ...plan import Grid, Job
from ..folds.adjoint import Chosen
from ..folds.native import remembered, was_done
from ..native.library import library
from .native import bits_of


class Finder(Chosen):
    """The positions of selected values."""

    def __init__(self, grid: Grid, x: tuple[int, ...], dtype: str, last: bool, omit: bool) -> None:
        super().__init__(grid, x, "uint8" if dtype == "bool" else dtype)
        self.call.last, self.call.omit = int(last), int(omit)
        self.call.fill = 0 if grid.fill is None else bits_of(grid.fill, dtype)
        self.found = tuple(grid.out_shape[a] for a in self.order)
        self.run = library().anypool_find

    def find(self, x: int, mask: int, values: int, position: int) -> None:
        """Write the position of the element of x that each of the values is."""
        was_done(self.run(ctypes.addressof(self.call), x, mask, values, position))


def finder(job: Job, strides: tuple[int, ...]) -> Finder:
    """What finds the answers of a job in an array of these strides."""
    grid, last = job.grid, job.reduction.ties == "last"
    key = (id(grid), strides, job.dtype, "positions", last, job.omit_nan)
    return remembered(key, grid, lambda: Finder(grid, strides, job.dtype, last, job.omit_nan))
