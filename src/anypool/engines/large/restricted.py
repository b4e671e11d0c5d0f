"""Large arrays of which the windows see little: only the positions that they see are read."""

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

LARGE = 1 << 24  # elements of an array from which it is worth asking what windows see
SHARE = 64  # times as many elements as the windows see


@lru_cache(maxsize=64)
def seen(grid: Grid) -> tuple[tuple[Ints, ...], Grid] | None:
    """The positions that windows see along each axis, and the same windows over those alone; None where they see much."""
    if math.prod(grid.shape) < LARGE or grid.weighted or any(axis.source is not None for axis in grid.axes):
        return None
    if 0 in grid.out_shape or math.prod(_spanned(a) / a.size for a in grid.axes) * SHARE > 1:
        return None
    found = [_compact(axis) for axis in grid.axes]
    if all(len(at) == axis.size for (at, _), axis in zip(found, grid.axes, strict=True)):
        return None
    shape = list(grid.shape)
    for a, (at, _) in zip(grid.pooled_dims, found, strict=True):
        shape[a] = len(at)
    axes = tuple(axis for _, axis in found)
    return tuple(at for at, _ in found), replace(grid, shape=tuple(shape), axes=axes)


def run(
    library: ModuleType,
    plan: tuple[tuple[Ints, ...], Grid],
    x: Any,
    grid: Grid,
    reductions: tuple[Any, ...],
    weights: Any = None,
    *,
    out: Any = None,
    remember: Any = None,
    **options: Any,
) -> tuple[Any, ...]:
    """One result a reduction, of the elements that `plan` keeps of x; calls like it are not remembered."""
    del remember
    positions, inside = plan
    if weights is not None:
        weights = weights.reshape((1,) * (x.ndim - weights.ndim) + tuple(weights.shape))
        weights = _kept(weights, grid, positions)
    x = _kept(x, grid, positions)
    empty = options["empty"]
    results = tuple(
        _placed(y, grid, inside, positions, empty) if getattr(r, "gives", "value") == "position" else y
        for r in reductions
        for y in library.run(x, inside, (r,), weights, **_options(r, options))
    )
    return results if out is None else library.into(out, results)


def _options(reduction: Any, options: dict[str, Any]) -> dict[str, Any]:
    places = getattr(reduction, "gives", "value") == "position"
    return {**options, "empty": None} if places else options


def _spanned(axis: Axis) -> int:
    """At most how many positions lie between the ends of windows."""
    return int((np.maximum(axis.length - 1, 0) * axis.step + (axis.length > 0)).sum())


def _compact(axis: Axis) -> tuple[Ints, Axis]:
    """The positions between the ends of any window (at least one), and the axis of those alone."""
    held = axis.length > 0
    if not held.any():
        return np.zeros(1, np.int64), replace(axis, size=1, first=np.zeros_like(axis.first), stride=0)
    order = np.argsort(axis.first[held], kind="stable")
    begin = axis.first[held][order]
    end = np.maximum.accumulate((axis.first + (axis.length - 1) * axis.step + 1)[held][order])
    fresh = np.flatnonzero(np.concatenate([[True], begin[1:] > end[:-1]]))  # where a run of them begins
    starts, stops = begin[fresh], end[np.append(fresh[1:] - 1, len(end) - 1)]
    length = stops - starts
    moved = starts - (np.cumsum(length) - length)  # how far each run moves
    at = np.arange(int(length.sum())) + np.repeat(moved, length)
    run = np.maximum(np.searchsorted(starts, axis.first, side="right") - 1, 0)
    first = np.where(held, axis.first - moved[run], 0)
    return at.astype(np.int64), replace(axis, size=len(at), first=first.astype(np.int64), stride=0)


def _kept(x: Any, grid: Grid, positions: tuple[Ints, ...]) -> Any:
    """These positions of x, the axis that loses most first; numpy.take would copy all of x before."""
    for a, at in sorted(
        zip(grid.pooled_dims, positions, strict=True), key=lambda pair: len(pair[1]) / grid.shape[pair[0]]
    ):
        if x.shape[a] == grid.shape[a] > len(at):
            x = adapter_of(x).take(x, at, a)
    return x


def _placed(y: Any, grid: Grid, inside: Grid, positions: tuple[Ints, ...], empty: Any) -> Any:
    """Flat positions among what is kept as flat positions in the pooled axes."""
    none, rest, flat, far = y < 0, where(y < 0, zeros(y), y), zeros(y), 1
    for axis, kept, at in reversed(list(zip(grid.axes, inside.axes, positions, strict=True))):
        here = rest % kept.size
        flat, rest, far = flat + take_flat(at, here) * far, rest // kept.size, far * axis.size
    return where(none, zeros(y) - 1 if empty is None else zeros(y) + int(empty), flat)
