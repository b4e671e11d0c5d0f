"""_Table: a weight for each place of the window."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays.incoming import array_of
from ..errors import PoolingError


def freeze_taps(taps: Any) -> Any:
    """Taps as tables: a tuple of vectors is one an axis, anything else one table."""
    if isinstance(taps, tuple) and taps and all(_has_axes(v) for v in taps):
        tables = tuple(_Table(v) for v in taps)
        if all(t.values.ndim == 1 for t in tables):
            return tables
        taps = [t.values for t in tables]
    return _Table(taps)


def _has_axes(value: Any) -> bool:
    return isinstance(value, (tuple, list)) or getattr(value, "ndim", 0) > 0


class _Table:
    """A read-only float array that compares by value, so that windows with taps can be cached."""

    def __init__(self, values: Any) -> None:
        array = array_of(values, "taps")
        if array.dtype.kind not in "biuf":
            raise PoolingError(f"taps of dtype {array.dtype}: use real numbers")
        self.values = array.astype(np.float64)
        if not np.all(np.isfinite(self.values)):
            raise PoolingError("taps hold a NaN or an infinity: use finite numbers")
        self.values.flags.writeable = False
        self.shape, self.data = self.values.shape, self.values.tobytes()  # the same numbers as torch.compile may hold

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Table) and self.shape == other.shape and self.data == other.data

    def __hash__(self) -> int:
        return hash((self.shape, self.data))

    def __repr__(self) -> str:
        return f"taps{list(self.values.shape)}"


def tap_table(taps: Any, sizes: tuple[int, ...]) -> Any:
    """_Table checked against the window: one vector an axis, or one array of the window's shape."""
    if isinstance(taps, tuple):
        rows = tuple(t.values for t in taps)
        if len(rows) == 1 and len(sizes) > 1:
            rows = rows * len(sizes)
        if tuple(len(r) for r in rows) != sizes:
            raise PoolingError(
                f"taps of lengths {tuple(len(r) for r in rows)} for a window of {sizes}; give one vector for each axis, as long as the window"
            )
        return rows
    values = taps.values
    if values.ndim == 1 and len(sizes) > 1 and all(values.shape[0] == k for k in sizes):
        return (values,) * len(sizes)
    if values.shape != sizes:
        raise PoolingError(
            f"taps of shape {values.shape} for a window of {sizes}; give that shape, or a tuple of one vector for each axis"
        )
    return (values,) if values.ndim == 1 else values
