"""Engines for folds of regular windows: compiled, from compiled sums, or as indexed windows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ...order_statistics import Order
from ...plan import Grid, Job, as_indexed_windows
from ..plan import NOT_APPLICABLE, BaseEngine, Bound, CallContext, Plan, Refusal, first_compiled
from . import linear_forms, narrow_range
from . import native as native_folds


def _is_fold(job: Job) -> bool:
    return isinstance(job.grid, Grid) and not isinstance(job.reduction, Order)


class FoldEngine(BaseEngine):
    """The common base: folds of regular windows, which state their local gradients."""

    def backward(self, plan: Plan, call: CallContext, x: Any, weights: Any) -> Bound:
        """The fold with the gradient that its sums, its positions or its local gradient give."""
        return call.arrays.fold_with_gradient(plan, call)


class NarrowRanges(FoldEngine):
    """Ranges of many narrow integers: two selections, and a difference in a wider type."""

    name, backend = "ranges", "cpu"

    def plan(self, job: Job) -> Plan | Refusal:
        """The plan, if two compiled selections are faster than one fold of wide integers."""
        if not narrow_range.serves(job) or isinstance(
            first_compiled(replace(job, reduction=job.reduction.difference_of[0])), Refusal
        ):
            return NOT_APPLICABLE
        return Plan(self, job, "two compiled selections and a wide difference")

    def run(self, plan: Plan, call: CallContext, x: Any, weights: Any, out: Any) -> Any:
        """The result."""
        return narrow_range.forward(call.arrays, x, plan.job)


class CompiledFolds(FoldEngine):
    """Lift, merge and finish in the compiled core."""

    name, backend, checks_memory = "folds", "cpu", True

    def plan(self, job: Job) -> Plan | Refusal:
        """The compiled fold, if the core has a recipe for it."""
        if not _is_fold(job):
            return NOT_APPLICABLE
        sentence = native_folds.refuses(job)
        return Plan(self, job, "compiled fold") if sentence is None else Refusal(sentence)

    def run(self, plan: Plan, call: CallContext, x: Any, weights: Any, out: Any) -> Any:
        """The result; None if the core cannot represent the values."""
        return call.arrays.compiled_fold(x, plan.job, weights, out)


class FoldsBySums(FoldEngine):
    """Folds that are functions of sums; each sum is a compiled fold of a transformed copy of x."""

    name, backend = "sums", "cpu"

    def plan(self, job: Job) -> Plan | Refusal:
        """The plan, if the fold defines `from_sums`."""
        if not _is_fold(job):
            return NOT_APPLICABLE
        if not linear_forms.has_sums_form(job.reduction):
            return NOT_APPLICABLE
        if job.device != "cpu":
            return Refusal(f"cpu: x is on {job.device}")
        if not linear_forms.serves(job):
            return Refusal("cpu: sums of transformed x do not support these windows or this element type")
        return Plan(self, job, "sums of transformed x")

    def run(self, plan: Plan, call: CallContext, x: Any, weights: Any, out: Any) -> Any:
        """The result; None if the sums lose digits."""
        return call.arrays.from_sums(x, plan.job, weights)


class WeightedWindows(BaseEngine):
    """Regular windows with weights, as indexed windows."""

    name, backend, differentiable = "weighted windows", "cpu", True

    def plan(self, job: Job) -> Plan | Refusal:
        """The plan of the indexed windows, if it is compiled."""
        if not isinstance(job.grid, Grid) or not job.grid.weighted:
            return NOT_APPLICABLE
        lists = None if job.weights is not None else as_indexed_windows(job.grid)
        if lists is None:
            return Refusal(
                "cpu: taps are compiled without weights and a border, as a product of one array for each axis"
            )
        part = first_compiled(replace(job, grid=lists), without="masked indexed")  # taps of 0 are absent there
        return part if isinstance(part, Refusal) else Plan(self, job, part.text, (part,))

    def run(self, plan: Plan, call: CallContext, x: Any, weights: Any, out: Any) -> Any:
        """The result of the indexed windows."""
        return plan.parts[0].run(call, x, weights, out)
