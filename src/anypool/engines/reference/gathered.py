"""Gathered windows: tables of the positions of their elements, and the elements."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...arrays.adapter import adapter_of
from ...arrays.shape_ops import as_like, broadcast, take_flat, zeros_of
from ...plan import Grid


def gathered(z: Any, index: NDArray[np.int64]) -> tuple[Any, Any, Any]:
    """(rows, windows, max_length) of the elements, a mask of the present ones, and a mask of the
    border's constant."""
    low = int(index.min()) if index.size else 0
    values = elements(z, np.maximum(index, 0))
    if low == 0:
        return values, None, None
    is_present = as_like(index != -1, z, exact=True) if (index == -1).any() else None
    constant = as_like(index <= -2, z, exact=True) if low <= -2 else None
    if is_present is not None:
        is_present = broadcast(is_present, values.shape)
    return values, is_present, constant


def elements(z: Any, index: NDArray[np.int64]) -> Any:
    """(rows, *index) of z (rows, positions); zeros if there are no positions."""
    if not z.shape[1]:
        return zeros_of(z, (int(z.shape[0]), *index.shape))
    return adapter_of(z).take(z, index, 1)


def positions(local: Any, index: NDArray[np.int64]) -> Any:
    """Indices in windows as flat positions, −1 for the border's constant; windows on the second
    axis of both."""
    begin = np.arange(len(index)).reshape(-1, *[1] * (local.ndim - 2)) * index.shape[1]
    return take_flat(np.maximum(index, -1).reshape(-1), local + as_like(begin, local, exact=True))


def table(grid: Grid, begin: int, end: int) -> tuple[NDArray[np.int64], NDArray[np.float64] | None]:
    """Windows [begin, end): flat positions, −1 absent, −2 − k axis k's constant; and the weights of
    the windows."""
    window_index = np.unravel_index(np.arange(begin, end), grid.windows_shape)
    index: Any = np.zeros((end - begin, 1), np.int64)
    taps = None if grid.taps is None else grid.tap_weights()
    taps_index: list[Any] = []
    edge_weight: Any = np.ones(1)
    for k, (axis, o) in enumerate(zip(grid.axes, window_index, strict=True)):
        j = np.arange(max(axis.max_length, 1))  # if all windows are empty, each has one absent element
        at = axis.first[o][:, None] + j * axis.step
        in_window = j < axis.length[o][:, None]
        if axis.source is not None and axis.extent:
            at = np.where(in_window, axis.source[np.where(in_window, at, 0)], -1)
            at = np.where(in_window & (at == -1), -2 - k, at)
        at = np.where(in_window, at, -1)
        if axis.edge_weights is not None:
            shape_of_axis = [end - begin] + [1] * len(grid.axes)
            shape_of_axis[k + 1] = len(j)
            edge_weight = edge_weight * axis.weights_at(o[:, None], j).reshape(shape_of_axis)
        if taps is not None:
            tap = np.minimum(j + axis.absent_before[o][:, None], taps.shape[k] - 1)
            shape = [end - begin] + [1] * len(grid.axes)
            shape[k + 1] = len(j)
            taps_index.append(tap.reshape(shape))
        left, right = index[:, :, None], at[:, None, :]
        flat: NDArray[np.int64] = left * axis.size + right
        # of two constants, that of the later axis
        flat = np.where(right <= -2, right, np.where(left <= -2, left, flat))
        index = np.where((left == -1) | (right == -1), -1, flat).reshape(end - begin, left.shape[1] * right.shape[2])
    if not grid.weighted:
        return index, None
    weight: NDArray[np.float64] = edge_weight if taps is None else taps[tuple(taps_index)]
    return index, np.where(index == -1, 0.0, np.reshape(weight, index.shape))
