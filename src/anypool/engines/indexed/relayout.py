"""Position-sensitive bins: the channels of each bin as positions of the pooled axes."""

from __future__ import annotations

from typing import Any

from ..arrays.shape_ops import broadcast, permuted


def split_bins(x: Any, split: tuple[int, ...], shape: Any = None) -> Any:
    """x of shape (N, C · bins, …) as (N, C, bins · length, …); weights are first broadcast to `shape`."""
    if x is None:
        return None
    if shape is not None:
        x = broadcast(x, shape)
    rank, sizes = len(split), tuple(x.shape)
    wide = x.reshape(sizes[0], -1, *split, *sizes[2:])
    order = (0, 1, *(a for k in range(rank) for a in (2 + k, 2 + rank + k)))
    return permuted(wide, order).reshape(
        sizes[0], wide.shape[1], *(o * n for o, n in zip(split, sizes[2:], strict=True))
    )
