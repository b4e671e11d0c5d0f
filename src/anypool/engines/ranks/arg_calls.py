"""Where selected elements lie, in either array library: the values by the quickest engine, then looked for in their windows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ...arrays.ops import library
from ...plan import Job
from ...reductions import Count
from . import arg as orders_places
from .arg_of_value import finder
from .sorted_calls import address, strides


def forward(call: Any, x: Any, job: Job, weights: Any) -> Any:
    """The positions of a job that `orders_places.selection` knows; `call.pool` computes the values."""
    asked = orders_places.selection(job)
    assert asked is not None
    grid, order, words = job.grid, job.reduction, library(x)

    def pooled(reduction: Any, empty: float | None = None) -> Any:
        return call.pool(x, replace(job, reduction=reduction, empty=empty), weights)

    made = finder(job, strides(x))

    def lying(t: Any) -> Any:
        if words is np:
            return np.ascontiguousarray(t.transpose(made.order))
        return t.permute(made.order).contiguous()

    values = lying(pooled(asked.reduction, asked.empty))
    expanded = weights if weights is None else words.broadcast_to(weights, x.shape)
    elements, mask = lying(x), None if weights is None else lying(expanded)
    position: Any = (
        np.empty(made.found, np.int64) if words is np else words.empty(made.found, dtype=words.int64, device="cpu")
    )
    made.find(address(elements), 0 if mask is None else address(mask), address(values), address(position))
    if made.back is not None:
        position = position.transpose(made.back) if words is np else position.permute(made.back)
    if job.empty is not None or np.any(order.lacks(np.arange(1, grid.max_length + 1))):
        gaps = weights is not None or (job.omit_nan and "float" in job.dtype)
        n = pooled(Count()) if gaps else grid.along(grid.present)
        lacks = order.lacks(n) if words is np else words.as_tensor(order.lacks(n), device=x.device)
        nothing = int(order.empty if job.empty is None else job.empty)
        position = words.where(lacks, words.full_like(position, nothing), position)
    return position
