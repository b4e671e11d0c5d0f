"""The functions of tensors that a call needs."""

from __future__ import annotations

from typing import Any

import torch

from .foreign import unsupported_type
from .torch_dtypes import DTYPES, TYPES
from .torch_dtypes import dtype_name as dtype_name
from .torch_incoming import UNSIGNED, bool_count, ordinary, read_address, tensor
from .torch_incoming import as_weights as as_weights
from .torch_incoming import check_weights as check_weights
from .torch_incoming import transformed as transformed
from .torch_memory import empty, like_layout
from .torch_memory import into as into
from .torch_ops import ADAPTER
from .torch_results import writable
from .torch_unsigned import pooled

NAME = ADAPTER.NAME
wide, device, strides, address = ADAPTER.wide, ADAPTER.device, ADAPTER.strides, ADAPTER.address
tracing_state: Any = getattr(torch._C, "_get_tracing_state")  # noqa: B009  (not in torch's stubs)
is_compiling = torch.compiler.is_compiling


def array(x: Any) -> Any:
    """x in the form that the engines read; a copy only if necessary. Raises PoolingError for other
    types."""
    x = tensor(x, "x")
    if dtype_name(x) not in DTYPES:
        advice = "; pass x.to(torch.float32)" if x.is_floating_point() else ""
        raise unsupported_type("x", x.dtype, DTYPES, advice)
    return x


def instead(x: Any) -> Any:
    """The function that pools element types with few operations in torch; None for all others."""
    if x.dtype not in UNSIGNED:
        return None
    return pooled


def plain(x: Any) -> bool:
    """Whether x is an ordinary tensor on the CPU, and torch need not record each step."""
    return ordinary(x) and x.is_cpu and not transformed()


def compiling(out: Any) -> bool:
    """Whether a tool records the call: torch.jit.trace; or torch.compile, if there is no `out`."""
    return tracing_state() is not None or (out is None and is_compiling())


def key(x: Any, call: tuple[Any, ...], weights: Any = None) -> Any:
    """The key of the call in the call cache: everything but the data. None for calls that are not
    cached."""
    if not plain(x):
        return None
    try:
        grad = torch.is_grad_enabled()
        own = (x.shape, x.stride(), x.dtype, x.requires_grad and grad, call)
        if weights is None:
            return own
        if not ordinary(weights) or not weights.is_cpu or weights.layout is not torch.strided:
            return None
        return (*own, weights.shape, weights.stride(), weights.dtype, weights.requires_grad and grad)
    except RuntimeError:  # sparse and nested tensors have no strides
        return None


def readable(x: Any) -> bool:
    """Whether the core can read x without a copy: aligned elements, bools of 0 and 1."""
    return read_address(x, x.element_size(), bool_count(x)) != 0


def destination(out: Any, x: Any, shape: Any, dtype: str, order: Any, back: Any) -> tuple[Any, Any]:
    """Memory of `shape` with axes in `order`, and the result as its view in x's order."""
    y = empty(shape, TYPES[dtype])
    return y, y.permute(back)


def in_layout(y: Any, x: Any) -> Any:
    """y in the memory format of x."""
    return like_layout(y, x)


def fill_where(y: Any, value: Any, where: Any) -> None:
    """Write a value into y where a mask is true."""
    y.masked_fill_(where, value)


def apart(results: tuple[Any, ...], x: Any) -> tuple[Any, ...]:
    """Results that may be written to without a change of x or of a gradient."""
    return tuple(writable(y, x) for y in results)
