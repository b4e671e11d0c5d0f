"""The adapter of torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..errors import PoolingError
from .foreign import fake_mode_active, is_fake
from .torch_dtypes import TYPES, dtype_name
from .torch_incoming import functorch, tensor, watched

Array = Any


class TorchArrays:
    """The operations of `Adapter` for tensors."""

    NAME: str = "torch"
    mixes: bool = False
    maths: Any = torch
    dtype_name = staticmethod(dtype_name)

    def cast(self, x: Array, dtype: str) -> Array:
        return x.to(TYPES[dtype])

    def meet(self, x: Array, like: Array) -> Array:
        return x.to(like.dtype)

    def wide(self, dtype: str) -> str:
        return "uint64" if dtype == "uint64" else "int64"

    def widest(self, x: Array) -> str:
        return "float64" if x.device.type != "mps" else "float32"

    def empty(self, shape: Sequence[int], dtype: str, like: Array | None = None) -> Array:
        return torch.empty(tuple(shape), dtype=TYPES[dtype], device="cpu" if like is None else like.device)

    def full(self, shape: Sequence[int], value: Any, dtype: str, like: Array) -> Array:
        return torch.full(tuple(shape), value, dtype=TYPES[dtype], device=like.device)

    def full_like(self, x: Array, value: Any, dtype: str | None = None) -> Array:
        kind = None if dtype is None else TYPES[dtype]
        return torch.zeros_like(x, dtype=kind) if value == 0 else torch.full_like(x, value, dtype=kind)

    def asarray(self, table: Any, like: Array | None = None) -> Array:
        device = "cpu" if like is None else like.device
        if isinstance(table, torch.Tensor):
            return table.to(device)
        return torch.as_tensor(np.ascontiguousarray(table), device=device)

    def view(self, x: Array) -> NDArray[Any] | None:
        if self.watched() or not x.is_cpu or type(x) is not torch.Tensor:
            return None
        return x.detach().numpy()

    def numbers(self, x: Array) -> NDArray[Any]:
        if x.is_meta or is_fake(x):
            raise PoolingError(
                "NumPy cannot read a tensor without numbers (meta device, FakeTensor): use torch's functions"
            )
        return (x.float() if x.dtype is torch.bfloat16 else x).detach().cpu().numpy()  # exact

    def where(self, condition: Array, a: Array, b: Array) -> Array:
        return torch.where(condition, a, b)

    def power(self, x: Array, p: Array) -> Array:
        # A Python number takes a sixteenth of the time of a tensor.
        return torch.pow(x, p) if isinstance(p, float) else torch.pow(*_pair(x, p))

    def maximum(self, a: Array, b: Array) -> Array:
        return torch.maximum(*_pair(a, b))

    def minimum(self, a: Array, b: Array) -> Array:
        return torch.minimum(*_pair(a, b))

    def broadcast(self, x: Array, shape: Sequence[int]) -> Array:
        return x.expand(tuple(shape))

    def permute(self, x: Array, order: Sequence[int]) -> Array:
        return x.permute(tuple(order))

    def moveaxis(self, x: Array, source: Sequence[int], to: Sequence[int]) -> Array:
        return x.movedim(tuple(source), tuple(to))

    def concatenate(self, parts: Sequence[Array], axis: int) -> Array:
        return torch.cat(list(parts), axis)

    def stack(self, parts: Sequence[Array], axis: int) -> Array:
        return torch.stack(list(parts), axis)

    def flip(self, x: Array) -> Array:
        return x.flip(-1)

    def take(self, x: Array, index: NDArray[Any], axis: int) -> Array:
        axis = axis % x.ndim
        flat = x.index_select(axis, self.asarray(index.reshape(-1), x))
        return flat if index.ndim == 1 else flat.reshape(*x.shape[:axis], *index.shape, *x.shape[axis + 1 :])

    def take_along(self, x: Array, index: Array) -> Array:
        return x.gather(-1, index)

    def put(self, x: Array, index: NDArray[Any], values: Array, axis: int) -> Array:
        return x.index_copy_(axis, self.asarray(index, x), values.to(x.dtype))

    def extend(self, x: Array, shape: Sequence[int], value: float) -> Array:
        more = [n for m, k in zip(reversed(shape), reversed(x.shape), strict=True) for n in (0, m - k)]
        fill = value if x.is_floating_point() else int(value)  # exact: functional.pad would convert it to double
        return torch.constant_pad_nd(x, more, fill)

    def difference(self, high: Array, low: Array, dtype: str) -> Array:
        return high.to(TYPES[dtype]).sub_(low)

    def sort(self, x: Array, indexed: bool) -> tuple[Array, Array]:
        return torch.sort(x, dim=-1, stable=True)

    def argsort(self, x: Array) -> Array:
        return (x.byte() if x.dtype is torch.bool else x).argsort(dim=-1, stable=True)

    def argmax(self, x: Array) -> Array:
        return torch.argmax(x, -1)

    def cumsum(self, x: Array, axis: int) -> Array:
        return torch.cumsum(x, axis)

    def cummax(self, x: Array) -> Array:
        return x.cummax(-1)[0]

    def smallest(self, x: Array, axis: int | None = None) -> Array:
        return x.min() if axis is None else x.amin(axis)

    def greatest(self, x: Array, axis: int | None = None) -> Array:
        return x.max() if axis is None else x.amax(axis)

    def ends(self, x: Array) -> tuple[Array, Array]:
        return x.aminmax()

    def copy(self, x: Array) -> Array:
        return x.clone(memory_format=torch.contiguous_format)

    def contiguous(self, x: Array) -> Array:
        return x.contiguous()

    def apart(self, y: Array, x: Array) -> Array:
        same = not y.requires_grad and y.untyped_storage().data_ptr() == x.untyped_storage().data_ptr()
        return y.clone() if same else y

    def owned(self, x: Array) -> Array:
        return x.clone() if 0 in x.stride() and x.numel() > 1 else x

    def stop(self, x: Array) -> Array:
        return x.detach()

    def differentiates(self, *values: Any) -> bool:
        needs_gradient = torch.is_grad_enabled() and any(getattr(v, "requires_grad", False) for v in values)
        return needs_gradient or not self.concrete()

    def concrete(self) -> bool:
        return functorch.maybe_current_level() is None and (
            torch.compiler.is_compiling() or not fake_mode_active(torch)
        )

    def watched(self) -> bool:
        return watched()

    def device(self, x: Array) -> str:
        return x.device.type

    def strides(self, x: Array) -> tuple[int, ...]:
        return tuple(x.stride())

    def address(self, x: Array) -> int:
        return x.data_ptr()

    def enter(self, argument: Any, name: str) -> Array:
        return tensor(argument, name)

    def leave(self, y: Array) -> Any:
        return y


def _pair(a: Any, b: Any) -> tuple[Any, Any]:
    """Two tensors, one of which may be a number or a NumPy array."""
    if isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor):
        return a, b
    like: Any = a if isinstance(a, torch.Tensor) else b
    a, b = (
        v if isinstance(v, torch.Tensor) else torch.as_tensor(v, dtype=like.dtype, device=like.device) for v in (a, b)
    )
    return a, b


ADAPTER = TorchArrays()
