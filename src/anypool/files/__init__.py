"""Reading and writing of images, .npy and .npz; a file is replaced as a whole."""

from __future__ import annotations

import math
import struct
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..atomic_write import atomic
from ..errors import PoolingError
from .formats import HOLDS, NAMES, SAME, write_image
from .pillow import PIXELS, read_image
from .raster import Raster

__all__ = ["IMAGES", "PIXELS", "WRITTEN", "Raster", "check_target", "read", "write", "write_arrays"]

TIFF = (".tif", ".tiff")
WRITTEN = (*HOLDS, *SAME, *TIFF)
IMAGES = (*WRITTEN, ".tga", ".jp2", ".j2k", ".apng", ".ico", ".pcx")
MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
ARRAYS = (".npy", ".npz")


def read(path: Path, key: str = "", pixels: int = PIXELS) -> Raster:
    """The content of a file; the axes of an image have names.

    key: the array of an .npz, or the image of a TIFF. pixels: the most pixels of a compressed
    image. Raises PoolingError for a file that cannot be read.
    """
    if not path.exists():
        raise PoolingError(f"{path} does not exist")
    suffix = path.suffix.lower()
    if suffix not in (*IMAGES, *ARRAYS):
        raise PoolingError(f"{path}: use .npy, .npz, {', '.join(IMAGES)}")
    try:
        if suffix in ARRAYS:
            return Raster(_array(path, suffix, key))
        with path.open("rb") as file:
            begin = file.read(4)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            warnings.simplefilter("ignore", ResourceWarning)
            warnings.simplefilter("ignore", DeprecationWarning)
            if begin in MAGIC:
                from .tiff import read_tiff

                raster = read_tiff(path, key)
            elif suffix in TIFF and len(begin) == 0:
                raise PoolingError(f"{path} holds no image: it is empty")
            elif key:
                raise PoolingError(
                    f"--key {key!r}: {path} is one image; arrays of an .npz and images of a TIFF have keys"
                )
            else:
                raster = read_image(path, pixels)
        messages = tuple(dict.fromkeys(str(w.message).split("\n")[0] for w in caught))
        return replace(raster, notes=raster.notes + messages)
    except PoolingError:
        raise
    except ImportError as error:
        raise PoolingError(f"{path}: {error.name or error} is missing: pip install 'anypool[cli]'") from None
    except MemoryError:
        raise PoolingError(f"{path} does not fit in memory") from None
    except Exception as error:
        message = "it holds no plain numbers as NumPy writes them" if "pickle" in str(error) else str(error)
        raise PoolingError(f"{path} cannot be read: {' '.join((message or type(error).__name__).split())}") from None


def _array(path: Path, suffix: str, key: str) -> Any:
    """An array of a .npy or .npz."""
    if suffix == ".npy":
        return np.load(path, mmap_mode="r", allow_pickle=False)
    with np.load(path, allow_pickle=False) as archive:
        names = list(archive)
        if not key and len(names) != 1:
            raise PoolingError(f"{path} holds {', '.join(names) or 'nothing'}: say which with --key")
        if key and key not in names:
            raise PoolingError(f"{path} has no {key!r}; it holds {', '.join(names)}")
        return archive[key or names[0]]


def check_target(path: Path) -> None:
    """Raise PoolingError if no result can be written to a file of this name."""
    if path.suffix.lower() not in (*ARRAYS, *WRITTEN):
        raise PoolingError(f"{path}: use .npy, .npz, {', '.join(WRITTEN)}")
    if not path.parent.is_dir():
        raise PoolingError(f"the folder {path.parent} does not exist")


def write(path: Path, raster: Raster, like: Any = None, places: Any = None, quality: int | None = None) -> str:
    """Write a result; returns which metadata of the source it copies, and which it leaves out.

    like: the element type of the source image; a result of real numbers is rounded to it in an
    image. places: a Place for each axis, None if windows are not equally spaced. quality: of a JPEG
    or WebP, 1 to 100.
    """
    check_target(path)
    suffix = path.suffix.lower()
    if quality is not None and not (1 <= quality <= 100 and SAME.get(suffix, suffix) in (".jpg", ".webp")):
        raise PoolingError(f"--quality {quality}: give 1 to 100, for a .jpg or .webp; the result is {path}")
    if suffix not in ARRAYS:
        raster = replace(raster, x=_rounded(path, raster.x, like, suffix in TIFF))
    try:
        with atomic(path) as name, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if suffix == ".npy":
                np.save(name, raster.x)
                carried, left_out = [], _beside(raster)
            elif suffix == ".npz":
                np.savez_compressed(name, y=raster.x)
                carried, left_out = [], _beside(raster)
            elif suffix in TIFF:
                from .tiff_write import write_tiff

                carried, left_out = write_tiff(name, raster, places)
            else:
                carried, left_out = write_image(path, name, raster, quality)
    except (TypeError, ValueError, RuntimeError, OverflowError, struct.error) as error:
        if isinstance(error, PoolingError):
            raise
        raise PoolingError(f"{path} cannot be written: {' '.join(str(error).split())}") from None
    except ImportError as error:
        raise PoolingError(f"{path}: {error.name or error} is missing: pip install 'anypool[cli]'") from None
    parts = [f"carried over: {', '.join(dict.fromkeys(carried))}"] if carried else []
    parts += [f"left out: {', '.join(dict.fromkeys(left_out))}"] if left_out else []
    return "; ".join(parts)


def write_arrays(path: Path, arrays: dict[str, Any], raster: Raster) -> str:
    """Write several results as one .npz; returns which metadata of the source it leaves out."""
    with atomic(path) as name:
        np.savez_compressed(name, **arrays)
    left_out = _beside(raster)
    return f"left out: {', '.join(dict.fromkeys(left_out))}" if left_out else ""


def _beside(raster: Raster) -> list[str]:
    """The metadata of a raster that a plain array does not have."""
    names = [*(NAMES[k] for k in raster.metadata), *(["palette"] if raster.palette is not None else [])]
    names += ["TIFF tags"] if raster.tiff is not None and (raster.tiff.tags or raster.tiff.metadata) else []
    return [*names, *raster.lost]


def _rounded(path: Path, y: Any, like: Any, tiff: bool) -> Any:
    """Real numbers rounded to the integers of the source; fractions of bits as bytes, except in a
    TIFF.
    """
    y = np.asarray(y)
    if like is None or y.dtype.kind != "f" or np.dtype(like).kind not in "iub":
        return y
    kind = np.dtype(like)
    if kind.kind == "b":
        if tiff or not y.size or not (np.isfinite(y).all() and 0 <= y.min() and y.max() <= 1):
            return y
        return np.rint(y * 255).astype(np.uint8)
    lacking = int(y.size - np.isfinite(y).sum())
    if lacking:
        raise PoolingError(
            f"{path}: {lacking} of {math.prod(y.shape)} numbers of the result are NaN or infinite, "
            f"which {kind} cannot represent: "
            "give --empty NUMBER for empty windows, or write .npy or .npz"
        )
    ends = np.iinfo(kind)
    last = float(ends.max) if int(float(ends.max)) <= ends.max else float(np.nextafter(float(ends.max), 0))
    return np.clip(np.rint(y), float(ends.min), last).astype(kind)
