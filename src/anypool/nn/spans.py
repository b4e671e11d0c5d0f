"""The receptive field along each axis, and how operations change it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ..plan import GridConcat, IndexedWindows
from ..scalars import entries


@dataclass(frozen=True)
class Span:
    """The receptive field along one axis of the input.

    lo, hi: the first and the last input position of output 0. jump: the distance to those of output
    1. at: the axis of the tensor, None if it was removed.
    """

    lo: float
    hi: float
    jump: float
    at: int | None


Field = tuple[Span, ...]


def convolved(field: Field | None, args: Any, x: Any, y: Any) -> Field | None:
    """The field after a convolution, or a transposed one."""
    if field is None:
        return None
    weight, transposed = args[1], bool(args[6])
    rank = weight.ndim - 2
    strides, pads, dilations = (
        entries(list(a), rank, n) for n, a in zip(("stride", "padding", "dilation"), args[3:6], strict=True)
    )
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


def unpooled(field: Field | None, x: Any, y: Any, kernel: Any = None, stride: Any = None) -> Field | None:
    """The field after an unpooling; unknown windows count as adjacent."""
    if field is None:
        return None
    spans: list[Span] = []
    for s in field:
        if s.at is None:
            spans.append(s)
            continue
        i = None if kernel is None else s.at - (x.ndim - len(kernel))
        more = 0 if kernel is None or i is None or i < 0 else -(-kernel[i] // stride[i]) - 1
        step = x.shape[s.at] / y.shape[s.at] if kernel is None or i is None or i < 0 else 1 / stride[i]
        spans.append(Span(s.lo - more * s.jump, s.hi, s.jump * step, s.at))
    return tuple(spans)


def pooled(name: str, field: Field | None, args: Any, x: Any, y: Any) -> tuple[Field | None, int, bool]:
    """The field after torch's own pooling operations."""
    from ..windows import adaptive, sliding

    rank = next((r for r in (1, 2, 3) if f"pool{r}d" in name), 0)
    if not rank:
        return field and shorter(field, x, y), x.numel(), True
    if "adaptive" in name or "fractional" in name:  # fractional windows are as many, and about where these are
        windows: Any = adaptive(tuple(y.shape[-rank:]))
    else:
        size = entries(list(args[1]), rank, "kernel_size")
        stride = entries(list(args[2]), rank, "stride") if len(args) > 2 and args[2] else size
        padding = entries(list(args[3]), rank, "padding") if len(args) > 3 else 0
        at = 4 if "max" in name else 6
        dilation = entries(list(args[4]), rank, "dilation") if "max" in name and len(args) > 4 else 1
        ceil = bool(args[5 if "max" in name else 4]) if len(args) > (5 if "max" in name else at) - (at == 6) else False
        windows = sliding(size, stride, padding, dilation, ceil_mode=ceil)
    grid = windows.plan(tuple(x.shape), tuple(range(x.ndim - rank, x.ndim)))
    return through_axes(field, grid), pooled_elements(grid), True


def through_axes(field: Field | None, grid: Any) -> Field | None:
    """The field after the windows of a plan."""
    if field is None:
        return None
    if isinstance(grid, GridConcat):  # its windows follow no axis
        return tuple(gone(s, grid.grids[0]) if s.at in grid.pooled_dims else s for s in field)
    if isinstance(grid, IndexedWindows):  # nor do those that list their elements
        other_axes, result_axes = (
            [a for a in range(rank) if a not in dims]
            for rank, dims in ((len(grid.shape), grid.pooled_dims), (len(grid.out_shape), grid.result_dims))
        )
        to = dict(zip(other_axes, result_axes, strict=True))
        return tuple(s if s.at is None else replace(s, at=to[s.at]) if s.at in to else gone(s, grid) for s in field)
    axes = dict(zip(grid.pooled_dims, grid.axes, strict=True))
    spans: list[Span] = []
    for s in field:
        axis = axes.get(s.at) if s.at is not None else None
        if axis is None or not axis.out:
            spans.append(s)
            continue
        most = int((axis.absent_before + axis.length).max()) if axis.stride else axis.max_length
        stride = axis.stride or (int(axis.first[-1]) - int(axis.first[0])) / max(axis.out - 1, 1)
        lo = s.lo + (int(axis.first[0]) - int(axis.absent_before[0]) * axis.step) * s.jump
        spans.append(Span(lo, lo + s.hi - s.lo + (most - 1) * axis.step * s.jump, s.jump * stride, s.at))
    return tuple(spans)


def pooled_elements(grid: Any) -> int:
    """The number of elements of all windows: each is read once and merged once."""
    return int(grid.total_count)


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
    """The field after a view, a broadcast or a concatenation: an axis of unchanged length remains,
    another is mixed."""
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
    """The field after a reduction or a product: an axis remains if its length stays in position."""
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
    """The field that covers the axis."""
    if s.at is None:
        return s
    return Span(s.lo, s.hi + (x.shape[s.at] - 1) * s.jump, 0, None)


def joined(fields: list[Field]) -> Field | None:
    """The union of two fields."""
    if not fields:
        return None
    spans: list[Span] = []
    for group in zip(*fields, strict=False):
        present = [s for s in group if s.at is not None]
        spans.append(
            Span(
                min(s.lo for s in group),
                max(s.hi for s in group),
                max(s.jump for s in group),
                present[0].at if present else None,
            )
        )
    return tuple(spans)
