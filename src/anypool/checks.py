"""What a call refuses before anything is computed: reductions, weights, results and `empty`, each with a sentence."""

from __future__ import annotations

from typing import Any

import numpy as np

from .errors import PoolingError
from .orders import Order
from .windows import MEMORY
from .words import among, library


def check_parameters(plan: Any, reductions: tuple[Any, ...], x: Any) -> None:
    """Parameters that are arrays have one value for each lane of x (such as (C, 1, 1)), in x's array library."""
    for r in reductions:
        for name, value in getattr(r, "parameters", {}).items():
            if isinstance(r, Order) or not hasattr(value, "shape"):
                continue
            if library(value) is not library(x):
                kinds = ("a NumPy array", "a tensor")[:: 1 if library(value) is np else -1]
                raise PoolingError(
                    f"{type(r).__name__}({name}) is {kinds[0]} and x is {kinds[1]}: give both in one library"
                )
            for grid in plan.grids:
                most = [1 if d in grid.at else n for d, n in enumerate(x.shape)]
                given = list(value.shape)
                if len(given) > len(most) or any(
                    n not in (1, m) for n, m in zip(given[::-1], most[::-1], strict=False)
                ):
                    raise PoolingError(
                        f"{type(r).__name__}({name}) of shape {tuple(given)} for x of shape {tuple(x.shape)}: give one number, "
                        f"or what broadcasts to {tuple(most)}, a number for each lane"
                    )


def check_orders(plan: Any, reductions: tuple[Any, ...]) -> None:
    """Whether each order statistic has an answer for windows of this many places."""
    for grid in plan.grids:
        for r in reductions:
            if isinstance(r, Order) and grid.places:
                r.check(grid.places)


def check(dtype: str, reductions: tuple[Any, ...], nan: str) -> None:
    """Whether each reduction has a meaning for the element type, and the NaN policy a name."""
    if not among(nan, ("propagate", "omit")):
        raise PoolingError(f"nan={nan!r}: use 'propagate' or 'omit'")
    if dtype != "bool":
        return
    for r in reductions:
        if not getattr(r, "of_truth", True):
            raise PoolingError(
                f"{r.name!r} of bool: truth values have any, all, max, min, count, sum, mean, argmax and argmin; convert with x.astype(float) for more"
            )


def check_weights(weights: Any, shape: tuple[int, ...]) -> None:
    """Weights, an array or a tensor, broadcast to x and never enlarge it."""
    given = tuple(weights.shape)
    try:
        fits = np.broadcast_shapes(given, shape) == shape
    except ValueError:
        fits = False
    if not fits:
        raise PoolingError(f"weights of shape {given} do not broadcast to x of shape {shape}; weights never enlarge x")


def check_result(grid: Any, out: Any) -> None:
    """The result fits in memory, and what it shall be written to may be written."""
    if size_of(grid.out_shape) > MEMORY:
        raise PoolingError(
            f"a result of shape {grid.out_shape} does not fit in memory; use a larger stride, or pool in parts"
        )
    if isinstance(out, np.ndarray) and not out.flags.writeable:
        raise PoolingError("out is read-only: give an array that may be written")


def number_or_none(empty: Any) -> float | None:
    """`empty` as it was given; anything but a number is refused."""
    if empty is None:
        return None
    if isinstance(empty, (int, float, np.integer, np.floating)):
        return empty  # type: ignore[return-value]
    raise PoolingError(f"empty={empty!r}: give a number")


def all_odd(plan: Any) -> bool:
    """Whether every window holds an odd number of elements."""
    return all(grid.odd for grid in plan.grids)


def check_empty(empty: Any, results: list[str]) -> None:
    """An integer result holds no fraction and nothing beyond its range, whether or not a window is empty today."""
    for dtype in results:
        if "int" not in dtype:
            continue
        low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
        if not low <= empty <= high or empty % 1:
            raise PoolingError(f"empty={empty}: the result is {dtype}, which holds whole numbers from {low} to {high}")


def size_of(shape: Any) -> int:
    """How many elements an array of this shape has."""
    total = 1
    for n in shape:
        total *= int(n)
    return total
