"""Validation of a call before anything is computed: reductions, parameters, weights, results and
`empty`."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from .arrays.adapter import adapter_of, is_numpy
from .arrays.ops import among, did_you_mean
from .arrays.shape_ops import is_bool
from .constants import constant, fitted
from .errors import PoolingError
from .order_statistics import Order
from .plan import Grid, GridConcat
from .reductions import Fold
from .scalars import is_integer
from .windows import MEMORY

KINDS = {"numpy": "a NumPy array", "torch": "a tensor", "array_api": "an array of the Array API standard"}


def check_parameters(plan: Any, reductions: tuple[Any, ...], x: Any) -> None:
    """Check that array parameters are of x's library and broadcast to x with length 1 on the pooled
    axes.

    Such a parameter is of shape (C, 1, 1), for example.
    """
    for r in reductions:
        for name, value in getattr(r, "parameters", {}).items():
            if isinstance(r, Order) or not hasattr(value, "shape"):
                continue
            kinds = adapter_of(value), adapter_of(x)
            if kinds[0] is not kinds[1] and not (is_numpy(value) and kinds[1].mixes):
                names = [KINDS.get(kind.NAME, f"an array of {kind.NAME}") for kind in kinds]
                raise PoolingError(
                    f"{type(r).__name__}({name}) is {names[0]} and x is {names[1]}: give both in one library"
                )
            for grid in plan.grids:
                most = [1 if d in grid.pooled_dims else n for d, n in enumerate(x.shape)]
                sizes = list(value.shape)
                if len(sizes) > len(most) or any(
                    n not in (1, m) for n, m in zip(sizes[::-1], most[::-1], strict=False)
                ):
                    raise PoolingError(_unfit(f"{type(r).__name__}({name})", sizes, x, grid.pooled_dims, most))


def _unfit(name: str, sizes: list[int], x: Any, at: tuple[int, ...], most: list[int]) -> str:
    """The error for a parameter's shape.

    It suggests the axis of the same length, else the axis before the pooled ones.
    """
    total = size_of(sizes)
    wide = [a for a, n in enumerate(most) if n > 1]
    fits = [a for a in wide if most[a] == total] or wide[-1:]
    shape = tuple(most[a] if a == fits[0] else 1 for a in range(fits[0], len(most))) if fits else ()
    such = f", such as {shape}" if fits else ""
    how = f": reshape it to {shape}" if fits and size_of(shape) == total else ""
    return (
        f"{name} of shape {tuple(sizes)} for x of shape {tuple(x.shape)} pooled over axes "
        f"{tuple(at)}{how}; it is one number, or "
        f"a shape that broadcasts to {tuple(most)}{such}"
    )


def check_orders(plan: Any, reductions: tuple[Any, ...]) -> None:
    """Check that each order statistic is defined for windows of this length."""
    for grid in plan.grids:
        for r in reductions:
            if isinstance(r, Order) and grid.max_length:
                r.check(grid.max_length)


def check(dtype: str, reductions: tuple[Any, ...], nan: str) -> None:
    """Check that each reduction is defined for the element type, and that the NaN policy exists."""
    if not among(nan, ("propagate", "omit")):
        near = did_you_mean(
            str(nan), ("propagate", "omit"), {"ignore": "omit", "skip": "omit", "drop": "omit", "raise": "propagate"}
        )
        raise PoolingError(f"nan={nan!r}: use 'propagate' or 'omit'{near}")
    if dtype != "bool":
        return
    for r in reductions:
        if not getattr(r, "accepts_bool", True):
            raise PoolingError(
                f"{r.name!r} of bool: truth values have any, all, max, min, count, sum, mean, argmax and argmin; convert with x.astype(float) for more"
            )


def check_weights(weights: Any, shape: tuple[int, ...], name: str = "weights") -> None:
    """Check that weights broadcast to x without enlarging it."""
    sizes = tuple(weights.shape)
    try:
        fits = np.broadcast_shapes(sizes, shape) == shape
    except ValueError:
        fits = False
    if not fits:
        more = len(shape) - len(sizes)
        lead = more > 0 and all(n in (1, m) for n, m in zip(sizes, shape, strict=False))
        hint = f"; for the first axes give {name}[..., {', '.join(['None'] * more)}]" if lead else ""
        raise PoolingError(
            f"{name} of shape {sizes} do not broadcast to x of shape {shape}; weights never enlarge x{hint}"
        )


def check_masks(plan: Any, reductions: tuple[Any, ...], weights: Any) -> None:
    """Check that reductions without weights get only masks: weights and taps of 0 and 1."""
    tables = [table for grid in plan.grids for table in grid.weight_tables]
    lowest = min((grid.tap_weights().min() for grid in plan.grids if _has_taps(grid)), default=0)
    for r in reductions:
        for table in tables:
            check_mask(table, r)
        if lowest < 0 and not getattr(r, "signed_weights", False):
            raise PoolingError(
                f"taps as low as {lowest:g}: {getattr(r, 'name', '') or repr(r)!r} needs weights of at least 0"
            )
        if weights is not None:
            check_mask(weights, r)


def _has_taps(grid: Any) -> bool:
    return isinstance(grid, Grid) and grid.taps is not None and 0 not in grid.tap_weights().shape


def check_mask(weights: Any, reduction: Any) -> None:
    """Check that a reduction without weights gets a mask: weights of 0 and 1."""
    if not getattr(reduction, "accepts_weights", True) and not _is_mask(weights):
        raise PoolingError(
            f"{reduction!r} accepts no weights and no windows that weigh their elements: "
            "pass a mask, such as weights != 0"
        )


def _is_mask(weights: Any) -> bool:
    """Whether every weight is 0 or 1. Values that torch does not know are not checked."""
    if is_bool(weights):
        return True
    try:
        return bool(((weights == 0) | (weights == 1)).all())
    except RuntimeError:  # vmap maps over them, or they are fake
        return True


def check_result(grid: Any, out: Any) -> None:
    """Check that the result fits in memory and that `out` is writable."""
    if size_of(grid.out_shape) > MEMORY:
        raise PoolingError(
            f"a result of shape {grid.out_shape} does not fit in memory; use a larger stride, or pool in parts"
        )
    if is_numpy(out) and not out.flags.writeable:
        raise PoolingError("out is read-only: give an array that may be written")


def check_border(plan: Any, dtype: str) -> None:
    """Check that x's element type can represent the border's constant."""
    for grid in plan.grids:
        for fill in grid.fills if isinstance(grid, Grid) else (grid.fill,):
            if fill is not None:
                fitted(fill, dtype, f"border={fill}", "; border='absent' leaves out what lies beyond the edge")


def fitted_order(order: Any, dtype: str) -> Any:
    """An order statistic with its constants as elements of x's type; another reduction
    unchanged."""
    return order.fitted(dtype) if isinstance(order, Order) else order


def check_min_count(value: Any) -> int:
    """The number of elements that a window needs; 0 for None."""
    if value is None:
        return 0
    if not is_integer(value) or value < 0:
        raise PoolingError(f"min_count={value!r}: give an integer of at least 0, how many elements a window needs")
    return int(value)


def gone_axes(plan: Any) -> tuple[int, ...]:
    """The axes of the result that `keepdims=False` removes. Each must have one window."""
    at = (min(plan.pooled_dims),) if isinstance(plan, GridConcat) else getattr(plan, "result_dims", plan.pooled_dims)
    for a in at:
        if plan.out_shape[a] != 1:
            raise PoolingError(
                f"keepdims=False: {plan.out_shape[a]} windows lie on axis {a} of the result, and only an axis with one "
                "can be left out; use whole(), or keep the axes"
            )
    return tuple(at)


def channels_last(x: Any, dtype: str, plan: Any, axes: Any) -> bool:
    """Whether a call seems to pool the width and the channels of a picture. If so, emit a
    warning."""
    like = axes is None and dtype == "uint8" and is_numpy(x) and x.ndim == 3 and x.shape[-1] in (3, 4)
    if not like or tuple(plan.pooled_dims) != (1, 2):
        return False
    warnings.warn(
        f"x of shape {x.shape} looks like a picture whose last axis is its {x.shape[-1]} channels, but windows lie on the "
        "last two axes: give axes=(0, 1) to pool height and width (or axes=(1, 2) for what was asked)",
        UserWarning,
        stacklevel=3,
    )
    return True


def check_empty(empty: Any, dtype: str, reductions: tuple[Any, ...], wide: str, plan: Any, weights: Any) -> Any:
    """`empty` as a number that the type of every result can represent, even if no window is
    empty."""
    if empty is None:
        return None
    value = constant(empty, "empty")
    odd = weights is None and all(grid.odd for grid in plan.grids)
    weighed = weights is not None and "bool" not in str(weights.dtype)
    weighed = weighed or any(getattr(grid, "has_real_weights", grid.weighted) for grid in plan.grids)
    for r in reductions:
        if isinstance(r, (Fold, Order)):
            fitted(value, result_type(dtype, r, wide, odd, weighed), f"empty={value} of {getattr(r, 'name', r)!r}")
    return value


def result_type(dtype: str, reduction: Any, wide: str, odd: bool, weighed: bool) -> str:
    """The element type of a result.

    wide: the type of an integer sum. odd: every window has an odd number of elements.
    weighed: weights are real numbers.
    """
    if reduction.gives != "value":
        return "bool" if reduction.gives == "truth" else "int64"
    if "float" in dtype:
        return dtype
    if isinstance(reduction, Order):
        return dtype if reduction.keeps_integers(odd) else "float64"
    if weighed and not reduction.ignores_weight_value:
        return "float64"
    return {"same": dtype, "wide": wide}.get(reduction.accumulates, "float64")


def size_of(shape: Any) -> int:
    """The number of elements of an array of this shape."""
    total = 1
    for n in shape:
        total *= int(n)
    return total
