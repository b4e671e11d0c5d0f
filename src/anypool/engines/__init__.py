"""ENGINES in order of preference; `select` returns the first plan and the refusals before it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..arrays.ops import among
from ..errors import PoolingError
from ..plan import Job
from .components import Components
from .ends import Ends
from .folds.engines import CompiledFolds, FoldsBySums, NarrowRanges, WeightedWindows
from .indexed.engines import IndexedFolds, IndexedRanks, MaskedIndexed, Rewrites
from .large.engines import Compacted, LargeArgs, LargeModes, RestrictedViews
from .plan import CallContext, Engine, Plan, Refusal
from .ranks.engines import ArgOrders, MaskedNetworks, Networks, SelectedRanks, SortedWindows
from .reference.engines import ReferenceFolds, ReferenceIndexed, ReferenceOrders

ENGINES: tuple[Engine, ...] = (
    Ends(),
    RestrictedViews("cpu"),
    SelectedRanks(),
    Compacted(),
    NarrowRanges(),
    CompiledFolds(),
    WeightedWindows(),
    LargeArgs(),
    FoldsBySums(),
    Components(),
    LargeModes(),
    ArgOrders(),
    IndexedRanks(disjoint=True),
    Networks(),
    MaskedNetworks(),
    IndexedRanks(),
    SortedWindows(),
    IndexedFolds(),
    *Rewrites.all(),
    MaskedIndexed(),
    RestrictedViews("reference"),
    ReferenceFolds(),
    ReferenceOrders(),
    ReferenceIndexed(),
)
BACKENDS = ("cpu", "reference")
__all__ = [
    "BACKENDS",
    "ENGINES",
    "CallContext",
    "Engine",
    "Plan",
    "Refusal",
    "Selection",
    "check_backend",
    "plans",
    "select",
]


@dataclass(frozen=True)
class Selection:
    """The plan for a job, and the refusal of each engine of the same family before it."""

    plan: Plan
    refusals: dict[str, str]


def check_backend(backend: object) -> None:
    """Raise PoolingError if `backend` is not None and names no backend."""
    if not among(backend, (None, *BACKENDS)):
        raise PoolingError(f"backend={backend!r}: use one of {', '.join(map(repr, BACKENDS))}, or None for the best")


def plans(job: Job, backend: str | None = None) -> Iterator[Plan]:
    """Every plan for the job in order of preference; if one returns None, the next plan computes
    the call."""
    for engine in ENGINES:
        allowed = backend in (None, engine.backend) or engine.backend == "reference"
        if allowed:
            answer = engine.plan(job)
            if isinstance(answer, Plan):
                yield answer


def select(job: Job, backend: str | None = None) -> Selection:
    """The first plan, and the refusals before it. Raises PoolingError if `backend` has no plan."""
    refusals: dict[str, str] = {}
    for engine in ENGINES:
        if backend not in (None, engine.backend):
            continue
        answer = engine.plan(job)
        if isinstance(answer, Plan):
            return Selection(answer, refusals)
        if answer.relevant:
            refusals[engine.name] = answer.sentence
    why = next(reversed(refusals.values()), "no engine of it knows such windows")
    raise PoolingError(f"backend={backend!r} refuses: {why}")
