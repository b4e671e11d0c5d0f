"""SequencePool: reductions of the valid tokens of each sequence."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ... import windows as kinds
from ...api import pool
from ...arrays import tracing
from ...errors import PoolingError
from ...order_statistics import Order
from ...reductions import reduction_of
from ..layer_tensors import Reducing
from .checks import check_one, check_tokens, lengths_of, mask_of, offsets_of
from .runs import as_runs

NAMES = {  # other names of modes
    "cls": "first",
    "lasttoken": "last",
    "last_token": "last",
    "mean_sqrt_len_tokens": "mean_sqrt_len",
    "weighted_mean": "weightedmean",
}


class SequencePool(Reducing):
    """Pool the valid tokens of each sequence: (batch, time, dim) to (batch, dim).

    mode: "first" ("cls"), "last", "mean", "max", "min", "sum", "mean_sqrt_len" (Σ x / √n),
    "weightedmean" (Σ i·xᵢ / Σ i, i = 1 … n counts the valid tokens), "median", "std" or any
    reduction of `anypool.pool`. A tuple of modes gives their results side by side: (batch, modes ·
    dim). empty: the result of a sequence without a token; its gradient is 0. Call it with x (batch,
    time, dim) and `mask` (batch, time) or `lengths` (batch,) for padding on the right, or with x
    (tokens, dim) and `offsets` (batch + 1,), also called cu_seqlens. Padding is never read, and
    does not change the result. Raises PoolingError.

    >>> import torch
    >>> x = torch.tensor([[[1.0], [3.0], [9.0]], [[5.0], [9.0], [9.0]]])
    >>> SequencePool(("mean", "last"))(x, lengths=torch.tensor([2, 1]))
    tensor([[2., 3.],
            [5., 5.]])
    """

    def __init__(self, mode: Any = "mean", *, empty: float = 0.0) -> None:
        super().__init__()
        modes = mode if isinstance(mode, (tuple, list)) else (mode,)
        if not modes:
            raise PoolingError("mode=(): give at least one")
        self.modes = tuple(NAMES.get(m, m) if isinstance(m, str) else m for m in modes)
        self.empty = float(empty)
        self.hold(
            tuple("sum" if m == "mean_sqrt_len" else "mean" if m == "weightedmean" else m for m in self.modes), {}
        )
        for reduction in self.reduction:
            if getattr(reduction_of(reduction), "gives", "value") == "position":
                raise PoolingError(f"{reduction!r} gives positions, no features: call anypool.pool with it")

    def forward(self, x: Tensor, mask: Any = None, *, lengths: Any = None, offsets: Any = None) -> Tensor:
        """The results of all modes, side by side."""
        check_one(mask, lengths, offsets)
        check_tokens(x, None, 2 if offsets is not None else 3)
        call = _call(x, mask, lengths, offsets)
        reductions, counts = self.bound(), None
        results: list[Any] = [None] * len(reductions)
        together = [i for i, m in enumerate(self.modes) if m != "weightedmean"]
        if together:
            values = call.pool(tuple(reductions[i] for i in together), self.empty)
            for i, y in zip(together, values, strict=True):
                results[i] = _features(y, reductions[i], x.dtype)
        for i, mode in enumerate(self.modes):
            if mode == "weightedmean":
                results[i] = call.pool("mean", self.empty, call.positions())
            elif mode == "mean_sqrt_len":
                counts = call.counts() if counts is None else counts
                root = counts.clamp(min=1).to(x.dtype).sqrt()[:, None]
                results[i] = torch.where(counts[:, None] > 0, results[i] / root, self.empty)
        return results[0] if len(results) == 1 else torch.cat(results, -1)

    def extra_repr(self) -> str:
        """The description of the layer."""
        empty = "" if self.empty == 0 else f", empty={self.empty:g}"
        return f"{self.modes[0] if len(self.modes) == 1 else self.modes!r}{empty}"


class _Call:
    """The windows of the sequences of one batch."""

    def __init__(self, x: Tensor, windows: Any, axes: Any, batch: Any, weights: Any = None) -> None:
        self.x, self.windows, self.axes, self.batch, self.weights = x, windows, axes, batch, weights

    def pool(self, reduction: Any, empty: float, weights: Any = None) -> Any:
        """The reduction of each sequence."""
        w = self.weights if weights is None else weights
        return pool(self.x, self.windows, reduction, axes=self.axes, weights=w, empty=empty)

    def counts(self) -> Tensor:
        """(batch,) the number of valid tokens."""
        ones = self.x.detach().new_ones(1, dtype=torch.float64).expand(*self.x.shape[:-1], 1)
        return pool(ones, self.windows, "count", axes=self.axes, weights=self.weights, empty=0)[:, 0]

    def positions(self) -> Tensor:
        """1, 2 … for the valid tokens of each sequence, 0 elsewhere, broadcastable to x."""
        dtype = torch.float64 if self.x.dtype is torch.float64 else torch.float32
        if self.x.ndim == 3:
            count = (self._there() if self.weights is None else self.weights).to(dtype)
            return count.cumsum(1) * count
        offsets = torch.as_tensor(self.windows.arguments()["offsets"], device=self.x.device)
        at = torch.arange(self.x.shape[0], device=self.x.device, dtype=torch.int64)
        owner = torch.searchsorted(offsets[1:].contiguous(), at, right=True).clamp(0, max(self.batch - 1, 0))
        return (at - offsets[owner] + 1).clamp(min=0).to(dtype)[:, None]

    def _there(self) -> Tensor:
        """Which tokens of a padded batch are valid."""
        if isinstance(self.windows, kinds.Whole):
            return self.x.new_ones(*self.x.shape[:2], 1)
        arguments = self.windows.arguments()
        at = torch.arange(self.x.shape[1], device=self.x.device, dtype=torch.int64)
        if "lengths" in arguments:
            return (at < torch.as_tensor(arguments["lengths"], device=self.x.device)[:, None])[..., None]
        starts, stops = (torch.as_tensor(arguments[n], device=self.x.device)[:, None] for n in ("starts", "stops"))
        return ((at >= starts) & (at < stops))[..., None]


def _call(x: Tensor, mask: Any, lengths: Any, offsets: Any) -> _Call:
    """The call that pools the sequences."""
    if offsets is not None:
        row = offsets_of(offsets, x)
        return _Call(x, kinds.segments(row), 0, row.shape[0] - 1)
    batch, time = x.shape[:2]
    if lengths is not None:
        return _Call(x, kinds.padded(lengths_of(lengths, x)), (0, 1), batch)
    keep = None if mask is None else mask_of(mask, x).to(x.device)
    if tracing.compiling():
        return _Call(x, kinds.whole(keepdims=False), 1, batch, None if keep is None else keep[..., None])
    if keep is None:
        return _Call(x, kinds.padded([time] * batch), (0, 1), batch)
    runs = as_runs(keep)
    if runs is not None:
        return _Call(x, runs, (0, 1), batch)
    valid = x.reshape(batch * time, x.shape[2]).index_select(0, keep.reshape(-1).nonzero()[:, 0])
    return _Call(valid, kinds.segments(lengths=keep.sum(1)), 0, batch)


def _features(y: Tensor, reduction: Any, dtype: torch.dtype) -> Tensor:
    """The results of one reduction as (batch, features)."""
    kind = reduction_of(reduction)
    answers = kind.answers() if isinstance(kind, Order) else None
    if answers is not None:
        y = y.movedim(0 if answers[1] == 0 else -1, 1).flatten(1)
    return y if y.dtype == dtype else y.to(dtype)
