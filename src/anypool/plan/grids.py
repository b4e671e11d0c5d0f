"""Windows as products of axes: Grid and GridConcat."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from .axis import Axis, Ints
from .taps import sums_inside, transposed_taps

Fill = float | tuple[float | None, ...] | None  # the border's constant: one, or one for each axis


@dataclass(frozen=True, eq=False)
class Grid:
    """A product of axes: window (o1, o2, …) is the product of window o1 of the first axis, o2 of
    the second, and so on."""

    shape: tuple[int, ...]  # shape of the input
    pooled_dims: tuple[int, ...]  # axes of the input that are pooled, ascending
    axes: tuple[Axis, ...]  # one for each pooled axis
    fill: Any = None  # the border's constant, a Fill
    divisor: str | float = "present"  # "present", "padded" or a number
    # weights by position in the window: a vector for each axis, or one table, of bools for a
    # footprint
    taps: tuple[NDArray[Any], ...] | NDArray[np.float64 | np.bool_] | None = None
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
        if self.taps is not None:
            return sums_inside((self.tap_weights() != 0).astype(np.int64), self.axes)
        return _outer([a.length for a in self.axes])

    @cached_property
    def total_weights(self) -> NDArray[np.float64]:
        """The sum of the taps of each window's present elements, or their number, in the windows'
        shape."""
        if self.taps is None or self.is_footprint:
            return self.present.astype(np.float64)
        return sums_inside(self.tap_weights(), self.axes)

    @cached_property
    def counts(self) -> NDArray[np.float64]:
        """The divisor of a mean, in the windows' shape."""
        if self.divisor == "present":
            return self.total_weights
        if self.divisor == "padded":
            return _outer([a.padded for a in self.axes]).astype(np.float64)
        return np.full(self.windows_shape, float(self.divisor))

    @cached_property
    def has_empty(self) -> bool:
        """Whether some window is empty."""
        if self.taps is not None:
            return bool(np.any(self.present == 0))
        return bool(any(np.any(a.length == 0) for a in self.axes)) and math.prod(self.windows_shape) > 0

    @cached_property
    def odd(self) -> bool:
        """Whether every window has an odd number of elements."""
        if self.taps is not None:
            return bool(np.all(self.present % 2 == 1))
        return all(bool(np.all(a.length % 2 == 1)) for a in self.axes)

    @cached_property
    def weighted(self) -> bool:
        """Whether the windows carry weights of their own."""
        return self.taps is not None or any(a.edge_weights is not None for a in self.axes)

    @property
    def has_real_weights(self) -> bool:
        """Whether the windows carry weights of their own that are numbers, not only a footprint."""
        return self.weighted and not (self.is_footprint and all(a.edge_weights is None for a in self.axes))

    @cached_property
    def most_elements(self) -> int:
        """The number of elements of the largest window; of a footprint, the number of its
        positions."""
        return int(np.count_nonzero(self.tap_weights())) if self.is_footprint else self.max_length

    def without_weights_for(self, reduction: Any) -> Grid:
        """The grid without edge weights and with bool taps, if the reduction only asks whether a
        weight is nonzero; else the same grid."""
        return self._unweighted if getattr(reduction, "ignores_weight_value", False) else self

    @cached_property
    def _unweighted(self) -> Grid:
        """The grid without edge weights, and the positions of its taps. An element that a window
        covers in part has a nonzero weight."""
        if all(a.edge_weights is None for a in self.axes) and (self.taps is None or self.is_footprint):
            return self
        taps = self.taps
        taps = tuple(t != 0 for t in taps) if isinstance(taps, tuple) else None if taps is None else taps != 0
        return replace(self, axes=tuple(replace(a, edge_weights=None) for a in self.axes), taps=taps)

    @cached_property
    def adjoint(self) -> Grid | None:
        """The transposed Grid: for each element the windows that contain it, with the same taps;
        None if their ends are weighted or they are not runs."""
        if self.taps is not None:
            return self._adjoint_of_taps()
        if self.weighted or any(a.source is not None or a.transposed is None for a in self.axes):
            return None
        axes = tuple(a.transposed for a in self.axes if a.transposed is not None)
        return Grid(self.out_shape, self.pooled_dims, axes)

    def _adjoint_of_taps(self) -> Grid | None:
        taps = self.tap_weights()
        axes = tuple(transposed_taps(a, k) for a, k in zip(self.axes, taps.shape, strict=True))
        plain = tuple(a for a in axes if a is not None)
        if len(plain) < len(axes) or any(a.edge_weights is not None for a in self.axes):
            return None
        fill = 0.0 if any(a.source is not None for a in plain) else None
        flipped = np.ascontiguousarray(taps[(slice(None, None, -1),) * taps.ndim])
        return Grid(self.out_shape, self.pooled_dims, plain, fill, taps=flipped)

    def along(self, table: NDArray[Any]) -> NDArray[Any]:
        """A table in the windows' shape, reshaped so that it broadcasts to the result."""
        shape = [1] * len(self.shape)
        for dim, axis in zip(self.pooled_dims, self.axes, strict=True):
            shape[dim] = axis.out
        return table.reshape(shape)

    def tap_weights(self) -> NDArray[np.float64]:
        """The taps as one table."""
        assert self.taps is not None
        table = _outer(self.taps) if isinstance(self.taps, tuple) else self.taps
        return table.astype(np.float64, copy=False)

    @property
    def is_footprint(self) -> bool:
        """Whether the taps only state which positions a window has."""
        tables = self.taps if isinstance(self.taps, tuple) else (self.taps,)
        return all(t is not None and t.dtype == np.bool_ for t in tables)

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
