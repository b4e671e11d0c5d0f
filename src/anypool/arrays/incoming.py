"""Arrays of the caller as aligned native elements and bools of 0 and 1; other types raise
PoolingError."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from ..errors import PoolingError
from .foreign import is_fake, refuse, tensor_refusal

FEW = 2048  # bools that are checked as bytes: a reduction takes at least 1.4 µs
BOOL_BYTES = b"\0\1"


def array_of(value: Any, name: str) -> Any:
    """The values as a NumPy array. Raises PoolingError with advice if NumPy cannot read them
    without loss."""
    if type(value) is np.ndarray:
        return readable(value)
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        return readable(of_tensor(value, name))
    refuse(value, name)
    try:
        array = np.asarray(value)
    except (ValueError, TypeError, OverflowError) as error:
        if "inhomogeneous" not in str(error):
            raise PoolingError(f"{name} is no array: {error}") from None
        ragged = ", or numpy.concatenate(x) with windows ap.segments(lengths=[len(v) for v in x])"
        raise PoolingError(
            f"{name} is no array, for its rows differ in length: give rows of one length{ragged if name == 'x' else ''}"
        ) from None
    return readable(array)


def readable(x: Any) -> Any:
    """x, or a copy if it is not native and aligned, or has strides that are no whole elements."""
    item = x.itemsize
    flags = x.flags
    is_aligned = flags.aligned and (flags.c_contiguous or not any(s % item for s in x.strides if item))
    is_odd_bool = x.dtype.kind == "b" and has_odd_bools(x)
    if is_aligned and x.dtype.isnative and not is_odd_bool:
        return x
    distinct = _without_repeats(x)
    copied = distinct.view(np.uint8) != 0 if is_odd_bool else distinct.astype(x.dtype.newbyteorder("="), "K")
    return copied if copied.shape == x.shape else np.broadcast_to(copied, x.shape)


def has_odd_bools(x: Any) -> bool:
    """Whether a true element of a bool array is stored as a byte other than 1."""
    if x.size <= FEW:
        return bool(x.tobytes().translate(None, BOOL_BYTES))
    return int(np.maximum.reduce(_without_repeats(x).view(np.uint8), axis=None)) > 1


def _without_repeats(x: Any) -> Any:
    """x without repetitions along axes of stride 0."""
    return x[tuple(slice(1) if s == 0 else slice(None) for s in x.strides)]


def of_tensor(t: Any, name: str) -> Any:
    """The values of a tensor of any device and type, without lazy bits."""
    torch: Any = sys.modules["torch"]
    hidden: Any = torch._C._functorch
    while hidden.is_gradtrackingtensor(t):
        t = hidden.get_unwrapped(t)
    if hidden.is_batchedtensor(t):
        raise PoolingError(f"{name} that vmap batches: pool all of it in one call, or loop")
    with torch._C._DisableFuncTorch():
        message = tensor_refusal(t, name)
        if message is None and is_fake(t):
            message = f"{name} is a FakeTensor, which holds no numbers: pass a real tensor"
        if message is None and t.is_meta:
            message = f"{name} is a tensor on the meta device, which holds no numbers: give one on the CPU"
        if message is not None:
            raise PoolingError(message)
        t = t.detach()
        if t.is_floating_point() and t.dtype not in (torch.float16, torch.float32, torch.float64):
            t = t.to(torch.float32)  # exact; NumPy has no such type
        return t.cpu().resolve_neg().numpy()
