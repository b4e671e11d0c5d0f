"""`min_count=`: windows with fewer elements have the result of an empty window."""

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
from ..plan import Fill, Grid, GridConcat
from ..reductions import Count, Sum


def too_few_elements(arrays: ModuleType, x: Any, plan: Any, weights: Any, omit_nan: bool, least: int) -> Any:
    """A mask of the windows with fewer than `least` present elements, broadcastable to the result;
    None if there are none."""
    omit = omit_nan and is_floating(x)
    if weights is None and not omit and not any(getattr(g, "taps", None) is not None for g in plan.grids):
        too_few = _table(plan) < least
        return as_like(too_few, x, exact=True) if too_few.any() else None
    x = stop(x)
    mask = None if weights is None else arrays.as_weights(weights, x) != 0
    if isinstance(plan, Grid) and not plan.weighted:
        is_present = mask if not omit else x == x if mask is None else (x == x) & mask
        return _count_present(arrays, is_present, plan, omit) < least
    return arrays.run(x, plan, (Count(),), mask, omit_nan=omit)[0] < least


def _count_present(arrays: ModuleType, is_present: Any, grid: Grid, omit: bool) -> Any:
    """The number of present elements of each window; axes that are not pooled broadcast."""
    is_present = is_present.reshape((1,) * (len(grid.shape) - is_present.ndim) + tuple(is_present.shape))
    shape = tuple(
        n if a in grid.pooled_dims else k for a, (n, k) in enumerate(zip(grid.shape, is_present.shape, strict=True))
    )
    is_present = broadcast(is_present, shape)
    return arrays.run(is_present, _grid_of_mask(grid, shape, omit), (Sum(),))[0]


@lru_cache(maxsize=256)
def _grid_of_mask(grid: Grid, shape: tuple[int, ...], omit: bool) -> Grid:
    """The same windows over a mask; the constant of a border is present unless it is an omitted
    NaN."""

    def constant_of(fill: Any) -> Any:
        return None if fill is None else int(not (omit and fill != fill))

    constants: Fill = grid.fill
    fill = tuple(constant_of(f) for f in constants) if isinstance(constants, tuple) else constant_of(constants)
    return replace(grid, shape=shape, fill=fill, divisor="present")


@lru_cache(maxsize=256)
def _table(plan: Any) -> Any:
    """The number of elements of each window, broadcastable to the result."""
    if isinstance(plan, Grid):
        return plan.along(plan.present)
    if isinstance(plan, GridConcat):
        counts = np.concatenate([g.present.reshape(-1) for g in plan.grids])
        rank, at, n = len(plan.out_shape), {min(plan.pooled_dims): 0}, {min(plan.pooled_dims): len(counts)}
    else:
        counts = plan.without_weights_for(Count()).counts.reshape(plan.windows_shape)
        at = {a: k for k, a in enumerate(plan.result_dims)}
        n, rank = dict(zip(plan.result_dims, plan.windows_shape, strict=True)), len(plan.out_shape)
        counts = counts.transpose([at[a] for a in sorted(at)])
    return np.ascontiguousarray(counts.reshape([n.get(a, 1) for a in range(rank)]))


def set_empty(y: Any, too_few: Any, reduction: Any, empty: Any, least: int) -> Any:
    """The result with the value of an empty window where `too_few` is true; no gradient reaches
    those windows."""
    answers = reduction.answers() if isinstance(reduction, Order) else None
    if answers is not None:
        too_few = too_few[None] if answers[1] == 0 else too_few[..., None]
    value = getattr(reduction, "empty", math.nan) if empty is None else empty
    dtype = dtype_name(y)
    if value is None or (not is_floating(y) and (value != value or abs(value) == math.inf)):
        if not bool(too_few.any()):
            return y
        name = getattr(reduction, "name", "") or repr(reduction)
        raise PoolingError(
            f"a window holds fewer elements than min_count={least}, and {dtype} "
            f"has no value for {name!r} of an empty window: give empty="
        )
    value_of_empty = filled(y, fitted(value, dtype, f"empty={value}"))
    return where(too_few, value_of_empty, y)


def drop_axes(y: Any, at: tuple[int, ...], reduction: Any) -> Any:
    """The result without the axes `at`, each of which has one window."""
    answers = reduction.answers() if isinstance(reduction, Order) else None
    before = int(answers is not None and answers[1] == 0)  # an axis of several answers is the first
    shape = tuple(n for a, n in enumerate(y.shape) if a - before not in at)
    return y.reshape(shape)
