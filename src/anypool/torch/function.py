"""The one autograd.Function: a rule gives a result and its first derivative; torch differentiates
the rule's reference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import torch

from ..arrays.torch_incoming import readable
from ..arrays.torch_results import Differentiable, Witness, without_view


class Forward(NamedTuple):
    """The result of a rule."""

    result: Any
    saved: tuple[Any, ...] = ()  # tensors that the gradient needs besides the arguments
    needs_result: bool = False  # whether the gradient needs the values of the result


class Rule(Protocol):
    """How one result is computed and differentiated. The first tensor is x; an absent tensor is
    None."""

    def forward(self, tensors: Sequence[Any]) -> Forward:
        """The result, without a gradient."""
        ...

    def backward(self, g: Any, tensors: Sequence[Any], result: Any, saved: Sequence[Any]) -> Sequence[Any]:
        """The gradients of all tensors, None for those that need none, from the gradient g of the
        result."""
        ...

    def reference(self, tensors: Sequence[Any]) -> Any:
        """The same result in torch's own functions, which torch can differentiate any number of
        times."""
        ...


class _Pool(Differentiable):
    @staticmethod
    def forward(ctx: Any, rule: Rule, *tensors: Any) -> Any:
        result, saved, needs_result = rule.forward(tensors)
        result = without_view(result)
        ctx.rule, ctx.count, ctx.needs_result = rule, len(tensors), needs_result
        ctx.witness = Witness(result) if needs_result else None
        ctx.save_for_backward(*tensors, *((result.data,) if needs_result else ()), *saved)
        return result

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        g, rule = readable(grad_outputs[0]), ctx.rule
        saved = list(ctx.saved_tensors)
        tensors, rest = saved[: ctx.count], saved[ctx.count :]
        leaves = [t for t in tensors if t is not None and t.requires_grad]
        if torch.is_grad_enabled() and (leaves or g.requires_grad):
            with torch.enable_grad():
                reference = rule.reference(tensors)
                computed = torch.autograd.grad(reference, leaves, g, create_graph=True, allow_unused=True)
            gradients = iter(computed)
            return None, *(next(gradients) if t is not None and t.requires_grad else None for t in tensors)
        result = rest.pop(0) if ctx.needs_result else None
        if ctx.needs_result and not ctx.witness.unwritten():  # an in-place activation wrote to the result
            result = rule.forward([None if t is None else t.detach() for t in tensors]).result
        return None, *rule.backward(g, tensors, result, rest)


def differentiable(rule: Rule, *tensors: Any) -> Any:
    """The rule's result, with a gradient for each tensor."""
    return _Pool.apply(rule, *tensors)
