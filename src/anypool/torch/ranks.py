"""Order statistics of tensors: the plan, and the gradients."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch

from ..arrays.torch import dtype_name, transformed
from ..arrays.torch_incoming import ordinary
from ..arrays.torch_memory import like_layout
from ..engines import execute
from ..engines.plan import components_of
from ..engines.ranks import sorted as sorting
from ..engines.reference import sorted as sorted_reference
from ..order_statistics import Order
from ..plan import Grid, Job
from . import selections, sorted_ranks
from .function import Forward, differentiable


def pooled(context: Any, job: Job, x: Any, weights: Any, out: Any = None) -> Any:
    """One order statistic, with a gradient if one is needed."""
    order: Order = job.reduction
    if order.gives == "position" or not order.differentiable:  # integer results have no gradient
        x, weights = x.detach(), weights if weights is None else weights.detach()
    call = _RankCall(context.arrays, job.grid, order, job.omit_nan, job.empty, context.backend)
    if transformed():
        return call.reference(x, weights)
    if torch.is_grad_enabled():
        learned = [t for t in order.parameters.values() if isinstance(t, torch.Tensor) and t.requires_grad]
        if isinstance(weights, torch.Tensor) and weights.requires_grad:
            components = components_of(job)
            if order.weights_only_select():
                weights = weights.detach()  # the weights only select: their gradient is 0
            elif components is not None:
                return order.combine([pooled(context, component, x, weights) for component in components])
            elif not call.sorts(x, weights):
                return call.reference(x, weights)
        if learned and not call.sorts(x, weights):
            return call.reference(x, weights)
        if x.requires_grad or learned or (weights is not None and weights.requires_grad):
            return differentiable(RankRule(call), x, weights, *learned)
    return call.forward(x, weights)


class _RankCall:
    """The arguments of one call besides tensors."""

    def __init__(
        self, arrays: Any, grid: Grid, order: Order, omit_nan: bool, empty: float | None, backend: str | None
    ) -> None:
        self.arrays = arrays
        self.grid, self.order, self.omit_nan, self.empty, self.backend = grid, order, omit_nan, empty, backend

    def reference(self, x: Any, weights: Any) -> Any:
        """The result in torch's own functions."""
        return sorted_reference.forward(x, self.grid, self.order, weights, self.omit_nan, self.empty)

    def forward(self, x: Any, weights: Any) -> Any:
        """The result by the preferred plan, without a gradient."""
        if not ordinary(x):
            return like_layout(self.reference(x, weights), x)
        weights = None if weights is None else weights.detach()
        y = execute.compute(self.arrays, x.detach(), self.job(x, weights), weights, None, self.backend)
        return like_layout(y, x)

    def job(self, x: Any, weights: Any) -> Job:
        """The call without its data."""
        facts = None if weights is None else (tuple(weights.shape), dtype_name(weights))
        return Job(self.grid, self.order, dtype_name(x), "torch", x.device.type, facts, self.omit_nan, self.empty)

    def part(self, order: Order) -> _RankCall:
        """The same call for another order statistic."""
        return _RankCall(self.arrays, self.grid, order, self.omit_nan, self.empty, self.backend)

    def sorts(self, x: Any, weights: Any) -> bool:
        """Whether the compiled core sorts these windows for a gradient."""
        is_supported = x.device.type == "cpu" and self.backend != "reference" and x.is_floating_point() and ordinary(x)
        return is_supported and sorting.refuses(self.job(x, weights)) is None

    def saves_elements(self, x: Any, weights: Any) -> bool:
        """Whether forward saves the selected elements: windows are sorted for their masses, and the
        gradient needs no more."""
        is_weighted = weights is not None and weights.dtype is not torch.bool
        takes_elements = selections.takes_elements(self.order, self.grid)
        return is_weighted and takes_elements and self.backend is None and self.sorts(x, weights)

    def gradient(self, g: Any, x: Any, weights: Any) -> Any:
        """The gradient of x from the gradients g of the windows."""
        components = self.order.components()
        if components is not None:
            answers = [self.part(order).forward(x, weights).requires_grad_() for order in components]
            with torch.enable_grad():
                each = torch.autograd.grad(self.order.combine(answers), answers, g)
            gradients = [self.part(order).gradient(h, x, weights) for order, h in zip(components, each, strict=True)]
            return sum(gradients[1:], gradients[0])
        gradient = None
        if type(g) is torch.Tensor and self.backend != "reference":
            select = self.selection(x, weights)
            gradient = selections.backward(g, x, self.grid, self.order, weights, self.omit_nan, select)
            if gradient is None and self.sorts(x, weights):
                gradient = sorted_ranks.backward(g, x, self.job(x, weights), weights, ())[0]
        if gradient is None:
            gradient = reference_gradient(g, x, self.grid, self.order, weights, self.omit_nan, self.empty)
        return gradient

    def selection(self, x: Any, weights: Any) -> Any:
        """A function that pools x by another order statistic over the same windows; undefined
        results are NaN.
        """
        return lambda order: _RankCall(self.arrays, self.grid, order, self.omit_nan, None, self.backend).forward(
            x, weights
        )


