"""Which backend runs a job: the first that does not refuse."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from .backends import cpu, reference
from .errors import PoolingError
from .plan import Job
from .words import among

BACKENDS: tuple[ModuleType, ...] = (cpu, reference)


def short_name(module: ModuleType) -> str:
    """The name a caller gives: "cpu", "reference"."""
    return module.__name__.rpartition(".")[2]


def check_backend(backend: Any) -> None:
    """Whether a caller's `backend` names one."""
    names = [short_name(b) for b in BACKENDS]
    if not among(backend, (None, *names)):
        raise PoolingError(f"backend={backend!r}: use one of {', '.join(map(repr, names))}, or None for the best")


def choose(job: Job, backend: str | None = None) -> ModuleType:
    """The backend asked for, or the first that serves the job; a refusal of the one asked for is an error."""
    if backend is None:
        return next(b for b in BACKENDS if b.refuses(job) is None)
    check_backend(backend)
    candidate = next(b for b in BACKENDS if short_name(b) == backend)
    refusal = candidate.refuses(job)
    if refusal is not None:
        raise PoolingError(f"backend={backend!r} refuses: {refusal}")
    return candidate


def refusals(job: Job) -> dict[str, str | None]:
    """What each backend says of the job: None, or why not."""
    return {short_name(b): b.refuses(job) for b in BACKENDS}
