"""Order statistics of IndexedWindows: the compiled call."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from ...plan import IndexedWindows, Job
from . import linear_forms as indexed_forms
from . import ranks as indexed_ranks
from .relayout import with_pooled_axes_last


def forward(arrays: Any, x: Any, job: Job) -> Any:
    """The results. The windows of the job may be a Grid, which is converted."""
    lists = job.grid if isinstance(job.grid, IndexedWindows) else indexed_ranks.indices_of_grid(job.grid)
    assert lists is not None
    x, lists = indexed_forms.with_outside(x, lists)
    job = replace(job, grid=lists)
    y = _forward(arrays, x, job)
    return with_pooled_axes_last(x, job, partial(_forward, arrays)) if y is None else y


def _forward(arrays: Any, x: Any, job: Job) -> Any:
    """The result; None if the core cannot read this layout."""
    prepared = indexed_ranks.prepare(job, arrays.strides(x))
    if prepared is None:
        return None
    y, result = arrays.destination(None, x, prepared.shape, prepared.result, None, prepared.back)
    prepared.forward(arrays.address(x), arrays.address(y))
    return result
