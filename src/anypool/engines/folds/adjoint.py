"""Compiled gradients: of sums over the adjoint Grid, and of selections."""

from __future__ import annotations

import ctypes

import numpy as np

from ...plan import Grid, Job
from ...reductions import Sum
from ..native.axis_order import dense_strides, inverse_order, memory_order
from ..native.layout import levels_of
from ..native.library import library
from ..native.records import FoldRecord
from .native import FoldCall, cached_by_grid, succeeded, type_number
from .words import FLOATS, Recipe


class SelectionCall:
    """The arguments of the gradient kernels of selections, for arrays that are dense in `order`."""

    def __init__(self, grid: Grid, x: tuple[int, ...], dtype: str) -> None:
        self.grid = grid
        self.order = order = memory_order(grid, x, (0,) * len(x), True)
        self.inverse = inverse_order(order)
        self.shape = tuple(grid.shape[a] for a in order)
        dense = dense_strides(self.shape)
        strides = [dense[order.index(a)] for a in range(len(order))]
        self.levels, inner, self.keep_alive = levels_of(grid, order, strides, (0,) * len(order))
        call = FoldRecord()
        call.levels, call.level = len(self.levels), ctypes.addressof(self.levels)
        call.inner, call.x_inner, call.w_inner = inner
        call.x_type = type_number(dtype)
        self.call = call


class ScatterByPosition(SelectionCall):
    """The gradient of a selection with known positions."""

    def __init__(self, grid: Grid, x: tuple[int, ...], dtype: str, position_dtype: str) -> None:
        super().__init__(grid, x, dtype)
        self.call.w_type = type_number(position_dtype)
        self.run = library().anypool_places

    def scatter(self, g: int, positions: int, y: int) -> None:
        """Add the gradient of each window to its selected element, in the array at y."""
        succeeded(self.run(ctypes.addressof(self.call), g, positions, y))


class ScatterByValue(SelectionCall):
    """The gradient of a selection; the selected elements are searched by value."""

    def __init__(self, grid: Grid, x: tuple[int, ...], dtype: str, last: bool) -> None:
        super().__init__(grid, x, dtype)
        self.call.last = int(last)
        self.run = library().anypool_owners

    def scatter(self, x: int, mask: int, values: int, g: int, y: int) -> None:
        """Add the gradient of each window to the first or last element with its value, in the array
        at y."""
        succeeded(self.run(ctypes.addressof(self.call), x, mask, values, g, y))


def scatter_by_value(grid: Grid, strides: tuple[int, ...], dtype: str, last: bool) -> ScatterByValue | None:
    """The gradient of values selected from x of these strides; None if it is not compiled."""
    if library() is None or dtype not in FLOATS or any(a.source is not None for a in grid.axes) or 0 in grid.out_shape:
        return None
    return cached_by_grid(
        (id(grid), strides, dtype, "values", last), grid, lambda: ScatterByValue(grid, strides, dtype, last)
    )


def scatter_by_position(grid: Grid, strides: tuple[int, ...], dtype: str, kind: str) -> ScatterByPosition | None:
    """The gradient of a selection from x of these strides, by position; None if it is not
    compiled."""
    real = dtype in FLOATS and kind in ("uint8", "int32")
    if library() is None or not real or any(a.source is not None for a in grid.axes) or 0 in grid.out_shape:
        return None
    return cached_by_grid((id(grid), strides, dtype, kind), grid, lambda: ScatterByPosition(grid, strides, dtype, kind))


def sum_gradient(grid: Grid, dtype: str, strides: tuple[int, ...], library_name: str, divided: bool) -> FoldCall | None:
    """The gradient of a sum or mean: the sum over the adjoint Grid; None if it is not compiled."""
    if library() is None or grid.adjoint is None or dtype not in FLOATS or 0 in grid.shape or 0 in grid.out_shape:
        return None
    key = (id(grid), dtype, strides, library_name, divided)
    return cached_by_grid(key, grid, lambda: _SumGradient(grid, dtype, strides, library_name, divided)).prepared


class _SumGradient:
    def __init__(self, grid: Grid, dtype: str, strides: tuple[int, ...], library_name: str, divided: bool) -> None:
        self.grid = grid
        adjoint, counts = grid.adjoint, grid.counts
        assert adjoint is not None
        plane = "float32" if dtype in ("float16", "bfloat16") else dtype
        job = Job(adjoint, Sum(), dtype, library_name)
        if not divided:
            recipe = Recipe("value", ("sum",), "plain", plane, dtype)
        elif bool((counts == (n := float(counts.reshape(-1)[0]))).all()):
            recipe = Recipe("value", ("sum",), "divide", plane, dtype, divisor=n)
        else:
            table = _Reciprocals(grid, plane)
            share = Recipe("value", ("sum",), "plain", plane, dtype)
            self.prepared = FoldCall(job, share, strides, table.strides, plane).with_weights(table)
            return
        self.prepared = FoldCall(job, recipe, strides, None, "")


class _Reciprocals:
    """The factor 1/n of each window of a mean, in the type of the kernel; division took five times
    as long."""

    def __init__(self, grid: Grid, plane: str) -> None:
        counts = grid.along(grid.counts)
        with np.errstate(divide="ignore"):
            shares = np.where(counts != 0, 1 / counts, 0)
        self.table = np.ascontiguousarray(shares, plane)
        item = self.table.itemsize
        broadcast = np.broadcast_to(self.table, grid.out_shape)
        self.strides = tuple(s // item for s in broadcast.strides)
        self.address = self.table.ctypes.data
