"""The execution of a call: the preferred plan computes each job; if it returns None, the next plan
does."""

from __future__ import annotations

from functools import partial
from types import ModuleType
from typing import Any

from ..errors import PoolingError
from ..plan import Grid, GridConcat, IndexedWindows, Job, SparseGroups
from . import concat, plans, select
from .indexed.relayout import split_bins
from .plan import CallContext, Plan
from .sparse_groups import scatter_groups


def run(
    arrays: ModuleType,
    x: Any,
    grid: Any,
    reductions: tuple[Any, ...],
    weights: Any = None,
    *,
    omit_nan: bool = False,
    empty: Any = None,
    out: Any = None,
    backend: str | None = None,
    cache_key: Any = None,
    unchecked: bool = False,
) -> tuple[Any, ...]:
    """One result for each reduction.

    cache_key: the key of the call in the call cache, or None. unchecked: the weights may be
    invalid; a plan that checks them as it reads them, or the library, raises PoolingError.
    """
    if unchecked and weights is not None and not (isinstance(grid, Grid) and len(reductions) == 1):
        unchecked = False
        for reduction in reductions:
            arrays.check_weights(weights, reduction)
    if isinstance(grid, GridConcat):
        pooled = partial(run, arrays, omit_nan=omit_nan, empty=empty, backend=backend)
        return concat.run(arrays, pooled, x, grid, reductions, weights, out, cache_key)
    if isinstance(grid, SparseGroups):
        each = run(arrays, x, grid.nonempty, reductions, weights, omit_nan=omit_nan, empty=empty, backend=backend)
        results = tuple(scatter_groups(y, grid, r) for y, r in zip(each, reductions, strict=True))
        return results if out is None else arrays.into(out, results)
    if isinstance(grid, IndexedWindows):
        _check_points(grid, reductions)
    if isinstance(grid, IndexedWindows) and grid.split is not None:
        x, weights, cache_key = split_bins(x, grid.split), split_bins(weights, grid.split, x.shape), None
    jobs = [job_of(arrays, x, grid, r, weights, omit_nan, empty) for r in reductions]
    if len(jobs) == 1:
        y = _run_cached(arrays, x, jobs[0], weights, out, backend, cache_key, unchecked and weights is not None)
        return (y,) if out is None else arrays.into(out, (y,))
    results_at_once = _fold_together(arrays, x, jobs, weights, backend)
    results = tuple(
        pool(arrays, x, job, weights, None, backend) if y is None else y
        for job, y in zip(jobs, results_at_once, strict=True)
    )
    return results if out is None else arrays.into(out, results)


def job_of(
    arrays: ModuleType, x: Any, grid: Any, reduction: Any, weights: Any, omit_nan: bool = False, empty: Any = None
) -> Job:
    """The job of one reduction: the call without its data."""
    facts = None if weights is None else (tuple(weights.shape), arrays.dtype_name(weights))
    if isinstance(grid, Grid) or not arrays.transformed():  # under transforms, weight tables belong to torch
        grid = grid.without_weights_for(reduction)
    return Job(grid, reduction, arrays.dtype_name(x), arrays.NAME, arrays.device(x), facts, omit_nan, empty)


def pool(
    arrays: ModuleType,
    x: Any,
    job: Job,
    weights: Any = None,
    out: Any = None,
    backend: str | None = None,
) -> Any:
    """The result of one job, with a gradient if one is needed."""
    return _run_cached(arrays, x, job, weights, out, backend, None)


def _check_points(lists: IndexedWindows, reductions: tuple[Any, ...]) -> None:
    """Raise PoolingError for positions of interpolated points, which are no elements of x."""
    for reduction in reductions if lists.points_per_element > 1 else ():
        if getattr(reduction, "gives", "value") == "position":
            raise PoolingError(
                f"{reduction!r} of interpolated points: a point is no element of x; use reading='quantised' or 'exact'"
            )


def compute(arrays: ModuleType, x: Any, job: Job, weights: Any, out: Any, backend: str | None) -> Any:
    """The result of the first plan that accepts the values, without a gradient."""
    call = _context(arrays, backend)
    for plan in plans(job, backend):
        y = plan.run(call, x, weights, out)
        if y is not None:
            return y
    raise PoolingError(f"no engine computes {job.reduction!r} of these windows")


def _run_cached(
    arrays: ModuleType,
    x: Any,
    job: Job,
    weights: Any,
    out: Any,
    backend: str | None,
    key: Any,
    unchecked: bool = False,
) -> Any:
    if backend is None and isinstance(job.grid, IndexedWindows) and arrays.transformed():
        backend = "reference"  # torch.func and torch.compile must record every operation
    plan = select(job, backend).plan
    call = _context(arrays, backend)
    bound, checks_memory = arrays.bound(plan, call, x, weights)
    if unchecked and not getattr(bound, "checks_weights", False):
        arrays.check_weights(weights, job.reduction)
        unchecked = False
    y = bound(x, weights, out)
    if y is not None:
        if key is not None:
            arrays.READY[key] = bound, job.reduction, checks_memory
        return y
    if unchecked:
        arrays.check_weights(weights, job.reduction)
    for other in plans(job, backend):
        if other.engine is not plan.engine:
            y = arrays.bound(other, call, x, weights)[0](x, weights, out)
            if y is not None:
                return y
    raise PoolingError(f"no engine computes {job.reduction!r} of these windows")


def _context(arrays: ModuleType, backend: str | None) -> CallContext:
    inside = partial(pool, arrays, backend="reference") if backend == "reference" else partial(pool, arrays)
    return CallContext(arrays, inside, backend)


def _fold_together(arrays: ModuleType, x: Any, jobs: list[Job], weights: Any, backend: str | None) -> list[Any]:
    """The results of the compiled folds, which read x once together; None for the other jobs."""
    chosen: list[Plan] = [select(job, backend).plan for job in jobs]
    return arrays.fold_together(x, chosen, weights)
