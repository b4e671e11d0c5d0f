"""The reference for IndexedWindows: elements are gathered, a few million at a time, and pooled as
runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from ...arrays.adapter import adapter_of, is_numpy
from ...arrays.ops import where, zeros
from ...arrays.shape_ops import (
    as_like,
    axes_last,
    broadcast,
    cast,
    concatenated,
    contiguous,
    dtype_name,
    filled,
    is_bool,
    is_floating,
    moved,
    take_flat,
)
from ...order_statistics import Order
from ...plan import Axis, Grid, IndexedWindows, Ints
from . import gathered
from .log_weights import relative_weights

CHUNK = 1 << 24  # elements that are gathered at once
NOWHERE = -2  # `run`'s result for a window without a position, if `empty=` is not itself a position


def forward(
    x: Any,
    lists: IndexedWindows,
    reduction: Any,
    weights: Any,
    run: Callable[..., Any],
    log_weights: Any = None,
    omit_nan: bool = False,
) -> Any:
    """One reduction of every window; `run(z, grid, reduction, weights)` pools runs along the last
    axis of z. An element of log-weight a has the factor e^a in its weight, relative to that of its
    window."""
    flat = axes_last(x, lists.shape, lists.pooled_dims)
    full = None if weights is None else axes_last(broadcast(weights, lists.shape), lists.shape, lists.pooled_dims)
    logs = None if log_weights is None else axes_last(log_weights, lists.shape, lists.pooled_dims)
    factor = None if logs is None else partial(relative_weights, logs, omit_nan, isinstance(reduction, Order))
    sorts = isinstance(reduction, Order) and len(lists.lengths) > 1
    order = np.argsort(lists.counts, kind="stable") if sorts else None
    in_order = lists if order is None else lists.select(order)
    parts = [
        _part(flat, full, in_order, reduction, run, factor, *piece)
        for piece in pieces(in_order, int(flat.shape[0]), sorts)
    ]
    answers = getattr(reduction, "answers", lambda: None)()
    first = answers is not None and answers[1] == 0
    y = concatenated(parts, 1 + first)
    if order is not None:
        y = _restore_order(y, order, 1 + first)
    if first:
        y = moved(y, (0,), (-1,))
    lead = [n for a, n in enumerate(lists.shape) if a not in lists.pooled_dims]
    y = y.reshape(*lead, *lists.windows_shape, *([answers[0]] if answers is not None else []))
    source = range(len(lead), len(lead) + len(lists.windows_shape))
    y = moved(y, tuple(source), lists.result_dims)
    if first:
        y = moved(y, (-1,), (0,))
    return contiguous(y)


def pieces(lists: IndexedWindows, rows: int, by_length: bool = False) -> Iterator[tuple[int, int]]:
    """Ranges of windows with at most CHUNK elements, or of one window.

    `by_length`: the windows have ascending lengths, and in each range the longest is at most 1.5
    times as long as the shortest, since sorting costs the time of the longest.
    """
    total = np.concatenate([[0], np.cumsum(lists.counts * lists.points_per_element * max(rows, 1) + 1)])
    begin = 0
    while True:
        end = max(begin + 1, int(np.searchsorted(total, total[begin] + CHUNK, side="right")) - 1)
        end = min(end, lists.windows)
        if by_length and begin < end:
            most = int(lists.counts[begin]) * 3 // 2 + 4
            end = max(begin + 1, min(end, int(np.searchsorted(lists.counts, most, side="right"))))
        yield begin, end
        if end >= lists.windows:
            return
        begin = end


def _restore_order(y: Any, order: Ints, axis: int) -> Any:
    """Windows that were pooled in `order`, in their original order."""
    inverse = np.empty_like(order)
    inverse[order] = np.arange(len(order))
    return adapter_of(y).take(y, inverse, axis)


def elements(lists: IndexedWindows, begin: int, end: int, like: Any) -> tuple[Ints, Ints, Any]:
    """Windows [begin, end): offsets of their elements, and by (element, point) the flat positions
    and the taps."""
    window = slice(begin, end)
    counts = lists.counts[window]
    offsets = np.concatenate([[0], np.cumsum(counts)])
    owner = np.repeat(np.arange(len(counts)), counts)
    local: Ints = np.arange(int(offsets[-1])) - offsets[owner]
    index: Any = np.zeros((len(local), 1), np.int64)
    if lists.groups is not None:
        inner = max(lists.windows // max(len(lists.groups), 1), 1)
        index = index + lists.groups[np.arange(begin, end) // inner][owner][:, None]
    taps: Any = None
    sizes = [p.counts[row[window]][owner] for p, row in zip(lists.indices, lists.index_rows, strict=True)]
    for k, (p, row) in enumerate(zip(lists.indices, lists.index_rows, strict=True)):
        inner_count = np.ones(len(local), np.int64)
        for n in sizes[k + 1 :]:
            inner_count = inner_count * n
        index_on_axis = local // np.maximum(inner_count, 1) % np.maximum(sizes[k], 1)
        entry = (p.offsets[row[window]][owner] + index_on_axis * p.points_per_element)[:, None] + np.arange(
            p.points_per_element
        )
        at, left = p.index[entry][:, None, :], index[:, :, None]
        index = np.where((at < 0) | (left < 0), -1, left * p.size + at).reshape(
            len(local), index.shape[1] * p.points_per_element
        )
        if p.taps is not None:
            right = _take_taps(p.taps, entry, like)
            taps = right if taps is None else taps[:, :, None] * right[:, None, :]
        elif p.points_per_element == 1 and taps is not None:
            taps = taps[:, :, None]
        taps = None if taps is None else taps.reshape(len(local), index.shape[1])
    return offsets, index, taps


def _part(
    flat: Any,
    full: Any,
    lists: IndexedWindows,
    reduction: Any,
    run: Callable[..., Any],
    factor: Callable[..., Any] | None,
    begin: int,
    end: int,
) -> Any:
    offsets, index, taps = elements(lists, begin, end, flat)
    if taps is not None and not is_floating(flat):
        flat = cast(flat, "float64") if is_bool(flat) or lists.points_per_element > 1 else flat
    if taps is not None and is_floating(flat) and dtype_name(flat) not in ("float16", "bfloat16"):
        taps = cast(taps, dtype_name(flat))
    rows = int(flat.shape[0])
    z = _take_or_fill(flat, index, lists.fill)
    w = None if full is None else _take_or_fill(full, index, 1)
    if factor is not None:
        e = factor(z, w, index, taps, offsets)
        w = e if w is None else cast(w, dtype_name(e)) * e
    if lists.points_per_element > 1:
        z, w = _interpolate(z, w, taps)
        taps = None
    z = z.reshape(rows, len(index))
    w = None if w is None else w.reshape(rows, len(index))
    if taps is not None:
        taps = taps.reshape(1, -1)
        w = taps if w is None else cast(w, dtype_name(taps)) * taps
    axis = Axis(len(index), offsets[:-1], np.diff(offsets), 1, np.zeros(end - begin, np.int64), np.diff(offsets))
    y = run(z, Grid((rows, len(index)), (1,), (axis,), gathered=True), reduction, w)
    if getattr(reduction, "gives", "value") == "position":
        y = _positions(y, index, lists)
    return y


def _interpolate(z: Any, w: Any, taps: Any) -> tuple[Any, Any]:
    """Interpolated elements and weights; points of weight 0 are absent, and the others are
    renormalised."""
    dtype = dtype_name(z)
    z = cast(z, "float32") if dtype in ("float16", "bfloat16") else z
    taps = cast(taps, dtype_name(z))
    if w is None:
        return cast(_weighted_sum(z, taps), dtype), None
    w = cast(w, dtype_name(z))
    weights = w * taps
    total = weights.sum(-1)
    is_nonzero = total != 0
    value = _weighted_sum(z, weights) / where(is_nonzero, total, zeros(total) + 1)
    return cast(value, dtype), total


def _weighted_sum(z: Any, taps: Any) -> Any:
    """Σ tap·z; a tap of 0 hides any element."""
    return (where(taps != 0, z, zeros(z)) * taps).sum(-1)


def _take_or_fill(flat: Any, index: Ints, fill: float) -> Any:
    """(rows, elements, points) of flat, with the constant where the position is −1."""
    values, outside = gathered.elements(flat, np.maximum(index, 0)), index < 0
    if not outside.any():
        return values
    return where(as_like(outside, values, exact=True), filled(values, fill), values)


def _positions(y: Any, index: Ints, lists: IndexedWindows) -> Any:
    """Positions in the gathered runs as positions in the pooled axes, without the axis of
    groups."""
    table = index[:, 0]
    if lists.groups is not None:
        inside = 1
        for p in lists.indices:
            inside *= p.size
        table = np.where(table < 0, -1, table % max(inside, 1))
    table = np.concatenate([table, [NOWHERE, -1]])  # NOWHERE and −1 are unchanged
    return take_flat(table, y)


def _take_taps(taps: Any, entry: Ints, like: Any) -> Any:
    """The taps of these points; learned taps are an array of x's library."""
    return as_like(taps[entry], like, exact=True) if is_numpy(taps) else adapter_of(taps).take(taps, entry, 0)
