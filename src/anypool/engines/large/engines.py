"""Engines for large windows: restricted views, compaction, and one window at a time for modes and
positions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ...arrays.shape_ops import cast
from ...plan import Grid, Job
from ..plan import NOT_APPLICABLE, BaseEngine, CallContext, Plan, Refusal
from . import arg, compacted, modes, restricted


class RestrictedViews(BaseEngine):
    """Arrays much larger than the union of their windows: other positions are not read."""

    differentiable = True

    def __init__(self, backend: str) -> None:
        self.backend, self.name = backend, f"restricted views ({backend})"

    def plan(self, job: Job) -> Plan | Refusal:
        """The plan, if windows contain a small part of the array."""
        if not isinstance(job.grid, Grid) or restricted.restrict(job.grid) is None:
            return NOT_APPLICABLE
        return Plan(self, job, "the positions that windows contain alone" if self.backend == "cpu" else "")

    def run(self, plan: Plan, call: CallContext, x: Any, weights: Any, out: Any) -> Any:
        """The result."""
        job = plan.job
        inside = restricted.restrict(job.grid)
        assert inside is not None  # otherwise there would be no plan
        options = {"omit_nan": job.omit_nan, "empty": job.empty, "backend": call.backend}
        return restricted.run(call.arrays, inside, x, job.grid, (job.reduction,), weights, **options)[0]


class Compacted(BaseEngine):
    """Large disjoint windows with absent elements: present elements are compacted and pooled as
    runs."""

    name, backend, differentiable = "compacted", "cpu", True

    def plan(self, job: Job) -> Plan | Refusal:
        """The plan, if no engine supports the masks in place."""
        return Plan(self, job, compacted.TEXT) if compacted.serves(job) else NOT_APPLICABLE

    def run(self, plan: Plan, call: CallContext, x: Any, weights: Any, out: Any) -> Any:
        """The result; None if no element is present."""
        return compacted.forward(call.arrays, x, plan.job, weights) if call.arrays.plain(x) else None


class LargeModes(BaseEngine):
    """The mode of large windows: labels are counted if there are few, else sorted."""

    name, backend = "large modes", "cpu"

    def plan(self, job: Job) -> Plan | Refusal:
        """The plan for windows with many elements."""
        return Plan(self, job, modes.TEXT) if modes.serves(job) else NOT_APPLICABLE

    def run(self, plan: Plan, call: CallContext, x: Any, weights: Any, out: Any) -> Any:
        """The result, one window at a time."""
        job, dtype = plan.job, plan.job.dtype
        if dtype == "bfloat16":  # NumPy has no such type
            x, job = cast(x, "float32"), replace(job, dtype="float32")
        if weights is not None and call.arrays.dtype_name(weights) == "bfloat16":
            weights = cast(weights, "float32")

        def forward(call: CallContext, x: Any, job: Job, weights: Any) -> Any:
            return modes.forward(x, job, weights)

        y = call.arrays.run_in_numpy(forward, call, x, job, weights)
        return y if dtype != "bfloat16" else cast(y, dtype)


class LargeArgs(BaseEngine):
    """Positions of the extremes of large windows, for types whose key and position need more than
    64 bits."""

    name, backend = "large positions", "cpu"

    def plan(self, job: Job) -> Plan | Refusal:
        """The plan, if the compiled fold refuses."""
        return Plan(self, job, arg.TEXT) if arg.serves(job) else NOT_APPLICABLE

    def run(self, plan: Plan, call: CallContext, x: Any, weights: Any, out: Any) -> Any:
        """The result, one window at a time."""
        if not call.arrays.plain(x):
            return None

        def forward(call: CallContext, x: Any, job: Job, weights: Any) -> Any:
            return arg.forward(x, job)

        return call.arrays.run_in_numpy(forward, call, x, plan.job, weights)
