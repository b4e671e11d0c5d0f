"""Weighted reductions by their definitions on a piece of x, in float64; gradients by torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from .cases import Where
from .weighted_calls import HowMuch, ball, upstream, weights, with_nan

CORNER = 12  # windows on each axis of an image
EPS = 1e-6  # PowerMean raises smaller numbers to it


def truth_of(x: Any, where: Where, fold: Any, how: HowMuch, direction: str) -> tuple[Any, Any]:
    """An index into the result, and the values there: two planes, the first entries or a corner."""
    rank = len(where.axes)
    image = where.kind == "sliding" and rank == x.ndim
    at = (slice(0, CORNER),) * rank if image else (slice(0, 1), slice(0, 2))[: where.axes[0]]
    given = (slice(0, CORNER + where.size[0]),) * rank if image else at
    values = _double(x[given]).requires_grad_(direction != "forward")
    if how.kind == "omit":
        weight = _double(~np.isnan(with_nan(x)[given]))
    else:
        weight = _double(weights(how.kind, how.shape)[given]) if how.kind else torch.ones_like(values)
    leaf = weight.requires_grad_(how.learns)
    weight = weight.exp() if how.kind == "logits" else weight
    footprint = ball(*how.footprint) if how.footprint else None
    folds = fold if isinstance(fold, tuple) else (fold,)
    rows, present = (_rows(_last(t.expand(values.shape), where), where) for t in (values, weight))
    if footprint is not None:
        present = present * _double(footprint.ravel())
    found = [_places(values, where, rows, present) if f == "argmax" else by_definition(f, rows, present) for f in folds]
    if direction == "forward":
        return at, tuple(t.numpy()[at] if image else t.numpy() for t in found)
    shape = where.made.output_shape((*x.shape,), where.axes)
    g = _last(upstream(shape)[at].double(), where).reshape(found[0].shape)
    return at, tuple(t.numpy() for t in torch.autograd.grad(found[0], [values, leaf][: 1 + how.learns], g))


def by_definition(fold: Any, v: Any, w: Any) -> Any:
    """The reduction of each row of values v with weights w."""
    name, total = str(fold).split("(")[0], w.sum(-1)
    if name in ("max", "min"):
        sign = 1 if name == "max" else -1
        return sign * torch.where(w > 0, sign * v, -torch.inf).amax(-1)
    if name == "sum":
        return (w * v).sum(-1)
    if name == "median":
        return torch.nanquantile(torch.where(w > 0, v, torch.nan), 0.5, -1, interpolation="midpoint")
    if name == "logsumexp":
        return (w * v.exp()).sum(-1).log()
    if name == "softpool":
        w = w * v.exp()
    divisor = torch.where(total > 0, w.sum(-1), 1.0)  # a divisor of 0 would make gradients NaN
    mean = (w * v).sum(-1) / divisor
    if name in ("mean", "softpool"):
        found = mean
    elif name == "rms":
        found = ((w * v * v).sum(-1) / divisor).sqrt()
    elif name == "PowerMean":
        found = ((w * v.clamp(min=EPS) ** 3).sum(-1) / divisor) ** (1 / 3)
    elif name in ("var", "std"):
        found = (w * (v - mean[..., None]) ** 2).sum(-1) / divisor
        if name == "std":
            spread = found > 1e-24  # the root of 0 has the gradient 0
            found = torch.where(spread, torch.where(spread, found, 1.0).sqrt(), 0.0)
    else:
        raise KeyError(f"no plain computation of {name!r} here")
    return torch.where(total > 0, found, torch.nan)


def _places(x: Any, where: Where, rows: Any, present: Any) -> Any:
    """The flat index of the greatest element of each window; −1 where it is empty."""
    sides = [x.shape[axis] for axis in where.axes]
    places = _rows(torch.arange(float(np.prod(sides))).reshape(sides).double().expand(x.shape), where)
    best = torch.where(present > 0, rows, -torch.inf).argmax(-1, keepdim=True)
    return torch.where(present.sum(-1) > 0, places.gather(-1, best)[..., 0], -1.0)


def _rows(x: Any, where: Where) -> Any:
    """Each window's elements on one last axis, 0 beyond the edge."""
    rank = len(where.axes)
    if where.kind == "whole":
        return x.reshape(*x.shape[:-rank], -1)
    x = torch.nn.functional.pad(x, [where.padding] * 2 * rank)
    for axis, size in enumerate(where.size, x.ndim - rank):
        x = x.unfold(axis, size, where.stride)
    return x.reshape(*x.shape[:-rank], -1)


def _last(t: Any, where: Where) -> Any:
    """The pooled axes as the last ones."""
    return t.movedim(where.axes, tuple(range(-len(where.axes), 0)))


def _double(a: Any) -> Any:
    return torch.tensor(np.asarray(a, np.float64))
