"""An independent computation in plain NumPy: what the gate compares the library with."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from .cases import Case, Where


def expected(case: Case, x: Any) -> tuple[Any, Any]:
    """An index into the result, small enough for a plain computation, and the expected values
    there."""
    if case.truth is not None:
        return case.truth(x)
    if case.where.kind == "segments":
        ends = np.cumsum((0, *case.where.lengths[:40]))
        pairs = list(itertools.pairwise(ends))
        return slice(0, len(pairs)), np.stack([_fold(case, np.asarray(x[a:b], np.float64).T) for a, b in pairs])
    lead = x.ndim - len(case.axes)
    at = (slice(0, 1), slice(0, 2))[:lead]
    part = np.asarray(x[at], np.float64)
    if case.where.kind == "whole":
        return at, _fold(case, part.reshape(*part.shape[:lead], -1))
    return at, _fold(case, windows_of(part, case.where))


def windows_of(x: Any, where: Where) -> Any:
    """Every window's elements on one last axis, NaN beyond the edge."""
    rank = len(where.size)
    pads = [(0, 0)] * (x.ndim - rank) + [(where.padding, where.padding)] * rank
    padded = np.pad(x, pads, constant_values=np.nan)
    reach = [where.dilation * (n - 1) + 1 for n in where.size]
    views = np.lib.stride_tricks.sliding_window_view(padded, reach, axis=tuple(range(-rank, 0)))
    steps = (slice(None, None, where.stride),) * rank + (slice(None, None, where.dilation),) * rank
    views = views[(..., *steps)]
    return views.reshape(*views.shape[:-rank], -1)


def _fold(case: Case, rows: Any) -> Any:
    """The reduction of each row; a NaN is an absent element."""
    name = case.reduction if isinstance(case.reduction, str) else case.reduction[0]
    if name == "max":
        return np.nanmax(rows, -1)
    if name == "sum":
        return np.nansum(rows, -1)
    if name == "mean":
        return np.nansum(rows, -1) / rows.shape[-1]  # torch's default: the padding counts
    if name == "var":
        return np.nanvar(rows, -1)
    lifted = np.exp(rows)
    if name == "logsumexp":
        return np.log(np.nansum(lifted, -1))
    if name == "softpool":
        return np.nansum(lifted * rows, -1) / np.nansum(lifted, -1)
    raise KeyError(f"no plain computation of {name!r} here")
