"""Sums and means of IndexedWindows with learned weights (the corners of boxes): compiled, with both
gradients.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from ..arrays.torch_dtypes import TYPES
from ..arrays.torch_memory import empty
from ..engines.indexed import native as native_indexed
from ..engines.indexed.learned_weights import detached
from ..engines.native.library import library, out_of_memory
from ..engines.reference import indexed as indexed_reference
from ..plan import IndexedWindows, Job
from ..reductions import Sum, fact
from .function import Forward, differentiable


def forward(arrays: Any, x: Any, job: Job) -> Any:
    """The sum or mean, differentiable in x and in the weights; None if the core cannot read the
    layout."""
    lists: IndexedWindows = job.grid
    sum_job = replace(job, grid=detached(lists), reduction=Sum(), empty=None)
    if 0 in x.stride() or native_indexed.prepare(sum_job, x.stride()) is None:
        x = x.contiguous()
        if native_indexed.prepare(sum_job, x.stride()) is None:
            return None
    total = differentiable(
        WeightedRule(arrays, lists, sum_job), x, *(p.taps for p in lists.indices if p.taps is not None)
    )
    n = _weight(lists)
    if fact(job.reduction, "divides"):
        total = (total / torch.where(n == 0, 1.0, n)).to(total.dtype)
    value: Any = job.reduction.empty if job.empty is None else job.empty
    return torch.where(n == 0, value, total) if lists.has_empty or lists.points_per_element == 1 else total


def _on_cpu(taps: Any) -> Any:
    return taps if isinstance(taps, torch.Tensor) else torch.from_numpy(taps)


def _weight(lists: IndexedWindows) -> Any:
    """The divisor of a mean, broadcastable to the result: the sum of weights, or the number of
    points."""
    if lists.points_per_element > 1:
        weight: Any = torch.from_numpy(lists.counts.astype(np.float64))
    else:
        weight = 1.0
        for p, row in zip(lists.indices, lists.index_rows, strict=True):
            owner = torch.from_numpy(np.repeat(np.arange(len(p.offsets) - 1), np.diff(p.offsets)))
            taps = torch.ones(len(owner), dtype=torch.float64, device="cpu") if p.taps is None else _on_cpu(p.taps)
            total = torch.zeros(len(p.offsets) - 1, dtype=taps.dtype, device="cpu").index_add(0, owner, taps)
            weight = weight * total[torch.from_numpy(row)]
    shape = [1] * len(lists.out_shape)
    for at, n in zip(lists.result_dims, lists.windows_shape, strict=True):
        shape[at] = n
    order = np.argsort(lists.result_dims).tolist()
    return weight.reshape(lists.windows_shape).permute(order).reshape(shape)


class WeightedRule:
    """A compiled sum of IndexedWindows with learned weights; the tensors are x and the weights of
    each axis."""

    def __init__(self, arrays: Any, lists: IndexedWindows, job: Job) -> None:
        self.arrays, self.lists, self.job = arrays, lists, job

    def forward(self, tensors: Sequence[Any]) -> Forward:
        """The sum."""
        x = tensors[0]
        prepared = native_indexed.prepare(self.job, x.stride())
        assert prepared is not None
        y = empty(prepared.shape, TYPES[self.job.dtype])
        prepared.fold(x.data_ptr(), y.data_ptr())
        return Forward(y.permute(prepared.back))

    def backward(self, g: Any, tensors: Sequence[Any], result: Any, saved: Sequence[Any]) -> Sequence[Any]:
        """The gradients of x and of the weights."""
        x, *taps = tensors
        prepared = native_indexed.prepare(self.job, x.stride())
        assert prepared is not None
        g = g.to(x.dtype).permute(prepared.order).contiguous()
        gx = None
        if x.requires_grad:
            gx = torch.empty_strided(x.shape, x.stride(), dtype=x.dtype, device=x.device).zero_()
            prepared.backward(g.data_ptr(), gx.data_ptr())
        return gx, *_weight_gradients(x, g, taps, self.lists, prepared)

    def reference(self, tensors: Sequence[Any]) -> Any:
        """The sum in torch's own functions."""
        x, *taps = tensors
        rest = iter(taps)
        picks = tuple(p if p.taps is None else replace(p, taps=next(rest)) for p in self.lists.indices)

        def pooled(z: Any, grid: Any, reduction: Any, w: Any) -> Any:
            return self.arrays.run(z, grid, (reduction,), w)[0]

        return indexed_reference.forward(x, replace(self.lists, indices=picks), Sum(), None, pooled)


def _weight_gradients(x: Any, g: Any, taps: list[Any], lists: IndexedWindows, prepared: Any) -> list[Any]:
    """The gradients of the weights."""
    call = native_indexed.IndexedRecord.from_buffer_copy(prepared.call)
    constant = detached(lists).indices
    gradients = [
        None if p.taps is None else torch.zeros(len(p.taps), dtype=torch.float64, device="cpu") for p in constant
    ]
    begin = 3 - len(constant)
    for k, p in enumerate(constant):  # unchanged indices, with zero weights and repetitions
        pick = call.pick[begin + k]
        pick.offsets, pick.index = p.offsets.ctypes.data, p.index.ctypes.data
        pick.taps = 0 if p.taps is None else p.taps.ctypes.data
    addresses = [0] * begin + [0 if m is None else m.data_ptr() for m in gradients]
    if library().anypool_lists_weights(ctypes.addressof(call), x.data_ptr(), g.data_ptr(), *addresses):
        raise out_of_memory("the gradient of the boxes")
    of_taps = [m for m in gradients if m is not None]
    return [m.to(t.dtype) for m, t in zip(of_taps, taps, strict=True)]
