"""Windows that list their elements, for PyTorch tensors: the compiled fold and its gradient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch

from ..arrays.torch_dtypes import TYPES, dtype_name
from ..arrays.torch_memory import empty
from ..engines.indexed import linear_forms as lists_sums
from ..engines.indexed import native as lists_cpu
from ..engines.reference import indexed as lists_reference
from ..plan import Job
from ..reductions import Max, Min, Sum
from . import linear_forms as factored
from .function import Forward, differentiable


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
        return differentiable(IndexedRule(arrays, job), x)
    return _fold(x, job, False)[0]


def _fold(x: Any, job: Job, placed: bool) -> tuple[Any, Any]:
    prepared = lists_cpu.prepare(job, x.stride())
    assert prepared is not None
    y = empty(prepared.shape, TYPES[job.dtype])
    place = empty(prepared.shape, torch.int32) if placed else None
    prepared.fold(x.data_ptr(), y.data_ptr(), 0 if place is None else place.data_ptr())
    return y.permute(prepared.back), place


class IndexedRule:
    """A compiled fold of indexed windows."""

    def __init__(self, arrays: Any, job: Job) -> None:
        self.arrays, self.job = arrays, job

    def forward(self, tensors: Sequence[Any]) -> Forward:
        """The fold, and the positions of a selection."""
        y, place = _fold(tensors[0], self.job, type(self.job.reduction) in (Max, Min))
        return Forward(y, () if place is None else (place,))

    def backward(self, g: Any, tensors: Sequence[Any], result: Any, kept: Sequence[Any]) -> Sequence[Any]:
        """The gradient of x."""
        (x,) = tensors
        prepared = lists_cpu.prepare(self.job, x.stride())
        assert prepared is not None
        gx = torch.empty_strided(x.shape, x.stride(), dtype=x.dtype, device=x.device).zero_()
        g = g.permute(prepared.order).contiguous()
        prepared.pull(g.data_ptr(), gx.data_ptr(), kept[0].data_ptr() if kept else 0)
        return (gx,)

    def reference(self, tensors: Sequence[Any]) -> Any:
        """The fold in torch's own functions."""
        job = self.job
        return lists_reference.forward(tensors[0], job.grid, job.reduction, None, _pooled(self.arrays, job))


def summed(arrays: Any, x: Any, job: Job) -> Any:
    """A fold that is a function of sums, with a gradient where one is wanted; None where they do
    not hold the numbers."""
    x, lists = lists_sums.lifted(x.contiguous() if 0 in x.stride() else x, job.grid)
    job = replace(job, grid=lists)
    learns = torch.is_grad_enabled() and x.requires_grad
    if learns and not factored.stated(job.reduction):
        return None
    y = lists_sums.forward(arrays, x.detach(), job)
    return differentiable(SumsRule(arrays, job, y), x) if learns and y is not None else y


class SumsRule(IndexedRule):
    """A fold of indexed windows that is a function of compiled sums."""

    def __init__(self, arrays: Any, job: Job, result: Any) -> None:
        super().__init__(arrays, job)
        self.result: Any = result  # computed before its gradient was asked for

    def forward(self, tensors: Sequence[Any]) -> Forward:
        """The fold."""
        y, self.result = self.result, None
        return Forward(lists_sums.forward(self.arrays, tensors[0], self.job) if y is None else y, (), True)

    def backward(self, g: Any, tensors: Sequence[Any], result: Any, kept: Sequence[Any]) -> Sequence[Any]:
        """The gradient of x, by compiled sums where they hold the numbers."""
        (x,), job = tensors, self.job
        wide = "float64" if job.dtype == "float64" else "float32"
        gx = torch.empty_strided(x.shape, x.stride(), dtype=x.dtype, device=x.device)
        seen = lists_sums.seen(self.arrays, x, job, wide)
        if factored.gather(g, x, result, job.reduction, seen, partial(_spread, x=x, job=job), gx):
            return (gx,)
        with torch.enable_grad():
            leaf = x.detach().requires_grad_()
            return torch.autograd.grad(self.reference((leaf,)), leaf, g)


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
