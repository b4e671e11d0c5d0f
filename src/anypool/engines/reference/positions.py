"""Positions in the pooled axes, places inside a window, and the way from one to the other."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...arrays.ops import where, zeros
from ...arrays.shape_ops import as_like, cast, take_flat
from ...plan import Grid


def positions_of(z: Any, grid: Grid) -> Any:
    """Flat positions in the imagined pooled axes, broadcastable to z."""
    flat: Any = np.zeros((1,) * z.ndim, np.int64)
    for axis, dim in zip(grid.axes, grid.pooled_dims, strict=True):
        shape = [1] * z.ndim
        shape[dim] = axis.extent
        flat = flat * axis.extent + np.arange(axis.extent).reshape(shape)
    return as_like(flat, z, exact=True)


def split_position(position: Any, grid: Grid) -> list[Any]:
    parts: list[Any] = []
    for axis in reversed(grid.axes):
        parts.append(position % max(axis.extent, 1))
        position = position // max(axis.extent, 1)
    return parts[::-1]


def place_of(position: Any, grid: Grid, like: Any) -> Any:
    """Flat imagined positions as places inside their windows, in the smallest unsigned type; nothing is place 0."""
    place: Any = 0
    safe = where(position < 0, zeros(position), position)
    for part, axis, dim in zip(split_position(safe, grid), grid.axes, grid.pooled_dims, strict=True):
        shape = [1] * position.ndim
        shape[dim] = axis.out
        j = (part - as_like(axis.first.reshape(shape), position, exact=True)) // axis.step
        place = place * max(axis.max_length, 1) + where(j < 0, zeros(j), j)
    return cast(place, place_dtype(grid.max_length))


def place_dtype(places: int) -> str:
    """The smallest type that holds a place of the window."""
    return "uint8" if places <= 255 else "int32" if places < 2**31 else "int64"


def real_position(position: Any, grid: Grid) -> Any:
    """Flat imagined positions as flat real ones, -1 for nothing and for the border's constant."""
    none = position < 0
    real: Any = zeros(position)
    for part, axis in zip(split_position(where(none, zeros(position), position), grid), grid.axes, strict=True):
        if axis.source is not None:
            part = take_flat(axis.source, part)
            none = none | (part < 0)
        real = real * axis.size + part
    return where(none, zeros(real) - 1, real)
