"""Validation of boxes: corners, image indices, scales and offsets. Each error says which values are
possible."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..arrays.adapter import adapter_of, is_numpy
from ..arrays.incoming import array_of
from ..arrays.shape_ops import concatenated, contiguous
from ..errors import PoolingError
from ..plan import Ints
from ..scalars import is_number, is_sequence
from .arguments import shown, to_numpy


def rows_of(value: Any, rotated: bool) -> tuple[Any, Ints]:
    """The (K, columns) corners as floats, and the image index of each box."""
    if is_sequence(value) and value and all(getattr(v, "ndim", 0) == 2 for v in value):
        parts = [_floats(v) for v in value]
        widths = {p.shape[1] for p in parts}
        if len(widths) != 1:
            raise PoolingError(f"boxes of {sorted(widths)} columns: each image's array needs the same")
        rows = concatenated(parts, 0)
        images = np.repeat(np.arange(len(parts)), [len(p) for p in parts])
        _check_columns(rows.shape[1], rotated, 0, tuple(rows.shape))
    else:
        table = _floats(value)
        if table.ndim != 2:
            raise PoolingError(
                f"boxes of shape {tuple(table.shape)}: give (K, 5) rows of (image, x1, y1, x2, y2), (K, 3) in 1-D, (K, 7) in 3-D"
            )
        _check_columns(table.shape[1] - 1, rotated, 1, tuple(table.shape))
        first = np.asarray(to_numpy(table[:, 0]))
        with np.errstate(invalid="ignore"):
            off = ~(
                (np.abs(first - np.round(first)) < 1e-3) & (np.abs(first) < 2.0**53)
            )  # a tolerance: numerical gradients perturb every column
        if off.any():
            raise PoolingError(f"the first column of boxes holds image indices, but it has {first[off][:3].tolist()}")
        rows = table[:, 1:]  # a copy: torch.export saves the whole memory of a view
        rows = contiguous(rows)
        images = np.round(first).astype(np.int64)
    values = np.asarray(to_numpy(rows))
    bad = np.flatnonzero(~np.isfinite(values).all(1))
    if len(bad):
        raise PoolingError(f"box {bad[0]} is {values[bad[0]].tolist()}: corners must be finite numbers")
    return rows, images


def _check_columns(columns: int, rotated: bool, more: int, shape: tuple[int, ...]) -> None:
    if rotated and columns != 5:
        raise PoolingError(f"rotated boxes of shape {shape}: rows are ({'image, ' * more}x, y, width, height, angle)")
    if not rotated and columns not in (2, 4, 6):
        raise PoolingError(
            f"boxes of shape {shape}: a row has {more + 2}, {more + 4} or {more + 6} columns "
            f"({'an image index, then ' * more}starts and ends in 1-D, 2-D or 3-D)"
        )


def _floats(value: Any, name: str = "boxes") -> Any:
    """A float32 or float64 array. float16 becomes float32, integers float64."""
    values = adapter_of(value).enter(value, name) if hasattr(value, "detach") else array_of(value, name)
    adapter = adapter_of(values)
    dtype = adapter.dtype_name(values)
    if "float" not in dtype and "int" not in dtype:
        raise PoolingError(f"{name} of dtype {values.dtype}: use real numbers")
    if values.ndim == 1 and not values.shape[0]:
        values = values.reshape(0, 5)
    if dtype in ("float32", "float64"):
        return values
    return adapter.cast(values, "float32" if dtype in ("float16", "bfloat16") else "float64")


def scales_of(scale: Any, rank: int) -> tuple[float, ...]:
    """One positive number for each axis."""
    row: tuple[Any, ...] = tuple(scale) if is_sequence(scale) else (scale,) * rank
    if len(row) != rank or not all(is_number(s) and 0 < float(s) < math.inf for s in row):
        raise PoolingError(f"scale={scale!r}: use one positive number, or one for each of {rank} axes in x's order")
    return tuple(float(s) for s in row)


def offsets_of(value: Any, count: int, rank: int, size: tuple[int, ...], rows: Any) -> Any:
    """(count, rank, *size) finite offsets in the library of `rows`, or None."""
    if value is None:
        return None
    offsets = _floats(value, "offsets")
    if tuple(offsets.shape) != (count, rank, *size):
        raise PoolingError(
            f"offsets of shape {tuple(offsets.shape)}: {count} boxes of {shown(size)} bins need {(count, rank, *size)}"
        )
    if not np.isfinite(np.asarray(to_numpy(offsets))).all():
        raise PoolingError("offsets hold a NaN or an infinity: use finite numbers")
    return adapter_of(rows).asarray(offsets, rows) if is_numpy(offsets) else offsets
