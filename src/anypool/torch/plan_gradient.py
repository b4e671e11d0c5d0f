"""The gradient of a plan whose engine states none: the plan computes the result, the reference its
derivative."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from ..arrays.torch_memory import like_layout
from ..engines.plan import CallContext, Plan
from .function import Forward, differentiable


def run(plan: Plan, call: CallContext, x: Any, weights: Any = None, out: Any = None) -> Any:
    """The result with a gradient; None if the plan does not accept the values."""
    parameters = getattr(plan.job.reduction, "parameters", {}).values()
    if any(isinstance(t, torch.Tensor) and t.requires_grad for t in parameters):
        return None  # the reference, which is a later plan, differentiates parameters
    y = plan.run(call, x.detach(), None if weights is None else weights.detach(), None)
    if y is None or not (y.is_floating_point() and getattr(plan.job.reduction, "differentiable", True)):
        return y
    return differentiable(PlanRule(plan, call, y), x, weights)


class PlanRule:
    """The result of one plan; the gradient is the reference's."""

    def __init__(self, plan: Plan, call: CallContext, result: Any) -> None:
        self.plan, self.call, self.result = plan, call, result

    def forward(self, tensors: Sequence[Any]) -> Forward:
        """The result."""
        y, self.result = self.result, None
        return Forward(like_layout(y, tensors[0]))

    def backward(self, g: Any, tensors: Sequence[Any], result: Any, saved: Sequence[Any]) -> Sequence[Any]:
        """The gradients of x and of weights."""
        leaves = [t if t is None else t.detach().requires_grad_(t.requires_grad) for t in tensors]
        needed = [t for t in leaves if t is not None and t.requires_grad]
        with torch.enable_grad():
            gradients = iter(torch.autograd.grad(self.reference(leaves), needed, g, allow_unused=True))
        return [next(gradients) if t is not None and t.requires_grad else None for t in leaves]

    def reference(self, tensors: Sequence[Any]) -> Any:
        """The result of the reference, which torch can differentiate any number of times."""
        x, weights = tensors
        return self.call.pool.func(self.call.arrays, x, self.plan.job, weights, backend="reference")
