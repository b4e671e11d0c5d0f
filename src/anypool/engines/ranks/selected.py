"""Ranks of large windows, with or without absent elements: each is selected from its elements."""

from __future__ import annotations

import ctypes
import math
from typing import Any

import numpy as np

from ...arrays.adapter import adapter_of
from ...order_statistics import Median, Order, Quantile, Rank
from ...plan import Grid, Ints, Job
from ..folds.native import cached_by_grid
from ..folds.words import FLOATS, TYPES
from ..native.library import library, out_of_memory
from ..native.records import SelectRecord
from .algorithm import RankBlend, ranks_of, uses_chains, uses_histogram
from .interior import interior
from .native import bits_of, offsets
from .rank_terms import MAX_LENGTH, has_gaps

MAX_DISJOINT = 576  # elements of one disjoint window: 64×64 took 2 s to plan and 90 ms to run, by selection 25 ms
TEXT = "each window's ranks selected between two values of a sample"


def serves(job: Job) -> bool:
    """Whether windows are so large that selection is faster than a network, or than sorting."""
    grid, order = job.grid, job.reduction
    if library() is None or job.device != "cpu" or job.dtype not in (*TYPES, "bool"):
        return False
    if not _has_ranks(job) or any(axis.source is not None for axis in grid.axes):
        return False
    if has_gaps(job):
        return grid.max_length > MAX_LENGTH and (job.weights is None or job.weights[1] == "bool")
    has_value = job.dtype in FLOATS or job.empty is not None
    undefined = any(bool(order.undefined_for(n)) for n in np.unique(grid.present))
    return large_and_disjoint(job) and (has_value or not undefined)


def _has_ranks(job: Job) -> bool:
    """Whether the job is a rank, or a blend of two, of windows of a Grid."""
    grid, order = job.grid, job.reduction
    if not isinstance(grid, Grid) or type(order) not in (Median, Quantile, Rank) or grid.weighted or len(grid.axes) > 3:
        return False
    if 0 in grid.shape or 0 in grid.out_shape:
        return False
    return not isinstance(ranks_of(order, grid.max_length), str) or bool(order.undefined_for(grid.max_length))


def large_and_disjoint(job: Job) -> bool:
    """Whether windows without absent elements are disjoint and so large that selection is faster
    than a network."""
    if not _has_ranks(job) or job.grid.max_length <= MAX_DISJOINT or job.weights is not None:
        return False
    inside = interior(job.grid)
    if inside is None or any(axis.out > 1 and axis.stride < axis.max_length * axis.step for axis in inside.axes):
        return False
    selection = ranks_of(job.reduction, job.grid.max_length)
    return not (uses_histogram(inside, job.dtype, selection) or uses_chains(inside, selection))


class RankTables:
    """The ranks of windows of these numbers of elements."""

    def __init__(self, order: Order, counts: Ints) -> None:
        self.counts = np.ascontiguousarray(counts, np.int64)
        values, at = np.unique(self.counts, return_inverse=True)
        low, high, shares = (
            np.full(len(values), -1, np.int64),
            np.full(len(values), -1, np.int64),
            np.zeros(len(values)),
        )
        blends = {0}
        for k, n in enumerate(values.tolist()):
            selection = None if n == 0 or order.undefined_for(n) else ranks_of(order, n)
            if isinstance(selection, RankBlend):
                low[k], high[k] = selection.ranks[0], selection.ranks[-1]
                if len(selection.ranks) > 1:
                    shares[k] = selection.share
                    blends.add(selection.blend if len(selection.ranks) > 1 else 0)
        self.low, self.high, self.shares = (np.ascontiguousarray(t[at.reshape(-1)]) for t in (low, high, shares))
        self.blend, self.undefined = max(blends), bool((low < 0).any())

    def fill(self, call: SelectRecord) -> None:
        """Write the addresses into a record."""
        tables = (self.counts, self.low, self.high, self.shares)
        call.count, call.low, call.high, call.share = (t.ctypes.data for t in tables)
        call.blend = self.blend


