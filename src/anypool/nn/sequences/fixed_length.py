"""fixed_length: sequences cut or padded to one length."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ...arrays.ops import among
from ...errors import PoolingError
from ...scalars import integer
from .checks import lengths_of, mask_of


def fixed_length(
    x: Tensor, length: int, side: str = "right", value: float = 0.0, *, mask: Any = None, lengths: Any = None
) -> tuple[Tensor, Tensor]:
    """Cut or pad x (batch, time, …) to a length; also the mask (batch, length) of its tokens.

    side: where it is cut or padded, "right" or "left". value: the padding.
    mask or lengths: the valid tokens of x; without them all are valid. `anypool.adaptive` gives a
    fixed length without a cut. Raises PoolingError.

    >>> import torch
    >>> y, mask = fixed_length(torch.ones(1, 2, 1), 3, value=7.0)
    >>> y[0, :, 0].tolist(), mask.tolist()
    ([1.0, 1.0, 7.0], [[True, True, False]])
    """
    length = integer(length, "length", 0)
    if not among(side, ("right", "left")):
        raise PoolingError(f"side={side!r}: use 'right' or 'left', where x is cut or padded")
    if x.ndim < 2:
        raise PoolingError(f"x of shape {tuple(x.shape)}: give a tensor (batch, time, …)")
    if mask is not None and lengths is not None:
        raise PoolingError("mask and lengths: give one of them")
    batch, time = x.shape[:2]
    if mask is not None:
        keep = mask_of(mask, x)
    elif lengths is not None:
        keep = torch.arange(time, device=x.device, dtype=torch.int64) < lengths_of(lengths, x).to(x.device)[:, None]
    else:
        keep = torch.ones(batch, time, dtype=torch.bool, device=x.device)
    if time >= length:
        cut = slice(length) if side == "right" else slice(time - length, time)
        return x[:, cut], keep[:, cut]
    more = length - time
    parts = [x, x.new_full((batch, more, *x.shape[2:]), value)]
    masks = [keep, keep.new_zeros(batch, more)]
    if side == "left":
        parts, masks = parts[::-1], masks[::-1]
    return torch.cat(parts, 1), torch.cat(masks, 1)
