"""Colours of 16 bits, which Pillow reduces to 8: PNG and JPEG 2000 by imagecodecs, PPM by NumPy."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import PoolingError

COLOURED = {2: 3, 4: 2, 6: 4}  # samples by colour type of a PNG; Pillow reads grey
PPM = re.compile(rb"P6(?:\s+|#[^\n]*\n)+(\d+)(?:\s+|#[^\n]*\n)+(\d+)(?:\s+|#[^\n]*\n)+(\d+)\s")


def deep_colours(path: Path, form: str) -> NDArray[Any] | None:
    """The numbers of an image with several samples of more than 8 bits; None for other images."""
    if form == "JPEG2000":
        x = np.asarray(_codecs(path).jpeg2k_decode(path.read_bytes()))
        return x.astype(np.uint16) if x.dtype == np.uint16 else x
    with path.open("rb") as file:
        header = file.read(1024)
    if form == "PNG" and len(header) > 25 and header[24] == 16 and header[25] in COLOURED:
        return np.asarray(_codecs(path).png_decode(path.read_bytes()))
    header_match = PPM.match(header) if form == "PPM" else None
    if header_match is None or int(header_match[3]) < 256:
        return None
    width, height, white = (int(header_match[i]) for i in (1, 2, 3))
    numbers = np.fromfile(path, ">u2", width * height * 3, offset=header_match.end())
    if numbers.size < width * height * 3:
        raise PoolingError(f"{path} cannot be read: it ends after {numbers.size // 3} of {width * height} pixels")
    x = numbers.astype(np.uint16).reshape(height, width, 3)
    return x if white == 65535 else np.rint(x * (65535 / white)).astype(np.uint16)


def _codecs(path: Path) -> Any:
    try:
        import imagecodecs
    except ImportError:
        raise PoolingError(
            f"{path} holds colours that Pillow cannot read in full: pip install 'anypool[cli]' brings imagecodecs"
        ) from None
    return imagecodecs
