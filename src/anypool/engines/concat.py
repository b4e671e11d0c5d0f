"""GridConcat: each Grid is pooled, and the results are concatenated on one axis."""

from __future__ import annotations

from functools import partial
from typing import Any

from ..arrays.shape_ops import concatenated, moved
from ..order_statistics import Order
from ..plan import GridConcat


def run(
    arrays: Any,
    pooled: Any,
    x: Any,
    union: GridConcat,
    reductions: tuple[Any, ...],
    weights: Any,
    out: Any,
    cache_key: Any,
) -> tuple[Any, ...]:
    """One result for each reduction. `pooled(x, grid, reductions, weights, cache_key=)` pools one
    Grid."""
    keys = [None if cache_key is None else (cache_key, i) for i in range(len(union.grids))]
    each = [pooled(x, grid, reductions, weights, cache_key=key) for grid, key in zip(union.grids, keys, strict=True)]
    ready: list[Any] = [None if key is None else arrays.READY.get(key) for key in keys]
    if all(ready) and len(reductions) == 1:
        replay = partial(_replay, [r[0] for r in ready], union, reductions[0])
        arrays.READY[cache_key] = replay, reductions[0], all(r[2] for r in ready)
    results = tuple(concatenate([row[i] for row in each], union, r) for i, r in enumerate(reductions))
    return results if out is None else arrays.into(out, results)


def concatenate(parts: list[Any], union: GridConcat, reduction: Any) -> Any:
    """The results of all Grids as one array; the pooled axes are flattened and concatenated."""
    answers = reduction.answers() if isinstance(reduction, Order) else None
    before = int(answers is not None and answers[1] == 0)  # an axis of several answers is the first
    at = [a + before for a in union.pooled_dims]
    to = list(range(at[0], at[0] + len(at)))
    rows: list[Any] = []
    for part in parts:
        pooled_last = moved(part, at, to)
        shape, end = tuple(pooled_last.shape), to[-1] + 1
        windows = 1
        for n in shape[to[0] : end]:
            windows *= n
        rows.append(pooled_last.reshape((*shape[: to[0]], windows, *shape[end:])))
    return concatenated(rows, to[0])


def _replay(bound: list[Any], union: GridConcat, reduction: Any, x: Any, weights: Any = None, out: Any = None) -> Any:
    """The result for another array of this form; None if its values need other plans."""
    parts = [fold(x, weights, None) for fold in bound]
    return None if any(p is None for p in parts) else concatenate(parts, union, reduction)
