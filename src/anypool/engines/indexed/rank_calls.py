"""Order statistics of windows that list their elements: the call of the compiled core."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

from ...arrays.shape_ops import contiguous, moved
from ...plan import Job, Lists
from . import linear_forms as lists_sums
from . import ranks as orders_lists


def forward(arrays: Any, x: Any, job: Job) -> Any:
    """The answers; the job's windows may be a Grid, read as lists."""
    lists = job.grid if isinstance(job.grid, Lists) else orders_lists.listing(job.grid)
    assert lists is not None
    x, lists = lists_sums.lifted(x, lists)
    job = replace(job, grid=lists)
    y = _forward(arrays, x, job)
    if y is None:
        last = _pooled_axes_last(lists)
        y = _forward(arrays, contiguous(moved(x, lists.at, last.at)), replace(job, grid=last))
        y = moved(y, last.into, lists.into)
    return y


@lru_cache(maxsize=64)
def _pooled_axes_last(lists: Lists) -> Lists:
    """The same windows of arrays whose pooled axes lie last."""
    lead = [n for a, n in enumerate(lists.shape) if a not in lists.at]
    shape = (*lead, *(lists.shape[a] for a in lists.at))
    into = tuple(range(len(lead), len(lists.out_shape)))
    return replace(lists, shape=shape, at=tuple(range(len(lead), len(shape))), into=into)


def _forward(arrays: Any, x: Any, job: Job) -> Any:
    """The result; None where the core cannot read this layout."""
    prepared = orders_lists.prepare(job, arrays.strides(x))
    if prepared is None:
        return None
    y, result = arrays.destination(None, x, prepared.shape, prepared.result, None, prepared.back)
    prepared.forward(arrays.address(x), arrays.address(y))
    return result
