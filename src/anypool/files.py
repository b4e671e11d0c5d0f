"""Reading and writing images, .npy and .npz; a file is written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from .errors import PoolingError

IMAGES = (".png", ".jpg", ".jpeg", ".tif", ".tiff")


def read(path: Path, key: str = "") -> tuple[Any, bool]:
    """The array, and whether it is an image."""
    if not path.exists():
        raise PoolingError(f"{path} does not exist")
    suffix = path.suffix.lower()
    try:
        if suffix == ".npy":
            return np.load(path, mmap_mode="r", allow_pickle=False), False
        if suffix == ".npz":
            with np.load(path, allow_pickle=False) as held:
                names = list(held)
                if not key and len(names) != 1:
                    raise PoolingError(f"{path} holds {', '.join(names)}: say which with --key")
                if key and key not in names:
                    raise PoolingError(f"{path} has no {key!r}; it holds {', '.join(names)}")
                return held[key or names[0]], False
        if suffix in (".tif", ".tiff"):
            import tifffile

            return np.asarray(tifffile.imread(path)), True
        if suffix in IMAGES:
            from PIL import Image

            with Image.open(path) as image:
                return np.asarray(image.convert("RGB") if image.mode == "P" else image), True
    except PoolingError:
        raise
    except Exception as error:
        said = "it holds no plain numbers as NumPy writes them" if "pickle" in str(error) else str(error)
        raise PoolingError(f"{path} cannot be read: {said}") from None
    raise PoolingError(f"{path}: use .npy, .npz, {', '.join(IMAGES)}")


def write(path: Path, y: Any, like: Any = None) -> None:
    """Write to a temporary name in the same folder, then move into place; images of integers are rounded."""
    suffix = path.suffix.lower()
    if suffix not in (".npy", ".npz", *IMAGES):
        raise PoolingError(f"{path}: use .npy, .npz, {', '.join(IMAGES)}")
    if suffix in IMAGES and like is not None and np.dtype(like).kind in "iu" and y.dtype.kind == "f":
        ends = np.iinfo(like)
        y = np.clip(np.rint(y), ends.min, ends.max).astype(like)
    if not path.parent.is_dir():
        raise PoolingError(f"the folder {path.parent} does not exist")
    if suffix in (".png", ".jpg", ".jpeg"):
        _check_image(path, y)
    try:
        handle, name = tempfile.mkstemp(suffix=suffix, dir=path.parent)
    except OSError as error:
        raise PoolingError(
            f"{path} cannot be written: nothing can be made in {path.parent} ({error.strerror})"
        ) from None
    os.close(handle)
    try:
        if suffix == ".npy":
            np.save(name, y)
        elif suffix == ".npz":
            np.savez_compressed(name, y=y)
        elif suffix in (".tif", ".tiff"):
            import tifffile

            tifffile.imwrite(name, y)
        else:
            from PIL import Image

            Image.fromarray(y[..., 0] if y.ndim == 3 and y.shape[2] == 1 else y).save(name)
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(name, 0o666 & ~mask)  # a temporary file is its owner's alone
        os.replace(name, path)
    except BaseException as error:
        os.unlink(name)
        if isinstance(error, (OSError, TypeError, ValueError)):
            raise PoolingError(f"{path} cannot be written: {getattr(error, 'strerror', None) or error}") from None
        raise


def _check_image(path: Path, y: Any) -> None:
    """Whether a PNG or JPEG holds such an array."""
    png = path.suffix.lower() == ".png"
    channels = y.shape[2] if y.ndim == 3 else 1
    bytes_or_bits = y.dtype == np.uint8 or (y.dtype == bool and y.ndim == 2 and png)
    gray16 = png and y.dtype == np.uint16 and y.ndim == 2
    if (
        y.ndim not in (2, 3)
        or not y.size
        or channels not in ((1, 2, 3, 4) if png else (1, 3))
        or not (bytes_or_bits or gray16)
    ):
        holds = "bytes in 1 to 4 channels, or 16 bits in one" if png else "bytes in 1 or 3 channels"
        raise PoolingError(
            f"{path}: a {path.suffix[1:].upper()} holds {holds}, and the result is {y.dtype} {tuple(y.shape)}; use .npy, .npz or .tif"
        )
