"""Every engine in order of preference; `select` returns the first plan and what the engines before it refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..arrays.ops import among
from ..errors import PoolingError
from ..plan import Job
from .components import Components
from .folds.engines import CompiledFolds, FoldsBySums, NarrowRanges, WeightedWindows
from .indexed.engines import IndexedFolds, IndexedRanks, MaskedIndexed, Rewrites
from .large.engines import Compacted, LargeArgs, LargeModes, RestrictedViews
from .plan import Call, Engine, Plan, Refusal
from .ranks.engines import ArgOrders, MaskedNetworks, Networks, SortedWindows
from .reference.engines import ReferenceFolds, ReferenceIndexed, ReferenceOrders

ENGINES: tuple[Engine, ...] = (
    RestrictedViews("cpu"),
    Compacted(),
    WeightedWindows(),
    NarrowRanges(),
    CompiledFolds(),
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
__all__ = ["BACKENDS", "ENGINES", "Call", "Engine", "Plan", "Refusal", "Selection", "check_backend", "plans", "select"]


@dataclass(frozen=True)
class Selection:
    """The plan chosen for a job, and the sentence of each engine of the same family that refused before it."""

    plan: Plan
    refusals: dict[str, str]


def check_backend(backend: object) -> None:
    """Whether a caller's `backend` names one."""
    if not among(backend, (None, *BACKENDS)):
        raise PoolingError(f"backend={backend!r}: use one of {', '.join(map(repr, BACKENDS))}, or None for the best")


def plans(job: Job, backend: str | None = None) -> Iterator[Plan]:
    """Every plan for the job, the preferred one first; where the numbers forbid one, the next serves."""
    for engine in ENGINES:
        asked = backend in (None, engine.backend) or engine.backend == "reference"
        if asked:
            answer = engine.plan(job)
            if isinstance(answer, Plan):
                yield answer


def select(job: Job, backend: str | None = None) -> Selection:
    """The first plan, and the refusals before it; PoolingError where the backend asked for has none."""
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
