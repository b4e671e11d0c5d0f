"""PyTorch tensors: the backend chosen, and torch words where torch itself must see every step."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import partial
from typing import Any

import torch

from ..backends import cpu
from ..errors import PoolingError
from ..orders import Order
from ..plan import Job, Lists
from . import leaving
from .call_cache import CallCache
from .dtypes import DTYPES, TYPES
from .dtypes import dtype_name as dtype_name
from .incoming_torch import PLAIN, UNSIGNED, tensor
from .incoming_torch import as_weights as as_weights
from .incoming_torch import check_weights as check_weights
from .incoming_torch import transformed as transformed
from .results import writable
from .tensors import empty, like_layout
from .tensors import into as into
from .torch_folds import Call

READY: dict[Any, Any] = CallCache()  # calls seen before: nothing is left to decide
_MODULE = sys.modules[__name__]


def array(x: Any) -> Any:
    """x as the backends read it, of an element type that has a meaning; no copy where none is needed."""
    x = tensor(x, "x")
    if dtype_name(x) not in DTYPES:
        way = "; pass x.to(torch.float32)" if x.is_floating_point() else ""
        raise PoolingError(f"x of dtype {x.dtype}: pooling has a meaning for {', '.join(sorted(DTYPES))}{way}")
    return x


def instead(x: Any) -> Any:
    """What pools elements that torch has few words for; None for all others."""
    if x.dtype not in UNSIGNED:
        return None
    from .unsigned import pooled

    return pooled


def plain(x: Any) -> bool:
    """Whether a tensor's memory on the processor holds its numbers, and torch need not see each step."""
    return type(x) in PLAIN and x.is_cpu and not x.is_neg() and not transformed()


def wide(dtype: str) -> str:
    """The element type of a sum of integers."""
    return "uint64" if dtype == "uint64" else "int64"


def compiling(out: Any) -> bool:
    """Whether a tool records the call: torch.jit.trace, or torch.compile, which sees an operator where none writes to `out`."""
    return leaving.is_tracing() or (out is None and torch.compiler.is_compiling())


def traced(x: Any, windows: Any, reduction: Any, *rest: Any) -> Any:
    """The call as that operator; PoolingError where the tool records torch's alone."""
    leaving.refuse("anypool.pool", leaving.recorder(x), reduction)
    from . import operators

    return operators.traced(x, windows, reduction, *rest)


def key(x: Any, call: tuple[Any, ...], weights: Any = None) -> Any:
    """What tells this call from others, the data apart; None where calls are not remembered."""
    if type(x) not in PLAIN or transformed() or not x.is_cpu or x.is_neg():
        return None
    try:
        grad = torch.is_grad_enabled()
        own = (x.shape, x.stride(), x.dtype, x.requires_grad and grad, call)
        if weights is None:
            return own
        if type(weights) not in PLAIN or not weights.is_cpu or weights.layout is not torch.strided or weights.is_neg():
            return None
        return (*own, weights.shape, weights.stride(), weights.dtype, weights.requires_grad and grad)
    except RuntimeError:  # sparse and nested tensors have no strides
        return None


def run(x: Any, grid: Any, reductions: tuple[Any, ...], weights: Any = None, **options: Any) -> tuple[Any, ...]:
    """One result a reduction of tensors as `array` and `as_weights` made them."""
    from ..engines import execute

    return execute.run(_MODULE, x, grid, reductions, weights, **options)


def device(x: Any) -> str:
    """Where x lies."""
    return x.device.type


def strides(x: Any) -> tuple[int, ...]:
    """How many elements lie from one position of each axis to the next."""
    return tuple(x.stride())


def address(x: Any) -> int:
    """Where its memory begins."""
    return x.data_ptr()


def destination(out: Any, x: Any, shape: Any, dtype: str, order: Any, back: Any) -> tuple[Any, Any]:
    """Memory of `shape`, its axes in `order`, and the result that lies there with its axes put back."""
    y = empty(shape, TYPES[dtype])
    return y, y.permute(back)


