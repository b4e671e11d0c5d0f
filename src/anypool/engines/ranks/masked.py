"""Order statistics of NumPy arrays with absent elements: the core sorts these last, and counts the
others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...arrays import buffer_pool as memory
from ...arrays import numpy as arrays
from ...errors import PoolingError
from ...order_statistics import Order
from ...plan import Grid, Job
from ...reductions import Max
from ..folds.native import cached_by_grid
from . import rank_terms
from .interior import interior
from .native import NetworkCall, UndefinedResult


def forward(call: Any, x: Any, job: Job, mask: Any) -> Any:
    """The result of a job that `masked_served` supports; None if its NaN need another engine."""
    order: Order = job.reduction
    windows, elements, elements_mask = job.grid, x, mask
    if interior(windows) is None:
        padded = rank_terms.frame(windows)
        assert padded is not None
        windows = padded.grid
        elements, elements_mask = _extend(x, job.grid, padded, mask)
    elif mask is not None:
        elements, elements_mask = _with_equal_strides(x, mask)
    prepared = _prepared(job, elements, windows, elements_mask is not None)
    y = memory.empty(prepared.shape, prepared.result)
    result = y.transpose(prepared.back)
    mask_address = 0 if elements_mask is None else arrays.address(elements_mask)
    try:
        has_nan = prepared.forward(arrays.address(elements), arrays.address(y), mask_address)
    except UndefinedResult:
        raise PoolingError(
            f"a window holds too few elements for {order!r}, and {job.dtype} has no value for that: give empty="
        ) from None
    if has_nan and order.nan_is_largest and not prepared.sorts_nan:
        return None
    if has_nan and not order.nan_is_largest:
        np.copyto(result, np.nan, where=np.isnan(_maximum(call, x, job, mask)))
    for edge in prepared.edges:
        edge_mask = None if mask is None else edge.of(np.broadcast_to(mask, x.shape))
        facts = None if edge_mask is None else (edge_mask.shape, edge_mask.dtype.name)
        result[edge.where] = edge.of(call.pool(edge.of(x), replace(job, grid=edge.grid, weights=facts), edge_mask))
    return result


def _maximum(call: Any, x: Any, job: Job, mask: Any) -> Any:
    """The maximum of each window, NaN if the window contains one."""
    facts = None if mask is None else (mask.shape, mask.dtype.name)
    return call.pool(x, replace(job, reduction=Max(), omit_nan=False, empty=None, weights=facts), mask)


def _prepared(job: Job, x: Any, windows: Grid, masked: bool) -> NetworkCall:
    """The networks of these windows."""
    order = job.reduction
    keeps_integers = order.keeps_integers(job.weights is None and job.grid.odd)
    result = job.dtype if "float" in job.dtype or keeps_integers else "float64"
    strides, gaps = arrays.strides(x), rank_terms.has_gaps(job)

    def make() -> NetworkCall:
        terms = rank_terms.planned(order, job.grid, gaps)
        return NetworkCall(replace(job, grid=windows, weights=None), strides, terms, result)

    key = (id(job.grid), order, job.dtype, strides, gaps, job.omit_nan, job.empty, result, masked)
    return cached_by_grid(key, windows, make)


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


def _extend(x: Any, grid: Grid, padded: rank_terms.Frame, mask: Any) -> tuple[Any, Any]:
    """x extended to all windows, and the mask of the elements that may be present (None: all)."""
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

    def extended(inside_value: Any, dtype: Any) -> Any:
        array: NDArray[Any] = np.transpose(np.zeros([padded.grid.shape[a] for a in order], dtype), back)
        array[tuple(inside)] = inside_value
        return array

    inside = [slice(None)] * x.ndim
    for a, before in zip(grid.pooled_dims, padded.before, strict=True):
        inside[a] = slice(before, before + x.shape[a])
    return extended(x, x.dtype), extended(True if mask is None else mask, bool)
