"""The compiled call of an order statistic: its ranks, its record, its addresses."""

from __future__ import annotations

import ctypes
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...order_statistics import Mode, Order
from ...plan import Axis, Grid, Ints, Job
from ..folds.native import bits
from ..folds.words import TYPES
from ..native import footprints, networks
from ..native.library import library, out_of_memory
from ..native.records import NetworkRecord
from .algorithm import RankBlend, ranks_of, uses_chains, uses_histogram
from .interior import edges, interior, output_slice, ranges, uniform_stride
from .rank_terms import Frame, Terms, frame

NO_MEMORY, FOUND_NAN, RETRY_WITHOUT_KERNEL, UNDEFINED = 1, 2, 3, 4


class UndefinedResult(Exception):
    """A window has no result, and its element type has no value for that."""


def describe_network(kind: str, shape: networks.Shape) -> str:
    """A description of a network."""
    program = networks.program(shape, networks.tile_of(shape))
    outputs = program.tile[0] * program.tile[1]
    tile = f"{program.tile[0]}×{program.tile[1]}"
    return f"{kind}, {program.operations / outputs:.0f} minima and maxima per output, tiles of {tile}"


def shape_of(grid: Grid, selection: RankBlend | str) -> networks.Shape:
    """The windows of a grid as the shape of a network."""
    assert isinstance(selection, RankBlend)
    spans = [(1, 1, 1)] * (3 - len(grid.axes))
    for axis in grid.axes:
        uniform = uniform_stride(axis)
        assert uniform is not None
        stride = 1 if axis.out == 1 else uniform[1]
        spans.append((axis.max_length, min(stride, 1 << 20), axis.step))
    size, stride, step = zip(*spans, strict=True)
    return networks.Shape(size, stride, step, selection.ranks, _columns(grid))


def _columns(grid: Grid) -> tuple[tuple[tuple[int, int], ...], ...] | None:
    """The rows and planes of each column of a footprint; None for boxes."""
    if not grid.is_footprint:
        return None
    table = grid.tap_weights()
    planes: Any = np.moveaxis(table.reshape((1,) * (3 - table.ndim) + table.shape), 0, 1)
    columns: list[Any] = [np.argwhere(planes[:, :, c]) for c in range(planes.shape[2])]
    return tuple(tuple((int(row), int(plane)) for row, plane in column) for column in columns)


