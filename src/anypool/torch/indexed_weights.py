"""Sums and means of listed windows whose weights learn (the corners of boxes): compiled, with both gradients, in torch."""

from __future__ import annotations

import ctypes
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from ..arrays.torch_dtypes import TYPES
from ..arrays.torch_incoming import readable
from ..arrays.torch_memory import empty
from ..arrays.torch_results import Differentiable, whole
from ..engines.indexed import native as lists_cpu
from ..engines.indexed.learned_weights import detached
from ..engines.native.library import library
from ..engines.reference import indexed as lists_reference
from ..errors import PoolingError
from ..plan import IndexedWindows, Job
from ..reductions import Mean, Sum


def forward(arrays: Any, x: Any, job: Job) -> Any:
    """The sum or mean, differentiable in x and in the weights; None where memory lies too oddly."""
    lists: IndexedWindows = job.grid
    of = replace(job, grid=detached(lists), reduction=Sum(), empty=None)
    if 0 in x.stride() or lists_cpu.prepare(of, x.stride()) is None:
        x = x.contiguous()
        if lists_cpu.prepare(of, x.stride()) is None:
            return None
    total = _Weighed.apply(x, lists, of, arrays, *(p.taps for p in lists.indices if p.taps is not None))
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


class _Weighed(Differentiable):
    @staticmethod
    def forward(ctx: Any, x: Any, lists: IndexedWindows, job: Job, arrays: Any, *taps: Any) -> Any:
        ctx.lists, ctx.job, ctx.arrays = lists, job, arrays
        ctx.save_for_backward(x, *taps)
        prepared = lists_cpu.prepare(job, x.stride())
        assert prepared is not None
        y = empty(prepared.shape, TYPES[job.dtype])
        prepared.fold(x.data_ptr(), y.data_ptr())
        return whole(y.permute(prepared.back))

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        g = readable(grad_outputs[0])
        x, *taps = ctx.saved_tensors
        job: Job = ctx.job
        if torch.is_grad_enabled():
            return _again(g, x, taps, ctx, ctx.needs_input_grad)
        prepared = lists_cpu.prepare(job, x.stride())
        assert prepared is not None
        g = g.to(x.dtype).permute(prepared.order).contiguous()
        gx = None
        if ctx.needs_input_grad[0]:
            gx = torch.empty_strided(x.shape, x.stride(), dtype=x.dtype, device=x.device).zero_()
            prepared.pull(g.data_ptr(), gx.data_ptr())
        return gx, None, None, None, *_pulled(x, g, taps, ctx.lists, prepared)


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


def _again(g: Any, x: Any, taps: list[Any], ctx: Any, needed: Any) -> Any:
    """Higher derivatives: by torch, through the reference."""
    rest, lists = iter(taps), ctx.lists
    picks = tuple(p if p.taps is None else replace(p, taps=next(rest)) for p in lists.indices)

    def pooled(z: Any, grid: Any, reduction: Any, w: Any) -> Any:
        return ctx.arrays.run(z, grid, (reduction,), w)[0]

    with torch.enable_grad():
        y = lists_reference.forward(x, replace(lists, indices=picks), Sum(), None, pooled)
        wanted = [t for t, need in zip([x, *taps], [needed[0], *needed[4:]], strict=True) if need]
        found = iter(torch.autograd.grad(y, wanted, g, create_graph=True, allow_unused=True))
    every = [next(found) if need else None for need in [needed[0], *needed[4:]]]
    return every[0], None, None, None, *every[1:]
