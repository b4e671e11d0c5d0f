"""The gradient of a fold of regular windows: compiled, by the fold's own derivative, or by torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from ..arrays.torch_dtypes import dtype_name
from ..arrays.torch_memory import empty, like_layout
from ..engines.folds import adjoint
from ..engines.reference import fold as reference
from ..plan import Grid
from ..reductions import Fold, Max, Mean, Min, Range, Sum
from . import linear_forms as factored
from .folds import Call
from .function import Forward, differentiable


def apply(x: Any, weights: Any, call: Call) -> Any:
    """The call's result, with a gradient; weights and parameters that learn are differentiated by torch."""
    others = [weights, *getattr(call.reduction, "parameters", {}).values()]
    alone = not any(isinstance(t, torch.Tensor) and t.requires_grad for t in others)
    pulls = callable(getattr(call.reduction, "local_gradient", None))
    if alone and pulls and x.is_floating_point():
        return differentiable(FoldRule(call), x, weights)
    if not alone:
        return call.reference(x, weights)[0]
    y = call.forward(x.detach(), weights, False)[0] if not pulls and isinstance(call.reduction, Fold) else None
    return call.reference(x, weights)[0] if y is None or y.is_floating_point() else y


def again(call: Call, x: Any, weights: Any = None, out: Any = None) -> Any:
    """The result of the call, with a gradient; the caller writes it to `out`."""
    known = call.saves is not None and weights is None
    return differentiable(FoldRule(call), x, None) if known else apply(x, weights, call)


class FoldRule:
    """A fold of x, with constant weights or none."""

    def __init__(self, call: Call) -> None:
        self.call = call
        if call.saves is None:
            call.saves = _saves(call.reduction)

    def forward(self, tensors: Sequence[Any]) -> Forward:
        """The result, and the positions of a selection."""
        x, weights = tensors
        selects, _, needs_result = self.call.saves
        y, kept = _made(x, weights, self.call, selects)
        return Forward(y, kept if selects else (), needs_result)

    def backward(self, g: Any, tensors: Sequence[Any], result: Any, kept: Sequence[Any]) -> Sequence[Any]:
        """The gradient of x."""
        (x, weights), call = tensors, self.call
        y = g if result is None else result
        gradient = _compiled(g, x, y, list(kept), call, weights)
        if gradient is None:
            if call.saves[1]:
                y, kept = call.reference(x, weights)
            gradient = reference.backward(g, x, y, tuple(kept), call.grid, call.reduction, weights, call.omit_nan)
            gradient = like_layout(gradient, x)
        return gradient, None

    def reference(self, tensors: Sequence[Any]) -> Any:
        """The fold in torch's own functions."""
        return self.call.reference(*tensors)[0]


def _made(x: Any, weights: Any, call: Call, selects: bool) -> tuple[Any, tuple[Any, ...]]:
    """The result and what backward needs besides x and it."""
    plain = call.prepared is not None and call.places == selects and weights is None
    made = call.again_with(x) if plain else None  # a call that was seen before
    made = _ends(x, weights, call) if made is None else made
    return made if made is not None else call.forward(x, weights, selects)


def _saves(reduction: Any) -> tuple[bool, bool, bool]:
    """Whether backward needs the places, more than x and y that it computes again, and y."""
    selects = getattr(reduction, "selects", False)
    keeps = (
        callable(getattr(reduction, "save_for_backward", None))
        and getattr(type(reduction), "save_for_backward", None) is not Fold.save_for_backward
    )
    recompute = not selects and keeps
    needed = not recompute or factored.stated(reduction)
    return selects, recompute, needed and not selects and type(reduction) not in (Sum, Mean)


def _compiled(g: Any, x: Any, y: Any, kept: list[Any], call: Call, weights: Any) -> Any:
    """The compiled gradient of a sum, a mean, a selection or a fold of factors; None where there is none."""
    grid, kind = call.grid, type(call.reduction)
    served = weights is None and not call.omit_nan and not grid.weighted and x.device.type == "cpu"
    if not served or call.backend == "reference" or type(g) is not torch.Tensor:
        return None
    if kind in (Sum, Mean):
        strides, turned = g.stride(), call.turned  # read once: another thread may turn it for other strides
        if turned[0] != strides:
            turned = call.turned = (strides, adjoint.total(grid, dtype_name(x), strides, "torch", kind is Mean))
        made = turned[1]
        if made is None:
            return None
        gx = empty(made.shape, x.dtype)
        made.forward(g.data_ptr(), 0, gx.data_ptr(), 0)
        return gx if made.back is None else gx.permute(made.back)
    if factored.stated(call.reduction):
        return factored.backward(g, x, y, grid, call.reduction)
    if kind in (Max, Min):
        if call.turned[1] is None:
            call.turned = (None, _spreading(x, kept[0], grid))
        return _chosen(g, x, kept[0], call.turned[1])
    parts = [_chosen(g, x, place, _spreading(x, place, grid)) for place in kept] if kind is Range else []
    return parts[0].sub_(parts[1]) if parts and parts[0] is not None else None


def _ends(x: Any, weights: Any, call: Call) -> Any:
    """A range and both places, by two compiled selections; None where they are not compiled."""
    if type(call.reduction) is not Range or weights is not None or call.backend == "reference":
        return None
    both = [Call(call.grid, end, call.omit_nan, call.empty, call.backend) for end in call.reduction.ends]
    for end in both:
        end.prepare(x, None, True)
    if any(end.prepared is None for end in both):
        return None
    made = [end.again_with(x) for end in both]
    if any(m is None for m in made):
        return None
    (top, high), (low, least) = made
    return top.sub_(low), (*high, *least)


def _spreading(x: Any, place: Any, grid: Grid) -> Any:
    return adjoint.places(grid, x.stride(), dtype_name(x), dtype_name(place))


def _chosen(g: Any, x: Any, place: Any, asked: Any) -> Any:
    """The gradient of a selection, whose windows' places are known; None where it is not compiled."""
    if asked is None:
        return None
    if asked.back is not None:
        g, place = g.permute(asked.order), place.permute(asked.order)
    g, place = g.contiguous(), place.contiguous()
    gx = empty(asked.shape, x.dtype)
    asked.spread(g.data_ptr(), place.data_ptr(), gx.data_ptr())
    return gx if asked.back is None else gx.permute(asked.back)