class NetworkCall:
    """An order statistic of one job for one memory layout; a call passes addresses only."""

    def __init__(
        self,
        job: Job,
        strides: tuple[int, ...],
        terms: Terms | None = None,
        result: str = "",
        into: tuple[tuple[int, ...], int] | None = None,  # strides of an existing result, and its first element
    ) -> None:
        grid, order = job.grid, job.reduction
        selection = ranks_of(order, grid.most_elements) if terms is None else RankBlend(terms.ranks, terms.blend)
        assert isinstance(selection, RankBlend)
        self.grid = grid
        self.result = result or (job.dtype if "float" in job.dtype or order.keeps_integers(grid.odd) else "float64")
        if terms is None and self.result == job.dtype and (len(selection.ranks) < 2 or "float" not in job.dtype):
            selection = RankBlend(selection.ranks)
        memory = sorted(range(len(grid.shape)), key=lambda a: (-abs(strides[a]), a))
        self.order = (
            memory
            if [a for a in memory if a in grid.pooled_dims] == list(grid.pooled_dims)
            else list(range(len(grid.shape)))
        )
        self.shape = tuple(grid.out_shape[a] for a in self.order)
        full_grid, inside = grid, interior(grid)
        assert inside is not None
        clipped = None if inside is grid or terms is not None else _clipped(grid, inside, job, selection)
        by_length = grid.is_footprint and uses_histogram(inside, job.dtype, selection)
        self.edges = () if inside is grid or clipped is not None else edges(grid, by_length)
        grid = inside if clipped is None else clipped.grid
        self.inside = output_slice(full_grid, [slice(*r) for r in ranges(full_grid)]) if self.edges else ()
        self.back = tuple(int(i) for i in np.argsort(self.order))
        y_strides = [0] * len(grid.shape)
        stride = 1
        for a in reversed(self.order):
            y_strides[a], stride = stride, stride * full_grid.out_shape[a]
        if into is not None:
            y_strides = list(into[0])
        self.y_strides = tuple(y_strides)
        self.first = sum((s.start or 0) * n for s, n in zip(self.inside, y_strides, strict=False))
        self.first += 0 if into is None else into[1]
        lanes = [a for a in self.order[self.order.index(grid.pooled_dims[-1]) + 1 :] if grid.shape[a] > 1]
        inner, inner_dims = 1, list[int]()
        for a in reversed(lanes):
            if strides[a] != inner or y_strides[a] != inner:
                break
            inner, inner_dims = inner * grid.shape[a], [*inner_dims, a]
        without_network = terms is None and (uses_histogram(grid, job.dtype, selection) or uses_chains(grid, selection))
        if inner == 1 or without_network:
            inner, inner_dims = 1, []
        batch_dims = [a for a in range(len(grid.shape)) if a not in grid.pooled_dims and a not in inner_dims]
        columns, last = grid.axes[-1], grid.pooled_dims[-1]
        uniform = uniform_stride(columns)
        assert uniform is not None
        column_start, column_stride = uniform
        are_batches = terms is None and not without_network and _lie_apart(columns, column_stride)
        items = [(grid.shape[a], strides[a], y_strides[a]) for a in batch_dims]
        if are_batches:
            items.append((columns.out, column_stride * strides[last], y_strides[last]))
        self.batches = [offsets([item[0] for item in items], [item[k] for item in items]) for k in (1, 2)]
        shape = shape_of(grid, selection)
        if are_batches:
            shape = replace(shape, stride=(*shape.stride[:2], 1))
        program = None if without_network else networks.program(shape, networks.tile_of(shape))
        if program is not None and isinstance(order, Mode) and (label := order.parameters["ignore"]) is not None:
            program = networks.all_but(program, _key_of(label, job.dtype))
        code, outputs = ((), selection.ranks) if program is None else (program.code, program.outputs)
        self.keep_alive: list[Any] = [np.array(code, np.int32), np.array(outputs, np.int32), *self.batches]
        call = self.call = NetworkRecord()
        call.type, call.y_type = _type(job.dtype), _type(self.result)
        call.batches, call.inner = len(self.batches[0]), inner
        call.code, call.outputs, call.batch_x, call.batch_y = (t.ctypes.data for t in self.keep_alive)
        call.ranks = max(len(selection.ranks), 1)
        if program is not None:
            call.words, call.registers = len(program.code), program.registers
            call.scratch, call.reach = program.rows, program.reach
            call.tile_rows, call.tile_columns = program.tile
            call.key = program.key
        call.blend, call.share = selection.blend, selection.share
        if terms is not None:
            tables = (terms.low, terms.high, terms.shares, terms.table)
            self.keep_alive += tables
            call.terms, call.full = terms.kind, len(terms.low) - 1
            call.low, call.high, call.shares, call.coefficients = (t.ctypes.data for t in tables)
            call.omit = int(job.omit_nan)
            value_of_empty: Any = order.empty if job.empty is None else job.empty
            if job.empty is not None or "float" in self.result:
                call.empty, call.has_empty = bits_of(value_of_empty, self.result), 1
        if grid.is_footprint:
            self.keep_alive.append(footprints.write_runs(call, grid.tap_weights()))
        call.fill = 0 if grid.fill is None else bits_of(grid.fill, job.dtype)
        if clipped is not None:
            self._set_ranks_by_count(order, full_grid.present, selection.blend)
        unused = 3 - len(grid.axes)
        for k, span in enumerate(call.span):
            span.windows = span.size = span.stride = span.step = span.extent = 1
            if k < unused:
                continue
            axis, a = grid.axes[k - unused], grid.pooled_dims[k - unused]
            start = uniform_stride(axis)
            assert start is not None
            span.windows, span.size, span.step, span.stride = axis.out, axis.max_length, axis.step, shape.stride[k]
            span.start, span.extent, span.x_stride, span.y_stride = start[0], axis.extent, strides[a], y_strides[a]
            if clipped is not None:  # positions outside x are absent
                span.start, span.extent = start[0] - clipped.before[k - unused], full_grid.axes[k - unused].extent
            if axis.source is not None:
                self.keep_alive.append(np.ascontiguousarray(axis.source))
                span.source = self.keep_alive[-1].ctypes.data
        if are_batches:  # an item ends with its window: the core must not read beyond it
            call.span[2].windows = 1
            call.span[2].extent = column_start + (columns.max_length - 1) * columns.step + 1
        self.offset = self.first * (2 if self.result == "bfloat16" else np.dtype(self.result).itemsize)
        self.nan_gives_nan = not order.nan_is_largest
        self.sorts_nan = job.dtype != "float64"  # a NaN has a key of its own
        self.run = library().anypool_forward_orders

    def _set_ranks_by_count(self, order: Order, present: Ints, blend: int) -> None:
        """Write the ranks of windows of each number of elements."""
        full = int(present.max())
        low, high, shares = np.zeros(full + 1, np.int32), np.zeros(full + 1, np.int32), np.zeros(full + 1)
        for n in np.unique(present).tolist():
            selection = ranks_of(order, n)
            assert isinstance(selection, RankBlend)
            low[n], high[n], shares[n] = selection.ranks[0], selection.ranks[-1], selection.share
            blend = max(blend, selection.blend)
        self.keep_alive += (low, high, shares)
        call = self.call
        call.terms, call.full, call.blend = 2, full, blend
        call.low, call.high, call.shares = (t.ctypes.data for t in (low, high, shares))

    def forward(self, x: int, y: int, mask: int = 0) -> bool:
        """Pool the full windows of the array at x into y; True if x has a NaN, which counted as the
        largest number. The mask lies in memory as x."""
        call = NetworkRecord.from_buffer_copy(self.call)
        call.x, call.y, call.mask = x, y + self.offset, mask
        outcome = self.run(ctypes.byref(call))
        if outcome == RETRY_WITHOUT_KERNEL:
            call.key = 0
            outcome = self.run(ctypes.byref(call))
        if outcome == NO_MEMORY:
            raise out_of_memory("its rows")
        if outcome == UNDEFINED:
            raise UndefinedResult
        return bool(outcome == FOUND_NAN)


