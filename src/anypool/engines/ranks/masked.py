"""Order statistics of NumPy arrays with absent elements: these are sorted last, and the others are
counted."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...arrays import buffer_pool as memory
from ...arrays import numpy as arrays
from ...errors import PoolingError
from ...order_statistics import Order
from ...plan import Grid, Job
from ...reductions import Count, Max
from ..folds import native as native_folds
from . import rank_terms
from .interior import interior
from .native import NetworkCall

COUNT_NUMBERS = native_folds.Recipe(
    "present", ("sum",), "plain", "uint8", "uint8"
)  # the number of elements that are no NaN
COUNT_TRUE = native_folds.Recipe("truth", ("sum",), "plain", "uint8", "uint8")  # the number of true elements


def forward(call: Any, x: Any, job: Job, mask: Any) -> Any:
    """The result of a job that `masked_served` supports; None if its NaN need another engine."""
    result, edges = _interior(call, x, job, mask)
    for edge in edges:
        edge_mask = None if mask is None else edge.of(np.broadcast_to(mask, x.shape))
        facts = None if edge_mask is None else (edge_mask.shape, edge_mask.dtype.name)
        result[edge.where] = edge.of(call.pool(edge.of(x), replace(job, grid=edge.grid, weights=facts), edge_mask))
    return result


def _maximum(call: Any, x: Any, job: Job, mask: Any) -> Any:
    """The maximum of each window, NaN if the window contains one."""
    facts = None if mask is None else (mask.shape, mask.dtype.name)
    return call.pool(x, replace(job, reduction=Max(), omit_nan=False, empty=None, weights=facts), mask)


def _interior(call: Any, x: Any, job: Job, mask: Any) -> tuple[Any, Any]:
    """The result with the interior filled in, and the edges that remain."""
    order: Order = job.reduction
    if interior(job.grid) is None:
        return _on_longer_axes(call, x, job, mask), ()
    if mask is not None:
        x, mask = _with_equal_strides(x, mask)
    prepared, keeps_integers = _prepared(job, x, job.grid, job.grid, mask is not None)
    y = memory.empty(prepared.shape, prepared.result)
    result = y.transpose(prepared.back)
    addresses = arrays.address(x), arrays.address(y), 0 if mask is None else arrays.address(mask)
    gaps = rank_terms.has_gaps(job)
    outcome = prepared.sparse(*addresses) if gaps and "float" in job.dtype else None
    has_nan = outcome is True and not job.omit_nan
    counts = None
    if outcome is None or (has_nan and order.nan_is_largest):
        counts = _counts(x, job.grid, mask, job.omit_nan, prepared.order) if gaps else None
        outcome = prepared.forward(*addresses, 0 if counts is None else arrays.address(counts))
        has_nan = outcome and not job.omit_nan
    if has_nan and order.nan_is_largest and not prepared.sorts_nan:
        return None, ()
    if has_nan and not order.nan_is_largest:
        np.copyto(result, np.nan, where=np.isnan(_maximum(call, x, job, mask)))
    n = np.array(job.grid.max_length) if counts is None and not gaps else counts
    if n is not None:
        result = _set_undefined(result, n if n is not counts else n.transpose(prepared.back), job, keeps_integers)
    return result, prepared.edges


def _prepared(job: Job, x: Any, grid: Grid, windows: Grid, masked: bool) -> tuple[NetworkCall, bool]:
    """The networks of these windows, and whether integers stay integers."""
    order, gaps = job.reduction, rank_terms.has_gaps(job)
    keeps_integers = order.keeps_integers(job.weights is None and grid.odd)
    result = job.dtype if "float" in job.dtype or keeps_integers else "float64"
    strides = arrays.strides(x)

    def make() -> NetworkCall:
        terms = rank_terms.planned(order, grid, gaps)
        return NetworkCall(replace(job, grid=windows, weights=None), strides, terms, result)

    key = (id(grid), order, job.dtype, strides, gaps, job.omit_nan, job.empty, result, masked)
    return native_folds.cached_by_grid(key, windows, make), keeps_integers


def _with_equal_strides(x: Any, mask: Any) -> tuple[Any, Any]:
    """x and the mask with equal strides."""
    mask = np.broadcast_to(mask, x.shape)
    strides = arrays.strides(x)
    if mask.strides != strides:
        copied = np.empty_like(x, bool)
        if copied.strides != strides:
            x, copied = np.ascontiguousarray(x), np.empty(x.shape, bool)
        copied[...] = mask
        mask = copied
    return x, mask


def _on_longer_axes(call: Any, x: Any, job: Job, mask: Any) -> Any:
    """The result if most windows extend past the ends of x."""
    order: Order = job.reduction
    padded = rank_terms.frame(job.grid)
    assert padded is not None
    is_present = mask if mask is None or "float" not in job.dtype or not job.omit_nan else mask & (x == x)
    z, mask_of_z = _extend(x, job.grid, padded, is_present)
    prepared, keeps_integers = _prepared(job, z, job.grid, padded.grid, mask is not None)
    if rank_terms.has_gaps(job):
        counts = _counts(z if mask_of_z is None else mask_of_z, padded.grid, None, True, prepared.order)
    else:
        counts = _counts_at_edges(job.grid, padded, prepared.order)
    y = memory.empty(prepared.shape, prepared.result)
    prepared.forward(arrays.address(z), arrays.address(y), 0, 0 if counts is None else arrays.address(counts))
    y = y.transpose(prepared.back)
    nan = x != x if "float" in job.dtype and not job.omit_nan else None
    has_nan = nan is not None and bool((nan if mask is None else nan & mask).any())
    if has_nan and order.nan_is_largest and not prepared.sorts_nan:
        return None
    if has_nan and not order.nan_is_largest:
        np.copyto(y, np.nan, where=np.isnan(_maximum(call, x, job, mask)))
    return _set_undefined(
        y, padded.counts[-1] if counts is None else counts.transpose(prepared.back), job, keeps_integers
    )


def _set_undefined(y: Any, n: Any, job: Job, keeps_integers: bool) -> Any:
    """y with the value of an empty window where the order statistic is undefined."""
    order: Order = job.reduction
    undefined = order.undefined_for(n)
    if np.any(undefined):
        integers = keeps_integers and "float" not in job.dtype
        if integers and job.empty is None:
            raise PoolingError(
                f"a window holds too few elements for {order!r}, and {job.dtype} has no value for that: give empty="
            )
        value_of_empty: Any = order.empty if job.empty is None else job.empty
        np.copyto(y, value_of_empty, where=undefined, casting="unsafe")
    return y


def _extend(x: Any, grid: Grid, padded: rank_terms.Frame, mask: Any) -> tuple[Any, Any]:
    """x extended to all windows, absent elements largest; and the mask of the present ones (None:
    all but NaN)."""
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
    if mask is None and x.shape == padded.grid.shape:
        return x, None
    order = sorted(range(x.ndim), key=lambda a: (-abs(x.strides[a]), a))  # the order of axes in memory
    back = np.argsort(order)

    def full(value: Any, dtype: Any) -> Any:
        array: NDArray[Any] = np.full([padded.grid.shape[a] for a in order], value, dtype)
        return np.transpose(array, back)

    inside = [slice(None)] * x.ndim
    for a, before in zip(grid.pooled_dims, padded.before, strict=True):
        inside[a] = slice(before, before + x.shape[a])
    z = full(_largest_value(x.dtype), x.dtype)
    np.copyto(z[tuple(inside)], x, where=True if mask is None else mask)
    if mask is None:
        return z, None
    extended_mask = full(False, bool)
    extended_mask[tuple(inside)] = mask
    return z, extended_mask


def _largest_value(dtype: Any) -> Any:
    """A value that is sorted after each element."""
    return np.nan if dtype.kind not in "biu" else True if dtype.kind == "b" else np.iinfo(dtype).max


def _counts_at_edges(grid: Grid, padded: rank_terms.Frame, order: list[int]) -> Any:
    """The number of elements of each window after clipping, in memory order; None if it is
    constant."""
    if len(padded.counts) == 1:
        return None
    shape = [n if a in grid.pooled_dims else 1 for a, n in enumerate(grid.out_shape)]
    counts: NDArray[np.uint8] = np.broadcast_to(grid.present.astype(np.uint8).reshape(shape), grid.out_shape)
    return np.ascontiguousarray(np.transpose(counts, order))


@lru_cache(maxsize=256)
def _grid_of_mask(grid: Grid) -> Grid:
    """The same windows over a mask; the constant of a border is present."""
    return grid if grid.fill is None else replace(grid, fill=1.0)


def _counts(x: Any, grid: Grid, mask: Any, omit_nan: bool, order: list[int]) -> Any:
    """The number of present elements of each window, in the memory order of the result."""
    if mask is not None and not (omit_nan and "float" in x.dtype.name):  # the mask alone decides
        x, mask, grid = mask, None, _grid_of_mask(grid)
    job = Job(grid, Count(), x.dtype.name, "numpy", "cpu", None, omit_nan)
    strides = arrays.strides(x)
    recipe = COUNT_TRUE if x.dtype == bool and mask is None else COUNT_NUMBERS
    key = (id(grid), recipe, job.dtype, omit_nan, strides, mask is None)
    weights_layout = (None, "") if mask is None else (mask.strides, "bool")
    prepared = native_folds.cached_by_grid(
        key, grid, lambda: native_folds.FoldCall(job, recipe, strides, *weights_layout)
    )
    counts = memory.empty(prepared.shape, np.uint8)
    mask_address = 0 if mask is None else arrays.address(mask)
    if not prepared.forward(arrays.address(x), mask_address, arrays.address(counts), 0):
        raise PoolingError("the compiled core counts no elements of " + x.dtype.name)
    counts = counts if prepared.back is None else counts.transpose(prepared.back)
    return np.ascontiguousarray(counts.transpose(order))
