"""The ways to fold: runs of 1, 2, 4 … joined, with shares of the ends, or the places of a window one after the other."""

from __future__ import annotations

import itertools
from dataclasses import replace
from functools import reduce
from typing import Any

import numpy as np

from ...arrays.ops import ones, where, zeros
from ...arrays.shape_ops import (
    as_like,
    dtype_name,
    floats,
    is_bool,
    is_floating,
    is_one,
    narrow,
    nothing_like,
    real,
    take,
    zeros_of,
)
from ...plan import Axis, Grid
from ...reductions import State
from .states import state_of


def lifted(reduction: Any, z: Any, w: Any, has: Any, at: Any) -> State:
    """One state an element; elements that are absent hold nothing."""
    nothing = state_of(reduction.init(zeros(z)), reduction, "init")
    with np.errstate(all="ignore"):
        safe = z if has is None else where(has, z, ones(z))
        full = state_of(reduction.step(nothing, safe, w, at), reduction, "step", len(nothing))
    if has is None:
        return full
    return tuple(where(has, new, old) for new, old in zip(full, nothing, strict=True))


def doubled(z: Any, w: Any, has: Any, at: Any, grid: Grid, reduction: Any) -> tuple[State, Any]:
    """Fold axis by axis, last first (the order stays row-major): runs of 1, 2, 4 … are joined, each once."""
    parts: list[Any] = [*lifted(reduction, z, w, has, at)]
    states = len(parts)
    if has is not None or not is_one(w):
        parts.append(
            where(has, w + zeros(z) if not is_bool(z) else floats(has), zeros(z)) if has is not None else w + zeros(z)
        )
        parts.append((has if has is not None else (z == z) | (z != z)) * 1)
    nothing = [
        *list(reduction.init(zeros(z[(slice(0, 1),) * z.ndim]))),
        0.0,
        0,
    ]

    def join(a: list[Any], b: list[Any]) -> list[Any]:
        with np.errstate(all="ignore"):
            merged = reduction.merge(tuple(a[:states]), tuple(b[:states]))
        merged = [*state_of(merged, reduction, "merge", states)]
        return merged + [p + q for p, q in zip(a[states:], b[states:], strict=True)]

    for axis, dim in reversed(list(zip(grid.axes, grid.pooled_dims, strict=True))):
        parts = double_axis(parts, axis, dim, join, nothing)
    return tuple(parts[:states]), (parts[states:] or None)


def double_axis(parts: list[Any], axis: Axis, dim: int, join: Any, nothing: list[Any]) -> list[Any]:
    result: list[Any] | None = None
    end = axis.first + axis.length * axis.step
    level, run, extent = parts, 1, axis.extent
    while True:
        bit = (axis.length & run) != 0
        if bit.any():
            begin = end - run * axis.step
            block = [take(p, np.clip(begin, 0, max(extent - 1, 0)), dim) for p in level]
            shape = [1] * parts[0].ndim
            shape[dim] = axis.out
            mask = as_like(bit.reshape(shape), parts[0], exact=True)
            if result is None:
                result = [where(mask, b, nothing_like(v, b)) for b, v in zip(block, nothing, strict=False)]
            else:
                result = [where(mask, new, old) for new, old in zip(join(block, result), result, strict=True)]
            end = np.where(bit, begin, end)
        run *= 2
        if run > axis.max_length:
            break
        half = run // 2 * axis.step
        extent -= half
        level = join([narrow(p, dim, 0, extent) for p in level], [narrow(p, dim, half, extent) for p in level])
    if result is None:
        shape = list(parts[0].shape)
        shape[dim] = axis.out
        result = [nothing_like(v, p, shape) for p, v in zip(parts, nothing, strict=False)]
    return result


