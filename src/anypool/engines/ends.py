"""The first and the last element of each window: their positions are found, and they are taken from
x."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from ..arrays.adapter import adapter_of
from ..arrays.ops import where
from ..arrays.shape_ops import as_like, broadcast, filled, is_floating, moved
from ..plan import Grid, IndexedWindows, Ints, Job
from ..reductions import ArgMax, First, Last
from .plan import NOT_APPLICABLE, BaseEngine, CallContext, Plan, Refusal


class Ends(BaseEngine):
    """First and last elements, by their positions."""

    name, backend, differentiable = "first and last elements", "cpu", True

    def plan(self, job: Job) -> Plan | Refusal:
        """The positions of the plan, or of the first and last elements that a mask leaves."""
        if type(job.reduction) not in (First, Last) or job.device != "cpu":
            return NOT_APPLICABLE
        if 0 in job.grid.shape or 0 in job.grid.out_shape or _reads_constant(job.grid):
            return Refusal("cpu: first and last elements of empty arrays or of a constant border are not compiled")
        if getattr(job.grid, "points_per_element", 1) > 1:
            return Refusal("cpu: interpolated points are no elements")
        if _has_positions(job):
            return Plan(self, job, "the elements at the positions of the windows' ends")
        return Plan(self, job, "the elements at the positions of the ends of a mask")

    def run(self, plan: Plan, call: CallContext, x: Any, weights: Any, out: Any) -> Any:
        """The result; None if an empty window has no value in x's type."""
        job = plan.job
        if _has_positions(job):
            y, is_empty = _at_positions(x, job)
        else:
            y, is_empty = _at_masked_positions(call, x, weights, job)
        if is_empty is None:
            return call.arrays.in_layout(y, x)
        if job.empty is None and not is_floating(y):
            return None  # the reference raises the error
        value = job.reduction.empty if job.empty is None else job.empty
        return call.arrays.in_layout(where(is_empty, filled(y, value), y), x)


def _reads_constant(plan: Any) -> bool:
    if isinstance(plan, IndexedWindows):
        return plan.outside
    return any(axis.source is not None and bool((axis.source < 0).any()) for axis in plan.axes)


def _has_positions(job: Job) -> bool:
    """Whether the windows alone determine which elements are the first and the last."""
    return (
        job.weights is None and not job.omit_nan and getattr(job.grid, "taps", None) is None and not job.grid.weighted
    )


def _at_positions(x: Any, job: Job) -> tuple[Any, Any]:
    """The elements at positions that are the same for all rows, and which windows are empty, or
    None."""
    plan = job.grid
    if isinstance(plan, Grid):
        for axis, dim in zip(plan.axes, plan.pooled_dims, strict=True):
            x = adapter_of(x).take(x, _ends(axis, type(job.reduction) is Last), dim)
        empty = plan.along(plan.present) == 0 if plan.has_empty else None
        return x, None if empty is None else as_like(empty, x, exact=True)
    k = len(plan.pooled_dims)
    first = moved(x, plan.pooled_dims, range(k))
    lead = tuple(first.shape[k:])
    y = adapter_of(x).take(first.reshape(-1, *lead), _flat_ends(plan, type(job.reduction) is Last), 0)
    y = moved(y.reshape(*plan.windows_shape, *lead), range(len(plan.windows_shape)), plan.result_dims)
    if not plan.has_empty:
        return y, None
    empty = (plan.counts == 0).reshape(*plan.windows_shape, *([1] * len(lead)))
    return y, as_like(np.moveaxis(empty, range(len(plan.windows_shape)), plan.result_dims), y, exact=True)


def _ends(axis: Any, last: bool) -> Ints:
    """The position of the first or last element of each window of an axis; any position if it is
    empty."""
    at = axis.first + (np.maximum(axis.length - 1, 0) * axis.step if last else 0)
    at = np.where(axis.length > 0, at, 0)
    return at if axis.source is None else axis.source[at]


@lru_cache(maxsize=64)
def _flat_ends(plan: IndexedWindows, last: bool) -> Ints:
    """The flat position of the first or last element of each window; 0 if it is empty."""
    flat = np.zeros(plan.windows, np.int64)
    if plan.groups is not None:
        flat = np.repeat(plan.groups, max(plan.windows // max(len(plan.groups), 1), 1))
    for p, row in zip(plan.indices, plan.index_rows, strict=True):
        at = np.maximum(p.offsets[row + 1] - 1, p.offsets[row]) if last else p.offsets[row]
        index = p.index[np.minimum(at, max(len(p.index) - 1, 0))] if len(p.index) else np.zeros(plan.windows, np.int64)
        flat = flat * p.size + index
    return np.where(plan.counts > 0, flat, 0)


def _at_masked_positions(call: CallContext, x: Any, weights: Any, job: Job) -> tuple[Any, Any]:
    """The first or last present elements, and which windows have none."""
    plan, adapter = job.grid, adapter_of(x)
    keep = (x == x) if job.omit_nan else None
    if weights is not None:
        there = adapter.stop(weights) != 0
        there = there.reshape((1,) * (x.ndim - there.ndim) + tuple(there.shape))
        keep = there if keep is None else keep & there
    keep = keep if keep is not None else adapter.full([1] * x.ndim, True, "bool", x)
    shape = tuple(n if a in plan.pooled_dims else m for a, (n, m) in enumerate(zip(x.shape, keep.shape, strict=True)))
    keep = adapter.contiguous(broadcast(keep, shape))
    ties = "last" if type(job.reduction) is Last else "first"
    about = Job(_over(plan, shape), ArgMax(ties), "bool", job.library, job.device)
    at = call.pool(keep, about, None)
    inside, results = plan.pooled_dims, getattr(plan, "result_dims", plan.pooled_dims)
    values = moved(x, inside, range(-len(inside), 0))
    values = values.reshape(*values.shape[: x.ndim - len(inside)], -1)
    there = moved(keep, inside, range(-len(inside), 0))
    there = there.reshape(*there.shape[: x.ndim - len(inside)], -1)
    at = moved(at, results, range(-len(results), 0))
    at = at.reshape(*at.shape[: at.ndim - len(results)], -1)
    index = where(at >= 0, at, at * 0)
    is_empty = (at < 0) | ~adapter.take_along(there, index)
    y = adapter.take_along(values, broadcast(index, (*values.shape[:-1], index.shape[-1])))
    y, is_empty = (
        moved(v.reshape(*v.shape[:-1], *plan.windows_shape), range(-len(results), 0), results) for v in (y, is_empty)
    )
    return y, is_empty if bool(is_empty.any()) else None


@lru_cache(maxsize=64)
def _over(plan: Any, shape: tuple[int, ...]) -> Any:
    """The same windows over a mask of this shape, with the positions of their weights only."""
    return replace(plan, shape=shape).without_weights_for(ArgMax())
