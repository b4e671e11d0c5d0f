"""What the windows see: the array with its border, each element's weight, and whether it is there."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...arrays.ops import where, zeros
from ...arrays.shape_ops import as_like, broadcast, cast, dtype_name, filled, is_bool, is_floating, take, zeros_of
from ...plan import Grid


def imagine(x: Any, grid: Grid, fill: Any) -> Any:
    """x as its windows see it, the border included; `fill`: its constant, or one for each axis."""
    fills = fill if isinstance(fill, tuple) else (fill,) * len(grid.axes)
    for axis, dim, fill in zip(grid.axes, grid.pooled_dims, fills, strict=True):
        if axis.source is None:
            continue
        beyond = axis.source < 0
        picked = (
            take(x, np.maximum(axis.source, 0), dim)
            if x.shape[dim]
            else zeros_of(x, [axis.extent if d == dim else s for d, s in enumerate(x.shape)])
        )
        if beyond.any():
            shape = [1] * x.ndim
            shape[dim] = axis.extent
            picked = where(as_like(beyond.reshape(shape), x, exact=True), filled(picked, fill), picked)
        x = picked
    return x


def weights_of(
    z: Any, weights: Any, grid: Grid, reduction: Any, omit_nan: bool, imagined: bool = True
) -> tuple[Any, Any]:
    """Each element's weight (1.0 where none was given) and whether it is there (None: all are)."""
    w: Any = 1.0 if is_floating(z) else 1
    has = None
    if weights is not None:
        shape = tuple(z.shape) if not imagined else grid.shape
        full = broadcast(weights, shape)
        if imagined:
            full = imagine(full, grid, 1.0)
        has = full != 0
        if not is_bool(full) and not getattr(reduction, "ignores_weight_value", False):
            w = cast(full, dtype_name(z) if is_floating(z) else "float64")
            w = where(has, w, zeros(w))
    if omit_nan and is_floating(z):
        real = z == z
        has = real if has is None else has & real
    if not imagined and has is None:
        has = (z == z) | (z != z)
    return w, has
