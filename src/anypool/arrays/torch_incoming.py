"""Tensors as callers and autograd give them: x, weights and gradients without lazy bits, aligned, bools of 0 and 1."""

from __future__ import annotations

from ctypes import string_at
from typing import Any

import torch

from ..errors import PoolingError
from .foreign import refuse
from .incoming import FEW, TRUTHS, array_of, odd
from .weights import check_bounds

functorch: Any = getattr(torch._C, "_functorch")  # noqa: B009  (untyped)
PLAIN = (torch.Tensor, torch.nn.Parameter)
UNSIGNED = {
    getattr(torch, n): w for n, w in (("uint16", torch.int32), ("uint32", torch.int64), ("uint64", torch.float64))
}


def transformed() -> bool:
    """Whether torch.func, forward-mode AD or torch.compile watches: then every step must be torch's own."""
    return torch.compiler.is_compiling() or watched()


def watched() -> bool:
    """Whether torch.func or forward-mode AD follows every step."""
    return functorch.maybe_current_level() is not None or torch.autograd.forward_ad._current_level >= 0


def ordinary(t: Any) -> bool:
    """Whether a tensor is of no class but torch's own, and its memory holds its numbers."""
    return type(t) in PLAIN and not t.is_neg()


def tensor(t: Any, name: str) -> Any:
    """A tensor that a caller gave, as the backends read it; PoolingError, with the way to do it, for other layouts."""
    refuse(t, name)
    return readable(t)


def readable(t: Any) -> Any:
    """t itself, or a copy where its memory is not what the core reads; torch's own words read any tensor."""
    if type(t) not in PLAIN or transformed():
        return t
    if t.is_neg() or t._is_zerotensor():
        t = t.resolve_neg().clone()
    if t.is_cpu and t.data_ptr() % t.element_size():
        t = t.clone()
    if t.dtype is torch.bool and (odd_at(t.data_ptr(), truths(t), t) if t.is_cpu else True):
        t = t.view(torch.uint8) != 0
    return t


def truths(t: Any) -> int:
    """How many bools lie side by side, if they are few; -1 for other bools, 0 for other types."""
    if t.dtype is not torch.bool:
        return 0
    return t.numel() if 0 < t.numel() <= FEW and t.is_contiguous() else -1


def odd_at(address: int, many: int, t: Any) -> bool:
    """Whether a true element of a bool tensor on the CPU, of so many `truths`, is stored as another byte than 1."""
    if many > 0:  # NumPy's view alone takes 0.5 µs
        return bool(string_at(address, many).translate(None, TRUTHS))
    return odd(t.numpy())


def read_address(t: Any, item: int, bools: int) -> int:
    """Where the core reads a tensor as it is, 0 where it cannot; an item has so many bytes, `bools` is its `truths`."""
    try:
        at: int = t.data_ptr()
    except RuntimeError:  # a tensor of torch's other layouts has no memory
        return 0
    return 0 if not at or at % item or (bools and odd_at(at, bools, t)) else at


def as_weights(given: Any, x: Any) -> Any:
    """Weights as a tensor on x's device, of bool or numbers that torch has words for."""
    if isinstance(given, torch.Tensor):
        weights = tensor(given, "weights")
        if weights.is_meta and not x.is_meta:
            raise PoolingError("weights are on the meta device, which holds no numbers: give them on x's device")
        if weights.is_floating_point() and weights.dtype.itemsize == 1:  # float8
            weights = weights.to(torch.float32)
    else:
        made = array_of(given, "weights")
        if made.dtype.kind not in "biuf" and made.dtype.name != "bfloat16":
            raise PoolingError(f"weights of dtype {made.dtype}: use bool (a mask) or real numbers")
        if made.dtype.name == "bfloat16":
            made = made.astype("float32")
        elif made.dtype.kind == "f" and made.itemsize > 8:
            made = made.astype("float64")
        shared = made.flags.writeable and all(s >= 0 for s in made.strides)
        weights = torch.from_numpy(made if shared else made.copy())
    weights = weights.to(UNSIGNED.get(weights.dtype, weights.dtype))
    return weights if weights.device == x.device else weights.to(x.device)


def check_weights(weights: Any, reduction: Any) -> None:
    """Weights are finite, and no less than zero unless the reduction is linear in them; where torch must see each step, nothing is read."""
    if weights.dtype == torch.bool or not weights.is_cpu or not weights.numel() or transformed():
        return
    if type(weights) not in PLAIN:
        return
    low, high = (v.item() for v in weights.detach().aminmax())
    check_bounds(low, high, reduction, "g")
