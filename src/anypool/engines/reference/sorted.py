"""The reference for order statistics: windows are gathered and sorted, a few million elements at a
time."""

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
from . import function as function_reference
from .gathered import gathered, positions, table

CHUNK = 1 << 22  # elements that are gathered at once


def forward(
    x: Any, grid: Grid, order: Order, weights: Any = None, omit_nan: bool = False, empty: float | None = None
) -> Any:
    """The result, in differentiable functions of x's library."""
    parts = [piece_of(x, grid, order, weights, omit_nan, empty, piece) for piece in pieces_of(x, grid)]
    return assemble(parts, grid, order)


def assemble(parts: list[Any], grid: Grid, order: Order) -> Any:
    """Pieces (rows, windows[, answers]) as the result: axes in x's order, several answers first or
    last."""
    joined = parts[0] if len(parts) == 1 else _concatenate(parts, grid)
    answers = order.answers()
    shape = [*_outer_shape(grid), *grid.windows_shape] + ([answers[0]] if answers is not None else [])
    y = joined.reshape(shape)
    source = list(range(len(shape) - len(grid.pooled_dims) - (answers is not None), len(shape) - (answers is not None)))
    y = moved(y, source, grid.pooled_dims)
    if answers is not None and answers[1] == 0:
        y = moved(y, (-1,), (0,))
    return contiguous(y)


def _concatenate(parts: list[Any], grid: Grid) -> Any:
    """Concatenate pieces, which are cut by rows, then by windows."""
    windows = _size(grid.windows_shape)
    rows: list[Any] = []
    across: list[Any] = []
    for part in parts:
        across.append(part)
        if sum(int(p.shape[1]) for p in across) == windows:
            rows.append(concatenated(across, 1))
            across = []
    return concatenated(rows, 0)


