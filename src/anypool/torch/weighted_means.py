"""The gradients of weighted sums and means, block by block: of x, and of weights or log-weights
that learn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from math import isfinite
from typing import Any, NamedTuple

import torch

from ..arrays.torch_dtypes import dtype_name
from ..arrays.torch_memory import empty
from ..engines.folds import native as native_folds
from ..engines.folds import weighted_adjoint
from ..engines.folds.linear_forms import in_range, pieces
from ..engines.native.library import library
from ..plan import Grid, Job
from ..reductions import Max, Mean, Sum
from .folds import TensorFold
from .function import Forward, differentiable
from .linear_forms import allocated, is_supported, sum_over_holders, wide_type

LEAST = 4e-18  # a total of weights e^(a − greatest a of the row) below this has lost digits


class LogWeightedMean:
    """The mean with the weights e^a of one compiled fold; `reference` computes it in torch's own
    functions."""

    def __init__(self, fold: TensorFold, reference: Callable[[Any, Any], Any]) -> None:
        self.fold, self.other = fold, reference

    def forward(self, tensors: Sequence[Any]) -> Forward:
        """The result."""
        x, a = (t.detach() for t in tensors)
        y = self.fold.run(x, a)
        return Forward(self.other(x, a) if y is None else y, (), True)

    def backward(self, g: Any, tensors: Sequence[Any], result: Any, saved: Sequence[Any]) -> Sequence[Any]:
        """The gradients of x and of a."""
        fold, (x, a) = self.fold, tensors
        gx, ga = gradients(g, x, result, a, fold.grid, omit_nan=fold.omit_nan, logs=True)
        if gx is not None:
            return gx if x.requires_grad else None, ga
        leaves = [t.detach().requires_grad_(t.requires_grad) for t in tensors]
        with torch.enable_grad():
            needed = [t for t in leaves if t.requires_grad]
            computed = iter(torch.autograd.grad(self.other(*leaves), needed, g))
        return [next(computed) if t.requires_grad else None for t in leaves]

    def reference(self, tensors: Sequence[Any]) -> Any:
        """The same result, which torch can differentiate any number of times."""
        return self.other(*tensors)


def log_weighted_mean(fold: TensorFold, x: Any, a: Any, reference: Callable[[Any, Any], Any]) -> Any:
    """The mean with the weights e^a, with a gradient."""
    return differentiable(LogWeightedMean(fold, reference), x, a)


def gradients(
    g: Any, x: Any, y: Any, w: Any, grid: Grid, *, divides: bool = True, omit_nan: bool = False, logs: bool = False
) -> tuple[Any, Any]:
    """The gradient of x, and of w if it learns, for the result y of a sum or mean with the weights
    w, or e^w with `logs`.

    w is None, a mask, or numbers that broadcast to x. The gradient of x is None if it is not
    compiled, or if the numbers need the reference.
    """
    unclear = divides and grid.divisor != "present"
    if library() is None or grid.adjoint is None or grid.fill is not None or unclear or not is_supported(x, grid):
        return None, None
    learns = w is not None and w.requires_grad
    weights = _numbers(w, x)
    how = _How(divides, omit_nan, logs)
    for compiled in (_by_items, _by_rows):
        both = compiled(g, x, y, weights, learns, grid, how)
        if both is not None:
            return both[0], None if w is None or both[1] is None else both[1].reshape(w.shape).to(w.dtype)
    gx = allocated(x.shape, x)
    gw: Any = torch.zeros(weights.shape, dtype=wide_type(x), device=x.device) if learns else None
    for piece in pieces(grid, x.stride()):
        part = None if weights is None else weights[_within(piece, weights.shape)]
        block = _Block(g[piece], x[piece], None if y is None else y[piece], part, grid, divides, omit_nan, logs)
        sums = block.gradients(learns)
        if sums is None:
            return None, None
        part, (spread, factor) = gx[piece], sums[0]
        if gx.dtype == block.wide and torch.broadcast_shapes(spread.shape, factor.shape) == part.shape:
            torch.mul(spread, factor, out=part)
        else:
            part.copy_(spread * factor)
        if gw is not None:
            gw[_within(piece, gw.shape)] += sums[1]
    return gx, None if w is None or gw is None else gw.reshape(w.shape).to(w.dtype)


def _numbers(w: Any, x: Any) -> Any:
    """Weights as a mask or in the type of sums of x, with as many axes as x."""
    if w is None:
        return None
    w = w.detach().reshape((1,) * (x.ndim - w.ndim) + tuple(w.shape))
    return w if w.dtype == torch.bool else w.to(wide_type(x))


class _How(NamedTuple):
    divides: bool
    omit_nan: bool
    logs: bool


def _by_items(g: Any, x: Any, y: Any, w: Any, learns: bool, grid: Grid, how: _How) -> tuple[Any, Any] | None:
    """Both gradients by the compiled core, for dense x and w of one shape; None for others."""
    if how.omit_nan or w is None or w.shape != x.shape or not (x.is_contiguous() and w.is_contiguous()):
        return None
    dtype = dtype_name(x)
    if dtype not in ("float32", "float64") or x.shape[: min(grid.pooled_dims)].numel() < 2:
        return None
    items = weighted_adjoint.weighted_items(grid, dtype, how.divides)
    if items is None:
        return None
    g = g.contiguous()
    y = g if y is None else y.to(x.dtype).contiguous()
    gx, gw = empty(x.shape, x.dtype), empty(x.shape, x.dtype) if learns else None
    tensors = {"x": x, "w": w, "g": g, "y": y, "gx": gx} | ({} if gw is None else {"gw": gw})
    done = items.run({name: t.data_ptr() for name, t in tensors.items()}, dtype_name(w), how.logs)
    return (gx, gw) if done else None


def _by_rows(g: Any, x: Any, y: Any, w: Any, learns: bool, grid: Grid, how: _How) -> tuple[Any, Any] | None:
    """Both gradients by the compiled core, for rows of lanes with one weight each; None for
    others."""
    if how.omit_nan or not how.divides or w is None or dtype_name(x) not in ("float32", "float64"):
        return None
    if not x.is_contiguous() or not w.is_contiguous():
        return None
    job = Job(grid, Mean(), dtype_name(x), "torch", "cpu", (tuple(w.shape), dtype_name(w)), False, None, how.logs)
    if native_folds.refuses(job) is not None:
        return None
    fold = weighted_adjoint.weighted_rows(grid, job, x.stride(), w.expand(x.shape).stride(), dtype_name(w))
    if fold is None:
        return None
    lanes = _lanes(w)
    shared = [d for d, (n, k) in enumerate(zip(x.shape, w.shape, strict=True)) if n != k]
    if any(d not in lanes or d in grid.pooled_dims for d in shared):
        return None  # an entry of w belongs to several rows
    g, y = (t.to(x.dtype).permute(fold.order).contiguous() for t in (g, y))
    gx, gw = empty(x.shape, x.dtype), torch.zeros(w.shape, dtype=x.dtype, device=x.device) if learns else None
    to = gx.data_ptr(), 0 if gw is None else gw.data_ptr()
    done = weighted_adjoint.rows_gradient(fold, x.data_ptr(), w.data_ptr(), y.data_ptr(), g.data_ptr(), *to)
    return (gx, gw) if done else None


def _lanes(w: Any) -> tuple[int, ...]:
    """The last axes, along which w has the length 1."""
    first = w.ndim
    while first > 0 and w.shape[first - 1] == 1:
        first -= 1
    return tuple(range(first, w.ndim))


def _within(piece: tuple[slice, ...], shape: Sequence[int]) -> tuple[slice, ...]:
    """The part of a broadcast array that belongs to a block of x."""
    return tuple(slice(None) if n == 1 else s for s, n in zip(piece, shape, strict=True))


class _Block:
    """Some items: the gradients that windows give to their elements."""

    def __init__(self, g: Any, x: Any, y: Any, w: Any, grid: Grid, divides: bool, omit_nan: bool, logs: bool) -> None:
        self.wide = wide_type(x)
        self.grid, self.divides, self.logs = _with_shape(grid, tuple(x.shape)), divides, logs
        self.g, self.x = g.to(self.wide), x.to(self.wide)
        self.y: Any = None if y is None else y.to(self.wide)
        self.present = x == x if omit_nan else None
        if self.present is not None:
            self.x = torch.where(self.present, self.x, 0.0)
        self.w = w

    def gradients(self, learns: bool) -> tuple[tuple[Any, Any], Any] | None:
        """The two factors of the gradient of x, and the gradient of w in the shape of w; None if
        digits are lost."""
        e = self._weights()
        h = self.g
        none: Any = None
        if self.divides:
            total = self._totals(e, Sum())
            low = total < LEAST if self.logs else total == 0
            if bool(low.any()):
                none = total == 0
                if self.logs and bool((low & (self._totals(self._logarithms(), Max()) > -torch.inf)).any()):
                    return None
                h = torch.where(none, 0.0, h / total)
            else:
                h = h / total
        spread = self._spread(h)
        if not learns:
            return (spread, e), None
        gw = self._summed(torch.mul(self.x, spread), e.shape)
        if self.divides:
            y = self.y if none is None else torch.where(none, 0.0, self.y)
            gw -= self._summed(self._spread(h * y), e.shape)
        if self.logs:
            gw *= e
        if not self.logs or not isfinite(float(gw.sum())):
            gw = torch.where(e == 0, 0.0, gw)
            if not in_range(gw, torch.finfo(self.wide).max):
                return None
        return (spread, e), gw.sum_to_size(self.w.shape)

    def _summed(self, v: Any, shape: Sequence[int]) -> Any:
        """Sums over the axes of length 1 in `shape`, of v as broadcast to x there."""
        sizes = [n if k == 1 else m for n, m, k in zip(self.x.shape, v.shape, shape, strict=True)]
        return v.expand(sizes).sum_to_size([1 if k == 1 else m for m, k in zip(sizes, shape, strict=True)])

    def _logarithms(self) -> Any:
        return self.w if self.present is None else torch.where(self.present, self.w, -torch.inf)

    def _weights(self) -> Any:
        """The weights of the elements, relative to the greatest of their row if they are e^w."""
        if not self.logs:
            w = torch.ones((), dtype=self.wide, device=self.x.device) if self.w is None else self.w.to(self.wide)
            return w if self.present is None else torch.where(self.present, w, 0.0)
        a = self._logarithms()
        top = a.amax(self.grid.pooled_dims, keepdim=True)
        return torch.exp(a - torch.where(top > -torch.inf, top, 0.0))

    def _totals(self, w: Any, fold: Any) -> Any:
        """A fold of w over each window; axes along which w is broadcast keep the length 1."""
        shape = [
            n if d in self.grid.pooled_dims else k for d, (n, k) in enumerate(zip(self.x.shape, w.shape, strict=True))
        ]
        full, grid = w.expand(shape), _with_shape(self.grid, tuple(shape))
        if _is_whole(grid) and w.shape == full.shape:
            return (w.sum if isinstance(fold, Sum) else w.amax)(grid.pooled_dims, keepdim=True)
        job = Job(grid, fold, dtype_name(full), "torch")
        prepared = native_folds.prepare(job, full.stride())
        out = torch.empty(prepared.shape, dtype=full.dtype, device=full.device)
        prepared.forward(full.data_ptr(), 0, out.data_ptr(), 0)
        return out if prepared.back is None else out.permute(prepared.back)

    def _spread(self, v: Any) -> Any:
        """The sum over the windows that contain each element."""
        return v if _is_whole(self.grid) else sum_over_holders(v, self.grid)


@lru_cache(maxsize=256)
def _with_shape(grid: Grid, shape: tuple[int, ...]) -> Grid:
    return grid if grid.shape == shape else replace(grid, shape=shape)


def _is_whole(grid: Grid) -> bool:
    """Whether one window contains all positions of the pooled axes, once each."""
    return all(a.out == 1 and a.source is None and a.step == 1 and int(a.length[0]) == a.size for a in grid.axes)
