"""Positions in the pooled axes, indices in a window, and the conversions between them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...arrays.ops import where, zeros
from ...arrays.shape_ops import as_like, cast, take_flat
from ...plan import Grid


def positions_of(z: Any, grid: Grid) -> Any:
    """Flat positions in the pooled axes with border, broadcastable to z."""
    rank = int(z.ndim)
    flat = np.zeros((1,) * rank, np.int64)
    for axis, dim in zip(grid.axes, grid.pooled_dims, strict=True):
        shape = [1] * rank
        shape[dim] = axis.extent
        flat = flat * axis.extent + np.arange(axis.extent).reshape(shape)
    return as_like(flat, z, exact=True)


def split_position(position: Any, grid: Grid) -> list[Any]:
    parts: list[Any] = []
    for axis in reversed(grid.axes):
        parts.append(position % max(axis.extent, 1))
        position = position // max(axis.extent, 1)
    return parts[::-1]


def index_in_window(position: Any, grid: Grid) -> Any:
    """Flat positions with border as indices in their windows, in the smallest type; −1 stays −1,
    which is 255 in uint8."""
    index: Any = 0
    safe = where(position < 0, zeros(position), position)
    for part, axis, dim in zip(split_position(safe, grid), grid.axes, grid.pooled_dims, strict=True):
        shape = [1] * position.ndim
        shape[dim] = axis.out
        j = (part - as_like(axis.first.reshape(shape), position, exact=True)) // axis.step
        index = index * max(axis.max_length, 1) + where(j < 0, zeros(j), j)
    return cast(where(position < 0, zeros(index) - 1, index), index_dtype(grid.max_length))


def index_dtype(length: int) -> str:
    """The smallest type that represents an index in the window."""
    return "uint8" if length <= 255 else "int32" if length < 2**31 else "int64"


def real_position(position: Any, grid: Grid) -> Any:
    """Flat positions with border as flat positions in x; −1 for none and for the border's
    constant."""
    is_none = position < 0
    real: Any = zeros(position)
    for part, axis in zip(split_position(where(is_none, zeros(position), position), grid), grid.axes, strict=True):
        if axis.source is not None:
            part = take_flat(axis.source, part)
            is_none = is_none | (part < 0)
        real = real * axis.size + part
    return where(is_none, zeros(real) - 1, real)
