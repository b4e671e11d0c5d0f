"""AttentionPool: sums of tokens with learned weights that sum to 1."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ...errors import PoolingError
from ...scalars import integer
from ...windows import flag
from .scores import score_of
from .tokens import Tokens, tokens_of


class AttentionPool(nn.Module):
    """Attention pooling: y = Σ αᵢ xᵢ with α = softmax(score(xᵢ)) over the valid tokens.

    (batch, time, dim) gives (batch, dim), or (batch, hops · dim).
    score: "additive" vᵀ tanh(W x + b) (Bahdanau, Cho & Bengio 2015; Yang et al. 2016), "dot" qᵀ x,
    "general" qᵀ W x (Luong, Pham & Manning 2015), "gated" vᵀ(tanh(W x + b) ⊙ σ(G x + c)) (Ilse,
    Tomczak & Welling 2018). q and v are learned. hidden: units of W; default: dim. heads: the
    number of parts of x; each has weights of its own (India, Safari & Hernando 2019). hops: sets of
    weights for all of x (Lin et al. 2017), with `penalty`. query: True takes `query` (batch, dim)
    at the call: vᵀ tanh(W x + U q + b), or q is the query. Call it with `mask`, `lengths` or
    `offsets` as SequencePool. A sequence without a token gives 0. need_weights: also the weights
    (batch, hops · heads, time), or (hops · heads, tokens) of a flat batch. Raises PoolingError.

    >>> import torch
    >>> layer = AttentionPool(8, heads=2)
    >>> y, weights = layer(torch.randn(3, 5, 8), lengths=torch.tensor([5, 2, 0]), need_weights=True)
    >>> y.shape, weights.shape
    (torch.Size([3, 8]), torch.Size([3, 2, 5]))
    """

    def __init__(
        self,
        dim: int,
        score: str = "additive",
        hidden: int | None = None,
        heads: int = 1,
        hops: int = 1,
        query: bool = False,
    ) -> None:
        super().__init__()
        self.dim, self.score = integer(dim, "dim", 1), score
        self.heads, self.hops = integer(heads, "heads", 1), integer(hops, "hops", 1)
        if self.dim % self.heads:
            raise PoolingError(f"heads={heads} do not divide dim={dim}: each head pools dim / heads features")
        self.takes_query = flag(query, "query")
        hidden = None if hidden is None else integer(hidden, "hidden", 1)
        self.scores = score_of(score, self.dim, hidden, self.heads, self.hops, self.takes_query)

    def forward(
        self,
        x: Tensor,
        mask: Any = None,
        *,
        lengths: Any = None,
        offsets: Any = None,
        query: Tensor | None = None,
        need_weights: bool = False,
    ) -> Any:
        """The pooled sequences, and their weights if `need_weights`."""
        tokens = tokens_of(x, mask, lengths, offsets, self.dim)
        self._check_query(query, tokens)
        logits = self.scores(tokens.x, query, tokens.spread)
        y = self._pooled(tokens, logits)
        if not need_weights:
            return y
        return y, tokens.restored(tokens.softmax(logits))

    def penalty(self, weights: Tensor) -> Tensor:
        """‖A Aᵀ − I‖² of the weights A (…, hops, time) of each sequence, as (…): small if the hops
        look at different tokens (Lin et al. 2017)."""
        product = weights @ weights.transpose(-2, -1)
        one = torch.eye(weights.shape[-2], dtype=product.dtype, device=product.device)
        return ((product - one) ** 2).sum((-2, -1))

    def extra_repr(self) -> str:
        """The description of the layer."""
        more = "".join(f", {n}={v}" for n, v in (("heads", self.heads), ("hops", self.hops)) if v > 1)
        return f"{self.dim}, {self.score!r}{more}{', query=True' if self.takes_query else ''}"

    def _pooled(self, tokens: Tokens, logits: Tensor) -> Tensor:
        lead = tokens.x.shape[:-1]
        values = tokens.x.reshape(*lead, self.heads, self.dim // self.heads)
        by_hop = logits.reshape(*lead, self.hops, self.heads, 1)
        parts = [tokens.pool(values, "mean", log_weights=by_hop[..., k, :, :]) for k in range(self.hops)]
        return torch.cat([p.reshape(p.shape[0], self.dim) for p in parts], -1)

    def _check_query(self, query: Any, tokens: Tokens) -> None:
        if not self.takes_query:
            if query is not None:
                raise PoolingError(
                    "query: the layer has a learned one; AttentionPool(…, query=True) takes it at the call"
                )
            return
        if query is None:
            raise PoolingError(
                f"query is missing: AttentionPool(…, query=True) needs query= of shape (batch, {self.dim})"
            )
        if tuple(query.shape) != (tokens.batch, self.dim):
            raise PoolingError(
                f"query of shape {tuple(query.shape)}: give {(tokens.batch, self.dim)}, one row a sequence"
            )
