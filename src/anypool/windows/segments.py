"""Consecutive runs of varying length along one axis."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import PoolingError
from ..plan import Axis, Grid
from .arguments import integer_row, need_axes
from .deferred import deferred
from .fractional_area import is_real
from .sliding import Sliding, one_axis_offsets, sliding
from .window_kind import Kind, ascending, grid_of


@dataclass(frozen=True)
class Segments(Kind):
    """Consecutive runs along one axis; see `segments`."""

    offsets: tuple[int, ...]

    def __repr__(self) -> str:
        few = len(self.offsets) <= 12
        return f"segments({list(self.offsets)})" if few else f"segments({len(self.offsets) - 1} of them)"

    def __hash__(self) -> int:
        """The hash of a few offsets, because each call looks up its plan. All of a million offsets
        take 7 ms."""
        n = len(self.offsets)
        return hash((n, self.offsets[-1], self.offsets[n // 2], self.offsets[n // 3]))

    def arguments(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {"offsets": self.offsets}

    def plan(self, shape: tuple[int, ...], axes: tuple[int, ...] | None) -> Grid:
        at = need_axes(axes, shape, "segments(…)", "the axis they lie on, such as axes=0")
        return grid_of(self, shape, at)

    def counts(self, shape: tuple[Any, ...], axes: tuple[int, ...] | None) -> dict[int, Any]:
        """One window for each segment."""
        at = need_axes(axes, shape, "segments(…)", "the axis they lie on, such as axes=0")
        one_axis_offsets(self.offsets, shape, at)
        return {at[0]: len(self.offsets) - 1}

    def lower(self, shape: tuple[int, ...], at: tuple[int, ...]) -> Grid:
        n = one_axis_offsets(self.offsets, shape, at)
        bounds = np.array(self.offsets, np.int64)
        length = np.diff(bounds)
        return ascending(shape, at, [Axis(n, bounds[:-1], length, 1, np.zeros(len(length), np.int64), length)])

    def sliding(
        self,
        size: int,
        stride: int | None = None,
        padding: Any = 0,
        dilation: int = 1,
        *,
        ceil_mode: bool = False,
        border: Any = "absent",
        count: str | float = "present",
        taps: Any = None,
        footprint: Any = None,
    ) -> Sliding:
        """Sliding windows inside each segment. No window crosses a boundary. Results follow segment
        by segment.

        >>> import anypool as ap
        >>> ap.pool([1.0, 2.0, 3.0, 4.0, 5.0], segments([0, 2, 5]).sliding(2, 1), "max", axes=0)
        array([2., 4., 5.])
        """
        if is_real(size, stride):
            raise PoolingError(
                f"size={size!r}, stride={stride!r} inside segments: real-valued windows lie on whole axes; use integers"
            )
        windows = sliding(
            (size,),
            stride,
            padding,
            dilation,
            ceil_mode=ceil_mode,
            border=border,
            count=count,
            taps=taps,
            footprint=footprint,
        )
        return replace(windows, offsets=self.offsets)


def _shape(
    value: dict[str, Any], shape: tuple[Any, ...], axes: tuple[int, ...] | None, fresh: Callable[[], Any]
) -> tuple[Any, ...]:
    """The shape of the result, without reading the offsets."""
    at = need_axes(axes, shape, "segments(…)", "the axis they lie on, such as axes=0")
    row, more = (value["lengths"], 0) if value.get("lengths") is not None else (value["offsets"], 1)
    many = np.shape(row)[0] - more
    return tuple(many if a == at[0] else n for a, n in enumerate(shape))


@deferred("offsets", shape=_shape)
def segments(offsets: Any = None, *, lengths: Any = None) -> Segments:
    """Consecutive runs of varying length along one axis: segment s has the positions offsets[s] …
    offsets[s+1] − 1.

    Give n + 1 offsets or n `lengths`. Offsets may start above 0 and end before the end of the axis.
    Segments may be empty. Raises PoolingError for offsets that decrease or are negative.

    >>> import anypool as ap
    >>> ap.pool([1.0, 2.0, 3.0], segments([0, 2, 2, 3]), "sum", axes=0)
    array([3., 0., 3.])
    """
    if (offsets is None) == (lengths is None):
        raise PoolingError("segments needs either offsets (n + 1 of them) or lengths=, and not both")
    name = "offsets" if lengths is None else "lengths"
    row: tuple[int, ...] = tuple(integer_row(offsets if lengths is None else lengths, name).tolist())
    if lengths is not None:
        if row and min(row) < 0:
            at = next(i for i, v in enumerate(row) if v < 0)
            raise PoolingError(f"lengths[{at}] = {row[at]}: lengths must be at least 0")
        row = (0, *itertools.accumulate(row))
    if not row:
        raise PoolingError("offsets is empty: n segments need n + 1 offsets, [0] for none")
    if row[0] < 0 or any(b < a for a, b in itertools.pairwise(row)):
        at = next((i + 1 for i, (a, b) in enumerate(itertools.pairwise(row)) if b < a), 0) if row[0] >= 0 else 0
        raise PoolingError(f"offsets must not decrease nor be negative, but offsets[{at}] = {row[at]}")
    return Segments(row)
