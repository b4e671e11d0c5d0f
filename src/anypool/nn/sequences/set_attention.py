"""PMA: pooling by multi-head attention of learned seeds."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from ...errors import PoolingError
from ...scalars import integer
from .checks import check_one
from .padded_tokens import attend, padded_tokens
from .tokens import tokens_of


class PMA(nn.Module):
    """Pooling by multi-head attention: MAB(S, rFF(X)) of learned seeds S (Lee et al. 2019, Set
    Transformer).

    (batch, time, dim) gives (batch, seeds, dim). MAB(S, Z) = LN(H + rFF(H)) with H = LN(S +
    Attention(S, Z, Z)). A set without an element gives the value of attention 0: a constant of the
    layer. Call it with `mask`, `lengths` or `offsets` as SequencePool. Raises PoolingError.

    >>> import torch
    >>> PMA(8, 3, heads=2)(torch.randn(2, 5, 8)).shape
    torch.Size([2, 3, 8])
    """

    def __init__(self, dim: int, seeds: int = 1, heads: int = 1) -> None:
        super().__init__()
        self.dim, self.heads = integer(dim, "dim", 1), integer(heads, "heads", 1)
        if self.dim % self.heads:
            raise PoolingError(f"heads={heads} do not divide dim={dim}: each head has dim / heads features")
        self.seeds = nn.Parameter(torch.empty(integer(seeds, "seeds", 1), self.dim, dtype=None, device=None))
        nn.init.xavier_uniform_(self.seeds)
        self.before = nn.Sequential(nn.Linear(self.dim, self.dim), nn.ReLU())
        self.query, self.key, self.value, self.out = (nn.Linear(self.dim, self.dim) for _ in range(4))
        self.after = nn.Sequential(nn.Linear(self.dim, self.dim), nn.ReLU())
        self.norm, self.last_norm = nn.LayerNorm(self.dim), nn.LayerNorm(self.dim)

    def forward(self, x: Tensor, mask: Any = None, *, lengths: Any = None, offsets: Any = None) -> Tensor:
        """One row for each seed."""
        check_one(mask, lengths, offsets)
        attended = self._of_padded(x, mask, lengths) if offsets is None else self._of_flat(x, offsets)
        seeds = self.seeds.expand(attended.shape[0], -1, -1)
        h = self.norm(seeds + self.out(attended))
        return self.last_norm(h + self.after(h))

    def extra_repr(self) -> str:
        """The description of the layer."""
        return f"{self.dim}, seeds={self.seeds.shape[0]}, heads={self.heads}"

    def _of_padded(self, x: Tensor, mask: Any, lengths: Any) -> Tensor:
        """The attention of the seeds to a padded batch, by torch's function."""
        x, keep = padded_tokens(x, mask, lengths, self.dim)
        z, seeds = self.before(x), self.seeds.expand(x.shape[0], -1, -1)
        q, k, v = self._split(self.query(seeds)), self._split(self.key(z)), self._split(self.value(z))
        return attend(q, k, v, keep).transpose(1, 2).flatten(2)

    def _of_flat(self, x: Tensor, offsets: Any) -> Tensor:
        """The attention of the seeds to a flat batch, by weighted means without padding."""
        tokens = tokens_of(x, None, None, offsets, self.dim)
        z, width = self.before(tokens.x), self.dim // self.heads
        k, v = (layer(z).reshape(-1, self.heads, width) for layer in (self.key, self.value))
        q = self.query(self.seeds).reshape(-1, self.heads, width)
        logits = torch.einsum("nhd,shd->snh", k, q) / math.sqrt(width)
        parts = [tokens.pool(v, "mean", log_weights=a[..., None]).flatten(1) for a in logits]
        return torch.stack(parts, 1)

    def _split(self, v: Tensor) -> Tensor:
        """(batch, rows, dim) as (batch, heads, rows, dim / heads)."""
        return v.reshape(v.shape[0], v.shape[1], self.heads, self.dim // self.heads).transpose(1, 2)
