"""Pyramids: several divisions of the same axes, coarse to fine, in one row."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ..errors import PoolingError
from ..plan import GridConcat, joined_shape
from ..scalars import integer, is_row
from .adaptive import Adaptive
from .arguments import last_axes, need_axes
from .base import Kind, grid_of

Level = int | tuple[int | None, ...]


@dataclass(frozen=True)
class Pyramid(Kind):
    """Several divisions of the same axes in one row; see `pyramid`."""

    levels: tuple[Level, ...]

    def apart(self) -> tuple[Adaptive, ...]:
        """One window kind a level: for maps in place of one row.

        >>> import numpy as np, anypool as ap
        >>> [ap.pool(np.eye(4), level, "max").shape for level in ap.pyramid([(1, 1), (2, 2), (4, 1)]).apart()]
        [(1, 1), (2, 2), (4, 1)]
        """
        return tuple(Adaptive(level) for level in self.levels)

    def plan(self, shape: tuple[int, ...], axes: tuple[int, ...] | None) -> GridConcat:
        return grid_of(self, shape, self._axes(shape, axes))

    def lower(self, shape: tuple[int, ...], at: tuple[int, ...]) -> GridConcat:
        """One Grid a level."""
        return GridConcat(tuple(level.lower(shape, at) for level in self.apart()))

    def symbolic(self) -> bool:
        return True

    def counts(self, shape: tuple[Any, ...], axes: tuple[int, ...] | None) -> dict[int, Any]:
        """All windows lie on the first pooled axis."""
        at = self._axes(shape, axes)
        each = [level.counts(shape, at) for level in self.apart()]
        return {min(at): sum(math.prod(many.values()) for many in each)}

    def result_shape(self, shape: tuple[Any, ...], axes: tuple[int, ...] | None) -> tuple[Any, ...]:
        """One axis in place of the pooled ones."""
        at = self._axes(shape, axes)
        return joined_shape(shape, at, self.counts(shape, axes)[min(at)])

    def _axes(self, shape: tuple[Any, ...], axes: tuple[int, ...] | None) -> tuple[int, ...]:
        ranks = [len(level) for level in self.levels if isinstance(level, tuple)]
        if ranks:
            return last_axes(axes, ranks[0], shape, f"pyramid({list(self.levels)})")
        return need_axes(axes, shape, f"pyramid({list(self.levels)})", "axes, such as axes=(-2, -1) for images")


def pyramid(levels: Any) -> Pyramid:
    """Adaptive windows of several sizes in one row: a vector of fixed length from an input of any size.

    A level is an int (bins along each pooled axis; `axes` must then be named) or one entry an axis: (1, None) is strips,
    None keeps an axis. In place of the pooled axes the result has one axis, where the first of them was, of
    Σ over levels of the product of bins: levels in the order given, each in row-major order. Bins are those of
    `adaptive`, so that a level may have more bins than elements. `.apart()` gives each level as a map.
    Raises PoolingError for no levels, entries below 1, and levels for different numbers of axes.
    He, Zhang, Ren, Sun 2014 (spatial pyramid pooling), Zhao 2017 (PSP: 1, 2, 3, 6), Hou 2020 (strips).

    >>> import numpy as np, anypool as ap
    >>> ap.pool(np.ones((2, 3, 13, 9)), ap.pyramid([1, 2, 4]), "max", axes=(-2, -1)).shape
    (2, 3, 21)
    """
    if not is_row(levels):
        raise PoolingError(f"levels={levels!r}: give a row of levels, such as pyramid([1, 2, 4])")
    made = tuple(_level(level) for level in levels)
    if not made:
        raise PoolingError("levels=(): give at least one, such as pyramid([1, 2, 4])")
    ranks = sorted({len(level) for level in made if isinstance(level, tuple)})
    if len(ranks) > 1:
        raise PoolingError(
            f"levels={list(made)} have {' and '.join(map(str, ranks))} entries: give one an axis in each"
        )
    return Pyramid(made)


def _level(given: Any) -> Level:
    if not is_row(given):
        return integer(given, "a level", 1)
    row = tuple(None if v is None else integer(v, "a level", 1) for v in given)
    if not row:
        raise PoolingError("a level of (): give its bins, one entry for each pooled axis")
    return row
