"""Gradients of order statistics whose windows the compiled core sorts: torch differentiates
`finish`.
"""

from __future__ import annotations

from copy import copy
from typing import Any

import numpy as np
import torch

from ..arrays.adapter import adapter_named, is_numpy
from ..arrays.shape_ops import cast, dtype_name
from ..engines.ranks.rank_terms import coefficients
from ..engines.ranks.sorted_calls import SortedPiece, SortedPieces
from ..engines.reference import sorted as sorted_reference
from ..order_statistics import Order, Sorted
from ..plan import Grid, Job

NUMPY, TORCH = adapter_named("numpy"), adapter_named("torch")
TIES = {"first": 1, "last": 2, "split": 3}
MAX_TABLE = 256  # maximum length of windows whose coefficients are a table by count


def forward_with_elements(x: Any, job: Job, weights: Any) -> tuple[Any, list[tuple[Any, Any]]]:
    """The results of an order statistic of single elements, and these elements with the derivative
    for each.
    """
    windows = SortedPieces(x, job, weights, TORCH)
    results: list[list[Any]] = []
    for piece in windows.prepared.pieces:
        sorted_piece = windows.sorted(piece)
        sorted_piece.window = window = _RecordingWindow(sorted_piece.window)
        with torch.enable_grad():
            y = windows.results(sorted_piece, job.reduction)
        slopes: Any = torch.autograd.grad(y, window.recorded, torch.ones_like(y), allow_unused=True)
        slopes = [torch.zeros_like(y) if s is None else s for s in slopes]
        results.append([y.detach(), *(t.detach() for t in window.recorded), *slopes])
    rows = windows.prepared.rows
    columns = [torch.cat(pieces).reshape(rows, -1) for pieces in zip(*results, strict=True)]
    y, *rest = (sorted_reference.assemble([c], job.grid, job.reduction).to(x.dtype) for c in columns)
    many = len(rest) // 2
    return y, list(zip(rest[:many], rest[many:], strict=True))


class _RecordingWindow(Sorted):
    """Sorted windows that record the elements that `finish` uses."""

    def __init__(self, window: Sorted) -> None:
        masses: dict[str, Any] = {"masses": window.masses, "cumulated": window.cumulated, "rounding": window.rounding}
        super().__init__(window.values, window.present, order=window.order, **masses)
        self.recorded: list[Any] = []

    def route_gradient(self, value: Any) -> Any:
        self.recorded.append(value.clone().requires_grad_())
        return self.recorded[-1]


def backward(g: Any, x: Any, job: Job, weights: Any, learned: tuple[str, ...]) -> tuple[Any, Any, tuple[Any, ...]]:
    """The gradients of a tensor x, of its weights, and of the named parameters; no window is
    saved."""
    order = copy(job.reduction)
    order.parameters = dict(order.parameters)
    parameters = [order.parameters[name].detach().requires_grad_() for name in learned]
    order.parameters.update(zip(learned, parameters, strict=True))
    rows, weighs = _flat(g, job.grid, order), weights is not None and weights.requires_grad
    total = torch.zeros(x.shape, dtype=torch.float64 if x.dtype is torch.float64 else torch.float32, device=x.device)
    by_weight = torch.zeros_like(total) if weighs else None
    sums = [torch.zeros_like(t) for t in parameters]
    ties = TIES[order.ties] if order.splits_ties and not order.is_smooth else 0
    uses_table = order.linear() and order.answers() is None and not parameters and job.grid.max_length <= MAX_TABLE
    windows = SortedPieces(x, job, weights, TORCH)
    uses_table = uses_table and not windows.prepared.weighs
    windows = SortedPieces(x, job, weights, NUMPY) if uses_table else windows
    table = (
        _table(order, job.grid.max_length, "float64" if x.dtype is torch.float64 else "float32") if uses_table else None
    )
    for piece in windows.prepared.pieces:
        sorted_piece, g_piece = windows.sorted(piece), rows[piece[0] : piece[1]]
        targets: list[tuple[Any, Any, int]] = []
        if uses_table:
            targets.append((_by_count(table, sorted_piece, g_piece.numpy()), total, ties))
        else:
            value_gradients, mass, parameter_gradients = _by_torch(
                windows, sorted_piece, order, g_piece, parameters, weighs
            )
            targets += [(value_gradients, total, ties), (mass, by_weight, 0)]
            for parameter_sum, part in zip(sums, parameter_gradients, strict=True):
                parameter_sum += 0 if part is None else part
        for gradient_rows, target, tie_rule in targets:
            if gradient_rows is not None:
                windows.prepared.scatter(
                    piece, tie_rule, {**sorted_piece.memory, "g": _address(gradient_rows), "gx": target.data_ptr()}
                )
    return total.to(x.dtype), _weight_gradient(by_weight, weights), tuple(sums)


