"""Windows as products of axes: Axis, Grid, GridConcat, records of plain integers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Axis:
    """One pooled axis: window o holds positions first[o] + j·step, j < length[o], all of them present.

    With `source`, positions are numbers of an imagined axis whose element v is source[v] of the
    real one, or the border's constant where source[v] is -1: no border is ever materialised.
    """

    size: int  # length of the real axis
    first: Ints  # (out,) position of each window's first present element
    length: Ints  # (out,) how many present elements; 0 is an empty window
    step: int  # distance between neighbours in a window
    absent_before: Ints  # (out,) absent taps before the first present one
    padded: NDArray[Any]  # (out,) taps inside the padded input, or their length where windows are real-valued
    source: Ints | None = None  # imagined axis -> real axis, -1 is the constant
    stride: int = 0  # distance between neighbouring windows, 0 where irregular
    edge_weights: NDArray[np.float64] | None = (
        None  # (out, 2) weight of a window's first and last element; 1 between them
    )

    @cached_property
    def out(self) -> int:
        """How many windows."""
        return len(self.first)

    @cached_property
    def max_length(self) -> int:
        """The most elements that any window holds."""
        return int(self.length.max()) if len(self.length) else 0

    @cached_property
    def extent(self) -> int:
        """Length of the imagined axis."""
        return self.size if self.source is None else len(self.source)

    @cached_property
    def regular(self) -> tuple[int, int]:
        """The range of windows that are full and `stride` apart: a kernel needs no table there."""
        if not self.stride or not self.out:
            return 0, 0
        full = np.flatnonzero(self.length == self.max_length)
        lo, hi = int(full[0]), int(full[-1]) + 1
        steady = hi - lo == len(full) and bool(np.all(np.diff(self.first[lo:hi]) == self.stride))
        return (lo, hi) if steady else (0, 0)

    def weights_at(self, window: Any, place: Any) -> NDArray[np.float64]:
        """The weight of the element at this place of this window, for tables of both that broadcast."""
        if self.edge_weights is None:
            return np.ones(np.broadcast_shapes(np.shape(window), np.shape(place)))
        last = np.where(place == self.length[window] - 1, self.edge_weights[window, 1], 1.0)
        return np.where(place == 0, self.edge_weights[window, 0], last)

    @cached_property
    def transposed(self) -> Axis | None:
        """The axis read the other way, element by element: the run of windows that hold each; None if no run."""
        if self.step != 1 or np.any(np.diff(self.first) < 0) or np.any(np.diff(self.first + self.length) < 0):
            return None
        here = np.arange(self.extent, dtype=np.int64)
        end = np.searchsorted(self.first, here, side="right")
        start = np.minimum(np.searchsorted(self.first + self.length, here, side="right"), end)
        none = np.zeros(self.extent, np.int64)
        stride = int(self.stride == 1)
        return Axis(self.out, start.astype(np.int64), (end - start).astype(np.int64), 1, none, none, None, stride)

    @cached_property
    def holders(self) -> tuple[Ints, Ints]:
        """For each real position the windows that hold it and its place in each: two (size, most) tables, -1 is none."""
        window = np.repeat(np.arange(self.out), self.length)
        starts = np.cumsum(self.length) - self.length
        place = np.arange(len(window)) - np.repeat(starts, self.length)
        position = self.first[window] + place * self.step
        if self.source is not None:
            position = self.source[position]
            real = position >= 0
            window, place, position = window[real], place[real], position[real]
        order = np.argsort(position, kind="stable")
        window, place, position = window[order], place[order], position[order]
        held = np.bincount(position, minlength=self.size)
        slot = np.arange(len(position)) - np.repeat(np.cumsum(held) - held, held)
        shape = (self.size, int(held.max()) if len(held) else 0)
        windows, places = np.full(shape, -1, np.int64), np.full(shape, -1, np.int64)
        windows[position, slot], places[position, slot] = window, place
        return windows, places


@dataclass(frozen=True, eq=False)
class Grid:
    """A product of axes: window (o1, o2 …) holds the product of what each axis holds."""

    shape: tuple[int, ...]  # of the input
    pooled_dims: tuple[int, ...]  # which axes of the input are pooled, ascending
    axes: tuple[Axis, ...]  # one each
    fill: Any = None  # the constant beyond the edge: one number, or one for each axis where they differ
    divisor: str | float = "present"  # "present", "padded" or a number
    taps: tuple[NDArray[np.float64], ...] | NDArray[np.float64] | None = (
        None  # weight by tap: an axis each, or one product
    )
    gathered: bool = False  # windows that were copied side by side before: no engine copies them again

    @property
    def grids(self) -> tuple[Grid, ...]:
        """Itself alone, as a GridConcat has several."""
        return (self,)

    @property
    def fills(self) -> tuple[Any, ...]:
        """The constant beyond the edge of each axis; None where there is none."""
        return self.fill if isinstance(self.fill, tuple) else (self.fill,) * len(self.axes)

    @cached_property
    def out_shape(self) -> tuple[int, ...]:
        """Shape of the result."""
        shape = list(self.shape)
        for at, axis in zip(self.pooled_dims, self.axes, strict=True):
            shape[at] = axis.out
        return tuple(shape)

    @cached_property
    def windows_shape(self) -> tuple[int, ...]:
        """One window count a pooled axis."""
        return tuple(a.out for a in self.axes)

    @cached_property
    def max_length(self) -> int:
        """The most elements in any window."""
        return math.prod(a.max_length for a in self.axes)

    @cached_property
    def present(self) -> Ints:
        """How many elements each window holds, shaped as the windows."""
        return _outer([a.length for a in self.axes])

    @cached_property
    def counts(self) -> NDArray[np.float64]:
        """What a mean divides by, shaped as the windows."""
        if self.divisor == "present":
            return self.present.astype(np.float64)
        if self.divisor == "padded":
            return _outer([a.padded for a in self.axes]).astype(np.float64)
        return np.full(self.windows_shape, float(self.divisor))

    @cached_property
    def has_empty(self) -> bool:
        """Whether some window holds nothing."""
        return bool(any(np.any(a.length == 0) for a in self.axes)) and math.prod(self.windows_shape) > 0

    @cached_property
    def odd(self) -> bool:
        """Whether every window holds an odd number of elements."""
        return all(bool(np.all(a.length % 2 == 1)) for a in self.axes)

    @cached_property
    def weighted(self) -> bool:
        """Whether the windows themselves weigh their elements."""
        return self.taps is not None or any(a.edge_weights is not None for a in self.axes)

    def without_weights_for(self, reduction: Any) -> Grid:
        """What a reduction sees of it: one for which a weight only says that an element is there needs no ends."""
        return self._unweighted if getattr(reduction, "ignores_weight_value", False) else self

    @cached_property
    def _unweighted(self) -> Grid:
        """An element that a window holds by a real-valued share weighs more than nothing."""
        if all(a.edge_weights is None for a in self.axes):
            return self
        return replace(self, axes=tuple(replace(a, edge_weights=None) for a in self.axes))

    @cached_property
    def adjoint(self) -> Grid | None:
        """The Grid read the other way: which windows hold each element; None if they are no runs, or weigh."""
        if self.weighted or any(a.source is not None or a.transposed is None for a in self.axes):
            return None
        axes = tuple(a.transposed for a in self.axes if a.transposed is not None)
        return Grid(self.out_shape, self.pooled_dims, axes)

    def along(self, table: NDArray[Any]) -> NDArray[Any]:
        """A table shaped as the windows, broadcastable to the result."""
        shape = [1] * len(self.shape)
        for at, axis in zip(self.pooled_dims, self.axes, strict=True):
            shape[at] = axis.out
        return table.reshape(shape)

    def tap_weights(self) -> NDArray[np.float64]:
        """The full product of the taps."""
        assert self.taps is not None
        return reduce(np.multiply.outer, self.taps) if isinstance(self.taps, tuple) else self.taps

    @property
    def total_count(self) -> int:
        """How many elements the windows see, all together."""
        lead = math.prod(n for a, n in enumerate(self.shape) if a not in self.pooled_dims)
        return lead * math.prod(int(a.length.sum()) for a in self.axes)


@dataclass(frozen=True, eq=False)
class GridConcat:
    """Several Grids over the same axes of one array: their windows lie, one Grid after the other, on one axis.

    That axis stands in the place of the first pooled axis; the other pooled axes are gone.
    """

    grids: tuple[Grid, ...]

    @property
    def pooled_dims(self) -> tuple[int, ...]:
        """The pooled axes, ascending."""
        return self.grids[0].pooled_dims

    @cached_property
    def out_shape(self) -> tuple[int, ...]:
        """Shape of the result."""
        return joined_shape(self.grids[0].shape, self.pooled_dims, sum(math.prod(g.windows_shape) for g in self.grids))

    @property
    def total_count(self) -> int:
        """How many elements the windows see, all together."""
        return sum(g.total_count for g in self.grids)


def joined_shape(shape: Sequence[Any], at: Sequence[int], windows: Any) -> tuple[Any, ...]:
    """The shape with one axis of `windows` in place of the axes `at`."""
    return tuple(windows if a == min(at) else n for a, n in enumerate(shape) if a == min(at) or a not in at)


def _outer(tables: Sequence[NDArray[Any]]) -> NDArray[Any]:
    return reduce(np.multiply.outer, tables)
