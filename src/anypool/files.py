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
        raise PoolingError(f"{path} cannot be read: {error}") from None
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
    handle, name = tempfile.mkstemp(suffix=suffix, dir=path.parent)
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

            Image.fromarray(y).save(name)
        os.replace(name, path)
    except (OSError, TypeError, ValueError) as error:
        os.unlink(name)
        raise PoolingError(f"{path} cannot be written: {error}") from None
