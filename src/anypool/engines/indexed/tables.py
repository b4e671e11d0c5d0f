"""IndexedWindows in the form of the compiled core: index lists or group ids, weights, counts."""

from __future__ import annotations

import math
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...arrays.adapter import adapter_of
from ...plan import AxisIndices, IndexedWindows, Ints
from ..native.library import library


def address(table: Ints | NDArray[Any]) -> int:
    return table.ctypes.data


class Table:
    """IndexedWindows in the core's form: without constants and weights of 0, repeated positions
    merged."""

    def __init__(self, lists: IndexedWindows, weighs: bool) -> None:
        has_group_ids = lists.group_ids is not None
        parts = [_count_axis(p) if has_group_ids else _compact_axis(p, weighs) for p in lists.indices]
        self.indices = [pick for pick, _, _, _ in parts]
        weights, constants = np.ones(lists.windows), np.zeros(lists.windows, bool)
        counts = np.ones(lists.windows)
        for (_, total, n, outside), row in zip(parts, lists.index_rows, strict=True):
            weights *= total[row]
            counts *= n[row]
            constants |= outside[row]
        self.weights = weights if weighs else lists.counts.astype(np.float64)
        self.counts = counts  # the number of present elements
        self.cancels = bool(np.any((weights == 0) & (counts > 0)))  # weights of both signs
        self.constants = constants if constants.any() else None
        self.group_ids = lists.group_ids
        groups = lists.windows // max(math.prod(p.out for p in lists.indices), 1)
        images = lists.shape[lists.pooled_dims[0]] if lists.groups is not None else 1
        image_of_group = lists.groups if lists.groups is not None else np.zeros(groups, np.int64)
        self.order = np.argsort(image_of_group, kind="stable").astype(np.int64)
        self.begin = np.concatenate([[0], np.cumsum(np.bincount(image_of_group, minlength=images))]).astype(np.int64)

    @property
    def shuffled(self) -> bool:
        """Whether the group ids are not sorted."""
        return self.group_ids is not None and bool((np.diff(self.group_ids) < 0).any())

    @cached_property
    def indices_of_groups(self) -> AxisIndices:
        """The elements of each group, from the group ids."""
        owner, picks = self.group_ids, self.indices[0]
        assert owner is not None
        index, free = np.empty(int(picks.offsets[-1]), np.int64), np.array(picks.offsets)
        library().anypool_lists_sort(address(owner), len(owner), address(free), address(index))
        return AxisIndices(picks.size, picks.out, picks.offsets, index)


_Axis = tuple[AxisIndices, NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]


def _count_axis(p: AxisIndices) -> _Axis:
    """The indices unchanged, and the number of elements of each window."""
    many = p.counts.astype(np.float64)
    return p, many, many, np.zeros(len(p.offsets) - 1, np.bool_)


def _compact_axis(p: AxisIndices, weighs: bool) -> _Axis:
    """The indices along one axis in the core's form.

    Also returns the weight of each row (the number of its elements if points are interpolated), the
    number of elements with a weight, and which rows contain constants.
    """
    taps = None if p.taps is None else np.asarray(adapter_of(p.taps).numbers(p.taps), np.float64)
    rows = len(p.offsets) - 1
    if taps is None and (not len(p.index) or int(p.index.min()) >= 0):  # no constant of a border
        return _count_axis(p)
    outside: NDArray[np.bool_] = np.zeros(rows, np.bool_)
    owner = np.repeat(np.arange(rows), np.diff(p.offsets))
    outside[owner[(p.index < 0) & (taps != 0 if taps is not None else True)]] = True
    counts: NDArray[Any] = p.counts.astype(np.float64)
    total: NDArray[Any] = counts
    if p.points_per_element == 1 and taps is not None:
        total, counts = np.bincount(owner, taps, rows), np.bincount(owner, taps != 0, rows)
    keep = p.index >= 0
    if taps is not None:
        keep &= taps != 0
    owner, index = owner[keep], p.index[keep]
    if taps is None or not weighs:
        offsets = np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=rows))])
        return AxisIndices(p.size, p.out, offsets, index), total, counts, outside
    key = owner * p.size + index
    if len(key) and not (key[1:] > key[:-1]).all():
        key, back = np.unique(key, return_inverse=True)
        shares = np.bincount(back, taps[keep], len(key))
        owner, index = np.divmod(key, p.size)
    else:
        shares = taps[keep]
    offsets = np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=rows))])
    return (
        AxisIndices(p.size, p.out, offsets, np.ascontiguousarray(index), np.ascontiguousarray(shares)),
        total,
        counts,
        outside,
    )


@lru_cache(maxsize=64)
def table(lists: IndexedWindows, weighs: bool) -> Table:
    """The windows in the core's form."""
    return Table(lists, weighs)
