"""The order of an array's axes in memory."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from ...plan import Grid


def inverse_order(order: tuple[int, ...]) -> tuple[int, ...] | None:
    """The permutation that restores the order of the axes; None if nothing changes."""
    return None if order == tuple(range(len(order))) else tuple(int(i) for i in np.argsort(order))


def dense_strides(shape: Sequence[int]) -> list[int]:
    """Strides of a dense array."""
    return [int(np.prod(shape[a + 1 :], dtype=np.int64)) for a in range(len(shape))]


def memory_order(grid: Grid, x: Sequence[int], w: Sequence[int], ascending: bool) -> tuple[int, ...]:
    """The axes from the outermost to the innermost in memory; pooled axes stay in order if
    `ascending`."""
    rank = range(len(grid.shape))
    keys = [(0 if grid.shape[a] == 1 else 1, -abs(x[a]) if x[a] else -(2**62)) for a in rank]
    order = sorted(rank, key=lambda a: keys[a])
    pooled = [a for a in order if a in grid.pooled_dims]
    if ascending and pooled != sorted(pooled):
        order = list(rank)
    # Inside the last pooled axis there is one row of lanes; an axis that cannot join it lies
    # outside the pooled axes.
    end = max(order.index(a) for a in grid.pooled_dims) + 1
    inner_dims = order[end:]
    inner_axes, outer = inner_dims[-1:], list[int]()
    for a in reversed(inner_dims[:-1]):
        inner = inner_axes[0]
        nests = x[a] == x[inner] * grid.shape[inner] and w[a] == w[inner] * grid.shape[inner]
        (inner_axes if nests else outer).insert(0, a)
    first = min(order.index(a) for a in grid.pooled_dims)
    return (*order[:first], *outer, *order[first:end], *inner_axes)


@lru_cache(maxsize=4096)
def is_dense(shape: tuple[int, ...], strides: tuple[int, ...], order: tuple[int, ...]) -> bool:
    """Whether the array is dense in this order of axes."""
    expected = 1
    for a in reversed(order):
        if shape[a] != 1 and strides[a] != expected:
            return False
        expected *= shape[a]
    return True
