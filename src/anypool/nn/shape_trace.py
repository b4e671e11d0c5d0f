"""Tracing of one forward pass: the receptive field of each tensor, and the cost of each layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import WeakTensorKeyDictionary

from ..scalars import entries
from .pooling_layers import UNPOOLING, is_pooling, rank_of, windows_of
from .spans import (
    Field,
    Span,
    convolved,
    joined,
    permuted,
    pooled,
    pooled_elements,
    resized,
    shorter,
    through_axes,
    unpooled,
    upsampled,
)


@dataclass
class Row:
    """One call of a layer."""

    name: str
    kind: str
    output: tuple[int, ...] = ()
    field: Field | None = None
    parameters: int = 0
    flops: int = 0
    bytes: int = 0


class Trace(TorchDispatchMode):
    """Hooks on a forward pass; `rows` then has one Row for each layer."""

    def __init__(self, model: nn.Module, x: torch.Tensor) -> None:
        super().__init__()
        self.rows: list[Row] = []
        self.fields: Any = WeakTensorKeyDictionary()
        self.fields[x] = tuple(Span(0, 0, 1, a) for a in range(2, x.ndim))
        self.open: list[Row | None] = []
        self.model, self.hooks, self.visited = model, [], set[int]()

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
        row = self.open.pop()
        y = output[0] if isinstance(output, (tuple, list)) else output
        x = inputs[0] if inputs else None
        if row is None or not isinstance(y, torch.Tensor) or not isinstance(x, torch.Tensor):
            return
        if is_pooling(module):  # our own windows, and torch's, are counted from the plan
            rank = rank_of(module)
            axes = tuple(range(x.ndim - rank, x.ndim))
            grid = windows_of(module).plan(tuple(x.shape), axes)
            row.flops = pooled_elements(grid)
            for each in output if isinstance(output, (tuple, list)) else (y,):  # values, and places
                self.fields[each] = through_axes(self.fields.get(x), grid)
        if isinstance(module, UNPOOLING):
            rank = int(type(module).__name__[-2])
            how = [entries(getattr(module, n), rank, n) for n in ("kernel_size", "stride")]
            both = [f for t in inputs[:2] if (f := unpooled(self.fields.get(t), t, y, *how)) is not None]
            self.fields[y] = joined(both)
        row.output, row.field = tuple(y.shape), self.fields.get(y)
        if id(module) not in self.visited:
            row.parameters = sum(p.numel() for p in module.parameters())
            self.visited.add(id(module))
        if not isinstance(module, (nn.Identity, nn.Flatten, nn.Dropout)):
            parameter_bytes = sum(p.numel() * p.element_size() for p in module.parameters())
            row.bytes = size_of(x) + size_of(y) + parameter_bytes
        self.rows.append(row)

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
    """The field of a result, its FLOPs, and whether it has its own row."""
    x = tensors[0]
    field = field_of(x)
    if name in ("convolution", "convolution_overrideable", "mkldnn_convolution"):
        return convolved(field, args, x, y), 2 * y.numel() * int(tensors[1][0].numel()), True
    if "unpool" in name:  # the places, tensors[1], say where a value goes
        both = [f for t in tensors[:2] if (f := unpooled(field_of(t), t, y)) is not None]
        return joined(both), y.numel(), True
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


def size_of(t: Any) -> int:
    """The bytes of a tensor's elements."""
    return t.numel() * t.element_size()


def flat(values: Any) -> list[Any]:
    """Arguments, with lists of arguments flattened."""
    return [v for a in values for v in (a if isinstance(a, (tuple, list)) else (a,))]
