"""The window kind of the way up: for each position of x the windows that hold it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from ..arguments import plan_of
from ..errors import PoolingError
from ..plan import Grid
from ..scalars import integer, is_row
from ..windows import Kind, Windows, normal_axes
from .transposed import transposed, window_dims


@dataclass(frozen=True)
class Holders(Kind):
    """Windows of y: for each position of x, of shape `shape`, the windows of x that hold it."""

    windows: Any
    shape: tuple[int, ...]
    axes: tuple[int, ...] | None
    weighted: bool = True  # with the weights of the windows themselves
    like: Any = None  # an array of y's library, for windows of tensors

    @property
    def learns(self) -> bool:
        """Whether the windows have a gradient."""
        return bool(getattr(self.windows, "learns", False))

    def plan(self, shape: tuple[int, ...], axes: tuple[int, ...] | None) -> Any:
        """The transposed plan."""
        like = np.zeros(0) if self.like is None else self.like
        return transposed(plan_of(self.windows, self.shape, self.axes), self.weighted, like)

    def result_shape(self, shape: tuple[Any, ...], axes: tuple[int, ...] | None) -> tuple[Any, ...]:
        """The shape of x."""
        return self.shape


def shape_of_x(windows: Windows, shape: Any, axes: Any, y: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of the x that was pooled to a result of shape y.

    shape: x's own, or the lengths of its pooled axes in the order of `axes`. Raises PoolingError if
    no x of this shape has such a result.
    """
    row = tuple(integer(n, "a length in shape", 0) for n in (shape if is_row(shape) else (shape,)))
    named = tuple(axes) if is_row(axes) else axes
    try:
        return _cached(windows, row, named, y)
    except TypeError:  # windows that are not hashable
        return _resolved(windows, row, named, y)


def _resolved(windows: Any, row: tuple[int, ...], axes: Any, y: tuple[int, ...]) -> tuple[int, ...]:
    errors: list[PoolingError] = []
    results: list[tuple[int, ...]] = []

    def result(shape: tuple[int, ...]) -> Any:
        try:
            return plan_of(windows, shape, axes)
        except PoolingError as error:
            errors.append(error)
            return None

    plan = result(row)
    if plan is not None:
        results.append(plan.out_shape)
        if tuple(plan.out_shape) == y:
            return row
    for lead in range(len(y) - 1, -1, -1):
        rank = len(row) + lead
        try:
            at = normal_axes(axes, rank) or tuple(range(lead, rank))
        except PoolingError as error:
            errors.append(error)
            continue
        if len(at) != len(row):
            continue
        lengths = dict(zip(at, row, strict=True))
        plan = result(tuple(lengths.get(a, 1) for a in range(rank)))
        if plan is None or tuple(plan.pooled_dims) != tuple(sorted(at)) or len(plan.out_shape) != len(y):
            continue
        rest = iter(n for a, n in enumerate(y) if a not in window_dims(plan))
        whole = tuple(lengths[a] if a in lengths else next(rest) for a in range(rank))
        plan = result(whole)
        if plan is not None:
            results.append(plan.out_shape)
            if tuple(plan.out_shape) == y:
                return whole
    if not results and errors:
        raise errors[0]
    expected = " or ".join(str(s) for s in dict.fromkeys(results)) or "no result"
    raise PoolingError(
        f"y of shape {y} is no result of these windows: x of shape={row} gives {expected}; "
        "give the shape of x, or the lengths of its pooled axes, whose pooling has y's shape"
    )


_cached = lru_cache(maxsize=1024)(_resolved)


@lru_cache(maxsize=64)
def holder_counts(plan: Any) -> Any:
    """How many times windows hold each position, a table in x's number of axes; 1 where x is not
    pooled."""
    holders = transposed(plan, False, np.zeros(0))
    shape = plan.grids[0].shape
    table = holders.present if isinstance(holders, Grid) else holders.counts
    return table.reshape([n if a in plan.pooled_dims else 1 for a, n in enumerate(shape)])
