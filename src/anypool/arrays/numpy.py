"""The functions of NumPy arrays that a call needs."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import PoolingError
from . import buffer_pool
from .foreign import advice_for, unsupported_type
from .incoming import array_of, has_odd_bools
from .numpy_ops import ADAPTER
from .numpy_ops import address as address
from .weights import check_bounds

NAME = ADAPTER.NAME
dtype_name, wide, device, strides = ADAPTER.dtype_name, ADAPTER.wide, ADAPTER.device, ADAPTER.strides
DTYPES = frozenset("bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 bfloat16".split())

TYPES = {name: np.dtype(name) for name in DTYPES - {"bfloat16"}}  # bfloat16 belongs to another package


def array(x: Any) -> Any:
    """x in the form that the engines read; a copy only if necessary. Raises PoolingError for other
    types."""
    x = array_of(x, "x")
    if x.dtype.name not in DTYPES:
        raise unsupported_type("x", x.dtype, DTYPES, advice_for(x.dtype))
    return x


def instead(x: Any) -> Any:
    """None: NumPy supports every element type."""
    return None


def plain(x: Any) -> bool:
    """True: the core may read NumPy arrays."""
    return True


def compiling(out: Any) -> bool:
    """False: no tool records calls with NumPy arrays."""
    return False


def key(x: Any, call: tuple[Any, ...], weights: Any = None) -> Any:
    """The key of the call in the call cache: everything but the data. None for calls that are not
    cached."""
    if type(x) is not np.ndarray or not x.dtype.isnative:
        return None
    if weights is None:
        return (x.shape, x.strides, x.dtype, call)
    if type(weights) is not np.ndarray or not weights.dtype.isnative:
        return None
    return (x.shape, x.strides, x.dtype, call, weights.shape, weights.strides, weights.dtype)


def as_weights(weights: Any, x: Any, name: str = "weights") -> Any:
    """Weights as an array of real numbers or a mask, in the form that the engines read."""
    if getattr(weights, "requires_grad", False):
        raise PoolingError(f"{name} learn and x is a NumPy array: give x as a tensor too, or {name}.detach()")
    weights = array_of(weights, name)
    if weights.dtype.kind not in "biuf" and weights.dtype.name != "bfloat16":
        raise PoolingError(f"{name} of dtype {weights.dtype}: use bool (a mask) or real numbers")
    return weights


def check_weights(weights: Any, reduction: Any) -> None:
    """Raise PoolingError unless the weights are finite, and nonnegative if the reduction needs
    it."""
    if weights.dtype.kind in "fi" and weights.size:
        check_bounds(weights.min(), weights.max(), reduction)


def transformed() -> bool:
    """False: NumPy transforms no functions."""
    return False


def readable(x: Any) -> bool:
    """Whether the core can read x without a copy: aligned elements, bools of 0 and 1."""
    return not address(x) % x.itemsize and (x.dtype.kind != "b" or not has_odd_bools(x))


def destination(out: Any, x: Any, shape: Any, dtype: str, order: Any, back: Any) -> tuple[Any, Any]:
    """Memory of `shape` with axes in `order`, and the result as its view in x's order; `out` is
    used if it fits."""
    if isinstance(out, np.ndarray) and out.ndim == x.ndim and out.flags.writeable:
        memory_of: Any = out.transpose(order)
        fits = memory_of.shape == tuple(shape) and out.dtype.name == dtype and out.dtype.isnative and out.flags.aligned
        if fits and memory_of.flags.c_contiguous and not np.may_share_memory(out, x):
            return memory_of, out
    y = buffer_pool.empty(shape, TYPES.get(dtype, x.dtype))
    return y, y.transpose(back)


def in_layout(y: Any, x: Any) -> Any:
    """y; a NumPy result has no memory format."""
    return y


def fill_where(y: Any, value: Any, where: Any) -> None:
    """Write a value into y where a mask is true."""
    np.copyto(y, value, where=where)


def apart(results: tuple[Any, ...], x: Any) -> tuple[Any, ...]:
    """Results in memory that is not x's."""
    return tuple(y.copy() if np.may_share_memory(y, x) else y for y in results)


def into(out: Any, results: Any) -> tuple[Any, ...]:
    """The one result, written to `out`."""
    if len(results) != 1:
        raise PoolingError("out= takes one reduction; call once for each")
    y = results[0]
    if isinstance(out, np.ma.MaskedArray):
        raise PoolingError("out is a numpy.ma array, whose mask a result would not meet: pass out.data")
    native = isinstance(out, np.ndarray) and out.dtype == y.dtype.newbyteorder(out.dtype.byteorder)
    if not native or out.shape != y.shape:
        actual = f"{out.shape} {out.dtype}" if isinstance(out, np.ndarray) else type(out).__name__
        raise PoolingError(f"out must be a NumPy array of shape {y.shape} and dtype {y.dtype}, not {actual}")
    if out is not y:
        if not out.flags.writeable:
            raise PoolingError("out is read-only: give an array that may be written")
        np.copyto(out, y)
    return (out,)
