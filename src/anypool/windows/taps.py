"""Taps: a weight for each position in the window."""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from ..arrays.incoming import array_of
from ..errors import PoolingError


def freeze_taps(taps: Any) -> Any:
    """Taps as tables: one for each axis from a tuple of vectors, else one table."""
    if isinstance(taps, tuple) and taps and all(_has_axes(v) for v in cast("tuple[Any, ...]", taps)):
        tables = tuple(_Table(v) for v in cast("tuple[Any, ...]", taps))
        if all(t.values.ndim == 1 for t in tables):
            return tables
        taps = [t.values for t in tables]
    return _Table(taps)


def _has_axes(value: Any) -> bool:
    return isinstance(value, (tuple, list)) or getattr(value, "ndim", 0) > 0


class _Table:
    """A read-only array of numbers, or of bools for a footprint, with equality by value: windows
    with taps can be cached."""

    def __init__(self, values: Any, name: str = "taps") -> None:
        array = array_of(values, name)
        if array.dtype.kind not in "biuf":
            raise PoolingError(f"{name} of dtype {array.dtype}: use real numbers{' or bool' * (name != 'taps')}")
        self.values = array.astype(np.bool_ if name == "footprint" and array.dtype.kind == "b" else np.float64)
        if not np.all(np.isfinite(self.values)):
            raise PoolingError(
                f"{name} {'hold' if name == 'taps' else 'holds'} a NaN or an infinity: use finite numbers"
            )
        self.values.flags.writeable = False
        self.dtype: str = self.values.dtype.name
        self.shape, self.data = (
            self.values.shape,
            self.values.tobytes(),
        )  # shape and bytes, which torch.compile can store

    @property
    def _key(self) -> tuple[Any, ...]:
        return self.dtype, self.shape, self.data

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Table) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __repr__(self) -> str:
        return f"taps{list(self.values.shape)}"


def is_footprint(table: Any) -> bool:
    """Whether a table states which positions a window has, without weights."""
    return isinstance(table, _Table) and table.dtype == "bool"


def freeze_footprint(footprint: Any, size: int | tuple[int, ...]) -> tuple[tuple[int, ...], Any]:
    """The window's size on each axis, and the footprint as a table; None if it is all true.

    Raises PoolingError for an array of another shape and for footprints without a position.
    """
    table = _Table(footprint, "footprint")
    sizes = size if isinstance(size, tuple) else (size,) * table.values.ndim
    if table.shape != sizes or not sizes:
        raise PoolingError(
            f"footprint of shape {table.shape} for a window of {size}: give an array of the window's shape"
        )
    if not np.any(table.values):
        raise PoolingError("footprint has no position: at least one must be true, or a weight other than 0")
    return sizes, None if is_footprint(table) and np.all(table.values) else table


def tap_table(taps: _Table | tuple[_Table, ...], sizes: tuple[int, ...]) -> Any:
    """The arrays of taps, checked against the window: one vector for each axis, or one array in the
    window's shape."""
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
