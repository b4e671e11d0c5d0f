"""The answers of an engine to a job: a Plan that computes it, or a Refusal with the reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from types import ModuleType
from typing import Any, NamedTuple, Protocol

from ..order_statistics import Order
from ..plan import Job


@dataclass(frozen=True)
class Refusal:
    """The reason why an engine does not compute a job. `relevant` is False for jobs of another
    family."""

    sentence: str
    relevant: bool = True


class CallContext(NamedTuple):
    """The arguments of an engine besides arrays: the functions of their library, and `pool` for
    other jobs."""

    arrays: ModuleType
    pool: partial[Any]  # pool(x, job, weights) computes another job of the same call
    backend: str | None = None

    def of(self, arrays: ModuleType) -> CallContext:
        """The same context for another array library."""
        return CallContext(arrays, partial(self.pool.func, arrays, **self.pool.keywords), self.backend)


# A plan for arrays of one form: (x, weights, out) -> the result, or None if the values need another
# engine.
Bound = Callable[..., Any]


class Engine(Protocol):
    """An algorithm for a family of jobs."""

    name: str
    backend: str  # "cpu" or "reference", for `backend=`
    checks_memory: bool
    differentiable: bool  # whether `run` returns results with a gradient, as other plans give them

    def plan(self, job: Job) -> Plan | Refusal:
        """The plan for the job, or the reason against it."""
        ...

    def run(self, plan: Plan, call: CallContext, x: Any, weights: Any, out: Any) -> Any:
        """The result, or None if the values need the next engine. `out` is a hint that may be
        ignored."""
        ...

    def bind(self, plan: Plan, call: CallContext, x: Any, weights: Any) -> Bound:
        """`run` for arrays of the form of x and weights; nothing is decided per call."""
        ...

    def backward(self, plan: Plan, call: CallContext, x: Any, weights: Any) -> Bound:
        """`bind` for arrays that need a gradient: the result has one."""
        ...


class BaseEngine:
    """The default methods of an engine: a bound plan calls `run`."""

    checks_memory = False  # if False, bound plans read any address and any bool byte, and return new memory
    differentiable = False

    def run(self, plan: Plan, call: CallContext, x: Any, weights: Any, out: Any) -> Any:
        """The result, or None if the values need the next engine."""
        raise NotImplementedError

    def bind(self, plan: Plan, call: CallContext, x: Any, weights: Any) -> Bound:
        """`run` for arrays like x and weights."""
        return partial(self.run, plan, call)

    def backward(self, plan: Plan, call: CallContext, x: Any, weights: Any) -> Bound:
        """The plan's result, with the gradient of its own functions or of the reference."""
        return self.bind(plan, call, x, weights) if self.differentiable else call.arrays.with_gradient(plan, call)


@dataclass(frozen=True, eq=False)
class Plan:
    """A job and the engine that computes it."""

    engine: Engine
    job: Job
    text: str  # a description for `explain`
    parts: tuple[Plan, ...] = ()

    def __str__(self) -> str:
        return self.text

    def run(self, call: CallContext, x: Any, weights: Any = None, out: Any = None) -> Any:
        """The result for x, or None if the values need the next engine."""
        return self.engine.run(self, call, x, weights, out)

    def bind(self, call: CallContext, x: Any, weights: Any = None) -> Bound:
        """The plan for arrays of the form of x and weights, which the call cache stores."""
        return self.engine.bind(self, call, x, weights)

    def backward(self, call: CallContext, x: Any, weights: Any = None) -> Bound:
        """The plan for arrays like x and weights, of which one needs a gradient."""
        return self.engine.backward(self, call, x, weights)


NOT_APPLICABLE = Refusal("", relevant=False)  # the job belongs to another family


def components_of(job: Job) -> list[Job] | None:
    """The job of each component; None without components, or if they do not determine `empty`."""
    components = job.reduction.components() if isinstance(job.reduction, Order) else None
    if components is None:
        return None
    may_be_empty = job.grid.has_empty or job.omit_nan or job.weights is not None
    if job.empty is not None and may_be_empty and job.reduction.answers() is None:
        return None
    return [replace(job, reduction=component) for component in components]


def first_compiled(job: Job, without: str = "") -> Plan | Refusal:
    """The preferred compiled plan of a job that is part of another plan, or the last reason against
    one."""
    from . import ENGINES  # imported here, since ENGINES contains the engine that calls this function

    refusal = NOT_APPLICABLE
    for engine in ENGINES:
        answer = engine.plan(job) if engine.backend == "cpu" and engine.name != without else NOT_APPLICABLE
        if isinstance(answer, Plan):
            return answer
        refusal = answer if answer.relevant else refusal
    return refusal
