"""Windows that name their elements, in any array library: the compiled core, or gathered runs."""

from __future__ import annotations

import sys
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np

from ..backends import lists_cpu, lists_reference, sums
from ..backends.reference.either import filled
from ..errors import PoolingError
from ..plan import Grid, Job, Lists, lists_of
from ..words import where
from . import lists_composed, lists_masked
from . import numpy as numpy_arrays


def run(
    x: Any,
    plan: Lists | Grid,
    reductions: tuple[Any, ...],
    weights: Any = None,
    *,
    out: Any = None,
    backend: str | None = None,
    remember: Any = None,
    **options: Any,
) -> tuple[Any, ...]:
    """One result a reduction. A Grid is one whose windows weigh their elements, which may be read as Lists."""
    library = _library(x)
    if isinstance(plan, Grid):
        return _weighing(library, x, plan, reductions, weights, out, backend, remember, options)
    lists = plan
    if lists.split is not None:
        weights = None if weights is None else _laid(_expanded(weights, x.shape), lists.split)
        x = _laid(x, lists.split)
    results = tuple(_one(library, x, lists, r, weights, backend, options) for r in reductions)
    return results if out is None else library.into(out, results)


def _one(
    library: ModuleType, x: Any, lists: Lists, reduction: Any, weights: Any, backend: str | None, options: Any
) -> Any:
    if lists.fan > 1 and getattr(reduction, "gives", "value") == "position":
        raise PoolingError(
            f"{reduction!r} of interpolated points: a point is no element of x; use reading='quantised' or 'exact'"
        )
    watched = library is not numpy_arrays and library.transformed()
    lists = lists if watched else lists.seen_by(reduction)
    job = _job(library, x, lists, reduction, weights, options)
    refusal = lists_cpu.refuses(job) if backend != "reference" else "the reference was asked for"
    if backend == "cpu" and refusal is not None:
        raise PoolingError(f"backend='cpu' refuses: {refusal}")
    if refusal is None and (made := library.listed(x, job)) is not None:
        return made
    found = lists_composed.way(job) if backend is None and not watched else None
    if found is not None and (made := _composed(library, x, job, options, found)) is not None:
        return made
    if backend is None and not watched and lists_masked.serves(job):
        made = lists_masked.forward(library, x, weights, job, partial(_plain, library))
        if made is not None:
            return made

    empty = options["empty"] if getattr(reduction, "gives", "value") == "position" else None
    inside = options if empty is None else {**options, "empty": lists_reference.NOWHERE}

    def pooled(z: Any, grid: Any, reduction: Any, w: Any) -> Any:
        return library.run(z, grid, (reduction,), w, **inside)[0]

    y = lists_reference.forward(x, lists, reduction, weights, pooled)
    return y if empty is None else where(y == lists_reference.NOWHERE, filled(y, empty), y)


def _plain(library: ModuleType, x: Any, lists: Lists, reduction: Any) -> Any:
    return _one(library, x, lists, reduction, None, None, {"omit_nan": False, "empty": None})


def _composed(library: ModuleType, x: Any, job: Job, options: Any, way: lists_composed.Way) -> Any:
    """The reduction made of others; None where the numbers forbid it."""

    def one(v: Any, r: Any) -> Any:
        return _one(library, v, job.grid, r, None, None, options)

    return way.answer(library, x, job, options, one)


def engine(job: Job, backend: str | None) -> str:
    """How a job that the core refuses is made of what it knows, in words; nothing where it is not."""
    if backend is not None:
        return ""
    if isinstance(job.grid, Lists):
        found = lists_composed.way(job)
        return found.said if found is not None else lists_masked.SAID if lists_masked.serves(job) else ""
    plain = job.weights is None and not job.omit_nan and job.device == "cpu"
    return "compiled sums of x lifted" if plain and sums.serves(job.grid, job.reduction, job.dtype) else ""


def _weighing(
    library: ModuleType,
    x: Any,
    grid: Grid,
    reductions: tuple[Any, ...],
    weights: Any,
    out: Any,
    backend: str | None,
    remember: Any,
    options: Any,
) -> tuple[Any, ...]:
    """The Grid as Lists where the core serves them, or else as it is."""
    lists = None if backend == "reference" or weights is not None else lists_of(grid)
    made: list[Any] = []
    for reduction in reductions if lists is not None else ():
        job = _job(library, x, lists, reduction, None, options)
        served = grid.seen_by(reduction) is grid
        if served and lists_cpu.refuses(job) is None:
            made.append(library.listed(x, job))
        else:
            found = lists_composed.way(job) if served and backend is None else None
            made.append(None if found is None else _composed(library, x, job, options, found))
    if not made or any(y is None for y in made):
        return library.run(x, grid, reductions, weights, out=out, backend=backend, remember=remember, **options)
    return tuple(made) if out is None else library.into(out, tuple(made))


def plan_for(grid: Any, reduction: Any, weights: Any) -> Any:
    """The plan that a call works from: windows that weigh their elements are read as Lists, if they can be."""
    seen = grid.seen_by(reduction)
    listed = lists_of(seen) if isinstance(seen, Grid) and seen.weighted and weights is None else None
    return seen if listed is None else listed


def _job(library: ModuleType, x: Any, lists: Any, reduction: Any, weights: Any, options: Any) -> Job:
    facts = None if weights is None else (tuple(weights.shape), library.dtype_name(weights))
    device = str(getattr(x, "device", "cpu"))
    return Job(
        lists, reduction, library.dtype_name(x), _name(library), device, facts, options["omit_nan"], options["empty"]
    )


def _laid(x: Any, split: tuple[int, ...]) -> Any:
    """x of (N, C · bins, …) with each bin's channel beside the others: (N, C, bins · length, …)."""
    rank, shape = len(split), tuple(x.shape)
    wide = x.reshape(shape[0], -1, *split, *shape[2:])
    order = (0, 1, *(a for k in range(rank) for a in (2 + k, 2 + rank + k)))
    turned = wide.transpose(order) if isinstance(x, np.ndarray) else wide.permute(order)
    return turned.reshape(shape[0], wide.shape[1], *(o * n for o, n in zip(split, shape[2:], strict=True)))


def _expanded(weights: Any, shape: Any) -> Any:
    return np.broadcast_to(weights, shape) if isinstance(weights, np.ndarray) else weights.expand(shape)


def _library(x: Any) -> ModuleType:
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(x, torch.Tensor):
        from . import torch as torch_arrays

        return torch_arrays
    return numpy_arrays


def _name(library: ModuleType) -> str:
    return library.__name__.rpartition(".")[2]
