"""Windows that hold fewer elements than `min_count=` asks for: they count as empty, whatever the reduction."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache
from types import ModuleType
from typing import Any

import numpy as np

from ..arrays.ops import stop, where
from ..arrays.shape_ops import as_like, broadcast, dtype_name, filled, is_floating
from ..constants import fitted
from ..errors import PoolingError
from ..order_statistics import Order
from ..plan import Grid, GridConcat
from ..reductions import Count, Sum


def few(arrays: ModuleType, x: Any, plan: Any, weights: Any, omit_nan: bool, least: int) -> Any:
    """Which windows hold fewer than `least` elements that are there, to meet the result; None where none does."""
    omit = omit_nan and is_floating(x)
    if weights is None and not omit and not any(getattr(g, "taps", None) is not None for g in plan.grids):
        lacks = _table(plan) < least
        return as_like(lacks, x, exact=True) if lacks.any() else None
    x = stop(x)
    mask = None if weights is None else arrays.as_weights(weights, x) != 0
    if isinstance(plan, Grid) and not plan.weighted:
        there = mask if not omit else x == x if mask is None else (x == x) & mask
        return _counted(arrays, there, plan, omit) < least
    return arrays.run(x, plan, (Count(),), mask, omit_nan=omit)[0] < least


def _counted(arrays: ModuleType, there: Any, grid: Grid, omit: bool) -> Any:
    """How many of the elements that are there each window holds; axes that are not pooled broadcast."""
    there = there.reshape((1,) * (len(grid.shape) - there.ndim) + tuple(there.shape))
    shape = tuple(
        n if a in grid.pooled_dims else k for a, (n, k) in enumerate(zip(grid.shape, there.shape, strict=True))
    )
    there = broadcast(there, shape)
    return arrays.run(there, _of_mask(grid, shape, omit), (Sum(),))[0]


@lru_cache(maxsize=256)
def _of_mask(grid: Grid, shape: tuple[int, ...], omit: bool) -> Grid:
    """The same windows over a mask: the border's constant is there, unless it is a NaN that is left out."""

    def one(fill: Any) -> Any:
        return None if fill is None else int(not (omit and fill != fill))

    fill = tuple(one(f) for f in grid.fill) if isinstance(grid.fill, tuple) else one(grid.fill)
    return replace(grid, shape=shape, fill=fill, divisor="present")


@lru_cache(maxsize=256)
def _table(plan: Any) -> Any:
    """How many elements each window holds, to meet the result."""
    if isinstance(plan, Grid):
        return plan.along(plan.present)
    if isinstance(plan, GridConcat):
        held = np.concatenate([g.present.reshape(-1) for g in plan.grids])
        rank, at, n = len(plan.out_shape), {min(plan.pooled_dims): 0}, {min(plan.pooled_dims): len(held)}
    else:
        held = plan.without_weights_for(Count()).counts.reshape(plan.windows_shape)
        at = {a: k for k, a in enumerate(plan.result_dims)}
        n, rank = dict(zip(plan.result_dims, plan.windows_shape, strict=True)), len(plan.out_shape)
        held = held.transpose([at[a] for a in sorted(at)])
    return np.ascontiguousarray(held.reshape([n.get(a, 1) for a in range(rank)]))


def emptied(y: Any, lacks: Any, reduction: Any, empty: Any, least: int) -> Any:
    """The result with those windows' answer that of nothing; no gradient flows back from them."""
    many = reduction.answers() if isinstance(reduction, Order) else None
    if many is not None:
        lacks = lacks[None] if many[1] == 0 else lacks[..., None]
    value = getattr(reduction, "empty", math.nan) if empty is None else empty
    dtype = dtype_name(y)
    if value is None or (not is_floating(y) and (value != value or abs(value) == math.inf)):
        if not bool(lacks.any()):
            return y
        name = getattr(reduction, "name", "") or repr(reduction)
        raise PoolingError(
            f"a window holds fewer elements than min_count={least}, and {name!r} of nothing is no {dtype}: give empty="
        )
    nothing = filled(y, fitted(value, dtype, f"empty={value}"))
    return where(lacks, nothing, y)


def without(y: Any, at: tuple[int, ...], reduction: Any) -> Any:
    """The result without the axes `at`, on which one window lies."""
    many = reduction.answers() if isinstance(reduction, Order) else None
    before = int(many is not None and many[1] == 0)  # an axis of several answers comes first
    shape = tuple(n for a, n in enumerate(y.shape) if a - before not in at)
    return y.reshape(shape)
