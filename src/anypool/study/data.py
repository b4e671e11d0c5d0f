"""The data of a study: scikit-learn's digits, an .npz, a folder of images, or a function of the
user.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import PoolingError
from ..files import IMAGES, read

FOLDS = 5
CANVAS = 20


@dataclass(frozen=True)
class Data:
    """Images x (n, channels, lengths…) of float32, labels y in 0 … classes − 1."""

    name: str
    x: NDArray[np.float32]
    y: NDArray[np.int64]
    classes: tuple[str, ...]

    @property
    def channels(self) -> int:
        """Channels of x."""
        return int(self.x.shape[1])


@dataclass(frozen=True)
class Split:
    """The rows of the training, validation and test sets."""

    train: NDArray[np.int64]
    valid: NDArray[np.int64]
    test: NDArray[np.int64]


def load(source: str) -> Data:
    """The data of a name, a path or "module:function".

    >>> load("digits").x.shape
    (1797, 1, 8, 8)
    """
    if source in NAMED:
        return NAMED[source]()
    path = Path(source)
    if path.suffix == ".npz":
        return _npz(path)
    if path.is_dir():
        return _folder(path)
    if ":" in source:
        pair = function_of(source)()
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise PoolingError(f"{source} must return (x, y): the images and their labels")
        return data_of(source, pair[0], pair[1])
    raise PoolingError(
        f"data {source!r}: use {', '.join(NAMED)}, an .npz, a folder with one folder a class, or module:function"
    )


def data_of(name: str, x: Any, y: Any) -> Data:
    """Images and labels, checked; an axis of channels is added if there is none."""
    x, y = np.asarray(x), np.asarray(y)
    if y.ndim != 1 or len(x) != len(y):
        raise PoolingError(f"{name}: x has {len(x)} images and y has shape {y.shape}; give one label for each image")
    if x.dtype.kind not in "buif":
        raise PoolingError(f"{name}: x of dtype {x.dtype} is no numbers")
    if x.ndim == 3:
        x = x[:, None]
    elif x.ndim == 4 and x.shape[-1] in (1, 3, 4) and x.shape[1] not in (1, 3, 4):
        x = np.moveaxis(x, -1, 1)
    if x.ndim < 3 or 0 in x.shape:
        raise PoolingError(f"{name}: x of shape {x.shape}; give (n, height, width) or (n, channels, height, width)")
    x = np.ascontiguousarray(x, np.float32)
    if not np.isfinite(x).all():
        raise PoolingError(f"{name}: x holds NaN or infinite values; clean them first")
    if y.dtype.kind == "f" and not np.isfinite(y).all():
        raise PoolingError(f"{name}: some labels are missing (NaN)")
    names, codes = np.unique(y, return_inverse=True)
    if len(names) < 2:
        raise PoolingError(f"{name}: only one label, {names.tolist()}; at least two are needed")
    counts = np.bincount(codes)
    if counts.min() < FOLDS + 1:
        least = names[int(counts.argmin())]
        raise PoolingError(
            f"{name}: label {least} has {counts.min()} images and would be missing from a fold; give at least {FOLDS + 1}"
        )
    return Data(name, x, codes.astype(np.int64), tuple(map(str, names)))


def split(data: Data, seed: int) -> Split:
    """The sets of a seed. Five seeds are one five-fold cross-validation.

    A seventh of the training rows is the validation set.
    """
    from sklearn.model_selection import StratifiedKFold, train_test_split

    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed // FOLDS)
    rest, test = list(folds.split(data.y, data.y))[seed % FOLDS]
    valid_size = max(len(rest) // 7, len(data.classes))
    train, valid = train_test_split(rest, test_size=valid_size, random_state=seed, stratify=data.y[rest])
    return Split(np.sort(train), np.sort(valid), test)


def function_of(source: str) -> Callable[..., Any]:
    """The function of "module:function" or "file.py:function"."""
    module, _, name = source.rpartition(":")
    try:
        if module.endswith(".py"):
            spec = importlib.util.spec_from_file_location(Path(module).stem, module)
            if spec is None or spec.loader is None or not Path(module).exists():
                raise PoolingError(f"{module} does not exist")
            loaded = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(loaded)
        else:
            if os.getcwd() not in sys.path:
                sys.path.insert(0, os.getcwd())
            loaded = importlib.import_module(module)
        function = getattr(loaded, name)
    except PoolingError:
        raise
    except Exception as error:
        raise PoolingError(f"{source} cannot be loaded: {error}") from None
    if not callable(function):
        raise PoolingError(f"{source} is no function")
    return function


def _digits() -> Data:
    from sklearn.datasets import load_digits

    digits: Any = load_digits()
    return data_of("digits", digits.images, digits.target)


def pasted() -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]]:
    """Each digit at a known position and scale (1 or 2) on a larger canvas.

    Returns the images, the digits, and the (row, column) of each digit's centre.
    """
    from sklearn.datasets import load_digits

    digits: Any = load_digits()
    random = np.random.default_rng(0)
    x = np.zeros((len(digits.images), CANVAS, CANVAS), np.float32)
    middles = np.zeros((len(x), 2), np.int64)
    for i, image in enumerate(digits.images):
        scale = int(random.integers(1, 3))
        size = 8 * scale
        row, column = random.integers(0, CANVAS - size + 1, 2)
        x[i, row : row + size, column : column + size] = np.kron(image, np.ones((scale, scale)))
        middles[i] = row + size // 2, column + size // 2
    return x, np.asarray(digits.target), middles


def _canvas() -> Data:
    x, y, _ = pasted()
    return data_of("canvas", x, y)


def _places() -> Data:
    """The canvas; the label is the quarter that contains the centre of the digit."""
    x, _, middles = pasted()
    row, column = (middles >= CANVAS // 2).T.astype(int)
    return data_of("places", x, 2 * row + column)


NAMED: dict[str, Callable[[], Data]] = {"digits": _digits, "canvas": _canvas, "places": _places}


def _npz(path: Path) -> Data:
    if not path.exists():
        raise PoolingError(f"{path} does not exist")
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {k: archive[k] for k in archive}
    except Exception as error:
        raise PoolingError(f"{path} cannot be read: {error}") from None
    for names in (("x", "y"), ("X", "y"), ("images", "labels"), ("data", "target"), ("images", "target")):
        if all(n in arrays for n in names):
            return data_of(path.name, arrays[names[0]], arrays[names[1]])
    raise PoolingError(f"{path} holds {', '.join(arrays) or 'nothing'}; it needs x (images) and y (labels)")


def _folder(path: Path) -> Data:
    kinds = sorted(p for p in path.iterdir() if p.is_dir())
    files = [(f, k.name) for k in kinds for f in sorted(k.iterdir()) if f.suffix.lower() in IMAGES]
    if not files:
        raise PoolingError(f"{path} holds no folder of images; make one folder for each class")
    pictures: list[Any] = []
    for file, _ in files:
        raster = read(file).coloured()
        picture, _ = raster.drawn(raster.pooled_axes(""))
        pictures.append(np.where(picture, np.uint8(255), np.uint8(0)) if picture.dtype == bool else picture)
        if pictures[-1].shape != pictures[0].shape:
            raise PoolingError(
                f"{file} is {pictures[-1].shape}, {files[0][0]} is {pictures[0].shape}; all images must have one size"
            )
    x = np.stack(pictures)
    return data_of(path.name, x if x.ndim == 3 else np.moveaxis(x, -1, 1), np.array([kind for _, kind in files]))
