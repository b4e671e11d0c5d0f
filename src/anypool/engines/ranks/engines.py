"""Engines for order statistics of regular windows: one for each compiled algorithm."""

from __future__ import annotations

from typing import Any

from ...order_statistics import Order
from ...plan import Grid, Job
from ..native.library import library, missing
from ..plan import NOT_APPLICABLE, BaseEngine, Bound, CallContext, Plan, Refusal, first_compiled
from . import arg, arg_calls, masked, masked_served, selected, selected_calls, served, sorted_calls
from . import sorted as sorting
from .network_calls import network_calls


class RankEngine(BaseEngine):
    """The common base: the family of jobs, the reason of a refusal, a description."""

    name, backend = "", "cpu"

    def refuses(self, job: Job) -> str | None:
        """The reason why the engine does not compute the job, or None."""
        raise NotImplementedError

    def describe(self, job: Job) -> str:
        """The description of the plan."""
        raise NotImplementedError

    def plan(self, job: Job) -> Plan | Refusal:
        """The plan, if the engine supports the windows, the element type and the order
        statistic."""
        if (
            not isinstance(job.grid, Grid)
            or not isinstance(job.reduction, Order)
            or job.reduction.components() is not None
        ):
            return NOT_APPLICABLE
        if library() is None:
            return Refusal(f"cpu: the compiled library is missing ({missing()})")
        if job.device != "cpu":
            return Refusal(f"cpu: x is on {job.device}")
        sentence = self.refuses(job)
        return Plan(self, job, self.describe(job)) if sentence is None else Refusal(f"cpu: {sentence}")

    def backward(self, plan: Plan, call: CallContext, x: Any, weights: Any) -> Bound:
        """The order statistic with the gradient of the elements that it selects."""
        return call.arrays.order_with_gradient(plan, call)


class ArgOrders(RankEngine):
    """Positions of selected elements: each window searches for the value that another plan
    selected."""

    name = "positions"

    def plan(self, job: Job) -> Plan | Refusal:
        """The plan of the selection, if it is compiled."""
        selection = arg.selection(job) if isinstance(job.reduction, Order) else None
        if selection is None:
            return NOT_APPLICABLE
        part = first_compiled(selection)
        if isinstance(part, Refusal):
            return part
        return Plan(self, job, f"{part}; then a search for this value in each window", (part,))

    def run(self, plan: Plan, call: CallContext, x: Any, weights: Any, out: Any) -> Any:
        return arg_calls.forward(call, x, plan.job, weights)


class Networks(RankEngine):
    """Selection networks, histograms and chains: all windows have the same ranks."""

    name, checks_memory = "networks", True

    def refuses(self, job: Job) -> str | None:
        return served.refuses(job)

    def describe(self, job: Job) -> str:
        return served.describe_engine(job)

    def bind(self, plan: Plan, call: CallContext, x: Any, weights: Any) -> Bound:
        """The compiled calls for arrays like x."""
        return network_calls(plan.job, call.arrays.strides(x)).bind(plan.job, call)

    def run(self, plan: Plan, call: CallContext, x: Any, weights: Any, out: Any) -> Any:
        return self.bind(plan, call, x, weights)(x, weights, out)


class MaskedNetworks(RankEngine):
    """Networks for windows with absent elements: the ranks depend on the number of present
    elements."""

    name = "masked networks"

    def refuses(self, job: Job) -> str | None:
        return masked_served.refuses(job)

    def describe(self, job: Job) -> str:
        return masked_served.engine(job)

    def run(self, plan: Plan, call: CallContext, x: Any, weights: Any, out: Any) -> Any:
        return call.arrays.run_in_numpy(masked.forward, call, x, plan.job, weights)


class SelectedRanks(RankEngine):
    """Large windows, with or without absent elements: each is selected from its own elements."""

    name = "selected ranks"

    def plan(self, job: Job) -> Plan | Refusal:
        """The plan, if selection is the fastest algorithm."""
        return Plan(self, job, selected.TEXT) if selected.serves(job) else NOT_APPLICABLE

    def run(self, plan: Plan, call: CallContext, x: Any, weights: Any, out: Any) -> Any:
        return selected_calls.forward(call, x, plan.job, weights)


class SortedWindows(RankEngine):
    """Windows sorted with their weights and positions, followed by the order statistic's
    `finish`."""

    name = "sorted windows"

    def refuses(self, job: Job) -> str | None:
        return sorting.refuses(job)

    def describe(self, job: Job) -> str:
        return sorting.TEXT

    def run(self, plan: Plan, call: CallContext, x: Any, weights: Any, out: Any) -> Any:
        return sorted_calls.forward(x, plan.job, weights)
