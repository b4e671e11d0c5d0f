"""Order statistics of PyTorch tensors: the backend chosen, and one autograd.Function of their own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from ..arrays.torch import dtype_name, transformed
from ..arrays.torch_incoming import PLAIN, readable
from ..arrays.torch_memory import like_layout
from ..arrays.torch_results import Differentiable, whole
from ..engines import execute
from ..engines.ranks import gradient as orders_gradient
from ..engines.ranks import sorted as sorting
from ..engines.ranks import sorted_calls as orders_sorted
from ..engines.reference import sorted as orders_reference
from ..order_statistics import Order
from ..plan import Grid, Job


def pooled(context: Any, job: Job, x: Any, weights: Any, out: Any = None) -> Any:
    """One order statistic, with a gradient where one is wanted."""
    order: Order = job.reduction
    if order.gives == "position" or not order.differentiable:  # whole numbers, NumPy's: nothing learns by them
        x, weights = x.detach(), weights if weights is None else weights.detach()
    call = _Call(context.arrays, job.grid, order, job.omit_nan, job.empty, context.backend)
    if transformed():
        return call.reference(x, weights)
    if torch.is_grad_enabled():
        learned = [t for t in order.parameters.values() if isinstance(t, torch.Tensor) and t.requires_grad]
        if isinstance(weights, torch.Tensor) and weights.requires_grad:
            parts = order.apart()
            if order.steps():
                weights = weights.detach()  # they say which elements it is of: a step, whose slope is 0
            elif parts is not None:
                return order.together([pooled(context, replace(job, reduction=part), x, weights) for part in parts])
            elif not call.sorts(x, weights):
                return call.reference(x, weights)
        if learned and not call.sorts(x, weights):
            return call.reference(x, weights)
        if x.requires_grad or learned or (weights is not None and weights.requires_grad):
            return _Learning.apply(x, weights, call, *learned)
    return call.forward(x, weights)


class _Call:
    """What one call needs besides tensors."""

    def __init__(
        self, arrays: Any, grid: Grid, order: Order, omit_nan: bool, empty: float | None, backend: str | None
    ) -> None:
        self.arrays = arrays
        self.grid, self.order, self.omit_nan, self.empty, self.backend = grid, order, omit_nan, empty, backend

    def reference(self, x: Any, weights: Any) -> Any:
        """The result in torch words."""
        return orders_reference.forward(x, self.grid, self.order, weights, self.omit_nan, self.empty)

    def forward(self, x: Any, weights: Any) -> Any:
        """The result by the preferred plan; no gradient is attached."""
        if not _plain(x):
            return like_layout(self.reference(x, weights), x)
        weights = None if weights is None else weights.detach()
        y = execute.compute(self.arrays, x.detach(), self.job(x, weights), weights, None, self.backend)
        return like_layout(y, x)

    def job(self, x: Any, weights: Any) -> Job:
        """The call without its data."""
        facts = None if weights is None else (tuple(weights.shape), dtype_name(weights))
        return Job(self.grid, self.order, dtype_name(x), "torch", x.device.type, facts, self.omit_nan, self.empty)

    def part(self, order: Order) -> _Call:
        """The same call of another order statistic."""
        return _Call(self.arrays, self.grid, order, self.omit_nan, self.empty, self.backend)

    def sorts(self, x: Any, weights: Any) -> bool:
        """Whether the compiled core sorts these windows for a gradient."""
        served = x.device.type == "cpu" and self.backend != "reference" and x.is_floating_point() and _plain(x)
        return served and sorting.refuses(self.job(x, weights)) is None

    def takes(self, x: Any, weights: Any) -> bool:
        """Whether a gradient only asks which elements were taken of windows that are sorted for their masses."""
        weighed = weights is not None and weights.dtype is not torch.bool
        asks = orders_gradient.takes_elements(self.order, self.grid)
        return weighed and asks and self.backend is None and self.sorts(x, weights)

    def gradient(self, g: Any, x: Any, weights: Any) -> Any:
        """The gradient for x of the windows' gradients g."""
        parts = self.order.apart()
        if parts is not None:
            answers = [self.part(order).forward(x, weights).requires_grad_() for order in parts]
            with torch.enable_grad():
                each = torch.autograd.grad(self.order.together(answers), answers, g)
            gradients = [self.part(order).gradient(h, x, weights) for order, h in zip(parts, each, strict=True)]
            return sum(gradients[1:], gradients[0])
        found = None
        if type(g) is torch.Tensor and self.backend != "reference":
            select = self.selection(x, weights)
            found = orders_gradient.backward(g, x, self.grid, self.order, weights, self.omit_nan, select)
            if found is None and self.sorts(x, weights):
                found = orders_sorted.backward(g, x, self.job(x, weights), weights, ())[0]
        if found is None:
            found = orders_reference.backward(g, x, self.grid, self.order, weights, self.omit_nan, self.empty)
        return found

    def selection(self, x: Any, weights: Any) -> Any:
        """What pools x by another order statistic over the same windows; NaN, which no element is, where there is no answer."""
        return lambda order: _Call(self.arrays, self.grid, order, self.omit_nan, None, self.backend).forward(x, weights)


class _Learning(Differentiable):
    @staticmethod
    def forward(ctx: Any, x: Any, weights: Any, call: _Call, *learned: Any) -> Any:
        ctx.call, ctx.weighted = call, weights is not None
        taken: list[tuple[Any, Any]] = []
        if not learned and call.takes(x.detach(), weights):
            held = weights.detach()
            y, taken = orders_sorted.taking(x.detach(), call.job(x, held), held)
            y = like_layout(y, x)
        else:
            y = call.forward(x.detach(), weights)
        ctx.learned = len(learned)
        ctx.save_for_backward(
            x, *(() if weights is None else (weights,)), *learned, *(t for pair in taken for t in pair)
        )
        return whole(y)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        g = readable(grad_outputs[0])
        x, *rest = ctx.saved_tensors
        call: _Call = ctx.call
        weights = rest[0] if ctx.weighted else None
        taken = rest[ctx.weighted + ctx.learned :]
        learned = rest[ctx.weighted : ctx.weighted + ctx.learned]
        given = (x, *rest[: ctx.weighted + ctx.learned])
        if torch.is_grad_enabled() and any(t.requires_grad for t in (g, *given)):
            with torch.enable_grad():
                again = call.reference(x, weights)
                asked = [t for t in given if t.requires_grad]
                found = iter(torch.autograd.grad(again, asked, g, create_graph=True, allow_unused=True))
                gx, *gl = (next(found) if t.requires_grad else None for t in given)
                return gx, gl.pop(0) if ctx.weighted else None, None, *gl
        plain, gw = x.detach(), None
        if learned or (weights is not None and weights.requires_grad):
            names = tuple(
                k for k, v in call.order.parameters.items() if isinstance(v, torch.Tensor) and v.requires_grad
            )
            gx, gw, gl = orders_sorted.backward(g, plain, call.job(plain, weights), weights, names)
        elif taken and type(g) is torch.Tensor and not orders_gradient.takes_nan(call.order, plain, call.omit_nan):
            pairs = zip(taken[::2], taken[1::2], strict=True)
            each = ((v, torch.where(slope == 0, 0.0, g * slope).to(x.dtype)) for v, slope in pairs)
            gx, gl = orders_gradient.spread(plain, call.grid, call.order, weights, each), ()
        else:
            gx, gl = call.gradient(g, plain, weights), ()
        return like_layout(gx, x), gw, None, *gl


def _plain(x: Any) -> bool:
    return type(x) in PLAIN and not x.is_neg()
