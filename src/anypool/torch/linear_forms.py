"""Folds that state their sums and factors in maths words: the sums are compiled, forward and backward, in torch."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

import numpy as np
import torch

from ..arrays.torch_dtypes import dtype_name
from ..arrays.torch_incoming import PLAIN
from ..arrays.torch_memory import empty
from ..engines.folds import adjoint
from ..engines.folds import native as cpu
from ..engines.folds.linear_forms import Declined, WindowSums, fill, pieces, safe, serves, states
from ..engines.native.library import library
from ..plan import Grid, Job


def stated(reduction: Any) -> bool:
    """Whether a fold states the factors of the very gradient that it pulls by."""
    return states(reduction, "gradient_terms", "local_gradient")


def forward(x: Any, grid: Grid, reduction: Any) -> Any:
    """The result of a fold that is a function of sums; None where they do not hold the numbers safely."""
    if not _serves(x, grid) or not serves(grid, reduction, dtype_name(x)):
        return None
    y = _fresh(grid.out_shape, x)
    return y if fill(y, x, grid, reduction, x.stride(), lambda *like: _seen(grid, *like)[1]) else None


def _serves(x: Any, grid: Grid) -> bool:
    real = type(x) in PLAIN and dtype_name(x) in cpu.FLOATS
    return library() is not None and real and 0 not in grid.shape and 0 not in grid.out_shape


def _fresh(shape: Any, x: Any) -> Any:
    """Memory of this shape, its axes in x's order."""
    order = tuple(sorted(range(x.ndim), key=lambda a: -x.stride(a)))
    return empty([shape[a] for a in order], x.dtype).permute(cpu.way_back(order) or order)


def backward(g: Any, x: Any, y: Any, grid: Grid, reduction: Any) -> Any:
    """The gradient for x; None where the factors do not hold the numbers safely."""
    if grid.adjoint is None or not _serves(x, grid):
        return None
    gx = _fresh(x.shape, x)
    for piece in pieces(grid, x.stride()):
        of, seen = _seen(grid, gx[piece].shape, torch.float64 if x.dtype == torch.float64 else torch.float32)
        if not gather(g[piece], x[piece], y[piece], reduction, seen, partial(_spread, grid=of), gx[piece]):
            return None
    return gx


def gather(g: Any, x: Any, y: Any, reduction: Any, seen: WindowSums, spread: Any, to: Any) -> bool:
    """Σ a · spread(g · b) into `to`; whether the factors hold the numbers safely."""
    wide = torch.float64 if x.dtype == torch.float64 else torch.float32
    xs, ys, gs = (t.to(wide) for t in (x, y, g))
    try:
        made = reduction.gradient_terms(xs, ys, seen)
    except Declined:
        return False
    if made is not None and seen.none is not None:
        made = tuple((a, torch.where(seen.none, 0.0, b)) for a, b in made)
    if made is None or not all(safe(v) for pair in made for v in pair):
        return False
    parts = [(spread(gs * b), a) for a, b in made]
    last, a = parts.pop()
    if parts:
        torch.add(sum(s.mul_(a) for s, a in parts), last.mul_(a), out=to)
    else:
        torch.mul(last, a, out=to)
    return safe(to, torch.finfo(wide).max)  # else an infinity or a NaN, whose share the reference knows


def _spread(v: Any, grid: Grid) -> Any:
    """Each element's sum over the windows that hold it."""
    made = adjoint.total(grid, dtype_name(v), v.stride(), "torch", False)
    assert made is not None
    return _folded(made, v)


def _folded(prepared: Any, v: Any) -> Any:
    out = torch.empty(prepared.shape, dtype=v.dtype, device=v.device)
    prepared.forward(v.data_ptr(), 0, out.data_ptr(), 0)
    return out if prepared.back is None else out.permute(prepared.back)


@lru_cache(maxsize=256)
def _seen(grid: Grid, shape: tuple[int, ...], dtype: Any) -> tuple[Grid, WindowSums]:
    of = grid if grid.shape == tuple(shape) else replace(grid, shape=tuple(shape))
    n, held = (_table(of.along(t), dtype) for t in (of.counts, of.present))

    def folded(v: Any, fold: Any) -> Any:
        return _folded(cpu.prepare(Job(of, fold, dtype_name(v), "torch"), v.stride()), v)

    return of, WindowSums(n, held, folded)


def _table(table: Any, dtype: Any) -> Any:
    first = table.reshape(-1)[:1]
    same = first.reshape((1,) * table.ndim) if bool(np.all(table == first)) else table
    return torch.from_numpy(np.ascontiguousarray(same, np.float64)).to(dtype)
