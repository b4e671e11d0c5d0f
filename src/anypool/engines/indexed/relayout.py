"""Arrays in another layout: pooled axes last, and position-sensitive bins as positions of the
pooled axes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ...arrays.shape_ops import broadcast, contiguous, moved, permuted
from ...plan import Job


def with_pooled_axes_last(x: Any, job: Job, pool: Callable[[Any, Job], Any]) -> Any:
    """pool(x, job) of IndexedWindows by a copy of x with its pooled axes last; None if they are
    last already."""
    lists, last = job.grid, job.grid.pooled_axes_last
    if last.pooled_dims == lists.pooled_dims:
        return None
    y = pool(contiguous(moved(x, lists.pooled_dims, last.pooled_dims)), replace(job, grid=last))
    return None if y is None else moved(y, last.result_dims, lists.result_dims)


def split_bins(x: Any, split: tuple[int, ...], shape: Any = None) -> Any:
    """x of shape (N, C · bins, …) as (N, C, bins · length, …); weights are first broadcast to
    `shape`."""
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
