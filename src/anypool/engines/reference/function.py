"""Plain functions of gathered windows: all windows with the same number of elements are one
call."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...arrays.adapter import adapter_of
from ...arrays.shape_ops import concatenated, dtype_name
from ...constants import fitted
from ...errors import PoolingError
from ...order_statistics.function import Function
from ...order_statistics.row_ops import take_along


def call_on_windows(order: Function, values: Any, is_present: Any, empty: float | None) -> Any:
    """(rows, windows) of values (rows, windows, max_length). is_present: a mask of the values, None
    for all."""
    adapter, length = adapter_of(values), int(values.shape[-1])
    lead, flat = tuple(values.shape[:-1]), values.reshape(-1, length)
    counts = np.full(len(flat), length) if is_present is None else _count_present(is_present.reshape(-1, length), order)
    if is_present is not None:
        flat = take_along(flat, adapter.argsort(~is_present.reshape(-1, length)))
    parts: list[Any] = []
    index: list[Any] = []
    for n in np.unique(counts[counts > 0]):
        windows_of_n = np.flatnonzero(counts == n)
        same_length = flat if len(windows_of_n) == len(counts) else adapter.take(flat, windows_of_n, 0)
        parts.append(order.of(same_length[:, : int(n)]))
        index.append(windows_of_n)
    empty_windows = np.flatnonzero(counts == 0)
    like = parts[0] if parts else flat  # the type of the result is known only now
    if empty is not None:
        empty = fitted(empty, dtype_name(like), f"empty={empty} of {order!r}")
    if len(empty_windows) or not parts:
        parts.append(_values_of_empty(order, len(empty_windows), like, empty))
        index.append(empty_windows)
    if len(parts) == 1:
        return parts[0].reshape(lead)
    inverse = np.argsort(np.concatenate(index))
    return adapter_of(parts[0]).take(concatenated(parts, 0), inverse, 0).reshape(lead)


def _count_present(is_present: Any, order: Function) -> Any:
    """The number of present elements of each window; PoolingError if the values are traced."""
    counts = is_present.sum(-1)
    try:
        return adapter_of(is_present).numbers(counts)
    except RuntimeError:
        raise PoolingError(
            f"{order!r} of masked windows inside torch.func: how many elements there are is not known; pool outside"
        ) from None


def _values_of_empty(order: Function, count: int, like: Any, empty: float | None) -> Any:
    """The results of empty windows, in the type of the other results."""
    if count and empty is None and "float" not in dtype_name(like):
        raise PoolingError(
            f"a window holds no element for {order!r}, and {dtype_name(like)} has no value for that: give empty="
        )
    value: Any = empty if empty is not None else float("nan") if count else 0
    return adapter_of(like).full((count,), value, dtype_name(like), like)
