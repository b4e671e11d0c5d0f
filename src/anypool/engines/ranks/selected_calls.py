"""Ranks of large windows: the compiled call."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ...arrays.shape_ops import broadcast, contiguous
from ...errors import PoolingError
from ...plan import Job
from ...reductions import Count
from .selected import RankTables, counts, selects


def forward(call: Any, x: Any, job: Job, mask: Any) -> Any:
    """The results of a job that `selected.serves` accepts."""
    arrays = call.arrays
    elements = x
    if mask is not None:
        mask = broadcast(mask, x.shape)
        if arrays.strides(mask) != arrays.strides(x):
            elements, mask = contiguous(x), contiguous(mask)
    prepared = selects(job, arrays.strides(elements))
    if prepared.gaps:
        n = call.pool(elements, replace(job, reduction=Count(), empty=None), mask)
        tables = RankTables(job.reduction, counts(n, prepared))
        if tables.undefined and not prepared.has_empty:
            raise PoolingError(
                f"a window holds too few elements for {job.reduction!r}, and {job.dtype} has no value for that: "
                "give empty="
            )
    else:
        tables = prepared.tables
    y, result = arrays.destination(None, elements, prepared.shape, prepared.result, None, prepared.back)
    mask_address = 0 if mask is None else arrays.address(mask)
    prepared.select(arrays.address(elements), mask_address, arrays.address(y), tables)
    return result
