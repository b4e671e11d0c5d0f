"""Reductions of listed windows that the core does not know, made of those that it does: each way, and when it serves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from ...arrays.adapter import adapter_of
from ...arrays.shape_ops import accumulator, cast
from ...constants import is_double
from ...order_statistics import Order
from ...plan import Axis, Grid, IndexedWindows, Job
from ...reductions import ArgMax, ArgMin, Max, Mean, Min, Range, Std, Sum, Var
from ..components import components_of
from ..folds import native as cpu
from . import learned_weights
from . import linear_forms as lists_sums
from . import native as lists_cpu
from . import points as lists_points
from . import ranks as orders_lists

One = Callable[[Any, Any], Any]  # a reduction of x over the same windows


class Way(NamedTuple):
    """In words; whether it serves a job; the answer for (library, x, job, options, one), None if the numbers forbid it."""

    said: str
    serves: Callable[[Job], bool]
    answer: Callable[..., Any]


def way(job: Job) -> Way | None:
    """How a job that the core refuses is composed; None where it is not."""
    if job.weights is not None or job.device != "cpu":
        return None
    return next((w for w in WAYS if w.serves(job)), None)


def _turns_real(job: Job) -> bool:
    return (
        job.grid.points_per_element > 1
        and "float" not in job.dtype
        and lists_points.serves(replace(job, dtype="float64"))
    )


def _single(job: Job) -> bool:
    """Whether windows hold elements of x, all of them numbers that count."""
    return job.grid.points_per_element == 1 and not job.omit_nan


def _selection(job: Job) -> Job | None:
    """The selection whose place an argmax or argmin is."""
    kind = {ArgMax: Max, ArgMin: Min}.get(type(job.reduction))
    return None if kind is None or job.empty is not None else replace(job, reduction=kind())


def _places(job: Job) -> bool:
    made = _selection(job)
    return made is not None and _single(job) and lists_cpu.refuses(made) is None


def _places_of_integers(job: Job) -> bool:
    made = _selection(job)
    return made is not None and _single(job) and _carrier(made) is not None


def _spans(job: Job) -> bool:
    return isinstance(job.reduction, Range) and _single(job) and ("float" in job.dtype or not job.grid.has_empty)


def _spanned(library: Any, x: Any, job: Job, options: Any, one: One) -> Any:
    wide = job.dtype if "float" in job.dtype else accumulator(x, job.reduction)
    top, low = (cast(one(x, end), wide) for end in job.reduction.ends)
    return lists_sums.answered(top - low, job)


def _carried(library: Any, x: Any, job: Job, options: Any, one: One) -> Any:
    y = one(cast(x, _carrier(_selection(job) or job) or "float64"), job.reduction)
    return y if job.reduction.gives != "value" else cast(y, accumulator(x, job.reduction))


def _carrier(job: Job) -> str | None:
    """A float type that holds integers, and their fold, exactly; None for floats, and where none does."""
    whole = all(p.taps is None for p in job.grid.indices) and not job.grid.outside
    if "int" not in job.dtype:
        return None
    bits, kind = int(job.dtype.lstrip("uint")), type(job.reduction)
    if job.empty is not None and job.grid.has_empty and not is_double(job.empty):
        return None
    if kind is Mean and bits <= 32:
        return "float64"
    if kind is Sum and whole and bits + job.grid.max_length.bit_length() < 53:
        return "float64"
    if kind in (Max, Min) and whole and bits <= 32 and not job.grid.has_empty:
        return "float32" if bits <= 16 else "float64"
    return None


def _orders(job: Job) -> bool:
    if not isinstance(job.reduction, Order):
        return False
    parts = [job] if job.reduction.components() is None else components_of(job) or []
    return bool(parts) and all(orders_lists.refuses(part) is None for part in parts)


def _ordered(library: Any, x: Any, job: Job, options: Any, one: One) -> Any:
    parts = job.reduction.components()
    if parts is not None:
        return job.reduction.combine([one(x, part) for part in parts])
    return library.ordered(x, job)


def _groups(job: Job) -> bool:
    """Whether a variance of groups is that of runs: one copy of x, where sums of squares would take several."""
    lists: IndexedWindows = job.grid
    beside = lists.pooled_dims == tuple(range(lists.pooled_dims[0], lists.pooled_dims[0] + len(lists.pooled_dims)))
    if lists.group_ids is None or not beside or type(job.reduction) not in (Var, Std):
        return False
    return cpu.refuses(replace(job, grid=_runs(lists))) is None


def _grouped(library: Any, x: Any, job: Job, options: Any, one: One) -> Any:
    lists: IndexedWindows = job.grid
    a, index = lists.pooled_dims[0], lists_cpu.table(lists, False).listed.index
    x = x.reshape(*x.shape[:a], lists.indices[0].size, *x.shape[a + len(lists.pooled_dims) :])
    x = adapter_of(x).take(x, index, a)
    return library.run(x, _runs(lists), (job.reduction,), None, **options)[0]


@lru_cache(maxsize=64)
def _runs(lists: IndexedWindows) -> Grid:
    """The groups as runs of an array whose elements lie group by group."""
    (p,), a = lists.indices, lists.pooled_dims[0]
    length = np.diff(p.offsets)
    axis = Axis(int(p.offsets[-1]), p.offsets[:-1], length, 1, np.zeros_like(length), length)
    shape = (*lists.shape[:a], axis.size, *lists.shape[a + len(lists.pooled_dims) :])
    return Grid(shape, (a,), (axis,))


WAYS = (
    Way(
        "compiled sums, with gradients for the lists' weights",
        learned_weights.serves,
        lambda library, x, job, options, one: library.weighed(x, job),
    ),
    Way(orders_lists.SAID, _orders, _ordered),
    Way(
        "as real numbers, for points are no integers",
        _turns_real,
        lambda library, x, job, options, one: one(cast(x, "float64"), job.reduction),
    ),
    Way(
        "points by compiled sums, pooled as sliding windows",
        lists_points.serves,
        lambda library, x, job, options, one: lists_points.forward(library, x, job, options),
    ),
    Way(
        "where a compiled selection lies",
        _places,
        lambda library, x, job, options, one: library.listed(x, _selection(job), True),
    ),
    Way("two selections", _spans, _spanned),
    Way("elements laid group by group, pooled as runs", _groups, _grouped),
    Way(
        "compiled sums of x lifted, or the reference if they do not hold its numbers",
        lambda job: _single(job) and lists_sums.serves(job),
        lambda library, x, job, options, one: library.summed(x, job),
    ),
    Way(
        "integers as floats that hold them exactly",
        lambda job: _places_of_integers(job) or (_single(job) and _carrier(job) is not None),
        _carried,
    ),
)
