"""The overlapping square regions of R-MAC, at several scales."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import PoolingError
from ..plan import AxisIndices, IndexedWindows, Ints
from ..scalars import integer, is_number
from .arguments import flag, last_axes
from .roi_sampling import run_positions
from .window_kind import Kind, grid_of

MOST_LEVELS = 100  # about 330,000 squares
MOST = 7  # the largest number of regions along the longer side at the largest scale


@dataclass(frozen=True)
class Regions(Kind):
    """Square regions at several scales; see `regions`."""

    levels: int
    overlap: float
    whole: bool

    def plan(self, shape: tuple[int, ...], axes: tuple[int, ...] | None) -> IndexedWindows:
        return grid_of(self, shape, tuple(sorted(last_axes(axes, 2, shape, "regions(…)"))))

    def result_shape(self, shape: tuple[Any, ...], axes: tuple[int, ...] | None) -> tuple[Any, ...]:
        """The shape of the result: one axis of regions replaces the first pooled axis."""
        return self.plan(tuple(int(n) for n in shape), axes).out_shape

    def lower(self, shape: tuple[int, ...], at: tuple[int, ...]) -> IndexedWindows:
        squares = self.squares(shape[at[0]], shape[at[1]])
        indices: list[AxisIndices] = []
        for k, a in enumerate(at):
            owner, number = run_positions(squares[:, 2 + k])
            indices.append(
                AxisIndices(
                    shape[a], 1, np.concatenate([[0], np.cumsum(squares[:, 2 + k])]), squares[owner, k] + number
                )
            )
        return IndexedWindows(shape, at, tuple(indices), (len(squares),), at[:1])

    def squares(self, height: int, width: int) -> Ints:
        """A (regions, 4) array of top, left, height and width, largest regions first.

        >>> from anypool.windows.regions import Regions
        >>> Regions(2, 0.4, False).squares(4, 6).tolist()
        [[0, 0, 4, 4], [0, 2, 4, 4], [0, 0, 2, 2], [0, 2, 2, 2], [0, 4, 2, 2], [2, 0, 2, 2], [2, 2, 2, 2], [2, 4, 2, 2]]
        """
        short, long = sorted((height, width))
        if short < 1:
            raise PoolingError(f"regions(…) of a map of {height} × {width}: there is nothing to divide")
        more = 0  # additional regions along the longer side
        if short < long:
            overlaps = [1 - (long - short) / (n - 1) / short for n in range(2, MOST + 1)]
            more = 1 + int(np.argmin([abs(v - self.overlap) for v in overlaps]))
        squares = [(0, 0, height, width)] if self.whole else []
        for level in range(1, self.levels + 1):
            side = max(2 * short // (level + 1), 1)
            rows = _starts(height, side, level + more * (height > width))
            columns = _starts(width, side, level + more * (width > height))
            squares += [(i, j, side, side) for i in rows for j in columns]
        return np.array(squares, np.int64).reshape(-1, 4)


def regions(levels: int = 3, *, overlap: float = 0.4, whole: bool = False) -> Regions:
    """R-MAC's square regions: at scale l, l × (l + m − 1) squares of side ⌊2·min(H, W)/(l + 1)⌋,
    evenly spaced.

    m is the number for which the overlap of adjacent regions at the largest scale is closest to
    `overlap`. One axis of regions, largest first, replaces the two pooled axes (the last two, or
    `axes`). whole: also pool the whole map, as the first region. For the R-MAC descriptor,
    normalise each region and sum.
    Raises PoolingError for other numbers. Source: Tolias, Sicre & Jégou 2016, section 3.2.

    >>> import numpy as np, anypool as ap
    >>> ap.pool(np.ones((1, 8, 12, 16)), ap.regions(3), "max").shape
    (1, 8, 20)
    """
    if not is_number(overlap) or not 0 <= overlap < 1:
        raise PoolingError(f"overlap={overlap!r}: use a part of a region, at least 0 and below 1")
    first = flag(whole, "whole")
    many = integer(levels, "levels", 1)
    if many > MOST_LEVELS:
        raise PoolingError(f"levels={many}: use at most {MOST_LEVELS} (R-MAC has 3)")
    return Regions(many, float(overlap), first)


def _starts(length: int, side: int, many: int) -> list[int]:
    return [(length - side) * i // (many - 1) for i in range(many)] if many > 1 else [0]
