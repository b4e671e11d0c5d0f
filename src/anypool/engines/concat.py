"""Several Grids, one result: each is pooled, then all lie on one axis."""

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
    remember: Any,
) -> tuple[Any, ...]:
    """One result a reduction; `pooled(x, grid, reductions, weights, remember=)` pools one Grid."""
    keys = [None if remember is None else (remember, i) for i in range(len(union.grids))]
    each = [pooled(x, grid, reductions, weights, remember=key) for grid, key in zip(union.grids, keys, strict=True)]
    ready: list[Any] = [None if key is None else arrays.READY.get(key) for key in keys]
    if all(ready) and len(reductions) == 1:
        again = partial(_again, [r[0] for r in ready], union, reductions[0])
        arrays.READY[remember] = again, reductions[0], all(r[2] for r in ready)
    results = tuple(joined([row[i] for row in each], union, r) for i, r in enumerate(reductions))
    return results if out is None else arrays.into(out, results)


def joined(parts: list[Any], union: GridConcat, reduction: Any) -> Any:
    """One result a Grid as one array: the pooled axes flattened, one Grid's windows after the other's."""
    many = reduction.answers() if isinstance(reduction, Order) else None
    before = int(many is not None and many[1] == 0)  # an axis of several answers comes first
    at = [a + before for a in union.pooled_dims]
    to = list(range(at[0], at[0] + len(at)))
    rows: list[Any] = []
    for part in parts:
        turned = moved(part, at, to)
        shape, end = tuple(turned.shape), to[-1] + 1
        windows = 1
        for n in shape[to[0] : end]:
            windows *= n
        rows.append(turned.reshape((*shape[: to[0]], windows, *shape[end:])))
    return concatenated(rows, to[0])


def _again(bound: list[Any], union: GridConcat, reduction: Any, x: Any, weights: Any = None, out: Any = None) -> Any:
    """The same pooling of another array of this form; None where the numbers need other plans."""
    parts = [fold(x, weights, None) for fold in bound]
    return None if any(p is None for p in parts) else joined(parts, union, reduction)
