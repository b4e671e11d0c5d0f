"""Following one forward pass: which part of the input each tensor sees, and what each layer costs."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import WeakTensorKeyDictionary

from ..plan import Union
from .sites import is_pooling, rank_of, row, windows_of


@dataclass(frozen=True)
class Span:
    """Along one axis of the input: what output 0 sees is [lo, hi], the next one lies `jump` further; `at` is the
    tensor's axis that carries it, None once it is gone."""

    lo: float
    hi: float
    jump: float
    at: int | None


Field = tuple[Span, ...]


@dataclass
class Row:
    """One layer as it was called."""

    name: str
    kind: str
    output: tuple[int, ...] = ()
    field: Field | None = None
    parameters: int = 0
    flops: int = 0
    bytes: int = 0


class Trace(TorchDispatchMode):
    """Runs beside a forward pass; `rows` has one Row a layer afterwards."""

    def __init__(self, model: nn.Module, x: torch.Tensor) -> None:
        super().__init__()
        self.rows: list[Row] = []
        self.fields: Any = WeakTensorKeyDictionary()
        self.fields[x] = tuple(Span(0, 0, 1, a) for a in range(2, x.ndim))
        self.open: list[Row | None] = []
        self.model, self.hooks, self.seen = model, [], set[int]()

    def __enter__(self) -> Any:
        for name, module in self.model.named_modules():
            if not list(module.children()) or is_pooling(module):
                self.hooks.append(module.register_forward_pre_hook(lambda m, x, n=name: self._begin(n, m)))
                self.hooks.append(module.register_forward_hook(self._end))
        return super().__enter__()

    def __exit__(self, *error: Any) -> Any:
        for hook in self.hooks:
            hook.remove()
        return super().__exit__(*error)

    def _begin(self, name: str, module: nn.Module) -> None:
        self.open.append(Row(name or "the model", type(module).__name__))

    def _end(self, module: nn.Module, inputs: Any, output: Any) -> None:
        made = self.open.pop()
        y = output[0] if isinstance(output, (tuple, list)) else output
        x = inputs[0] if inputs else None
        if made is None or not isinstance(y, torch.Tensor) or not isinstance(x, torch.Tensor):
            return
        if is_pooling(module):  # our own windows, and torch's, are counted from the plan
            rank = rank_of(module)
            axes = tuple(range(x.ndim - rank, x.ndim))
            grid = windows_of(module).plan(tuple(x.shape), axes)
            made.flops = pooled_elements(grid)
            self.fields[y] = through_axes(self.fields.get(x), grid)
        made.output, made.field = tuple(y.shape), self.fields.get(y)
        if id(module) not in self.seen:
            made.parameters = sum(p.numel() for p in module.parameters())
            self.seen.add(id(module))
        if not isinstance(module, (nn.Identity, nn.Flatten, nn.Dropout)):
            held = sum(p.numel() * p.element_size() for p in module.parameters())
            made.bytes = size_of(x) + size_of(y) + held
        self.rows.append(made)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__
        tensors = [t for t in flat(args) if isinstance(t, torch.Tensor)]
        y = out[0] if isinstance(out, (tuple, list)) and out else out
        if not isinstance(y, torch.Tensor) or not tensors:
            return out
        field, flops, kind = follow(name, args, tensors, y, self.fields.get)
        for each in out if isinstance(out, (tuple, list)) else (out,):
            if isinstance(each, torch.Tensor) and field is not None:
                self.fields[each] = field if each.shape == y.shape else resized(field, y, each)
        if self.open and self.open[-1] is not None:
            self.open[-1].flops += flops
        elif kind:  # a function called inside forward(), no module
            moved = size_of(tensors[0]) + size_of(y)
            self.rows.append(
                Row(f"{name.split('_with')[0].lstrip('_')}()", "function", tuple(y.shape), field, 0, flops, moved)
            )
        return out


