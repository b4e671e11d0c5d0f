"""Order statistics of regular windows in the compiled core, one engine for each way to find ranks."""

from __future__ import annotations

from typing import Any

from ...order_statistics import Order
from ...plan import Grid, Job
from ..native.library import library, missing
from ..plan import FOREIGN, BaseEngine, Bound, Call, Plan, Refusal, first_compiled
from . import arg as orders_places
from . import arg_calls as arg_orders
from . import masked as orders_counted
from . import masked_served as orders_terms
from . import served as orders_cpu
from . import sorted as sorting
from . import sorted_calls as orders_sorted
from .network_calls import network_calls


class RankEngine(BaseEngine):
    """What the engines share: the family of jobs, a sentence of refusal, a line of description."""

    name, backend = "", "cpu"

    def refuses(self, job: Job) -> str | None:
        """A sentence, or None if the engine serves the job."""
        raise NotImplementedError

    def describe(self, job: Job) -> str:
        """The plan in words."""
        raise NotImplementedError

    def plan(self, job: Job) -> Plan | Refusal:
        """The plan, if the windows, the type and the order statistic suit this engine."""
        if (
            not isinstance(job.grid, Grid)
            or not isinstance(job.reduction, Order)
            or job.reduction.components() is not None
        ):
            return FOREIGN
        if library() is None:
            return Refusal(f"cpu: the compiled library is not there ({missing()})")
        if job.device != "cpu":
            return Refusal(f"cpu: x is on {job.device}")
        sentence = self.refuses(job)
        return Plan(self, job, self.describe(job)) if sentence is None else Refusal(f"cpu: {sentence}")


class ArgOrders(RankEngine):
    """Positions of selected elements: each window looks for the value that another plan selected."""

    name = "positions"

    def plan(self, job: Job) -> Plan | Refusal:
        """The plan of the selection, if it is compiled."""
        selection = orders_places.selection(job) if isinstance(job.reduction, Order) else None
        if selection is None:
            return FOREIGN
        part = first_compiled(selection)
        if isinstance(part, Refusal):
            return part
        return Plan(self, job, f"{part}; each window then looks for its value", (part,))

    def run(self, plan: Plan, call: Call, x: Any, weights: Any, out: Any) -> Any:
        return arg_orders.forward(call, x, plan.job, weights)


class Networks(RankEngine):
    """Selection networks, histograms and chains: every window takes the same ranks."""

    name, checks_memory = "networks", True

    def refuses(self, job: Job) -> str | None:
        return orders_cpu.plain(job)

    def describe(self, job: Job) -> str:
        return orders_cpu.described_engine(job)

    def bind(self, plan: Plan, call: Call, x: Any, weights: Any) -> Bound:
        """The compiled calls for arrays like x."""
        return network_calls(plan.job, call.arrays.strides(x)).bind(plan.job, call)

    def run(self, plan: Plan, call: Call, x: Any, weights: Any, out: Any) -> Any:
        return self.bind(plan, call, x, weights)(x, weights, out)


class MaskedNetworks(RankEngine):
    """Networks over windows that lack elements: the number of present elements says which ranks count."""

    name = "masked networks"

    def refuses(self, job: Job) -> str | None:
        return orders_terms.refuses(job)

    def describe(self, job: Job) -> str:
        return orders_terms.engine(job)

    def run(self, plan: Plan, call: Call, x: Any, weights: Any, out: Any) -> Any:
        return call.arrays.in_numpy(orders_counted.forward, call, x, plan.job, weights)


class SortedWindows(RankEngine):
    """Windows sorted with their weights and positions; the order statistic's own finish runs on them."""

    name = "sorted windows"

    def refuses(self, job: Job) -> str | None:
        return sorting.refuses(job)

    def describe(self, job: Job) -> str:
        return sorting.SAID

    def run(self, plan: Plan, call: Call, x: Any, weights: Any, out: Any) -> Any:
        return orders_sorted.forward(x, plan.job, weights)
