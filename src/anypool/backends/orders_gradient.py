"""Gradients of selections in torch: the chosen value is looked for in its window, place by place; nothing is sorted."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from ..orders import Median, Mode, Order, Quantile, Rank
from ..plan import Grid
from ..words import library
from . import adjoint
from .orders_call import wanted
from .orders_parts import steady
from .reference.either import dtype_name


def parts(order: Order, grid: Grid, gaps: bool) -> list[tuple[float, Order]] | None:
    """The selections that an order statistic is made of, with the share of each; None where it is made otherwise."""
    if order.ties == "split" or grid.weighted:
        return None
    if isinstance(order, (Rank, Mode)):
        return [(1.0, order)]
    if isinstance(order, Median):
        if order.parameters["even"] != "mean" or (grid.odd and not gaps):
            return [(1.0, order)]
        return [(0.5, Median("lower")), (0.5, Median("higher"))]
    if isinstance(order, Quantile) and order.answers() is None and order.parameters["smooth"] is None:
        if order.whole(False):
            return [(1.0, order)]
        if order.parameters["method"] == "linear" and not gaps and bool(np.all(grid.present == grid.places)):
            made = wanted(order, grid.places)
            if isinstance(made, str):
                return None
            low, high = (Quantile(order.qs[0], method) for method in ("lower", "higher"))
            return [(1.0, low)] if len(made.ranks) == 1 else [(1 - made.share, low), (made.share, high)]
    return None


def backward(
    g: Any, x: Any, grid: Grid, order: Order, mask: Any, omit_nan: bool, forward: Callable[[Order], Any]
) -> Any:
    """The gradient for a tensor x on the CPU, or None where it takes a sort; `forward` pools x by a selection."""
    torch = library(x)
    made = parts(order, grid, mask is not None or omit_nan)
    if (
        made is None
        or x.device.type != "cpu"
        or (isinstance(order, Rank) and not omit_nan and bool(x.isnan().any()))
    ):
        return None
    if mask is not None and mask.dtype is not torch.bool:
        mask = mask != 0  # masses choose the value; any element there that equals it may be its owner
    asked = adjoint.owners(grid, x.stride(), dtype_name(x), order.ties == "last")
    if asked is None:
        return _counted(g, x, grid, order, forward, made) if mask is None and not omit_nan else None

    def lying(t: Any) -> Any:
        return (t if asked.back is None else t.permute(asked.order)).contiguous()

    elements, held = lying(x), None if mask is None else lying(mask.expand(x.shape))
    total = torch.zeros(asked.shape, dtype=torch.float64 if x.dtype == torch.float64 else torch.float32)
    for share, selection in made:
        values, weight = lying(forward(selection)), lying(g if share == 1 else g * share)
        where = 0 if held is None else held.data_ptr()
        asked.spread(elements.data_ptr(), where, values.data_ptr(), weight.data_ptr(), total.data_ptr())
    return (total if asked.back is None else total.permute(asked.back)).to(x.dtype)


def _counted(g: Any, x: Any, grid: Grid, order: Order, forward: Callable[[Order], Any], made: Any) -> Any:
    """The same for borders, in NumPy words."""
    if grid.fill is not None:
        return None
    torch = library(x)
    total: Any = 0
    for share, selection in made:
        position = found(x, forward(selection), grid, order.ties == "last").reshape(-1)
        weight = torch.where(position < 0, 0.0, g.reshape(-1).double() * share)
        # sums in double, one after the other: a sixth of the time of index_add_, and no thread has a say
        total = total + torch.bincount(position.clamp_(min=0), weight, minlength=x.numel())
    return total.reshape(x.shape).to(x.dtype)


def found(x: Any, y: Any, grid: Grid, last: bool) -> Any:
    """Where in x, as a flat position, the first (or last) element of each window equal to y lies; −1 for none."""
    torch = library(x)
    if x.dtype in (torch.bfloat16, torch.float16):
        x, y = x.float(), y.float()
    values, wanted_values = x.numpy(), y.numpy()
    places = list(itertools.product(*(range(a.places) for a in grid.axes)))
    none = len(places)
    place = np.full(grid.out_shape, none, np.uint8 if none < 255 else np.int32)
    order = enumerate(places) if last else reversed(list(enumerate(places)))  # the one written last stays
    hit = np.empty(place.shape, bool)
    for number, taps in order:
        tap, valid = values, None
        for j, axis, a in zip(taps, grid.axes, grid.at, strict=True):
            tap = _tap(tap, axis, a, j)
            inside = j < axis.length
            if not inside.all():
                mask = _along(inside, a, values.ndim)
                valid = mask if valid is None else valid & mask
        np.equal(tap, wanted_values, out=hit)
        np.copyto(place, number, where=hit if valid is None else hit & valid)
    return torch.from_numpy(_positions(place, none, grid))


def _tap(x: Any, axis: Any, a: int, j: int) -> Any:
    """The element at place j of every window of one axis: a view where windows are equally far apart."""
    even = steady(axis) if axis.source is None else None
    if even is not None:
        start = even[0] + j * axis.step
        view = slice(start, start + (axis.out - 1) * even[1] + 1, even[1])
        return x[(slice(None),) * a + (view,)]
    at = np.where(j < axis.length, axis.first + j * axis.step, 0)
    return np.take(x, at if axis.source is None else np.maximum(axis.source[at], 0), a)


def _positions(place: Any, none: int, grid: Grid) -> Any:
    """Places in windows as flat positions in x."""
    flat = np.zeros(place.shape, np.int64)
    pooled = dict(zip(grid.at, grid.axes, strict=True))
    rest, stride = np.where(place == none, 0, place).astype(np.int64), 1
    for a in reversed(range(len(grid.shape))):
        axis = pooled.get(a)
        if axis is None:
            at = _along(np.arange(grid.shape[a]), a, place.ndim)
        else:
            at = _along(axis.first, a, place.ndim) + rest % axis.places * axis.step
            rest //= axis.places
            at = at if axis.source is None else axis.source[at]
        flat += at * stride
        stride *= grid.shape[a]
    flat[place == none] = -1
    return flat


def _along(table: Any, axis: int, rank: int) -> Any:
    shape = [1] * rank
    shape[axis] = -1
    return table.reshape(shape)
