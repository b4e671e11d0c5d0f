"""Order statistics of PyTorch tensors: the backend chosen, and one autograd.Function of their own."""

from __future__ import annotations

from typing import Any

import torch

from ..backends import cpu, orders_cpu, orders_gradient, orders_reference
from ..choose import choose
from ..orders import Order
from ..plan import Grid, Job
from ..reductions import Max
from . import orders_listed, orders_numpy
from .torch import TYPES, dtype_name, empty, like_layout, run, transformed


def pooled(
    x: Any, grid: Grid, order: Order, weights: Any, *, omit_nan: bool, empty: float | None, backend: str | None
) -> Any:
    """One order statistic, with a gradient where one is wanted."""
    call = _Call(grid, order, omit_nan, empty, backend)
    learned = [weights, *order.parameters.values()]
    if transformed():
        return call.reference(x, weights)
    if torch.is_grad_enabled():
        if any(isinstance(t, torch.Tensor) and t.requires_grad for t in learned):
            return call.reference(x, weights)
        if x.requires_grad:
            return _Learning.apply(x, weights, call)
    return call.forward(x, weights)


class _Call:
    """What one call needs besides tensors."""

    def __init__(self, grid: Grid, order: Order, omit_nan: bool, empty: float | None, backend: str | None) -> None:
        self.grid, self.order, self.omit_nan, self.empty, self.backend = grid, order, omit_nan, empty, backend

    def reference(self, x: Any, weights: Any) -> Any:
        """The result in torch words."""
        return orders_reference.forward(x, self.grid, self.order, weights, self.omit_nan, self.empty)

    def forward(self, x: Any, weights: Any) -> Any:
        """The result; windows that a NaN spoils are found by a maximum, those that overhang are the reference's."""
        facts = None if weights is None else (tuple(weights.shape), dtype_name(weights))
        job = Job(self.grid, self.order, dtype_name(x), "torch", x.device.type, facts, self.omit_nan, self.empty)
        plain = type(x) in (torch.Tensor, torch.nn.Parameter) and not x.is_neg()
        if choose(job, self.backend) is not cpu or not plain:
            return like_layout(self.reference(x, weights), x)
        parts = self.order.apart()
        if parts is not None:
            return self.order.together([self.part(order).forward(x, weights) for order in parts])
        if orders_cpu.networks(job) is not None:
            return like_layout(orders_listed.forward(x.detach(), job), x)
        if orders_cpu.plain(job) is not None:
            made = self.counted(x, job, weights)
            return like_layout(self.reference(x, weights) if made is None else made, x)
        prepared = orders_cpu.prepare(job, x.stride())
        y = empty(prepared.shape, TYPES[prepared.result])
        result = y.permute(prepared.back)
        if prepared.forward(x.data_ptr(), y.data_ptr()):
            if prepared.spoils:
                result.masked_fill_(run(x.detach(), self.grid, (Max(),))[0].isnan(), float("nan"))
            elif not prepared.ranked:
                return like_layout(self.reference(x, weights), x)
        for edge in prepared.edges:
            call = _Call(edge.grid, self.order, self.omit_nan, self.empty, None)
            result[edge.where] = edge.of(call.forward(edge.of(x.detach()), None))
        return result

    def part(self, order: Order) -> _Call:
        """The same call of another order statistic."""
        return _Call(self.grid, order, self.omit_nan, self.empty, self.backend)

    def counted(self, x: Any, job: Job, weights: Any) -> Any:
        """Windows that lack elements, through NumPy's view of the same memory; None where NumPy has no such type."""
        if x.dtype is torch.bfloat16:
            return None
        mask = None if weights is None else weights.detach().numpy()
        return torch.from_numpy(
            orders_numpy.forward(x.detach().numpy(), job.grid, job.reduction, mask, job.omit_nan, job.empty, None)
        )

    def selection(self, x: Any, weights: Any) -> Any:
        """What pools x by another order statistic over the same windows."""
        return lambda order: self.part(order).forward(x, weights)


class _Learning(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any, weights: Any, call: _Call) -> Any:
        ctx.call, ctx.weighted = call, weights is not None
        ctx.save_for_backward(x, *(() if weights is None else (weights,)))
        return call.forward(x.detach(), weights)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        (g,) = grad_outputs
        x, *rest = ctx.saved_tensors
        call: _Call = ctx.call
        weights = rest[0] if ctx.weighted else None
        if torch.is_grad_enabled() and (g.requires_grad or x.requires_grad):
            with torch.enable_grad():
                again = call.reference(x, weights)
                return torch.autograd.grad(again, x, g, create_graph=True)[0], None, None
        plain, gx = x.detach(), None
        if type(g) is torch.Tensor:
            select = call.selection(plain, weights)
            gx = orders_gradient.backward(g, plain, call.grid, call.order, weights, call.omit_nan, select)
        if gx is None:
            gx = orders_reference.backward(g, plain, call.grid, call.order, weights, call.omit_nan, call.empty)
        return like_layout(gx, x), None, None
