"""PyTorch tensors: one autograd.Function around the backend chosen; higher derivatives in torch words."""

from __future__ import annotations

from typing import Any

import torch

from ..backends import cpu, orders_cpu, orders_gradient, orders_reference, reference
from ..choose import choose
from ..errors import PoolingError
from ..orders import Order
from ..plan import Grid, Job
from ..reductions import Fold, Max, Mean, Min, Sum

functorch: Any = getattr(torch._C, "_functorch")  # noqa: B009  (untyped)
DTYPES = frozenset("bool int8 int16 int32 int64 uint8 float16 bfloat16 float32 float64".split())


def array(x: Any) -> Any:
    """x itself, if its element type has a meaning for pooling."""
    if dtype_name(x) not in DTYPES:
        raise PoolingError(f"x of dtype {x.dtype}: pooling has a meaning for {', '.join(sorted(DTYPES))}")
    return x


def dtype_name(x: Any) -> str:
    """NumPy's name of the element type."""
    return str(x.dtype).removeprefix("torch.")


def run(
    x: Any,
    grid: Grid,
    reductions: tuple[Any, ...],
    weights: Any = None,
    *,
    omit_nan: bool = False,
    empty: float | None = None,
    out: Any = None,
    backend: str | None = None,
) -> tuple[Any, ...]:
    """One result a reduction."""
    if weights is not None:
        weights = torch.as_tensor(weights, device=x.device)
    results: list[Any] = []
    for reduction in reductions:
        call = _Call(grid, reduction, omit_nan, empty, backend)
        if _plain(x, weights, reduction):
            results.append(call.forward(x, weights)[0])
        elif _by_pull(x, weights, reduction):
            results.append(_Pool.apply(x, weights, call)[0])
        else:
            results.append(reference.forward(x, grid, reduction, weights, omit_nan, empty)[0])
    if out is None:
        return tuple(results)
    if len(results) != 1 or not isinstance(out, torch.Tensor) or out.shape != results[0].shape:
        raise PoolingError(f"out must be one tensor of shape {tuple(results[0].shape)}, for one reduction")
    out.copy_(results[0])
    return (out,)


class _Call:
    """What one call needs besides tensors."""

    def __init__(self, grid: Grid, reduction: Any, omit_nan: bool, empty: float | None, backend: str | None) -> None:
        self.grid, self.reduction, self.omit_nan, self.empty, self.backend = grid, reduction, omit_nan, empty, backend

    def forward(self, x: Any, weights: Any) -> tuple[Any, tuple[Any, ...]]:
        """The result and what backward needs besides x and it."""
        job = Job(
            self.grid,
            self.reduction,
            dtype_name(x),
            "torch",
            x.device.type,
            None if weights is None else (tuple(weights.shape), dtype_name(weights)),
            self.omit_nan,
            self.empty,
        )
        places = x.requires_grad and getattr(self.reduction, "selects", False)
        if choose(job, self.backend) is cpu and (not places or cpu.refuses(job, True) is None):
            made = _native(job, x, weights, places)
            if made is not None:
                return made
        y, kept = reference.forward(x, self.grid, self.reduction, weights, self.omit_nan, self.empty)
        return _like_layout(y, x), kept

    def selection(self, x: Any) -> Any:
        """What pools x by another order statistic over the same windows."""
        return lambda order: _Call(self.grid, order, False, self.empty, self.backend).forward(x, None)[0]

    def moved(self, batch: int) -> _Call:
        """The same call with one more axis in front."""
        g = self.grid
        grid = Grid((batch, *g.shape), tuple(a + 1 for a in g.at), g.axes, g.fill, g.divisor, g.taps)
        return _Call(grid, self.reduction, self.omit_nan, self.empty, self.backend)


