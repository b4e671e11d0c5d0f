"""Absent elements: the zeros of a mask, and the number that means "no value"."""

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
    """The number of an option; integers stay exact. Raises PoolingError for a text that writes no
    such number.

    >>> number_of("9007199254740993", "--empty"), number_of("-inf", "--empty")
    (9007199254740993, -inf)
    """
    value = number_in(text)
    if value is None:
        raise PoolingError(f"{name} {text!r}: give a number from {-LARGEST:g} to {LARGEST:g}, nan, inf or -inf")
    return value


def absent_value(text: str, raster: Raster) -> float | None:
    """The number that means "no value" in x's element type: that of the option, else that of the
    file.
    """
    dtype = np.asarray(raster.x[:0]).dtype
    if text.strip().lower() == "none":
        return None
    value = number_of(text, "--nodata") if text else raster.nodata
    if value is None or dtype.kind not in "iuf":
        if text:
            raise PoolingError(f"--nodata {text}: x is {dtype}, which has no number to mean no value")
        return None
    if dtype.kind == "f":
        with np.errstate(over="ignore"):
            rounded = float(np.asarray(value, dtype))
        if math.isinf(rounded) and not math.isinf(value):
            if text:
                largest = float(np.finfo(dtype).max)
                raise PoolingError(
                    f"--nodata {text}: x is {dtype}, which holds numbers from {-largest:g} to "
                    f"{largest:g}, nan, inf and -inf"
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


def present(raster: Raster, value: float | None, mask: NDArray[Any] | None) -> NDArray[Any] | None:
    """The mask of the present elements; None if all are present."""
    if value is None:
        return mask
    there = ~np.isnan(raster.x) if value != value else raster.x != value
    if mask is not None:
        return there & mask
    return None if there.all() else there


def mask_for(raster: Raster, at: tuple[int, ...] | None, path: Path | None, pixels: int) -> NDArray[Any] | None:
    """A mask that broadcasts to x. The file has x's shape, the pooled axes, or axes of the same
    names.
    """
    if path is None:
        return None
    mask = read(path, pixels=pixels)
    shape = tuple(raster.x.shape)
    m = np.asarray(mask.x) != 0
    if mask.image and "S" in mask.axes:
        s = mask.axes.index("S")
        first = m.take(0, s)
        if not all(np.array_equal(first, m.take(i, s)) for i in range(m.shape[s])):
            raise PoolingError(f"--mask {path} has {m.shape[s]} channels that differ: give a mask of one channel")
        m, mask = first, Raster(first, mask.axes.replace("S", ""))
    if mask.image and raster.image and set(mask.axes) <= set(raster.axes):
        order = sorted(mask.axes, key=raster.axes.index)
        m = m.transpose([mask.axes.index(c) for c in order])
        aligned = m.reshape([m.shape[order.index(c)] if c in order else 1 for c in raster.axes])
    elif m.shape == shape:
        aligned = m
    else:
        pooled = sorted(a % len(shape) for a in at) if at else range(len(shape) - m.ndim, len(shape))
        if m.ndim != len(pooled):
            aligned = m
        else:
            aligned = m.reshape([m.shape[list(pooled).index(a)] if a in pooled else 1 for a in range(len(shape))])
    try:
        fits = np.broadcast_shapes(aligned.shape, shape) == shape and aligned.ndim == len(shape)
    except ValueError:
        fits = False
    if not fits or any(aligned.shape[a] != shape[a] for a in at or ()):
        raise PoolingError(
            f"--mask {path} of shape {tuple(mask.x.shape)} does not fit x of shape {shape}: give a "
            "number for each position of "
            "the pooled axes, or for each element of x"
        )
    return aligned
