"""Any reduction, any windows, any array library: folds by doubling, gradients by asking each element's windows."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from ...arrays.adapter import adapter_of
from ...arrays.ops import where, zeros
from ...arrays.shape_ops import accumulator, as_like, broadcast, cast, dtype_name, result_of, take
from ...plan import Grid, Job
from ...reductions import State
from . import pieces
from .divisors import divisor_of, fill_empty, total_weight
from .fold_strategies import doubled, shared, walked
from .inputs import imagine, weights_of
from .positions import place_of, positions_of, real_position
from .states import answer_of

name = "reference"
MOST = 2**32  # elements that are worked on at once


def refuses(job: Job) -> str | None:
    """None: the reference serves everything."""
    return None


def forward(
    x: Any, grid: Grid, reduction: Any, weights: Any = None, omit_nan: bool = False, empty: float | None = None
) -> tuple[Any, State]:
    """The result and what the gradient needs besides x and it; plain differentiable code in x's library."""
    acc = accumulator(x, reduction)
    if _in_pieces(x, grid, reduction, weights):
        state, seen = pieces.fold(x, grid, reduction, weights, omit_nan, acc)
        z = cast(x[(slice(0, 1),) * x.ndim], acc)
        return _finished(x, z, grid, reduction, state, seen, acc, weights is not None or omit_nan, empty)
    if math.prod(x.shape) >= MOST:
        raise MemoryError(f"the reference reads all of x at once: {math.prod(x.shape):,} elements")
    z = imagine(cast(x, acc), grid, grid.fill)
    w, has = weights_of(z, weights, grid, reduction, omit_nan)
    at = positions_of(z, grid)
    if not grid.weighted and callable(getattr(reduction, "merge", None)):
        state, seen = doubled(z, w, has, at, grid, reduction)
    elif grid.taps is None and has is None and getattr(reduction, "linear", False):
        state, seen = shared(z, at, grid, reduction)
    else:
        state, seen = walked(z, w, has, at, grid, reduction)
    return _finished(x, z, grid, reduction, state, seen, acc, weights is not None or omit_nan or grid.weighted, empty)


def _in_pieces(x: Any, grid: Grid, reduction: Any, weights: Any) -> bool:
    """Whether states of all elements are not to be held at once, and nobody differentiates each step."""
    if math.prod(x.shape) <= pieces.LARGE or grid.weighted or not callable(getattr(reduction, "merge", None)):
        return False
    return not adapter_of(x).differentiates(x, weights, *getattr(reduction, "parameters", {}).values())


def _finished(
    x: Any, z: Any, grid: Grid, reduction: Any, state: State, seen: Any, acc: str, counted: bool, empty: float | None
) -> tuple[Any, State]:
    n, present = divisor_of(z, seen, grid, counted)
    with np.errstate(all="ignore"):
        y = answer_of(reduction.finish(state, n), reduction, grid.out_shape)
        kept = reduction.save_for_backward(state) if callable(getattr(reduction, "save_for_backward", None)) else ()
    kept = kept if isinstance(kept, tuple) else (kept,)
    if getattr(reduction, "selects", False):
        kept = tuple(place_of(k, grid, acc) for k in kept)
    if getattr(reduction, "gives", "value") == "position":
        y = real_position(y, grid)
    y = fill_empty(y, present, reduction, empty, x)
    return result_of(y, x, reduction), kept


def backward(
    g: Any, x: Any, y: Any, kept: State, grid: Grid, reduction: Any, weights: Any = None, omit_nan: bool = False
) -> Any:
    """The gradient for x: each element asks every window that holds it, in one fixed order; no scatter, no atomics."""
    acc = accumulator(x, reduction)
    xa, ga, ya = cast(x, acc), cast(g, acc), cast(y, acc)
    w, has = weights_of(xa, weights, grid, reduction, omit_nan, imagined=False)
    counted = weights is not None or omit_nan or grid.weighted
    n = (
        total_weight(xa, weights, grid, reduction, omit_nan)
        if counted and grid.divisor == "present"
        else as_like(grid.along(grid.counts), xa)
    )
    tables = [a.holders for a in grid.axes]
    taps = None if grid.taps is None else grid.tap_weights()
    total = zeros(xa)
    with np.errstate(all="ignore"):
        for slots in itertools.product(*(range(t[0].shape[1]) for t in tables)):
            picked: list[Any] = [ga, ya, broadcast(n, ya.shape), *kept]
            valid, place, tap, share = None, 0, [], np.ones(1)
            for k, (slot, (windows, places), axis, a) in enumerate(
                zip(slots, tables, grid.axes, grid.pooled_dims, strict=True)
            ):
                o = np.maximum(windows[:, slot], 0)
                picked = [take(v, o, a) for v in picked]
                shape = [1] * xa.ndim
                shape[a] = axis.size
                here = (windows[:, slot] >= 0).reshape(shape)
                valid = here if valid is None else valid & here
                place = place * axis.max_length + np.maximum(places[:, slot], 0).reshape(shape)
                if axis.edge_weights is not None:
                    share = share * axis.weights_at(o, np.maximum(places[:, slot], 0)).reshape(shape)
                if taps is not None:
                    along = [1] * len(slots)
                    along[k] = axis.size
                    tap.append((np.maximum(places[:, slot], 0) + axis.absent_before[o]).reshape(along))
            weight = w
            if taps is not None:
                value = taps[tuple(tap)]
                shape = [1] * xa.ndim
                for a, axis in zip(grid.pooled_dims, grid.axes, strict=True):
                    shape[a] = axis.size
                weight = w * as_like(value.reshape(shape), xa)
                valid = valid & (value.reshape(shape) != 0)
            elif grid.weighted:
                weight = w * as_like(share, xa)
            local = tuple(picked[3:])
            if getattr(reduction, "selects", False):
                local = tuple(cast(k, "int64") for k in local)
            pulled = picked[0] * reduction.local_gradient(
                xa, weight, as_like(np.asarray(place), xa, exact=True), picked[1], local, picked[2]
            )
            keep = has & as_like(np.asarray(valid), xa, exact=True) & (picked[0] != 0)  # nothing asked: no NaN either
            total = total + where(keep, pulled, zeros(total))
    return cast(total, dtype_name(x))
