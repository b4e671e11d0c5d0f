"""Any order statistic, any windows, any array library: windows are gathered and sorted a few million elements at a time."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...arrays.adapter import adapter_of, is_numpy
from ...arrays.ops import highest, where, zeros
from ...arrays.shape_ops import (
    as_like,
    axes_last,
    broadcast,
    cast,
    concatenated,
    contiguous,
    dtype_name,
    filled,
    floats,
    is_bool,
    is_floating,
    moved,
)
from ...errors import PoolingError
from ...order_statistics import Function, Order, Sorted
from ...order_statistics.masses import EXACT, ROUNDING
from ...order_statistics.row_ops import take_along
from ...plan import Grid
from . import function as orders_function
from .gathered import gathered, positions, table

CHUNK = 1 << 22  # elements that are gathered at once


def forward(
    x: Any, grid: Grid, order: Order, weights: Any = None, omit_nan: bool = False, empty: float | None = None
) -> Any:
    """The result; plain differentiable code in x's library."""
    parts = [piece_of(x, grid, order, weights, omit_nan, empty, piece) for piece in pieces_of(x, grid)]
    return joined(parts, x, grid, order, weights)


def joined(parts: list[Any], x: Any, grid: Grid, order: Order, weights: Any) -> Any:
    """Pieces (rows, windows[, answers]) as the result: axes in x's order, several answers first or last."""
    whole = parts[0] if len(parts) == 1 else _concatenate(parts, x, grid)
    many = order.answers()
    shape = [*_lead(x, grid), *grid.windows_shape] + ([many[0]] if many is not None else [])
    y = whole.reshape(shape)
    source = list(range(len(shape) - len(grid.pooled_dims) - (many is not None), len(shape) - (many is not None)))
    y = moved(y, source, grid.pooled_dims)
    if many is not None and many[1] == 0:
        y = moved(y, (-1,), (0,))
    del weights
    return contiguous(y)


def _concatenate(parts: list[Any], x: Any, grid: Grid) -> Any:
    """Pieces are cut by rows, then by windows."""
    windows, rows = _size(grid.windows_shape), []
    across: list[Any] = []
    for part in parts:
        across.append(part)
        if sum(int(p.shape[1]) for p in across) == windows:
            rows.append(concatenated(across, 1))
            across = []
    return concatenated(rows, 0)


