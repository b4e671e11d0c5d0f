"""Order statistics of windows that lack elements, in NumPy arrays: what is absent is laid above all, and counted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..backends import cpu, orders_call, orders_reference, orders_terms
from ..errors import PoolingError
from ..orders import Order
from ..plan import Grid, Job
from ..reductions import Count, Max
from . import numpy as arrays

NUMBERS = cpu.Recipe("present", ("sum",), "plain", "uint8", "uint8")  # how many are no NaN
TRUTHS = cpu.Recipe("truth", ("sum",), "plain", "uint8", "uint8")  # how many are true


def forward(x: Any, job: Job, mask: Any) -> Any:
    """The result of a job that `orders_terms.refuses` does not."""
    order: Order = job.reduction
    made = orders_terms.frame(job.grid)
    assert made is not None
    gaps = orders_terms.gaps(job)
    floats = "float" in job.dtype
    if mask is not None and floats and job.omit_nan:
        mask = mask & (x == x)
    z, has = _framed(x, job.grid, made, mask)
    whole = order.whole(mask is None and orders_call.all_odd(job.grid))
    result = job.dtype if floats or whole else "float64"
    strides = tuple(s // z.itemsize for s in z.strides)
    terms = orders_terms.planned(order, job.grid, gaps)
    key = (id(job.grid), order, job.dtype, strides, gaps, result)
    inside = replace(job, grid=made.grid, weights=None)
    prepared = cpu.remembered(key, made.grid, lambda: orders_call.Prepared(inside, strides, terms, result))
    counts = _counts(z if has is None else has, job.grid, made, gaps, prepared.order)
    y = np.empty(prepared.shape, result)
    prepared.forward(arrays._address(z), arrays._address(y), 0 if counts is None else arrays._address(counts))
    y = y.transpose(prepared.back)
    nan = x != x if floats and not job.omit_nan else None
    spoiled = nan is not None and bool((nan if mask is None else nan & mask).any())
    if spoiled and order.nan_is_largest and not prepared.ranked:
        return orders_reference.forward(x, job.grid, order, mask, job.omit_nan, job.empty)
    if spoiled and not order.nan_is_largest:
        np.copyto(y, np.nan, where=np.isnan(arrays.run(x, job.grid, (Max(),), mask)[0]))
    held = made.counts[-1] if counts is None else counts.transpose(prepared.back)
    return _answer(y, held, job, whole)


def _answer(y: Any, held: Any, job: Job, whole: bool) -> Any:
    """`empty` where there is no answer."""
    order: Order = job.reduction
    lacks = order.lacks(held)
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
    for a, axis in zip(grid.at, grid.axes, strict=True):
        if axis.source is not None:
            constant = (slice(None),) * a + (axis.source < 0,)
            x = np.take(x, np.maximum(axis.source, 0), a)
            if mask is not None:
                mask = np.take(mask, np.maximum(axis.source, 0), a)
                mask[constant] = True
            if grid.fill is not None:
                x[constant] = grid.fill
    if mask is None and x.shape == made.grid.shape:
        return x, None
    order = sorted(range(x.ndim), key=lambda a: (-abs(x.strides[a]), a))  # as x lies in memory
    back = np.argsort(order)

    def everywhere(value: Any, dtype: Any) -> Any:
        return np.full([made.grid.shape[a] for a in order], value, dtype).transpose(back)

    inside = [slice(None)] * x.ndim
    for a, before in zip(grid.at, made.before, strict=True):
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


def _counts(z: Any, grid: Grid, made: orders_terms.Frame, gaps: bool, order: list[int]) -> Any:
    """How many elements each window holds, in the order of memory that the result has; None: all the most."""
    if not gaps:
        if len(made.counts) == 1:
            return None
        shape = [n if a in grid.at else 1 for a, n in enumerate(grid.out_shape)]
        held = np.broadcast_to(grid.present.astype(np.uint8).reshape(shape), grid.out_shape)
        return np.ascontiguousarray(held.transpose(order))
    job = Job(made.grid, Count(), z.dtype.name, "numpy", "cpu", None, True)
    strides = tuple(s // z.itemsize for s in z.strides)
    recipe = TRUTHS if z.dtype == bool else NUMBERS
    prepared = cpu.remembered(
        (id(made.grid), recipe, job.dtype, strides), made.grid, lambda: cpu.Prepared(job, recipe, strides, None, "")
    )
    held = np.empty(prepared.shape, np.uint8)
    if not prepared.forward(arrays._address(z), 0, arrays._address(held), 0):
        raise PoolingError("the compiled core counts no elements of " + z.dtype.name)
    held = held if prepared.back is None else held.transpose(prepared.back)
    return np.ascontiguousarray(held.transpose(order))
