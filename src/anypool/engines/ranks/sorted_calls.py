"""Order statistics of windows that the compiled core sorts: pieces are finished in NumPy's words,
or in torch's where they learn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...arrays.adapter import Adapter, adapter_named, adapter_of
from ...arrays.ops import stop
from ...arrays.shape_ops import broadcast, cast, concatenated, dtype_name, floats
from ...order_statistics import Order, Sorted
from ...plan import Job
from ..reference import sorted as orders_reference
from ..reference.sorted import answered, finished
from . import arg as orders_places
from . import sorted as orders_sorted

NUMPY = adapter_named("numpy")


def forward(x: Any, job: Job, weights: Any) -> Any:
    """The answers of a job that `orders_sorted.refuses` does not."""
    arrays = adapter_of(x)
    # NumPy's operations are quicker where nothing learns
    finishing = NUMPY if arrays is NUMPY else adapter_of(*job.reduction.parameters.values())
    windows = SortedPieces(x, job, weights, finishing)
    parts = [windows.answers(windows.sorted(piece), job.reduction) for piece in windows.prepared.pieces]
    whole = concatenated(parts, 0)
    whole = whole.reshape(windows.prepared.rows, -1, *whole.shape[1:])
    y = orders_reference.joined([whole], whole, job.grid, job.reduction, weights)
    y = arrays.asarray(y, x)
    if "float" not in job.dtype or job.reduction.gives == "position":
        return y
    return arrays.cast(y, arrays.dtype_name(x))


@dataclass
class SortedPiece:
    """Some of the windows, sorted: their arrays, and which windows contain a NaN that makes the result NaN."""

    window: Sorted
    nan: Any
    memory: dict[str, int]
    begin: int  # the number of the first


class SortedPieces:
    """The windows of one array, sorted when they are asked for, and the adapter that finishes them."""

    def __init__(self, x: Any, job: Job, weights: Any, arrays: Adapter) -> None:
        self.job, self.arrays, self.source = job, arrays, adapter_of(x)
        self.laid: tuple[int, dict[str, Any]] = (-1, {})
        self.x, self.w, laid = x, None, None
        if weights is not None:
            self.w = _expanded(weights, job.grid.shape)
            laid = (self.source.strides(self.w), dtype_name(self.w))
        self.prepared = orders_sorted.Prepared(job, self.source.strides(x), laid)
        half, float_ = job.dtype in ("float16", "bfloat16"), "float" in job.dtype
        self.rounding = orders_reference.rounding_of(weights)
        self.kind = "float32" if half else "uint8" if job.dtype == "bool" else job.dtype
        self.result = "float32" if half else job.dtype
        self.watched = float_ and not job.omit_nan and not job.reduction.nan_is_largest
        full = bool(np.all(job.grid.present == job.grid.max_length))
        self.full = full and weights is None and not job.grid.weighted and not (float_ and job.omit_nan)

    def sorted(self, piece: tuple[int, int]) -> SortedPiece:
        """A piece of windows, as an order statistic sees them."""
        count, places = piece[1] - piece[0], self.prepared.places
        if self.laid[0] != count:  # memory is used again: fresh pages cost as much as the sort
            self.laid = count, self.memories(count, places)
        made = self.laid[1]
        to = {name: self.arrays.address(t) for name, t in made.items()}
        self.prepared.sort(self.source.address(self.x), 0 if self.w is None else self.source.address(self.w), piece, to)
        present: Any = places if self.full else made["present"]
        values, order = self.arrays.stop(made["values"].T), made["order"].T
        weighed = {name: made[name].T for name in ("masses", "cumulated") if name in made}
        window = Sorted(values, present, order=order, rounding=self.rounding, **weighed)
        return SortedPiece(window, made["nan"] if self.watched else None, to, piece[0])

    def memories(self, count: int, places: int) -> dict[str, Any]:
        """Room for a piece of windows."""
        made = {
            "values": self.arrays.empty((places, count), self.kind),
            "order": self.arrays.empty((places, count), "int32"),
            "present": self.arrays.empty((count,), "int64"),
            "nan": self.arrays.empty((count,), "bool"),
        }
        if self.prepared.weighs:
            made.update({name: self.arrays.empty((places, count), "float64", None) for name in ("masses", "cumulated")})
        return made

    def answers(self, held: SortedPiece, order: Order) -> Any:
        """(windows[, answers]) of a piece, in memory of their own."""
        n = held.window.n()
        n = n if isinstance(n, int) else floats(n)
        y = finished(order, held.window, n)
        job = self.job
        if order.gives == "position":
            y = orders_places.positions(y, held.begin, job.grid)
        weighed = job.weights is not None or job.grid.weighted
        y = answered(y, held.window, n, held.nan, order, job.grid, self.result, job.empty, weighed)
        return self.arrays.apart(y, held.window.values)


def _expanded(weights: Any, shape: tuple[int, ...]) -> Any:
    """Weights for every element, in a type that the core reads; no element is copied for it."""
    if dtype_name(weights) not in ("bool", "float32", "float64"):
        weights = cast(weights, "float64")
    return broadcast(stop(weights), shape)
