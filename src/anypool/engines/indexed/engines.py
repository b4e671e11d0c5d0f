"""Folds of windows that list their elements: compiled, rewritten into other reductions, or masked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ...plan import IndexedWindows, Job
from ..plan import FOREIGN, BaseEngine, Call, Plan, Refusal
from ..ranks import served
from ..ranks.engines import RankEngine
from . import masks as lists_masked
from . import native as lists_cpu
from . import rank_calls as orders_listed
from . import ranks as orders_lists
from . import rewrites as lists_composed


class IndexedFolds(BaseEngine):
    """Sums, means, maxima and minima of listed elements in the compiled core."""

    name, backend = "indexed folds", "cpu"

    def plan(self, job: Job) -> Plan | Refusal:
        """The compiled fold of lists."""
        if not isinstance(job.grid, IndexedWindows):
            return FOREIGN
        sentence = lists_cpu.refuses(job)
        return Plan(self, job, "compiled fold of listed elements") if sentence is None else Refusal(sentence)

    def run(self, plan: Plan, call: Call, x: Any, weights: Any, out: Any) -> Any:
        """The result; None where memory lies so that the core cannot read it."""
        return call.arrays.listed(x, plan.job)


class Rewrites(BaseEngine):
    """One way to make a reduction of listed elements out of compiled ones."""

    backend = "cpu"

    def __init__(self, way: lists_composed.Way) -> None:
        self.way, self.name = way, f"rewrite: {way.said}"

    @classmethod
    def all(cls) -> list[Rewrites]:
        """An engine for each way."""
        return [cls(way) for way in lists_composed.WAYS]

    def plan(self, job: Job) -> Plan | Refusal:
        """The rewrite, if every reduction that it needs is compiled."""
        if not isinstance(job.grid, IndexedWindows) or job.weights is not None or job.device != "cpu":
            return FOREIGN
        return Plan(self, job, self.way.said) if self.way.serves(job) else FOREIGN

    def run(self, plan: Plan, call: Call, x: Any, weights: Any, out: Any) -> Any:
        """The result; None where the numbers forbid the rewrite."""
        job = plan.job

        def one(v: Any, reduction: Any) -> Any:
            dtype = call.arrays.dtype_name(v)
            return call.pool(v, replace(job, reduction=reduction, dtype=dtype, weights=None), None)

        options = {"omit_nan": job.omit_nan, "empty": job.empty}
        return self.way.answer(call.arrays, x, job, options, one)


class MaskedIndexed(BaseEngine):
    """Masked or weighted listed elements: absent ones become neutral, weights are multiplied in."""

    name, backend = "masked indexed", "cpu"

    def plan(self, job: Job) -> Plan | Refusal:
        """The rewrite into plain reductions, if those are compiled."""
        if not isinstance(job.grid, IndexedWindows) or (job.weights is None and not job.omit_nan):
            return FOREIGN
        if lists_masked.serves(job):
            return Plan(self, job, lists_masked.SAID)
        return Refusal(f"cpu: {job.reduction!r} of weighted lists is not compiled")

    def run(self, plan: Plan, call: Call, x: Any, weights: Any, out: Any) -> Any:
        """The result; None where the numbers forbid the rewrite."""
        job = plan.job

        def one(v: Any, lists: IndexedWindows, reduction: Any) -> Any:
            dtype = call.arrays.dtype_name(v)
            plain = replace(job, grid=lists, reduction=reduction, dtype=dtype, weights=None, omit_nan=False, empty=None)
            return call.pool(v, plain, None)

        return lists_masked.forward(call.arrays, x, weights, job, one)


class IndexedRanks(RankEngine):
    """Irregular and large windows, read as lists: sorted across lanes, or selected from."""

    def __init__(self, disjoint: bool = False) -> None:
        self.disjoint = disjoint  # only large windows that share no element, before any network is planned
        self.name = "indexed ranks of large disjoint windows" if disjoint else "indexed ranks"

    def plan(self, job: Job) -> Plan | Refusal:
        """The plan, if these windows are read as lists."""
        return FOREIGN if self.disjoint and not served.large_and_disjoint(job) else super().plan(job)

    def refuses(self, job: Job) -> str | None:
        return orders_lists.refuses(job)

    def describe(self, job: Job) -> str:
        return orders_lists.SAID

    def run(self, plan: Plan, call: Call, x: Any, weights: Any, out: Any) -> Any:
        return orders_listed.forward(call.arrays, x, plan.job)
