"""StatisticsPool and AttentiveStatisticsPool: mean and standard deviation of each sequence."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ...scalars import integer
from ...windows import flag
from .sequence_pool import SequencePool
from .tokens import tokens_of


class StatisticsPool(SequencePool):
    """The mean and the standard deviation over the valid tokens (Snyder et al. 2018).

    (batch, time, dim) gives (batch, 2 · dim): mean, then √(Σ (x − mean)² / n), 0 for one token.
    Squares are taken of deviations from the mean, not of x. Call it with `mask`, `lengths` or
    `offsets` as SequencePool.

    >>> import torch
    >>> StatisticsPool()(torch.tensor([[[1.0], [3.0]]]))
    tensor([[2., 1.]])
    """

    def __init__(self) -> None:
        super().__init__(("mean", "std"))

    def extra_repr(self) -> str:
        """The description of the layer."""
        return ""


class AttentiveStatisticsPool(nn.Module):
    """The mean and the standard deviation with learned weights (Okabe, Koshinaka & Shinoda 2018).

    (batch, time, dim) gives (batch, 2 · dim): μ = Σ αᵢ xᵢ and √(Σ αᵢ (xᵢ − μ)²), with α =
    softmax(vᵀ tanh(W x + b)) over the valid tokens. hidden: units of W; default: dim. channelwise:
    weights for each feature (Desplanques, Thienpondt & Demuynck 2020). Call it with `mask`,
    `lengths` or `offsets` as SequencePool. A sequence without a token gives 0. Raises PoolingError.

    >>> import torch
    >>> AttentiveStatisticsPool(4)(torch.randn(2, 5, 4)).shape
    torch.Size([2, 8])
    """

    def __init__(self, dim: int, hidden: int | None = None, channelwise: bool = False) -> None:
        super().__init__()
        self.dim = integer(dim, "dim", 1)
        self.channelwise = flag(channelwise, "channelwise")
        units = self.dim if hidden is None else integer(hidden, "hidden", 1)
        self.token = nn.Linear(self.dim, units)
        self.vector = nn.Linear(units, self.dim if self.channelwise else 1)

    def forward(self, x: Tensor, mask: Any = None, *, lengths: Any = None, offsets: Any = None) -> Tensor:
        """Means, then standard deviations."""
        tokens = tokens_of(x, mask, lengths, offsets, self.dim)
        logits = self.vector(torch.tanh(self.token(tokens.x)))
        return torch.cat(tokens.pool(tokens.x, ("mean", "std"), log_weights=logits), -1)

    def extra_repr(self) -> str:
        """The description of the layer."""
        return f"{self.dim}{', channelwise=True' if self.channelwise else ''}"
