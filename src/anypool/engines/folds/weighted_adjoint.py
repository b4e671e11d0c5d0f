"""The compiled gradients of weighted sums and means, of x and of weights or log-weights."""

from __future__ import annotations

import ctypes
from dataclasses import replace
from functools import lru_cache

import numpy as np

from ...plan import Grid, Job
from ...reductions import Sum
from ..native.axis_order import dense_strides
from ..native.library import library
from ..native.records import WeightedRecord
from .coverage import reads_all
from .native import FoldCall, prepare, succeeded, type_number
from .words import Recipe


class WeightedItems:
    """The gradient of items that are dense in memory, of which each is computed in the cache."""

    def __init__(self, grid: Grid, dtype: str, divides: bool) -> None:
        first = min(grid.pooled_dims)
        shape = (1,) * first + tuple(grid.shape[first:])
        one = replace(grid, shape=shape)
        assert one.adjoint is not None
        share = Recipe("value", ("sum",), "plain", dtype, dtype)
        windows = tuple(one.out_shape)
        jobs = Job(one, Sum(), dtype, "torch"), Job(one.adjoint, Sum(), dtype, "torch")
        self.total = FoldCall(jobs[0], share, tuple(dense_strides(shape)), None, "") if divides else None
        self.adjoint = FoldCall(jobs[1], share, tuple(dense_strides(windows)), None, "")
        record = WeightedRecord()
        record.total, record.adjoint = 0 if self.total is None else self.total.address, self.adjoint.address
        record.items = int(np.prod(grid.shape[:first], dtype=np.int64))
        record.elements, record.windows = (int(np.prod(n, dtype=np.int64)) for n in (shape, windows))
        record.type = type_number(dtype)
        self.record = record
        folds = [self.adjoint, *([] if self.total is None else [self.total])]
        self.serves = all(fold.back is None for fold in folds)

    def run(self, addresses: dict[str, int], w_type: str, logs: bool) -> bool:
        """Write the gradients; False if the numbers need the reference."""
        record = WeightedRecord.from_buffer_copy(self.record)
        for name, address in addresses.items():
            setattr(record, name, address)
        record.w_type, record.logs = type_number(w_type), int(logs)
        return succeeded(library().anypool_weighted_run(ctypes.addressof(record)))


@lru_cache(maxsize=256)
def weighted_items(grid: Grid, dtype: str, divides: bool) -> WeightedItems | None:
    """The gradient for these windows; None if pooled axes are not the innermost."""
    first = min(grid.pooled_dims)
    inside = sorted(grid.pooled_dims) == list(range(first, len(grid.shape)))
    if not inside or grid.adjoint is None or library() is None:
        return None
    items = WeightedItems(grid, dtype, divides)
    return items if items.serves else None


def weighted_rows(
    grid: Grid, job: Job, strides: tuple[int, ...], w_strides: tuple[int, ...], w_type: str
) -> FoldCall | None:
    """The fold whose gradient `rows_gradient` gives: each position is in one window; else None."""
    if library() is None or not reads_all(grid) or any(int(a.length.sum()) != a.size for a in grid.axes):
        return None
    return prepare(job, strides, w_strides, w_type, checks=True)


def rows_gradient(fold: FoldCall, x: int, w: int, y: int, g: int, gx: int, gw: int) -> bool:
    """Write the gradients of rows of lanes with one weight each; False if this is not compiled."""
    return succeeded(library().anypool_weighted_rows(fold.address, x, w, y, g, gx, gw))
