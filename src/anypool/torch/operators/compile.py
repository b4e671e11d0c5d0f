"""The operators anypool::forward and anypool::backward, which torch.compile records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ...errors import PoolingError
from ...evaluation import evaluate
from ...order_statistics import Order
from ...reductions import reduction_of
from ...windows import normal_axes
from ...windows.deferred import Deferred
from ..recorders import exporting_onnx, recorder, refuse
from . import call_text
from .call_text import read


def _constructed(windows: Any) -> Any:
    return windows.construct() if isinstance(windows, Deferred) else windows


def _record_autograd() -> Any:
    """Record autograd inside an operator, where torch does not record it by default."""
    include, exclude = torch._C._dispatch_tls_local_include_set(), torch._C._dispatch_tls_local_exclude_set()
    for name in ("AutogradCPU", "AutogradCUDA", "AutogradMPS", "AutogradOther", "ADInplaceOrView"):
        key = getattr(torch._C.DispatchKey, name, None)
        if key is not None:
            exclude = exclude.remove(key)
    return torch._C._ForceDispatchKeyGuard(include, exclude)


@torch.library.custom_op("anypool::forward", mutates_args=())
def forward(
    x: Tensor,
    weights: Tensor | None,
    learned: Tensor | None,
    tables: Sequence[Tensor],
    numbers: Sequence[Tensor],
    sizes: Sequence[int],
    spec: str,
) -> Tensor:
    """Pool x."""
    with torch.no_grad():
        values = [v.item() for v in numbers]
        windows, reduction, options = read(spec, learned, [t.detach() for t in tables], values, sizes)
        y = evaluate(x.detach(), _constructed(windows), reduction, weights=weights, **options).contiguous()
    return y.clone() if y.data_ptr() == x.data_ptr() and y.numel() else y


@torch.library.custom_op("anypool::backward", mutates_args=())
def backward(
    g: Tensor,
    x: Tensor,
    weights: Tensor | None,
    learned: Tensor | None,
    tables: Sequence[Tensor],
    numbers: Sequence[Tensor],
    sizes: Sequence[int],
    spec: str,
    needs_gradient: Sequence[bool],
) -> list[Tensor]:
    """The gradients of x, weights, the learned parameter and each table; empty if not needed."""
    leaves: list[Any] = [
        None if t is None else t.detach().requires_grad_(w)
        for t, w in zip((x, weights, learned, *tables), needs_gradient, strict=True)
    ]
    with_gradient = [t for t in leaves if t is not None and t.requires_grad]
    with torch.enable_grad(), _record_autograd():
        windows, reduction, options = read(spec, leaves[2], leaves[3:], [v.item() for v in numbers], sizes)
        y = evaluate(leaves[0], _constructed(windows), reduction, weights=leaves[1], **options)
        computed = iter(
            torch.autograd.grad(y, with_gradient, g, allow_unused=True)
            if y.requires_grad
            else [None] * len(with_gradient)
        )
    gradients = [next(computed) if t is not None and t.requires_grad else None for t in leaves]
    return [
        x.new_empty(0) if t is None or not t.requires_grad else torch.zeros_like(t) if v is None else v.contiguous()
        for v, t in zip(gradients, leaves, strict=True)
    ]


@forward.register_fake
def _(x: Any, weights: Any, learned: Any, tables: Any, numbers: Any, sizes: Any, spec: str) -> Any:
    windows, reduction, options = read(spec, learned, tables, len(numbers), sizes)
    refuse("anypool.pool", "torch.onnx.export" if exporting_onnx() else None, reduction)
    reduction_object: Any = reduction_of(reduction, options["ties"])
    shape_and_axes = tuple(x.shape), normal_axes(options["axes"], x.ndim)
    if isinstance(windows, Deferred):
        shape = list(windows.shape_of(*shape_and_axes, lambda: torch.library.get_ctx().new_dynamic_size()))
    else:
        shape = list(windows.result_shape(*shape_and_axes))
    if options["keepdims"] is False and getattr(windows, "keepdims", True):
        shape = _without_pooled_axes(shape, windows, *shape_and_axes)
    if isinstance(reduction_object, Order):
        answers = reduction_object.answers()
        shape = shape if answers is None else [answers[0], *shape] if answers[1] == 0 else [*shape, answers[0]]
        return x.new_empty(shape, dtype=_order_dtype(x.dtype, reduction_object))
    weighed = options["log_weights"] is not None or (weights is not None and weights.dtype is not torch.bool)
    return x.new_empty(shape, dtype=_result_dtype(x.dtype, reduction_object, weighed))


@backward.register_fake
def _(
    g: Any, x: Any, weights: Any, learned: Any, tables: Any, numbers: Any, sizes: Any, spec: str, needs_gradient: Any
) -> Any:
    return [
        torch.empty(t.shape, dtype=t.dtype, device=t.device) if w else x.new_empty(0)
        for t, w in zip((x, weights, learned, *tables), needs_gradient, strict=True)
    ]


def _without_pooled_axes(shape: list[Any], windows: Any, of: tuple[Any, ...], axes: Any) -> list[Any]:
    """The shape of the result without the pooled axes."""
    if isinstance(windows, Deferred):
        raise PoolingError(
            f"keepdims=False of {windows.maker}(…) while torch.compile traces: keep the axes, and index the result"
        )
    windows_on_axis = windows.counts(of, axes)
    if any(n != 1 for n in windows_on_axis.values()):
        raise PoolingError(
            f"keepdims=False: {dict(windows_on_axis)} windows lie on these axes; only an axis with one can be left out"
        )
    return [n for a, n in enumerate(shape) if a not in windows_on_axis]


def _order_dtype(dtype: Any, order: Order) -> Any:
    if order.gives == "position":
        return torch.int64
    return dtype if dtype.is_floating_point or order.keeps_integers(False) else torch.float64


def _result_dtype(dtype: Any, reduction: Any, weighed: bool) -> Any:
    gives, kind = getattr(reduction, "gives", "value"), getattr(reduction, "accumulates", "float")
    if gives != "value":
        return torch.bool if gives == "truth" else torch.int64
    if dtype.is_floating_point or kind == "same":
        return dtype
    if weighed and not getattr(reduction, "ignores_weight_value", False):
        return torch.float64
    wide = dtype if dtype is torch.uint64 else torch.int64  # int64 cannot represent it
    return wide if kind == "wide" else torch.float64


def _setup_context(ctx: Any, inputs: Any, output: Any) -> None:
    x, weights, learned, tables, numbers, sizes, spec = inputs
    ctx.save_for_backward(x, weights, learned, *tables, *numbers)
    ctx.tables, ctx.sizes, ctx.spec = len(tables), sizes, spec


def _gradients(ctx: Any, g: Any) -> Any:
    x, weights, learned, *rest = ctx.saved_tensors
    tables, numbers = rest[: ctx.tables], rest[ctx.tables :]
    *three, each = ctx.needs_input_grad[:4]
    each = each if isinstance(each, (list, tuple)) else [each] * len(tables)
    tensors = (x, weights, learned, *tables)
    needs_gradient = [
        bool(w) and t is not None and t.is_floating_point() for w, t in zip((*three, *each), tensors, strict=True)
    ]
    gradients = torch.ops.anypool.backward(g, x, weights, learned, tables, numbers, ctx.sizes, ctx.spec, needs_gradient)
    needed = [v if w else None for v, w in zip(gradients, needs_gradient, strict=True)]
    return (
        *needed[:3],
        needed[3:],
        [None] * len(numbers),
        None if ctx.sizes else [],
        None,
    )  # an empty list has tensors as its elements


forward.register_autograd(_gradients, setup_context=_setup_context)


def traced(x: Any, windows: Any, reduction: Any, *rest: Any) -> Any:
    """The call as an operator. Raises PoolingError if the tool records only torch's own
    operations."""
    refuse("anypool.pool", recorder(x), reduction)
    return call_text.traced(x, windows, reduction, *rest)
