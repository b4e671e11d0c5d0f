"""Indexed windows with learned weights: whether their sums are compiled, and the windows with
constant weights."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from ...arrays.adapter import adapter_of
from ...plan import IndexedWindows, Job
from ...reductions import Sum, fact
from . import native


def serves(job: Job) -> bool:
    """Whether the sum is compiled, with a border of 0 or none."""
    lists: IndexedWindows = job.grid
    if not any(getattr(p.taps, "requires_grad", False) for p in lists.indices):
        return False
    is_sum = fact(job.reduction, "merges_with") == "sum" and job.reduction.gives == "value"
    if not is_sum or job.omit_nan or (lists.fill and lists.outside):
        return False
    return native.refuses(replace(job, grid=detached(lists), reduction=Sum())) is None


@lru_cache(maxsize=64)
def detached(lists: IndexedWindows) -> IndexedWindows:
    """The same windows with constant weights."""
    picks = (p if p.taps is None else replace(p, taps=_numbers(p.taps)) for p in lists.indices)
    return replace(lists, indices=tuple(picks))


def _numbers(taps: Any) -> Any:
    return np.ascontiguousarray(adapter_of(taps).numbers(taps), np.float64)
