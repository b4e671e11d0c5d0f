"""Plans bound to tensors: the functions of the adapter, gradients, and the compiled calls."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import partial
from typing import Any

import torch

from ..arrays.torch import NAME as NAME
from ..arrays.torch import address as address
from ..arrays.torch import apart as apart
from ..arrays.torch import array as array
from ..arrays.torch import as_weights as as_weights
from ..arrays.torch import check_weights as check_weights
from ..arrays.torch import compiling as compiling
from ..arrays.torch import destination as destination
from ..arrays.torch import device as device
from ..arrays.torch import dtype_name as dtype_name
from ..arrays.torch import fill_where as fill_where
from ..arrays.torch import in_layout as in_layout
from ..arrays.torch import instead as instead
from ..arrays.torch import into as into
from ..arrays.torch import key as key
from ..arrays.torch import plain as plain
from ..arrays.torch import readable as readable
from ..arrays.torch import strides as strides
from ..arrays.torch import transformed as transformed
from ..arrays.torch import wide as wide
from ..arrays.torch_incoming import PLAIN, ordinary
from ..arrays.torch_memory import like_layout
from ..arrays.torch_results import without_view
from ..engines import execute, numpy_calls
from ..engines.call_cache import CallCache
from ..engines.folds import native as native_folds
from ..engines.indexed import rank_calls
from ..engines.plan import Bound
from ..order_statistics import Order
from ..plan import IndexedWindows, Job
from ..reductions import fact
from . import fold_gradient, indexed, indexed_weights, linear_forms, plan_gradient, ranks, weighted_means
from .folds import TensorFold
from .jagged import as_segments as as_segments

READY: dict[Any, Any] = CallCache()  # bound plans of earlier calls
_MODULE = sys.modules[__name__]


def run(x: Any, grid: Any, reductions: tuple[Any, ...], weights: Any = None, **options: Any) -> tuple[Any, ...]:
    """One result for each reduction of tensors that `array` and `as_weights` returned."""
    return execute.run(_MODULE, x, grid, reductions, weights, **options)


def run_in_numpy(function: Any, call: Any, x: Any, job: Job, weights: Any) -> Any:
    """Call a function of NumPy arrays with views of the tensors; None if NumPy has no such type."""
    if x.dtype is torch.bfloat16:
        return None
    mask = None if weights is None else weights.detach().numpy()
    y = function(call.of(numpy_calls), x.detach().numpy(), replace(job, library="numpy"), mask)
    return None if y is None else torch.from_numpy(y)


def bound(plan: Any, call: Any, x: Any, weights: Any) -> tuple[Bound, bool]:
    """The plan for tensors like x and weights, and whether it checks the memory of its
    arguments."""
    job: Job = plan.job
    if plan.engine.differentiable and (isinstance(job.grid, IndexedWindows) or not transformed()):
        return plan.bind(call, x, weights), False
    is_order = isinstance(job.reduction, Order)
    if is_order and not plain(x):
        return order_with_gradient(plan, call), False
    if transformed():
        fold = _fold_of(job, call.backend)
        return (lambda x, weights, out: fold.reference(x, weights)[0]), False
    if _needs_gradient(x, weights, job.reduction):
        return plan.backward(call, x, weights), not is_order and plan.engine.checks_memory
    if is_order:
        return partial(_without_view, plan.bind(call, x, weights)), plan.engine.checks_memory
    if plan.engine.name == "folds" and type(x) in PLAIN:
        fold = _fold_of(job, call.backend)
        fold.prepare(x, weights, False)
        return (fold.run if fold.prepared is None else fold.bound), True
    return partial(_in_layout_of_x, plan.bind(call, x, weights)), False


def fold_with_gradient(plan: Any, call: Any) -> Bound:
    """A fold with its gradient, which checks its weights."""
    bound: Any = partial(fold_gradient.run, _fold_of(plan.job, call.backend))
    bound.checks_weights = True
    return bound


def order_with_gradient(plan: Any, call: Any) -> Bound:
    """An order statistic with its gradient."""
    return partial(ranks.pooled, call, plan.job)


def with_gradient(plan: Any, call: Any) -> Bound:
    """The result of any plan, with the gradient of the reference."""
    return partial(plan_gradient.run, plan, call)


def _in_layout_of_x(bound: Any, x: Any, weights: Any, out: Any) -> Any:
    y = bound(x, weights, out)
    return None if y is None else like_layout(y, x)


def _without_view(bound: Any, x: Any, weights: Any, out: Any) -> Any:
    """The result as a tensor that is no view, since a cached call returns it unchanged."""
    y = _in_layout_of_x(bound, x, weights, out)
    return y if y is None or y is out else without_view(y)


def compiled_fold(x: Any, job: Job, weights: Any, out: Any) -> Any:
    """The result of one compiled fold; None if the core cannot represent the values."""
    return _fold_of(job).run(x, weights, out)


def log_weighted(x: Any, job: Job, a: Any, out: Any, backend: str | None, reference: Any) -> Any:
    """The fold with the weights e^a in the compiled core; None if it does not compute these
    windows or values.

    `reference` computes it from x and a in torch's own functions.
    """
    if backend == "reference" or transformed() or type(x) not in PLAIN or type(a) not in PLAIN:
        return None
    if native_folds.refuses(job) is not None:
        return None
    fold = _fold_of(job, backend)
    fold.prepare(x, a, False)
    if not fold.checks_weights:
        return None
    if not _needs_gradient(x, a, job.reduction):
        return fold.run(x, a, out)
    divides = fact(job.reduction, "merges_with") == "sum" and fact(job.reduction, "divides")
    return weighted_means.log_weighted_mean(fold, x, a, reference) if divides and x.is_floating_point() else None


def fold_together(x: Any, plans: list[Any], weights: Any) -> list[Any]:
    """The results of the compiled folds, which read x once together; None for the other plans."""
    none: list[Any] = [None] * len(plans)
    if transformed() or type(x) not in PLAIN or any(_needs_gradient(x, weights, p.job.reduction) for p in plans):
        return none
    calls = [_fold_of(p.job) if p.engine.name == "folds" else None for p in plans]
    compiled = [c for c in calls if c is not None]
    if len(compiled) < 2:
        return none
    prepared = [c.prepare(x, weights, False) for c in compiled]
    memory = [c.allocate() for c in compiled]
    records = [
        c.prepared.record(x.data_ptr(), w, *(0 if m is None else m.data_ptr() for m in buffers))
        for c, (w, _), buffers in zip(compiled, prepared, memory, strict=True)
    ]
    if not native_folds.forward_all(records):
        return none
    in_user_order = [c.to_user_order(*buffers) for c, buffers in zip(compiled, memory, strict=True)]
    results = iter([positions if y is None else y for y, positions in in_user_order])
    return [None if c is None else next(results) for c in calls]


def _fold_of(job: Job, backend: str | None = None) -> TensorFold:
    return TensorFold(job.grid, job.reduction, job.omit_nan, job.empty, backend, job.logs)


def from_sums(x: Any, job: Job, weights: Any = None) -> Any:
    """The result of a fold from sums; None if the sums lose digits."""
    if not x.is_floating_point():
        return None
    return linear_forms.forward(x.detach(), job, weights)


def _needs_gradient(x: Any, weights: Any, reduction: Any) -> bool:
    tensors = [x, weights, *getattr(reduction, "parameters", {}).values()]
    return torch.is_grad_enabled() and any(isinstance(t, torch.Tensor) and t.requires_grad for t in tensors)


def _must_be_recorded(x: Any) -> bool:
    """Whether torch must record each operation, or the core cannot read such a tensor."""
    return transformed() or not ordinary(x)


def indexed_fold(x: Any, job: Job, with_positions: bool = False) -> Any:
    """The fold of indexed windows, or the positions of a selection; None if torch must record each
    operation."""
    return None if _must_be_recorded(x) else indexed.indexed_fold(_MODULE, x, job, with_positions)


def indexed_by_sums(x: Any, job: Job) -> Any:
    """The fold of indexed windows from sums.

    The result is None if torch must record each operation, or if the sums lose digits.
    """
    return None if _must_be_recorded(x) else indexed.indexed_by_sums(_MODULE, x, job)


def indexed_rank(x: Any, job: Job) -> Any:
    """The order statistic of indexed windows; None if torch must record each operation."""
    needs_gradient = torch.is_grad_enabled() and x.requires_grad
    return None if needs_gradient or _must_be_recorded(x) else rank_calls.forward(_MODULE, x.detach(), job)


def indexed_with_learned_weights(x: Any, job: Job) -> Any:
    """A sum or mean of indexed windows with learned weights; None if torch must record each
    operation."""
    return None if _must_be_recorded(x) else indexed_weights.forward(_MODULE, x, job)
