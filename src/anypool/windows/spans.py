"""Runs of consecutive positions along one axis, or along one axis of each row: in any order,
overlapping, with gaps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from ..errors import PoolingError
from ..plan import Axis, AxisIndices, Grid, IndexedWindows, Ints, joined_shape
from .arguments import integer_row, need_axes
from .deferred import deferred, later
from .window_kind import Flat, Kind, grid_of

AXIS = "the axis they lie on, such as axes=0"
ROWS = "spans(…, rows=…) lie on two axes: give axes=(batch, time), such as axes=(0, 1)"


@dataclass(frozen=True, eq=False)
class Spans(Kind):
    """Runs of consecutive positions; see `spans`."""

    starts: Ints
    stops: Ints
    rows: Ints | None = None
    plans: dict[Any, Any] = field(default_factory=dict[Any, Any])

    def __repr__(self) -> str:
        if len(self.starts) > 6:
            return f"spans({len(self.starts)} of them{'' if self.rows is None else ', by rows'})"
        rows = "" if self.rows is None else f", rows={self.rows.tolist()}"
        return f"spans({self.starts.tolist()}, {self.stops.tolist()}{rows})"

    def deferred(self) -> Any:
        """The same spans with their ends as tensors of the graph."""
        return later("spans", self.arguments())

    def arguments(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        ends: dict[str, Any] = {"starts": self.starts, "stops": self.stops}
        return ends if self.rows is None else {**ends, "rows": self.rows}

    def plan(self, shape: tuple[int, ...], axes: tuple[int, ...] | None) -> Grid | IndexedWindows:
        return grid_of(self, shape, self._axes(shape, axes))

    def result_shape(self, shape: tuple[Any, ...], axes: tuple[int, ...] | None) -> tuple[Any, ...]:
        """The shape of the result: the spans' axis replaces the first pooled axis."""
        return joined_shape(shape, self._axes(shape, axes), len(self.starts))

    def lower(self, shape: tuple[int, ...], at: tuple[int, ...]) -> Grid | IndexedWindows:
        """A Grid if starts and stops ascend, else IndexedWindows."""
        self._check(shape, at)
        length = self.stops - self.starts
        if self.rows is None and self._ascending(self.starts, self.stops):
            zero = np.zeros(len(length), np.int64)
            return Grid(shape, at, (Axis(shape[at[0]], self.starts, length, 1, zero, length),))
        offsets = np.concatenate([[0], np.cumsum(length)]).astype(np.int64)
        entries = lambda: self._positions(shape, at, offsets)  # noqa: E731
        size = int(np.prod([shape[a] for a in at], dtype=np.int64))
        indices = AxisIndices(size, len(length), offsets, entries)
        pooled = tuple(sorted(at))
        return IndexedWindows(shape, pooled, (indices,), (len(length),), pooled[:1])

    def flat(self, shape: tuple[int, ...], axes: tuple[int, ...] | None) -> Flat | None:
        """The spans along the axis of all rows, in ascending order; None if they are so already."""
        at = self._axes(shape, axes)
        if self.rows is None:
            if self._ascending(self.starts, self.stops) or self.order is None:
                return None
            self._check(shape, at)
            return Flat(self._in_order, at, self.order)
        key = "flat", tuple(shape[a] for a in at)
        if key not in self.plans:
            self._check(shape, at)
            before = self.rows * shape[at[1]]
            along = Spans(self.starts + before, self.stops + before)
            if not along._ascending(along.starts, along.stops) and along.order is not None:
                self.plans[key] = along._in_order, along.order
            else:
                self.plans[key] = along, None
        along, order = self.plans[key]
        return Flat(along, at, order)

    @cached_property
    def order(self) -> Ints | None:
        """The place of each span among the spans in ascending order; None if stops do not ascend
        with starts."""
        ascending = np.lexsort((self.stops, self.starts))
        if not self._ascending(self.starts[ascending], self.stops[ascending]):
            return None
        place = np.empty(len(ascending), np.int64)
        place[ascending] = np.arange(len(ascending))
        return place

    @cached_property
    def _in_order(self) -> Spans:
        ascending = np.lexsort((self.stops, self.starts))
        return Spans(self.starts[ascending], self.stops[ascending])

    @staticmethod
    def _ascending(starts: Ints, stops: Ints) -> bool:
        return bool((np.diff(starts) >= 0).all() and (np.diff(stops) >= 0).all())

    def _axes(self, shape: tuple[Any, ...], axes: tuple[int, ...] | None) -> tuple[int, ...]:
        return _axes_of(self.rows is not None, shape, axes)

    def _check(self, shape: tuple[int, ...], at: tuple[int, ...]) -> None:
        """Raise PoolingError for spans outside x."""
        n = shape[at[-1]]
        if len(self.stops) and int(self.stops.max()) > n:
            k = int(np.argmax(self.stops > n))
            raise PoolingError(
                f"span {k} is {self.starts[k]} to {self.stops[k]}, but axis {at[-1]} of x has length {n}: "
                f"stops must be at most {n}"
            )
        if self.rows is not None and len(self.rows) and int(self.rows.max()) >= shape[at[0]]:
            k = int(np.argmax(self.rows >= shape[at[0]]))
            raise PoolingError(
                f"span {k} reads row {self.rows[k]}, but axis {at[0]} of x has length {shape[at[0]]}: "
                f"rows must be 0 to {shape[at[0]] - 1}"
            )

    def _positions(self, shape: tuple[int, ...], at: tuple[int, ...], offsets: Ints) -> Ints:
        """The flat position of each element, span after span, on the pooled axes in ascending
        order."""
        owner = np.repeat(np.arange(len(self.starts)), np.diff(offsets))
        time: Ints = self.starts[owner] + np.arange(len(owner)) - offsets[owner]
        if self.rows is None:
            return time
        row = self.rows[owner]
        return row * shape[at[1]] + time if at[0] < at[1] else time * shape[at[0]] + row


