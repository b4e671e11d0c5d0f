"""SimPool: attention of the mean token."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from ...errors import PoolingError
from ...scalars import integer, is_number
from .tokens import tokens_of


class SimPool(nn.Module):
    """SimPool (Psomas et al. 2023): attention of the query W_q LN(mean) to the keys W_k LN(x); the
    values are LN(x).

    (batch, time, dim) gives (batch, dim). gamma: pools v^γ, then takes the root, with v relative to
    the smallest value of the sequence; None: v itself. Call it with `mask`, `lengths` or `offsets`
    as SequencePool. A sequence without a token gives 0. Raises PoolingError.

    >>> import torch
    >>> SimPool(8)(torch.randn(2, 5, 8)).shape
    torch.Size([2, 8])
    """

    def __init__(self, dim: int, gamma: float | None = None) -> None:
        super().__init__()
        self.dim = integer(dim, "dim", 1)
        if gamma is not None and (not is_number(gamma) or not 0 < gamma < math.inf):
            raise PoolingError(f"gamma={gamma!r}: use a finite number above 0, or None")
        self.gamma = None if gamma is None else float(gamma)
        self.query_norm, self.norm = nn.LayerNorm(self.dim), nn.LayerNorm(self.dim)
        self.query, self.key = (nn.Linear(self.dim, self.dim, bias=False) for _ in range(2))

    def forward(self, x: Tensor, mask: Any = None, *, lengths: Any = None, offsets: Any = None) -> Tensor:
        """The pooled sequences."""
        tokens = tokens_of(x, mask, lengths, offsets, self.dim)
        q = self.query(self.query_norm(tokens.pool(tokens.x, "mean")))
        v = self.norm(tokens.x)
        logits = (self.key(v) * tokens.spread(q)).sum(-1, keepdim=True) / math.sqrt(self.dim)
        if self.gamma is None:
            return tokens.pool(v, "mean", log_weights=logits)
        least = tokens.spread(tokens.pool(v.amin(-1, keepdim=True), "min"))
        positive = (v - least).clamp(min=0) + 1e-6
        y = tokens.pool(positive**self.gamma, "mean", log_weights=logits)
        there = y > 0
        return torch.where(there, torch.where(there, y, 1.0) ** (1 / self.gamma), 0.0)

    def extra_repr(self) -> str:
        """The description of the layer."""
        return f"{self.dim}{'' if self.gamma is None else f', gamma={self.gamma:g}'}"
