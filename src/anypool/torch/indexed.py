"""Windows that list their elements, for PyTorch tensors: the compiled fold and its gradient."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import torch

from ..arrays.torch_dtypes import TYPES, dtype_name
from ..arrays.torch_incoming import readable
from ..arrays.torch_memory import empty
from ..arrays.torch_results import Differentiable, Witness, whole
from ..engines.indexed import linear_forms as lists_sums
from ..engines.indexed import native as lists_cpu
from ..engines.reference import indexed as lists_reference
from ..plan import Job
from ..reductions import Max, Min, Sum
from . import linear_forms as factored


def listed(arrays: Any, x: Any, job: Job, placed: bool) -> Any:
    """The fold, with a gradient where one is wanted, or where it lies; None where memory lies too oddly."""
    if 0 in x.stride() or lists_cpu.prepare(job, x.stride()) is None:
        x = x.contiguous()
        if lists_cpu.prepare(job, x.stride()) is None:
            return None
    if placed:
        prepared = lists_cpu.prepare(job, x.stride())
        assert prepared is not None
        return _fold(x.detach(), job, True)[1].permute(prepared.back).long()
    if torch.is_grad_enabled() and x.requires_grad:
        return _Lists.apply(x, job, arrays)
    return _fold(x, job, False)[0]


def _fold(x: Any, job: Job, placed: bool) -> tuple[Any, Any]:
    prepared = lists_cpu.prepare(job, x.stride())
    assert prepared is not None
    y = empty(prepared.shape, TYPES[job.dtype])
    place = empty(prepared.shape, torch.int32) if placed else None
    prepared.fold(x.data_ptr(), y.data_ptr(), 0 if place is None else place.data_ptr())
    return y.permute(prepared.back), place


class _Lists(Differentiable):
    @staticmethod
    def forward(ctx: Any, x: Any, job: Job, arrays: Any) -> Any:
        selects = type(job.reduction) in (Max, Min)
        y, place = _fold(x, job, selects)
        y, ctx.job, ctx.arrays = whole(y), job, arrays
        ctx.save_for_backward(x, *(() if place is None else (place,)))
        return y

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        g = readable(grad_outputs[0])
        x, *rest = ctx.saved_tensors
        job: Job = ctx.job
        if torch.is_grad_enabled() and (g.requires_grad or x.requires_grad):
            with torch.enable_grad():
                again = lists_reference.forward(x, job.grid, job.reduction, None, _pooled(ctx.arrays, job))
                return torch.autograd.grad(again, x, g, create_graph=True)[0], None, None
        prepared = lists_cpu.prepare(job, x.stride())
        assert prepared is not None
        gx = torch.empty_strided(x.shape, x.stride(), dtype=x.dtype, device=x.device).zero_()
        g = g.permute(prepared.order).contiguous()
        prepared.pull(g.data_ptr(), gx.data_ptr(), rest[0].data_ptr() if rest else 0)
        return gx, None, None


def summed(arrays: Any, x: Any, job: Job) -> Any:
    """A fold that is a function of sums, with a gradient where one is wanted; None where they do not hold the numbers."""
    x, lists = lists_sums.lifted(x.contiguous() if 0 in x.stride() else x, job.grid)
    job = replace(job, grid=lists)
    learns = torch.is_grad_enabled() and x.requires_grad
    if learns and not factored.stated(job.reduction):
        return None
    y = lists_sums.forward(arrays, x.detach(), job)
    return _Summed.apply(x, [y], job, arrays) if learns and y is not None else y


class _Summed(Differentiable):
    @staticmethod
    def forward(ctx: Any, x: Any, made: list[Any], job: Job, arrays: Any) -> Any:
        y = whole(made[0])
        ctx.job, ctx.witness, ctx.arrays = job, Witness(y), arrays
        ctx.save_for_backward(x, y.data)
        return y

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        g = readable(grad_outputs[0])
        x, y = ctx.saved_tensors
        job: Job = ctx.job
        if not (torch.is_grad_enabled() and (g.requires_grad or x.requires_grad)):
            if not ctx.witness.unwritten():
                y = lists_sums.forward(ctx.arrays, x.detach(), job)
            wide = "float64" if job.dtype == "float64" else "float32"
            gx = torch.empty_strided(x.shape, x.stride(), dtype=x.dtype, device=x.device)
            seen = lists_sums.seen(ctx.arrays, x, job, wide)
            if factored.gather(g, x, y, job.reduction, seen, partial(_spread, x=x, job=job), gx):
                return gx, None, None, None
        higher = torch.is_grad_enabled()
        with torch.enable_grad():
            x = x if higher else x.detach().requires_grad_()
            again = lists_reference.forward(x, job.grid, job.reduction, None, _pooled(ctx.arrays, job))
            return torch.autograd.grad(again, x, g, create_graph=higher)[0], None, None, None


def _spread(v: Any, x: Any, job: Job) -> Any:
    """Each element's sum over the windows that hold it, in v's type."""
    prepared = lists_cpu.prepare(Job(job.grid, Sum(), dtype_name(v), job.library, job.device), x.stride())
    if prepared is None:
        return _spread(v, x.contiguous(), job)
    to = torch.empty_strided(x.shape, x.stride(), dtype=v.dtype, device=x.device).zero_()
    g = v.permute(prepared.order).contiguous()
    prepared.pull(g.data_ptr(), to.data_ptr())
    return to


def _pooled(arrays: Any, job: Job) -> Any:
    def pooled(z: Any, grid: Any, reduction: Any, w: Any) -> Any:
        return arrays.run(z, grid, (reduction,), w, omit_nan=job.omit_nan, empty=job.empty)[0]

    return pooled