def _weight_gradient(total: Any, weights: Any) -> Any:
    """The gradient of the weights from the products with them: a mass is a weight times the weight
    of its window."""
    if total is None:
        return None
    w = weights.detach().expand(total.shape)
    each = torch.where(w == 0, 0.0, total.to(w.dtype) / torch.where(w == 0, 1.0, w))
    return each.sum_to_size(weights.shape)


def _table(order: Order, length: int, dtype: str) -> Any:
    """(length, length + 1): the coefficient of each rank for each number of elements."""
    table = np.zeros((length, length + 1))
    for n in range(1, length + 1):
        if not order.undefined_for(n):
            table[:n, n] = coefficients(order, n)
    return table.astype(dtype)


def _by_count(table: Any, sorted_piece: SortedPiece, g: Any) -> Any:
    """The gradients of sorted values whose coefficients depend only on the number of elements."""
    g = g.astype(table.dtype) if sorted_piece.nan is None else np.where(sorted_piece.nan, 0, g).astype(table.dtype)
    n = sorted_piece.window.present
    return np.ascontiguousarray(table[:, n] * g if hasattr(n, "shape") else table[:, n : n + 1] * g)


def _by_torch(
    windows: SortedPieces, sorted_piece: SortedPiece, order: Order, g: Any, parameters: list[Any], weighs: bool
) -> tuple[Any, Any, list[Any]]:
    """The gradients of sorted values, of masses times these (None without a gradient), and of the
    parameters.
    """
    leaves = [sorted_piece.window.values.requires_grad_()]
    with torch.enable_grad():
        if weighs:
            w = sorted_piece.window
            leaves.append(w.masses.detach().requires_grad_())
            sorted_piece.window = Sorted(w.values, w.present, leaves[1], w.order, rounding=w.rounding)
        y = windows.results(sorted_piece, order)
    if not y.requires_grad:
        return None, None, [None] * len(parameters)
    gradients: Any = torch.autograd.grad(y, [*leaves, *parameters], g.to(y.dtype), allow_unused=True)
    value_gradients, *rest = gradients
    mass = rest.pop(0) if weighs else None
    if mass is not None:
        mass = mass * leaves[1].detach()
        mass = mass if sorted_piece.nan is None else torch.where(sorted_piece.nan[:, None], 0.0, mass)
        mass = mass.to(sorted_piece.window.values.dtype).t().contiguous()
    return None if value_gradients is None else value_gradients.t().contiguous(), mass, rest


def _flat(g: Any, grid: Grid, order: Order) -> Any:
    """The gradients of the windows, row by row; several answers on the last axis."""
    answers = order.answers()
    if answers is not None and answers[1] == 0:
        g = g.movedim(0, -1)
    rank = len(grid.shape)
    g = g.movedim(list(grid.pooled_dims), list(range(rank - len(grid.pooled_dims), rank)))
    half = dtype_name(g) in ("float16", "bfloat16")
    return cast(g, "float32" if half else dtype_name(g)).reshape(-1, *([answers[0]] if answers is not None else []))


def _address(rows: Any) -> int:
    return (NUMPY if is_numpy(rows) else TORCH).address(rows)
