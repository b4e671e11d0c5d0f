"""The tokens of a batch of sequences, in the form that a layer pools: flat, or padded while
torch.compile
traces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ... import windows as kinds
from ...api import pool
from ...arrays import tracing
from ...softmax import softmax
from .checks import check_one, check_tokens, lengths_of, mask_of, offsets_of


@dataclass(frozen=True)
class Tokens:
    """Tokens along one axis, and the windows of the sequences on it.

    Flat tokens have the axis 0, and `positions` says which of the batch's tokens they are. Padded
    ones have the axis 1, and `weights` is the mask of valid tokens.
    """

    x: Tensor  # (tokens, features), or (batch, time, features)
    windows: Any
    batch: Any  # the number of sequences
    weights: Tensor | None = None  # (batch, time, 1)
    owner: Tensor | None = None  # (tokens,) the sequence of each flat token
    positions: Tensor | None = None  # (tokens,) positions in the flattened batch; None: all
    shape: tuple[Any, ...] = ()  # (batch, time) of a padded batch; empty for a flat one
    size: Any = 0  # the number of tokens of a flat batch

    @property
    def padded(self) -> bool:
        """Whether the tokens are (batch, time, …)."""
        return self.x.ndim == 3

    def pool(
        self, values: Tensor, reduction: Any, log_weights: Any = None, weights: Any = None, empty: Any = 0.0
    ) -> Any:
        """A reduction of each sequence of values (tokens, …) or (batch, time, …), as (batch, …)."""
        axis = 1 if self.padded else 0
        w = self.weights if weights is None else weights
        if w is not None:
            w = w.reshape(*w.shape[: axis + 1], *[1] * (values.ndim - axis - 1))
        options: dict[str, Any] = {"axes": axis, "weights": w, "empty": empty, "log_weights": log_weights}
        return pool(values, self.windows, reduction, **options)

    def spread(self, rows: Tensor) -> Tensor:
        """(batch, …) as one row for each token: broadcastable to padded tokens."""
        if self.padded:
            return rows[:, None]
        assert self.owner is not None
        return rows.index_select(0, self.owner)

    def softmax(self, logits: Tensor) -> Tensor:
        """The softmax over the tokens of each sequence of logits (tokens, heads) or (batch, time,
        heads)."""
        if self.padded:
            return _masked_softmax(logits, self.weights)
        if not tracing.compiling():
            return softmax(logits, self.windows, axes=0)
        assert self.owner is not None
        at = self.owner[:, None].expand_as(logits)
        most = logits.detach().new_full((self.batch, logits.shape[1]), -torch.inf)
        most = most.scatter_reduce(0, at, logits.detach(), "amax")
        e = (logits - most.index_select(0, self.owner)).exp()
        total = e.new_zeros(self.batch, logits.shape[1]).index_add(0, self.owner, e)
        return e / total.index_select(0, self.owner)

    def restored(self, values: Tensor) -> Tensor:
        """Values of tokens (…, heads) as (batch, heads, time), or (heads, tokens) of a flat batch;
        0
        where there is no token."""
        if self.padded:
            return values.transpose(1, 2)
        total = self.size
        if self.positions is not None:
            values = values.new_zeros(total, values.shape[1]).index_copy(0, self.positions, values)
        if not self.shape:
            return values.T
        return values.reshape(*self.shape, values.shape[1]).transpose(1, 2)


def tokens_of(x: Any, mask: Any, lengths: Any, offsets: Any, dim: int | None) -> Tokens:
    """The valid tokens of a batch, without padding."""
    check_one(mask, lengths, offsets)
    check_tokens(x, dim, 2 if offsets is not None else 3)
    if offsets is not None:
        return _flat(x, offsets_of(offsets, x))
    if lengths is not None:
        row = lengths_of(lengths, x)
        mask = torch.arange(x.shape[1], device=x.device, dtype=torch.int64) < row.to(x.device)[:, None]
    elif mask is not None:
        mask = mask_of(mask, x).to(x.device)
    if tracing.compiling():
        return _padded(x, mask)
    return _packed(x, mask)


def _flat(x: Tensor, offsets: Tensor) -> Tokens:
    batch, size = offsets.shape[0] - 1, x.shape[0]
    if tracing.compiling():
        at = torch.arange(size, device=x.device, dtype=torch.int64)
        owner = torch.searchsorted(offsets.to(x.device), at, right=True) - 1
        inside = (owner >= 0) & (owner < batch)
        x = torch.where(inside[:, None], x, 0.0)
        return Tokens(x, kinds.segments(offsets), batch, None, owner.clamp(0, max(batch - 1, 0)), size=size)
    begin, end = int(offsets[0]), int(offsets[-1])
    owner = torch.repeat_interleave(
        torch.arange(batch, device=x.device, dtype=torch.int64), offsets.diff().to(x.device)
    )
    positions = None if (begin, end) == (0, size) else torch.arange(begin, end, device=x.device, dtype=torch.int64)
    return Tokens(x[begin:end], kinds.segments(offsets - begin), batch, None, owner, positions, (), size)


def _padded(x: Tensor, mask: Tensor | None) -> Tokens:
    """Padding stays, as zeros, so that no NaN reaches a matrix product."""
    batch = x.shape[0]
    if mask is None:
        return Tokens(x, kinds.whole(keepdims=False), batch, shape=tuple(x.shape[:2]))
    x = torch.where(mask[..., None], x, 0.0)
    return Tokens(x, kinds.whole(keepdims=False), batch, mask[..., None], shape=tuple(x.shape[:2]))


def _packed(x: Tensor, mask: Tensor | None) -> Tokens:
    """The valid tokens alone, sequence after sequence."""
    batch, time = x.shape[:2]
    flat = x.reshape(batch * time, x.shape[2])
    here = torch.arange(batch, device=x.device, dtype=torch.int64)
    if mask is None or bool(mask.all()):
        windows = kinds.segments(lengths=[time] * batch)
        return Tokens(flat, windows, batch, None, here.repeat_interleave(time), None, (batch, time), batch * time)
    positions = mask.reshape(-1).nonzero()[:, 0]
    lengths = mask.sum(1)
    owner = here.repeat_interleave(lengths)
    windows = kinds.segments(lengths=lengths)
    return Tokens(flat.index_select(0, positions), windows, batch, None, owner, positions, (batch, time), batch * time)


def _masked_softmax(logits: Tensor, mask: Tensor | None) -> Tensor:
    if mask is None:
        return logits.softmax(1)
    low = logits.masked_fill(~mask, -torch.inf)
    most = low.detach().amax(1, keepdim=True)
    e = torch.where(mask, (logits - torch.where(most > -torch.inf, most, 0.0)).exp(), 0.0)
    total = e.sum(1, keepdim=True)
    return e / torch.where(total == 0, 1.0, total)
