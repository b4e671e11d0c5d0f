"""Folds that state their sums and factors in maths words: the sums are compiled, forward and backward."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import torch

from ..backends import adjoint, cpu
from ..backends.library import library
from ..plan import Grid, Job
from ..reductions import Sum
from .torch import dtype_name, empty

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
    return _states(reduction, "factors", "pull")


def forward(x: Any, grid: Grid, reduction: Any) -> Any:
    """The result of a fold that is a function of one sum; None where the sum does not hold the numbers safely."""
    plain = not (grid.has_empty or grid.weighted or grid.fill is not None)
    if not plain or not _serves(x, grid) or not _states(reduction, "raised", "step", "merge", "finish"):
        return None
    wide = _wide(x)
    y = _fresh(grid.out_shape, x)
    for piece in _pieces(grid, x):
        xs = x[piece].to(wide)
        seen = _seen(grid, xs.shape, wide)
        raised = reduction.raised(xs)
        if raised is None or not _safe(raised):
            return None
        total = seen.total(raised)
        if float(total.abs().min()) < 1 / MOST:  # then no number may be lost below
            lost = (raised.abs() < torch.finfo(wide).tiny) & (xs != 0)
            if bool(lost.any()):
                return None
        y[piece] = reduction.rooted(total, seen.n)
    return y


def _serves(x: Any, grid: Grid) -> bool:
    real = type(x) in (torch.Tensor, torch.nn.Parameter) and dtype_name(x) in cpu.FLOATS
    return library() is not None and real and 0 not in grid.shape and 0 not in grid.out_shape


def _states(reduction: Any, name: str, *beside: str) -> bool:
    """Whether a fold has this method, and it is stated for the very fold."""
    if not callable(getattr(reduction, name, None)):
        return False
    # a class below that restates what stands beside it needs its own
    return name in vars(next(c for c in type(reduction).__mro__ if {name, *beside} & set(vars(c))))


def _wide(x: Any) -> Any:
    return torch.float64 if x.dtype == torch.float64 else torch.float32


def _fresh(shape: Any, x: Any) -> Any:
    """Memory of this shape, its axes in x's order."""
    order = tuple(sorted(range(x.ndim), key=lambda a: -x.stride(a)))
    return empty([shape[a] for a in order], x.dtype).permute(cpu.way_back(order) or order)


def backward(g: Any, x: Any, y: Any, grid: Grid, reduction: Any) -> Any:
    """The gradient for x; None where the factors do not hold the numbers safely."""
    if grid.adjoint is None or not _serves(x, grid):
        return None
    wide = _wide(x)
    gx = _fresh(x.shape, x)
    for piece in _pieces(grid, x):
        xs, ys, gs = (t[piece].to(wide) for t in (x, y, g))
        seen = _seen(grid, xs.shape, wide)
        made = reduction.factors(xs, ys, seen)
        if made is None or not all(_safe(v) for pair in made for v in pair):
            return None
        to = gx[piece]
        parts = [(_spread(gs * b, seen.grid), a) for a, b in made]
        spread, a = parts.pop()
        if parts:
            torch.add(sum(s.mul_(a) for s, a in parts), spread.mul_(a), out=to)
        else:
            torch.mul(spread, a, out=to)
        if not _safe(to, torch.finfo(wide).max):  # an infinity or a NaN, whose share the reference knows
            return None
    return gx


def _safe(v: Any, most: float = MOST) -> bool:
    if isinstance(v, float):
        return True
    low, high = v.aminmax()
    return -most <= float(low) and float(high) <= most


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
