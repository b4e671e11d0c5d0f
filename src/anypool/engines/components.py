"""Order statistics with several answers, each computed by its own plan."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..order_statistics import Order
from ..plan import Grid, Job
from .plan import FOREIGN, BaseEngine, Call, Plan, Refusal, first_compiled


class Components(BaseEngine):
    """An order statistic that others make up: several quantiles, a range of ranks."""

    name, backend = "components", "cpu"

    def plan(self, job: Job) -> Plan | Refusal:
        """The plan of each component, if every one is compiled."""
        if not isinstance(job.reduction, Order) or not isinstance(job.grid, Grid):
            return FOREIGN
        components = job.reduction.components()
        if components is None:
            return FOREIGN
        if job.empty is not None and job.reduction.answers() is None:
            return Refusal(f"cpu: {job.reduction!r} with empty= is not compiled")
        parts: list[Plan] = []
        for component in components:
            part = first_compiled(replace(job, reduction=component))
            if isinstance(part, Refusal):
                return part
            parts.append(part)
        return Plan(self, job, f"one by one: {parts[0]}", tuple(parts))

    def run(self, plan: Plan, call: Call, x: Any, weights: Any, out: Any) -> Any:
        """The components joined."""
        return plan.job.reduction.combine([call.pool(x, part.job, weights) for part in plan.parts])
