"""Where selected elements lie: the values by the quickest engine, then looked for in their windows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ...arrays.adapter import adapter_of
from ...plan import Job
from ...reductions import Count
from . import arg as orders_places
from .arg_of_value import finder


def forward(call: Any, x: Any, job: Job, weights: Any) -> Any:
    """The positions of a job that `orders_places.selection` knows; `call.pool` computes the values."""
    asked = orders_places.selection(job)
    assert asked is not None
    grid, order, arrays = job.grid, job.reduction, adapter_of(x)

    def pooled(reduction: Any, empty: float | None = None) -> Any:
        return call.pool(x, replace(job, reduction=reduction, empty=empty), weights)

    made = finder(job, arrays.strides(x))

    def lying(t: Any) -> Any:
        return arrays.contiguous(arrays.permute(t, made.order))

    values = lying(pooled(asked.reduction, asked.empty))
    expanded = weights if weights is None else arrays.broadcast(weights, x.shape)
    elements, mask = lying(x), None if weights is None else lying(expanded)
    position, address = arrays.empty(made.found, "int64", x), arrays.address
    made.find(address(elements), 0 if mask is None else address(mask), address(values), address(position))
    if made.back is not None:
        position = arrays.permute(position, made.back)
    if job.empty is not None or np.any(order.undefined_for(np.arange(1, grid.max_length + 1))):
        gaps = weights is not None or (job.omit_nan and "float" in job.dtype)
        n = pooled(Count()) if gaps else grid.along(grid.present)
        lacks = arrays.asarray(order.undefined_for(n), x)
        nothing = int(order.empty if job.empty is None else job.empty)
        position = arrays.where(lacks, arrays.full_like(position, nothing), position)
    return position