class _Pool(torch.autograd.Function):
    """The one gradient: pull for the first order, the reference in torch words for higher ones."""

    @staticmethod
    def forward(x: Any, weights: Any, call: _Call) -> Any:
        y, kept = call.forward(x, weights)
        return (y, *kept)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        x, weights, call = inputs
        y, *kept = output
        ctx.call, ctx.kept_count = call, len(kept)
        ctx.mark_non_differentiable(*kept)
        selects = getattr(call.reduction, "selects", False)
        values = getattr(call.reduction, "linear", False) or selects or isinstance(call.reduction, Order)
        small = kept if selects else []
        ctx.recompute = not selects and _keeps(call.reduction)
        empty = x.new_empty(0)
        ctx.shape, ctx.dtype, ctx.needs_values = x.shape, x.dtype, True
        ctx.save_for_backward(x, empty if values else y, empty if weights is None else weights, *small)
        ctx.save_for_forward(x, weights)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        x, y, weights, *kept = ctx.saved_tensors
        call: _Call = ctx.call
        g = grads[0]
        w = weights if weights.numel() or call.grid.shape == () else None
        if torch.is_grad_enabled() and (g.requires_grad or x.requires_grad):
            with torch.enable_grad():
                again = reference.forward(x, call.grid, call.reduction, w, call.omit_nan, call.empty)[0]
                return torch.autograd.grad(again, x, g, create_graph=True)[0], None, None
        made = _native_gradient(g, x, kept, call, w)
        if made is not None:
            return made, None, None
        if not y.numel() or ctx.recompute:
            if ctx.recompute:
                y, made = reference.forward(x, call.grid, call.reduction, w, call.omit_nan, call.empty)
                kept = list(made)
            else:
                y = g
        if isinstance(call.reduction, Order):
            gx = None
            if w is None and not call.omit_nan:
                gx = orders_gradient.backward(g, x.detach(), call.grid, call.reduction, call.selection(x.detach()))
            if gx is None:
                gx = orders_reference.backward(g, x, call.grid, call.reduction, w, call.omit_nan, call.empty)
            return _like_layout(gx, x), None, None
        gx = reference.backward(g, x, y, tuple(kept), call.grid, call.reduction, w, call.omit_nan)
        return _like_layout(gx, x), None, None

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        x, weights = ctx.saved_tensors[:2]
        call: _Call = ctx.call
        tangent: Any = torch.func.jvp(
            lambda v: reference.forward(v, call.grid, call.reduction, weights, call.omit_nan, call.empty)[0],
            (x,),
            (tangents[0],),
        )[1]
        return (tangent, *(None for _ in range(ctx.kept_count)))

    @staticmethod
    def vmap(info: Any, in_dims: Any, *args: Any) -> Any:
        x, weights, call = args
        size = info.batch_size
        x = x.movedim(in_dims[0], 0) if in_dims[0] is not None else x.expand(size, *x.shape)
        if weights is not None and in_dims[1] is not None:
            weights = weights.movedim(in_dims[1], 0)
            weights = weights.reshape(size, *(1,) * (x.ndim - weights.ndim), *weights.shape[1:])
        results = _Pool.apply(x, weights, call.moved(size))
        return results, tuple(0 for _ in results)


def _keeps(reduction: Any) -> bool:
    """Whether backward needs more than x and y."""
    return callable(getattr(reduction, "keep", None)) and getattr(type(reduction), "keep", None) is not Fold.keep


def _native(job: Job, x: Any, weights: Any, places: bool) -> Any:
    """The compiled core's result and places; None where the numbers need the reference."""
    if isinstance(job.reduction, Order):
        return _native_order(job, x)
    w, w_strides, w_type = 0, None, ""
    if weights is not None:
        plane = cpu.plane_of(job)
        weights = weights.detach()
        weights = weights if weights.dtype == torch.bool else weights.to(getattr(torch, plane))
        w, w_strides, w_type = weights.data_ptr(), weights.expand(x.shape).stride(), dtype_name(weights)
    prepared = cpu.prepare(job, x.stride(), w_strides, w_type, places)
    made = prepared.recipe
    y = torch.empty(prepared.shape, dtype=getattr(torch, made.result)) if made.values else None
    place = torch.empty(prepared.shape, dtype=getattr(torch, made.places)) if made.places else None
    address = 0 if y is None else y.data_ptr()
    if not prepared.forward(x.data_ptr(), w, address, 0 if place is None else place.data_ptr()):
        return None
    y, place = (None if v is None else v.permute(prepared.back) for v in (y, place))
    return (place, ()) if y is None else (y, () if place is None else (place,))


