"""Large windows: only what they contain is read, masked ones are compacted, modes and positions go window by window."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ...arrays.shape_ops import cast
from ...plan import Grid, Job
from ..plan import FOREIGN, BaseEngine, Call, Plan, Refusal
from . import arg as large_places
from . import compacted, restricted
from . import modes as orders_modes


class RestrictedViews(BaseEngine):
    """Arrays much larger than what their windows contain: the other positions are not read."""

    composes = True

    def __init__(self, backend: str) -> None:
        self.backend, self.name = backend, f"restricted views ({backend})"

    def plan(self, job: Job) -> Plan | Refusal:
        """The plan, where windows contain a small share of the array."""
        if not isinstance(job.grid, Grid) or restricted.seen(job.grid) is None:
            return FOREIGN
        return Plan(self, job, "the positions that windows contain alone" if self.backend == "cpu" else "")

    def run(self, plan: Plan, call: Call, x: Any, weights: Any, out: Any) -> Any:
        """The result."""
        job = plan.job
        inside = restricted.seen(job.grid)
        assert inside is not None  # or there were no plan
        options = {"omit_nan": job.omit_nan, "empty": job.empty, "backend": call.backend}
        return restricted.run(call.arrays, inside, x, job.grid, (job.reduction,), weights, **options)[0]


class Compacted(BaseEngine):
    """Large disjoint windows that lack elements: what is present lies side by side and is pooled as runs."""

    name, backend, composes = "compacted", "cpu", True

    def plan(self, job: Job) -> Plan | Refusal:
        """The plan, where no engine that reads masks in place serves."""
        return Plan(self, job, compacted.SAID) if compacted.serves(job) else FOREIGN

    def run(self, plan: Plan, call: Call, x: Any, weights: Any, out: Any) -> Any:
        """The result; None where nothing is present."""
        return compacted.forward(call.arrays, x, plan.job, weights) if call.arrays.plain(x) else None


class LargeModes(BaseEngine):
    """The mode of large windows: labels are counted where they are few, else sorted."""

    name, backend = "large modes", "cpu"

    def plan(self, job: Job) -> Plan | Refusal:
        """The plan for windows of many elements."""
        return Plan(self, job, orders_modes.SAID) if orders_modes.serves(job) else FOREIGN

    def run(self, plan: Plan, call: Call, x: Any, weights: Any, out: Any) -> Any:
        """The result, window by window."""
        job, dtype = plan.job, plan.job.dtype
        if dtype == "bfloat16":  # NumPy has no such type of its own
            x, job = cast(x, "float32"), replace(job, dtype="float32")
        if weights is not None and call.arrays.dtype_name(weights) == "bfloat16":
            weights = cast(weights, "float32")
        y = call.arrays.in_numpy(lambda c, v, j, w: orders_modes.forward(v, j, w), call, x, job, weights)
        return y if dtype != "bfloat16" else cast(y, dtype)


class LargeArgs(BaseEngine):
    """Positions of the extremes of large windows, for types whose key and position share no 64 bits."""

    name, backend = "large positions", "cpu"

    def plan(self, job: Job) -> Plan | Refusal:
        """The plan, where the compiled fold refuses."""
        return Plan(self, job, large_places.SAID) if large_places.serves(job) else FOREIGN

    def run(self, plan: Plan, call: Call, x: Any, weights: Any, out: Any) -> Any:
        """The result, window by window."""
        if not call.arrays.plain(x):
            return None
        return call.arrays.in_numpy(lambda c, v, j, w: large_places.forward(v, j), call, x, plan.job, weights)