def fill_where(y: Any, value: Any, where: Any) -> None:
    """Write a value into y where a mask holds."""
    y.masked_fill_(where, value)


def in_numpy(function: Any, call: Any, x: Any, job: Job, weights: Any) -> Any:
    """A function of NumPy arrays, given views of the tensors' memory; None where NumPy has no such type."""
    from . import numpy as numpy_arrays

    if x.dtype is torch.bfloat16:
        return None
    mask = None if weights is None else weights.detach().numpy()
    made = function(call.of(numpy_arrays), x.detach().numpy(), replace(job, library="numpy"), mask)
    return None if made is None else torch.from_numpy(made)


def bound(plan: Any, call: Any, x: Any, weights: Any) -> Any:
    """The plan as a function (x, weights, out) of tensors of this form, which gives None where the numbers forbid it."""
    job: Job = plan.job
    if isinstance(job.grid, Lists) or (getattr(plan.engine, "composes", False) and not transformed()):
        return partial(plan.run, call)
    if isinstance(job.reduction, Order):
        from .orders_torch import pooled

        return partial(pooled, call, job)
    fold = Call(job.grid, job.reduction, job.omit_nan, job.empty, call.backend)
    if transformed():
        return lambda x, weights, out: fold.reference(x, weights)[0]
    if _learns(x, weights, job.reduction):
        from . import gradient

        return partial(gradient.again, fold)
    if plan.engine.name == "folds" and type(x) in PLAIN:
        return fold.again
    return partial(_laid_alike, plan, call)


def _laid_alike(plan: Any, call: Any, x: Any, weights: Any, out: Any) -> Any:
    y = plan.run(call, x, weights, out)
    return None if y is None else like_layout(y, x)


def folded(x: Any, job: Job, weights: Any, out: Any) -> Any:
    """One compiled fold; None where the numbers are not safe in the core."""
    return Call(job.grid, job.reduction, job.omit_nan, job.empty, None).again(x, weights, out)


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


def _call_of(job: Job) -> Call:
    return Call(job.grid, job.reduction, job.omit_nan, job.empty, None)


def by_sums(x: Any, job: Job) -> Any:
    """A fold that is a function of sums; None where they do not hold the numbers safely."""
    from . import factored

    if not x.is_floating_point():
        return None
    return factored.forward(x.detach(), job.grid, job.reduction)


def _learns(x: Any, weights: Any, reduction: Any) -> bool:
    tensors = [x, weights, *getattr(reduction, "parameters", {}).values()]
    return torch.is_grad_enabled() and any(isinstance(t, torch.Tensor) and t.requires_grad for t in tensors)


def apart(results: tuple[Any, ...], x: Any) -> tuple[Any, ...]:
    """Results that the caller may write to: neither x nor a gradient changes by it."""
    return tuple(writable(y, x) for y in results)


def listed(x: Any, job: Job, placed: bool = False) -> Any:
    """One fold of windows that list their elements, or where it lies; None where torch must see every step."""
    from .lists_gradient import listed as made

    return None if transformed() or type(x) not in PLAIN or x.is_neg() else made(x, job, placed)


def summed(x: Any, job: Job) -> Any:
    """A fold of listed windows that is a function of sums; None where torch must see every step, or they do not serve."""
    from .lists_gradient import summed as made

    return None if transformed() or type(x) not in PLAIN or x.is_neg() else made(x, job)


def ordered(x: Any, job: Job) -> Any:
    """An order statistic of listed windows; None where torch must see every step."""
    from . import orders_listed

    watched = transformed() or type(x) not in PLAIN or x.is_neg()
    return None if watched or (torch.is_grad_enabled() and x.requires_grad) else orders_listed.forward(x.detach(), job)


def weighed(x: Any, job: Job) -> Any:
    """A sum or mean of listed windows whose weights learn; None where torch must see every step."""
    from . import lists_weights

    watched = transformed() or type(x) not in PLAIN or x.is_neg()
    return None if watched else lists_weights.forward(x, job)
