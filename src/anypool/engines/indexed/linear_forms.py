"""Folds of IndexedWindows that are functions of compiled sums."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...arrays.adapter import adapter_of
from ...arrays.ops import where, zeros
from ...arrays.shape_ops import accumulator, as_like, cast, dtype_name, moved, result_of
from ...plan import AxisIndices, IndexedWindows, Job
from ...reductions import Sum
from ..folds.linear_forms import WindowSums, fold_by_sums, has_sums_form, sum_dtype
from ..reference import indexed as indexed_reference
from . import native as native_indexed

SPARE = frozenset(("float64", "int32", "uint32"))  # types that are as wide as the sums
FEW = 4  # at most one window in this many is recomputed


def serves(job: Job) -> bool:
    """Whether the fold is a function of compiled sums."""
    wide = wide_of(job) if has_sums_form(job.reduction) and job.grid.points_per_element == 1 else None
    if wide is None or (job.reduction.gives != "value" and job.empty is not None):
        return False
    return (
        native_indexed.refuses(replace(job, grid=_windows_with_outside(job.grid), reduction=Sum(), dtype=wide)) is None
    )


def wide_of(job: Job) -> str | None:
    """The type of the sums. If it has few spare digits, windows are recomputed sooner."""
    return sum_dtype(job.reduction, job.dtype) or ("float64" if job.dtype in SPARE else None)


def with_outside(x: Any, lists: IndexedWindows) -> tuple[Any, IndexedWindows]:
    """x with the outside as one more element of each axis, if a window contains it, and the windows
    over it."""
    if _windows_with_outside(lists) is lists:
        return x, lists
    pooled_last = moved(x, lists.pooled_dims, range(-len(lists.pooled_dims), 0))
    shape = tuple(n for _, n, _ in _axes_with_outside(lists))
    flat = pooled_last.reshape(tuple(n - 1 if a in grown else n for a, n, grown in _axes_with_outside(lists)))
    return adapter_of(x).extend(flat, shape, lists.fill), _windows_with_outside(lists)


def forward(library: ModuleType, x: Any, job: Job) -> Any:
    """The fold of x and windows from `with_outside`; None if the sums lose digits."""
    wide = wide_of(job)
    assert wide is not None
    y = fold_by_sums(job.reduction, cast(x, wide), window_sums(library, x, job, wide))
    if y is None or job.reduction.gives != "value":
        return y
    return result_of(cast(fill_empty(y, job), accumulator(x, job.reduction)), x, job.reduction)


def window_sums(library: ModuleType, x: Any, job: Job, wide: str) -> WindowSums:
    """The argument `sums` of the fold."""
    n = as_like(_weight_table(job.grid), zeros(x[:0]), exact=True)
    n = cast(n, wide)

    def fold_of(v: Any, fold: Any) -> Any:
        return library.indexed_fold(v, Job(job.grid, fold, dtype_name(v), job.library, job.device))

    sums = WindowSums(n, n, fold_of, n == 0 if job.grid.has_empty else None, recompute_windows(library, x, job))
    sums.smallest_share = smallest_share(job)
    return sums


def smallest_share(job: Job) -> float:
    """The smallest part of a sum that may remain after cancellation."""
    return 1e-4 if job.dtype in SPARE else WindowSums.smallest_share


def recompute_windows(library: ModuleType, x: Any, job: Job, weights: Any = None) -> Callable[[Any, Any], Any]:
    """A function that recomputes the windows whose sums lost their digits, if they are few."""
    lists: IndexedWindows = job.grid
    front_dims = list(range(len(lists.result_dims)))

    def by_window(v: Any) -> Any:
        return moved(v, lists.result_dims, front_dims).reshape(lists.windows, -1)

    def pooled(z: Any, grid: Any, reduction: Any, w: Any) -> Any:
        return library.run(z, grid, (reduction,), w)[0]

    def recompute(y: Any, lost: Any) -> Any:
        which = np.flatnonzero(np.asarray(by_window(lost)).any(1))
        if FEW * len(which) > lists.windows:
            return None
        selected = lists.select(which)
        y_selected = indexed_reference.forward(x, selected, job.reduction, weights, pooled)
        adapter = adapter_of(y)
        y_selected = cast(moved(y_selected, selected.result_dims[:1], (0,)).reshape(len(which), -1), dtype_name(y))
        flat = adapter.put(adapter.copy(by_window(y)), which, y_selected, 0)
        shape = [*lists.windows_shape, *(n for a, n in enumerate(y.shape) if a not in lists.result_dims)]
        return moved(flat.reshape(shape), front_dims, lists.result_dims)

    return recompute


def fill_empty(y: Any, job: Job) -> Any:
    """y with the value of an empty window where a window is empty."""
    lists: IndexedWindows = job.grid
    if not lists.has_empty:
        return y
    value = job.reduction.empty if job.empty is None else job.empty
    return where(as_like(_weight_table(lists), y[:0], exact=True) == 0, zeros(y) + value, y)


@lru_cache(maxsize=64)
def _weight_table(lists: IndexedWindows) -> Any:
    """The weight of each window, broadcastable to the result."""
    weights: NDArray[np.float64] = native_indexed.table(lists, True).weights
    shape = [1] * len(lists.out_shape)
    order = np.argsort(lists.result_dims)
    for at, n in zip(lists.result_dims, lists.windows_shape, strict=True):
        shape[at] = n
    in_order = np.transpose(weights.reshape(lists.windows_shape), order)
    return np.ascontiguousarray(np.reshape(in_order, shape))


def _axes_with_outside(lists: IndexedWindows) -> list[tuple[int, int, range]]:
    """(axis, length, the axes with one more element) of arrays from `with_outside`."""
    lead = [n for a, n in enumerate(lists.shape) if a not in lists.pooled_dims]
    images = [lists.shape[lists.pooled_dims[0]]] if lists.groups is not None else []
    shape = [*lead, *images, *(p.size + 1 for p in lists.indices)]
    return [(a, n, range(len(shape) - len(lists.indices), len(shape))) for a, n in enumerate(shape)]


@lru_cache(maxsize=64)
def _windows_with_outside(lists: IndexedWindows) -> IndexedWindows:
    """The windows over arrays from `with_outside`; the same object if no window contains the
    outside."""
    if not lists.outside:
        return lists
    shape = tuple(n for _, n, _ in _axes_with_outside(lists))
    picks = tuple(
        AxisIndices(p.size + 1, p.out, p.offsets, np.where(p.index < 0, p.size, p.index), p.taps, p.points_per_element)
        for p in lists.indices
    )
    at = tuple(range(len(lists.shape) - len(lists.pooled_dims), len(shape)))
    return IndexedWindows(shape, at, picks, lists.windows_shape, lists.result_dims, lists.groups, lists.fill)
