"""Rewrites: reductions of IndexedWindows without a kernel, in terms of reductions with one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from ...arrays.adapter import adapter_of
from ...arrays.shape_ops import accumulator, cast
from ...constants import is_double
from ...order_statistics import Order
from ...plan import Axis, Grid, IndexedWindows, Job
from ...reductions import Max, Min, fact
from ..folds import native as native_folds
from ..plan import components_of
from . import learned_weights, points
from . import linear_forms as indexed_forms
from . import native as native_indexed
from . import ranks as indexed_ranks

One = Callable[[Any, Any], Any]  # a reduction of x over the same windows


@dataclass(frozen=True)
class Rewrite:
    """A description; whether it supports a job; the result for (library, x, job, options, one), or
    None."""

    text: str
    serves: Callable[[Job], bool]
    compute: Callable[[Any, Any, Job, Any, One], Any]


def _needs_floats(job: Job) -> bool:
    return job.grid.points_per_element > 1 and "float" not in job.dtype and points.serves(replace(job, dtype="float64"))


def _is_plain(job: Job) -> bool:
    """Whether windows contain elements of x, and no NaN is omitted."""
    return job.grid.points_per_element == 1 and not job.omit_nan


def _selection(job: Job) -> Job | None:
    """The selection whose position an argmax or argmin is."""
    if job.empty is not None or getattr(job.reduction, "gives", "value") != "position":
        return None
    kind = {"max": Max, "min": Min}.get(fact(job.reduction, "merges_with"))
    return None if kind is None else replace(job, reduction=kind())


def _is_position(job: Job) -> bool:
    selection = _selection(job)
    return selection is not None and _is_plain(job) and native_indexed.refuses(selection) is None


def _is_integer_position(job: Job) -> bool:
    selection = _selection(job)
    return selection is not None and _is_plain(job) and _exact_float(selection) is not None


def _is_range(job: Job) -> bool:
    return (
        fact(job.reduction, "difference_of") is not None
        and _is_plain(job)
        and ("float" in job.dtype or not job.grid.has_empty)
    )


def _difference(library: Any, x: Any, job: Job, options: Any, one: One) -> Any:
    wide = job.dtype if "float" in job.dtype else accumulator(x, job.reduction)
    top, low = (cast(one(x, end), wide) for end in job.reduction.difference_of)
    return cast(indexed_forms.fill_empty(top - low, job), wide)


def _in_floats(library: Any, x: Any, job: Job, options: Any, one: One) -> Any:
    y = one(cast(x, _exact_float(_selection(job) or job) or "float64"), job.reduction)
    return y if job.reduction.gives != "value" else cast(y, accumulator(x, job.reduction))


def _exact_float(job: Job) -> str | None:
    """A float type that represents integers, and their fold, exactly; None if there is none, and
    for floats."""
    is_plain = all(p.taps is None for p in job.grid.indices) and not job.grid.outside
    if "int" not in job.dtype:
        return None
    bits, merge = int(job.dtype.lstrip("uint")), fact(job.reduction, "merges_with")
    if getattr(job.reduction, "gives", "value") != "value":
        return None
    if job.empty is not None and job.grid.has_empty and not is_double(job.empty):
        return None
    if fact(job.reduction, "divides"):
        return "float64" if bits <= 32 else None
    if merge == "sum" and is_plain and bits + job.grid.max_length.bit_length() < 53:
        return "float64"
    if merge in ("max", "min") and is_plain and bits <= 32 and not job.grid.has_empty:
        return "float32" if bits <= 16 else "float64"
    return None


def _is_order(job: Job) -> bool:
    if not isinstance(job.reduction, Order):
        return False
    parts = [job] if job.reduction.components() is None else components_of(job) or []
    return bool(parts) and all(indexed_ranks.refuses(part) is None for part in parts)


def _order(library: Any, x: Any, job: Job, options: Any, one: One) -> Any:
    parts = job.reduction.components()
    if parts is not None:
        return job.reduction.combine([one(x, part) for part in parts])
    return library.indexed_rank(x, job)


def _is_group_variance(job: Job) -> bool:
    """Whether a variance of groups is computed from runs: one copy of x, where sums of squares need
    several."""
    lists: IndexedWindows = job.grid
    beside = lists.pooled_dims == tuple(range(lists.pooled_dims[0], lists.pooled_dims[0] + len(lists.pooled_dims)))
    if lists.group_ids is None or not beside or not getattr(job.reduction, "sums_need_double", False):
        return False
    return native_folds.refuses(replace(job, grid=_grid_of_groups(lists))) is None


def _group_variance(library: Any, x: Any, job: Job, options: Any, one: One) -> Any:
    lists: IndexedWindows = job.grid
    a, index = lists.pooled_dims[0], native_indexed.table(lists, False).indices_of_groups.index
    x = x.reshape(*x.shape[:a], lists.indices[0].size, *x.shape[a + len(lists.pooled_dims) :])
    x = adapter_of(x).take(x, index, a)
    return library.run(x, _grid_of_groups(lists), (job.reduction,), None, **options)[0]


@lru_cache(maxsize=64)
def _grid_of_groups(lists: IndexedWindows) -> Grid:
    """The groups as runs of an array that is sorted by group."""
    (p,), a = lists.indices, lists.pooled_dims[0]
    length = np.diff(p.offsets)
    axis = Axis(int(p.offsets[-1]), p.offsets[:-1], length, 1, np.zeros_like(length), length)
    shape = (*lists.shape[:a], axis.size, *lists.shape[a + len(lists.pooled_dims) :])
    return Grid(shape, (a,), (axis,))


REWRITES = (
    Rewrite(
        "compiled sums, with gradients for the weights of the indices",
        learned_weights.serves,
        lambda library, x, job, options, one: library.indexed_with_learned_weights(x, job),
    ),
    Rewrite(indexed_ranks.TEXT, _is_order, _order),
    Rewrite(
        "integers as float64, because interpolated points are not integers",
        _needs_floats,
        lambda library, x, job, options, one: one(cast(x, "float64"), job.reduction),
    ),
    Rewrite(
        "interpolated points by compiled sums, then sliding windows",
        points.serves,
        lambda library, x, job, options, one: points.forward(library, x, job, options),
    ),
    Rewrite(
        "the position of a compiled selection",
        _is_position,
        lambda library, x, job, options, one: library.indexed_fold(x, _selection(job), True),
    ),
    Rewrite("the difference of two selections", _is_range, _difference),
    Rewrite("elements sorted by group, then windows of consecutive elements", _is_group_variance, _group_variance),
    Rewrite(
        "sums of transformed x; the reference if they overflow or cancel",
        lambda job: _is_plain(job) and indexed_forms.serves(job),
        lambda library, x, job, options, one: library.indexed_by_sums(x, job),
    ),
    Rewrite(
        "integers as floats that represent them exactly",
        lambda job: _is_integer_position(job) or (_is_plain(job) and _exact_float(job) is not None),
        _in_floats,
    ),
)
