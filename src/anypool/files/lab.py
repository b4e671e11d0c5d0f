"""CIELAB and ICCLAB samples of a TIFF: L* as stored, a* and b* as signed integers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

SPACES = ("CIELAB", "ICCLAB")
TO_RGB = "convert the source to RGB first, such as with ImageMagick: magick lab.tif -colorspace sRGB rgb.tif"
SIGNED = {"uint8": "int16", "uint16": "int32"}  # a type that holds L* and the signed a* and b*
STORED = {signed: stored for stored, signed in SIGNED.items()}


def decoded(stored: NDArray[Any], samples: int, space: str) -> NDArray[Any]:
    """L*, a* and b* of the integers that a file stores; `samples` is their axis.

    CIELAB stores a* and b* as signed integers, ICCLAB adds half of the range (TIFF 6.0, section 23,
    and TIFF Technical Note 4). Floating-point numbers are L*, a* and b* already.

    >>> decoded(np.array([[255, 255, 1]], np.uint8), 1, "CIELAB")
    array([[255,  -1,   1]], dtype=int16)
    """
    if stored.dtype.kind not in "iu" or stored.dtype.itemsize > 2:
        return stored
    bits = stored.view(f"u{stored.dtype.itemsize}")
    colours, offset = bits.astype(SIGNED[bits.dtype.name]), _offset(bits.shape, bits.dtype, samples)
    return colours - offset if space == "ICCLAB" else colours - 2 * offset * (colours >= _half(bits.dtype))


def encoded(colours: NDArray[Any], samples: int, space: str) -> NDArray[Any] | None:
    """The integers that a file stores for L*, a* and b*; None if they are no colours that it can
    store.
    """
    if colours.dtype.kind == "f":
        return colours
    if colours.dtype.name not in STORED:
        return None
    bits = np.dtype(STORED[colours.dtype.name])
    shifted = colours + _offset(colours.shape, bits, samples)
    if not colours.size or shifted.min() < 0 or shifted.max() > np.iinfo(bits).max:
        return None
    return (shifted if space == "ICCLAB" else colours).astype(bits)


def _half(bits: np.dtype[Any]) -> int:
    return 1 << (8 * bits.itemsize - 1)


def _offset(shape: tuple[int, ...], bits: np.dtype[Any], samples: int) -> NDArray[Any]:
    """Half of the range for a* and b*, 0 for every other sample, along the axis of the samples."""
    row = np.zeros(shape[samples], SIGNED[bits.name])
    row[1:3] = _half(bits)
    return row.reshape([-1 if axis == samples else 1 for axis in range(len(shape))])
