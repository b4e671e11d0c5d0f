"""receptive_field(): the receptive field and the cost of each layer."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from ..errors import PoolingError
from .pooling_layers import CONVOLUTIONS, evaluating, is_pooling, rank_of
from .shape_trace import Trace

HEAD = ("layer", "kind", "output", "field", "jump", "parameters", "FLOPs", "bytes")


@dataclass(frozen=True)
class Layer:
    """One layer: its output, the receptive field of one output element, and its cost.

    field: the length along each spatial axis of the input, including the border (so that it may
    exceed the input); None if there is none. jump: the distance in the input between adjacent
    outputs; 0 for an axis that was removed. flops: a multiplication and an addition count as two; a
    pooling window counts its real elements. bytes: read and written, including parameters.
    """

    name: str
    kind: str
    output: tuple[int, ...]
    field: tuple[float, ...] | None
    jump: tuple[float, ...] | None
    parameters: int
    flops: int
    bytes: int


@dataclass(frozen=True)
class FieldTable(Sequence[Layer]):
    """The layers in the order of their calls; indexed by name or number, and printed as a table."""

    layers: tuple[Layer, ...]
    shape: tuple[int, ...]
    parameters: int

    @property
    def flops(self) -> int:
        """The total of all layers."""
        return sum(r.flops for r in self.layers)

    @property
    def bytes(self) -> int:
        """The bytes that all layers read and write."""
        return sum(r.bytes for r in self.layers)

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator[Layer]:
        return iter(self.layers)

    def __getitem__(self, which: Any) -> Any:
        if not isinstance(which, str):
            return self.layers[which]
        matches = [r for r in self.layers if r.name == which]
        if not matches:
            raise PoolingError(f"no layer {which!r}: the table has {', '.join(r.name for r in self.layers)}")
        return matches[0]

    def rows(self) -> list[tuple[str, ...]]:
        """The table as text."""
        return [
            (r.name, r.kind, by(r.output), by(r.field), by(r.jump), f"{r.parameters:,}", f"{r.flops:,}", f"{r.bytes:,}")
            for r in self.layers
        ]

    def __str__(self) -> str:
        total = ("all", "", "", "", "", f"{self.parameters:,}", f"{self.flops:,}", f"{self.bytes:,}")
        rows = [HEAD, *self.rows(), total]
        wide = [max(len(r[i]) for r in rows) for i in range(len(HEAD))]
        lines = [
            "  ".join(c.ljust(w) if i < 3 else c.rjust(w) for i, (c, w) in enumerate(zip(r, wide, strict=True)))
            for r in rows
        ]
        return "\n".join([f"input {by(self.shape)}", *(line.rstrip() for line in lines)])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        cells = ["".join(f"<td>{html.escape(c)}</td>" for c in r) for r in self.rows()]
        head = "".join(f"<th>{c}</th>" for c in HEAD)
        return f"<table><tr>{head}</tr>" + "".join(f"<tr>{c}</tr>" for c in cells) + "</table>"


def receptive_field(model: nn.Module, shape: Sequence[int]) -> FieldTable:
    """Receptive field, jump, output shape, parameters, FLOPs and bytes of each layer.

    shape: that of the input. The model runs once on zeros in evaluation mode. Each operation is
    traced, including functions in forward() and residual branches. Axes 0 and 1 of the input are
    the batch (which may be left out) and the channels; the others are spatial. Raises PoolingError.

    >>> net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.MaxPool2d(2), nn.Conv2d(4, 4, 3))
    >>> [layer.field for layer in receptive_field(net, (1, 1, 16, 16))]
    [(3, 3), (4, 4), (8, 8)]
    """
    try:
        lengths = tuple(int(n) for n in shape)
    except (TypeError, ValueError):
        raise PoolingError(f"shape {shape!r}: give the lengths of one input, such as (1, 3, 224, 224)") from None
    if len(lengths) < 2 or min(lengths) < 1:
        raise PoolingError(
            f"shape {lengths}: give batch, channels and at least one spatial length, such as (1, 3, 224, 224)"
        )
    ranks = [rank_of(m) for m in model.modules() if is_pooling(m) or isinstance(m, CONVOLUTIONS)]
    if ranks and len(lengths) == max(ranks) + 1:  # one sample without the batch axis
        lengths = (1, *lengths)
    first = next((p for p in model.parameters() if p.is_floating_point()), None)
    like = torch.empty((), dtype=torch.float32, device="cpu") if first is None else first
    x: Any = torch.zeros(lengths, dtype=like.dtype, device=like.device)
    trace = Trace(model, x)
    try:
        with evaluating(model), trace:
            model(x)
    except PoolingError:
        raise
    except Exception as error:
        message = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise PoolingError(f"the model does not accept an input of shape {lengths}: {message}") from None
    rows = tuple(Layer(r.name, r.kind, r.output, *spans(r.field), r.parameters, r.flops, r.bytes) for r in trace.rows)
    return FieldTable(rows, lengths, sum(p.numel() for p in model.parameters()))


def spans(field: Any) -> tuple[Any, Any]:
    """The lengths and jumps of a field; integers as int."""
    if field is None:
        return None, None
    return tuple(plain(s.hi - s.lo + 1) for s in field), tuple(plain(s.jump) for s in field)


def plain(value: float) -> float:
    return int(value) if float(value).is_integer() else round(value, 3)


def by(values: Any) -> str:
    """(3, 224, 224) as 3×224×224."""
    if values is None:
        return "–"
    return "×".join(f"{v:g}" for v in values)
