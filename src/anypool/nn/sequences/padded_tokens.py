"""Padded tokens with a mask, for layers that call torch's own attention."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from .checks import check_one, check_tokens, lengths_of, mask_of


def padded_tokens(x: Any, mask: Any, lengths: Any, dim: int) -> tuple[Tensor, Tensor | None]:
    """(batch, time, dim) with zeros as padding, and the mask (batch, time); None if all are
    valid."""
    check_one(mask, lengths, None)
    check_tokens(x, dim, 3)
    if lengths is not None:
        keep = (
            torch.arange(x.shape[1], device=x.device, dtype=torch.int64) < lengths_of(lengths, x).to(x.device)[:, None]
        )
    elif mask is not None:
        keep = mask_of(mask, x).to(x.device)
    else:
        return x, None
    return torch.where(keep[..., None], x, 0.0), keep


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    """Attention of queries (…, queries, features) to tokens (…, time, features); 0 for a sequence
    without
    a token."""
    if not k.shape[-2]:
        return q.new_zeros(*q.shape[:-1], v.shape[-1])
    if mask is None:
        return scaled_dot_product_attention(q, k, v)
    some = mask.any(-1)
    visible = mask | ~some[..., None]  # no row of the softmax is empty
    shape = (*mask.shape[:-1], *[1] * (q.ndim - mask.ndim), mask.shape[-1])
    y = scaled_dot_product_attention(q, k, v, attn_mask=visible.reshape(shape))
    return torch.where(some.reshape(*some.shape, *[1] * (y.ndim - some.ndim)), y, 0.0)