def follow(name: str, args: Any, tensors: list[Any], y: Any, field_of: Any) -> tuple[Field | None, int, bool]:
    """The field of a result, its FLOPs, and whether it deserves a row of its own."""
    x = tensors[0]
    field = field_of(x)
    if name in ("convolution", "convolution_overrideable", "mkldnn_convolution"):
        return convolved(field, args, x, y), 2 * y.numel() * int(tensors[1][0].numel()), True
    if "pool" in name and "backward" not in name:
        return pooled(name, field, args, x, y)
    if name in ("mm", "addmm", "bmm", "baddbmm", "linear"):
        a = tensors[1] if name in ("addmm", "baddbmm") else x
        known = field_of(a) or field
        return known and shorter(known, a, y), 2 * y.numel() * a.shape[-1], name == "bmm"
    if name in ("mean", "sum", "amax", "amin", "max", "min", "logsumexp", "var", "std"):
        return field and shorter(field, x, y), x.numel(), y.numel() < x.numel()
    if name.startswith("upsample"):
        return field and upsampled(name, field, x, y), y.numel(), True
    if name in ("permute", "transpose", "t"):
        return field and permuted(field, name, args, x), 0, False
    known = [resized(f, t, y) for t in tensors for f in (field_of(t),) if f is not None]
    moves = name in (
        "view",
        "_unsafe_view",
        "clone",
        "slice",
        "unsqueeze",
        "squeeze",
        "expand",
        "cat",
        "copy_",
        "detach",
        "alias",
    )
    return joined(known), 0 if moves else y.numel(), False


