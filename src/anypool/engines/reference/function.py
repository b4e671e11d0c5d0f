"""A plain function of gathered windows: those of one count of elements are called together, absent elements left out."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...arrays.adapter import adapter_of
from ...arrays.shape_ops import concatenated, dtype_name
from ...constants import fitted
from ...errors import PoolingError
from ...order_statistics.function import Function
from ...order_statistics.row_ops import take_along


def answers(order: Function, values: Any, has: Any, masses: Any, empty: float | None) -> Any:
    """(rows, windows) of values (rows, windows, places); has: which are there, None for all."""
    if masses is not None and not bool(((masses == 0) | (masses == 1)).all()):
        raise PoolingError(
            f"{order!r} knows no weights, and neither windows that weigh elements: pass a mask, such as weights != 0"
        )
    adapter, places = adapter_of(values), int(values.shape[-1])
    lead, flat = tuple(values.shape[:-1]), values.reshape(-1, places)
    counts = np.full(len(flat), places) if has is None else _counted(has.reshape(-1, places), order)
    if has is not None:
        flat = take_along(flat, adapter.argsort(~has.reshape(-1, places)))
    parts: list[Any] = []
    index: list[Any] = []
    for n in np.unique(counts[counts > 0]):
        here = np.flatnonzero(counts == n)
        alike = flat if len(here) == len(counts) else adapter.take(flat, here, 0)
        parts.append(order.of(alike[:, : int(n)]))
        index.append(here)
    none = np.flatnonzero(counts == 0)
    if empty is not None and parts:  # its type is known now, not before
        empty = fitted(empty, dtype_name(parts[0]), f"empty={empty} of {order!r}")
    if len(none) or not parts:
        parts.append(_nothing(order, len(none), parts[0] if parts else flat, empty))
        index.append(none)
    if len(parts) == 1:
        return parts[0].reshape(lead)
    back = np.argsort(np.concatenate(index))
    return adapter_of(parts[0]).take(concatenated(parts, 0), back, 0).reshape(lead)


def _counted(has: Any, order: Function) -> Any:
    """How many elements each window holds, where Python sees it."""
    counts = has.sum(-1)
    try:
        return adapter_of(has).numbers(counts)
    except RuntimeError:
        raise PoolingError(
            f"{order!r} of masked windows inside torch.func: how many elements there are is not known; pool outside"
        ) from None


def _nothing(order: Function, many: int, like: Any, empty: float | None) -> Any:
    """The answers of windows that hold nothing, of the type of the others."""
    if many and empty is None and "float" not in dtype_name(like):
        raise PoolingError(
            f"a window holds no element for {order!r}, and nothing is no {dtype_name(like)}: give empty="
        )
    value: Any = float("nan") if empty is None and many else 0 if empty is None else empty
    return adapter_of(like).full((many,), value, dtype_name(like), like)
