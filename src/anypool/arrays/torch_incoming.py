"""Tensors of the caller and of autograd: without lazy bits, aligned, with bools of 0 and 1."""

from __future__ import annotations

from ctypes import string_at
from typing import Any

import torch

from ..errors import PoolingError
from .foreign import is_fake, refuse
from .incoming import BOOL_BYTES, FEW, array_of, has_odd_bools
from .weights import check_bounds

functorch: Any = getattr(torch._C, "_functorch")  # noqa: B009  (untyped)
PLAIN = (torch.Tensor, torch.nn.Parameter)
UNSIGNED = {
    getattr(torch, n): w for n, w in (("uint16", torch.int32), ("uint32", torch.int64), ("uint64", torch.float64))
}


def transformed() -> bool:
    """Whether torch.func, forward-mode AD or torch.compile is active: then each step must be
    torch's own."""
    return torch.compiler.is_compiling() or watched()


def watched() -> bool:
    """Whether torch.func or forward-mode AD records each step."""
    return functorch.maybe_current_level() is not None or torch.autograd.forward_ad._current_level >= 0


def ordinary(t: Any) -> bool:
    """Whether a tensor has torch's own class, and its memory has its values."""
    return type(t) in PLAIN and not t.is_neg()


def tensor(t: Any, name: str) -> Any:
    """A caller's tensor in the form that the engines read. Raises PoolingError with advice for
    other layouts."""
    refuse(t, name)
    return readable(t)


def readable(t: Any) -> Any:
    """t, or a copy if the core cannot read its memory. torch's own functions read any tensor."""
    if type(t) not in PLAIN or transformed():
        return t
    if t.is_neg() or t._is_zerotensor():
        t = t.resolve_neg().clone()
    if t.is_cpu and t.data_ptr() % t.element_size():
        t = t.clone()
    if t.dtype is torch.bool and (has_odd_bools_at(t.data_ptr(), bool_count(t), t) if t.is_cpu else True):
        t = t.view(torch.uint8) != 0
    return t


def bool_count(t: Any) -> int:
    """The number of contiguous bools if they are few; −1 for other bools, 0 for other types."""
    if t.dtype is not torch.bool:
        return 0
    return t.numel() if 0 < t.numel() <= FEW and t.is_contiguous() else -1


def has_odd_bools_at(address: int, count: int, t: Any) -> bool:
    """Whether a true element of a bool tensor on the CPU is stored as a byte other than 1; `count`:
    its `bool_count`."""
    if count > 0:  # NumPy's view alone takes 0.5 µs
        return bool(string_at(address, count).translate(None, BOOL_BYTES))
    return has_odd_bools(t.numpy())


def read_address(t: Any, item: int, bools: int) -> int:
    """The address of a tensor that the core can read, else 0. `item`: bytes of an element; `bools`:
    its `bool_count`."""
    try:
        address: int = t.data_ptr()
    except RuntimeError:  # tensors of other layouts have no memory
        return 0
    return 0 if not address or address % item or (bools and has_odd_bools_at(address, bools, t)) else address


def as_weights(raw_weights: Any, x: Any, name: str = "weights") -> Any:
    """Weights as a tensor on x's device, as bool or in an element type with torch operations."""
    if isinstance(raw_weights, torch.Tensor):
        weights = tensor(raw_weights, name)
        if type(weights) not in PLAIN and is_fake(weights) and not is_fake(x):
            raise PoolingError(
                f"{name} are a FakeTensor, which holds no numbers, but x is a real tensor: make both real or both fake"
            )
        if weights.is_meta and not x.is_meta:
            raise PoolingError(f"{name} are on the meta device, which holds no numbers: give them on x's device")
        if weights.is_floating_point() and weights.dtype.itemsize == 1:  # float8
            weights = weights.to(torch.float32)
    else:
        array = array_of(raw_weights, name)
        if array.dtype.kind not in "biuf" and array.dtype.name != "bfloat16":
            raise PoolingError(f"{name} of dtype {array.dtype}: use bool (a mask) or real numbers")
        if array.dtype.name == "bfloat16":
            array = array.astype("float32")
        elif array.dtype.kind == "f" and array.itemsize > 8:
            array = array.astype("float64")
        is_shareable = array.flags.writeable and all(s >= 0 for s in array.strides)
        weights = torch.from_numpy(array if is_shareable else array.copy())
    weights = weights.to(UNSIGNED.get(weights.dtype, weights.dtype))
    return weights if weights.device == x.device else weights.to(x.device)


def check_weights(weights: Any, reduction: Any) -> None:
    """Raise PoolingError for invalid weights; nothing is read if torch must record each step."""
    if weights.dtype == torch.bool or not weights.is_cpu or not weights.numel() or transformed():
        return
    if type(weights) not in PLAIN:
        return
    low, high = (v.item() for v in weights.detach().aminmax())
    check_bounds(low, high, reduction, "g")
