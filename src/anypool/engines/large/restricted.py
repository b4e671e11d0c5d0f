"""Large arrays with small windows: only the positions that windows contain are read."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache
from types import ModuleType
from typing import Any

import numpy as np

from ...arrays.adapter import adapter_of
from ...arrays.ops import where, zeros
from ...arrays.shape_ops import take_flat
from ...plan import Axis, Grid, Ints

LARGE = 1 << 24  # minimum number of elements of the array
SHARE = 64  # minimum ratio of elements of the array to positions in windows


@lru_cache(maxsize=64)
def restrict(grid: Grid) -> tuple[tuple[Ints, ...], Grid] | None:
    """The positions along each axis that windows contain, and the windows over these; None if they
    contain much."""
    if math.prod(grid.shape) < LARGE or grid.weighted or any(axis.source is not None for axis in grid.axes):
        return None
    if 0 in grid.out_shape or math.prod(_spanned(a) / a.size for a in grid.axes) * SHARE > 1:
        return None
    compacted = [_compact(axis) for axis in grid.axes]
    if all(len(at) == axis.size for (at, _), axis in zip(compacted, grid.axes, strict=True)):
        return None
    shape = list(grid.shape)
    for a, (at, _) in zip(grid.pooled_dims, compacted, strict=True):
        shape[a] = len(at)
    axes = tuple(axis for _, axis in compacted)
    return tuple(at for at, _ in compacted), replace(grid, shape=tuple(shape), axes=axes)


def run(
    library: ModuleType,
    plan: tuple[tuple[Ints, ...], Grid],
    x: Any,
    grid: Grid,
    reductions: tuple[Any, ...],
    weights: Any = None,
    *,
    out: Any = None,
    cache_key: Any = None,
    **options: Any,
) -> tuple[Any, ...]:
    """One result for each reduction, from the elements at `plan`'s positions. These calls are not
    cached."""
    del cache_key
    positions, inside = plan
    if weights is not None:
        weights = weights.reshape((1,) * (x.ndim - weights.ndim) + tuple(weights.shape))
        weights = _take_positions(weights, grid, positions)
    x = _take_positions(x, grid, positions)
    empty = options["empty"]
    results = tuple(
        _positions_in_x(y, grid, inside, positions, empty) if getattr(r, "gives", "value") == "position" else y
        for r in reductions
        for y in library.run(x, inside, (r,), weights, **_options(r, options))
    )
    return results if out is None else library.into(out, results)


def _options(reduction: Any, options: dict[str, Any]) -> dict[str, Any]:
    gives_position = getattr(reduction, "gives", "value") == "position"
    return {**options, "empty": None} if gives_position else options


def _spanned(axis: Axis) -> int:
    """An upper bound of the number of positions between the ends of windows."""
    return int((np.maximum(axis.length - 1, 0) * axis.step + (axis.length > 0)).sum())


def _compact(axis: Axis) -> tuple[Ints, Axis]:
    """The positions between the ends of any window (at least one), and the axis of these alone."""
    nonempty = axis.length > 0
    if not nonempty.any():
        return np.zeros(1, np.int64), replace(axis, size=1, first=np.zeros_like(axis.first), stride=0)
    order = np.argsort(axis.first[nonempty], kind="stable")
    begin = axis.first[nonempty][order]
    end = np.maximum.accumulate((axis.first + (axis.length - 1) * axis.step + 1)[nonempty][order])
    run_starts = np.flatnonzero(np.concatenate([[True], begin[1:] > end[:-1]]))  # the first window of each run
    starts, stops = begin[run_starts], end[np.append(run_starts[1:] - 1, len(end) - 1)]
    length = stops - starts
    shift = starts - (np.cumsum(length) - length)  # the distance by which each run moves
    at = np.arange(int(length.sum())) + np.repeat(shift, length)
    run = np.maximum(np.searchsorted(starts, axis.first, side="right") - 1, 0)
    first = np.where(nonempty, axis.first - shift[run], 0)
    return at.astype(np.int64), replace(axis, size=len(at), first=first.astype(np.int64), stride=0)


def _take_positions(x: Any, grid: Grid, positions: tuple[Ints, ...]) -> Any:
    """These positions of x, first along the axis that shrinks most; numpy.take would first copy
    x."""
    for a, at in sorted(
        zip(grid.pooled_dims, positions, strict=True), key=lambda pair: len(pair[1]) / grid.shape[pair[0]]
    ):
        if x.shape[a] == grid.shape[a] > len(at):
            x = adapter_of(x).take(x, at, a)
    return x


def _positions_in_x(y: Any, grid: Grid, inside: Grid, positions: tuple[Ints, ...], empty: Any) -> Any:
    """Flat positions among the read elements as flat positions in the pooled axes."""
    is_none, rest, flat, stride = y < 0, where(y < 0, zeros(y), y), zeros(y), 1
    for axis, inside_axis, at in reversed(list(zip(grid.axes, inside.axes, positions, strict=True))):
        index = rest % inside_axis.size
        flat, rest, stride = flat + take_flat(at, index) * stride, rest // inside_axis.size, stride * axis.size
    return where(is_none, zeros(y) - 1 if empty is None else zeros(y) + int(empty), flat)
