"""The inputs of the windows: x with its border, the weight of each element, and whether it is
present."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...arrays.ops import where, zeros
from ...arrays.shape_ops import as_like, broadcast, cast, dtype_name, filled, is_bool, is_floating, take, zeros_of
from ...plan import Fill, Grid


def with_border(x: Any, grid: Grid, fill: Fill) -> Any:
    """x extended by its border; `fill`: the constant, or one for each axis."""
    fills = fill if isinstance(fill, tuple) else (fill,) * len(grid.axes)
    for axis, dim, fill in zip(grid.axes, grid.pooled_dims, fills, strict=True):
        if axis.source is None:
            continue
        is_constant = axis.source < 0
        extended = (
            take(x, np.maximum(axis.source, 0), dim)
            if x.shape[dim]
            else zeros_of(x, [axis.extent if d == dim else s for d, s in enumerate(x.shape)])
        )
        if is_constant.any():
            shape = [1] * x.ndim
            shape[dim] = axis.extent
            extended = where(as_like(is_constant.reshape(shape), x, exact=True), filled(extended, fill), extended)
        x = extended
    return x


def weights_of(
    z: Any, weights: Any, grid: Grid, reduction: Any, omit_nan: bool, bordered: bool = True
) -> tuple[Any, Any]:
    """The weight of each element (1.0 without weights) and whether it is present (None: all
    are)."""
    w: Any = 1.0 if is_floating(z) else 1
    is_present = None
    if weights is not None:
        shape = tuple(z.shape) if not bordered else grid.shape
        full = broadcast(weights, shape)
        if bordered:
            full = with_border(full, grid, 1.0)
        is_present = full != 0
        if not is_bool(full) and not getattr(reduction, "ignores_weight_value", False):
            w = cast(full, dtype_name(z) if is_floating(z) else "float64")
            w = where(is_present, w, zeros(w))
    if omit_nan and is_floating(z):
        real = z == z
        is_present = real if is_present is None else is_present & real
    if not bordered and is_present is None:
        is_present = (z == z) | (z != z)
    return w, is_present