def pieces_of(x: Any, grid: Grid) -> list[tuple[slice, slice]]:
    rows, windows = _size(_outer_shape(grid)), _size(grid.windows_shape)
    wide = max(1, CHUNK // max(grid.max_length, 1))  # windows at once
    if windows <= wide:
        step, wide = max(1, wide // max(windows, 1)), max(windows, 1)
    else:
        step = 1
    pieces = [
        (slice(r, min(r + step, rows)), slice(w, min(w + wide, windows)))
        for r in range(0, rows, step)
        for w in range(0, windows, wide)
    ]
    return pieces or [(slice(0, rows), slice(0, windows))]


def piece_of(
    x: Any, grid: Grid, order: Order, weights: Any, omit_nan: bool, empty: float | None, piece: tuple[slice, slice]
) -> Any:
    """(rows, windows[, answers]) of one piece."""
    rows, windows = piece
    index, tap = table(grid, windows.start, windows.stop)
    dtype = dtype_name(x)
    z = axes_last(x, grid.shape, grid.pooled_dims)[rows]
    z = z if order.gathers else _widen_half(z)
    values, is_present, constant = gathered(z, index)
    if constant is not None:
        for k, fill in enumerate(grid.fills):
            is_fill = index == -2 - k
            values = where(as_like(is_fill, z, exact=True), filled(values, fill), values) if is_fill.any() else values
    masses: Any = None
    rounding = rounding_of(weights)
    if weights is not None:
        full = broadcast(weights, grid.shape)
        w, _, _ = gathered(axes_last(full, grid.shape, grid.pooled_dims)[rows], index)
        if not is_bool(w):
            w = cast(w, "float64")
            masses = w if constant is None else where(constant, filled(w, 1.0), w)
        nonzero = w != 0 if constant is None else (w != 0) | constant
        is_present = nonzero if is_present is None else is_present & nonzero
    if tap is not None:
        tap_weights = as_like(tap, z, exact=True)
        masses = (
            tap_weights + zeros(values if is_floating(values) else cast(values, "float64"))
            if masses is None
            else masses * tap_weights
        )
        is_present = (masses != 0) if is_present is None else is_present & (masses != 0)
    if omit_nan and is_floating(values):
        is_present = values == values if is_present is None else is_present & (values == values)
    if isinstance(order, Function):
        return function_reference.call_on_windows(order, values, is_present, empty)
    nan_in = _any_nan(values, is_present) if is_floating(values) and not order.nan_is_largest and not omit_nan else None
    if nan_in is not None and getattr(masses, "requires_grad", False):
        values = where(nan_in[..., None], zeros(values), values)  # no mass has a gradient from a NaN
    window, n = _sort_windows(values, is_present, masses, order, rounding)
    answer = apply_finish(order, window, n)
    if order.gives == "position":
        answer = positions(answer, index)
    return finish_result(
        answer, window, n, nan_in, order, grid, dtype, empty, weights is not None or grid.has_real_weights
    )


def finish_result(
    y: Any,
    window: Sorted,
    n: Any,
    nan_in: Any,
    order: Order,
    grid: Grid,
    dtype: str,
    empty: float | None,
    is_weighted: bool,
) -> Any:
    """The result in its element type, with NaN where one decides, and `empty` where it is
    undefined."""
    if order.gives == "position":
        return cast(_fill_undefined(y, order.undefined_for(n), order.empty if empty is None else empty, n), "int64")
    keeps_type = order.keeps_integers(not is_weighted and grid.odd)
    has_answers = order.answers() is not None
    if "float" not in dtype and keeps_type:
        undefined = order.undefined_for(n)
        if 0 not in y.shape and (bool(undefined.any()) if hasattr(undefined, "any") else undefined):
            if empty is None:
                raise PoolingError(
                    f"a window holds too few elements for {order!r}, and {dtype} has no value for that: give empty="
                )
            y = _fill_undefined(y, undefined, empty, n)
        return cast(y, dtype)
    y = window.number(y) if "float" not in dtype_name(y) else y
    if nan_in is not None:
        y = where(nan_in[..., None] if has_answers else nan_in, filled(y, float("nan")), y)
    y = _fill_undefined(y, order.undefined_for(n), order.empty if empty is None else empty, n)
    return cast(y, dtype) if "float" in dtype else y


def _fill_undefined(y: Any, undefined: Any, value: Any, n: Any) -> Any:
    """The results with `value` where they are undefined: a scalar, by window as `n` is, or by
    answer."""
    if isinstance(undefined, (bool, np.bool_)):
        return filled(y, value) + zeros(y) if undefined else y
    if is_numpy(undefined):
        undefined = as_like(undefined, y, exact=True)
    by_window = 0 < undefined.ndim == getattr(n, "ndim", 0) == y.ndim - 1
    return where(undefined[..., None] if by_window else undefined, filled(y, value), y)


def apply_finish(order: Order, window: Sorted, n: Any) -> Any:
    """The order statistic's `finish`, without NumPy's warnings."""
    with np.errstate(all="ignore"):
        return order.finish(window, n)


def _sort_windows(values: Any, is_present: Any, masses: Any, order: Order, rounding: float) -> tuple[Sorted, Any]:
    adapter, length = adapter_of(values), int(values.shape[-1])
    present: Any = length
    if is_present is not None:
        values = where(is_present, values, filled(values, float("nan")) if is_floating(values) else highest(values))
        present = is_present.sum(-1)
    if is_bool(values):
        values = cast(values, "uint8")
    raw, ties = values, getattr(order, "ties", "first")
    if order.descending:
        values = adapter.flip(values)
        masses = masses if masses is None else adapter.flip(masses)
    stable = masses is not None or order.needs_positions
    needs_gradient = order.splits_ties and adapter.differentiates(values)
    ordered, index = adapter.sort(values, stable)
    if masses is not None:
        masses = (
            masses
            if is_present is None
            else where(is_present if not order.descending else adapter.flip(is_present), masses, zeros(masses))
        )
        masses = take_along(masses, index)
    if (
        stable and is_present is not None
    ):  # absent elements follow present ones with equal keys, such as 255 or infinity
        is_absent = ~(adapter.flip(is_present) if order.descending else is_present)
        is_absent = take_along(is_absent, index)
        present_first = adapter.argsort(is_absent)
        ordered, index, masses = (v if v is None else take_along(v, present_first) for v in (ordered, index, masses))
    if order.descending and index is not None:
        index = length - 1 - index
    window = Sorted(ordered, present, masses, index, raw if needs_gradient else None, is_present, ties, None, rounding)
    n = window.n()
    return window, n if isinstance(n, int) else floats(n)


def rounding_of(weights: Any) -> float:
    """The relative error of a weight: half a unit in its last place."""
    return EXACT if weights is None else ROUNDING.get(dtype_name(weights), EXACT)


def _any_nan(values: Any, is_present: Any) -> Any:
    is_nan = values != values
    is_nan = is_nan if is_present is None else is_nan & is_present
    return is_nan.any(-1)


def _widen_half(z: Any) -> Any:
    """Half types as float32, for sorting."""
    return cast(z, "float32") if dtype_name(z) in ("float16", "bfloat16") else z


def _outer_shape(grid: Grid) -> list[int]:
    return [n for a, n in enumerate(grid.shape) if a not in grid.pooled_dims]


def _size(shape: Any) -> int:
    total = 1
    for n in shape:
        total *= int(n)
    return total
