"""The gradient of a fold of regular windows: compiled, by the fold's local gradient, or by
torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from ..arrays.torch_dtypes import dtype_name
from ..arrays.torch_incoming import check_weights
from ..arrays.torch_memory import empty, like_layout
from ..engines.folds import adjoint
from ..engines.native import footprints
from ..engines.reference import fold as reference
from ..plan import Grid
from ..reductions import Fold, fact
from . import linear_forms, weighted_means
from .folds import TensorFold
from .function import Forward, differentiable


def apply(x: Any, weights: Any, call: TensorFold) -> Any:
    """The result with a gradient; torch differentiates learned parameters."""
    reduction = call.reduction
    if weights is not None and weights.requires_grad and getattr(reduction, "ignores_weight_value", False):
        weights = weights.detach()  # the weights only select: their gradient is 0
    weights_learn = weights is not None and weights.requires_grad and not linear_forms.weights_may_learn(reduction)
    others = getattr(reduction, "parameters", {}).values()
    by_reference = weights_learn or any(isinstance(t, torch.Tensor) and t.requires_grad for t in others)
    has_local_gradient = callable(getattr(reduction, "local_gradient", None))
    compiles = has_local_gradient and x.is_floating_point()  # then the fold checks the weights
    if weights is not None and (by_reference or not compiles):
        check_weights(weights, reduction)
    if by_reference:
        return call.reference(x, weights)[0]
    if compiles:
        return differentiable(FoldRule(call), x, weights)
    y = call.forward(x.detach(), weights, False)[0] if not has_local_gradient and isinstance(reduction, Fold) else None
    return call.reference(x, weights)[0] if y is None or y.is_floating_point() else y


def run(call: TensorFold, x: Any, weights: Any = None, out: Any = None) -> Any:
    """The result with a gradient; the caller writes it to `out`."""
    is_known = call.saves is not None and weights is None
    return differentiable(FoldRule(call), x, None) if is_known else apply(x, weights, call)


class FoldRule:
    """A fold of x, with weights or none."""

    def __init__(self, call: TensorFold) -> None:
        self.call = call
        if call.saves is None:
            call.saves = _saves(call.reduction)

    def forward(self, tensors: Sequence[Any]) -> Forward:
        """The result, and the positions of a selection."""
        x, weights = tensors
        selects, _, needs_result = self.call.saves
        y, saved = _forward(x, weights, self.call, selects)
        learns = weights is not None and weights.requires_grad
        return Forward(y, saved if selects else (), needs_result or learns)

    def backward(self, g: Any, tensors: Sequence[Any], result: Any, saved: Sequence[Any]) -> Sequence[Any]:
        """The gradients of x and of weights that learn."""
        (x, weights), call = tensors, self.call
        y = g if result is None else result
        learns = weights is not None and weights.requires_grad
        gradient, gw = _compiled(g, x, y, list(saved), call, weights)
        if gradient is None and learns:
            with torch.enable_grad():
                leaves: list[Any] = [t.detach().requires_grad_() for t in tensors if t is not None]
                result = call.reference(*leaves)[0]
                if not result.requires_grad:  # every window is empty
                    return [torch.zeros_like(t) for t in leaves]
                return torch.autograd.grad(result, leaves, g)
        if gradient is None:
            if call.saves[1]:
                y, saved = call.reference(x, weights)
            gradient = reference.backward(g, x, y, tuple(saved), call.grid, call.reduction, weights, call.omit_nan)
            gradient = like_layout(gradient, x)
        return gradient, gw

    def reference(self, tensors: Sequence[Any]) -> Any:
        """The fold in torch's own functions."""
        return self.call.reference(*tensors)[0]


def _forward(x: Any, weights: Any, call: TensorFold, selects: bool) -> tuple[Any, tuple[Any, ...]]:
    """The result and the tensors that backward needs besides x and y."""
    is_prepared = call.prepared is not None and call.with_positions == selects and weights is None
    forward = call.run_prepared(x) if is_prepared else None  # a cached call
    forward = _range_by_selections(x, weights, call) if forward is None else forward
    return forward if forward is not None else call.forward(x, weights, selects)


