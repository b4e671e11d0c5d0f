"""Sums and means of listed windows whose weights learn (the corners of boxes): compiled, with both
gradients, in torch."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from ..arrays.torch_dtypes import TYPES
from ..arrays.torch_memory import empty
from ..engines.indexed import native as lists_cpu
from ..engines.indexed.learned_weights import detached
from ..engines.native.library import library
from ..engines.reference import indexed as lists_reference
from ..errors import PoolingError
from ..plan import IndexedWindows, Job
from ..reductions import Mean, Sum
from .function import Forward, differentiable


def forward(arrays: Any, x: Any, job: Job) -> Any:
    """The sum or mean, differentiable in x and in the weights; None where memory lies too oddly."""
    lists: IndexedWindows = job.grid
    of = replace(job, grid=detached(lists), reduction=Sum(), empty=None)
    if 0 in x.stride() or lists_cpu.prepare(of, x.stride()) is None:
        x = x.contiguous()
        if lists_cpu.prepare(of, x.stride()) is None:
            return None
    total = differentiable(WeightedRule(arrays, lists, of), x, *(p.taps for p in lists.indices if p.taps is not None))
    n = _weight(lists)
    if type(job.reduction) is Mean:
        total = (total / torch.where(n == 0, 1.0, n)).to(total.dtype)
    value: Any = job.reduction.empty if job.empty is None else job.empty
    return torch.where(n == 0, value, total) if lists.has_empty or lists.points_per_element == 1 else total


def _on_cpu(taps: Any) -> Any:
    return taps if isinstance(taps, torch.Tensor) else torch.from_numpy(taps)


def _weight(lists: IndexedWindows) -> Any:
    """What a mean divides by, shaped to meet the result: the weights' sum, or how many points there are."""
    if lists.points_per_element > 1:
        made: Any = torch.from_numpy(lists.counts.astype(np.float64))
    else:
        made = 1.0
        for p, row in zip(lists.indices, lists.index_rows, strict=True):
            owner = torch.from_numpy(np.repeat(np.arange(len(p.offsets) - 1), np.diff(p.offsets)))
            taps = torch.ones(len(owner), dtype=torch.float64, device="cpu") if p.taps is None else _on_cpu(p.taps)
            total = torch.zeros(len(p.offsets) - 1, dtype=taps.dtype, device="cpu").index_add(0, owner, taps)
            made = made * total[torch.from_numpy(row)]
    shape = [1] * len(lists.out_shape)
    for at, n in zip(lists.result_dims, lists.windows_shape, strict=True):
        shape[at] = n
    order = np.argsort(lists.result_dims).tolist()
    return made.reshape(lists.windows_shape).permute(order).reshape(shape)


class WeightedRule:
    """A compiled sum of indexed windows whose weights learn; the tensors are x and the weights along each axis."""

    def __init__(self, arrays: Any, lists: IndexedWindows, job: Job) -> None:
        self.arrays, self.lists, self.job = arrays, lists, job

    def forward(self, tensors: Sequence[Any]) -> Forward:
        """The sum."""
        x = tensors[0]
        prepared = lists_cpu.prepare(self.job, x.stride())
        assert prepared is not None
        y = empty(prepared.shape, TYPES[self.job.dtype])
        prepared.fold(x.data_ptr(), y.data_ptr())
        return Forward(y.permute(prepared.back))

    def backward(self, g: Any, tensors: Sequence[Any], result: Any, kept: Sequence[Any]) -> Sequence[Any]:
        """The gradients of x and of the weights."""
        x, *taps = tensors
        prepared = lists_cpu.prepare(self.job, x.stride())
        assert prepared is not None
        g = g.to(x.dtype).permute(prepared.order).contiguous()
        gx = None
        if x.requires_grad:
            gx = torch.empty_strided(x.shape, x.stride(), dtype=x.dtype, device=x.device).zero_()
            prepared.pull(g.data_ptr(), gx.data_ptr())
        return gx, *_pulled(x, g, taps, self.lists, prepared)

    def reference(self, tensors: Sequence[Any]) -> Any:
        """The sum in torch's own functions."""
        x, *taps = tensors
        rest = iter(taps)
        picks = tuple(p if p.taps is None else replace(p, taps=next(rest)) for p in self.lists.indices)

        def pooled(z: Any, grid: Any, reduction: Any, w: Any) -> Any:
            return self.arrays.run(z, grid, (reduction,), w)[0]

        return lists_reference.forward(x, replace(self.lists, indices=picks), Sum(), None, pooled)


def _pulled(x: Any, g: Any, taps: list[Any], lists: IndexedWindows, prepared: Any) -> list[Any]:
    """The weights' gradients."""
    call = lists_cpu.Call.from_buffer_copy(prepared.call)
    held = detached(lists).indices
    made = [None if p.taps is None else torch.zeros(len(p.taps), dtype=torch.float64, device="cpu") for p in held]
    begin = 3 - len(held)
    for k, p in enumerate(held):  # as they were given: none left out, none joined
        pick = call.pick[begin + k]
        pick.offsets, pick.index = p.offsets.ctypes.data, p.index.ctypes.data
        pick.taps = 0 if p.taps is None else p.taps.ctypes.data
    to = [0] * begin + [0 if m is None else m.data_ptr() for m in made]
    if library().anypool_lists_weights(ctypes.addressof(call), x.data_ptr(), g.data_ptr(), *to):
        raise PoolingError("the compiled core ran out of memory for the gradient of the boxes; pool in parts")
    found = [m for m in made if m is not None]
    return [m.to(t.dtype) for m, t in zip(found, taps, strict=True)]
