"""Memory of tensors: new, from the caller's `out`, or in another tensor's format."""

from __future__ import annotations

import math
from typing import Any

import torch

from ..errors import PoolingError
from . import buffer_pool as memory
from .foreign import tensor_refusal


def empty(shape: Any, dtype: Any) -> Any:
    """An uninitialised tensor; a large one may reuse a buffer of the pool."""
    size = math.prod(shape) * dtype.itemsize
    if size < memory.LARGE:
        return torch.empty(shape, dtype=dtype, device="cpu")
    # Detached: torch refuses to write to some views.
    return torch.from_numpy(memory.bytes_of(size)).view(dtype).view(shape).detach()


def like_layout(y: Any, x: Any) -> Any:
    """y in the memory format of x."""
    for form, rank in ((torch.channels_last, 4), (torch.channels_last_3d, 5)):
        if x.ndim == y.ndim == rank and not x.is_contiguous() and x.is_contiguous(memory_format=form):
            return y.contiguous(memory_format=form)
    return y


def writable_view(out: Any, x: Any, shape_and_dtype: tuple[Any, Any], prepared: Any) -> Any:
    """`out` with its axes in memory order, if the core may write this shape and type to it while it
    reads x; else None."""
    shape, dtype = shape_and_dtype
    if type(out) is not torch.Tensor or out.dtype != dtype or out.requires_grad or not out.is_cpu or out.is_neg():
        return None
    if out.ndim != x.ndim or out.layout is not torch.strided:
        return None
    view = out if prepared.back is None else out.permute(prepared.order)
    first, begin = x.data_ptr(), out.data_ptr()
    last = first + x.element_size() * (1 + sum((n - 1) * s for n, s in zip(x.shape, x.stride(), strict=True)))
    is_disjoint = begin + out.numel() * dtype.itemsize <= first or last <= begin
    fits = view.shape == shape and view.is_contiguous() and begin and begin % dtype.itemsize == 0
    return view if fits and is_disjoint else None


def into(out: Any, results: tuple[Any, ...]) -> tuple[Any, ...]:
    """The one result, written to `out`."""
    y = results[0]
    message = tensor_refusal(out, "out") if isinstance(out, torch.Tensor) else None
    if message is not None:
        raise PoolingError(
            f"{message.partition(':')[0]}: give a strided tensor of shape {tuple(y.shape)} and {y.dtype}"
        )
    if (
        len(results) != 1
        or not isinstance(out, torch.Tensor)
        or (out.shape, out.dtype, out.device) != (y.shape, y.dtype, y.device)
    ):
        raise PoolingError(
            f"out must be one tensor of shape {tuple(y.shape)} and {y.dtype} on {y.device}, for one reduction"
        )
    if y is not out:
        try:
            out.copy_(y)
        except RuntimeError as error:
            raise PoolingError(
                f"out cannot be written: {str(error).partition('. ')[0]}; give a tensor of its own"
            ) from None
    return (out,)
