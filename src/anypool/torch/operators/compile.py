"""The one op pair, anypool::forward and anypool::backward: what torch.compile sees of a call."""

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


def _now(windows: Any) -> Any:
    return windows.construct() if isinstance(windows, Deferred) else windows


def _autograd_again() -> Any:
    """Inside an operator torch records nothing; here it shall, as outside."""
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
        y = evaluate(x.detach(), _now(windows), reduction, weights=weights, **options).contiguous()
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
    wanted: Sequence[bool],
) -> list[Tensor]:
    """The gradients for x, weights, the learned parameter and each table; empty where none is wanted."""
    asked: list[Any] = [
        None if t is None else t.detach().requires_grad_(w)
        for t, w in zip((x, weights, learned, *tables), wanted, strict=True)
    ]
    learn = [t for t in asked if t is not None and t.requires_grad]
    with torch.enable_grad(), _autograd_again():
        windows, reduction, options = read(spec, asked[2], asked[3:], [v.item() for v in numbers], sizes)
        y = evaluate(asked[0], _now(windows), reduction, weights=asked[1], **options)
        found = iter(torch.autograd.grad(y, learn, g, allow_unused=True) if y.requires_grad else [None] * len(learn))
    given = [next(found) if t is not None and t.requires_grad else None for t in asked]
    return [
        x.new_empty(0) if t is None or not t.requires_grad else torch.zeros_like(t) if v is None else v.contiguous()
        for v, t in zip(given, asked, strict=True)
    ]


@forward.register_fake
def _(x: Any, weights: Any, learned: Any, tables: Any, numbers: Any, sizes: Any, spec: str) -> Any:
    windows, reduction, options = read(spec, learned, tables, len(numbers), sizes)
    refuse("anypool.pool", "torch.onnx.export" if exporting_onnx() else None, reduction)
    made: Any = reduction_of(reduction, options["ties"])
    place = tuple(x.shape), normal_axes(options["axes"], x.ndim)
    if isinstance(windows, Deferred):
        shape = list(windows.shape_of(*place, lambda: torch.library.get_ctx().new_dynamic_size()))
    else:
        shape = list(windows.result_shape(*place))
    if options["keepdims"] is False and getattr(windows, "keepdims", True):
        shape = _without(shape, windows, *place)
    if isinstance(made, Order):
        many = made.answers()
        shape = shape if many is None else [many[0], *shape] if many[1] == 0 else [*shape, many[0]]
        return x.new_empty(shape, dtype=_order_dtype(x.dtype, made))
    return x.new_empty(shape, dtype=_result_dtype(x.dtype, made))


@backward.register_fake
def _(g: Any, x: Any, weights: Any, learned: Any, tables: Any, numbers: Any, sizes: Any, spec: str, wanted: Any) -> Any:
    return [
        torch.empty(t.shape, dtype=t.dtype, device=t.device) if w else x.new_empty(0)
        for t, w in zip((x, weights, learned, *tables), wanted, strict=True)
    ]


def _without(shape: list[Any], windows: Any, of: tuple[Any, ...], axes: Any) -> list[Any]:
    """The result's shape without the pooled axes."""
    if isinstance(windows, Deferred):
        raise PoolingError(
            f"keepdims=False of {windows.maker}(…) while torch.compile traces: keep the axes, and index the result"
        )
    gone = windows.counts(of, axes)
    if any(n != 1 for n in gone.values()):
        raise PoolingError(
            f"keepdims=False: {dict(gone)} windows lie on these axes; only an axis with one can be left out"
        )
    return [n for a, n in enumerate(shape) if a not in gone]


def _order_dtype(dtype: Any, order: Order) -> Any:
    if order.gives == "position":
        return torch.int64
    return dtype if dtype.is_floating_point or order.keeps_integers(False) else torch.float64


def _result_dtype(dtype: Any, reduction: Any) -> Any:
    gives, kind = getattr(reduction, "gives", "value"), getattr(reduction, "accumulates", "float")
    if gives != "value":
        return torch.bool if gives == "truth" else torch.int64
    if dtype.is_floating_point or kind == "same":
        return dtype
    wide = dtype if dtype is torch.uint64 else torch.int64  # which int64 does not hold
    return wide if kind == "wide" else torch.float64


def _remember(ctx: Any, inputs: Any, output: Any) -> None:
    x, weights, learned, tables, numbers, sizes, spec = inputs
    ctx.save_for_backward(x, weights, learned, *tables, *numbers)
    ctx.tables, ctx.sizes, ctx.spec = len(tables), sizes, spec


def _gradients(ctx: Any, g: Any) -> Any:
    x, weights, learned, *rest = ctx.saved_tensors
    tables, numbers = rest[: ctx.tables], rest[ctx.tables :]
    *three, each = ctx.needs_input_grad[:4]
    each = each if isinstance(each, (list, tuple)) else [each] * len(tables)
    given = (x, weights, learned, *tables)
    wanted = [bool(w) and t is not None and t.is_floating_point() for w, t in zip((*three, *each), given, strict=True)]
    found = torch.ops.anypool.backward(g, x, weights, learned, tables, numbers, ctx.sizes, ctx.spec, wanted)
    made = [v if w else None for v, w in zip(found, wanted, strict=True)]
    return (*made[:3], made[3:], [None] * len(numbers), None if ctx.sizes else [], None)  # an empty list is of tensors


forward.register_autograd(_gradients, setup_context=_remember)


def traced(x: Any, windows: Any, reduction: Any, *rest: Any) -> Any:
    """The call as an operator; PoolingError where the tool records torch's own operations alone."""
    refuse("anypool.pool", recorder(x), reduction)
    return call_text.traced(x, windows, reduction, *rest)
