"""Order statistics of windows that lack elements, in NumPy arrays: what is absent is laid above all, and counted."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from ...arrays import buffer_pool as memory
from ...arrays import numpy as arrays
from ...errors import PoolingError
from ...order_statistics import Order
from ...plan import Grid, Job
from ...reductions import Count, Max
from ..folds import native as cpu
from . import interior as orders_parts
from . import native as orders_call
from . import rank_terms as orders_terms

NUMBERS = cpu.Recipe("present", ("sum",), "plain", "uint8", "uint8")  # how many are no NaN
TRUTHS = cpu.Recipe("truth", ("sum",), "plain", "uint8", "uint8")  # how many are true


def forward(call: Any, x: Any, job: Job, mask: Any) -> Any:
    """The result of a job that `orders_terms.refuses` does not; None where its NaN need another engine."""
    result, edges = _interior(call, x, job, mask)
    for edge in edges:
        part = None if mask is None else edge.of(np.broadcast_to(mask, x.shape))
        facts = None if part is None else (part.shape, part.dtype.name)
        result[edge.where] = edge.of(call.pool(edge.of(x), replace(job, grid=edge.grid, weights=facts), part))
    return result


def _largest(call: Any, x: Any, job: Job, mask: Any) -> Any:
    """The maximum of each window, NaN where it holds one."""
    facts = None if mask is None else (mask.shape, mask.dtype.name)
    return call.pool(x, replace(job, reduction=Max(), omit_nan=False, empty=None, weights=facts), mask)


def _interior(call: Any, x: Any, job: Job, mask: Any) -> tuple[Any, Any]:
    """The result of the full windows, and the edges that it leaves: slabs and their windows."""
    order: Order = job.reduction
    if orders_parts.interior(job.grid) is None:
        return _on_longer_axes(call, x, job, mask), ()
    if mask is not None:
        x, mask = _alike(x, mask)
    prepared, whole = _prepared(job, x, job.grid, job.grid, mask is not None)
    y = memory.empty(prepared.shape, prepared.result)
    result = y.transpose(prepared.back)
    places = arrays.address(x), arrays.address(y), 0 if mask is None else arrays.address(mask)
    gaps = orders_terms.gaps(job)
    outcome = prepared.sparse(*places) if gaps and "float" in job.dtype else None
    spoiled = outcome is True and not job.omit_nan
    counts = None
    if outcome is None or (spoiled and order.nan_is_largest):
        counts = _counts(x, job.grid, mask, job.omit_nan, prepared.order) if gaps else None
        outcome = prepared.forward(*places, 0 if counts is None else arrays.address(counts))
        spoiled = outcome and not job.omit_nan
    if spoiled and order.nan_is_largest and not prepared.ranked:
        return None, ()
    if spoiled and not order.nan_is_largest:
        np.copyto(result, np.nan, where=np.isnan(_largest(call, x, job, mask)))
    held = np.array(job.grid.max_length) if counts is None and not gaps else counts
    if held is not None:
        result = _answer(result, held if held is not counts else held.transpose(prepared.back), job, whole)
    return result, prepared.edges


def _prepared(job: Job, x: Any, grid: Grid, windows: Grid, masked: bool) -> tuple[orders_call.Prepared, bool]:
    """The job for these windows of an array, and whether integers stay integers."""
    order, gaps = job.reduction, orders_terms.gaps(job)
    whole = order.keeps_integers(job.weights is None and grid.odd)
    result = job.dtype if "float" in job.dtype or whole else "float64"
    strides = tuple(s // x.itemsize for s in x.strides)

    def make() -> orders_call.Prepared:
        terms = orders_terms.planned(order, grid, gaps)
        return orders_call.Prepared(replace(job, grid=windows, weights=None), strides, terms, result)

    key = (id(grid), order, job.dtype, strides, gaps, job.omit_nan, job.empty, result, masked)
    return cpu.remembered(key, windows, make), whole


def _alike(x: Any, mask: Any) -> tuple[Any, Any]:
    """x and the mask, laid out alike."""
    mask = np.broadcast_to(mask, x.shape)
    strides = tuple(s // x.itemsize for s in x.strides)
    if mask.strides != strides:
        laid = np.empty_like(x, bool)
        if laid.strides != strides:
            x, laid = np.ascontiguousarray(x), np.empty(x.shape, bool)
        laid[...] = mask
        mask = laid
    return x, mask


def _on_longer_axes(call: Any, x: Any, job: Job, mask: Any) -> Any:
    """The result where most windows reach beyond the ends."""
    order: Order = job.reduction
    made = orders_terms.frame(job.grid)
    assert made is not None
    heard = mask if mask is None or "float" not in job.dtype or not job.omit_nan else mask & (x == x)
    z, has = _framed(x, job.grid, made, heard)
    prepared, whole = _prepared(job, z, job.grid, made.grid, mask is not None)
    if orders_terms.gaps(job):
        counts = _counts(z if has is None else has, made.grid, None, True, prepared.order)
    else:
        counts = _present(job.grid, made, prepared.order)
    y = memory.empty(prepared.shape, prepared.result)
    prepared.forward(arrays.address(z), arrays.address(y), 0, 0 if counts is None else arrays.address(counts))
    y = y.transpose(prepared.back)
    nan = x != x if "float" in job.dtype and not job.omit_nan else None
    spoiled = nan is not None and bool((nan if mask is None else nan & mask).any())
    if spoiled and order.nan_is_largest and not prepared.ranked:
        return None
    if spoiled and not order.nan_is_largest:
        np.copyto(y, np.nan, where=np.isnan(_largest(call, x, job, mask)))
    return _answer(y, made.counts[-1] if counts is None else counts.transpose(prepared.back), job, whole)


def _answer(y: Any, held: Any, job: Job, whole: bool) -> Any:
    """`empty` where there is no answer."""
    order: Order = job.reduction
    lacks = order.undefined_for(held)
    if np.any(lacks):
        integers = whole and "float" not in job.dtype
        if integers and job.empty is None:
            raise PoolingError(
                f"a window holds too few elements for {order!r}, and nothing is no {job.dtype}: give empty="
            )
        nothing: Any = order.empty if job.empty is None else job.empty
        np.copyto(y, nothing, where=lacks, casting="unsafe")
    return y


def _framed(x: Any, grid: Grid, made: orders_terms.Frame, mask: Any) -> tuple[Any, Any]:
    """x on axes as long as the windows reach, absent elements above all; and which are there (None: all but NaN)."""
    mask = None if mask is None else np.broadcast_to(mask, x.shape)
    for a, axis, fill in zip(grid.pooled_dims, grid.axes, grid.fills, strict=True):
        if axis.source is not None:
            constant = (slice(None),) * a + (axis.source < 0,)
            x = np.take(x, np.maximum(axis.source, 0), a)
            if mask is not None:
                mask = np.take(mask, np.maximum(axis.source, 0), a)
                mask[constant] = True
            if fill is not None:
                x[constant] = fill
    if mask is None and x.shape == made.grid.shape:
        return x, None
    order = sorted(range(x.ndim), key=lambda a: (-abs(x.strides[a]), a))  # as x lies in memory
    back = np.argsort(order)

    def everywhere(value: Any, dtype: Any) -> Any:
        return np.full([made.grid.shape[a] for a in order], value, dtype).transpose(back)

    inside = [slice(None)] * x.ndim
    for a, before in zip(grid.pooled_dims, made.before, strict=True):
        inside[a] = slice(before, before + x.shape[a])
    z = everywhere(_top(x.dtype), x.dtype)
    np.copyto(z[tuple(inside)], x, where=True if mask is None else mask)
    if mask is None:
        return z, None
    has = everywhere(False, bool)
    has[tuple(inside)] = mask
    return z, has


def _top(dtype: Any) -> Any:
    """What sorts behind every element."""
    return np.nan if dtype.kind not in "biu" else True if dtype.kind == "b" else np.iinfo(dtype).max


def _present(grid: Grid, made: orders_terms.Frame, order: list[int]) -> Any:
    """How many elements the edges leave each window; None: all the most."""
    if len(made.counts) == 1:
        return None
    shape = [n if a in grid.pooled_dims else 1 for a, n in enumerate(grid.out_shape)]
    held = np.broadcast_to(grid.present.astype(np.uint8).reshape(shape), grid.out_shape)
    return np.ascontiguousarray(held.transpose(order))


@lru_cache(maxsize=256)
def _filled_with_ones(grid: Grid) -> Grid:
    """The same windows of a mask: the border's constant is there."""
    return grid if grid.fill is None else replace(grid, fill=1.0)


def _counts(x: Any, grid: Grid, mask: Any, omit_nan: bool, order: list[int]) -> Any:
    """How many elements each window holds, in the order of memory that the result has."""
    if mask is not None and not (omit_nan and "float" in x.dtype.name):  # the mask alone says it
        x, mask, grid = mask, None, _filled_with_ones(grid)
    job = Job(grid, Count(), x.dtype.name, "numpy", "cpu", None, omit_nan)
    strides = tuple(s // x.itemsize for s in x.strides)
    recipe = TRUTHS if x.dtype == bool and mask is None else NUMBERS
    key = (id(grid), recipe, job.dtype, omit_nan, strides, mask is None)
    held = (None, "") if mask is None else (mask.strides, "bool")
    prepared = cpu.remembered(key, grid, lambda: cpu.Prepared(job, recipe, strides, *held))
    counts = memory.empty(prepared.shape, np.uint8)
    where = 0 if mask is None else arrays.address(mask)
    if not prepared.forward(arrays.address(x), where, arrays.address(counts), 0):
        raise PoolingError("the compiled core counts no elements of " + x.dtype.name)
    counts = counts if prepared.back is None else counts.transpose(prepared.back)
    return np.ascontiguousarray(counts.transpose(order))
