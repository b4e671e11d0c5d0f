"""The divisor of each window, and the result of empty windows."""

from __future__ import annotations

from typing import Any

from ...arrays.ops import where
from ...arrays.shape_ops import as_like, dtype_name, filled, is_floating
from ...constants import fitted
from ...errors import PoolingError
from ...plan import Grid
from ...reductions import Count
from .fold_strategies import fold_by_doubling, fold_by_position
from .inputs import weights_of, with_border
from .positions import positions_of


def divisor_of(z: Any, totals: Any, grid: Grid, is_counted: bool) -> tuple[Any, Any]:
    """n, and the number of elements of each window (None if no window is empty)."""
    present = (
        totals[1]
        if totals is not None
        else (as_like(grid.along(grid.present), z, exact=True) if grid.has_empty else None)
    )
    if is_counted and grid.divisor == "present" and totals is not None:
        return totals[0], present
    return as_like(grid.along(grid.counts), z), present


def total_weight(x: Any, weights: Any, grid: Grid, reduction: Any, omit_nan: bool) -> Any:
    z = with_border(x, grid, grid.fill)
    w, is_present = weights_of(z, weights, grid, reduction, omit_nan)
    count = Count()
    at = positions_of(z, grid)
    fold = fold_by_position if grid.weighted else fold_by_doubling
    _, totals = fold(z, w, is_present if is_present is not None else (z == z) | (z != z), at, grid, count)
    return totals[0]


def fill_empty(y: Any, present: Any, reduction: Any, empty: float | None) -> Any:
    if present is None:
        return y
    is_empty = present == 0
    value = empty if empty is not None else getattr(reduction, "empty", float("nan"))
    integral = not is_floating(y)
    if integral and (value is None or value != value or value in (float("inf"), float("-inf"))):
        if bool(is_empty.any()):
            raise PoolingError(
                f"a window holds no element, and {dtype_name(y)} has no value for "
                f"{getattr(reduction, 'name', reduction)!r} of an empty window: give empty="
            )
        return y
    return where(is_empty, filled(y, value if empty is None else fitted(empty, dtype_name(y), f"empty={empty}")), y)
