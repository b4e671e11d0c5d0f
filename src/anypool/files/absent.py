"""What does not count: a mask's zeros and the number that stands for no value."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import PoolingError
from ..scalars import number_in
from . import read
from .raster import Raster

LARGEST = float(np.finfo(float).max)


def number_of(text: str, name: str) -> float:
    """The number of an option; integers stay exact. Raises PoolingError for a text that writes no such number.

    >>> number_of("9007199254740993", "--empty"), number_of("-inf", "--empty")
    (9007199254740993, -inf)
    """
    value = number_in(text)
    if value is None:
        raise PoolingError(f"{name} {text!r}: give a number from {-LARGEST:g} to {LARGEST:g}, nan, inf or -inf")
    return value


def absent_value(text: str, held: Raster) -> float | None:
    """The number that stands for no value: as the option says, else as the file does, in x's element type."""
    dtype = np.asarray(held.x[:0]).dtype
    if text.strip().lower() == "none":
        return None
    value = number_of(text, "--nodata") if text else held.nodata
    if value is None or dtype.kind not in "iuf":
        if text:
            raise PoolingError(f"--nodata {text}: x is {dtype}, which has no number to spare for it")
        return None
    if dtype.kind == "f":
        with np.errstate(over="ignore"):
            rounded = float(np.asarray(value, dtype))
        if math.isinf(rounded) and not math.isinf(value):
            if text:
                largest = float(np.finfo(dtype).max)
                raise PoolingError(
                    f"--nodata {text}: x is {dtype}, which holds numbers from {-largest:g} to {largest:g}, nan, inf and -inf"
                )
            return None
        return rounded
    ends = np.iinfo(dtype)
    if value != value or value % 1 or not ends.min <= value <= ends.max:
        if text:
            raise PoolingError(
                f"--nodata {text}: x is {dtype}, which holds whole numbers from {ends.min} to {ends.max}"
            )
        return None
    return int(value)


def present(held: Raster, value: float | None, mask: NDArray[Any] | None) -> NDArray[Any] | None:
    """The mask of what counts; None where everything does."""
    if value is None:
        return mask
    there = ~np.isnan(held.x) if value != value else held.x != value
    if mask is not None:
        return there & mask
    return None if there.all() else there


def mask_for(held: Raster, at: tuple[int, ...] | None, path: Path | None, pixels: int) -> NDArray[Any] | None:
    """A mask that broadcasts to x: of x's shape, of the pooled axes, or with the same names of axes."""
    if path is None:
        return None
    mask = read(path, pixels=pixels)
    shape = tuple(held.x.shape)
    m = np.asarray(mask.x) != 0
    if mask.image and "S" in mask.axes:
        s = mask.axes.index("S")
        first = m.take(0, s)
        if not all(np.array_equal(first, m.take(i, s)) for i in range(m.shape[s])):
            raise PoolingError(f"--mask {path} has {m.shape[s]} channels that differ: give a mask of one channel")
        m, mask = first, Raster(first, mask.axes.replace("S", ""))
    if mask.image and held.image and set(mask.axes) <= set(held.axes):
        order = sorted(mask.axes, key=held.axes.index)
        m = m.transpose([mask.axes.index(c) for c in order])
        found = m.reshape([m.shape[order.index(c)] if c in order else 1 for c in held.axes])
    elif m.shape == shape:
        found = m
    else:
        pooled = sorted(a % len(shape) for a in at) if at else range(len(shape) - m.ndim, len(shape))
        if m.ndim != len(pooled):
            found = m
        else:
            found = m.reshape([m.shape[list(pooled).index(a)] if a in pooled else 1 for a in range(len(shape))])
    try:
        fits = np.broadcast_shapes(found.shape, shape) == shape and found.ndim == len(shape)
    except ValueError:
        fits = False
    if not fits or any(found.shape[a] != shape[a] for a in at or ()):
        raise PoolingError(
            f"--mask {path} of shape {tuple(mask.x.shape)} does not fit x of shape {shape}: give a number for each place of the "
            "pooled axes, or for each number of x"
        )
    return found
