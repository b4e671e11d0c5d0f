"""Compiled folds of IndexedWindows: which jobs are supported, and the call for one memory
layout."""

from __future__ import annotations

import ctypes
import math
from functools import lru_cache
from typing import Any

import numpy as np

from ...arrays.adapter import is_numpy
from ...plan import AxisIndices, IndexedWindows, Job
from ...reductions import fact
from ..folds.words import FLOATS, MERGES, TYPES
from ..native.library import get_num_threads, library, missing, out_of_memory
from ..native.records import IndexedRecord, Pick
from .tables import address, table

NO_MEMORY = 1
FORWARD, SUM_BACKWARD, ARG_BACKWARD = 0, 1, 2
# Minimum number of groups, and of bytes of an element, for prefetching shuffled elements by group:
# 42 → 12 ms.
MANY_GROUPS, WIDE_BYTES = 8192, 32
MOST_IN_A_ROW = 1 << 14  # float32 elements that are added one by one; more are added in parts, by index lists


def refuses(job: Job) -> str | None:
    """The reason why the core does not compute the job, or None."""
    lists, reduction = job.grid, job.reduction
    if library() is None:
        return f"cpu: the compiled library is missing ({missing()})"
    if job.device != "cpu":
        return f"cpu: x is on {job.device}"
    merge = fact(reduction, "merges_with")
    if merge not in ("sum", "max", "min") or reduction.gives != "value":
        return f"cpu: {reduction!r} of indexed windows is not compiled"
    if job.dtype not in FLOATS:
        return f"cpu: indexed windows of {job.dtype} are not compiled"
    if job.weights is not None or job.omit_nan:
        return "cpu: indexed windows with weights are not compiled"
    if lists.points_per_element > 1 and merge != "sum":
        return "cpu: extremes of interpolated points are not compiled"
    if getattr(reduction, "ties", "first") != "first":
        return "cpu: indexed windows are compiled for ties='first' only"
    if len(lists.indices) > 3 or 0 in lists.shape or 0 in lists.out_shape:
        return "cpu: x or the result is empty"
    if math.prod(p.size for p in lists.indices) >= 2**31:
        return "cpu: the pooled axes have too many positions"
    if any(p.taps is not None and getattr(p.taps, "requires_grad", False) for p in lists.indices):
        return "cpu: corners that learn are the reference's"
    signed = any(p.taps is not None and is_numpy(p.taps) and bool((p.taps < 0).any()) for p in lists.indices)
    if signed and fact(reduction, "divides") and table(lists, True).cancels:
        return "cpu: a mean by weights that sum to 0 is not compiled"
    if merge == "sum" and lists.fill and any((p.index < 0).any() for p in lists.indices):
        return "cpu: a border other than 0 is not compiled for sums and means of lists"
    return None