def shared(z: Any, at: Any, grid: Grid, reduction: Any) -> tuple[State, Any]:
    """Fold a linear reduction of windows with weighted ends, axis by axis: what lies between, and the ends by their share."""
    parts: list[Any] = [*lifted(reduction, z, 1.0 if is_floating(z) else 1, None, at)]
    nothing = list(reduction.init(zeros(z[(slice(0, 1),) * z.ndim])))

    def join(a: list[Any], b: list[Any]) -> list[Any]:
        return list(reduction.merge(tuple(a), tuple(b)))

    for axis, dim in reversed(list(zip(grid.axes, grid.pooled_dims, strict=True))):
        if axis.edge_weights is None:
            parts = double_axis(parts, axis, dim, join, nothing)
            continue
        inner = replace(axis, first=axis.first + 1, length=np.maximum(axis.length - 2, 0), edge_weights=None)
        whole = double_axis(parts, inner, dim, join, nothing)
        for place in (np.zeros(axis.out, np.int64), np.maximum(axis.length - 1, 1)):
            here = place < axis.length
            index = np.where(here, axis.first + place, 0)
            along = [1] * z.ndim
            along[dim] = axis.out
            share = as_like(axis.weights_at(np.arange(axis.out), place).reshape(along), z)
            ok = as_like(here.reshape(along), z, exact=True)
            with np.errstate(all="ignore"):
                ends = [take(p, index, dim) if axis.extent else v for p, v in zip(parts, whole, strict=True)]
                whole = [v + where(ok, e * share, zeros(v)) for v, e in zip(whole, ends, strict=True)]
        parts = whole
    sums = [a.weights_at(np.arange(a.out)[:, None], np.arange(a.max_length)) for a in grid.axes]
    sums = [
        np.where(np.arange(a.max_length) < a.length[:, None], s, 0).sum(1) for a, s in zip(grid.axes, sums, strict=True)
    ]
    total = as_like(grid.along(reduce(np.multiply.outer, sums)), z)
    return tuple(parts), [total, as_like(grid.along(grid.present), z, exact=True)]


def walked(z: Any, w: Any, has: Any, at: Any, grid: Grid, reduction: Any) -> tuple[State, Any]:
    """Visit the places of the window one after the other, all windows at once: for weighted ones, and folds that cannot merge."""
    taps = None if grid.taps is None else grid.tap_weights()
    ranges = [range(n) for n in taps.shape] if taps is not None else [range(a.max_length) for a in grid.axes]
    shape = list(z.shape)
    for axis, dim in zip(grid.axes, grid.pooled_dims, strict=True):
        shape[dim] = axis.out
    zero = zeros_of(z, shape)
    state = state_of(reduction.init(zero), reduction, "init")
    total = zero if is_floating(zero) else zeros_of(z, shape, "float64")
    present = zeros_of(z, shape, "int64")  # of windows whose taps are all 0 too
    for places in itertools.product(*ranges):
        tap = 1.0 if taps is None else float(taps[places])
        if tap == 0:
            continue
        items: list[Any] = [z, at] + ([has] if has is not None else []) + ([w] if not is_one(w) else [])
        valid, share = None, None
        for place, axis, dim in zip(places, grid.axes, grid.pooled_dims, strict=True):
            j = place - (axis.absent_before if taps is not None else 0)
            here = (j >= 0) & (j < axis.length)
            index = np.where(here, axis.first + j * axis.step, 0)
            items = (
                [take(v, index, dim) for v in items]
                if axis.extent
                else [zeros_of(z, shape, dtype_name(v)) for v in items]
            )
            along = [1] * z.ndim
            along[dim] = axis.out
            valid = here.reshape(along) if valid is None else valid & here.reshape(along)
            if axis.edge_weights is not None:
                table = axis.weights_at(np.arange(axis.out), np.asarray(place)).reshape(along)
                share = table if share is None else share * table
        ok = as_like(np.asarray(valid), z, exact=True)
        if has is not None:
            ok = ok & items[2]
        weight = (1.0 if is_one(w) else items[-1]) * (real(tap, z) if taps is not None else tap)
        weight = weight if taps is not None or not is_one(w) else w
        weight = weight if share is None else weight * as_like(share, z)
        with np.errstate(all="ignore"):
            new = reduction.step(state, where(ok, items[0], ones(items[0])), weight, items[1])
        new = state_of(new, reduction, "step", len(state))
        state = tuple(where(ok, b, a) for a, b in zip(state, new, strict=True))
        total = total + where(ok, weight + zeros(total), zeros(total))
        present = present + ok * 1
    return state, [total, present]
