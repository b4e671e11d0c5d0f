"""Logarithms of weights: their valid values, their extremes, and the weights e^a."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Any, NamedTuple

import numpy as np

from ..errors import PoolingError
from . import buffer_pool
from .adapter import adapter_of
from .foreign import is_fake
from .ops import exp, greatest, smallest, where, zeros
from .shape_ops import cast, dtype_name, is_bool, is_floating, take

# The logarithms of a row may differ by so much that each weight, its square and its inverse square
# are normal numbers.
SPREAD = {"float32": 40.0, "float64": 340.0}
GREATEST = 709.0  # e^a is a finite float64 up to here
SMALLEST = {"float32": 87.0, "float64": 708.0}  # e^-a is a normal number up to here
TINY = {"float32": 2.0**-126, "float64": 2.0**-1022}  # the smallest normal number
LEAST = {"float32": 2.0**-126, "float64": 2.0**-490}  # smaller weights become 0, or this number


def weight_type(dtype: str) -> str:
    """The element type of the weights e^a for an x of this type."""
    return "float32" if dtype in ("float16", "bfloat16", "float32") else "float64"


def readable(a: Any) -> bool:
    """Whether the values may be read: no transform maps over them, and they are not fake."""
    return adapter_of(a).concrete() and not getattr(a, "is_meta", False) and not is_fake(a)


def as_floats(a: Any, rank: int) -> Any:
    """Log-weights as float32 or float64 with `rank` axes. Integers become float64."""
    if is_bool(a):
        raise PoolingError("log_weights of dtype bool: give a mask as weights=")
    dtype = dtype_name(a)
    a = cast(a, "float32" if dtype in ("float16", "bfloat16") else dtype if is_floating(a) else "float64")
    return a.reshape((1,) * (rank - a.ndim) + tuple(a.shape))


class Extremes(NamedTuple):
    """The extremes of log-weights."""

    top: Any  # the greatest value of each row, in its axes length 1; 0 if no value is finite
    most: float  # the greatest of all values
    least: float  # the least finite value, inf if there is none
    spread: float  # the greatest distance of finite values of one row, −inf if there are none
    has_absent: bool  # some value is −inf


def extremes(a: Any, dims: Sequence[int]) -> Extremes:
    """The extremes of a; a row has one position on the axes that are not in `dims`.

    Raises PoolingError for NaN and +inf.
    """
    adapter = adapter_of(a)
    a = adapter.stop(a)
    if 0 in tuple(a.shape):
        return Extremes(adapter.full((1,) * a.ndim, 0, dtype_name(a), a), -inf, inf, -inf, False)
    high, low = _of_rows(greatest, a, dims), _of_rows(smallest, a, dims)
    most, least = float(greatest(high)), float(smallest(low))
    if not most < inf:
        raise PoolingError(
            "log_weights hold a NaN or +infinity: use finite numbers, -infinity for what shall not count"
        )
    has_absent = least == -inf
    if has_absent:
        low = _of_rows(smallest, where(a == -inf, zeros(a) + inf, a), dims)
        least = float(smallest(low))
    with np.errstate(invalid="ignore"):
        spread = float(greatest(high - low)) if least < inf else -inf
    return Extremes(where(high > -inf, high, zeros(high)), most, least, spread, has_absent)


def row_maxima(a: Any, dims: Sequence[int]) -> Any:
    """The greatest value of each row, 0 if it is −inf; nothing is checked."""
    high = _of_rows(greatest, adapter_of(a).stop(a), dims)
    return where(high > -inf, high, zeros(high))


def _of_rows(function: Any, a: Any, dims: Sequence[int]) -> Any:
    """The extremes along these axes, which stay with length 1."""
    shape = tuple(1 if d in dims else n for d, n in enumerate(a.shape))
    adapter, first = adapter_of(a), min(dims)
    if len(dims) > 1 and sorted(dims) == list(range(first, first + len(dims))) and adapter.NAME in ("numpy", "torch"):
        strides, sizes = adapter.strides(a), tuple(a.shape)
        if all(strides[d] == strides[d + 1] * sizes[d + 1] for d in sorted(dims)[:-1]):  # one axis: a view, and fast
            a = a.reshape((*sizes[:first], -1, *sizes[first + len(dims) :]))
            return function(a, first).reshape(shape)
    for d in sorted(dims, reverse=True):
        a = function(a, d)
    return a.reshape(shape)


def exponentials(a: Any, shift: Any, dtype: str, keep: Any = None, floor: float | None = None) -> Any:
    """e^(a − shift) in this type; 0 where a is −inf.

    keep: None if no weight of a finite a is too small for the type. Else a mask, or True: smaller
    weights are `floor` (`LEAST`) there, so that their elements stay present, and 0 elsewhere.
    """
    adapter, own = adapter_of(a), dtype_name(a)
    a = a if own in (dtype, "float64") else cast(a, dtype)  # the difference has the more exact type
    shift = cast(shift, dtype_name(a)) if hasattr(shift, "shape") else shift
    memory = adapter.view(a) if keep is None and not adapter.differentiates(a) else None
    if memory is not None:
        subtrahend: Any = adapter.view(shift) if hasattr(shift, "shape") else shift
        e: Any = buffer_pool.empty(np.broadcast_shapes(memory.shape, np.shape(subtrahend)), np.dtype(dtype))
        np.exp(np.subtract(memory, subtrahend, out=e, casting="same_kind"), out=e)
        return adapter.asarray(e, a)
    finite = a > -inf
    e = exp(cast(where(finite, a - shift, zeros(a)), dtype))  # a gradient of 0 where a is −inf
    e = where(finite, e, zeros(e))
    if keep is None:
        return e
    bound = LEAST[dtype] if floor is None else floor
    least = zeros(e) + bound
    small = zeros(e) if keep is False else least if keep is True else where(keep, least, zeros(e))
    return where(e >= bound, e, where(finite, small, zeros(small)))


def at_owners(maxima: Any, owner: Any) -> Any:
    """(rows, windows) as (rows, positions): the value of the window that contains each position."""
    return take(maxima, np.maximum(owner, 0), 1)
