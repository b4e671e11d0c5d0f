"""merge_tokens: the most similar tokens of each sequence become one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import normalize

from ... import windows as kinds
from ...api import pool
from ...errors import PoolingError
from ...scalars import integer, is_number
from .checks import check_tokens


def merge_tokens(
    x: Tensor, r: int | None = None, *, threshold: float | None = None, size: Any = None
) -> tuple[Tensor, Tensor, Callable[[Tensor], Tensor]]:
    """Merge the r most similar pairs of tokens of each sequence of x (batch, time, dim) (ToMe,
    Bolya et
    al. 2023).

    Tokens 0, 2, 4 … look for the most similar (cosine) of the tokens 1, 3, 5 …; the r best pairs
    merge, r ≤ time // 2. All other tokens keep their order.
    threshold: merge as many pairs as are at least that similar, the largest number of the batch.
    size: (batch, time) how many tokens each token stands for, the weight of its mean; default: 1.
    Returns the merged tokens (batch, time − r, dim), their sizes (batch, time − r), and a function
    that gives each of the `time` positions its merged token. Raises PoolingError.

    >>> import torch
    >>> x = torch.tensor([[[1.0, 0.0], [3.0, 0.0], [0.0, 1.0], [1.0, 1.0]]])
    >>> merged, sizes, unmerge = merge_tokens(x, 1)
    >>> merged[0].tolist(), sizes.tolist()
    ([[2.0, 0.0], [0.0, 1.0], [1.0, 1.0]], [[2.0, 1.0, 1.0]])
    >>> unmerge(merged)[0, :2].tolist()
    [[2.0, 0.0], [2.0, 0.0]]
    """
    check_tokens(x, None, 3)
    batch, time, dim = x.shape
    if (r is None) == (threshold is None):
        raise PoolingError("merge_tokens needs either r, the number of pairs, or threshold=, and not both")
    sizes = _sizes(size, x)
    unit = normalize(x.detach(), dim=-1)
    similar, partner = _best(unit[:, ::2] @ unit[:, 1::2].transpose(1, 2))
    count = _count(r, threshold, similar, time)
    chosen = similar.argsort(dim=-1, descending=True, stable=True)[:, :count]
    remains = torch.ones(batch, time, dtype=torch.bool, device=x.device).scatter_(1, 2 * chosen, value=False)
    place = remains.cumsum(1) - 1
    target = place.gather(1, 2 * partner.gather(1, chosen) + 1) if count else chosen
    place = place.scatter(1, 2 * chosen, target)
    total = time - count
    index = (place + total * torch.arange(batch, device=x.device, dtype=torch.int64)[:, None]).reshape(-1)
    groups, flat, weights = kinds.groups(index, count=batch * total), x.reshape(-1, dim), sizes.reshape(-1, 1)
    totals = pool(weights, groups, "sum", axes=0)
    if size is None:
        merged = pool(flat, groups, "mean", axes=0)
    else:
        merged = pool(flat * weights, groups, "sum", axes=0) / totals
    new_sizes = totals.reshape(batch, total)

    def unmerge(y: Tensor) -> Tensor:
        """(batch, time, …) from (batch, time − r, …)."""
        if tuple(y.shape[:2]) != (batch, total):
            raise PoolingError(f"unmerge of shape {tuple(y.shape)}: give {(batch, total)} and any features")
        rows = torch.arange(batch, device=y.device, dtype=torch.int64)[:, None]
        return y[rows, place]

    return merged.reshape(batch, total, dim), new_sizes, unmerge


def _best(similarity: Tensor) -> tuple[Tensor, Tensor]:
    """The greatest similarity of each row, and the first position of it."""
    if not similarity.shape[2]:
        none = similarity.new_full(similarity.shape[:2], -torch.inf)
        return none, torch.zeros_like(none, dtype=torch.int64)
    best = similarity.max(-1)
    return best.values, best.indices


def _count(r: Any, threshold: Any, similar: Tensor, time: int) -> int:
    """The number of pairs that merge in each sequence."""
    if r is not None:
        count = integer(r, "r", 0)
        if count > time // 2:
            raise PoolingError(f"r={count} of {time} tokens: at most {time // 2} pairs merge")
        return count
    if not is_number(threshold):
        raise PoolingError(f"threshold={threshold!r}: use a number, the least cosine similarity of a pair")
    most = int((similar >= threshold).sum(1).max()) if similar.numel() else 0
    return min(most, time // 2)


def _sizes(size: Any, x: Tensor) -> Tensor:
    """The sizes of the tokens in x's type."""
    if size is None:
        return x.new_ones(x.shape[:2])
    sizes = torch.as_tensor(size, dtype=x.dtype, device=x.device)
    if sizes.shape != x.shape[:2]:
        raise PoolingError(f"size of shape {tuple(sizes.shape)}: give {tuple(x.shape[:2])}, one number for each token")
    if not bool((sizes > 0).all()):
        raise PoolingError("size holds numbers that are not above 0: each token stands for at least a part of one")
    return sizes