def _native_gradient(g: Any, x: Any, kept: list[Any], call: _Call, weights: Any) -> Any:
    """The compiled gradient of a sum, a mean or a selection; None where there is none."""
    grid, reduction = call.grid, call.reduction
    if (
        weights is not None
        or call.omit_nan
        or grid.taps is not None
        or x.device.type != "cpu"
        or call.backend == "reference"
    ):
        return None
    if type(reduction) in (Sum, Mean):
        made = cpu.total(grid, dtype_name(x), g.stride(), "torch", type(reduction) is Mean)
        if made is None:
            return None
        gx = torch.empty(made.shape, dtype=x.dtype)
        made.forward(g.data_ptr(), 0, gx.data_ptr(), 0)
        return gx.permute(made.back)
    if type(reduction) not in (Max, Min):
        return None
    found = cpu.places(grid, x.stride(), dtype_name(x), dtype_name(kept[0]))
    if found is None:
        return None
    gather, order = found
    back = sorted(range(len(order)), key=lambda i: order[i])
    g, place = g.permute(order).contiguous(), kept[0].permute(order).contiguous()
    gx = torch.empty([x.shape[a] for a in order], dtype=x.dtype)
    gather.gather(g.data_ptr(), place.data_ptr(), gx.data_ptr())
    return gx.permute(back)


def _native_order(job: Job, x: Any) -> Any:
    """An order statistic by the compiled core; windows that a NaN spoils are found by a maximum."""
    prepared = orders_cpu.prepare(job, x.stride())
    y = torch.empty(prepared.shape, dtype=getattr(torch, prepared.result))
    result = y.permute(prepared.back)
    if prepared.forward(x.data_ptr(), y.data_ptr()):
        if prepared.spoils:
            result.masked_fill_(run(x.detach(), job.grid, (Max(),))[0].isnan(), float("nan"))
        elif not prepared.ranked:
            return None
    for where, grid in prepared.edges:
        result[where] = orders_reference.forward(x.detach(), grid, job.reduction, None, job.omit_nan, job.empty)
    return result, ()


def _plain(x: Any, weights: Any, reduction: Any) -> bool:
    """No gradient is wanted."""
    if functorch.maybe_current_level() is not None or torch.autograd.forward_ad._current_level >= 0:
        return False
    tensors = [x, weights, *getattr(reduction, "parameters", {}).values()]
    wanted = any(isinstance(t, torch.Tensor) and t.requires_grad for t in tensors)
    return not (torch.is_grad_enabled() and wanted)


def _by_pull(x: Any, weights: Any, reduction: Any) -> bool:
    """Only x wants a gradient, and the reduction says its own; under transforms torch differentiates the reference."""
    if functorch.maybe_current_level() is not None or torch.autograd.forward_ad._current_level >= 0:
        return False
    if torch.compiler.is_compiling():
        return False
    others = [weights, *getattr(reduction, "parameters", {}).values()]
    if any(isinstance(t, torch.Tensor) and t.requires_grad for t in others):
        return False
    return x.is_floating_point() and (isinstance(reduction, Order) or callable(getattr(reduction, "pull", None)))


def _like_layout(y: Any, x: Any) -> Any:
    """y in the memory format of x."""
    for form, rank in ((torch.channels_last, 4), (torch.channels_last_3d, 5)):
        if x.ndim == rank and not x.is_contiguous() and x.is_contiguous(memory_format=form):
            return y.contiguous(memory_format=form)
    return y
