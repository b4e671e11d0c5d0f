"""Gradients of folds that state their factors: compiled sums both ways, and maths words between them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import torch

from ..backends import adjoint, cpu
from ..plan import Grid, Job
from ..reductions import Sum
from .torch import dtype_name

PIECE = 1 << 18  # elements worked on at once: a few planes of them stay in cache
MOST = 2.0**64  # factors beyond this may lose what their partner holds


class Seen:
    """What a fold's factors may ask of the windows."""

    def __init__(self, grid: Grid, dtype: Any) -> None:
        self.grid = grid
        self.n, self.held = (_table(grid.along(t), dtype) for t in (grid.counts, grid.present))

    def total(self, v: Any) -> Any:
        """The sum of each window."""
        job = Job(self.grid, Sum(), dtype_name(v), "torch")
        return _folded(cpu.prepare(job, v.stride()), v)


def stated(reduction: Any) -> bool:
    """Whether a fold states the factors of the very gradient that it pulls by."""
    if not callable(getattr(reduction, "factors", None)):
        return False
    first = next(c for c in type(reduction).__mro__ if {"pull", "factors"} & set(vars(c)))
    return "factors" in vars(first)


def backward(g: Any, x: Any, y: Any, grid: Grid, reduction: Any) -> Any:
    """The gradient for x; None where the factors do not hold the numbers safely."""
    if grid.adjoint is None or 0 in grid.shape or 0 in grid.out_shape or dtype_name(x) not in cpu.FLOATS:
        return None
    wide = torch.float64 if x.dtype == torch.float64 else torch.float32
    gx = torch.empty_like(x)
    for piece in _pieces(grid, x):
        xs, ys, gs = (t[piece].to(wide) for t in (x, y, g))
        seen = _seen(grid, xs.shape, wide)
        made = reduction.factors(xs, ys, seen)
        if made is None or not all(_safe(v) for pair in made for v in pair):
            return None
        parts = [_spread(gs * b, seen.grid) * a for a, b in made]
        total = parts[0] if len(parts) == 1 else torch.add(*parts, out=parts[0])
        if not bool(total.sum().isfinite()):  # an infinity or a NaN, whose share the reference knows
            return None
        gx[piece] = total
    return gx


def _safe(v: Any) -> bool:
    if isinstance(v, float):
        return True
    low, high = v.aminmax()
    return bool((low >= -MOST) & (high <= MOST))


def _spread(v: Any, grid: Grid) -> Any:
    """Each element's sum over the windows that hold it."""
    made = adjoint.total(grid, dtype_name(v), v.stride(), "torch", False)
    assert made is not None
    return _folded(made, v)


def _folded(prepared: Any, v: Any) -> Any:
    out = torch.empty(prepared.shape, dtype=v.dtype)
    prepared.forward(v.data_ptr(), 0, out.data_ptr(), 0)
    return out if prepared.back is None else out.permute(prepared.back)


def _pieces(grid: Grid, x: Any) -> Iterator[tuple[slice, ...]]:
    """x cut along the axes that lie outside the pooled ones in memory."""
    inside = max(x.stride(a) for a in grid.at)
    outer = sorted((a for a in range(x.ndim) if x.stride(a) > inside), key=lambda a: -x.stride(a))
    cuts = [[slice(None)] for _ in range(x.ndim)]
    rest = x.numel()
    for a in outer:
        if rest <= PIECE:
            break
        rest //= x.shape[a]
        step = max(PIECE // max(rest, 1), 1)
        cuts[a] = [slice(i, i + step) for i in range(0, x.shape[a], step)]
        rest *= step
    return itertools.product(*cuts)


@lru_cache(maxsize=256)
def _seen(grid: Grid, shape: tuple[int, ...], dtype: Any) -> Seen:
    return Seen(grid if grid.shape == tuple(shape) else replace(grid, shape=tuple(shape)), dtype)


def _table(table: Any, dtype: Any) -> Any:
    first = table.reshape(-1)[:1]
    same = first.reshape((1,) * table.ndim) if bool(np.all(table == first)) else table
    return torch.from_numpy(np.ascontiguousarray(same, np.float64)).to(dtype)
