"""Compiled gradients: a sum's is a sum over the axes read the other way; a selection's goes to the elements chosen."""

from __future__ import annotations

import ctypes

import numpy as np

from ...plan import Grid, Job
from ...reductions import Sum
from ..native.layout import levels_of
from ..native.library import Call, library
from .native import Prepared, dense_strides, memory_order, remembered, type_number, was_done, way_back
from .recipes import FLOATS, Recipe


class Chosen:
    """What meets chosen elements, of arrays dense in `order`: what remains is addresses."""

    def __init__(self, grid: Grid, x: tuple[int, ...], dtype: str) -> None:
        self.grid = grid
        self.order = order = memory_order(grid, x, (0,) * len(x), True)
        self.back = way_back(order)
        self.shape = tuple(grid.shape[a] for a in order)
        dense = dense_strides(self.shape)
        strides = [dense[order.index(a)] for a in range(len(order))]
        self.levels, inner, self.held = levels_of(grid, order, strides, (0,) * len(order))
        call = Call()
        call.levels, call.level = len(self.levels), ctypes.addressof(self.levels)
        call.inner, call.x_inner, call.w_inner = inner
        call.x_type = type_number(dtype)
        self.call = call


class Places(Chosen):
    """The gradient of a selection whose places are known."""

    def __init__(self, grid: Grid, x: tuple[int, ...], dtype: str, places: str) -> None:
        super().__init__(grid, x, dtype)
        self.call.w_type = type_number(places)
        self.run = library().anypool_places

    def spread(self, g: int, place: int, y: int) -> None:
        """Each window adds to the element at y that it chose."""
        was_done(self.run(ctypes.addressof(self.call), g, place, y))


class Owners(Chosen):
    """The gradient of selected values, whose elements are looked for."""

    def __init__(self, grid: Grid, x: tuple[int, ...], dtype: str, last: bool) -> None:
        super().__init__(grid, x, dtype)
        self.call.last = int(last)
        self.run = library().anypool_owners

    def spread(self, x: int, mask: int, values: int, g: int, y: int) -> None:
        """Each window adds to the element at y that holds its value, the first of them or the last."""
        was_done(self.run(ctypes.addressof(self.call), x, mask, values, g, y))


def owners(grid: Grid, strides: tuple[int, ...], dtype: str, last: bool) -> Owners | None:
    """The gradient of values selected from x of these strides; None where it is not compiled."""
    if library() is None or dtype not in FLOATS or any(a.source is not None for a in grid.axes) or 0 in grid.out_shape:
        return None
    return remembered((id(grid), strides, dtype, "values", last), grid, lambda: Owners(grid, strides, dtype, last))


def places(grid: Grid, strides: tuple[int, ...], dtype: str, kind: str) -> Places | None:
    """The gradient of a selection from x of these strides; None where it is not compiled."""
    real = dtype in FLOATS and kind in ("uint8", "int32")
    if library() is None or not real or any(a.source is not None for a in grid.axes) or 0 in grid.out_shape:
        return None
    return remembered((id(grid), strides, dtype, kind), grid, lambda: Places(grid, strides, dtype, kind))


def total(grid: Grid, dtype: str, strides: tuple[int, ...], library_name: str, divided: bool) -> Prepared | None:
    """A sum's or mean's gradient: the windowed sum of the windows' gradients over the axes read the other way."""
    if library() is None or grid.adjoint is None or dtype not in FLOATS or 0 in grid.shape or 0 in grid.out_shape:
        return None
    key = (id(grid), dtype, strides, library_name, divided)
    return remembered(key, grid, lambda: _Total(grid, dtype, strides, library_name, divided)).prepared


class _Total:
    def __init__(self, grid: Grid, dtype: str, strides: tuple[int, ...], library_name: str, divided: bool) -> None:
        self.grid = grid
        adjoint, counts = grid.adjoint, grid.counts
        assert adjoint is not None
        plane = "float32" if dtype in ("float16", "bfloat16") else dtype
        job = Job(adjoint, Sum(), dtype, library_name)
        if not divided:
            made = Recipe("value", ("sum",), "plain", plane, dtype)
        elif bool((counts == counts.flat[0]).all()):
            made = Recipe("value", ("sum",), "divide", plane, dtype, divisor=float(counts.flat[0]))
        else:
            table = _Shares(grid, plane)
            share = Recipe("share", ("sum",), "plain", plane, dtype)
            self.prepared = Prepared(job, share, strides, table.strides, plane).weighing(table)
            return
        self.prepared = Prepared(job, made, strides, None, "")


class _Shares:
    """What a mean multiplies by, a number for each window, in the type that the core computes in; a division took five times as long."""

    def __init__(self, grid: Grid, plane: str) -> None:
        counts = grid.along(grid.counts)
        with np.errstate(divide="ignore"):
            shares = np.where(counts != 0, 1 / counts, 0)
        self.table = np.ascontiguousarray(shares, plane)
        item = self.table.itemsize
        wide = np.broadcast_to(self.table, grid.out_shape)
        self.strides = tuple(s // item for s in wide.strides)
        self.address = self.table.ctypes.data
