"""Positions of selected elements: the preferred plan selects values, and each window searches for
its value."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ...arrays.adapter import adapter_of
from ...plan import Job
from ...reductions import Count
from . import arg
from .arg_of_value import position_finder


def forward(call: Any, x: Any, job: Job, weights: Any) -> Any:
    """The positions of a job with an `arg.selection`; `call.pool` computes the values."""
    selection = arg.selection(job)
    assert selection is not None
    grid, order, arrays = job.grid, job.reduction, adapter_of(x)

    def pooled(reduction: Any, empty: float | None = None) -> Any:
        return call.pool(x, replace(job, reduction=reduction, empty=empty), weights)

    search = position_finder(job, arrays.strides(x))

    def in_order(t: Any) -> Any:
        return arrays.contiguous(arrays.permute(t, search.order))

    values = in_order(pooled(selection.reduction, selection.empty))
    expanded = weights if weights is None else arrays.broadcast(weights, x.shape)
    elements, mask = in_order(x), None if weights is None else in_order(expanded)
    position, address = arrays.empty(search.result_shape, "int64", x), arrays.address
    search.find(address(elements), 0 if mask is None else address(mask), address(values), address(position))
    if search.inverse is not None:
        position = arrays.permute(position, search.inverse)
    if job.empty is not None or np.any(order.undefined_for(np.arange(1, grid.max_length + 1))):
        gaps = weights is not None or (job.omit_nan and "float" in job.dtype)
        n = pooled(Count()) if gaps else grid.along(grid.present)
        undefined = arrays.asarray(order.undefined_for(n), x)
        value_of_empty = int(order.empty if job.empty is None else job.empty)
        position = arrays.where(undefined, arrays.full_like(position, value_of_empty), position)
    return position
