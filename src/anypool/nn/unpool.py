"""Max-unpooling: torch's functions and layers, with a stated result where places meet."""

# the stubs of torch lack some of its names
# pyright: reportPrivateImportUsage=false, reportAttributeAccessIssue=false
from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..arrays.foreign import refuse
from ..arrays.torch import is_compiling
from ..arrays.torch_memory import empty
from ..errors import PoolingError
from ..scalars import entries
from ..torch.recorders import recorder
from .scripted import twin


def scattered(values: Any, index: Any, plane: int) -> Any:
    """Rows of `plane` elements with the values at their places in each row; of values at one place,
    the last stays.

    values, index: (rows, values of a row). The gradient goes to the values that stay.
    """
    rows, count = values.shape
    if is_compiling() or torch._C._are_functorch_transforms_active():
        number = torch.arange(count, device=values.device, dtype=torch.int64).expand(rows, count)
        last = torch.full((rows, plane), -1, device=values.device, dtype=torch.int64).scatter_reduce(
            1, index, number, "amax"
        )
    elif not (torch.is_grad_enabled() and values.requires_grad):
        result = _zeros(rows, plane, values).scatter_(1, index, values)
        if _same_bits(result.gather(1, index), values):  # all values at one place are equal
            return result
        last = _last(index, plane)
    else:
        number = torch.arange(count, dtype=torch.int32, device=values.device).repeat(rows, 1)
        source = torch.empty(rows, plane, dtype=torch.int32, device=values.device).scatter_(1, index, number)
        if torch.equal(source.gather(1, index), number):  # each value has its own place
            return _zeros(rows, plane, values).scatter_(1, index, values)
        last = _last(index, plane)
    return torch.where(last >= 0, values.gather(1, last.clamp(min=0)), 0)


def _zeros(rows: int, plane: int, like: Any) -> Any:
    """Zeros, on the CPU in memory of the buffer pool."""
    if like.is_cpu:
        return empty((rows, plane), like.dtype).zero_()
    return torch.zeros(rows, plane, dtype=like.dtype, device=like.device)


def _same_bits(a: Any, b: Any) -> bool:
    """Whether two tensors have the same bits, so that NaN equals itself and 0.0 is not −0.0."""
    kind = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}.get(a.element_size())
    return kind is not None and not a.is_complex() and torch.equal(a.view(kind), b.contiguous().view(kind))


def _last(index: Any, plane: int) -> Any:
    """The number of the last value of each place in each row; −1 is none."""
    rows, count = index.shape
    if index.is_cpu:  # NumPy states that the last of equal indices is assigned
        last = np.full((rows, plane), -1, np.int64)
        last[np.arange(rows)[:, None], index.detach().numpy()] = np.arange(count)
        return torch.from_numpy(last)
    number = torch.arange(count, device=index.device, dtype=torch.int64).expand(rows, count)
    return torch.full((rows, plane), -1, device=index.device, dtype=torch.int64).scatter_reduce(
        1, index, number, "amax"
    )


def _output_size(
    name: str, input: Any, size: tuple[int, ...], stride: tuple[int, ...], padding: tuple[int, ...], output_size: Any
) -> tuple[int, ...]:
    """The lengths of the result, as torch determines and limits them."""
    rank = len(size)
    lengths = zip(input.shape[-rank:], size, stride, padding, strict=True)
    default = tuple((n - 1) * s + k - 2 * p for n, k, s, p in lengths)
    chosen = default
    if output_size is not None:
        entered = tuple(output_size) if hasattr(output_size, "__len__") else (output_size,) * rank
        chosen = entered[-rank:] if len(entered) in (rank + 2, input.ndim) else entered
        if len(chosen) != rank:
            raise PoolingError(
                f"{name}(output_size={entered}): give {rank} lengths, or the {input.ndim} of the whole result"
            )
        for n, least, step in zip(chosen, default, stride, strict=True):
            if not least - step < n < least + step:
                near = [f"{d - s + 1} to {d + s - 1}" for d, s in zip(default, stride, strict=True)]
                raise PoolingError(
                    f"{name}(output_size={entered}): input of shape {tuple(input.shape)} with kernel_size={size}, "
                    f"stride={stride}, padding={padding} was pooled from lengths of {' × '.join(near)}"
                )
    if min(chosen) < 0:
        raise PoolingError(f"{name}: the result would have the lengths {chosen}; use less padding")
    return chosen


