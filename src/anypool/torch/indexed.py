"""IndexedWindows of tensors: the compiled folds and their gradients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch

from ..arrays.torch_dtypes import TYPES, dtype_name
from ..arrays.torch_memory import empty
from ..engines.indexed import linear_forms as indexed_forms
from ..engines.indexed import native as native_indexed
from ..engines.indexed.relayout import with_pooled_axes_last
from ..engines.reference import indexed as indexed_reference
from ..plan import Job
from ..reductions import Sum, fact
from . import linear_forms
from .function import Forward, differentiable


def indexed_fold(arrays: Any, x: Any, job: Job, with_positions: bool) -> Any:
    """The fold, with a gradient if one is needed, or positions; None if the core cannot read the
    layout."""
    if 0 in x.stride() or native_indexed.prepare(job, x.stride()) is None:
        x = x.contiguous()
        if native_indexed.prepare(job, x.stride()) is None:
            return with_pooled_axes_last(x, job, partial(indexed_fold, arrays, with_positions=with_positions))
    if with_positions:
        prepared = native_indexed.prepare(job, x.stride())
        assert prepared is not None
        return _fold(x.detach(), job, True)[1].permute(prepared.back).long()
    if torch.is_grad_enabled() and x.requires_grad:
        return differentiable(IndexedRule(arrays, job), x)
    return _fold(x, job, False)[0]


def _fold(x: Any, job: Job, with_positions: bool) -> tuple[Any, Any]:
    prepared = native_indexed.prepare(job, x.stride())
    assert prepared is not None
    y = empty(prepared.shape, TYPES[job.dtype])
    positions = empty(prepared.shape, torch.int32) if with_positions else None
    prepared.fold(x.data_ptr(), y.data_ptr(), 0 if positions is None else positions.data_ptr())
    return y.permute(prepared.back), positions


class IndexedRule:
    """A compiled fold of IndexedWindows."""

    def __init__(self, arrays: Any, job: Job) -> None:
        self.arrays, self.job = arrays, job

    def forward(self, tensors: Sequence[Any]) -> Forward:
        """The fold, and the positions of a selection."""
        y, positions = _fold(tensors[0], self.job, fact(self.job.reduction, "merges_with") != "sum")
        return Forward(y, () if positions is None else (positions,))

    def backward(self, g: Any, tensors: Sequence[Any], result: Any, saved: Sequence[Any]) -> Sequence[Any]:
        """The gradient of x."""
        (x,) = tensors
        prepared = native_indexed.prepare(self.job, x.stride())
        assert prepared is not None
        gx = torch.empty_strided(x.shape, x.stride(), dtype=x.dtype, device=x.device).zero_()
        g = g.permute(prepared.order).contiguous()
        prepared.backward(g.data_ptr(), gx.data_ptr(), saved[0].data_ptr() if saved else 0)
        return (gx,)

    def reference(self, tensors: Sequence[Any]) -> Any:
        """The fold in torch's own functions."""
        job = self.job
        return indexed_reference.forward(tensors[0], job.grid, job.reduction, None, _run_of(self.arrays, job))


def indexed_by_sums(arrays: Any, x: Any, job: Job) -> Any:
    """A fold from sums, with a gradient if one is needed; None if the sums lose digits."""
    x, lists = indexed_forms.with_outside(x.contiguous() if 0 in x.stride() else x, job.grid)
    job = replace(job, grid=lists)
    if not _reads(x, job):
        x = x.contiguous()
    if not _reads(x, job):
        return with_pooled_axes_last(x, job, partial(indexed_by_sums, arrays))
    needs_gradient = torch.is_grad_enabled() and x.requires_grad
    if needs_gradient and not linear_forms.stated(job.reduction):
        return None
    y = indexed_forms.forward(arrays, x.detach(), job)
    return differentiable(SumsRule(arrays, job, y), x) if needs_gradient and y is not None else y


def _reads(x: Any, job: Job) -> bool:
    """Whether the core reads x for sums and their gradients: not if other axes lie between the
    pooled ones."""
    wide = indexed_forms.wide_of(job)
    assert wide is not None
    return native_indexed.prepare(replace(job, reduction=Sum(), dtype=wide), x.stride()) is not None


class SumsRule(IndexedRule):
    """A fold of IndexedWindows from compiled sums."""

    def __init__(self, arrays: Any, job: Job, result: Any) -> None:
        super().__init__(arrays, job)
        self.result: Any = result  # computed by the caller

    def forward(self, tensors: Sequence[Any]) -> Forward:
        """The fold."""
        y, self.result = self.result, None
        return Forward(indexed_forms.forward(self.arrays, tensors[0], self.job) if y is None else y, (), True)

    def backward(self, g: Any, tensors: Sequence[Any], result: Any, saved: Sequence[Any]) -> Sequence[Any]:
        """The gradient of x, by compiled sums if they are safe."""
        (x,), job = tensors, self.job
        wide = "float64" if job.dtype == "float64" else "float32"
        gx = torch.empty_strided(x.shape, x.stride(), dtype=x.dtype, device=x.device)
        sums = indexed_forms.window_sums(self.arrays, x, job, wide)
        if linear_forms.gather(
            g, x, result, job.reduction.gradient_terms, sums, partial(_sum_over_holders, x=x, job=job), gx
        ):
            return (gx,)
        with torch.enable_grad():
            leaf = x.detach().requires_grad_()
            return torch.autograd.grad(self.reference((leaf,)), leaf, g)


def _sum_over_holders(v: Any, x: Any, job: Job) -> Any:
    """The sum for each element over the windows that contain it, in v's type."""
    prepared = native_indexed.prepare(Job(job.grid, Sum(), dtype_name(v), job.library, job.device), x.stride())
    if prepared is None:
        return _sum_over_holders(v, x.contiguous(), job)
    total = torch.empty_strided(x.shape, x.stride(), dtype=v.dtype, device=x.device).zero_()
    g = v.permute(prepared.order).contiguous()
    prepared.backward(g.data_ptr(), total.data_ptr())
    return total


def _run_of(arrays: Any, job: Job) -> Any:
    def pooled(z: Any, grid: Any, reduction: Any, w: Any) -> Any:
        return arrays.run(z, grid, (reduction,), w, omit_nan=job.omit_nan, empty=job.empty)[0]

    return pooled
