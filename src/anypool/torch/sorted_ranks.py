"""Gradients of order statistics whose windows the compiled core sorts: torch differentiates the
finish, the core the rest."""

from __future__ import annotations

from copy import copy
from typing import Any

import numpy as np
import torch

from ..arrays.adapter import adapter_named, is_numpy
from ..arrays.shape_ops import cast, dtype_name
from ..engines.ranks.rank_terms import coefficients
from ..engines.ranks.sorted_calls import SortedPiece, SortedPieces
from ..engines.reference import sorted as orders_reference
from ..order_statistics import Order, Sorted
from ..plan import Grid, Job

NUMPY, TORCH = adapter_named("numpy"), adapter_named("torch")
TIES = {"first": 1, "last": 2, "split": 3}
MOST_TABLED = 256  # elements of a window whose coefficients are a table by count


def taking(x: Any, job: Job, weights: Any) -> tuple[Any, list[tuple[Any, Any]]]:
    """The answers of an order statistic that takes single elements of a tensor x, and those
    elements with the slope in each."""
    windows = SortedPieces(x, job, weights, TORCH)
    found: list[list[Any]] = []
    for piece in windows.prepared.pieces:
        held = windows.sorted(piece)
        held.window = window = _Taking(held.window)
        with torch.enable_grad():
            y = windows.answers(held, job.reduction)
        slopes: Any = torch.autograd.grad(y, window.taken, torch.ones_like(y), allow_unused=True)
        slopes = [torch.zeros_like(y) if s is None else s for s in slopes]
        found.append([y.detach(), *(t.detach() for t in window.taken), *slopes])
    rows = windows.prepared.rows
    columns = [torch.cat(pieces).reshape(rows, -1) for pieces in zip(*found, strict=True)]
    y, *rest = (orders_reference.joined([c], c, job.grid, job.reduction, weights).to(x.dtype) for c in columns)
    many = len(rest) // 2
    return y, list(zip(rest[:many], rest[many:], strict=True))


class _Taking(Sorted):
    """Sorted windows that remember which elements were asked for."""

    def __init__(self, window: Sorted) -> None:
        masses: dict[str, Any] = {"masses": window.masses, "cumulated": window.cumulated, "rounding": window.rounding}
        super().__init__(window.values, window.present, order=window.order, **masses)
        self.taken: list[Any] = []

    def route_gradient(self, value: Any) -> Any:
        self.taken.append(value.clone().requires_grad_())
        return self.taken[-1]


def backward(g: Any, x: Any, job: Job, weights: Any, learned: tuple[str, ...]) -> tuple[Any, Any, tuple[Any, ...]]:
    """The gradients for a tensor x, for its weights where they learn, and for the parameters named;
    no window is kept."""
    order = copy(job.reduction)
    order.parameters = dict(order.parameters)
    asked = [order.parameters[name].detach().requires_grad_() for name in learned]
    order.parameters.update(zip(learned, asked, strict=True))
    rows, weighs = _flat(g, job.grid, order), weights is not None and weights.requires_grad
    total = torch.zeros(x.shape, dtype=torch.float64 if x.dtype is torch.float64 else torch.float32, device=x.device)
    by_weight = torch.zeros_like(total) if weighs else None
    sums = [torch.zeros_like(t) for t in asked]
    ties = TIES[order.ties] if order.splits_ties else 0
    tabled = order.linear() and order.answers() is None and not asked and job.grid.max_length <= MOST_TABLED
    windows = SortedPieces(x, job, weights, TORCH)
    tabled = tabled and not windows.prepared.weighs
    windows = SortedPieces(x, job, weights, NUMPY) if tabled else windows
    table = _table(order, job.grid.max_length, "float64" if x.dtype is torch.float64 else "float32") if tabled else None
    for piece in windows.prepared.pieces:
        held, given = windows.sorted(piece), rows[piece[0] : piece[1]]
        to: list[tuple[Any, Any, int]] = []
        if tabled:
            to.append((_by_count(table, held, given.numpy()), total, ties))
        else:
            back, mass, shares = _by_torch(windows, held, order, given, asked, weighs)
            to += [(back, total, ties), (mass, by_weight, 0)]
            for sum_, part in zip(sums, shares, strict=True):
                sum_ += 0 if part is None else part
        for rows_, into, ties_ in to:
            if rows_ is not None:
                windows.prepared.spread(piece, ties_, {**held.memory, "g": _address(rows_), "gx": into.data_ptr()})
    return total.to(x.dtype), _of_weights(by_weight, weights), tuple(sums)


def _of_weights(total: Any, weights: Any) -> Any:
    """The gradient for weights, given its products with them: a mass is a weight times what its place counts."""
    if total is None:
        return None
    w = weights.detach().expand(total.shape)
    each = torch.where(w == 0, 0.0, total.to(w.dtype) / torch.where(w == 0, 1.0, w))
    return each.sum_to_size(weights.shape)


def _table(order: Order, places: int, dtype: str) -> Any:
    """(places, places + 1): how much of each rank windows of every count take."""
    made = np.zeros((places, places + 1))
    for n in range(1, places + 1):
        if not order.undefined_for(n):
            made[:n, n] = coefficients(order, n)
    return made.astype(dtype)


def _by_count(table: Any, held: SortedPiece, g: Any) -> Any:
    """The gradients of sorted values whose shares are known by how many there are."""
    g = g.astype(table.dtype) if held.nan is None else np.where(held.nan, 0, g).astype(table.dtype)
    n = held.window.present
    return np.ascontiguousarray(table[:, n] * g if hasattr(n, "shape") else table[:, n : n + 1] * g)


def _by_torch(
    windows: SortedPieces, held: SortedPiece, order: Order, g: Any, asked: list[Any], weighs: bool
) -> tuple[Any, Any, list[Any]]:
    """The gradients of sorted values, of masses times these (None: they do not learn), and of the
    parameters asked for."""
    leaves = [held.window.values.requires_grad_()]
    with torch.enable_grad():
        if weighs:
            w = held.window
            leaves.append(w.masses.detach().requires_grad_())
            held.window = Sorted(w.values, w.present, leaves[1], w.order, rounding=w.rounding)
        y = windows.answers(held, order)
    if not y.requires_grad:
        return None, None, [None] * len(asked)
    gradients: Any = torch.autograd.grad(y, [*leaves, *asked], g.to(y.dtype), allow_unused=True)
    back, *rest = gradients
    mass = rest.pop(0) if weighs else None
    if mass is not None:
        mass = mass * leaves[1].detach()
        mass = mass if held.nan is None else torch.where(held.nan[:, None], 0.0, mass)
        mass = mass.to(held.window.values.dtype).t().contiguous()
    return None if back is None else back.t().contiguous(), mass, rest


def _flat(g: Any, grid: Grid, order: Order) -> Any:
    """The windows' gradients, numbered row by row; several answers on the last axis."""
    many = order.answers()
    if many is not None and many[1] == 0:
        g = g.movedim(0, -1)
    rank = len(grid.shape)
    g = g.movedim(list(grid.pooled_dims), list(range(rank - len(grid.pooled_dims), rank)))
    half = dtype_name(g) in ("float16", "bfloat16")
    return cast(g, "float32" if half else dtype_name(g)).reshape(-1, *([many[0]] if many is not None else []))


def _address(rows: Any) -> int:
    return (NUMPY if is_numpy(rows) else TORCH).address(rows)