def convolved(field: Field | None, args: Any, x: Any, y: Any) -> Field | None:
    """Through a convolution, or a transposed one."""
    if field is None:
        return None
    weight, transposed = args[1], bool(args[6])
    rank = weight.ndim - 2
    strides, pads, dilations = (row(list(a), rank) for a in args[3:6])
    spans: list[Span] = []
    for s in field:
        i = None if s.at is None else s.at - (x.ndim - rank)
        if i is None or i < 0:
            spans.append(gone(s, x))
            continue
        k, t, p, d = weight.shape[2 + i], strides[i], pads[i], dilations[i]
        if transposed:  # output o hears the inputs (o + p − d·u) / t
            more = -(-((k - 1) * d + 1) // t) - 1
            spans.append(Span(s.lo - more * s.jump, s.hi, s.jump / t, s.at))
        else:
            spans.append(Span(s.lo - p * s.jump, s.hi + ((k - 1) * d - p) * s.jump, s.jump * t, s.at))
    return tuple(spans)


def pooled(name: str, field: Field | None, args: Any, x: Any, y: Any) -> tuple[Field | None, int, bool]:
    """Through torch's own pooling operations."""
    from ..windows import adaptive, sliding

    rank = next((r for r in (1, 2, 3) if f"pool{r}d" in name), 0)
    if not rank:
        return field and shorter(field, x, y), x.numel(), True
    if "adaptive" in name or "fractional" in name:  # fractional windows are as many, and about where these are
        windows: Any = adaptive(tuple(y.shape[-rank:]))
    else:
        size = row(list(args[1]), rank)
        stride = row(list(args[2]), rank) if len(args) > 2 and args[2] else size
        padding = row(list(args[3]), rank) if len(args) > 3 else 0
        at = 4 if "max" in name else 6
        dilation = row(list(args[4]), rank) if "max" in name and len(args) > 4 else 1
        ceil = bool(args[5 if "max" in name else 4]) if len(args) > (5 if "max" in name else at) - (at == 6) else False
        windows = sliding(size, stride, padding, dilation, ceil_mode=ceil)
    grid = windows.plan(tuple(x.shape), tuple(range(x.ndim - rank, x.ndim)))
    return through_axes(field, grid), pooled_elements(grid), True


def through_axes(field: Field | None, grid: Any) -> Field | None:
    """Through the windows of a plan."""
    if field is None:
        return None
    if isinstance(grid, Union):  # its windows follow no axis
        return tuple(gone(s, grid.grids[0]) if s.at in grid.at else s for s in field)
    axes = dict(zip(grid.at, grid.axes, strict=True))
    spans: list[Span] = []
    for s in field:
        axis = axes.get(s.at) if s.at is not None else None
        if axis is None or not axis.out:
            spans.append(s)
            continue
        most = int((axis.skipped + axis.length).max()) if axis.stride else axis.places
        stride = axis.stride or (int(axis.first[-1]) - int(axis.first[0])) / max(axis.out - 1, 1)
        lo = s.lo + (int(axis.first[0]) - int(axis.skipped[0]) * axis.step) * s.jump
        spans.append(Span(lo, lo + s.hi - s.lo + (most - 1) * axis.step * s.jump, s.jump * stride, s.at))
    return tuple(spans)


def pooled_elements(grid: Any) -> int:
    """How many elements all windows hold together: each is read once and joined once."""
    others = math.prod(n for a, n in enumerate(grid.grids[0].shape) if a not in grid.at)
    return sum(int(g.present.sum()) for g in grid.grids) * others


def upsampled(name: str, field: Field, x: Any, y: Any) -> Field:
    more = 0 if "nearest" in name else 3 if "bicubic" in name else 1
    return tuple(
        s if s.at is None else Span(s.lo, s.hi + more * s.jump, s.jump * x.shape[s.at] / y.shape[s.at], s.at)
        for s in field
    )


def permuted(field: Field, name: str, args: Any, x: Any) -> Field:
    order = list(range(x.ndim))
    if name == "permute":
        order = [int(a) % x.ndim for a in args[1]]
    else:
        i, j = (0, 1) if name == "t" else (int(args[1]) % x.ndim, int(args[2]) % x.ndim)
        if x.ndim > 1:
            order[i], order[j] = order[j], order[i]
    return tuple(s if s.at is None else replace(s, at=order.index(s.at)) for s in field)


def resized(field: Field, x: Any, y: Any) -> Field:
    """Through a view, a broadcast or a join: an axis of unchanged length stays, another is mixed with all."""
    if x.shape == y.shape:
        return field
    if x.ndim == y.ndim:
        return tuple(s if s.at is None or x.shape[s.at] == y.shape[s.at] else gone(s, x) for s in field)
    spans: list[Span] = []
    behind = {a: y.ndim - x.ndim + a for a in range(x.ndim)}
    for s in field:
        if s.at is None:
            spans.append(s)
            continue
        before, after = s.at, behind[s.at]
        same_before = before < y.ndim and tuple(x.shape[: before + 1]) == tuple(y.shape[: before + 1])
        same_after = after >= 0 and tuple(x.shape[before:]) == tuple(y.shape[after:])
        spans.append(replace(s, at=after) if same_after else s if same_before else gone(s, x))
    return tuple(spans)


def shorter(field: Field, x: Any, y: Any) -> Field:
    """Through a reduction or a product: an axis survives where its length stays in place."""
    return tuple(
        s
        if s.at is not None
        and s.at < y.ndim
        and x.shape[s.at] == y.shape[s.at]
        and s.at < x.ndim - 1 + int(x.shape == y.shape)
        else gone(s, x)
        for s in field
    )


def gone(s: Span, x: Any) -> Span:
    """Everything along the axis is seen."""
    if s.at is None:
        return s
    return Span(s.lo, s.hi + (x.shape[s.at] - 1) * s.jump, 0, None)


def joined(fields: list[Field]) -> Field | None:
    """What either sees."""
    if not fields:
        return None
    spans: list[Span] = []
    for group in zip(*fields, strict=False):
        kept = [s for s in group if s.at is not None]
        spans.append(
            Span(
                min(s.lo for s in group),
                max(s.hi for s in group),
                max(s.jump for s in group),
                kept[0].at if kept else None,
            )
        )
    return tuple(spans)


def size_of(t: Any) -> int:
    """Bytes of a tensor's elements."""
    return t.numel() * t.element_size()


def flat(values: Any) -> list[Any]:
    """Arguments and lists of arguments in one row."""
    return [v for a in values for v in (a if isinstance(a, (tuple, list)) else (a,))]
