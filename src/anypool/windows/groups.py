"""Unsorted groups: every element names the group that it belongs to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from ..arrays.incoming import array_of
from ..errors import PoolingError
from ..plan import Axis, AxisIndices, Grid, IndexedWindows, Ints, SparseGroups, joined_shape
from ..scalars import integer
from .base import MOST_WINDOWS, Kind
from .deferred import deferred, later

SPARSE = 4  # times as many groups as elements: only those that hold something are planned
LONG = 1 << 14  # elements of a group that runs add one to the next, which float32 feels; lists add them in parts


@dataclass(frozen=True, eq=False)
class Groups(Kind):
    """Elements that share a number; see `groups`."""

    index: Ints
    count: int
    made: dict[Any, Grid | IndexedWindows] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"groups(index of shape {self.index.shape}, count={self.count})"

    def deferred(self) -> Any:
        """The same groups with the index in the graph."""
        return later("groups", self.arguments())

    def arguments(self) -> dict[str, Any]:
        """What makes these windows; labels have become numbers from 0."""
        return {"index": self.index, "count": self.count}

    def plan(self, shape: tuple[int, ...], axes: tuple[int, ...] | None) -> Grid | IndexedWindows:
        at = self._axes(shape, axes)
        if (shape, at) not in self.made:
            if len(self.made) > 8:
                self.made.clear()
            self.made[shape, at] = self.lower(shape, at)
        return self.made[shape, at]

    def lower(self, shape: tuple[int, ...], at: tuple[int, ...]) -> Grid | IndexedWindows:
        """The IndexedWindows of the groups; runs along the axis where the index is in order, as segments are."""
        flat = self.index.reshape(-1)
        if self.count > SPARSE * (flat.size + 1024):
            return self._spread(shape, at)
        length = np.diff(self.offsets)
        if len(at) == 1 and length.max(initial=0) < LONG and bool((np.diff(flat) >= 0).all()):
            first = self.offsets[:-1] + (flat.size - self.offsets[-1])  # those of no group come first
            return Grid(shape, at, (Axis(flat.size, first, length, 1, np.zeros(self.count, np.int64), length),))
        return IndexedWindows(
            shape,
            at,
            (AxisIndices(flat.size, self.count, self.offsets, lambda: self.sorted),),
            (self.count,),
            at[:1],
            group_ids=np.ascontiguousarray(flat),
        )

    def _spread(self, shape: tuple[int, ...], at: tuple[int, ...]) -> SparseGroups:
        """The groups that hold something, numbered anew, and one that holds nothing."""
        numbers = np.unique(self.index[self.index >= 0])
        dense = Groups(renumbered(self.index, numbers), len(numbers) + 1)
        picks = AxisIndices(self.index.size, dense.count, dense.offsets, lambda: dense.sorted)
        owner = np.ascontiguousarray(dense.index.reshape(-1))
        return SparseGroups(
            shape, at, (picks,), (dense.count,), at[:1], group_ids=owner, group_numbers=numbers, total=self.count
        )

    def result_shape(self, shape: tuple[Any, ...], axes: tuple[int, ...] | None) -> tuple[Any, ...]:
        """One axis of groups in place of the first pooled one."""
        return joined_shape(shape, self._axes(tuple(shape), axes), self.count)

    @cached_property
    def offsets(self) -> Ints:
        """Where each group's elements begin, once they are sorted."""
        flat = self.index.reshape(-1)
        sizes = np.bincount(flat if not flat.size or flat.min() >= 0 else flat[flat >= 0], minlength=self.count)
        return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)

    @cached_property
    def sorted(self) -> Ints:
        """The elements group by group, in their order: made once, and only where they are wanted."""
        flat = self.index.reshape(-1)
        return np.argsort(flat, kind="stable")[flat.size - self.offsets[-1] :].astype(np.int64)

    def _axes(self, shape: tuple[int, ...], axes: tuple[int, ...] | None) -> tuple[int, ...]:
        return _axes_of(self.index, shape, axes)


