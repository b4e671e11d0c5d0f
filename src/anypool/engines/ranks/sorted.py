"""Windows sorted by the compiled core with their masses and positions; `finish` follows."""

from __future__ import annotations

import ctypes
import math
from functools import lru_cache
from typing import Any

import numpy as np

from ...arrays.adapter import is_numpy
from ...plan import Axis, AxisIndices, Grid, Job
from ..folds.words import TYPES
from ..native.library import library, missing, out_of_memory
from ..native.records import SortRecord
from .native import bits_of, offsets

MAX_LENGTH = 1 << 29  # elements of one window: indices have 32 bits
CHUNK = 1 << 17  # elements that are sorted at once, so that they stay in cache until `finish`
TEXT = "windows sorted across lanes, then `finish` of the order statistic"


def refuses(job: Job) -> str | None:
    """The reason why the core does not sort the job's windows, or None."""
    grid = job.grid
    if library() is None:
        return f"the compiled library is missing ({missing()})"
    if job.reduction.gathers:
        return f"{job.reduction!r} is a plain function, called on gathered windows"
    if job.dtype not in (*TYPES, "bool"):
        return f"{job.dtype} is not compiled"
    if 0 in grid.shape or 0 in grid.out_shape or len(grid.axes) > 3:
        return "x or the result is empty, or more than three axes are pooled"
    if not 0 < grid.max_length <= MAX_LENGTH:
        return f"windows of more than {MAX_LENGTH} elements, or of none, are not compiled"
    if grid.fill is not None and bits_of(grid.fill, job.dtype) is None:
        return f"the border {grid.fill} is not representable in {job.dtype}"
    return None


@lru_cache(maxsize=64)
def _indices_of_grid(grid: Grid) -> tuple[AxisIndices, ...]:
    rows: Any = grid.taps if isinstance(grid.taps, tuple) else (None,) * len(grid.axes)
    if is_numpy(grid.taps):  # the index into the table takes the place of a weight
        rows = [np.arange(n) * math.prod(grid.taps.shape[k + 1 :]) for k, n in enumerate(grid.taps.shape)]
    return tuple(indices_of_axis(axis, taps) for axis, taps in zip(grid.axes, rows, strict=True))


def indices_of_axis(axis: Axis, taps: Any) -> AxisIndices:
    """The positions of the windows along one axis, with border and weights."""
    if axis.out == 1 and axis.source is None and axis.edge_weights is None and taps is None:
        first, length = int(axis.first[0]), int(axis.length[0])  # of 2.8·10⁶ elements 300 -> 4 ms
        position = np.arange(first, first + length * axis.step, axis.step, dtype=np.int64)
        return AxisIndices(axis.size, 1, np.array([0, length], np.int64), position, None)
    owner = np.repeat(np.arange(axis.out), axis.length)
    starts = np.concatenate([[0], np.cumsum(axis.length)]).astype(np.int64)
    index = np.arange(len(owner)) - starts[owner]
    position = axis.first[owner] + index * axis.step
    weights = None if axis.edge_weights is None and taps is None else axis.weights_at(owner, index)
    if taps is not None:
        weights = weights * np.asarray(taps)[index + axis.absent_before[owner]]
    position = np.ascontiguousarray(position if axis.source is None else axis.source[position])
    return AxisIndices(
        axis.size, axis.out, starts, position, None if weights is None else np.ascontiguousarray(weights)
    )


class WindowSorter:
    """The windows of an array of these strides, numbered row by row; a call passes addresses
    only."""

    def __init__(self, job: Job, strides: tuple[int, ...], w: tuple[tuple[int, ...], str] | None = None) -> None:
        grid: Grid = job.grid
        lead = [a for a in range(len(grid.shape)) if a not in grid.pooled_dims]
        sizes = [grid.shape[a] for a in lead]
        self.rows, self.max_length = math.prod(sizes), grid.max_length
        self.windows = self.rows * math.prod(grid.windows_shape)
        self.keep_alive: list[Any] = [offsets(sizes, [strides[a] for a in lead])]
        call = self.call = SortRecord()
        call.rows, call.places, call.row_x = self.rows, grid.max_length, self.keep_alive[0].ctypes.data
        call.type = TYPES.index("uint8" if job.dtype == "bool" else job.dtype)
        call.fill = 0 if grid.fill is None else bits_of(grid.fill, job.dtype)
        call.omit, call.flipped = int(job.omit_nan), int(job.reduction.descending)
        self.weighs = grid.weighted or (w is not None and w[1] != "bool")
        dense = [math.prod(grid.shape[a + 1 :]) for a in range(len(grid.shape))]
        self.keep_alive.append(offsets(sizes, [dense[a] for a in lead]))
        call.row_g = self.keep_alive[-1].ctypes.data
        if w is not None:
            self.keep_alive.append(offsets(sizes, [w[0][a] for a in lead]))
            call.row_w, call.w_type = self.keep_alive[-1].ctypes.data, TYPES.index("uint8" if w[1] == "bool" else w[1])
        unused = 3 - len(grid.axes)
        for pick in call.pick[:unused]:
            pick.out, pick.size, pick.offsets, pick.index = 1, 1, _ONE.ctypes.data, _ZERO.ctypes.data
        for k, (p, a) in enumerate(zip(_indices_of_grid(grid), grid.pooled_dims, strict=True), unused):
            self.keep_alive += (p.offsets, p.index, p.taps)
            pick = call.pick[k]
            pick.out, pick.size, pick.stride = p.out, p.size, strides[a]
            pick.offsets, pick.index = p.offsets.ctypes.data, p.index.ctypes.data
            pick.taps = 0 if p.taps is None else p.taps.ctypes.data
            call.g_stride[k] = dense[a]
            call.w_stride[k] = 0 if w is None else w[0][a]
        if is_numpy(grid.taps):
            self.keep_alive.append(np.ascontiguousarray(grid.taps, np.float64))
            call.table = self.keep_alive[-1].ctypes.data
        self.run = library().anypool_sort_windows

    @property
    def pieces(self) -> list[tuple[int, int]]:
        """Ranges of windows that are sorted at once."""
        step = max(1, CHUNK // self.max_length)
        return [(b, min(b + step, self.windows)) for b in range(0, self.windows, step)]

    def sort(self, x: int, w: int, piece: tuple[int, int], addresses: dict[str, int]) -> None:
        """Sort the windows of a piece; `addresses` are those of values, masses, order, present and
        nan."""
        self._run(0, x=x, w=w, begin=piece[0], count=piece[1] - piece[0], **addresses)

    def scatter(self, piece: tuple[int, int], ties: int, addresses: dict[str, int]) -> None:
        """Add the gradients of sorted values to those of their elements."""
        self._run(1, begin=piece[0], count=piece[1] - piece[0], ties=ties, **addresses)

    def _run(self, scatter: int, **fields: int) -> None:
        call = SortRecord.from_buffer_copy(self.call)
        for name, value in fields.items():
            setattr(call, name, value)
        if self.run(ctypes.byref(call), scatter):
            raise out_of_memory("its windows")


_ONE, _ZERO = np.array([0, 1], np.int64), np.array([0], np.int64)
