"""Scores of tokens for attention pooling: additive, dot, general and gated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from ...arrays.ops import among
from ...errors import PoolingError

Spread = Callable[[Tensor], Tensor]  # one row of each sequence, for each of its tokens
KINDS = ("additive", "dot", "general", "gated")


class Hidden(nn.Module):
    """Additive and gated scores: vᵀ tanh(W x + U q + b), times sigmoid(G x + c) if gated."""

    def __init__(self, dim: int, hidden: int, count: int, query: bool, gated: bool) -> None:
        super().__init__()
        self.token = nn.Linear(dim, hidden)
        self.gate = nn.Linear(dim, hidden) if gated else None
        self.query = nn.Linear(dim, hidden, bias=False) if query else None
        self.vector = nn.Linear(hidden, count, bias=False)

    def forward(self, x: Tensor, query: Tensor | None, spread: Spread) -> Tensor:
        """(…, count) scores of tokens (…, dim)."""
        inner = self.token(x)
        if self.query is not None and query is not None:
            inner = inner + spread(self.query(query))
        u = torch.tanh(inner)
        return self.vector(u if self.gate is None else u * torch.sigmoid(self.gate(x)))


class Product(nn.Module):
    """Dot and general scores: qᵀ x, or qᵀ W x, of each head's part, with a learned q or the
    query."""

    def __init__(self, dim: int, heads: int, hops: int, query: bool, general: bool) -> None:
        super().__init__()
        self.heads, self.hops = heads, hops
        self.matrix = nn.Linear(dim, dim, bias=False) if general else None
        self.context = None if query else nn.Parameter(torch.empty(hops, dim, dtype=None, device=None))
        self.hop_queries = nn.Parameter(torch.empty(hops, dim, dtype=None, device=None)) if query and hops > 1 else None
        for parameter in (self.context, self.hop_queries):
            if parameter is not None:
                nn.init.normal_(parameter, std=dim**-0.5)

    def forward(self, x: Tensor, query: Tensor | None, spread: Spread) -> Tensor:
        """(…, hops · heads) scores of tokens (…, dim)."""
        x = x if self.matrix is None else self.matrix(x)
        if query is None:
            assert self.context is not None
            q = self.context
        else:
            rows = query[:, None] if self.hop_queries is None else query[:, None] * self.hop_queries
            q = spread(rows)
        part = x.shape[-1] // self.heads
        products = x[..., None, :] * q
        return products.reshape(*products.shape[:-1], self.heads, part).sum(-1).flatten(-2)


def score_of(kind: Any, dim: int, hidden: int | None, heads: int, hops: int, query: bool) -> nn.Module:
    """The module that scores tokens."""
    if not among(kind, KINDS):
        raise PoolingError(f"score={kind!r}: use one of {', '.join(map(repr, KINDS))}")
    if kind in ("dot", "general"):
        if hidden is not None:
            raise PoolingError(f"hidden={hidden!r} of score={kind!r}: only additive and gated scores have hidden units")
        return Product(dim, heads, hops, query, kind == "general")
    return Hidden(dim, dim if hidden is None else hidden, heads * hops, query, kind == "gated")
