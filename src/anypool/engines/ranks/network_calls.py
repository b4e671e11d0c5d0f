"""Selection networks for arrays of one shape, layout and element type: one compiled call for each
part of the result.
"""

from __future__ import annotations

import ctypes
from dataclasses import replace
from typing import Any

from ...plan import Job
from ...reductions import Max
from ..folds.native import cached_by_grid, succeeded
from ..native.library import library
from ..plan import Bound, CallContext
from . import served
from .interior import Edge, interior
from .native import NetworkCall


class NetworkCalls:
    """The networks of the interior and of its edges, which write into the same memory."""

    def __init__(self, job: Job, strides: tuple[int, ...]) -> None:
        self.grid, self.inner = job.grid, NetworkCall(job, strides)
        parts, other_edges = [self.inner], list[Edge]()
        for edge in self.inner.edges:
            part = replace(job, grid=edge.grid)
            if interior(edge.grid) is not edge.grid or edge.grid.most_elements < 2 or served.refuses(part) is not None:
                other_edges.append(edge)
                continue
            begins = [s.start or 0 for s in edge.where]
            steps = [s.step or 1 for s in edge.where]
            first = sum(n * b for n, b in zip(self.inner.y_strides, begins, strict=True))
            y_strides = tuple(n * s for n, s in zip(self.inner.y_strides, steps, strict=True))
            parts.append(
                NetworkCall(part, edge.order(strides), None, self.inner.result, (edge.order(y_strides), first))
            )
        self.parts, self.other_edges = tuple(parts), tuple(other_edges)
        self.records = (ctypes.c_void_p * len(parts))(*(ctypes.addressof(part.call) for part in parts))
        self.offsets = (ctypes.c_int64 * len(parts))(*(part.offset for part in parts))

    def run(self, x: int, y: int) -> bool:
        """Pool the array at x into y by all networks; True if x has a NaN, which counted as the
        largest number."""
        return not succeeded(library().anypool_forward_orders_all(self.records, self.offsets, len(self.parts), x, y))

    def bind(self, job: Job, call: CallContext) -> Bound:
        """The function (x, weights, out) for arrays of this form; it returns None if another engine
        must compute."""
        arrays, inner = call.arrays, self.inner
        shape, result_dtype, order, back = inner.shape, inner.result, inner.order, inner.back
        run = self.run
        largest = replace(job, reduction=Max(), empty=None)
        rest = [(edge, replace(job, grid=edge.grid)) for edge in self.other_edges]
        destination, address, readable = arrays.destination, arrays.address, arrays.readable

        def pooled(x: Any, weights: Any = None, out: Any = None) -> Any:
            if not readable(x):
                return None
            y, result = destination(out, x, shape, result_dtype, order, back)
            if run(address(x), address(y)):
                if inner.nan_gives_nan:
                    top = call.pool(x, largest, None)
                    arrays.fill_where(result, float("nan"), top != top)
                elif not inner.sorts_nan:
                    return None
            for edge, part in rest:
                result[edge.where] = edge.of(call.pool(edge.of(x), part, None))
            return result

        return pooled


def network_calls(job: Job, strides: tuple[int, ...]) -> NetworkCalls:
    """The calls for arrays of these strides (in elements)."""
    key = ("networks", id(job.grid), job.reduction, job.dtype, strides, job.empty)
    return cached_by_grid(key, job.grid, lambda: NetworkCalls(job, strides))
