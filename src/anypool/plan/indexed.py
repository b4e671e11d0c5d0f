"""Windows that list the indices of their elements: AxisIndices along one axis, IndexedWindows as
products of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from .axis import Axis, Ints
from .grids import Grid


@dataclass(frozen=True, eq=False)
class AxisIndices:
    """The positions, each with a weight, that windows read along one axis or along adjacent axes
    taken as one.

    List r = group·out + o belongs to window o of a group: index[offsets[r]:offsets[r + 1]]. The
    index -1 is the border's constant. If points_per_element is above 1, that many entries form one
    element, an interpolated
    point: the sum of their values times their taps.
    """

    size: int  # the number of positions
    out: int  # windows in each group
    offsets: Ints  # (groups·out + 1,)
    entries: Ints | Callable[[], Ints]  # (entries,) positions, or a function that returns them
    taps: Any = None  # (entries,) weights, an array of x's library; None: all are 1
    points_per_element: int = 1

    @cached_property
    def index(self) -> Ints:
        """(entries,) positions, one list after the other."""
        return self.entries() if callable(self.entries) else self.entries

    @cached_property
    def counts(self) -> Ints:
        """(groups·out,) the number of elements of each list."""
        return np.diff(self.offsets) // self.points_per_element


@dataclass(frozen=True, eq=False)
class IndexedWindows:
    """Groups of windows. Each window is the product of one list of indices per axis: boxes, label
    maps, regions."""

    shape: tuple[int, ...]  # shape of the input
    pooled_dims: tuple[int, ...]  # axes of the input that are pooled, ascending; with `groups`, the first is theirs
    indices: tuple[AxisIndices, ...]
    windows_shape: tuple[int, ...]
    result_dims: tuple[int, ...]  # the axes of the result that hold the windows' axes
    groups: Ints | None = None  # (groups,) the position on the axis pooled_dims[0] that each group reads
    fill: float = 0.0  # the border's constant
    split: tuple[int, ...] | None = (
        None  # bins of position-sensitive boxes: `shape` is then that of x after `split_bins`
    )
    group_ids: Ints | None = None  # where windows are disjoint: (positions,) the window of each position, -1 is none

    @property
    def grids(self) -> tuple[IndexedWindows, ...]:
        """A tuple of itself; a GridConcat has several grids."""
        return (self,)

    def without_weights_for(self, reduction: Any) -> IndexedWindows:
        """The windows without weights, if the reduction only asks whether a weight is nonzero; else
        the same windows."""
        return self._unweighted if getattr(reduction, "ignores_weight_value", False) else self

    @cached_property
    def _unweighted(self) -> IndexedWindows:
        """The same windows with the elements of nonzero weight only. Interpolated points and
        learned weights stay."""
        learns = any(getattr(p.taps, "requires_grad", False) for p in self.indices)
        if self.points_per_element > 1 or learns or all(p.taps is None for p in self.indices):
            return self
        return replace(self, indices=tuple(_nonzero(p) for p in self.indices))

    @cached_property
    def out_shape(self) -> tuple[int, ...]:
        """The shape of the result."""
        shape = [n for a, n in enumerate(self.shape) if a not in self.pooled_dims]
        for at, n in sorted(zip(self.result_dims, self.windows_shape, strict=True)):
            shape.insert(at, n)
        return tuple(shape)

    @cached_property
    def windows(self) -> int:
        """The number of windows."""
        return math.prod(self.windows_shape)

    @cached_property
    def points_per_element(self) -> int:
        """The number of entries that form one element."""
        return math.prod(p.points_per_element for p in self.indices)

    @cached_property
    def index_rows(self) -> tuple[Ints, ...]:
        """For each axis, the list that each window reads."""
        inner = math.prod(p.out for p in self.indices)
        window = np.arange(self.windows, dtype=np.int64)
        group, rest = np.divmod(window, max(inner, 1))
        rows_by_axis: list[Ints] = []
        for p in reversed(self.indices):
            rest, o = np.divmod(rest, max(p.out, 1))
            rows_by_axis.append(group * p.out + o)
        return tuple(rows_by_axis[::-1])

    @cached_property
    def counts(self) -> Ints:
        """(windows,) the number of elements of each window."""
        total = np.ones(self.windows, np.int64)
        for p, row in zip(self.indices, self.index_rows, strict=True):
            total *= p.counts[row]
        return total

    @cached_property
    def max_length(self) -> int:
        """The number of elements of the largest window."""
        return int(self.counts.max()) if self.windows else 0

    @cached_property
    def lengths(self) -> tuple[int, ...]:
        """The distinct numbers of elements of the windows, ascending."""
        return tuple(np.unique(self.counts).tolist())

    @property
    def weighted(self) -> bool:
        """Whether the windows carry weights of their own."""
        return any(p.taps is not None for p in self.indices)

    @property
    def weight_tables(self) -> tuple[Any, ...]:
        """The windows' own weights, one table for each axis that has any. Taps of points
        interpolate: they are none."""
        return tuple(p.taps for p in self.indices if p.taps is not None and p.points_per_element == 1)

    @cached_property
    def outside(self) -> bool:
        """Whether some window reads the border's constant."""
        return self.group_ids is None and any(bool((p.index < 0).any()) for p in self.indices)

    @cached_property
    def odd(self) -> bool:
        """Whether every window has an odd number of elements."""
        return all(n % 2 == 1 for n in self.lengths)

    @cached_property
    def has_empty(self) -> bool:
        """Whether some window is empty."""
        return bool((self.counts == 0).any())

    @cached_property
    def pooled_axes_last(self) -> IndexedWindows:
        """The same windows of arrays whose pooled axes are last."""
        lead = [n for a, n in enumerate(self.shape) if a not in self.pooled_dims]
        shape = (*lead, *(self.shape[a] for a in self.pooled_dims))
        results = tuple(range(len(lead), len(self.out_shape)))
        return replace(self, shape=shape, pooled_dims=tuple(range(len(lead), len(shape))), result_dims=results)

    def select(self, windows: Ints) -> IndexedWindows:
        """Only the given windows, on one axis, which takes the position of the windows' first
        axis."""
        indices = tuple(_lists_of(p, row[windows]) for p, row in zip(self.indices, self.index_rows, strict=True))
        inner = max(math.prod(p.out for p in self.indices), 1)
        groups = None if self.groups is None else self.groups[windows // inner]
        return IndexedWindows(
            self.shape, self.pooled_dims, indices, (len(windows),), self.result_dims[:1], groups, self.fill
        )

    @property
    def total_count(self) -> int:
        """The number of elements of all windows together."""
        return math.prod(n for a, n in enumerate(self.shape) if a not in self.pooled_dims) * int(self.counts.sum())


def _lists_of(p: AxisIndices, rows: Ints) -> AxisIndices:
    """The given lists, one window per group."""
    length = p.offsets[rows + 1] - p.offsets[rows]
    offsets = np.concatenate([[0], np.cumsum(length)]).astype(np.int64)
    entry = np.arange(int(offsets[-1])) - np.repeat(offsets[:-1] - p.offsets[rows], length)
    return AxisIndices(
        p.size, 1, offsets, p.index[entry], None if p.taps is None else p.taps[entry], p.points_per_element
    )


def _nonzero(p: AxisIndices) -> AxisIndices:
    if p.taps is None:
        return p
    keep = np.asarray(p.taps.detach().cpu().numpy() if hasattr(p.taps, "detach") else p.taps) != 0
    offsets = np.concatenate([[0], np.cumsum(keep)])[p.offsets].astype(np.int64)
    return AxisIndices(p.size, p.out, offsets, p.index[keep])


@lru_cache(maxsize=256)
def as_indexed_windows(grid: Grid) -> IndexedWindows | None:
    """A weighted Grid as IndexedWindows; None if it has no weights, a border, a table of taps or
    another divisor."""
    separable = grid.taps is None or isinstance(grid.taps, tuple)
    if not grid.weighted or not separable or grid.divisor != "present" or any(a.source is not None for a in grid.axes):
        return None
    rows = grid.taps if isinstance(grid.taps, tuple) else (None,) * len(grid.axes)
    indices = tuple(_axis_indices(axis, taps) for axis, taps in zip(grid.axes, rows, strict=True))
    return IndexedWindows(grid.shape, grid.pooled_dims, indices, grid.windows_shape, grid.pooled_dims)


def _axis_indices(axis: Axis, taps: Any) -> AxisIndices:
    owner = np.repeat(np.arange(axis.out), axis.length)
    offsets = np.concatenate([[0], np.cumsum(axis.length)]).astype(np.int64)
    place = np.arange(len(owner)) - offsets[owner]
    weights = axis.weights_at(owner, place)
    index = axis.first[owner] + place * axis.step
    if taps is not None:
        weights = weights * np.asarray(taps)[place + axis.absent_before[owner]]
        there = weights != 0  # an element of weight 0 is absent, so that a window may become empty
        owner, index, weights = owner[there], index[there], weights[there]
        offsets = np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=axis.out))]).astype(np.int64)
    return AxisIndices(axis.size, axis.out, offsets, index, weights)
