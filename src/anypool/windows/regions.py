"""The overlapping square regions of R-MAC, at several scales."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import PoolingError
from ..plan import AxisIndices, IndexedWindows, Ints
from ..scalars import integer, is_number
from .arguments import flag, last_axes
from .base import Kind, grid_of
from .roi_sampling import laid

MOST_LEVELS = 100  # a third of a million squares
MOST = 7  # regions along the longer side at the largest scale


@dataclass(frozen=True)
class Regions(Kind):
    """Square regions at several scales; see `regions`."""

    levels: int
    overlap: float
    whole: bool

    def plan(self, shape: tuple[int, ...], axes: tuple[int, ...] | None) -> IndexedWindows:
        return grid_of(self, shape, tuple(sorted(last_axes(axes, 2, shape, "regions(…)"))))

    def result_shape(self, shape: tuple[Any, ...], axes: tuple[int, ...] | None) -> tuple[Any, ...]:
        """One axis of regions in place of the first pooled one."""
        return self.plan(tuple(int(n) for n in shape), axes).out_shape

    def lower(self, shape: tuple[int, ...], at: tuple[int, ...]) -> IndexedWindows:
        squares = self.squares(shape[at[0]], shape[at[1]])
        picks: list[AxisIndices] = []
        for k, a in enumerate(at):
            owner, place = laid(squares[:, 2 + k])
            picks.append(
                AxisIndices(shape[a], 1, np.concatenate([[0], np.cumsum(squares[:, 2 + k])]), squares[owner, k] + place)
            )
        return IndexedWindows(shape, at, tuple(picks), (len(squares),), at[:1])

    def squares(self, height: int, width: int) -> Ints:
        """(regions, 4) top, left, height and width of each, largest first.

        >>> from anypool.windows.regions import Regions
        >>> Regions(2, 0.4, False).squares(4, 6).tolist()
        [[0, 0, 4, 4], [0, 2, 4, 4], [0, 0, 2, 2], [0, 2, 2, 2], [0, 4, 2, 2], [2, 0, 2, 2], [2, 2, 2, 2], [2, 4, 2, 2]]
        """
        short, long = sorted((height, width))
        if short < 1:
            raise PoolingError(f"regions(…) of a map of {height} × {width}: there is nothing to divide")
        more = 0  # regions along the longer side beyond those along the shorter one
        if short < long:
            overlaps = [1 - (long - short) / (n - 1) / short for n in range(2, MOST + 1)]
            more = 1 + int(np.argmin([abs(v - self.overlap) for v in overlaps]))
        made = [(0, 0, height, width)] if self.whole else []
        for level in range(1, self.levels + 1):
            side = max(2 * short // (level + 1), 1)
            rows = _starts(height, side, level + more * (height > width))
            columns = _starts(width, side, level + more * (width > height))
            made += [(i, j, side, side) for i in rows for j in columns]
        return np.array(made, np.int64).reshape(-1, 4)


def regions(levels: int = 3, *, overlap: float = 0.4, whole: bool = False) -> Regions:
    """R-MAC's square regions: at scale l, l × (l + m − 1) squares of side ⌊2·min(H, W)/(l + 1)⌋, evenly spread.

    m is chosen so that neighbours at the largest scale overlap by `overlap` as nearly as may be. The result has one
    axis of regions, largest first, in place of the two pooled axes (the last, or `axes`). whole: the whole map comes
    first, as the usual implementations have it. Normalise each region and sum for the descriptor.
    Raises PoolingError. Source: Tolias, Sicre & Jégou 2016, section 3.2.

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
