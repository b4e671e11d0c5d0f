"""Gradients of selections in torch: the chosen value is looked for in its window, place by place; nothing is sorted."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch

from ..arrays.shape_ops import dtype_name
from ..engines.folds import adjoint
from ..engines.native.library import library as library_of_core
from ..engines.ranks.arg_of_value import finder
from ..engines.ranks.native import wanted
from ..order_statistics import Median, Mode, Order, Quantile, Rank
from ..plan import Grid, Job


def parts(order: Order, grid: Grid, gaps: bool) -> list[tuple[float, Order]] | None:
    """The selections that an order statistic is made of, with the share of each; None where it is made otherwise."""
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
            made = wanted(order, grid.max_length)
            if isinstance(made, str):
                return None
            low, high = (Quantile(order.qs[0], method) for method in ("lower", "higher"))
            return [(1.0, low)] if len(made.ranks) == 1 else [(1 - made.share, low), (made.share, high)]
    return None


def backward(
    g: Any, x: Any, grid: Grid, order: Order, mask: Any, omit_nan: bool, forward: Callable[[Order], Any]
) -> Any:
    """The gradient for a tensor x on the CPU, or None where it takes a sort; `forward` pools x by a selection."""
    made = parts(order, grid, mask is not None or omit_nan)
    if made is None or x.device.type != "cpu" or takes_nan(order, x, omit_nan):
        return None
    if library_of_core() is None or not x.numel() or 0 in grid.out_shape:
        return None
    return spread(
        x, grid, order, mask, ((forward(selection), g if share == 1 else g * share) for share, selection in made)
    )


def takes_nan(order: Order, x: Any, omit_nan: bool) -> bool:
    """Whether an answer may be a NaN of x, which is not looked for."""
    return order.nan_is_largest and not omit_nan and bool(x.isnan().any())


def takes_elements(order: Order, grid: Grid) -> bool:
    """Whether by masses the answer is of single elements alone, each the first or last that equals its value."""
    plain = isinstance(order, (Rank, Median, Quantile)) and order.weights_only_select()
    return plain and order.answers() is None and order.ties != "split" and not grid.weighted


def spread(x: Any, grid: Grid, order: Order, mask: Any, taken: Iterable[tuple[Any, Any]]) -> Any:
    """The gradient for x, given values that windows took and the gradient of each."""
    if mask is not None and mask.dtype is not torch.bool:
        mask = mask != 0  # masses choose the value; any element there that equals it may be its owner
    asked = adjoint.owners(grid, x.stride(), dtype_name(x), order.ties == "last")
    if asked is None:
        return _counted(x, grid, order, mask, taken)

    def lying(t: Any) -> Any:
        return (t if asked.back is None else t.permute(asked.order)).contiguous()

    elements, held = lying(x), None if mask is None else lying(mask.expand(x.shape))
    total = torch.zeros(
        asked.shape, dtype=torch.float64 if x.dtype == torch.float64 else torch.float32, device=x.device
    )
    for value, g in taken:
        values, weight = lying(value), lying(g)
        where = 0 if held is None else held.data_ptr()
        asked.spread(elements.data_ptr(), where, values.data_ptr(), weight.data_ptr(), total.data_ptr())
    return (total if asked.back is None else total.permute(asked.back)).to(x.dtype)


def _counted(x: Any, grid: Grid, order: Order, mask: Any, taken: Iterable[tuple[Any, Any]]) -> Any:
    """The same for borders, where an element may lie in a window twice: the owners' positions, then sums by position."""
    known = finder(Job(grid, order, dtype_name(x), "torch", omit_nan=True), x.stride())  # a NaN has no owner
    turned = [*(a for a in range(x.ndim) if a not in grid.pooled_dims), *grid.pooled_dims]
    rows = math.prod(grid.shape[a] for a in turned[: x.ndim - len(grid.pooled_dims)])
    inside = math.prod(grid.shape[a] for a in grid.pooled_dims)
    begin = torch.arange(rows, dtype=torch.int64, device=x.device)[:, None] * inside

    def lying(t: Any) -> Any:
        return t.permute(known.order).contiguous()

    elements, held = lying(x), None if mask is None else lying(mask.expand(x.shape))
    total: Any = 0
    for value, g in taken:
        values, position = lying(value), torch.empty(known.found, dtype=torch.int64, device="cpu")
        where = 0 if held is None else held.data_ptr()
        known.find(elements.data_ptr(), where, values.data_ptr(), position.data_ptr())
        position = position if known.back is None else position.permute(known.back)
        position, given = (t.permute(turned).reshape(rows, -1) for t in (position, g))
        weight = torch.where(position < 0, 0.0, given.double())
        # sums in double, one after the other: a sixth of the time of index_add_, and no thread has a say
        at = (position.clamp(min=0) + begin).reshape(-1)
        total = total + torch.bincount(at, weight.reshape(-1), minlength=rows * inside)
    total = total.reshape([grid.shape[a] for a in turned])
    return total.permute([turned.index(a) for a in range(x.ndim)]).to(x.dtype)
