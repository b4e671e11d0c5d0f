"""Sums of the taps of clipped windows, and the transposed windows of a footprint."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .axis import Axis


def sums_inside(table: NDArray[Any], axes: Sequence[Axis]) -> NDArray[Any]:
    """The sum of the taps of each window that lie inside the axes, by a summed-area table."""
    summed = np.zeros([n + 1 for n in table.shape], table.dtype)
    summed[(slice(1, None),) * table.ndim] = table
    for k in range(table.ndim):
        np.cumsum(summed, axis=k, out=summed)
    for k, a in enumerate(axes):
        first = np.minimum(a.absent_before, table.shape[k])
        end = np.minimum(a.absent_before + a.length, table.shape[k])
        summed = np.take(summed, end, axis=k) - np.take(summed, np.minimum(first, end), axis=k)
    return summed


def transposed_taps(axis: Axis, places: int) -> Axis | None:
    """The axis whose window i holds the windows of `axis` that contain element i, in the order of
    falling places; None if the windows are not `stride` apart.

    Windows that are more than one element apart lie on a virtual axis with a constant between
    them.
    """
    nonempty = np.flatnonzero(axis.length)
    if axis.source is not None or axis.stride < 1 or not len(nonempty):
        return None
    starts = axis.first - axis.absent_before * axis.step - np.arange(axis.out) * axis.stride
    start = int(starts[nonempty[0]])
    if np.any(starts[nonempty] != start):
        return None
    extent = (axis.out - 1) * axis.stride + 1
    low = np.arange(axis.size, dtype=np.int64) - start - (places - 1) * axis.step
    absent = np.minimum(np.maximum(-(low // axis.step), 0), places)
    length = np.clip(-((low - extent) // axis.step), 0, places) - absent
    length = np.maximum(length, 0)
    first = np.where(length > 0, low + absent * axis.step, 0)
    source = None
    if axis.stride > 1:
        source = np.full(extent, -1, np.int64)
        source[:: axis.stride] = np.arange(axis.out)
    zeros = np.zeros(axis.size, np.int64)
    return Axis(axis.out, first, length, axis.step, absent, zeros, source, 1)
