"""Functions of rows of sorted elements in each array library: ranks, counts, elements by index."""

from __future__ import annotations

import math
from numbers import Integral
from typing import Any

import numpy as np

from ..arrays.adapter import adapter_of
from ..arrays.ops import maximum, minimum
from ..arrays.shape_ops import broadcast, cast, is_floating


def ranks(values: Any) -> Any:
    """0, 1, 2 … along the last axis, as int64."""
    return adapter_of(values).asarray(np.arange(values.shape[-1]), values)


def last(n: Any) -> Any:
    """A count of each window, with a last axis so that it broadcasts with values."""
    return n[..., None] if hasattr(n, "shape") and n.ndim else n


def floor(value: Any) -> Any:
    """The largest integer that is not larger, for numbers and arrays; integers are returned
    unchanged."""
    if isinstance(value, (int, float)):
        return math.floor(value)
    return cast(adapter_of(value).maths.floor(value), "int64") if is_floating(value) else value


def clip(index: Any, low: Any, high: Any) -> Any:
    """An index clipped to [low, high]; low has priority."""
    if isinstance(index, int) and isinstance(high, int):
        return max(low, min(index, high))
    return maximum(minimum(index, high), low)


def take_along(values: Any, index: Any) -> Any:
    """values[…, index[…, j]]: several elements of each window."""
    return adapter_of(values).take_along(values, index)


def take_last(values: Any, index: Any) -> Any:
    """values[…, index], with one index for all windows or one for each."""
    if isinstance(index, Integral):
        return values[..., int(index)]
    return take_along(values, broadcast(index, values.shape[:-1])[..., None])[..., 0]


def shifted(rows: Any, begin: Any) -> Any:
    """The rows shifted by one element: `begin` comes first, the last element is dropped."""
    return adapter_of(rows).concatenate([begin, rows[..., :-1]], -1)
