"""Pyramids: adaptive windows of several sizes over the same axes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ..errors import PoolingError
from ..plan import GridConcat, joined_shape
from ..scalars import integer, is_row
from .adaptive import Adaptive
from .arguments import last_axes, need_axes
from .window_kind import Kind, grid_of

Level = int | tuple[int | None, ...]


@dataclass(frozen=True)
class Pyramid(Kind):
    """Adaptive windows of several sizes; see `pyramid`."""

    levels: tuple[Level, ...]

    def apart(self) -> tuple[Adaptive, ...]:
        """The window kind of each level, to pool each level into its own map.

        >>> import numpy as np, anypool as ap
        >>> [ap.pool(np.eye(4), level, "max").shape for level in ap.pyramid([(1, 1), (2, 2), (4, 1)]).apart()]
        [(1, 1), (2, 2), (4, 1)]
        """
        return tuple(Adaptive(level) for level in self.levels)

    def plan(self, shape: tuple[int, ...], axes: tuple[int, ...] | None) -> GridConcat:
        return grid_of(self, shape, self._axes(shape, axes))

    def lower(self, shape: tuple[int, ...], at: tuple[int, ...]) -> GridConcat:
        """The Grids of the levels."""
        return GridConcat(tuple(level.lower(shape, at) for level in self.apart()))

    def symbolic(self) -> bool:
        return True

    def counts(self, shape: tuple[Any, ...], axes: tuple[int, ...] | None) -> dict[int, Any]:
        """The windows of all levels, on the first pooled axis."""
        at = self._axes(shape, axes)
        each = [level.counts(shape, at) for level in self.apart()]
        return {min(at): sum(math.prod(many.values()) for many in each)}

    def result_shape(self, shape: tuple[Any, ...], axes: tuple[int, ...] | None) -> tuple[Any, ...]:
        """The shape of the result: one axis replaces the pooled axes."""
        at = self._axes(shape, axes)
        return joined_shape(shape, at, self.counts(shape, axes)[min(at)])

    def _axes(self, shape: tuple[Any, ...], axes: tuple[int, ...] | None) -> tuple[int, ...]:
        ranks = [len(level) for level in self.levels if isinstance(level, tuple)]
        if ranks:
            return last_axes(axes, ranks[0], shape, f"pyramid({list(self.levels)})")
        return need_axes(axes, shape, f"pyramid({list(self.levels)})", "axes, such as axes=(-2, -1) for images")


def pyramid(levels: Any) -> Pyramid:
    """Adaptive windows of several sizes: a vector of fixed length from an input of any size.

    A level is an int, the number of bins along each pooled axis (then name `axes`), or a tuple with
    one entry for each axis. None keeps the length, so that (1, None) pools strips. Bins are those
    of `adaptive`; a level may have more bins than elements. One axis replaces the pooled axes of
    the result: all levels in order, the bins of each in row-major order. `.apart()` returns the
    levels as separate window kinds.
    Raises PoolingError for no levels, entries below 1, and levels with different numbers of axes.
    Source: He, Zhang, Ren & Sun 2014 (spatial pyramid pooling); Zhao 2017 (PSP: 1, 2, 3, 6); Hou
    2020 (strips).

    >>> import numpy as np, anypool as ap
    >>> ap.pool(np.ones((2, 3, 13, 9)), ap.pyramid([1, 2, 4]), "max", axes=(-2, -1)).shape
    (2, 3, 21)
    """
    if not is_row(levels):
        raise PoolingError(f"levels={levels!r}: give a row of levels, such as pyramid([1, 2, 4])")
    entries = tuple(_level(level) for level in levels)
    if not entries:
        raise PoolingError("levels=(): give at least one, such as pyramid([1, 2, 4])")
    ranks = sorted({len(level) for level in entries if isinstance(level, tuple)})
    if len(ranks) > 1:
        raise PoolingError(
            f"levels={list(entries)} have {' and '.join(map(str, ranks))} entries: give one an axis in each"
        )
    return Pyramid(entries)


def _level(value: Any) -> Level:
    if not is_row(value):
        return integer(value, "a level", 1)
    row = tuple(None if v is None else integer(v, "a level", 1) for v in value)
    if not row:
        raise PoolingError("a level of (): give its bins, one entry for each pooled axis")
    return row
