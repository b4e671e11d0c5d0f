"""What an engine answers to a job: a plan that runs it, or a refusal with its reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import Any, NamedTuple, Protocol

from ..plan import Job


@dataclass(frozen=True)
class Refusal:
    """Why an engine does not serve a job; `relevant` is False where the job is of another family."""

    sentence: str
    relevant: bool = True


class Call(NamedTuple):
    """What an engine may use besides the arrays: their library's adapter, and the same call of other jobs."""

    arrays: ModuleType
    pool: partial[Any]  # pool(x, job, weights): another job of the same call
    backend: str | None = None

    def of(self, arrays: ModuleType) -> Call:
        """The same call of another library's arrays."""
        return Call(arrays, partial(self.pool.func, arrays, **self.pool.keywords), self.backend)


# A plan for arrays of one form: (x, weights, out) -> the result, or None where the numbers need another engine.
Bound = Callable[..., Any]


class Engine(Protocol):
    """One way to compute a family of jobs."""

    name: str
    backend: str  # "cpu" or "reference": what `backend=` filters by
    checks_memory: bool

    def plan(self, job: Job) -> Plan | Refusal:
        """How this engine computes the job, or why it does not."""
        ...

    def run(self, plan: Plan, call: Call, x: Any, weights: Any, out: Any) -> Any:
        """The result; None where the numbers need the next engine. `out` is a hint that may be ignored."""
        ...

    def bind(self, plan: Plan, call: Call, x: Any, weights: Any) -> Bound:
        """`run` for arrays like x and weights, with nothing left to decide."""
        ...


class BaseEngine:
    """What most engines share: a bound plan is one that runs."""

    checks_memory = False  # a bound plan reads any address and stores of bools, and its result is new memory

    def run(self, plan: Plan, call: Call, x: Any, weights: Any, out: Any) -> Any:
        """The result; None where the numbers need the next engine."""
        raise NotImplementedError

    def bind(self, plan: Plan, call: Call, x: Any, weights: Any) -> Bound:
        """`run` for arrays like x and weights."""
        return partial(self.run, plan, call)


@dataclass(frozen=True, eq=False)
class Plan:
    """A job and the engine that computes it."""

    engine: Engine
    job: Job
    text: str  # one line for a reader
    parts: tuple[Plan, ...] = ()

    def __str__(self) -> str:
        return self.text

    def run(self, call: Call, x: Any, weights: Any = None, out: Any = None) -> Any:
        """The result for x; None where the numbers need the next engine."""
        return self.engine.run(self, call, x, weights, out)

    def bind(self, call: Call, x: Any, weights: Any = None) -> Bound:
        """The plan for arrays like x and weights, which is kept for the next such call."""
        return self.engine.bind(self, call, x, weights)


FOREIGN = Refusal("", relevant=False)  # the job is of a family that the engine does not know


def first_compiled(job: Job, without: str = "") -> Plan | Refusal:
    """The preferred compiled plan of another job that a plan consists of, or the last reason against one."""
    from . import ENGINES  # the tuple that the asking engine is in

    refusal = FOREIGN
    for engine in ENGINES:
        answer = engine.plan(job) if engine.backend == "cpu" and engine.name != without else FOREIGN
        if isinstance(answer, Plan):
            return answer
        refusal = answer if answer.relevant else refusal
    return refusal
