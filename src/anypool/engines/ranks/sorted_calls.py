"""Order statistics of windows that the compiled core sorts; `finish` runs in NumPy, or in torch if
it has a gradient.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...arrays.adapter import Adapter, adapter_named, adapter_of
from ...arrays.ops import stop
from ...arrays.shape_ops import broadcast, cast, concatenated, dtype_name, floats
from ...order_statistics import Order, Sorted
from ...plan import Job
from ..reference import sorted as sorted_reference
from ..reference.sorted import apply_finish, finish_result
from . import arg
from . import sorted as sorting

NUMPY = adapter_named("numpy")


def forward(x: Any, job: Job, weights: Any) -> Any:
    """The results of a job that `sorting.refuses` accepts."""
    arrays = adapter_of(x)
    # NumPy's operations are faster if nothing is differentiated.
    finishing = NUMPY if arrays is NUMPY else adapter_of(*job.reduction.parameters.values())
    windows = SortedPieces(x, job, weights, finishing)
    parts = [windows.results(windows.sorted(piece), job.reduction) for piece in windows.prepared.pieces]
    whole = concatenated(parts, 0)
    whole = whole.reshape(windows.prepared.rows, -1, *whole.shape[1:])
    y = sorted_reference.assemble([whole], job.grid, job.reduction)
    y = arrays.asarray(y, x)
    if "float" not in job.dtype or job.reduction.gives == "position":
        return y
    return arrays.cast(y, arrays.dtype_name(x))


@dataclass
class SortedPiece:
    """Some of the windows, sorted: their arrays, and which windows have a NaN as their result."""

    window: Sorted
    nan: Any
    memory: dict[str, int]
    begin: int  # the number of its first window


class SortedPieces:
    """The windows of one array, sorted piece by piece, and the adapter that runs `finish`."""

    def __init__(self, x: Any, job: Job, weights: Any, arrays: Adapter) -> None:
        self.job, self.arrays, self.source = job, arrays, adapter_of(x)
        self.buffers: tuple[int, dict[str, Any]] = (-1, {})
        self.x, self.w, weights_layout = x, None, None
        if weights is not None:
            self.w = _expanded(weights, job.grid.shape)
            weights_layout = (self.source.strides(self.w), dtype_name(self.w))
        self.prepared = sorting.WindowSorter(job, self.source.strides(x), weights_layout)
        half, is_float = job.dtype in ("float16", "bfloat16"), "float" in job.dtype
        self.rounding = sorted_reference.rounding_of(weights)
        self.kind = "float32" if half else "uint8" if job.dtype == "bool" else job.dtype
        self.result = "float32" if half else job.dtype
        self.checks_nan = is_float and not job.omit_nan and not job.reduction.nan_is_largest
        full = bool(np.all(job.grid.present == job.grid.max_length))
        self.full = full and weights is None and not job.grid.weighted and not (is_float and job.omit_nan)

    def sorted(self, piece: tuple[int, int]) -> SortedPiece:
        """One piece of windows, sorted."""
        count, max_length = piece[1] - piece[0], self.prepared.max_length
        if self.buffers[0] != count:  # buffers are reused: new pages cost as much as the sort
            self.buffers = count, self.allocate(count, max_length)
        buffers = self.buffers[1]
        addresses = {name: self.arrays.address(t) for name, t in buffers.items()}
        self.prepared.sort(
            self.source.address(self.x), 0 if self.w is None else self.source.address(self.w), piece, addresses
        )
        present: Any = max_length if self.full else buffers["present"]
        values, order = self.arrays.stop(buffers["values"].T), buffers["order"].T
        weighed = {name: buffers[name].T for name in ("masses", "cumulated") if name in buffers}
        window = Sorted(values, present, order=order, rounding=self.rounding, **weighed)
        return SortedPiece(window, buffers["nan"] if self.checks_nan else None, addresses, piece[0])

    def allocate(self, count: int, max_length: int) -> dict[str, Any]:
        """Buffers for a piece of windows."""
        buffers = {
            "values": self.arrays.empty((max_length, count), self.kind),
            "order": self.arrays.empty((max_length, count), "int32"),
            "present": self.arrays.empty((count,), "int64"),
            "nan": self.arrays.empty((count,), "bool"),
        }
        if self.prepared.weighs:
            buffers.update(
                {name: self.arrays.empty((max_length, count), "float64", None) for name in ("masses", "cumulated")}
            )
        return buffers

    def results(self, piece: SortedPiece, order: Order) -> Any:
        """(windows[, answers]) of a piece, in new memory."""
        n = piece.window.n()
        n = n if isinstance(n, int) else floats(n)
        y = apply_finish(order, piece.window, n)
        job = self.job
        if order.gives == "position":
            y = arg.positions(y, piece.begin, job.grid)
        is_weighted = job.weights is not None or job.grid.has_real_weights
        y = finish_result(y, piece.window, n, piece.nan, order, job.grid, self.result, job.empty, is_weighted)
        return self.arrays.apart(y, piece.window.values)


def _expanded(weights: Any, shape: tuple[int, ...]) -> Any:
    """Weights broadcast to x, without a copy, in a type that the core reads."""
    if dtype_name(weights) not in ("bool", "float32", "float64"):
        weights = cast(weights, "float64")
    return broadcast(stop(weights), shape)
