"""The arguments of layers of sequences: masks, lengths and offsets, validated."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ...arrays import tracing
from ...errors import PoolingError


def check_tokens(x: Any, dim: int | None, rank: int) -> None:
    """Raise PoolingError unless x is a tensor of floats with `rank` axes and `dim` features."""
    if not isinstance(x, Tensor) or not x.is_floating_point():
        raise PoolingError(f"x is {_kind(x)}: give a tensor of floats")
    if x.ndim != rank:
        form = "(tokens, features), the form of a batch with offsets" if rank == 2 else "(batch, time, features)"
        more = "; a flat batch needs offsets=" if x.ndim == 2 and rank == 3 else ""
        raise PoolingError(f"x of shape {tuple(x.shape)}: give {form}{more}")
    if dim is not None and x.shape[-1] != dim:
        raise PoolingError(f"x of shape {tuple(x.shape)} has {x.shape[-1]} features: the layer has {dim}")


def check_one(mask: Any, lengths: Any, offsets: Any) -> None:
    """Raise PoolingError if more than one of them is given."""
    arguments = [n for n, v in (("mask", mask), ("lengths", lengths), ("offsets", offsets)) if v is not None]
    if len(arguments) > 1:
        raise PoolingError(f"{' and '.join(arguments)}: give one of mask, lengths and offsets")


def mask_of(mask: Any, x: Tensor) -> Tensor:
    """The mask of valid tokens as bool of shape (batch, time)."""
    if not isinstance(mask, Tensor):
        mask = torch.as_tensor(mask, device=x.device)
    want = tuple(x.shape[:2])
    if tuple(mask.shape) != want:
        hint = ": give mask[..., 0]" if tuple(mask.shape) == (*want, 1) else ": give one entry for each token"
        raise PoolingError(f"mask of shape {tuple(mask.shape)} for x of shape {tuple(x.shape)}{hint}, {want}")
    return mask if mask.dtype is torch.bool else mask != 0


def lengths_of(lengths: Any, x: Tensor) -> Tensor:
    """The number of valid tokens of each row as integers of shape (batch,)."""
    row = _integers(lengths, "lengths", x)
    batch, time = x.shape[:2]
    if row.shape[0] != batch:
        raise PoolingError(f"{row.shape[0]} lengths for a batch of {batch}: give the length of each sequence")
    if not tracing.compiling() and batch:
        least, most = int(row.min()), int(row.max())
        if least < 0 or most > time:
            raise PoolingError(f"lengths from {least} to {most} for {time} positions: use 0 to {time}")
    return row


def offsets_of(offsets: Any, x: Tensor) -> Tensor:
    """The offsets of the sequences of a flat batch as integers of shape (batch + 1,)."""
    row = _integers(offsets, "offsets", x)
    if row.shape[0] == 0:
        raise PoolingError("offsets is empty: n sequences need n + 1 offsets, [0] for none")
    if not tracing.compiling():
        if int(row[0]) < 0 or bool((row[1:] < row[:-1]).any()):
            raise PoolingError(f"offsets {row[:8].tolist()}…: they must not decrease nor be negative")
        if int(row[-1]) > x.shape[0]:
            raise PoolingError(f"offsets end at {int(row[-1])}, but x has {x.shape[0]} tokens")
    return row


def _integers(value: Any, name: str, x: Tensor) -> Tensor:
    if not isinstance(value, Tensor):
        value = torch.as_tensor(value, device=x.device)
        value = value.long() if not value.numel() else value
    if value.ndim != 1 or value.is_floating_point() or value.is_complex() or value.dtype is torch.bool:
        raise PoolingError(f"{name} of shape {tuple(value.shape)} and {value.dtype}: use a row of integers")
    return value.long()


def _kind(x: Any) -> str:
    return f"{x.dtype} of shape {tuple(x.shape)}" if isinstance(x, Tensor) else type(x).__name__