class RankRule:
    """An order statistic of x, with weights and parameters that may have gradients."""

    def __init__(self, call: _RankCall) -> None:
        self.call = call

    def forward(self, tensors: Sequence[Any]) -> Forward:
        """The result, and the selected elements if they are saved."""
        x, weights, *learned = tensors
        call = self.call
        if learned or not call.saves_elements(x.detach(), weights):
            return Forward(call.forward(x.detach(), weights))
        masses = weights.detach()
        y, pairs = sorted_ranks.forward_with_elements(x.detach(), call.job(x, masses), masses)
        return Forward(like_layout(y, x), tuple(t for pair in pairs for t in pair))

    def backward(self, g: Any, tensors: Sequence[Any], result: Any, saved: Sequence[Any]) -> Sequence[Any]:
        """The gradients of x, of weights and of parameters."""
        x, weights, *learned = tensors
        call, plain, gw = self.call, x.detach(), None
        gl: Sequence[Any] = ()
        if learned or (weights is not None and weights.requires_grad):
            names = tuple(
                k for k, v in call.order.parameters.items() if isinstance(v, torch.Tensor) and v.requires_grad
            )
            gx, gw, gl = sorted_ranks.backward(g, plain, call.job(plain, weights), weights, names)
        elif saved and type(g) is torch.Tensor and not selections.takes_nan(call.order, plain, call.omit_nan):
            pairs = zip(saved[::2], saved[1::2], strict=True)
            each = ((v, torch.where(slope == 0, 0.0, g * slope).to(x.dtype)) for v, slope in pairs)
            gx = selections.scatter_to_elements(plain, call.grid, call.order, weights, each)
        else:
            gx = call.gradient(g, plain, weights)
        return like_layout(gx, x), gw, *gl

    def reference(self, tensors: Sequence[Any]) -> Any:
        """The order statistic in torch's own functions."""
        return self.call.reference(tensors[0], tensors[1])


def reference_gradient(
    g: Any, x: Any, grid: Grid, order: Order, weights: Any = None, omit_nan: bool = False, empty: float | None = None
) -> Any:
    """The gradient of a tensor x, piece by piece; no window is saved."""
    rows, answers = math.prod(n for a, n in enumerate(grid.shape) if a not in grid.pooled_dims), order.answers()
    if answers is not None and answers[1] == 0:
        g = g.movedim(0, -1)
    at = [a - x.ndim - (answers is not None) for a in grid.pooled_dims]
    last = range(-len(at) - 1, -1) if answers is not None else range(-len(at), 0)
    g = g.movedim(at, list(last)).reshape(rows, -1, *([answers[0]] if answers is not None else []))
    total = torch.zeros_like(x, memory_format=torch.preserve_format)
    for piece in sorted_reference.pieces_of(x, grid):
        source = x.detach().requires_grad_()
        with torch.enable_grad():
            y = sorted_reference.piece_of(source, grid, order, weights, omit_nan, empty, piece)
        if y.requires_grad:
            total += torch.autograd.grad(y, source, g[piece])[0]
    return total