def _check(name: str, rank: int, input: Any, indices: Any) -> None:
    for value, word in ((input, "input"), (indices, "indices")):
        if not isinstance(value, torch.Tensor):
            raise PoolingError(f"{name}: {word} is a {type(value).__name__}; use a torch tensor, or anypool.spread")
    if not is_compiling() and (type(input) is not torch.Tensor or input.layout is not torch.strided):
        refuse(input, "input")
    if input.ndim not in (rank + 1, rank + 2):
        raise PoolingError(
            f"{name} takes {rank + 1} axes (one sample) or {rank + 2} (a batch), not shape {tuple(input.shape)}"
        )
    if tuple(indices.shape) != tuple(input.shape):
        raise PoolingError(
            f"{name}: indices of shape {tuple(indices.shape)} for input of shape {tuple(input.shape)}; "
            "give the indices that the pooling gave with return_indices=True"
        )
    if indices.dtype is not torch.int64:
        raise PoolingError(f"{name}: indices of {indices.dtype}; use indices.long(), the flat place in the plane")
    if indices.device != input.device:
        raise PoolingError(f"{name}: input is on {input.device}, indices are on {indices.device}; use one device")


def _check_range(name: str, indices: Any, sizes: tuple[int, ...]) -> None:
    plane = math.prod(sizes)
    text = f"{name}: indices are places in the plane {sizes}, 0 to {plane - 1}"
    if is_compiling():
        torch._assert_async(((indices >= 0) & (indices < plane)).all(), text)
        return
    inner = indices
    while torch._C._functorch.is_functorch_wrapped_tensor(inner):  # vmap maps over them: all of them at once
        inner = torch._C._functorch.get_unwrapped(inner)
    low, high = (int(v) for v in torch.aminmax(inner))
    if low < 0 or high >= plane:
        raise PoolingError(f"{text}, but one is {low if low < 0 else high}; give output_size= of the pooled input")


def _max_unpool(rank: int) -> Callable[..., Any]:
    name = f"max_unpool{rank}d"
    torchs = twin(name)

    def max_unpool(
        input: Any, indices: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None
    ) -> Any:
        if recorder(input) is not None:
            return torchs(input, indices, kernel_size, stride, padding, output_size)
        _check(name, rank, input, indices)
        size = entries(kernel_size, rank, "kernel_size")
        tiles = stride is None or (isinstance(stride, (tuple, list)) and not stride)
        step: Any = size if tiles else entries(stride, rank, "stride")
        sizes = _output_size(name, input, size, step, entries(padding, rank, "padding"), output_size)
        if input.numel():
            _check_range(name, indices, sizes)
        lead = input.shape[:-rank]
        rows, plane = math.prod(lead), math.prod(sizes)
        if not input.numel():
            return input.new_zeros((*lead, *sizes)) + input.sum()  # a gradient of no elements
        flat = scattered(input.reshape(rows, -1), indices.reshape(rows, -1), plane)
        return flat.reshape(*lead, *sizes)

    max_unpool.__name__ = max_unpool.__qualname__ = name
    max_unpool.__doc__ = (
        "The values at their indices, 0 elsewhere; of values at one place, the last in row-major order stays.\n\n"
        "The result does not depend on the number of threads, and the gradient goes to the values that stay. "
        f"Shapes, arguments and defaults as torch.nn.functional.{name}. Raises PoolingError, also for indices "
        "beyond the plane."
    )
    return max_unpool


max_unpool1d, max_unpool2d, max_unpool3d = (_max_unpool(r) for r in (1, 2, 3))


class MaxUnpool1d(nn.MaxUnpool1d):
    """torch.nn.MaxUnpool1d: same arguments, shapes and numbers; see `functional.max_unpool1d`."""

    def forward(self, input: Tensor, indices: Tensor, output_size: Any = None) -> Tensor:
        """The values at their indices, 0 elsewhere."""
        return max_unpool1d(input, indices, self.kernel_size, self.stride, self.padding, output_size)


class MaxUnpool2d(nn.MaxUnpool2d):
    """torch.nn.MaxUnpool2d: same arguments, shapes and numbers; see `functional.max_unpool2d`."""

    def forward(self, input: Tensor, indices: Tensor, output_size: Any = None) -> Tensor:
        """The values at their indices, 0 elsewhere."""
        return max_unpool2d(input, indices, self.kernel_size, self.stride, self.padding, output_size)


class MaxUnpool3d(nn.MaxUnpool3d):
    """torch.nn.MaxUnpool3d: same arguments, shapes and numbers; see `functional.max_unpool3d`."""

    def forward(self, input: Tensor, indices: Tensor, output_size: Any = None) -> Tensor:
        """The values at their indices, 0 elsewhere."""
        return max_unpool3d(input, indices, self.kernel_size, self.stride, self.padding, output_size)
