"""Folds of listed windows that are functions of sums: every sum compiled, of a lifted copy of x."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from types import ModuleType
from typing import Any

import numpy as np

from ...arrays.adapter import adapter_of
from ...arrays.ops import where, zeros
from ...arrays.shape_ops import accumulator, as_like, cast, dtype_name, moved, result_of
from ...plan import AxisIndices, IndexedWindows, Job
from ...reductions import Sum
from ..folds.linear_forms import WindowSums, answer, answers, wide_for
from ..reference import indexed as lists_reference
from . import native as lists_cpu

SPARE = frozenset(("float64", "int32", "uint32"))  # types as long as the sums' own
FEW = 4  # one window in so many may be done again


def serves(job: Job) -> bool:
    """Whether the fold is a function of sums that the core makes."""
    wide = wide_of(job) if answers(job.reduction) and job.grid.points_per_element == 1 else None
    if wide is None or (job.reduction.gives != "value" and job.empty is not None):
        return False
    return lists_cpu.refuses(replace(job, grid=_inside(job.grid), reduction=Sum(), dtype=wide)) is None


def wide_of(job: Job) -> str | None:
    """The type that the sums are made in, also where few digits of it are to spare: then windows are done again sooner."""
    return wide_for(job.reduction, job.dtype) or ("float64" if job.dtype in SPARE else None)


def lifted(x: Any, lists: IndexedWindows) -> tuple[Any, IndexedWindows]:
    """x and the windows with what lies outside made an element of x, where a window holds it."""
    if _inside(lists) is lists:
        return x, lists
    turned = moved(x, lists.pooled_dims, range(-len(lists.pooled_dims), 0))
    shape = tuple(n for _, n, _ in _shape(lists))
    flat = turned.reshape(tuple(n - 1 if a in grown else n for a, n, grown in _shape(lists)))
    return adapter_of(x).extend(flat, shape, lists.fill), _inside(lists)


def forward(library: ModuleType, x: Any, job: Job) -> Any:
    """The fold of x and windows as `lifted` made them, or None where the sums do not hold the numbers safely."""
    wide = wide_of(job)
    assert wide is not None
    made = answer(job.reduction, cast(x, wide), seen(library, x, job, wide))
    if made is None or job.reduction.gives != "value":
        return made
    return result_of(cast(answered(made, job), accumulator(x, job.reduction)), x, job.reduction)


def seen(library: ModuleType, x: Any, job: Job, wide: str) -> WindowSums:
    """What the fold may ask of the windows."""
    n = as_like(_table(job.grid), zeros(x[:0]), exact=True)
    n = cast(n, wide)

    def folded(v: Any, fold: Any) -> Any:
        return library.listed(v, Job(job.grid, fold, dtype_name(v), job.library, job.device))

    made = WindowSums(n, n, folded, n == 0 if job.grid.has_empty else None, anew(library, x, job))
    made.smallest_share = least_of(job)
    return made


def least_of(job: Job) -> float:
    """How much of a sum must be left where it cancels."""
    return 1e-4 if job.dtype in SPARE else WindowSums.smallest_share


def anew(library: ModuleType, x: Any, job: Job, weights: Any = None) -> Callable[[Any, Any], Any]:
    """A function that does the windows whose sums lost their digits again, one by one, if they are few."""
    lists: IndexedWindows = job.grid
    to = list(range(len(lists.result_dims)))

    def front(v: Any) -> Any:
        return moved(v, lists.result_dims, to).reshape(lists.windows, -1)

    def pooled(z: Any, grid: Any, reduction: Any, w: Any) -> Any:
        return library.run(z, grid, (reduction,), w)[0]

    def again(y: Any, lost: Any) -> Any:
        which = np.flatnonzero(np.asarray(front(lost)).any(1))
        if FEW * len(which) > lists.windows:
            return None
        some = lists.select(which)
        made = lists_reference.forward(x, some, job.reduction, weights, pooled)
        adapter = adapter_of(y)
        made = cast(moved(made, some.result_dims[:1], (0,)).reshape(len(which), -1), dtype_name(y))
        flat = adapter.put(adapter.copy(front(y)), which, made, 0)
        shape = [*lists.windows_shape, *(n for a, n in enumerate(y.shape) if a not in lists.result_dims)]
        return moved(flat.reshape(shape), to, lists.result_dims)

    return again


def answered(y: Any, job: Job) -> Any:
    """y, with the answer for windows that hold nothing."""
    lists: IndexedWindows = job.grid
    if not lists.has_empty:
        return y
    value = job.reduction.empty if job.empty is None else job.empty
    return where(as_like(_table(lists), y[:0], exact=True) == 0, zeros(y) + value, y)


@lru_cache(maxsize=64)
def _table(lists: IndexedWindows) -> Any:
    """The weight of each window, shaped to meet the result."""
    weights = lists_cpu.table(lists, True).weights
    shape = [1] * len(lists.out_shape)
    order = np.argsort(lists.result_dims)
    for at, n in zip(lists.result_dims, lists.windows_shape, strict=True):
        shape[at] = n
    return np.ascontiguousarray(weights.reshape(lists.windows_shape).transpose(order).reshape(shape))


def _shape(lists: IndexedWindows) -> list[tuple[int, int, range]]:
    """(axis, length, the axes that hold one element more) of `lifted` arrays."""
    lead = [n for a, n in enumerate(lists.shape) if a not in lists.pooled_dims]
    images = [lists.shape[lists.pooled_dims[0]]] if lists.groups is not None else []
    shape = [*lead, *images, *(p.size + 1 for p in lists.indices)]
    return [(a, n, range(len(shape) - len(lists.indices), len(shape))) for a, n in enumerate(shape)]


@lru_cache(maxsize=64)
def _inside(lists: IndexedWindows) -> IndexedWindows:
    """The windows of `lifted` arrays: those given, where none holds anything outside."""
    if not lists.outside:
        return lists
    shape = tuple(n for _, n, _ in _shape(lists))
    picks = tuple(
        AxisIndices(p.size + 1, p.out, p.offsets, np.where(p.index < 0, p.size, p.index), p.taps, p.points_per_element)
        for p in lists.indices
    )
    at = tuple(range(len(lists.shape) - len(lists.pooled_dims), len(shape)))
    return IndexedWindows(shape, at, picks, lists.windows_shape, lists.result_dims, lists.groups, lists.fill)
