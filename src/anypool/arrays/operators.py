"""The one op pair, anypool::forward and anypool::backward: what torch.compile sees of a call."""

from __future__ import annotations

import base64
import math
import pickle
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import PoolingError
from ..orders import Order
from ..reductions import Fold, reduction_of
from ..windows import normal_axes
from ..windows.arguments import constant
from ..windows.deferred import Deferred
from .leaving import exporting_onnx, refuse
from .symbols import filled, fixed, taken

OPTIONS = ("axes", "nan", "ties", "empty", "backend", "min_count", "keepdims")


def traced(x: Any, windows: Any, reduction: Any, weights: Any, options: tuple[Any, ...]) -> Any:
    """The call as one opaque operator a reduction; tensors that windows are made of (boxes, groups) are its tables."""
    windows = windows.deferred()
    if weights is not None and not isinstance(weights, Tensor):
        kind = None if isinstance(weights, np.ndarray) else torch.float64
        weights = torch.as_tensor(weights, dtype=kind, device=x.device)
    if isinstance(reduction, (tuple, list)):
        return tuple([traced(x, windows, r, weights, options) for r in reduction])
    learned, parameters = None, None
    numbers: list[Tensor] = []
    sizes: list[int] = []
    if not isinstance(reduction, (str, type)):
        plain: tuple[Any, ...] = ()
        for name, value in getattr(reduction, "parameters", {}).items():
            if isinstance(value, (Tensor, np.ndarray)):
                learned = value if isinstance(value, Tensor) else torch.as_tensor(value, device="cpu")
                value = None
            if isinstance(value, Order):  # what a place is of
                value = (type(value), tuple(value.parameters.items()), value.facts())
            plain = (*plain, (name, value))
        more = reduction.facts() if isinstance(reduction, (Fold, Order)) else ()
        parameters, reduction = taken((plain, more), numbers, sizes), type(reduction)
    facts = taken(windows.facts(), numbers, sizes) if windows.symbolic() else fixed(windows.facts())
    axes, nan, ties, empty, backend, least, keepdims = options
    options = (fixed(axes), nan, ties, taken(empty, numbers, sizes), backend, taken(least, numbers, sizes), keepdims)
    spec = spec_of(type(windows), facts, reduction, parameters, options)
    tables = list(windows.tables) if isinstance(windows, Deferred) else []
    return torch.ops.anypool.forward(x, weights, learned, tables, numbers, sizes, spec)


@constant
def spec_of(kind: Any, facts: Any, reduction: Any, parameters: Any, options: Any) -> str:
    """Everything but tensors, as a string: an operator takes no Python objects."""
    return base64.b85encode(pickle.dumps((kind, facts, reduction, parameters, options))).decode()


@lru_cache(maxsize=1024)
def _told(spec: str) -> tuple[Any, ...]:
    return pickle.loads(base64.b85decode(spec))


@lru_cache(maxsize=1024)
def _same(spec: str) -> tuple[Any, Any, dict[str, Any]]:
    """Without symbols a call makes the same windows each time, which backends know again."""
    return _of(*_told(spec))


def _read(spec: str, numbers: Sequence[float], sizes: Sequence[int]) -> tuple[Any, Any, dict[str, Any]]:
    """The windows, the reduction and the options."""
    return _of(*filled(_told(spec), numbers, sizes)) if numbers or sizes else _same(spec)


def _of(kind: Any, facts: Any, reduction: Any, parameters: Any, options: Any) -> tuple[Any, Any, dict[str, Any]]:
    if parameters is not None:
        reduction = _made(reduction, *parameters)
    return kind(*facts), reduction, dict(zip(OPTIONS, options, strict=True))


def _now(windows: Any, tables: Any) -> Any:
    return windows.made_of(tables) if isinstance(windows, Deferred) else windows


def _made(kind: Any, parameters: Any, facts: Any) -> Any:
    """A reduction from its class, its parameters and its facts; a parameter may be one itself."""
    made = object.__new__(kind)
    whole = {k: _made(*v) if isinstance(v, tuple) and v and isinstance(v[0], type) else v for k, v in parameters}
    made.__dict__.update({"parameters": whole, **dict(facts)})
    return made


def _with(reduction: Any, learned: Any) -> Any:
    """The reduction with its parameter put back."""
    if learned is None:
        return reduction
    whole = object.__new__(type(reduction))
    whole.__dict__.update(reduction.__dict__)
    whole.parameters = {k: learned if v is None else v for k, v in reduction.parameters.items()}
    return whole


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
    from ..api import pool

    windows, reduction, options = _read(spec, [v.item() for v in numbers], sizes)
    with torch.no_grad():
        made = _now(windows, [t.detach() for t in tables])
        y = pool(x.detach(), made, _with(reduction, learned), weights=weights, **options).contiguous()
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
    from ..api import pool

    windows, reduction, options = _read(spec, [v.item() for v in numbers], sizes)
    asked = [
        None if t is None else t.detach().requires_grad_(w)
        for t, w in zip((x, weights, learned, *tables), wanted, strict=True)
    ]
    learn = [t for t in asked if t is not None and t.requires_grad]
    with torch.enable_grad(), _autograd_again():
        y = pool(asked[0], _now(windows, asked[3:]), _with(reduction, asked[2]), weights=asked[1], **options)
        found = iter(torch.autograd.grad(y, learn, g, allow_unused=True) if y.requires_grad else [None] * len(learn))
    given = [next(found) if t is not None and t.requires_grad else None for t in asked]
    return [
        x.new_empty(0) if t is None or not t.requires_grad else torch.zeros_like(t) if v is None else v.contiguous()
        for v, t in zip(given, asked, strict=True)
    ]


@forward.register_fake
def _(x: Any, weights: Any, learned: Any, tables: Any, numbers: Any, sizes: Any, spec: str) -> Any:
    windows, reduction, options = _read(spec, [math.nan] * len(numbers), sizes)  # no shape asks for them
    refuse("anypool.pool", "torch.onnx.export" if exporting_onnx() else None, reduction)
    made: Any = reduction_of(reduction, options["ties"])
    place = tuple(x.shape), normal_axes(options["axes"], x.ndim)
    if isinstance(windows, Deferred):
        shape = list(windows.shape_of(tables, *place, lambda: torch.library.get_ctx().new_dynamic_size()))
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
    return dtype if dtype.is_floating_point or order.whole(False) else torch.float64


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
