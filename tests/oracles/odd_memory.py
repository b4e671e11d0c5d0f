"""Equal numbers in rare memory: packed records, byte orders, odd addresses, odd bools, lazy
bits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def packed(x: Any) -> Any:
    """A field of a packed record array: strides that are no multiple of an element."""
    rows = np.zeros(x.shape, [("before", "u1"), ("value", x.dtype), ("after", "u2")])
    rows["value"] = x
    return rows["value"]


def packed_backwards(x: Any) -> Any:
    """The same with every axis reversed in memory."""
    back = (slice(None, None, -1),) * x.ndim
    return packed(x[back])[back]


def misaligned(x: Any) -> Any:
    """Side by side, at an address that is no multiple of an element."""
    raw = np.zeros(x.nbytes + 16, np.uint8)
    begin = -raw.ctypes.data % 8 + 1
    made = raw[begin : begin + x.nbytes].view(x.dtype).reshape(x.shape)
    made[...] = x
    return made


def swapped(x: Any) -> Any:
    """The other byte order."""
    return x.astype(x.dtype.newbyteorder())


def swapped_packed(x: Any) -> Any:
    return packed(swapped(x))


def odd_truths(x: Any) -> Any:
    """A bool array whose true elements are stored as 255, 2, 128 …"""
    stored = np.resize(np.array([255, 2, 128, 1, 64], np.uint8), x.shape)
    return np.where(x, stored, 0).astype(np.uint8).view(bool)


def odd_truths_apart(x: Any) -> Any:
    return packed(odd_truths(x).view(np.uint8)).view(bool)


NUMBERS: list[Callable[[Any], Any]] = [packed, packed_backwards, misaligned, swapped, swapped_packed]
TRUTHS: list[Callable[[Any], Any]] = [odd_truths, odd_truths_apart]


def negative(t: Any) -> Any:
    """A tensor of the same numbers whose memory holds them negated: torch's negative bit."""
    import torch

    made = torch.complex(torch.zeros_like(t), -t).conj().imag
    assert made.is_neg() and torch.equal(made.resolve_neg().nan_to_num(), t.nan_to_num())
    return made


def nothing(t: Any) -> Any:
    """Zeros that torch holds without memory."""
    import torch

    return torch._efficientzerotensor(tuple(t.shape), dtype=t.dtype)


def at_odd_address(t: Any) -> Any:
    """A tensor whose memory begins at no multiple of an element."""
    import torch

    return torch.from_numpy(misaligned(t.detach().numpy()))


def odd_tensor(t: Any) -> Any:
    """A bool tensor whose true elements are stored as other bytes than 1."""
    import torch

    return torch.from_numpy(odd_truths(t.numpy()).view(np.uint8)).view(torch.bool)
