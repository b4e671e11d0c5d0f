"""Order statistics of NumPy arrays by the backend chosen."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..backends import cpu, memory, orders_call, orders_cpu, orders_lists, orders_places, orders_reference
from ..choose import choose
from ..orders import Order
from ..plan import Grid, Job
from ..reductions import Max
from . import numpy as arrays
from . import orders_counted, orders_listed, orders_sorted
from . import orders_places as places


def forward(
    x: Any,
    grid: Grid,
    order: Order,
    weights: Any,
    omit_nan: bool,
    empty: float | None,
    backend: str | None,
    out: Any = None,
) -> Any:
    """One order statistic; windows that a NaN spoils are found by a maximum, those that overhang are the reference's."""
    facts = None if weights is None else (weights.shape, weights.dtype.name)
    job = Job(grid, order, x.dtype.name, "numpy", "cpu", facts, omit_nan, empty)
    if choose(job, backend) is not cpu:
        return orders_reference.forward(x, grid, order, weights, omit_nan, empty)
    parts = order.apart()
    if parts is not None:
        return order.together([forward(x, grid, part, weights, omit_nan, empty, backend) for part in parts])
    if orders_places.selection(job) is not None:
        return places.forward(arrays, x, job, weights)
    if orders_cpu.networks(job) is not None:
        return (
            orders_listed.forward(x, job)
            if orders_lists.refuses(job) is None
            else orders_sorted.forward(x, job, weights)
        )
    if orders_cpu.plain(job) is not None:
        result, edges = orders_counted.forward(x, job, weights)
        for edge in edges:
            mask = None if weights is None else edge.of(np.broadcast_to(weights, x.shape))
            result[edge.where] = edge.of(forward(edge.of(x), edge.grid, order, mask, omit_nan, empty, None))
        return result
    prepared = orders_cpu.prepare(job, tuple(s // x.itemsize for s in x.strides))
    laid = _laid(out, x, prepared)
    y = memory.empty(prepared.shape, prepared.result) if laid is None else laid
    result = y.transpose(prepared.back)
    if prepared.forward(arrays._address(x), arrays._address(y)):
        if prepared.spoils:
            np.copyto(result, np.nan, where=np.isnan(arrays.run(x, grid, (Max(),))[0]))
        elif not prepared.ranked:
            return orders_sorted.forward(x, job, weights)
    for edge in prepared.edges:
        result[edge.where] = edge.of(forward(edge.of(x), edge.grid, order, None, omit_nan, empty, None))
    return result if laid is None else out


def _laid(out: Any, x: Any, prepared: orders_call.Prepared) -> Any:
    """`out` as the core writes it, or None where its memory lies otherwise, or is x's."""
    if not isinstance(out, np.ndarray) or out.ndim != x.ndim or not out.flags.writeable:
        return None
    y: Any = out.transpose(prepared.order)
    fits = y.shape == prepared.shape and y.dtype.name == prepared.result and y.dtype.isnative
    return y if fits and y.flags.c_contiguous and y.flags.aligned and not np.may_share_memory(out, x) else None
