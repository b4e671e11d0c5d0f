"""The reference for folds: any reduction, any windows, any array library; the gradient gathers from
each element's windows."""

from __future__ import annotations

import itertools
import math
from typing import Any
from typing import cast as typing_cast

import numpy as np

from ...arrays.adapter import adapter_of
from ...arrays.ops import where, zeros
from ...arrays.shape_ops import accumulator, as_like, broadcast, cast, dtype_name, result_of, take
from ...plan import Grid, Ints, Job
from ...reductions import State
from . import pieces
from .divisors import divisor_of, fill_empty, total_weight
from .fold_strategies import fold_by_doubling, fold_by_position, fold_with_edge_weights
from .inputs import weights_of, with_border
from .positions import index_in_window, positions_of, real_position
from .states import answer_of

name = "reference"
MOST = 2**32  # the maximum number of elements of x


def refuses(job: Job) -> str | None:
    """None: the reference computes every job."""
    return None


def forward(
    x: Any, grid: Grid, reduction: Any, weights: Any = None, omit_nan: bool = False, empty: float | None = None
) -> tuple[Any, State]:
    """The result and the state that the gradient needs besides x and y, in differentiable functions
    of x's library."""
    acc = accumulator(x, reduction)
    if _needs_pieces(x, grid, reduction, weights):
        state, totals = pieces.fold(x, grid, reduction, weights, omit_nan, acc)
        z = cast(x[(slice(0, 1),) * x.ndim], acc)
        return _finish(x, z, grid, reduction, state, totals, acc, weights is not None or omit_nan, empty)
    if math.prod(x.shape) >= MOST:
        raise MemoryError(f"the reference reads all of x at once: {math.prod(x.shape):,} elements")
    z = with_border(cast(x, acc), grid, grid.fill)
    w, is_present = weights_of(z, weights, grid, reduction, omit_nan)
    at = positions_of(z, grid)
    if not grid.weighted and callable(getattr(reduction, "merge", None)):
        state, totals = fold_by_doubling(z, w, is_present, at, grid, reduction)
    elif grid.taps is None and is_present is None and getattr(reduction, "linear", False):
        state, totals = fold_with_edge_weights(z, at, grid, reduction)
    else:
        state, totals = fold_by_position(z, w, is_present, at, grid, reduction)
    return _finish(x, z, grid, reduction, state, totals, acc, weights is not None or omit_nan or grid.weighted, empty)


def _needs_pieces(x: Any, grid: Grid, reduction: Any, weights: Any) -> bool:
    """Whether the states of all elements would be too large, and no library differentiates each
    step."""
    if math.prod(x.shape) <= pieces.LARGE or grid.weighted or not callable(getattr(reduction, "merge", None)):
        return False
    return not adapter_of(x).differentiates(x, weights, *getattr(reduction, "parameters", {}).values())


def _finish(
    x: Any,
    z: Any,
    grid: Grid,
    reduction: Any,
    state: State,
    totals: Any,
    acc: str,
    is_counted: bool,
    empty: float | None,
) -> tuple[Any, State]:
    n, present = divisor_of(z, totals, grid, is_counted)
    with np.errstate(all="ignore"):
        y = answer_of(reduction.finish(state, n), reduction, grid.out_shape)
        saves = callable(getattr(reduction, "save_for_backward", None))
        arrays: Any = reduction.save_for_backward(state) if saves else ()
    saved = typing_cast("State", arrays) if isinstance(arrays, tuple) else (arrays,)
    if getattr(reduction, "selects", False):
        saved = tuple(index_in_window(k, grid) for k in saved)
    if getattr(reduction, "gives", "value") == "position":
        y = real_position(y, grid)
    y = fill_empty(y, present, reduction, empty)
    return result_of(y, x, reduction), saved


def backward(
    g: Any, x: Any, y: Any, saved: State, grid: Grid, reduction: Any, weights: Any = None, omit_nan: bool = False
) -> Any:
    """The gradient of x: each element gathers from its windows in a fixed order, without scatter or
    atomic operations."""
    acc = accumulator(x, reduction)
    xa, ga, ya = cast(x, acc), cast(g, acc), cast(y, acc)
    w, is_present = weights_of(xa, weights, grid, reduction, omit_nan, bordered=False)
    is_counted = weights is not None or omit_nan or grid.weighted
    n = (
        total_weight(xa, weights, grid, reduction, omit_nan)
        if is_counted and grid.divisor == "present"
        else as_like(grid.along(grid.counts), xa)
    )
    tables = [a.holders for a in grid.axes]
    taps = None if grid.taps is None else grid.tap_weights()
    total = zeros(xa)
    with np.errstate(all="ignore"):
        for slots in itertools.product(*(range(t[0].shape[1]) for t in tables)):
            gathered: list[Any] = [ga, ya, broadcast(n, ya.shape), *saved]
            tap: list[Ints] = []
            valid: Any = None
            index: Any = 0
            edge_weight: Any = np.ones(1)
            for k, (slot, (windows, indices), axis, a) in enumerate(
                zip(slots, tables, grid.axes, grid.pooled_dims, strict=True)
            ):
                o = np.maximum(windows[:, slot], 0)
                gathered = [take(v, o, a) for v in gathered]
                shape = [1] * len(grid.shape)
                shape[a] = axis.size
                on_axis = (windows[:, slot] >= 0).reshape(shape)
                valid = on_axis if valid is None else valid & on_axis
                index = index * axis.max_length + np.maximum(indices[:, slot], 0).reshape(shape)
                if axis.edge_weights is not None:
                    edge_weight = edge_weight * axis.weights_at(o, np.maximum(indices[:, slot], 0)).reshape(shape)
                if taps is not None:
                    along = [1] * len(slots)
                    along[k] = axis.size
                    place = np.maximum(indices[:, slot], 0) + axis.absent_before[o]
                    tap.append(np.minimum(place, taps.shape[k] - 1).reshape(along))  # of no window: any place
            weight = w
            if taps is not None:
                value = taps[tuple(tap)]
                shape = [1] * len(grid.shape)
                for a, axis in zip(grid.pooled_dims, grid.axes, strict=True):
                    shape[a] = axis.size
                weight = w * as_like(value.reshape(shape), xa)
                valid = valid & (value.reshape(shape) != 0)
            elif grid.weighted:
                weight = w * as_like(edge_weight, xa)
            local = tuple(gathered[3:])
            if getattr(reduction, "selects", False):
                local = tuple(cast(k, "int64") for k in local)
            gradient = gathered[0] * reduction.local_gradient(
                xa, weight, as_like(np.asarray(index), xa, exact=True), gathered[1], local, gathered[2]
            )
            contributes = (
                is_present & as_like(np.asarray(valid), xa, exact=True) & (gathered[0] != 0)
            )  # a gradient of 0 hides NaN
            total = total + where(contributes, gradient, zeros(total))
    return cast(total, dtype_name(x))
