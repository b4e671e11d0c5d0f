"""Arrays as callers give them: read once, as aligned native elements, bools of 0 and 1; other types get an error."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from ..errors import PoolingError
from .foreign import refuse, tensor_refusal

FEW = 512  # bools that are looked through as bytes: a reduction begins at 1.4 µs
TRUTHS = b"\0\1"


def array_of(given: Any, name: str) -> Any:
    """A NumPy array of what a value holds; PoolingError, with the way to do it, for what NumPy cannot read without loss."""
    if type(given) is np.ndarray:
        return readable(given)
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(given, torch.Tensor):
        return readable(of_tensor(given, name))
    refuse(given, name)
    try:
        made = np.asarray(given)
    except (ValueError, TypeError, OverflowError) as error:
        if "inhomogeneous" not in str(error):
            raise PoolingError(f"{name} is no array: {error}") from None
        ragged = ", or numpy.concatenate(x) with windows ap.segments(lengths=[len(v) for v in x])"
        raise PoolingError(
            f"{name} is no array, for its rows differ in length: give rows of one length{ragged if name == 'x' else ''}"
        ) from None
    return readable(made)


def readable(x: Any) -> Any:
    """x itself, or a copy where its memory is not what the core reads: native and aligned, strides in whole elements."""
    item = x.itemsize
    whole = x.flags.aligned and not any(s % item for s in x.strides if item)
    truths = x.dtype.kind == "b" and odd(x)
    if whole and x.dtype.isnative and not truths:
        return x
    some = _once(x)
    made = some.view(np.uint8) != 0 if truths else some.astype(x.dtype.newbyteorder("="), "K")
    return made if made.shape == x.shape else np.broadcast_to(made, x.shape)


def odd(x: Any) -> bool:
    """Whether a true element of a bool array is stored as another byte than 1."""
    if x.size <= FEW:
        return bool(x.tobytes().translate(None, TRUTHS))
    return int(np.maximum.reduce(_once(x).view(np.uint8), axis=None)) > 1


def _once(x: Any) -> Any:
    """x without the axes along which the same memory is read again."""
    return x[tuple(slice(1) if s == 0 else slice(None) for s in x.strides)]


def of_tensor(t: Any, name: str) -> Any:
    """The numbers of a tensor, whatever its device, lazy bits and type, and whoever watches it."""
    torch: Any = sys.modules["torch"]
    hidden: Any = torch._C._functorch
    while hidden.is_gradtrackingtensor(t):
        t = hidden.get_unwrapped(t)
    if hidden.is_batchedtensor(t):
        raise PoolingError(f"{name} that vmap batches: pool all of it in one call, or loop")
    with torch._C._DisableFuncTorch():
        said = tensor_refusal(t, name)
        if said is None and t.is_meta:
            said = f"{name} is a tensor on the meta device, which holds no numbers: give one on the CPU"
        if said is not None:
            raise PoolingError(said)
        t = t.detach()
        if t.is_floating_point() and t.dtype not in (torch.float16, torch.float32, torch.float64):
            t = t.to(torch.float32)  # NumPy has no such type; exact
        return t.cpu().resolve_neg().numpy()