class IndexedFoldCall:
    """The call for arrays of these strides; it passes addresses only. `fits` is False if the core
    cannot read the layout."""

    def __init__(self, job: Job, strides: tuple[int, ...]) -> None:
        lists = job.grid
        merge, divides = fact(job.reduction, "merges_with"), fact(job.reduction, "divides")
        self.lists = lists
        self.table = indices = table(lists, merge == "sum")
        lead_dims = [a for a in range(len(lists.shape)) if a not in lists.pooled_dims]
        result_dims = [o for o in range(len(lists.out_shape)) if o not in lists.result_dims]  # these axes in the result
        unit = [o for a, o in zip(lead_dims, result_dims, strict=True) if strides[a] == 1 and lists.shape[a] > 1]
        self.order = [o for o in range(len(lists.out_shape)) if o not in unit[-1:]] + unit[-1:]
        self.shape = tuple(lists.out_shape[o] for o in self.order)
        self.back = [self.order.index(o) for o in range(len(self.order))]
        dense = [math.prod(self.shape[i + 1 :]) for i in range(len(self.shape))]
        outs = [dense[b] for b in self.back]
        lanes = _merged([(lists.shape[a], strides[a], outs[o]) for a, o in zip(lead_dims, result_dims, strict=True)])
        grouped = lists.groups is not None
        steps = _steps(lists, lists.pooled_dims[1:] if grouped else lists.pooled_dims, strides)
        inner = math.prod(p.out for p in lists.indices)
        groups = lists.windows // max(inner, 1)
        axes: list[tuple[int, int]] = [
            (n, outs[o]) for n, o in zip(lists.windows_shape, lists.result_dims, strict=True)
        ]
        group_axes = (
            axes[:1]
            if groups == axes[0][0] and groups * inner == lists.windows and (len(axes) > 1 or inner == 1)
            else []
        )
        bins = _merged([(n, s, s) for n, s in axes[len(group_axes) :]])
        self.fits = steps is not None and len(lanes) <= 2 and len(bins) <= 1 and len(indices.indices) <= 3
        if not self.fits or steps is None:
            return
        call = self.call = IndexedRecord()
        lanes.sort(key=lambda t: (t[1] == 1, t[0]))
        (call.outer, call.x_outer, call.y_outer), (call.lanes, call.x_lane, call.y_lane) = [(1, 0, 0)] * (
            2 - len(lanes)
        ) + lanes
        call.images, call.x_image = len(indices.begin) - 1, strides[lists.pooled_dims[0]] if grouped else 0
        call.begin, call.order = address(indices.begin), address(indices.order)
        call.bins, call.y_bin = inner, bins[0][1] if bins else 0
        call.y_group = group_axes[0][1] if group_axes else 0
        self.zero = np.zeros(1, np.int64)
        self.every = np.arange(groups + 1, dtype=np.int64)
        self.trivial = np.zeros(groups, np.int64)
        by_group_id = indices.group_ids is not None and job.dtype in ("float32", "float64")
        if by_group_id and indices.group_ids is not None:
            call.owner, call.positions = address(indices.group_ids), len(indices.group_ids)
            call.pick[2].stride = steps[0]
        self.lanes_contiguous = call.x_lane == call.y_lane == 1 and call.lanes > 1
        picks = indices.indices
        wide = (
            self.lanes_contiguous
            and call.lanes * (2 if job.dtype == "bfloat16" else np.dtype(job.dtype).itemsize) >= WIDE_BYTES
        )
        long = lists.max_length > MOST_IN_A_ROW and merge == "sum" and job.dtype == "float32"
        if by_group_id and ((wide and inner >= MANY_GROUPS and indices.shuffled) or long):
            call.scattered, picks = 1, [indices.indices_of_groups]
        for k in range(0 if by_group_id and not call.scattered else 3):
            axis = k - (3 - len(picks))
            call.pick[k] = self._trivial() if axis < 0 else _pick(picks[axis], steps[axis])
        # The divisor of a mean; 0 for an empty window.
        call.n = address(indices.weights if divides else indices.counts)
        call.type, call.merge, call.divide = TYPES.index(job.dtype), MERGES.index(merge), divides
        call.empty = float(job.reduction.empty if job.empty is None else job.empty)
        if merge != "sum" and indices.constants is not None:
            self.start = np.where(indices.constants, lists.fill, -np.inf if merge == "max" else np.inf)
            call.start = address(self.start)
        self.run = library().anypool_lists_run

    def _trivial(self) -> Pick:
        """An axis with one position, which every group contains."""
        return Pick(1, 1, 0, address(self.every), address(self.trivial), 0)

    def fold(self, x: int, y: int, positions: int = 0) -> None:
        """Reduce every window of x into y, with the positions of a selection."""
        self._run(FORWARD, x, y, positions)

    def backward(self, g: int, y: int, positions: int = 0) -> None:
        """Add the gradient of each element to y, which has x's layout and begins with zeros."""
        self._run(ARG_BACKWARD if positions else SUM_BACKWARD, g, y, positions)

    def _run(self, direction: int, x: int, y: int, positions: int) -> None:
        threads = get_num_threads()  # the result does not depend on the number of parts
        # One thread folds a single lane: to find the part of an element is a misprediction of 4 ns
        # (the addition takes 1).
        self.call.parts = (
            4 * threads
            if direction != FORWARD
            else threads
            if self.lanes_contiguous and self.call.outer < threads
            else 1
        )
        if self.run(ctypes.addressof(self.call), direction, x, y, positions) == NO_MEMORY:
            raise out_of_memory("an image")


@lru_cache(maxsize=64)
def _prepared(
    lists: IndexedWindows, reduction: Any, dtype: str, empty: float | None, strides: tuple[int, ...]
) -> IndexedFoldCall:
    return IndexedFoldCall(Job(lists, reduction, dtype, "", empty=empty), strides)


def prepare(job: Job, strides: tuple[int, ...]) -> IndexedFoldCall | None:
    """A call for arrays of these strides; None if the core cannot read the layout, so that x must
    be copied."""
    call = _prepared(job.grid, job.reduction, job.dtype, job.empty, strides)
    return call if call.fits else None


def _merged(axes: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """(length, stride, stride) of axes; axes that are contiguous in both are merged, axes of length
    1 left out."""
    result: list[tuple[int, int, int]] = []
    for n, a, b in axes:
        if n == 1:
            continue
        if result and result[-1][1] == n * a and result[-1][2] == n * b:
            result[-1] = (result[-1][0] * n, a, b)
        else:
            result.append((n, a, b))
    return result


def _steps(lists: IndexedWindows, axes: tuple[int, ...], strides: tuple[int, ...]) -> list[int] | None:
    """The stride between positions of each AxisIndices; None if its axes are not contiguous."""
    result: list[int] = []
    rest = list(axes)
    for p in lists.indices:
        span: list[tuple[int, int, int]] = []
        while rest and (not span or math.prod(n for n, _, _ in span) < p.size):
            a = rest.pop(0)
            span.append((lists.shape[a], strides[a], strides[a]))
        merged = _merged(span)
        if len(merged) > 1:
            return None
        result.append(merged[0][1] if merged else 0)
    return result


def _pick(p: AxisIndices, stride: int) -> Pick:
    return Pick(p.out, p.size, stride, address(p.offsets), address(p.index), 0 if p.taps is None else address(p.taps))
