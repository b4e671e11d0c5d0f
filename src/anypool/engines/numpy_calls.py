"""Plans bound to NumPy arrays: the functions of the adapter, and the compiled calls."""

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
from ..arrays.numpy import in_layout as in_layout
from ..arrays.numpy import instead as instead
from ..arrays.numpy import into as into
from ..arrays.numpy import key as key
from ..arrays.numpy import plain as plain
from ..arrays.numpy import readable as readable
from ..arrays.numpy import strides as strides
from ..arrays.numpy import transformed as transformed
from ..arrays.numpy import wide as wide
from ..arrays.ops import ones, where
from ..plan import Grid, Job
from ..reductions import Sum
from . import execute
from .call_cache import CallCache
from .folds import linear_forms
from .folds import native as native_folds
from .folds.numpy_calls import NativeFold
from .indexed import linear_forms as indexed_forms
from .indexed import native as native_indexed
from .indexed import rank_calls
from .indexed.relayout import with_pooled_axes_last
from .plan import Bound

READY: dict[Any, Any] = CallCache()  # bound plans of earlier calls
_MODULE = sys.modules[__name__]


def run(x: Any, grid: Any, reductions: tuple[Any, ...], weights: Any = None, **options: Any) -> tuple[Any, ...]:
    """One result for each reduction of arrays that `array` and `as_weights` returned."""
    return execute.run(_MODULE, x, grid, reductions, weights, **options)


def run_in_numpy(function: Any, call: Any, x: Any, job: Job, weights: Any) -> Any:
    """Call a function of NumPy arrays."""
    return function(call, x, job, weights)


def bound(plan: Any, call: Any, x: Any, weights: Any) -> tuple[Bound, bool]:
    """The plan for arrays like x and weights, and whether it checks the memory of its arguments."""
    if plan.engine.name == "folds":
        return NativeFold(plan.job, x, weights).bound, True
    return plan.bind(call, x, weights), plan.engine.checks_memory


def compiled_fold(x: Any, job: Job, weights: Any, out: Any) -> Any:
    """The result of one compiled fold; None if the core cannot represent the values."""
    return NativeFold(job, x, weights).bound(x, weights, out)


def log_weighted(x: Any, job: Job, a: Any, out: Any, backend: str | None, reference: Any) -> Any:
    """The fold with the weights e^a in the compiled core; None if it does not compute these
    windows or values."""
    if backend == "reference" or native_folds.refuses(job) is not None:
        return None
    fold = NativeFold(job, x, a)
    return fold.bound(x, a, out) if fold.prepared.checks_weights else None


def fold_together(x: Any, plans: list[Any], weights: Any) -> list[Any]:
    """The results of the compiled folds, which read x once together; None for the other plans."""
    natives = [NativeFold(p.job, x, weights) if p.engine.name == "folds" else None for p in plans]
    compiled = [n for n in natives if n is not None]
    if len(compiled) < 2:
        return [None] * len(plans)
    weights_of_folds = [n.weights_of(weights) for n in compiled]
    results_memory = [n.allocate() for n in compiled]
    calls = [n.record(x, w, y) for n, w, y in zip(compiled, weights_of_folds, results_memory, strict=True)]
    if not native_folds.forward_all(calls):
        return [None] * len(plans)
    results = iter([n.to_user_order(y) for n, y in zip(compiled, results_memory, strict=True)])
    return [None if n is None else next(results) for n in natives]


def from_sums(x: Any, job: Job, weights: Any = None) -> Any:
    """The result of a fold from sums; None if the sums lose digits."""
    y = buffer_pool.empty(job.grid.out_shape, x.dtype if x.dtype.kind not in "biu" else np.float64)
    is_safe = linear_forms.fill(
        y, x, job, strides(x), partial(_window_sums, job.grid), linear_forms.factor_of(x, job, weights)
    )
    return y if is_safe else None


def _window_sums(grid: Grid, xs: Any, w: Any) -> linear_forms.WindowSums:
    if w is None:
        return _plain_sums(grid, xs.shape, xs.dtype)
    piece_grid = _piece_of(grid, xs.shape)
    total = run(np.broadcast_to(np.ones((), xs.dtype), xs.shape), piece_grid, (Sum(),), w)[0]
    none = total == 0
    n: Any = where(none, ones(total), total)
    return linear_forms.WindowSums(n, n, lambda v, fold: run(v, piece_grid, (fold,), w)[0], none)


def _piece_of(grid: Grid, shape: tuple[int, ...]) -> Grid:
    return grid if grid.shape == shape else replace(grid, shape=shape)


@lru_cache(maxsize=256)
def _plain_sums(grid: Grid, shape: tuple[int, ...], dtype: Any) -> linear_forms.WindowSums:
    piece_grid = _piece_of(grid, shape)
    n, present = (piece_grid.along(t).astype(dtype) for t in (piece_grid.counts, piece_grid.total_weights))
    return linear_forms.WindowSums(n, present, lambda v, fold: run(v, piece_grid, (fold,))[0])


def indexed_fold(x: Any, job: Job, with_positions: bool = False) -> Any:
    """The fold of indexed windows, or the positions of a selection; None if the core cannot read
    the layout."""
    prepared = native_indexed.prepare(job, strides(x))
    if prepared is None:
        x = np.ascontiguousarray(x)
        prepared = native_indexed.prepare(job, strides(x))
    if prepared is None:
        return with_pooled_axes_last(x, job, partial(indexed_fold, with_positions=with_positions))
    y = buffer_pool.empty(prepared.shape, x.dtype)
    positions = np.empty(prepared.shape, np.int32) if with_positions else None
    prepared.fold(address(x), address(y), 0 if positions is None else address(positions))
    result: Any = y if positions is None else positions.astype(np.int64)
    return result.transpose(prepared.back)


def indexed_by_sums(x: Any, job: Job) -> Any:
    """The fold of indexed windows from sums; None if the sums lose digits."""
    x, lists = indexed_forms.with_outside(x, job.grid)
    return indexed_forms.forward(_MODULE, x, replace(job, grid=lists))


def indexed_rank(x: Any, job: Job) -> Any:
    """The order statistic of indexed windows."""
    return rank_calls.forward(_MODULE, x, job)
