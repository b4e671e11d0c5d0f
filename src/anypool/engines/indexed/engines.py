"""Engines for IndexedWindows: compiled folds, rewrites into other reductions, masks, ranks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ...plan import IndexedWindows, Job
from ..plan import NOT_APPLICABLE, BaseEngine, CallContext, Plan, Refusal
from ..ranks import selected
from ..ranks.engines import RankEngine
from . import masks, rank_calls, rewrites
from . import native as native_indexed
from . import ranks as indexed_ranks


class IndexedFolds(BaseEngine):
    """Sums, means, maxima and minima of indexed windows in the compiled core."""

    name, backend, differentiable = "indexed folds", "cpu", True

    def plan(self, job: Job) -> Plan | Refusal:
        """The compiled fold of indexed windows."""
        if not isinstance(job.grid, IndexedWindows):
            return NOT_APPLICABLE
        sentence = native_indexed.refuses(job)
        return Plan(self, job, "compiled fold of indexed elements") if sentence is None else Refusal(sentence)

    def run(self, plan: Plan, call: CallContext, x: Any, weights: Any, out: Any) -> Any:
        """The result; None if the core cannot read the memory layout."""
        return call.arrays.indexed_fold(x, plan.job)


class Rewrites(BaseEngine):
    """A reduction of indexed windows in terms of compiled reductions."""

    backend, differentiable = "cpu", True

    def __init__(self, rewrite: rewrites.Rewrite) -> None:
        self.rewrite, self.name = rewrite, f"rewrite: {rewrite.text}"

    @classmethod
    def all(cls) -> list[Rewrites]:
        """One engine for each rewrite."""
        return [cls(rewrite) for rewrite in rewrites.REWRITES]

    def plan(self, job: Job) -> Plan | Refusal:
        """The rewrite, if all reductions that it needs are compiled."""
        if not isinstance(job.grid, IndexedWindows) or job.weights is not None or job.device != "cpu":
            return NOT_APPLICABLE
        return Plan(self, job, self.rewrite.text) if self.rewrite.serves(job) else NOT_APPLICABLE

    def run(self, plan: Plan, call: CallContext, x: Any, weights: Any, out: Any) -> Any:
        """The result; None if the values need another engine."""
        job = plan.job

        def one(v: Any, reduction: Any) -> Any:
            dtype = call.arrays.dtype_name(v)
            return call.pool(v, replace(job, reduction=reduction, dtype=dtype, weights=None), None)

        options = {"omit_nan": job.omit_nan, "empty": job.empty}
        return self.rewrite.compute(call.arrays, x, job, options, one)


class MaskedIndexed(BaseEngine):
    """Indexed windows with masks or weights: absent elements become identity elements, weights are
    multiplied in."""

    name, backend, differentiable = "masked indexed", "cpu", True

    def plan(self, job: Job) -> Plan | Refusal:
        """The rewrite into plain reductions, if those are compiled."""
        if not isinstance(job.grid, IndexedWindows) or (job.weights is None and not job.omit_nan):
            return NOT_APPLICABLE
        if masks.serves(job):
            return Plan(self, job, masks.TEXT)
        return Refusal(f"cpu: {job.reduction!r} of weighted indexed windows is not compiled")

    def run(self, plan: Plan, call: CallContext, x: Any, weights: Any, out: Any) -> Any:
        """The result; None if the values need another engine."""
        job = plan.job

        def one(v: Any, lists: IndexedWindows, reduction: Any) -> Any:
            dtype = call.arrays.dtype_name(v)
            plain = replace(job, grid=lists, reduction=reduction, dtype=dtype, weights=None, omit_nan=False, empty=None)
            return call.pool(v, plain, None)

        return masks.forward(call.arrays, x, weights, job, one)


class IndexedRanks(RankEngine):
    """Irregular windows, and large ones with a border, as IndexedWindows."""

    def __init__(self, disjoint: bool = False) -> None:
        self.disjoint = disjoint  # only large disjoint windows, before a network is planned
        self.name = "indexed ranks of large disjoint windows" if disjoint else "indexed ranks"

    def plan(self, job: Job) -> Plan | Refusal:
        """The plan, if these windows are read as IndexedWindows."""
        return NOT_APPLICABLE if self.disjoint and not selected.large_and_disjoint(job) else super().plan(job)

    def refuses(self, job: Job) -> str | None:
        return indexed_ranks.refuses(job)

    def describe(self, job: Job) -> str:
        return indexed_ranks.TEXT

    def run(self, plan: Plan, call: CallContext, x: Any, weights: Any, out: Any) -> Any:
        return rank_calls.forward(call.arrays, x, plan.job)
