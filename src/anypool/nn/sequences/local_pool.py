"""LocallyWeightedPool: weighted means of sliding windows of tokens."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ... import windows as kinds
from ...api import pool
from ...arrays import tracing
from ...arrays.ops import among
from ...errors import PoolingError
from ...scalars import integer
from .checks import check_one, check_tokens, offsets_of
from .padded_tokens import padded_tokens

KINDS = ("learned", "gaussian", "local-p")


class LocallyWeightedPool(nn.Module):
    """Weighted means of sliding windows: (batch, time, dim) to (batch, time′, dim).

    time′ is ⌊(time − size) / stride⌋ + 1, and 1 if time < size.
    weighting: "learned" is softmax(wᵀ x + b) in each window (LIP, Gao, Wang & Wu 2019, along time);
    "gaussian" is exp(−(t − c)² / 2σ²) around the centre c with σ = size / 4; "local-p" multiplies
    the learned weights by a Gaussian with σ = size / 4 around the position size · σ(vᵀ tanh(W m)) −
    ½, m the mean of the window (Luong, Pham & Manning 2015). Call it with `mask` or `lengths`, or
    with x (tokens, dim) and `offsets`, which gives the windows of sequence after sequence. A window
    without a valid token gives 0. Raises PoolingError.

    >>> import torch
    >>> LocallyWeightedPool(8, 4, 2)(torch.randn(3, 10, 8)).shape
    torch.Size([3, 4, 8])
    """

    def __init__(self, dim: int, size: int, stride: int | None = None, weighting: str = "learned") -> None:
        super().__init__()
        self.dim, self.size = integer(dim, "dim", 1), integer(size, "size", 1)
        self.stride = self.size if stride is None else integer(stride, "stride", 1)
        if not among(weighting, KINDS):
            raise PoolingError(f"weighting={weighting!r}: use one of {', '.join(map(repr, KINDS))}")
        self.weighting = weighting
        self.logit = None if weighting == "gaussian" else nn.Linear(self.dim, 1)
        self.place = None
        if weighting == "local-p":
            self.place = nn.Sequential(
                nn.Linear(self.dim, self.dim, bias=False), nn.Tanh(), nn.Linear(self.dim, 1, bias=False)
            )
        steps = torch.arange(self.size, dtype=torch.get_default_dtype(), device=None) - (self.size - 1) / 2
        taps = tuple((-0.5 * (steps / self._width) ** 2).exp().tolist()) if weighting == "gaussian" else None
        self.taps = None if taps is None else (taps,)
        self.windows = kinds.sliding((self.size,), self.stride, taps=self.taps)

    @property
    def _width(self) -> float:
        return self.size / 4

    def forward(self, x: Tensor, mask: Any = None, *, lengths: Any = None, offsets: Any = None) -> Tensor:
        """The weighted means."""
        check_one(mask, lengths, offsets)
        if offsets is not None:
            check_tokens(x, self.dim, 2)
            if self.place is not None:
                raise PoolingError(
                    "weighting='local-p' of a flat batch: give (batch, time, dim) with lengths= or mask="
                )
            within = kinds.segments(offsets_of(offsets, x)).sliding(self.size, self.stride, taps=self.taps)
            return self._pooled(x, within, 0, None)
        x, keep = padded_tokens(x, mask, lengths, self.dim)
        if not x.shape[1]:
            return x.new_zeros(x.shape[0], 0, self.dim)
        if self.place is not None or (self.taps is not None and tracing.compiling()):  # no graph holds taps
            return self._around_places(x, keep)
        return self._pooled(x, self.windows, 1, None if keep is None else keep[..., None])

    def extra_repr(self) -> str:
        """The description of the layer."""
        more = "" if self.weighting == "learned" else f", {self.weighting!r}"
        return f"{self.dim}, {self.size}, {self.stride}{more}"

    def _pooled(self, x: Tensor, windows: Any, axis: int, weights: Tensor | None) -> Tensor:
        logits = None if self.logit is None else self.logit(x)
        return pool(x, windows, "mean", axes=axis, weights=weights, log_weights=logits, empty=0.0)

    def _around_places(self, x: Tensor, keep: Tensor | None) -> Tensor:
        """The means around a position that each window predicts, or around its centre."""
        keep = torch.ones(x.shape[:2], dtype=torch.bool, device=x.device) if keep is None else keep
        short = self.size - x.shape[1]
        if short > 0:  # one window, whose last tokens are absent
            x, keep = nn.functional.pad(x, (0, 0, 0, short)), nn.functional.pad(keep, (0, short))
        there = keep.unfold(1, self.size, self.stride)
        values = x.unfold(1, self.size, self.stride).transpose(2, 3)
        count = there.sum(-1, keepdim=True).clamp(min=1).to(x.dtype)
        centre: Any = (self.size - 1) / 2
        if self.place is not None:
            centre = self.size * torch.sigmoid(self.place(values.sum(2) / count)) - 0.5
        steps = torch.arange(self.size, device=x.device, dtype=x.dtype)
        scores = x[..., 0] * 0 if self.logit is None else self.logit(x)[..., 0]
        logits = scores.unfold(1, self.size, self.stride) - 0.5 * ((steps - centre) / self._width) ** 2
        low = logits.masked_fill(~there, -torch.inf)
        most = low.detach().amax(-1, keepdim=True)
        e = torch.where(there, (logits - torch.where(most > -torch.inf, most, 0.0)).exp(), 0.0)
        total = e.sum(-1, keepdim=True)
        return ((e / torch.where(total == 0, 1.0, total))[..., None] * values).sum(2)
