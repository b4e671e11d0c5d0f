"""Order statistics with several components, each computed by its own plan."""

from __future__ import annotations

from typing import Any

from ..order_statistics import Order
from ..plan import Grid, Job
from .plan import NOT_APPLICABLE, BaseEngine, Bound, CallContext, Plan, Refusal, components_of, first_compiled


class Components(BaseEngine):
    """An order statistic that combines others: several quantiles, a range of ranks."""

    name, backend = "components", "cpu"

    def plan(self, job: Job) -> Plan | Refusal:
        """The plan of each component, if all of them are compiled."""
        if not isinstance(job.reduction, Order) or not isinstance(job.grid, Grid):
            return NOT_APPLICABLE
        if job.reduction.components() is None:
            return NOT_APPLICABLE
        components = components_of(job)
        if components is None:
            return Refusal(f"cpu: {job.reduction!r} with empty= is not compiled")
        parts: list[Plan] = []
        for component in components:
            part = first_compiled(component)
            if isinstance(part, Refusal):
                return part
            parts.append(part)
        return Plan(self, job, f"each component: {parts[0]}", tuple(parts))

    def run(self, plan: Plan, call: CallContext, x: Any, weights: Any, out: Any) -> Any:
        """The combined results of the components."""
        return plan.job.reduction.combine([call.pool(x, part.job, weights) for part in plan.parts])

    def backward(self, plan: Plan, call: CallContext, x: Any, weights: Any) -> Bound:
        """The order statistic with the gradient of the elements that it selects."""
        return call.arrays.order_with_gradient(plan, call)