def _axes_of(has_rows: bool, shape: tuple[Any, ...], axes: tuple[int, ...] | None) -> tuple[int, ...]:
    if not has_rows:
        at = need_axes(axes, shape, "spans(…)", AXIS)
        if len(at) != 1:
            raise PoolingError(f"spans(…) without rows lie on one axis, not on {at}: give rows=, or one axis")
        return at
    if axes is None and len(shape) == 2:
        return (0, 1)
    if axes is None or len(axes) != 2:
        raise PoolingError(f"axes={axes}: {ROWS}")
    return axes


def _shape(
    value: dict[str, Any], shape: tuple[Any, ...], axes: tuple[int, ...] | None, fresh: Callable[[], Any]
) -> tuple[Any, ...]:
    """The shape of the result, without reading the ends."""
    at = _axes_of(value.get("rows") is not None, shape, axes)
    return joined_shape(shape, at, np.shape(value["starts"])[0])


@deferred("starts", "stops", "rows", shape=_shape)
def spans(starts: Any, stops: Any, rows: Any = None) -> Spans:
    """Runs of consecutive positions: span i has the positions starts[i] … stops[i] − 1 of one axis.

    Spans may overlap, leave gaps, be empty and have any order.
    rows: span i lies in row rows[i]. Then `axes` is (batch, time), (1, 0) for x with time first.
    One axis of spans replaces the first of the two axes of x, and positions such as `"argmax"` are
    flat in (batch, time). Each argument is a row of integers, also a tensor. Raises PoolingError
    for spans outside x, stops below starts and rows of another length.

    >>> import numpy as np, anypool as ap
    >>> ap.pool(np.arange(7.0), ap.spans([0, 2, 2], [3, 2, 7]), "sum")
    array([ 3.,  0., 20.])
    >>> ap.pool(np.arange(8.0).reshape(2, 4), ap.spans([0, 1], [2, 4], rows=[1, 0]), "mean", axes=(0, 1))
    array([4.5, 2. ])
    """
    first, end = integer_row(starts, "starts"), integer_row(stops, "stops")
    if len(first) != len(end):
        raise PoolingError(f"{len(first)} starts and {len(end)} stops: give one of each for a span")
    wrong = (first < 0) | (end < first)
    if wrong.any():
        k = int(np.argmax(wrong))
        raise PoolingError(f"span {k} is {first[k]} to {end[k]}: use 0 ≤ start ≤ stop")
    if rows is None:
        return Spans(first, end)
    row = integer_row(rows, "rows")
    if len(row) != len(first):
        raise PoolingError(f"{len(row)} rows for {len(first)} spans: give the row of each span")
    if len(row) and int(row.min()) < 0:
        k = int(np.argmax(row < 0))
        raise PoolingError(f"span {k} reads row {row[k]}: rows must be at least 0")
    return Spans(first, end, row)