def pieces_of(x: Any, grid: Grid) -> list[tuple[slice, slice]]:
    rows, windows = _size(_lead(x, grid)), _size(grid.windows_shape)
    wide = max(1, CHUNK // max(grid.max_length, 1))  # windows at once
    if windows <= wide:
        step, wide = max(1, wide // max(windows, 1)), max(windows, 1)
    else:
        step = 1
    made = [
        (slice(r, min(r + step, rows)), slice(w, min(w + wide, windows)))
        for r in range(0, rows, step)
        for w in range(0, windows, wide)
    ]
    return made or [(slice(0, rows), slice(0, windows))]


def piece_of(
    x: Any, grid: Grid, order: Order, weights: Any, omit_nan: bool, empty: float | None, piece: tuple[slice, slice]
) -> Any:
    """(rows, windows[, answers]) of one piece."""
    rows, windows = piece
    index, tap = table(grid, windows.start, windows.stop)
    given = dtype_name(x)
    z = axes_last(x, grid.shape, grid.pooled_dims)[rows]
    z = z if order.gathers else _wide(z)
    values, has, constant = gathered(z, index)
    if constant is not None:
        for k, fill in enumerate(grid.fills):
            here = index == -2 - k
            values = where(as_like(here, z, exact=True), filled(values, fill), values) if here.any() else values
    masses: Any = None
    rounding = rounding_of(weights)
    if weights is not None:
        full = broadcast(weights, grid.shape)
        w, _, _ = gathered(axes_last(full, grid.shape, grid.pooled_dims)[rows], index)
        if not is_bool(w):
            w = cast(w, "float64")
            masses = w if constant is None else where(constant, filled(w, 1.0), w)
        heard = w != 0 if constant is None else (w != 0) | constant
        has = heard if has is None else has & heard
    if tap is not None:
        spread = as_like(tap, z, exact=True)
        masses = (
            spread + zeros(values if is_floating(values) else cast(values, "float64"))
            if masses is None
            else masses * spread
        )
        has = (masses != 0) if has is None else has & (masses != 0)
    if omit_nan and is_floating(values):
        has = values == values if has is None else has & (values == values)
    if isinstance(order, Function):
        return orders_function.answers(order, values, has, masses, empty)
    nan_in = _any_nan(values, has) if is_floating(values) and not order.nan_is_largest and not omit_nan else None
    if nan_in is not None and getattr(masses, "requires_grad", False):
        values = where(nan_in[..., None], zeros(values), values)  # no mass learns by a NaN
    window, n = _sorted(values, has, masses, order, rounding)
    answer = finished(order, window, n)
    if order.gives == "position":
        answer = positions(answer, index)
    return answered(answer, window, n, nan_in, order, grid, given, empty, weights is not None or tap is not None)


def answered(
    y: Any,
    window: Sorted,
    n: Any,
    nan_in: Any,
    order: Order,
    grid: Grid,
    given: str,
    empty: float | None,
    weighed: bool,
) -> Any:
    """The element type, NaN where one spoils, and `empty` where there is no answer."""
    if order.gives == "position":
        return cast(_filled(y, order.undefined_for(n), order.empty if empty is None else empty, n), "int64")
    keeps = order.keeps_integers(not weighed and grid.odd)
    many = order.answers() is not None
    if "float" not in given and keeps:
        lacks = order.undefined_for(n)
        if 0 not in y.shape and (bool(lacks.any()) if hasattr(lacks, "any") else lacks):
            if empty is None:
                raise PoolingError(
                    f"a window holds too few elements for {order!r}, and nothing is no {given}: give empty="
                )
            y = _filled(y, lacks, empty, n)
        return cast(y, given)
    y = window.number(y) if "float" not in dtype_name(y) else y
    if nan_in is not None:
        y = where(nan_in[..., None] if many else nan_in, filled(y, float("nan")), y)
    y = _filled(y, order.undefined_for(n), order.empty if empty is None else empty, n)
    return cast(y, given) if "float" in given else y


def _filled(y: Any, lacks: Any, value: Any, n: Any) -> Any:
    """The answers, and `value` where there are none: everywhere or nowhere, by window as `n` is, or by answer."""
    if isinstance(lacks, (bool, np.bool_)):
        return filled(y, value) + zeros(y) if lacks else y
    if is_numpy(lacks):
        lacks = as_like(lacks, y, exact=True)
    by_window = 0 < lacks.ndim == getattr(n, "ndim", 0) == y.ndim - 1
    return where(lacks[..., None] if by_window else lacks, filled(y, value), y)


def finished(order: Order, window: Sorted, n: Any) -> Any:
    """What the order statistic says of its windows; no number is an error."""
    with np.errstate(all="ignore"):
        return order.finish(window, n)


def _sorted(values: Any, has: Any, masses: Any, order: Order, rounding: float) -> tuple[Sorted, Any]:
    adapter, places = adapter_of(values), int(values.shape[-1])
    present: Any = places
    if has is not None:
        values = where(has, values, filled(values, float("nan")) if is_floating(values) else highest(values))
        present = has.sum(-1)
    if is_bool(values):
        values = cast(values, "uint8")
    raw, ties = values, getattr(order, "ties", "first")
    if order.descending:
        values = adapter.flip(values)
        masses = masses if masses is None else adapter.flip(masses)
    stable = masses is not None or order.needs_positions
    learns = order.splits_ties and adapter.differentiates(values)
    found, index = adapter.sort(values, stable)
    if masses is not None:
        masses = (
            masses if has is None else where(has if not order.descending else adapter.flip(has), masses, zeros(masses))
        )
        masses = take_along(masses, index)
    if stable and has is not None:  # what is absent lies behind its equals too: behind 255 of bytes, behind infinities
        lacks = ~(adapter.flip(has) if order.descending else has)
        lacks = take_along(lacks, index)
        behind = adapter.argsort(lacks)
        found, index, masses = (v if v is None else take_along(v, behind) for v in (found, index, masses))
    if order.descending and index is not None:
        index = places - 1 - index
    window = Sorted(found, present, masses, index, raw if learns else None, has, ties, None, rounding)
    n = window.n()
    return window, n if isinstance(n, int) else floats(n)


def rounding_of(weights: Any) -> float:
    """How much each weight may be off, relative to it: half a unit in its last place."""
    return EXACT if weights is None else ROUNDING.get(dtype_name(weights), EXACT)


def _any_nan(values: Any, has: Any) -> Any:
    found = values != values
    found = found if has is None else found & has
    return found.any(-1)


def _wide(z: Any) -> Any:
    """Half types are sorted as float32."""
    return cast(z, "float32") if dtype_name(z) in ("float16", "bfloat16") else z


def _lead(x: Any, grid: Grid) -> list[int]:
    return [n for a, n in enumerate(grid.shape) if a not in grid.pooled_dims]


def _size(shape: Any) -> int:
    total = 1
    for n in shape:
        total *= int(n)
    return total
