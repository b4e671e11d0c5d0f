"""Gradients of selections in torch: the chosen value is looked for in its window, place by place; nothing is sorted."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from ..orders import Median, Mode, Order, Quantile, Rank
from ..plan import Grid
from ..words import library
from .orders_cpu import wanted
from .reference import take


def parts(order: Order, grid: Grid) -> list[tuple[float, Order]] | None:
    """The selections that an order statistic is made of, with the share of each; None where it is made otherwise."""
    if order.ties == "split" or grid.taps is not None:
        return None
    if isinstance(order, (Rank, Mode)):
        return [(1.0, order)]
    if isinstance(order, Median):
        if order.parameters["even"] != "mean":
            return [(1.0, order)]
        return [(0.5, Median("lower")), (0.5, Median("higher"))]
    if isinstance(order, Quantile) and order.answers() is None and order.parameters["smooth"] is None:
        if order.whole(False):
            return [(1.0, order)]
        if order.parameters["method"] == "linear" and bool(np.all(grid.present == grid.places)):
            made = wanted(order, grid.places)
            if isinstance(made, str):
                return None
            low, high = (Quantile(order.qs[0], method) for method in ("lower", "higher"))
            return [(1.0, low)] if len(made.ranks) == 1 else [(1 - made.share, low), (made.share, high)]
    return None


def backward(g: Any, x: Any, grid: Grid, order: Order, forward: Callable[[Order], Any]) -> Any:
    """The gradient for a tensor x on the CPU, or None where it takes a sort; `forward` pools x by a selection."""
    made = parts(order, grid)
    if (
        made is None
        or x.device.type != "cpu"
        or grid.fill is not None
        or (isinstance(order, Rank) and bool(x.isnan().any()))
    ):
        return None
    torch = library(x)
    total = torch.zeros(x.numel(), dtype=x.dtype)
    for share, selection in made:
        position = found(x, forward(selection), grid, order.ties == "last")
        held = position >= 0
        total.index_add_(0, position[held], (g * share)[held].to(x.dtype))
    return total.reshape(x.shape)


def found(x: Any, y: Any, grid: Grid, last: bool) -> Any:
    """Where in x, as a flat position, the first (or last) element of each window equal to y lies; −1 for none."""
    torch = library(x)
    strides = [1] * x.ndim
    for a in range(x.ndim - 2, -1, -1):
        strides[a] = strides[a + 1] * x.shape[a + 1]
    base = torch.zeros([1] * x.ndim, dtype=torch.int64)
    for a in range(x.ndim):
        if a not in grid.at:
            base = base + _along(torch.arange(x.shape[a]) * strides[a], a, x.ndim)
    position = torch.full(tuple(y.shape), -1, dtype=torch.int64)
    places = list(itertools.product(*(range(a.places) for a in grid.axes)))
    for place in places if last else reversed(places):  # the one written last stays
        tap, here, valid = x, base, None
        for j, axis, a in zip(place, grid.axes, grid.at, strict=True):
            inside = j < axis.length
            at = np.where(inside, axis.first + j * axis.step, 0)
            at = at if axis.source is None else np.maximum(axis.source[at], 0)
            tap = take(tap, at, a)
            here = here + _along(torch.as_tensor(at * strides[a]), a, x.ndim)
            if not inside.all():
                mask = _along(torch.as_tensor(inside), a, x.ndim)
                valid = mask if valid is None else valid & mask
        hit = tap == y
        position = torch.where(hit if valid is None else hit & valid, here, position)
    return position


def _along(table: Any, axis: int, rank: int) -> Any:
    shape = [1] * rank
    shape[axis] = -1
    return table.reshape(shape)
