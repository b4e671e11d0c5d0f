"""Windows as products of axes: Axis, Grid and GridConcat."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Fill = float | tuple[float | None, ...] | None  # the border's constant: one, or one for each axis


@dataclass(frozen=True, eq=False)
class Axis:
    """One pooled axis: window o has the positions first[o] + j·step for j < length[o]. All of them
    are present.

    With `source`, positions refer to a virtual axis. Its element v is element source[v] of the real
    axis, or the border's constant if source[v] is -1. No border is materialised.
    """

    size: int  # length of the real axis
    first: Ints  # (out,) position of the first present element of each window
    length: Ints  # (out,) number of present elements; 0 is an empty window
    step: int  # distance between adjacent elements of a window
    absent_before: Ints  # (out,) number of absent taps before the first present one
    padded: NDArray[Any]  # (out,) number of taps inside the padded input; a length if windows are real-valued
    source: Ints | None = None  # virtual axis -> real axis, -1 is the constant
    stride: int = 0  # distance between adjacent windows; 0 if irregular
    edge_weights: NDArray[np.float64] | None = (
        None  # (out, 2) weights of a window's first and last element; all others weigh 1
    )

    @cached_property
    def out(self) -> int:
        """The number of windows."""
        return len(self.first)

    @cached_property
    def max_length(self) -> int:
        """The number of elements of the longest window."""
        return int(self.length.max()) if len(self.length) else 0

    @cached_property
    def extent(self) -> int:
        """The length of the virtual axis, or of the real axis without `source`."""
        return self.size if self.source is None else len(self.source)

    @cached_property
    def regular(self) -> tuple[int, int]:
        """The range of windows that are full and `stride` apart. Kernels need no table for them."""
        if not self.stride or not self.out:
            return 0, 0
        full = np.flatnonzero(self.length == self.max_length)
        lo, hi = int(full[0]), int(full[-1]) + 1
        uniform = hi - lo == len(full) and bool(np.all(np.diff(self.first[lo:hi]) == self.stride))
        return (lo, hi) if uniform else (0, 0)

    def weights_at(self, window: Ints, j: Ints | int) -> NDArray[np.float64]:
        """The weight of element j of a window, for arrays of windows and of j that broadcast."""
        if self.edge_weights is None:
            return np.ones(np.broadcast_shapes(window.shape, np.asarray(j).shape))
        last = np.where(j == self.length[window] - 1, self.edge_weights[window, 1], 1.0)
        return np.where(j == 0, self.edge_weights[window, 0], last)

    @cached_property
    def transposed(self) -> Axis | None:
        """The transposed axis: for each element the run of windows that contain it; None if they
        are not runs."""
        if self.step != 1 or np.any(np.diff(self.first) < 0) or np.any(np.diff(self.first + self.length) < 0):
            return None
        here = np.arange(self.extent, dtype=np.int64)
        end = np.searchsorted(self.first, here, side="right")
        start = np.minimum(np.searchsorted(self.first + self.length, here, side="right"), end)
        zero = np.zeros(self.extent, np.int64)
        stride = int(self.stride == 1)
        return Axis(self.out, start.astype(np.int64), (end - start).astype(np.int64), 1, zero, zero, None, stride)

    @cached_property
    def holders(self) -> tuple[Ints, Ints]:
        """Two (size, most) tables for each real position: the windows that contain it, and its
        number j in each; -1 is none."""
        window = np.repeat(np.arange(self.out), self.length)
        starts = np.cumsum(self.length) - self.length
        number = np.arange(len(window)) - np.repeat(starts, self.length)
        position = self.first[window] + number * self.step
        if self.source is not None:
            position = self.source[position]
            real = position >= 0
            window, number, position = window[real], number[real], position[real]
        order = np.argsort(position, kind="stable")
        window, number, position = window[order], number[order], position[order]
        count = np.bincount(position, minlength=self.size)
        slot = np.arange(len(position)) - np.repeat(np.cumsum(count) - count, count)
        shape = (self.size, int(count.max()) if len(count) else 0)
        windows, numbers = np.full(shape, -1, np.int64), np.full(shape, -1, np.int64)
        windows[position, slot], numbers[position, slot] = window, number
        return windows, numbers


@dataclass(frozen=True, eq=False)
class Grid:
    """A product of axes: window (o1, o2, …) is the product of window o1 of the first axis, o2 of
    the second, and so on."""

    shape: tuple[int, ...]  # shape of the input
    pooled_dims: tuple[int, ...]  # axes of the input that are pooled, ascending
    axes: tuple[Axis, ...]  # one for each pooled axis
    fill: Any = None  # the border's constant, a Fill
    divisor: str | float = "present"  # "present", "padded" or a number
    taps: tuple[NDArray[np.float64], ...] | NDArray[np.float64] | None = (
        None  # weights by position in the window: a vector for each axis, or one table
    )
    gathered: bool = False  # the windows were copied next to each other: no engine copies them again

    @property
    def grids(self) -> tuple[Grid, ...]:
        """A tuple of itself; a GridConcat has several grids."""
        return (self,)

    @property
    def fills(self) -> tuple[float | None, ...]:
        """The border's constant of each axis; None if there is none."""
        fill: Fill = self.fill
        return fill if isinstance(fill, tuple) else (fill,) * len(self.axes)

    @cached_property
    def out_shape(self) -> tuple[int, ...]:
        """The shape of the result."""
        shape = list(self.shape)
        for dim, axis in zip(self.pooled_dims, self.axes, strict=True):
            shape[dim] = axis.out
        return tuple(shape)

    @cached_property
    def windows_shape(self) -> tuple[int, ...]:
        """The number of windows along each pooled axis."""
        return tuple(a.out for a in self.axes)

    @cached_property
    def max_length(self) -> int:
        """The number of elements of the largest window."""
        return math.prod(a.max_length for a in self.axes)

    @cached_property
    def present(self) -> Ints:
        """The number of present elements of each window, in the windows' shape."""
        return _outer([a.length for a in self.axes])

    @cached_property
    def counts(self) -> NDArray[np.float64]:
        """The divisor of a mean, in the windows' shape."""
        if self.divisor == "present":
            return self.present.astype(np.float64)
        if self.divisor == "padded":
            return _outer([a.padded for a in self.axes]).astype(np.float64)
        return np.full(self.windows_shape, float(self.divisor))

    @cached_property
    def has_empty(self) -> bool:
        """Whether some window is empty."""
        return bool(any(np.any(a.length == 0) for a in self.axes)) and math.prod(self.windows_shape) > 0

    @cached_property
    def odd(self) -> bool:
        """Whether every window has an odd number of elements."""
        return all(bool(np.all(a.length % 2 == 1)) for a in self.axes)

    @cached_property
    def weighted(self) -> bool:
        """Whether the windows carry weights of their own."""
        return self.taps is not None or any(a.edge_weights is not None for a in self.axes)

    def without_weights_for(self, reduction: Any) -> Grid:
        """The grid without edge weights, if the reduction only asks whether a weight is nonzero;
        else the same grid."""
        return self._unweighted if getattr(reduction, "ignores_weight_value", False) else self

    @cached_property
    def _unweighted(self) -> Grid:
        """The grid without edge weights. An element that a window covers in part has a nonzero
        weight."""
        if all(a.edge_weights is None for a in self.axes):
            return self
        return replace(self, axes=tuple(replace(a, edge_weights=None) for a in self.axes))

    @cached_property
    def adjoint(self) -> Grid | None:
        """The transposed Grid: for each element the windows that contain it; None if they are
        weighted or are not runs."""
        if self.weighted or any(a.source is not None or a.transposed is None for a in self.axes):
            return None
        axes = tuple(a.transposed for a in self.axes if a.transposed is not None)
        return Grid(self.out_shape, self.pooled_dims, axes)

    def along(self, table: NDArray[Any]) -> NDArray[Any]:
        """A table in the windows' shape, reshaped so that it broadcasts to the result."""
        shape = [1] * len(self.shape)
        for dim, axis in zip(self.pooled_dims, self.axes, strict=True):
            shape[dim] = axis.out
        return table.reshape(shape)

    def tap_weights(self) -> NDArray[np.float64]:
        """The taps as one table."""
        assert self.taps is not None
        return _outer(self.taps) if isinstance(self.taps, tuple) else self.taps

    @property
    def weight_tables(self) -> tuple[NDArray[np.float64], ...]:
        """The windows' own weights: their taps, and the weights of their first and last
        elements."""
        taps = () if self.taps is None else (self.tap_weights(),)
        return (*taps, *(a.edge_weights for a in self.axes if a.edge_weights is not None))

    @property
    def total_count(self) -> int:
        """The number of elements of all windows together."""
        lead = math.prod(n for a, n in enumerate(self.shape) if a not in self.pooled_dims)
        return lead * math.prod(int(a.length.sum()) for a in self.axes)


@dataclass(frozen=True, eq=False)
class GridConcat:
    """Several Grids over the same axes of one array. The result has their windows on one axis, grid
    after grid.

    That axis replaces the first pooled axis. The result lacks the other pooled axes.
    """

    grids: tuple[Grid, ...]

    @property
    def pooled_dims(self) -> tuple[int, ...]:
        """Axes of the input that are pooled, ascending."""
        return self.grids[0].pooled_dims

    @cached_property
    def out_shape(self) -> tuple[int, ...]:
        """The shape of the result."""
        return joined_shape(self.grids[0].shape, self.pooled_dims, sum(math.prod(g.windows_shape) for g in self.grids))

    @property
    def total_count(self) -> int:
        """The number of elements of all windows together."""
        return sum(g.total_count for g in self.grids)


def joined_shape(shape: Sequence[Any], pooled_dims: Sequence[int], windows: Any) -> tuple[Any, ...]:
    """The shape after one axis of length `windows` replaces the axes `pooled_dims`."""
    first = min(pooled_dims)
    return tuple(windows if a == first else n for a, n in enumerate(shape) if a == first or a not in pooled_dims)


def _outer(tables: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """The outer product of vectors."""
    return reduce(cast(Any, np.multiply.outer), tables)
