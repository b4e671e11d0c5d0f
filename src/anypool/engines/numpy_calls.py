"""Plans that are bound to NumPy arrays: the adapter's operations, and the compiled calls of its arrays."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

import numpy as np

from ..arrays import buffer_pool
from ..arrays.numpy import NAME as NAME
from ..arrays.numpy import address as address
from ..arrays.numpy import apart as apart
from ..arrays.numpy import array as array
from ..arrays.numpy import as_weights as as_weights
from ..arrays.numpy import check_weights as check_weights
from ..arrays.numpy import compiling as compiling
from ..arrays.numpy import destination as destination
from ..arrays.numpy import device as device
from ..arrays.numpy import dtype_name as dtype_name
from ..arrays.numpy import fill_where as fill_where
from ..arrays.numpy import instead as instead
from ..arrays.numpy import into as into
from ..arrays.numpy import key as key
from ..arrays.numpy import plain as plain
from ..arrays.numpy import readable as readable
from ..arrays.numpy import strides as strides
from ..arrays.numpy import transformed as transformed
from ..arrays.numpy import wide as wide
from ..plan import Grid, Job
from . import execute
from .call_cache import CallCache
from .folds import linear_forms as sums
from .folds import native as cpu
from .folds.numpy_calls import NativeFold
from .indexed import linear_forms as lists_sums
from .indexed import native as lists_cpu
from .indexed import rank_calls as orders_listed
from .plan import Bound

READY: dict[Any, Any] = CallCache()  # calls that are bound: nothing is left to decide
_MODULE = sys.modules[__name__]


def run(x: Any, grid: Any, reductions: tuple[Any, ...], weights: Any = None, **options: Any) -> tuple[Any, ...]:
    """One result a reduction of arrays as `array` and `as_weights` made them."""
    return execute.run(_MODULE, x, grid, reductions, weights, **options)


def in_numpy(function: Any, call: Any, x: Any, job: Job, weights: Any) -> Any:
    """A function of NumPy arrays: these are NumPy's."""
    return function(call, x, job, weights)


def bound(plan: Any, call: Any, x: Any, weights: Any) -> tuple[Bound, bool]:
    """The plan for arrays like x and weights, and whether it checks the memory of those that it gets."""
    if plan.engine.name == "folds":
        return NativeFold(plan.job, x, weights).bound, True
    return plan.bind(call, x, weights), plan.engine.checks_memory


def folded(x: Any, job: Job, weights: Any, out: Any) -> Any:
    """One compiled fold; None where the numbers are not safe in the core."""
    return NativeFold(job, x, weights).bound(x, weights, out)


def folded_together(x: Any, plans: list[Any], weights: Any) -> list[Any]:
    """The compiled folds among several plans, which read x once; None for the others."""
    natives = [NativeFold(p.job, x, weights) if p.engine.name == "folds" else None for p in plans]
    compiled = [n for n in natives if n is not None]
    if len(compiled) < 2:
        return [None] * len(plans)
    held = [n.weights_of(weights) for n in compiled]
    fresh = [n.fresh() for n in compiled]
    calls = [n.record(x, w, y) for n, w, y in zip(compiled, held, fresh, strict=True)]
    if not cpu.forward_all(calls):
        return [None] * len(plans)
    results = iter([n.shown(y) for n, y in zip(compiled, fresh, strict=True)])
    return [None if n is None else next(results) for n in natives]


def from_sums(x: Any, job: Job) -> Any:
    """A fold that is a function of sums; None where they do not hold the numbers safely."""
    y = buffer_pool.empty(job.grid.out_shape, x.dtype if x.dtype.kind not in "biu" else np.float64)
    done = sums.fill(y, x, job.grid, job.reduction, strides(x), partial(_seen, job.grid))
    return y if done else None


@lru_cache(maxsize=256)
def _seen(grid: Grid, shape: tuple[int, ...], dtype: Any) -> sums.WindowSums:
    of = grid if grid.shape == shape else replace(grid, shape=shape)
    n, held = (of.along(t).astype(dtype) for t in (of.counts, of.present))
    return sums.WindowSums(n, held, lambda v, fold: run(v, of, (fold,))[0])


def listed(x: Any, job: Job, placed: bool = False) -> Any:
    """One fold of windows that list their elements, or where it lies; None where memory lies too oddly."""
    prepared = lists_cpu.prepare(job, strides(x))
    if prepared is None:
        x = np.ascontiguousarray(x)
        prepared = lists_cpu.prepare(job, strides(x))
    if prepared is None:
        return None
    y = buffer_pool.empty(prepared.shape, x.dtype)
    place = np.empty(prepared.shape, np.int32) if placed else None
    prepared.fold(address(x), address(y), 0 if place is None else address(place))
    return (y if place is None else place.astype(np.int64)).transpose(prepared.back)


def summed(x: Any, job: Job) -> Any:
    """A fold of listed windows that is a function of sums; None where they do not hold the numbers safely."""
    x, lists = lists_sums.lifted(x, job.grid)
    return lists_sums.forward(_MODULE, x, replace(job, grid=lists))


def ordered(x: Any, job: Job) -> Any:
    """An order statistic of listed windows."""
    return orders_listed.forward(_MODULE, x, job)
