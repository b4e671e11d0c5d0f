"""Plans that are bound to tensors: the adapter's operations, gradients, and the compiled calls of their memory."""

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
from ..arrays.torch_results import whole
from ..engines import execute, numpy_calls
from ..engines.call_cache import CallCache
from ..engines.folds import native as cpu
from ..engines.indexed import rank_calls
from ..engines.plan import Bound
from ..order_statistics import Order
from ..plan import IndexedWindows, Job
from . import fold_gradient, indexed, indexed_weights, linear_forms, ranks
from .folds import Call

READY: dict[Any, Any] = CallCache()  # calls that are bound: nothing is left to decide
_MODULE = sys.modules[__name__]


def run(x: Any, grid: Any, reductions: tuple[Any, ...], weights: Any = None, **options: Any) -> tuple[Any, ...]:
    """One result a reduction of tensors as `array` and `as_weights` made them."""
    return execute.run(_MODULE, x, grid, reductions, weights, **options)


def in_numpy(function: Any, call: Any, x: Any, job: Job, weights: Any) -> Any:
    """A function of NumPy arrays, given views of the tensors' memory; None where NumPy has no such type."""
    if x.dtype is torch.bfloat16:
        return None
    mask = None if weights is None else weights.detach().numpy()
    made = function(call.of(numpy_calls), x.detach().numpy(), replace(job, library="numpy"), mask)
    return None if made is None else torch.from_numpy(made)


def bound(plan: Any, call: Any, x: Any, weights: Any) -> tuple[Bound, bool]:
    """The plan for tensors like x and weights, and whether it checks the memory of those that it gets."""
    job: Job = plan.job
    if isinstance(job.grid, IndexedWindows) or (getattr(plan.engine, "composes", False) and not transformed()):
        return plan.bind(call, x, weights), False
    if isinstance(job.reduction, Order):
        if plain(x) and not _learns(x, weights, job.reduction):
            return partial(_new, plan.bind(call, x, weights)), plan.engine.checks_memory
        return partial(ranks.pooled, call, job), False
    fold = _call_of(job, call.backend)
    if transformed():
        return (lambda x, weights, out: fold.reference(x, weights)[0]), False
    compiled = plan.engine.name == "folds"
    if _learns(x, weights, job.reduction):
        return partial(fold_gradient.again, fold), compiled
    if compiled and type(x) in PLAIN:
        fold.prepare(x, weights, False)
        return (fold.again if fold.prepared is None else fold.bound), True
    return partial(_laid_alike, plan.bind(call, x, weights)), False


def _laid_alike(bound: Any, x: Any, weights: Any, out: Any) -> Any:
    y = bound(x, weights, out)
    return None if y is None else like_layout(y, x)


def _new(bound: Any, x: Any, weights: Any, out: Any) -> Any:
    """The result as no view: a repeated call returns it as it is."""
    y = _laid_alike(bound, x, weights, out)
    return y if y is None or y is out else whole(y)


def folded(x: Any, job: Job, weights: Any, out: Any) -> Any:
    """One compiled fold; None where the numbers are not safe in the core."""
    return _call_of(job).again(x, weights, out)


def folded_together(x: Any, plans: list[Any], weights: Any) -> list[Any]:
    """The compiled folds among several plans, which read x once; None for the others."""
    nothing: list[Any] = [None] * len(plans)
    if transformed() or type(x) not in PLAIN or any(_learns(x, weights, p.job.reduction) for p in plans):
        return nothing
    calls = [_call_of(p.job) if p.engine.name == "folds" else None for p in plans]
    compiled = [c for c in calls if c is not None]
    if len(compiled) < 2:
        return nothing
    prepared = [c.prepare(x, weights, False) for c in compiled]
    memory = [c.fresh() for c in compiled]
    records = [
        c.prepared.at(x.data_ptr(), w, *(0 if m is None else m.data_ptr() for m in made))
        for c, (w, _), made in zip(compiled, prepared, memory, strict=True)
    ]
    if not cpu.forward_all(records):
        return nothing
    shown = [c.shown(*made) for c, made in zip(compiled, memory, strict=True)]
    results = iter([place if y is None else y for y, place in shown])
    return [None if c is None else next(results) for c in calls]


def _call_of(job: Job, backend: str | None = None) -> Call:
    return Call(job.grid, job.reduction, job.omit_nan, job.empty, backend)


def from_sums(x: Any, job: Job) -> Any:
    """A fold that is a function of sums; None where they do not hold the numbers safely."""
    if not x.is_floating_point():
        return None
    return linear_forms.forward(x.detach(), job.grid, job.reduction)


def _learns(x: Any, weights: Any, reduction: Any) -> bool:
    tensors = [x, weights, *getattr(reduction, "parameters", {}).values()]
    return torch.is_grad_enabled() and any(isinstance(t, torch.Tensor) and t.requires_grad for t in tensors)


def _watched(x: Any) -> bool:
    """Whether torch must see every step, or the core cannot read such a tensor."""
    return transformed() or not ordinary(x)


def listed(x: Any, job: Job, placed: bool = False) -> Any:
    """One fold of windows that list their elements, or where it lies; None where torch must see every step."""
    return None if _watched(x) else indexed.listed(_MODULE, x, job, placed)


def summed(x: Any, job: Job) -> Any:
    """A fold of listed windows that is a function of sums; None where torch must see every step, or
    they do not serve."""
    return None if _watched(x) else indexed.summed(_MODULE, x, job)


def ordered(x: Any, job: Job) -> Any:
    """An order statistic of listed windows; None where torch must see every step."""
    learns = torch.is_grad_enabled() and x.requires_grad
    return None if learns or _watched(x) else rank_calls.forward(_MODULE, x.detach(), job)


def weighed(x: Any, job: Job) -> Any:
    """A sum or mean of listed windows whose weights learn; None where torch must see every step."""
    return None if _watched(x) else indexed_weights.forward(_MODULE, x, job)
