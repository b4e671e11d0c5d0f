"""Windows that list their elements: AxisIndices along an axis, IndexedWindows of their products."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from .grids import Axis, Grid, Ints


@dataclass(frozen=True, eq=False)
class AxisIndices:
    """What windows take along one axis, or along neighbouring ones read as one: positions, each with a weight.

    Row r = group·out + o lists window o of a group: index[offsets[r]:offsets[r + 1]], -1 being the border's
    constant. With points_per_element > 1, that many entries make one element: their sum by the taps, an interpolated point.
    """

    size: int  # how many positions there are
    out: int  # windows a group
    offsets: Ints  # (groups·out + 1,)
    entries: Ints | Callable[[], Ints]  # (entries,) positions, or what makes them when they are wanted
    taps: Any = None  # (entries,) weights, an array of x's library that may learn; None: all 1
    points_per_element: int = 1

    @cached_property
    def index(self) -> Ints:
        """(entries,) positions, one row after the other."""
        return self.entries() if callable(self.entries) else self.entries

    @cached_property
    def counts(self) -> Ints:
        """(groups·out,) how many elements each row holds."""
        return np.diff(self.offsets) // self.points_per_element


@dataclass(frozen=True, eq=False)
class IndexedWindows:
    """Groups of windows, each window the product of what its AxisIndices list: boxes, label maps, anything irregular."""

    shape: tuple[int, ...]  # of the input
    pooled_dims: tuple[
        int, ...
    ]  # which axes of the input are pooled, ascending; the first is the groups' where there are any
    indices: tuple[AxisIndices, ...]
    windows_shape: tuple[int, ...]
    result_dims: tuple[int, ...]  # which axes of the result the windows' axes are
    groups: Ints | None = None  # (groups,) which position of the axis at[0] each reads
    fill: float = 0.0  # the border's constant
    split: tuple[int, ...] | None = None  # the shape is that of x with each bin's channels laid beside each other
    group_ids: Ints | None = None  # where no position is in two windows: which one each is in, -1 none

    @property
    def grids(self) -> tuple[IndexedWindows, ...]:
        """Itself alone, as a GridConcat has several."""
        return (self,)

    def without_weights_for(self, reduction: Any) -> IndexedWindows:
        """What a reduction sees of it: one for which a weight only says that an element is there needs no weights."""
        return self._unweighted if getattr(reduction, "ignores_weight_value", False) else self

    @cached_property
    def _unweighted(self) -> IndexedWindows:
        """The same windows, what weighs something listed alone; itself where points are interpolated, or weights learn."""
        learns = any(getattr(p.taps, "requires_grad", False) for p in self.indices)
        if self.points_per_element > 1 or learns or all(p.taps is None for p in self.indices):
            return self
        return replace(self, indices=tuple(_there(p) for p in self.indices))

    @cached_property
    def out_shape(self) -> tuple[int, ...]:
        """Shape of the result."""
        shape = [n for a, n in enumerate(self.shape) if a not in self.pooled_dims]
        for at, n in sorted(zip(self.result_dims, self.windows_shape, strict=True)):
            shape.insert(at, n)
        return tuple(shape)

    @cached_property
    def windows(self) -> int:
        """How many windows there are."""
        return math.prod(self.windows_shape)

    @cached_property
    def points_per_element(self) -> int:
        """How many entries make one element."""
        return math.prod(p.points_per_element for p in self.indices)

    @cached_property
    def index_rows(self) -> tuple[Ints, ...]:
        """Which row of each AxisIndices every window reads."""
        inner = math.prod(p.out for p in self.indices)
        window = np.arange(self.windows, dtype=np.int64)
        group, rest = np.divmod(window, max(inner, 1))
        found: list[Ints] = []
        for p in reversed(self.indices):
            rest, o = np.divmod(rest, max(p.out, 1))
            found.append(group * p.out + o)
        return tuple(found[::-1])

    @cached_property
    def counts(self) -> Ints:
        """(windows,) how many elements each holds."""
        total = np.ones(self.windows, np.int64)
        for p, row in zip(self.indices, self.index_rows, strict=True):
            total *= p.counts[row]
        return total

    @cached_property
    def max_length(self) -> int:
        """The most elements in any window."""
        return int(self.counts.max()) if self.windows else 0

    @cached_property
    def lengths(self) -> tuple[int, ...]:
        """How many elements windows hold, each number once."""
        return tuple(np.unique(self.counts).tolist())

    @property
    def weighted(self) -> bool:
        """Whether the windows themselves weigh their elements."""
        return any(p.taps is not None for p in self.indices)

    @cached_property
    def outside(self) -> bool:
        """Whether some window holds the border's constant."""
        return self.group_ids is None and any(bool((p.index < 0).any()) for p in self.indices)

    @cached_property
    def odd(self) -> bool:
        """Whether every window holds an odd number of elements."""
        return all(n % 2 == 1 for n in self.lengths)

    @cached_property
    def has_empty(self) -> bool:
        """Whether some window holds nothing."""
        return bool((self.counts == 0).any())

    def select(self, windows: Ints) -> IndexedWindows:
        """These windows alone, on one axis in place of the first of the windows' axes."""
        picks = tuple(_rows_of(p, row[windows]) for p, row in zip(self.indices, self.index_rows, strict=True))
        inner = max(math.prod(p.out for p in self.indices), 1)
        groups = None if self.groups is None else self.groups[windows // inner]
        return IndexedWindows(
            self.shape, self.pooled_dims, picks, (len(windows),), self.result_dims[:1], groups, self.fill
        )

    @property
    def total_count(self) -> int:
        """How many elements the windows see, all together."""
        return math.prod(n for a, n in enumerate(self.shape) if a not in self.pooled_dims) * int(self.counts.sum())


def _rows_of(p: AxisIndices, rows: Ints) -> AxisIndices:
    """One window a group: these rows."""
    length = p.offsets[rows + 1] - p.offsets[rows]
    offsets = np.concatenate([[0], np.cumsum(length)]).astype(np.int64)
    entry = np.arange(offsets[-1]) - np.repeat(offsets[:-1] - p.offsets[rows], length)
    return AxisIndices(
        p.size, 1, offsets, p.index[entry], None if p.taps is None else p.taps[entry], p.points_per_element
    )


def _there(p: AxisIndices) -> AxisIndices:
    if p.taps is None:
        return p
    keep = np.asarray(p.taps.detach().cpu().numpy() if hasattr(p.taps, "detach") else p.taps) != 0
    offsets = np.concatenate([[0], np.cumsum(keep)])[p.offsets].astype(np.int64)
    return AxisIndices(p.size, p.out, offsets, p.index[keep])


@lru_cache(maxsize=256)
def as_indexed_windows(grid: Grid) -> IndexedWindows | None:
    """A Grid whose windows weigh their elements, axis by axis, as IndexedWindows; None where they do not, or see a border."""
    apart = grid.taps is None or isinstance(grid.taps, tuple)
    if not grid.weighted or not apart or grid.divisor != "present" or any(a.source is not None for a in grid.axes):
        return None
    rows = grid.taps if isinstance(grid.taps, tuple) else (None,) * len(grid.axes)
    picks = tuple(_picks(axis, taps) for axis, taps in zip(grid.axes, rows, strict=True))
    return IndexedWindows(grid.shape, grid.pooled_dims, picks, grid.windows_shape, grid.pooled_dims)


def _picks(axis: Axis, taps: Any) -> AxisIndices:
    owner = np.repeat(np.arange(axis.out), axis.length)
    offsets = np.concatenate([[0], np.cumsum(axis.length)]).astype(np.int64)
    place = np.arange(len(owner)) - offsets[owner]
    weights = axis.weights_at(owner, place)
    index = axis.first[owner] + place * axis.step
    if taps is not None:
        weights = weights * np.asarray(taps)[place + axis.absent_before[owner]]
        there = weights != 0  # what weighs nothing is not there: a window may be left without elements
        owner, index, weights = owner[there], index[there], weights[there]
        offsets = np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=axis.out))]).astype(np.int64)
    return AxisIndices(axis.size, axis.out, offsets, index, weights)
