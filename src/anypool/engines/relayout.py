"""Position-sensitive bins: the channels of each bin laid beside the positions that read them."""

from __future__ import annotations

from typing import Any

from ..arrays.shape_ops import broadcast, permuted


def split_bins(x: Any, split: tuple[int, ...], shape: Any = None) -> Any:
    """x of (N, C · bins, …) as (N, C, bins · length, …); weights are broadcast to `shape` first."""
    if x is None:
        return None
    if shape is not None:
        x = broadcast(x, shape)
    rank, given = len(split), tuple(x.shape)
    wide = x.reshape(given[0], -1, *split, *given[2:])
    order = (0, 1, *(a for k in range(rank) for a in (2 + k, 2 + rank + k)))
    return permuted(wide, order).reshape(
        given[0], wide.shape[1], *(o * n for o, n in zip(split, given[2:], strict=True))
    )