def _axes_of(index: Any, shape: tuple[Any, ...], axes: tuple[int, ...] | None) -> tuple[int, ...]:
    rank, lengths = np.ndim(index), tuple(np.shape(index))
    at = tuple(range(len(shape) - rank, len(shape))) if axes is None and (rank > 1 or len(shape) == 1) else axes
    if at is None:
        raise PoolingError("groups(index) of one axis does not say which axis of x it lies on: give axes=0")
    if len(at) != rank or list(at) != sorted(at):
        raise PoolingError(f"axes={at}: the index has {rank} axes; name as many, in ascending order")
    if tuple(shape[a] for a in at) != lengths:
        raise PoolingError(
            f"index of shape {lengths} lies on axes {at} of x, whose lengths are {tuple(shape[a] for a in at)}"
        )
    return at


def _shape(
    given: dict[str, Any], shape: tuple[Any, ...], axes: tuple[int, ...] | None, fresh: Callable[[], Any]
) -> tuple[Any, ...]:
    """Of the result, where the index is not to be read."""
    labels = given.get("labels")
    count = given.get("count") if labels is None else np.shape(labels)[0]
    return joined_shape(shape, _axes_of(given["index"], shape, axes), fresh() if count is None else count)


@deferred("index", shape=_shape)
def groups(index: Any, *, count: int | None = None, labels: Any = None) -> Groups:
    """Unsorted groups: element i belongs to group index[i]; a negative number belongs to none.

    index: integers, shaped as the axes that it lies on (label maps, superpixels, graph nodes; one axis needs
    `axes`, several are the last ones). The result has one axis of `count` groups (default: the largest number + 1)
    in place of the first of them. Groups may be empty. Equal to `segments` where the index is sorted.
    labels: a row of different integers; group k is then of the elements whose number is labels[k], in this order, and all
    others belong to none. With `labels=np.unique(index)` the result is as long as there are different numbers, however
    large they are. Raises PoolingError for floats, for numbers beyond `count`, for `count` and `labels` together.

    >>> import numpy as np, anypool as ap
    >>> ap.pool(np.array([1.0, 2.0, 3.0, 4.0]), ap.groups([1, 0, 1, 1]), "mean", axes=0)
    array([2.        , 2.66666667])
    """
    made = array_of(index, "index")
    if made.size == 0 and made.dtype.kind == "f":
        made = made.astype(np.int64)
    if made.dtype.kind not in "iu" or made.ndim == 0:
        raise PoolingError(f"index of shape {made.shape} and dtype {made.dtype}: use an array of integers")
    if labels is not None:
        if count is not None:
            raise PoolingError(f"count={count} and labels=: the groups are as many as the labels; give one of the two")
        wanted = _labels(labels)
        return Groups(renumbered(made, wanted), len(wanted))
    most = int(made.max()) + 1 if made.size else 0
    total = max(most, 0) if count is None else integer(count, "count", 0)
    if most > total:
        raise PoolingError(
            f"index holds {most - 1}, but count={total}: groups are 0 to {total - 1}; give a larger count"
        )
    if total > MOST_WINDOWS:
        raise PoolingError(
            f"{total} groups: a result of that length cannot fit in memory; number the groups from 0, or give labels=np.unique(index)"
        )
    return Groups(made.astype(np.int64), total)


def _labels(given: Any) -> Ints:
    """A row of different integers."""
    labels = array_of(given, "labels")
    if labels.ndim != 1 or (labels.size and labels.dtype.kind not in "iu"):
        raise PoolingError(f"labels of shape {labels.shape} and dtype {labels.dtype}: use a row of integers")
    values, times = np.unique(labels, return_counts=True)
    if values.size < labels.size:
        raise PoolingError(f"labels hold {int(values[times > 1][0])} more than once: name each group once")
    return labels


def renumbered(index: Any, labels: Any) -> Ints:
    """Which of the labels each number of an index is, -1 where none."""
    if not len(labels):
        return np.full(index.shape, -1, np.int64)
    order = np.argsort(labels, kind="stable")
    ascending = labels[order]
    kind = np.result_type(index, labels)
    if kind.kind == "f":  # int64 and uint64: no type holds both
        kind = np.dtype(object)
    at = np.minimum(np.searchsorted(ascending.astype(kind), index.astype(kind)), len(labels) - 1)
    return np.where(ascending[at] == index, order[at], -1).astype(np.int64)
