"""Words for rows of sorted elements, in either array library: their numbers, counts, and elements by number."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..arrays.ops import library, maximum, minimum


def ranks(values: Any) -> Any:
    """0, 1, 2 … along the last axis, as int64."""
    module = library(values)
    if module is np:
        return np.arange(values.shape[-1])
    return module.arange(values.shape[-1], dtype=module.int64, device=values.device)


def last(n: Any) -> Any:
    """A count per window, ready to meet values."""
    return n[..., None] if hasattr(n, "shape") and n.ndim else n


def floor(value: Any) -> Any:
    """The integer at or under, for numbers and arrays; integers pass."""
    if isinstance(value, (int, float)):
        return math.floor(value)
    if "float" not in str(value.dtype):
        return value
    return np.floor(value).astype(np.int64) if library(value) is np else value.floor().long()


def clip(index: Any, low: Any, high: Any) -> Any:
    """An index held between two ends; the low one wins."""
    if isinstance(index, int) and isinstance(high, int):
        return max(low, min(index, high))
    return maximum(minimum(index, high), low)


def take_along(values: Any, index: Any) -> Any:
    """values[…, index[…, j]], several of each window."""
    return np.take_along_axis(values, index, -1) if library(values) is np else values.gather(-1, index)


def take_last(values: Any, index: Any) -> Any:
    """values[…, index], one index for all windows or one each."""
    if isinstance(index, (int, np.integer)):
        return values[..., int(index)]
    if library(values) is np:
        index = np.broadcast_to(index, values.shape[:-1])
    else:
        index = index.expand(values.shape[:-1])
    return take_along(values, index[..., None])[..., 0]


def shifted(rows: Any, begin: Any) -> Any:
    """The rows moved by one element: `begin` comes first, the last element leaves."""
    pieces = [begin, rows[..., :-1]]
    return np.concatenate(pieces, -1) if library(rows) is np else library(rows).cat(pieces, -1)
