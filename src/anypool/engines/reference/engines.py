"""The engines of the reference: any reduction of any windows, in functions of the array library."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ...arrays.ops import where
from ...arrays.shape_ops import filled
from ...order_statistics import Order
from ...plan import Grid, IndexedWindows, Job
from ..plan import NOT_APPLICABLE, BaseEngine, Bound, CallContext, Plan, Refusal
from . import fold as reference
from . import indexed as indexed_reference
from . import sorted as sorted_reference


class ReferenceFolds(BaseEngine):
    """Folds of regular windows by doubling."""

    name, backend = "reference folds", "reference"

    def plan(self, job: Job) -> Plan | Refusal:
        """Every fold of regular windows."""
        fits = isinstance(job.grid, Grid) and not isinstance(job.reduction, Order)
        return Plan(self, job, "") if fits else NOT_APPLICABLE

    def run(self, plan: Plan, call: CallContext, x: Any, weights: Any, out: Any) -> Any:
        """The result."""
        job = plan.job
        return reference.forward(x, job.grid, job.reduction, weights, job.omit_nan, job.empty)[0]

    def backward(self, plan: Plan, call: CallContext, x: Any, weights: Any) -> Bound:
        """The fold with the gradient that its sums, its positions or its local gradient give."""
        return call.arrays.fold_with_gradient(plan, call)


class ReferenceOrders(BaseEngine):
    """Order statistics of regular windows: gathered, sorted, finished."""

    name, backend = "reference orders", "reference"

    def plan(self, job: Job) -> Plan | Refusal:
        """Every order statistic of regular windows."""
        fits = isinstance(job.grid, Grid) and isinstance(job.reduction, Order)
        return Plan(self, job, "") if fits else NOT_APPLICABLE

    def run(self, plan: Plan, call: CallContext, x: Any, weights: Any, out: Any) -> Any:
        """The result."""
        job = plan.job
        return sorted_reference.forward(x, job.grid, job.reduction, weights, job.omit_nan, job.empty)

    def backward(self, plan: Plan, call: CallContext, x: Any, weights: Any) -> Bound:
        """The order statistic with the gradient of the elements that it selects."""
        return call.arrays.order_with_gradient(plan, call)


class ReferenceIndexed(BaseEngine):
    """IndexedWindows, gathered and pooled as runs."""

    name, backend, differentiable = "reference indexed", "reference", True

    def plan(self, job: Job) -> Plan | Refusal:
        """Every reduction of IndexedWindows."""
        return Plan(self, job, "") if isinstance(job.grid, IndexedWindows) else NOT_APPLICABLE

    def run(self, plan: Plan, call: CallContext, x: Any, weights: Any, out: Any) -> Any:
        """The result."""
        return pool_indexed(call, plan.job, x, weights)


def pool_indexed(call: CallContext, job: Job, x: Any, weights: Any, log_weights: Any = None) -> Any:
    """The result of IndexedWindows. Windows without a position are first marked by NOWHERE, which
    `empty` replaces at the end.
    """
    positions = getattr(job.reduction, "gives", "value") == "position" and job.empty is not None
    inside = replace(job, empty=indexed_reference.NOWHERE) if positions else job

    def pooled(z: Any, grid: Any, reduction: Any, w: Any) -> Any:
        facts = None if w is None else (tuple(w.shape), call.arrays.dtype_name(w))
        dtype = call.arrays.dtype_name(z)
        return call.pool(z, replace(inside, grid=grid, reduction=reduction, dtype=dtype, weights=facts), w)

    y = indexed_reference.forward(x, job.grid, job.reduction, weights, pooled, log_weights, job.omit_nan)
    return where(y == indexed_reference.NOWHERE, filled(y, job.empty), y) if positions else y