class SelectCall:
    """The windows of an array of these strides; a call passes addresses only."""

    def __init__(self, job: Job, strides: tuple[int, ...]) -> None:
        grid, order = job.grid, job.reduction
        self.grid, self.gaps = grid, has_gaps(job)
        integers = job.dtype if order.keeps_integers(grid.odd and not self.gaps) else "float64"
        self.result = job.dtype if job.dtype in FLOATS else integers
        lead = [a for a in range(len(grid.shape)) if a not in grid.pooled_dims]
        self.order = (*lead, *grid.pooled_dims)
        self.shape = tuple(grid.out_shape[a] for a in self.order)
        self.back = tuple(int(i) for i in np.argsort(self.order))
        rows = offsets([grid.shape[a] for a in lead], [strides[a] for a in lead])
        call = self.call = SelectRecord()
        call.type = TYPES.index("uint8" if job.dtype == "bool" else job.dtype)
        call.real = self.result == "float64" and job.dtype != "float64"
        call.rows, call.row = len(rows), rows.ctypes.data
        self.keep_alive: list[Any] = [rows]
        extents: list[tuple[Ints, Ints, int]] = [
            (_dense(axis.first * strides[a]), _dense(axis.length), axis.step * strides[a])
            for axis, a in zip(grid.axes, grid.pooled_dims, strict=True)
        ]
        for slot, (first, length, stride) in zip(call.axis, _three(_merged(extents)), strict=True):
            self.keep_alive += [first, length]
            slot.windows, slot.stride = len(first), stride
            slot.first, slot.length = first.ctypes.data, length.ctypes.data
        call.omit, call.ranked = int(job.omit_nan), int(order.nan_is_largest)
        self.has_empty = job.empty is not None or "float" in self.result
        if self.has_empty:
            value: Any = order.empty if job.empty is None else job.empty
            call.empty = bits_of(value, "uint8" if self.result == "bool" else self.result)
        if not self.gaps:
            present = np.broadcast_to(grid.present.astype(np.int64), (len(rows), *grid.windows_shape))
            self.tables = RankTables(order, present.reshape(-1))
        self.run = library().anypool_select_ranks

    def select(self, x: int, mask: int, y: int, tables: RankTables) -> None:
        """Write the result of each window of the array at x to y; the mask lies in memory as x."""
        call = SelectRecord.from_buffer_copy(self.call)
        call.x, call.mask, call.y = x, mask, y
        tables.fill(call)
        if self.run(ctypes.byref(call)):
            raise out_of_memory("its largest window")


def _dense(table: Any) -> Ints:
    return np.ascontiguousarray(table, np.int64)


def _three(extents: list[tuple[Ints, Ints, int]]) -> list[tuple[Ints, Ints, int]]:
    unused = 3 - len(extents)
    return [(np.zeros(1, np.int64), np.ones(1, np.int64), 0)] * unused + extents


def _merged(extents: list[tuple[Ints, Ints, int]]) -> list[tuple[Ints, Ints, int]]:
    """The axes, in memory order and as few as possible if each has one window: its elements have no
    order."""
    if any(len(first) > 1 for first, _, _ in extents):
        return extents
    merged: list[tuple[Ints, Ints, int]] = []
    for first, length, stride in sorted(extents, key=lambda extent: -abs(extent[2])):
        if merged and merged[-1][2] == stride * int(length[0]):
            outer = merged.pop()
            first, length = first + outer[0], length * outer[1]
        merged.append((first, length, stride))
    return merged


def selects(job: Job, strides: tuple[int, ...]) -> SelectCall:
    """The call for arrays of these strides (in elements)."""
    key = ("selected", id(job.grid), job.reduction, job.dtype, strides, job.empty, job.omit_nan, job.weights is None)
    return cached_by_grid(key, job.grid, lambda: SelectCall(job, strides))


def counts(n: Any, prepared: SelectCall) -> Ints:
    """The numbers of present elements in the order of the windows."""
    arrays = adapter_of(n)
    return arrays.numbers(arrays.permute(n, prepared.order)).reshape(math.prod(prepared.shape))
