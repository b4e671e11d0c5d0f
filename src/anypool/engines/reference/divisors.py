"""What a window divides by, and what it gives when it holds nothing."""

from __future__ import annotations

from typing import Any

from ...arrays.ops import where
from ...arrays.shape_ops import as_like, dtype_name, filled, is_floating
from ...constants import fitted
from ...errors import PoolingError
from ...plan import Grid
from ...reductions import Count
from .fold_strategies import doubled, walked
from .inputs import imagine, weights_of
from .positions import positions_of


def divisor_of(z: Any, seen: Any, grid: Grid, counted: bool) -> tuple[Any, Any]:
    """n, and how many elements each window holds (None where none is empty)."""
    present = (
        seen[1] if seen is not None else (as_like(grid.along(grid.present), z, exact=True) if grid.has_empty else None)
    )
    if counted and grid.divisor == "present" and seen is not None:
        return seen[0], present
    return as_like(grid.along(grid.counts), z), present


def total_weight(x: Any, weights: Any, grid: Grid, reduction: Any, omit_nan: bool) -> Any:
    z = imagine(x, grid, grid.fill)
    w, has = weights_of(z, weights, grid, reduction, omit_nan)
    count = Count()
    at = positions_of(z, grid)
    schedule = walked if grid.weighted else doubled
    _, seen = schedule(z, w, has if has is not None else (z == z) | (z != z), at, grid, count)
    return seen[0]


def fill_empty(y: Any, present: Any, reduction: Any, empty: float | None, x: Any) -> Any:
    if present is None:
        return y
    nothing = present == 0
    value = empty if empty is not None else getattr(reduction, "empty", float("nan"))
    integral = not is_floating(y)
    if integral and (value is None or value != value or value in (float("inf"), float("-inf"))):
        if bool(nothing.any()):
            raise PoolingError(
                f"a window holds no element, and {getattr(reduction, 'name', reduction)!r} of nothing is no {dtype_name(y)}: give empty="
            )
        return y
    return where(nothing, filled(y, value if empty is None else fitted(empty, dtype_name(y), f"empty={empty}")), y)
