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
from ..engines.folds.linear_forms import (
    UnsafeSums,
    WindowSums,
    defines,
    factor_of,
    fill,
    in_range,
    pieces,
    serves,
    with_present,
)
from ..engines.native.axis_order import inverse_order
from ..engines.native.library import library
from ..plan import Grid, Job
from ..reductions import Sum


def stated(reduction: Any) -> bool:
    """Whether a fold defines `gradient_terms` for its own local gradient."""
    return defines(reduction, "gradient_terms", "local_gradient")


def forward(x: Any, job: Job, weights: Any = None) -> Any:
    """The result of a fold from sums; None if the sums lose digits."""
    if not is_supported(x, job.grid) or not serves(job):
        return None
    y = allocated(job.grid.out_shape, x)

    def sums_of(v: Any, w: Any) -> WindowSums:
        grid, sums = _window_sums(job.grid, v.shape, v.dtype)
        return sums if w is None else _weighted_sums(grid, w if w.dtype == torch.bool else w.to(v.dtype), v.dtype)

    return y if fill(y, x, job, x.stride(), sums_of, _factor(x, job, weights)) else None


def is_supported(x: Any, grid: Grid) -> bool:
    """Whether the core computes sums of x over these windows."""
    real = type(x) in PLAIN and dtype_name(x) in native_folds.FLOATS
    return library() is not None and real and 0 not in grid.shape and 0 not in grid.out_shape


def allocated(shape: Any, x: Any) -> Any:
    """Memory of this shape, in x's order of axes."""
    order = tuple(sorted(range(x.ndim), key=lambda a: -x.stride(a)))
    return empty([shape[a] for a in order], x.dtype).permute(inverse_order(order) or order)


def backward(g: Any, x: Any, y: Any, job: Job, weights: Any = None) -> Any:
    """The gradient of x, or None, and the gradient of weights that learn, or None.

    The result is None if the terms lose digits.
    """
    grid, reduction = job.grid, job.reduction
    if grid.adjoint is None or not is_supported(x, grid):
        return None
    wide, factor = wide_type(x), _factor(x, job, weights)
    learns = weights is not None and weights.requires_grad
    if factor is not None and (grid.divisor != "present" or grid.fill is not None):
        return None
    gx, gw = allocated(x.shape, x), allocated(x.shape, x) if learns else None
    for piece in pieces(grid, x.stride()):
        xs, part = x[piece], None if factor is None else factor[piece]
        outs = [(reduction.gradient_terms, part, gx[piece])]
        outs += [(reduction.weight_terms, None, gw[piece])] if gw is not None else []
        piece_grid, sums = _window_sums(grid, xs.shape, wide)
        if part is not None:
            xs = with_present(xs, part != 0)
            if xs is None:
                for _, _, out in outs:
                    out.zero_()
                continue
            sums = _weighted_sums(piece_grid, part, wide)
        spread = partial(sum_over_holders, grid=piece_grid)
        for terms, multiplied_by, out in outs:
            if not gather(g[piece], xs, y[piece], terms, sums, spread, out):
                return None
            if multiplied_by is not None:
                out.mul_(multiplied_by)
    return gx, None if gw is None else _reduced_to(torch.where(factor == 0, 0.0, gw), weights)


def _reduced_to(gw: Any, weights: Any) -> Any:
    """The gradient of broadcast weights, summed over the axes along which they were broadcast."""
    return gw.sum_to_size(weights.shape).to(weights.dtype)


def weights_may_learn(reduction: Any) -> bool:
    """Whether a fold defines `weight_terms` for its own steps."""
    return stated(reduction) and defines(reduction, "weight_terms", "step", "finish")


def _factor(x: Any, job: Job, weights: Any) -> Any:
    """`factor_of` without a gradient; weights that are numbers in the type of the sums."""
    w = None if weights is None else weights.detach()
    return factor_of(x, job, w if w is None or w.dtype == torch.bool else w.to(wide_type(x)))


def wide_type(x: Any) -> Any:
    """The element type of sums of x."""
    return torch.float64 if x.dtype == torch.float64 else torch.float32


def _weighted_fold(grid: Grid, w: Any, v: Any, fold: Any) -> Any:
    job = Job(grid, fold, dtype_name(v), "torch", "cpu", (tuple(w.shape), dtype_name(w)))
    return _run(native_folds.prepare(job, v.stride(), w.stride(), dtype_name(w)), v, w)


def _total_weight(grid: Grid, w: Any, dtype: Any) -> Any:
    return _weighted_fold(grid, w, torch.ones((), dtype=dtype, device=w.device).expand(w.shape), Sum())


def _weighted_sums(grid: Grid, w: Any, dtype: Any) -> WindowSums:
    """The sums of weighted elements; their number is their total weight."""
    total = _total_weight(grid, w, dtype)
    none = total == 0
    n = torch.where(none, 1.0, total)
    return WindowSums(n, n, partial(_weighted_fold, grid, w), none)


def gather(g: Any, x: Any, y: Any, terms_of: Any, sums: WindowSums, spread: Any, out: Any) -> bool:
    """Σ a · spread(g · b) into `out`, for the terms (a, b); False if the terms lose digits."""
    wide = wide_type(x)
    xs, ys, gs = (t.to(wide) for t in (x, y, g))
    try:
        terms = terms_of(xs, ys, sums)
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


def sum_over_holders(v: Any, grid: Grid) -> Any:
    """The sum for each element over the windows that contain it."""
    adjoint_sum = adjoint.sum_gradient(grid, dtype_name(v), v.stride(), "torch", False)
    assert adjoint_sum is not None
    return _run(adjoint_sum, v)


def _run(prepared: Any, v: Any, w: Any = None) -> Any:
    out = torch.empty(prepared.shape, dtype=v.dtype, device=v.device)
    prepared.forward(v.data_ptr(), 0 if w is None else w.data_ptr(), out.data_ptr(), 0)
    return out if prepared.back is None else out.permute(prepared.back)


@lru_cache(maxsize=256)
def _window_sums(grid: Grid, shape: tuple[int, ...], dtype: Any) -> tuple[Grid, WindowSums]:
    piece_grid = grid if grid.shape == tuple(shape) else replace(grid, shape=tuple(shape))
    n, present = (_table(piece_grid.along(t), dtype) for t in (piece_grid.counts, piece_grid.total_weights))

    def fold_of(v: Any, fold: Any) -> Any:
        return _run(native_folds.prepare(Job(piece_grid, fold, dtype_name(v), "torch"), v.stride()), v)

    return piece_grid, WindowSums(n, present, fold_of)


def _table(table: Any, dtype: Any) -> Any:
    first = table.reshape(-1)[:1]
    values = first.reshape((1,) * table.ndim) if bool(np.all(table == first)) else table
    return torch.from_numpy(np.ascontiguousarray(values, np.float64)).to(dtype)