def _clipped(grid: Grid, inside: Grid, job: Job, selection: RankBlend) -> Frame | None:
    """The windows extended to full ones, if histograms give the ranks of those at the edges too."""
    has_border = any(axis.source is not None for axis in grid.axes)
    if grid.is_footprint or has_border or not uses_histogram(inside, job.dtype, selection):
        return None
    if any(isinstance(ranks_of(job.reduction, n), str) for n in np.unique(grid.present).tolist()):
        return None
    extended = frame(grid)
    return extended if extended is not None and uses_histogram(extended.grid, job.dtype, selection) else None


def _lie_apart(columns: Axis, stride: int) -> bool:
    """Whether the last axis has few windows, far apart. They become items of a batch, since the
    cost of the core grows with the stride. The corners of a padded 32 x 32 median take 11 µs as
    windows and 2 µs as items."""
    return 1 < columns.out <= 8 and columns.source is None and stride > 4 * columns.max_length * columns.step


def offsets(shape: list[int], strides: list[int]) -> NDArray[np.int64]:
    """The offset of each item of a product of axes."""
    at = np.zeros(1, np.int64)
    for n, stride in zip(shape, strides, strict=True):
        at = (at[:, None] + np.arange(n, dtype=np.int64) * stride).reshape(-1)
    return np.ascontiguousarray(at)


def _type(dtype: str) -> int:
    return TYPES.index("uint8" if dtype == "bool" else dtype)


def bits_of(value: float, dtype: str) -> Any:
    return bits(value, dtype)


def _key_of(label: int, dtype: str) -> int:
    """The key of an integer in the core: int8, int16, uint32 and uint64 have a flipped top bit."""
    bits: int = bits_of(label, dtype)
    return bits ^ 1 << 8 * np.dtype(dtype).itemsize - 1 if dtype in ("int8", "int16", "uint32", "uint64") else bits
