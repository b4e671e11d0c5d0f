"""Folds with `from_sums` and `gradient_terms`: the sums are compiled, forward and backward, in
torch."""

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
from ..engines.folds import native as native_folds
from ..engines.folds.linear_forms import UnsafeSums, WindowSums, defines, fill, in_range, pieces, serves
from ..engines.native.library import library
from ..plan import Grid, Job


def stated(reduction: Any) -> bool:
    """Whether a fold defines `gradient_terms` for its own local gradient."""
    return defines(reduction, "gradient_terms", "local_gradient")


def forward(x: Any, grid: Grid, reduction: Any) -> Any:
    """The result of a fold from sums; None if the sums lose digits."""
    if not _is_supported(x, grid) or not serves(grid, reduction, dtype_name(x)):
        return None
    y = _allocate(grid.out_shape, x)
    return y if fill(y, x, grid, reduction, x.stride(), lambda *like: _window_sums(grid, *like)[1]) else None


def _is_supported(x: Any, grid: Grid) -> bool:
    real = type(x) in PLAIN and dtype_name(x) in native_folds.FLOATS
    return library() is not None and real and 0 not in grid.shape and 0 not in grid.out_shape


def _allocate(shape: Any, x: Any) -> Any:
    """Memory of this shape, in x's order of axes."""
    order = tuple(sorted(range(x.ndim), key=lambda a: -x.stride(a)))
    return empty([shape[a] for a in order], x.dtype).permute(native_folds.inverse_order(order) or order)


def backward(g: Any, x: Any, y: Any, grid: Grid, reduction: Any) -> Any:
    """The gradient of x; None if the terms lose digits."""
    if grid.adjoint is None or not _is_supported(x, grid):
        return None
    gx = _allocate(x.shape, x)
    for piece in pieces(grid, x.stride()):
        piece_grid, sums = _window_sums(
            grid, gx[piece].shape, torch.float64 if x.dtype == torch.float64 else torch.float32
        )
        if not gather(
            g[piece], x[piece], y[piece], reduction, sums, partial(_sum_over_holders, grid=piece_grid), gx[piece]
        ):
            return None
    return gx


def gather(g: Any, x: Any, y: Any, reduction: Any, sums: WindowSums, spread: Any, out: Any) -> bool:
    """Σ a · spread(g · b) into `out`; False if the terms lose digits."""
    wide = torch.float64 if x.dtype == torch.float64 else torch.float32
    xs, ys, gs = (t.to(wide) for t in (x, y, g))
    try:
        terms = reduction.gradient_terms(xs, ys, sums)
    except UnsafeSums:
        return False
    if terms is not None and sums.none is not None:
        terms = tuple((a, torch.where(sums.none, 0.0, b)) for a, b in terms)
    if terms is None or not all(in_range(v) for pair in terms for v in pair):
        return False
    parts = [(spread(gs * b), a) for a, b in terms]
    last, a = parts.pop()
    if parts:
        torch.add(sum(s.mul_(a) for s, a in parts), last.mul_(a), out=out)
    else:
        torch.mul(last, a, out=out)
    return in_range(out, torch.finfo(wide).max)  # otherwise the reference determines the infinity or NaN


def _sum_over_holders(v: Any, grid: Grid) -> Any:
    """The sum for each element over the windows that contain it."""
    adjoint_sum = adjoint.sum_gradient(grid, dtype_name(v), v.stride(), "torch", False)
    assert adjoint_sum is not None
    return _run(adjoint_sum, v)


def _run(prepared: Any, v: Any) -> Any:
    out = torch.empty(prepared.shape, dtype=v.dtype, device=v.device)
    prepared.forward(v.data_ptr(), 0, out.data_ptr(), 0)
    return out if prepared.back is None else out.permute(prepared.back)


@lru_cache(maxsize=256)
def _window_sums(grid: Grid, shape: tuple[int, ...], dtype: Any) -> tuple[Grid, WindowSums]:
    piece_grid = grid if grid.shape == tuple(shape) else replace(grid, shape=tuple(shape))
    n, present = (_table(piece_grid.along(t), dtype) for t in (piece_grid.counts, piece_grid.present))

    def fold_of(v: Any, fold: Any) -> Any:
        return _run(native_folds.prepare(Job(piece_grid, fold, dtype_name(v), "torch"), v.stride()), v)

    return piece_grid, WindowSums(n, present, fold_of)


def _table(table: Any, dtype: Any) -> Any:
    first = table.reshape(-1)[:1]
    values = first.reshape((1,) * table.ndim) if bool(np.all(table == first)) else table
    return torch.from_numpy(np.ascontiguousarray(values, np.float64)).to(dtype)
