"""Unsorted groups: each element has a group number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays.incoming import array_of
from ..errors import PoolingError
from ..plan import Axis, AxisIndices, Grid, IndexedWindows, Ints, SparseGroups, joined_shape
from ..scalars import integer
from .deferred import deferred, later
from .window_kind import MOST_WINDOWS, Kind

SPARSE = 4  # above this ratio of groups to elements, the plan has the nonempty groups only
LONG = 1 << 14  # from this group length on, sums of a Grid lose float32 digits; IndexedWindows add in parts


@dataclass(frozen=True, eq=False)
class Groups(Kind):
    """Elements with the same number; see `groups`."""

    index: Ints
    count: int
    plans: dict[Any, Grid | IndexedWindows] = field(default_factory=dict[Any, Grid | IndexedWindows])

    def __repr__(self) -> str:
        return f"groups(index of shape {self.index.shape}, count={self.count})"

    def deferred(self) -> Any:
        """The same groups with the index as a tensor of the graph."""
        return later("groups", self.arguments())

    def arguments(self) -> dict[str, Any]:
        """The arguments of the constructor. Labels are replaced by numbers from 0."""
        return {"index": self.index, "count": self.count}

    def plan(self, shape: tuple[int, ...], axes: tuple[int, ...] | None) -> Grid | IndexedWindows:
        at = self._axes(shape, axes)
        if (shape, at) not in self.plans:
            if len(self.plans) > 8:
                self.plans.clear()
            self.plans[shape, at] = self.lower(shape, at)
        return self.plans[shape, at]

    def lower(self, shape: tuple[int, ...], at: tuple[int, ...]) -> Grid | IndexedWindows:
        """The IndexedWindows of the groups; a Grid if the index is sorted."""
        flat = self.index.reshape(-1)
        if self.count > SPARSE * (flat.size + 1024):
            return self._nonempty_groups(shape, at)
        length = np.diff(self.offsets)
        if len(at) == 1 and length.max(initial=0) < LONG and bool((np.diff(flat) >= 0).all()):
            first = self.offsets[:-1] + (flat.size - self.offsets[-1])  # elements without a group come first
            return Grid(shape, at, (Axis(flat.size, first, length, 1, np.zeros(self.count, np.int64), length),))
        return IndexedWindows(
            shape,
            at,
            (AxisIndices(flat.size, self.count, self.offsets, lambda: self.sorted),),
            (self.count,),
            at[:1],
            group_ids=np.ascontiguousarray(flat),
        )

    def _nonempty_groups(self, shape: tuple[int, ...], at: tuple[int, ...]) -> SparseGroups:
        """The nonempty groups, renumbered, and one empty group."""
        numbers = np.unique(self.index[self.index >= 0])
        dense = Groups(renumbered(self.index, numbers), len(numbers) + 1)
        indices = AxisIndices(self.index.size, dense.count, dense.offsets, lambda: dense.sorted)
        owner = np.ascontiguousarray(dense.index.reshape(-1))
        return SparseGroups(
            shape, at, (indices,), (dense.count,), at[:1], group_ids=owner, group_numbers=numbers, total=self.count
        )

    def result_shape(self, shape: tuple[Any, ...], axes: tuple[int, ...] | None) -> tuple[Any, ...]:
        """The shape of the result: one axis of groups replaces the first pooled axis."""
        return joined_shape(shape, self._axes(tuple(shape), axes), self.count)

    @cached_property
    def offsets(self) -> Ints:
        """The offset of each group's elements in `sorted`."""
        flat = self.index.reshape(-1)
        sizes = np.bincount(flat if not flat.size or flat.min() >= 0 else flat[flat >= 0], minlength=self.count)
        return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)

    @cached_property
    def sorted(self) -> Ints:
        """The elements, stably sorted by group. Computed on first use."""
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
    arguments: dict[str, Any], shape: tuple[Any, ...], axes: tuple[int, ...] | None, fresh: Callable[[], Any]
) -> tuple[Any, ...]:
    """The shape of the result, without reading the index."""
    labels = arguments.get("labels")
    count = arguments.get("count") if labels is None else np.shape(labels)[0]
    return joined_shape(shape, _axes_of(arguments["index"], shape, axes), fresh() if count is None else count)


@deferred("index", shape=_shape)
def groups(index: Any, *, count: int | None = None, labels: Any = None) -> Groups:
    """Unsorted groups: element i belongs to group index[i]. An element with a negative number
    belongs to no group.

    index: integers in the shape of the pooled axes (label maps, superpixels, graph nodes). One axis
    needs `axes`; several are the last axes by default.
    count: the number of groups; default: the largest number + 1. Groups may be empty. One axis of
    `count` groups replaces the first pooled axis of the result.
    labels: distinct integers. Group k has the elements of number labels[k]; all other elements
    belong to no group. `labels=np.unique(index)` gives one group for each distinct number, however
    large.
    Raises PoolingError for floats, for numbers of `count` or above, and for `count` and `labels`
    together.

    >>> import numpy as np, anypool as ap
    >>> ap.pool(np.array([1.0, 2.0, 3.0, 4.0]), ap.groups([1, 0, 1, 1]), "mean", axes=0)
    array([2.        , 2.66666667])
    """
    ids = array_of(index, "index")
    if ids.size == 0 and ids.dtype.kind == "f":
        ids = ids.astype(np.int64)
    if ids.dtype.kind not in "iu" or ids.ndim == 0:
        raise PoolingError(f"index of shape {ids.shape} and dtype {ids.dtype}: use an array of integers")
    if labels is not None:
        if count is not None:
            raise PoolingError(f"count={count} and labels=: the groups are as many as the labels; give one of the two")
        names = _labels(labels)
        return Groups(renumbered(ids, names), len(names))
    most = int(ids.max()) + 1 if ids.size else 0
    total = max(most, 0) if count is None else integer(count, "count", 0)
    if most > total:
        raise PoolingError(
            f"index holds {most - 1}, but count={total}: groups are 0 to {total - 1}; give a larger count"
        )
    if total > MOST_WINDOWS:
        raise PoolingError(
            f"{total} groups: a result of that length cannot fit in memory; number the groups from 0, or give labels=np.unique(index)"
        )
    return Groups(ids.astype(np.int64), total)


def _labels(value: Any) -> NDArray[Any]:
    """An array of distinct integers."""
    labels = array_of(value, "labels")
    if labels.ndim != 1 or (labels.size and labels.dtype.kind not in "iu"):
        raise PoolingError(f"labels of shape {labels.shape} and dtype {labels.dtype}: use a row of integers")
    values, times = np.unique(labels, return_counts=True)
    if values.size < labels.size:
        raise PoolingError(f"labels hold {int(values[times > 1][0])} more than once: name each group once")
    return labels


def renumbered(index: NDArray[Any], labels: NDArray[Any]) -> Ints:
    """For each number of an index its position among the labels; -1 if it is none of them."""
    if not len(labels):
        return np.full(index.shape, -1, np.int64)
    order = np.argsort(labels, kind="stable")
    ascending = labels[order]
    kind: np.dtype[Any] = np.result_type(index, labels)
    if kind.kind == "f":  # int64 and uint64 have no common integer type
        kind = np.dtype(object)
    at = np.minimum(np.searchsorted(ascending.astype(kind), index.astype(kind)), len(labels) - 1)
    return np.where(ascending[at] == index, order[at], -1).astype(np.int64)
