"""Order statistics of IndexedWindows, or of Grids in that form, by compiled sorting or
selection."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import numpy as np

from ...constants import is_double
from ...order_statistics import Median, Order, Quantile, Rank
from ...plan import Grid, IndexedWindows, Job
from ...reductions import Max
from ..folds.words import FLOATS, TYPES
from ..native.library import library, missing, out_of_memory
from ..native.records import IndexedRankRecord
from ..ranks.algorithm import RankBlend, ranks_of
from ..ranks.native import bits_of
from ..ranks.rank_terms import coefficients
from ..ranks.sorted import indices_of_axis
from . import native as native_indexed

MOST_SUMMED = 1 << 26  # the sum of squared window lengths, for coefficients by number of elements
MOST_OMITTED = 1 << 16  # elements of one window with omitted NaN: the table has a row for each number of elements
TEXT = "each window sorted across lanes, or its ranks selected"


def refuses(job: Job) -> str | None:
    """The reason why the core does not compute the job, or None."""
    order, lists = job.reduction, job.grid if isinstance(job.grid, IndexedWindows) else indices_of_grid(job.grid)
    if library() is None:
        return f"the compiled library is missing ({missing()})"
    if lists is not None and not _has_ranks(order, lists):
        if not order.linear() or order.answers() is not None:
            return f"{order!r} of such windows is not compiled"
        omits = job.omit_nan and job.dtype in FLOATS
        if lists.max_length**2 > MOST_SUMMED or sum(n * n for n in _counts(lists, omits)) > MOST_SUMMED:
            return f"{order!r} of so many elements in so many numbers is not compiled"
    if (
        job.weights is not None
        or lists is None
        or lists.points_per_element > 1
        or any(p.taps is not None for p in lists.indices)
    ):
        return f"{order!r} with weights is not compiled"
    if job.dtype not in (*TYPES, "bool"):
        return f"{job.dtype} is not compiled"
    if len(lists.indices) > 3 or 0 in lists.shape or 0 in lists.out_shape:
        return "x or the result is empty"
    if math.prod(p.size + 1 for p in lists.indices) >= 2**31:
        return "the pooled axes have too many positions"
    if job.omit_nan and job.dtype in FLOATS and lists.max_length > MOST_OMITTED:
        return f"NaN is omitted from windows of at most {MOST_OMITTED} elements"
    if result_of(order, lists, job.dtype) == job.dtype and job.dtype not in FLOATS:
        if job.empty is None and any(bool(order.undefined_for(n)) for n in lists.lengths):
            return "an empty window has no integer result"
        if job.empty is not None and not is_double(job.empty):
            return f"the core reads empty={job.empty} as a double, which cannot represent it"
        if lists.outside and bits_of(lists.fill, job.dtype) is None:
            return f"the border {lists.fill} is not representable in {job.dtype}"
    return None


def _counts(lists: IndexedWindows, omits: bool) -> Iterable[int]:
    """The possible numbers of elements of a window."""
    return range(lists.max_length + 1) if omits else lists.lengths


def _has_ranks(order: Order, lists: IndexedWindows) -> bool:
    """Whether the result is an element of a known rank, or a blend of two."""
    return type(order) in (Median, Quantile, Rank) and not isinstance(ranks_of(order, max(lists.max_length, 1)), str)


def result_of(order: Order, lists: IndexedWindows, dtype: str) -> str:
    """The element type of the result."""
    return dtype if dtype in FLOATS or order.keeps_integers(lists.odd) else "float64"


@lru_cache(maxsize=256)
def indices_of_grid(grid: Grid) -> IndexedWindows | None:
    """The windows of a grid as IndexedWindows; None for weights, or for several constants."""
    if grid.weighted or isinstance(grid.fill, tuple):
        return None
    picks = tuple(indices_of_axis(axis, None) for axis in grid.axes)
    return IndexedWindows(
        grid.shape, grid.pooled_dims, picks, grid.windows_shape, grid.pooled_dims, fill=grid.fill or 0.0
    )


class IndexedRankCall:
    """The call for arrays of these strides; it passes addresses only."""

    def __init__(self, job: Job, strides: tuple[int, ...]) -> None:
        lists: IndexedWindows = job.grid
        order, dtype = job.reduction, "uint8" if job.dtype == "bool" else job.dtype
        self.result = result_of(order, lists, job.dtype)
        self.fold_call = native_indexed.IndexedFoldCall(
            Job(_without_group_ids(lists), Max(), dtype, job.library), strides
        )
        self.fits = self.fold_call.fits
        if not self.fits:
            return
        self.shape, self.back = self.fold_call.shape, self.fold_call.back
        omit = job.omit_nan and dtype in FLOATS
        max_length = lists.max_length
        self.low, self.high = np.full(max_length + 1, -1, np.int64), np.full(max_length + 1, -1, np.int64)
        self.shares = np.zeros(max_length + 1)
        blends = {0}
        counts = _counts(lists, omit)
        has_ranks = _has_ranks(order, lists)
        if not has_ranks:
            self._set_coefficients(order, counts)
        for n in counts if has_ranks else ():
            selection = None if n == 0 or order.undefined_for(n) else ranks_of(order, n)
            if isinstance(selection, RankBlend):
                self.low[n], self.high[n] = selection.ranks[0], selection.ranks[-1]
                self.shares[n] = selection.share if len(selection.ranks) > 1 else 0.0
                blends.add(selection.blend if len(selection.ranks) > 1 else 0)
        call = self.call = IndexedRankRecord()
        call.lists = self.fold_call.call
        call.lists.empty = float(order.empty if job.empty is None else job.empty)
        call.low, call.high, call.shares = (t.ctypes.data for t in (self.low, self.high, self.shares))
        call.most, call.blend, call.omit, call.ranked = max_length, max(blends), omit, order.nan_is_largest
        call.real = self.result == "float64" and dtype != "float64"
        if not has_ranks:
            call.terms, call.row = self.terms.ctypes.data, self.row.ctypes.data
        self.run = library().anypool_lists_order

    def _set_coefficients(self, order: Order, counts: Iterable[int]) -> None:
        """The coefficients of each rank, by the number of elements."""
        rows = {n: coefficients(order, n) for n in counts if n and not order.undefined_for(n)}
        self.row = np.zeros(len(self.low), np.int64)
        for n, at in zip(rows, np.cumsum([0, *rows]), strict=False):
            self.row[n], self.low[n] = at, 0
        self.terms = np.concatenate([*rows.values(), np.zeros(1)])

    def forward(self, x: int, y: int) -> None:
        """Write the result of every window of x to y."""
        if self.run(ctypes.addressof(self.call), x, y):
            raise out_of_memory("an image")


@lru_cache(maxsize=64)
def _without_group_ids(lists: IndexedWindows) -> IndexedWindows:
    """The same windows with index lists instead of group ids."""
    if lists.group_ids is None:
        return lists
    picks = (native_indexed.table(lists, False).indices_of_groups,)
    return IndexedWindows(lists.shape, lists.pooled_dims, picks, lists.windows_shape, lists.result_dims, lists.groups)


@lru_cache(maxsize=64)
def _prepared(
    lists: IndexedWindows, order: Order, dtype: str, omit: bool, empty: float | None, strides: tuple[int, ...]
) -> IndexedRankCall:
    return IndexedRankCall(Job(lists, order, dtype, "", omit_nan=omit, empty=empty), strides)


def prepare(job: Job, strides: Any) -> IndexedRankCall | None:
    """The call for windows without outside elements; None if the core cannot read the layout, so
    that x must be copied."""
    call = _prepared(job.grid, job.reduction, job.dtype, job.omit_nan, job.empty, tuple(strides))
    return call if call.fits else None