def _saves(reduction: Any) -> tuple[bool, bool, bool]:
    """Whether backward needs the positions; a state, which it computes again; and y."""
    selects = getattr(reduction, "selects", False)
    saves_state = (
        callable(getattr(reduction, "save_for_backward", None))
        and getattr(type(reduction), "save_for_backward", None) is not Fold.save_for_backward
    )
    recompute = not selects and saves_state
    needs_y = not recompute or linear_forms.stated(reduction)
    return selects, recompute, needs_y and not selects and fact(reduction, "merges_with") != "sum"


def _compiled(g: Any, x: Any, y: Any, positions: list[Any], call: TensorFold, weights: Any) -> tuple[Any, Any]:
    """The compiled gradients of x and of weights that learn; None for x if they are not
    compiled."""
    grid = call.grid
    is_supported = (not grid.weighted or footprints.are_compiled(grid)) and x.device.type == "cpu"
    if not is_supported or call.backend == "reference" or type(g) is not torch.Tensor:
        return None, None
    is_weighted = weights is not None or call.omit_nan
    merge, divides = fact(call.reduction, "merges_with"), fact(call.reduction, "divides")
    if merge == "sum" and not is_weighted:
        return _sum_gradient(g, x, call, divides), None
    if merge == "sum":
        return weighted_means.gradients(g, x, y, weights, grid, divides=divides, omit_nan=call.omit_nan)
    if linear_forms.stated(call.reduction):
        return linear_forms.backward(g, x, y, call.job(x, weights), weights) or (None, None)
    if positions and merge in ("max", "min"):
        if call.adjoint_sum[1] is None:
            call.adjoint_sum = (None, _scatter(x, positions[0], grid))
        return _selection_gradient(g, x, positions[0], call.adjoint_sum[1]), None
    if fact(call.reduction, "difference_of") is None:
        return None, None
    parts = [_selection_gradient(g, x, p, _scatter(x, p, grid)) for p in positions]
    return (parts[0].sub_(parts[1]) if parts and parts[0] is not None else None), None


def _sum_gradient(g: Any, x: Any, call: TensorFold, divided: bool) -> Any:
    strides = g.stride()
    adjoint_sum = call.adjoint_sum  # read once: another thread may replace it for other strides
    if adjoint_sum[0] != strides:
        gradient = adjoint.sum_gradient(call.grid, dtype_name(x), strides, "torch", divided)
        adjoint_sum = call.adjoint_sum = (strides, gradient)
    compiled = adjoint_sum[1]
    if compiled is None:
        return None
    gx = empty(compiled.shape, x.dtype)
    compiled.forward(g.data_ptr(), 0, gx.data_ptr(), 0)
    return gx if compiled.back is None else gx.permute(compiled.back)


def _range_by_selections(x: Any, weights: Any, call: TensorFold) -> Any:
    """A range and both positions, by two compiled selections; None if they are not compiled."""
    if fact(call.reduction, "difference_of") is None or call.backend == "reference":
        return None
    if weights is not None:
        check_weights(weights, call.reduction)
    both = [TensorFold(call.grid, end, call.omit_nan, call.empty, call.backend) for end in call.reduction.difference_of]
    weights_of_both = [end.prepare(x, weights, True) for end in both]
    if any(end.prepared is None for end in both):
        return None
    selections = [end.run_prepared(x, w) for end, (w, _) in zip(both, weights_of_both, strict=True)]
    if any(m is None for m in selections):
        return None
    (top, high), (low, least) = selections
    y = top.sub_(low)
    if weights is not None or call.omit_nan:  # the last number of the type is the position of no element
        nowhere = high[0] == (255 if high[0].dtype is torch.uint8 else -1)
        y.masked_fill_(nowhere, call.reduction.empty if call.empty is None else call.empty)
    return y, (*high, *least)


def _scatter(x: Any, positions: Any, grid: Grid) -> Any:
    return adjoint.scatter_by_position(grid, x.stride(), dtype_name(x), dtype_name(positions))


def _selection_gradient(g: Any, x: Any, positions: Any, scatter: Any) -> Any:
    """The gradient of a selection with known positions; None if it is not compiled."""
    if scatter is None:
        return None
    if scatter.inverse is not None:
        g, positions = g.permute(scatter.order), positions.permute(scatter.order)
    g, positions = g.contiguous(), positions.contiguous()
    gx = empty(scatter.shape, x.dtype)
    scatter.scatter(g.data_ptr(), positions.data_ptr(), gx.data_ptr())
    return gx if scatter.inverse is None else gx.permute(scatter.inverse)
