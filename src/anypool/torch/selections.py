"""Gradients of selections in torch: each window searches for the selected value; nothing is
sorted."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch

from ..arrays.shape_ops import dtype_name
from ..engines.folds import adjoint
from ..engines.native.library import library as library_of_core
from ..engines.ranks.algorithm import ranks_of
from ..engines.ranks.arg_of_value import position_finder
from ..order_statistics import Median, Mode, Order, Quantile, Rank
from ..plan import Grid, Job


def selections_of(order: Order, grid: Grid, gaps: bool) -> list[tuple[float, Order]] | None:
    """The selections whose weighted sum is the order statistic, with their weights; None if there
    are none."""
    if order.ties == "split" or grid.weighted or isinstance(grid.fill, tuple):
        return None
    if isinstance(order, (Rank, Mode)):
        return [(1.0, order)]
    if isinstance(order, Median):
        if order.parameters["even"] != "mean" or (grid.odd and not gaps):
            return [(1.0, order)]
        return [(0.5, Median("lower")), (0.5, Median("higher"))]
    if isinstance(order, Quantile) and order.answers() is None and order.parameters["smooth"] is None:
        if order.keeps_integers(False):
            return [(1.0, order)]
        if order.parameters["method"] == "linear" and not gaps and bool(np.all(grid.present == grid.max_length)):
            selection = ranks_of(order, grid.max_length)
            if isinstance(selection, str):
                return None
            low, high = (Quantile(order.qs[0], method) for method in ("lower", "higher"))
            return [(1.0, low)] if len(selection.ranks) == 1 else [(1 - selection.share, low), (selection.share, high)]
    return None


def backward(
    g: Any, x: Any, grid: Grid, order: Order, mask: Any, omit_nan: bool, forward: Callable[[Order], Any]
) -> Any:
    """The gradient of a tensor x on the CPU; None if it needs sorting. `forward` pools x by a
    selection."""
    weighted_selections = selections_of(order, grid, mask is not None or omit_nan)
    if weighted_selections is None or x.device.type != "cpu" or takes_nan(order, x, omit_nan):
        return None
    if library_of_core() is None or not x.numel() or 0 in grid.out_shape:
        return None
    return scatter_to_elements(
        x,
        grid,
        order,
        mask,
        ((forward(selection), g if share == 1 else g * share) for share, selection in weighted_selections),
    )


def takes_nan(order: Order, x: Any, omit_nan: bool) -> bool:
    """Whether the result may be a NaN of x, which the search does not find."""
    return order.nan_is_largest and not omit_nan and bool(x.isnan().any())


def takes_elements(order: Order, grid: Grid) -> bool:
    """Whether a weighted result consists of single elements, each the first or last with its
    value."""
    plain = isinstance(order, (Rank, Median, Quantile)) and order.weights_only_select()
    return plain and order.answers() is None and order.ties != "split" and not grid.weighted


def scatter_to_elements(
    x: Any, grid: Grid, order: Order, mask: Any, values_and_gradients: Iterable[tuple[Any, Any]]
) -> Any:
    """The gradient of x from selected values and their gradients."""
    if mask is not None and mask.dtype is not torch.bool:
        mask = mask != 0  # the masses select a value; any element with that value may receive the gradient
    scatter = adjoint.scatter_by_value(grid, x.stride(), dtype_name(x), order.ties == "last")
    if scatter is None:
        return _scatter_by_search(x, grid, order, mask, values_and_gradients)

    def in_order(t: Any) -> Any:
        return (t if scatter.inverse is None else t.permute(scatter.order)).contiguous()

    elements, mask_in_order = in_order(x), None if mask is None else in_order(mask.expand(x.shape))
    total = torch.zeros(
        scatter.shape, dtype=torch.float64 if x.dtype == torch.float64 else torch.float32, device=x.device
    )
    for value, g in values_and_gradients:
        values, weight = in_order(value), in_order(g)
        where = 0 if mask_in_order is None else mask_in_order.data_ptr()
        scatter.scatter(elements.data_ptr(), where, values.data_ptr(), weight.data_ptr(), total.data_ptr())
    return (total if scatter.inverse is None else total.permute(scatter.inverse)).to(x.dtype)


def _scatter_by_search(
    x: Any, grid: Grid, order: Order, mask: Any, values_and_gradients: Iterable[tuple[Any, Any]]
) -> Any:
    """The same for borders, where a window may contain an element twice: a search, then sums by
    position."""
    search = position_finder(Job(grid, order, dtype_name(x), "torch", omit_nan=True), x.stride())  # a NaN is not found
    pooled_last = [*(a for a in range(x.ndim) if a not in grid.pooled_dims), *grid.pooled_dims]
    rows = math.prod(grid.shape[a] for a in pooled_last[: x.ndim - len(grid.pooled_dims)])
    inside = math.prod(grid.shape[a] for a in grid.pooled_dims)
    begin = torch.arange(rows, dtype=torch.int64, device=x.device)[:, None] * inside

    def in_order(t: Any) -> Any:
        return t.permute(search.order).contiguous()

    elements, mask_in_order = in_order(x), None if mask is None else in_order(mask.expand(x.shape))
    total: Any = 0
    for value, g in values_and_gradients:
        values, position = in_order(value), torch.empty(search.result_shape, dtype=torch.int64, device="cpu")
        where = 0 if mask_in_order is None else mask_in_order.data_ptr()
        search.find(elements.data_ptr(), where, values.data_ptr(), position.data_ptr())
        position = position if search.inverse is None else position.permute(search.inverse)
        position, gradient = (t.permute(pooled_last).reshape(rows, -1) for t in (position, g))
        weight = torch.where(position < 0, 0.0, gradient.double())
        # Sums in double by one thread: a sixth of the time of index_add_, and deterministic.
        at = (position.clamp(min=0) + begin).reshape(-1)
        total = total + torch.bincount(at, weight.reshape(-1), minlength=rows * inside)
    total = total.reshape([grid.shape[a] for a in pooled_last])
    return total.permute([pooled_last.index(a) for a in range(x.ndim)]).to(x.dtype)
