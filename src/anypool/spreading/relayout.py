"""Bins of position-sensitive boxes as channels again."""

from __future__ import annotations

from typing import Any

from ..arrays.shape_ops import permuted


def joined_bins(x: Any, split: tuple[int, ...]) -> Any:
    """x of shape (N, C, bins · length, …) as (N, C · bins, …): the inverse of `split_bins`."""
    rank, sizes = len(split), tuple(x.shape)
    lengths = [n // o for o, n in zip(split, sizes[2:], strict=True)]
    wide = x.reshape(*sizes[:2], *(n for pair in zip(split, lengths, strict=True) for n in pair))
    order = (0, 1, *(2 + 2 * k for k in range(rank)), *(3 + 2 * k for k in range(rank)))
    channels = sizes[1]
    for o in split:
        channels *= o
    return permuted(wide, order).reshape(sizes[0], channels, *lengths)
