"""Log-weights relative to the maximum of each window: windows are gathered, a few million elements
at a time."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

import numpy as np

from ..arrays.ops import where
from ..arrays.shape_ops import axes_last, broadcast, concatenated, filled, moved
from ..order_statistics import Order
from ..plan import AxisIndices, Grid, GridConcat, IndexedWindows, Ints, Job, SparseGroups
from ..reductions import Max
from . import concat, execute
from .indexed.relayout import split_bins
from .large.compacted import window_tables
from .plan import CallContext
from .reference.engines import pool_indexed
from .reference.gathered import table
from .reference.inputs import with_border
from .reference.positions import real_position
from .sparse_groups import scatter_groups

CHUNK = 1 << 22  # elements that are gathered at once


def pool(
    arrays: Any, x: Any, plan: Any, reduction: Any, weights: Any, log_weights: Any, options: dict[str, Any]
) -> Any:
    """The reduction of each window with the weights w·e^(a − m), m the greatest a of the window's
    present elements.

    options: omit_nan, empty, backend.
    """
    if isinstance(plan, GridConcat):
        parts = [pool(arrays, x, grid, reduction, weights, log_weights, options) for grid in plan.grids]
        return concat.concatenate(parts, plan, reduction)
    if isinstance(plan, SparseGroups):
        y = pool(arrays, x, plan.nonempty, reduction, weights, log_weights, options)
        return scatter_groups(y, plan, reduction)
    shape = tuple(x.shape)
    log_weights = broadcast(log_weights, shape)
    weights = None if weights is None else broadcast(weights, shape)
    if isinstance(plan, IndexedWindows):
        if plan.split is not None:
            x, weights, log_weights = (split_bins(v, plan.split) for v in (x, weights, log_weights))
        return _pool_lists(arrays, x, plan, reduction, weights, log_weights, options)
    return _pool_grid(arrays, x, plan, reduction, weights, log_weights, options)


def _pool_lists(
    arrays: Any, x: Any, lists: IndexedWindows, reduction: Any, weights: Any, log_weights: Any, options: dict[str, Any]
) -> Any:
    call = CallContext(arrays, partial(execute.pool, arrays, backend=options["backend"]), options["backend"])
    facts = None if weights is None else (tuple(weights.shape), arrays.dtype_name(weights))
    about = (arrays.dtype_name(x), arrays.NAME, arrays.device(x), facts, options["omit_nan"], options["empty"])
    return pool_indexed(call, Job(lists, reduction, *about), x, weights, log_weights)


def _pool_grid(
    arrays: Any, x: Any, grid: Grid, reduction: Any, weights: Any, log_weights: Any, options: dict[str, Any]
) -> Any:
    """The windows of a Grid as lists of positions, after its border became part of the arrays."""
    rank = len(grid.pooled_dims)
    lead = [n for a, n in enumerate(grid.shape) if a not in grid.pooled_dims]
    x, log_weights = with_border(x, grid, grid.fill), with_border(log_weights, grid, 0.0)
    weights = None if weights is None else with_border(weights, grid, 1.0)
    inside = replace(grid, axes=tuple(replace(a, size=a.extent, source=None) for a in grid.axes))
    shape = list(grid.shape)
    for axis, dim in zip(inside.axes, grid.pooled_dims, strict=True):
        shape[dim] = axis.size
    x, weights, log_weights = (
        None if v is None else axes_last(v, shape, grid.pooled_dims) for v in (x, weights, log_weights)
    )
    windows = int(np.prod(grid.windows_shape, dtype=np.int64))
    step = max(1, CHUNK // max(grid.max_length * int(x.shape[0]), 1))
    parts: list[Any] = []
    for begin in range(0, max(windows, 1), step):
        lists = _lists(inside, (int(x.shape[0]), int(x.shape[1])), begin, min(begin + step, windows))
        parts.append(_pool_lists(arrays, x, lists, reduction, weights, log_weights, options))
    answers = reduction.answers() if isinstance(reduction, Order) else None
    first = answers is not None and answers[1] == 0
    y = concatenated(parts, 1 + first)
    if getattr(reduction, "gives", "value") == "position":
        y = _real_positions(y, grid, options["empty"])
    more = [] if answers is None else [answers[0]]
    y = y.reshape([*(more if first else []), *lead, *grid.windows_shape, *([] if first else more)])
    source = range(first + len(lead), first + len(lead) + rank)
    return moved(y, tuple(source), tuple(d + first for d in grid.pooled_dims))


def _real_positions(y: Any, grid: Grid, empty: Any) -> Any:
    """Positions in the arrays with border as positions in x; `empty` stays where it replaces a
    position."""
    real = real_position(y, grid)
    return real if empty is None or empty >= 0 else where(y == int(empty), filled(y, empty), real)


def _lists(grid: Grid, shape: tuple[int, int], begin: int, end: int) -> IndexedWindows:
    """Windows [begin, end) of a Grid without border, as lists of positions of (rows, positions)."""
    index, taps = table(grid, begin, end) if end > begin else (np.zeros((0, 1), np.int64), None)
    there = index >= 0 if taps is None else (index >= 0) & (taps != 0)
    offsets = np.concatenate([[0], np.cumsum(there.sum(1))]).astype(np.int64)
    entries = AxisIndices(shape[1], end - begin, offsets, index[there], None if taps is None else taps[there])
    return IndexedWindows(shape, (1,), (entries,), (end - begin,), (1,))


@lru_cache(maxsize=32)
def owner_of(plan: Any) -> Ints | None:
    """The flat window of each flat position of the pooled axes, −1 for none; None if windows share
    elements."""
    if isinstance(plan, SparseGroups):
        plan = plan.nonempty
    if isinstance(plan, IndexedWindows):
        return plan.group_ids
    if not isinstance(plan, Grid):
        return None
    tables = window_tables(plan)
    if tables is None:
        return None
    flat: Any = np.zeros((1,) * len(plan.axes), np.int64)
    for k, (axis, window) in enumerate(zip(plan.axes, tables, strict=True)):
        on_axis = window.reshape([-1 if j == k else 1 for j in range(len(plan.axes))])
        flat = np.where((flat < 0) | (on_axis < 0), -1, flat * axis.out + on_axis)
    return np.ascontiguousarray(np.broadcast_to(flat, [a.size for a in plan.axes])).reshape(-1)


def window_maxima(arrays: Any, plan: Any, a: Any) -> Any:
    """The greatest a of each window that shares no element with another, as (rows, windows)."""
    plan = plan.nonempty if isinstance(plan, SparseGroups) else plan
    shape = tuple(a.shape)
    here = replace(plan, shape=shape)
    y = arrays.run(a, here, (Max(),))[0]
    dims = here.result_dims if isinstance(here, IndexedWindows) else here.pooled_dims
    return axes_last(y, here.out_shape, dims)
