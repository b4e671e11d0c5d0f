"""The axes of an array in memory order, as records of the compiled core: one Level for each
axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...plan import Axis, Grid
from .records import Level


class _Row:
    """One level before it is written to its record: length, pooled axis, counts, and the strides of
    x and w."""

    def __init__(self, size: int, axis: Axis | None, count: Any, x: int, w: int) -> None:
        self.size, self.axis, self.count, self.x, self.w = size, axis, count, x, w

    def nests_with(self, inner: _Row) -> bool:
        """Whether this level and the next inner one form one axis in memory, and are pooled in the
        same way."""
        nested = self.size == 1 or (self.x == inner.x * inner.size and self.w == inner.w * inner.size)
        alike = (self.axis is None and inner.axis is None) or (_covers_axis(self.axis) and _covers_axis(inner.axis))
        return nested and alike

    def merged(self, inner: _Row) -> _Row:
        size = self.size * inner.size
        axis, count = None, None
        if self.axis is not None:
            zero, full = np.zeros(1, np.int64), np.array([size])
            axis, count = Axis(size, zero, full, 1, zero, full, None, size), self.count * inner.count
        return _Row(size, axis, count, inner.x, inner.w)


def levels_of(
    grid: Grid, order: tuple[int, ...], x: Sequence[int], w: Sequence[int]
) -> tuple[Any, tuple[int, int, int], list[Any]]:
    """The axes in memory order, merged where possible, as records; the innermost unpooled axis;
    tables to keep alive."""
    pooled: dict[int, Axis] = dict(zip(grid.pooled_dims, grid.axes, strict=True))
    rows: list[_Row] = []
    for a in order:
        axis = pooled.get(a)
        count = None
        if axis is not None:
            count = (axis.padded if grid.divisor == "padded" else axis.length).astype(np.float64)
        new = _Row(grid.shape[a], axis, count, x[a], w[a])
        separate = grid.taps is not None and axis is not None  # the core needs each axis of a footprint
        if rows and not separate and rows[-1].nests_with(new):
            rows[-1] = rows[-1].merged(new)
        else:
            rows.append(new)
    inner = (1, 1, 0)
    if rows[-1].axis is None:
        last = rows.pop()
        inner = (last.size, last.x, last.w)
    keep_alive: list[Any] = []
    table = (Level * len(rows))()
    for level, row in zip(table, rows, strict=True):
        level.size, level.x_stride, level.w_stride, level.real = row.size, row.x, row.w, row.size
        if row.axis is not None:
            keep_alive += _fill_level(level, row.axis, row.count)
    return table, inner, keep_alive


def _fill_level(level: Any, axis: Axis, count: Any) -> list[Any]:
    """Write a pooled axis to its record; returns the tables that must stay alive."""
    tables = [np.ascontiguousarray(t) for t in (axis.first, axis.length, count)]
    start = affine_start(axis)
    level.size, level.windows, level.places, level.step = axis.extent, axis.out, axis.max_length, axis.step
    level.affine, level.start, level.stride = int(start is not None), start or 0, axis.stride
    level.first, level.length, level.count = (t.ctypes.data for t in tables)
    if axis.source is not None:
        tables.append(np.ascontiguousarray(axis.source))
        level.source = tables[-1].ctypes.data
    return tables


def _covers_axis(axis: Axis | None) -> bool:
    return (
        axis is not None
        and axis.out == 1
        and int(axis.length[0]) == axis.size
        and axis.step == 1
        and axis.source is None
    )


def affine_start(axis: Axis) -> int | None:
    """The start of window 0 before clipping, if all windows are clipped copies at one stride; else
    None."""
    low, high = axis.regular
    if high <= low or axis.max_length * axis.step >= 2**31 or axis.stride >= 2**31:
        return None
    start = int(axis.first[low]) - low * axis.stride
    margin = max(-start, 0) + max(start + (axis.out - 1) * axis.stride + axis.max_length * axis.step - axis.extent, 0)
    if margin > 4 * axis.extent + 4096:  # most of each row would be margin
        return None
    at = start + np.arange(axis.out) * axis.stride
    absent = np.maximum(-(at // axis.step), 0)
    end = np.clip(-((at - axis.extent) // axis.step), 0, axis.max_length)
    is_affine = np.array_equal(np.maximum(end - absent, 0), axis.length)
    nonempty = axis.length > 0
    return start if is_affine and np.array_equal((at + absent * axis.step)[nonempty], axis.first[nonempty]) else None
