"""Fold strategies: doubling of runs, doubling with edge weights, or one position of the window
after the other."""

from __future__ import annotations

import itertools
from dataclasses import replace
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

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


def lift(reduction: Any, z: Any, w: Any, is_present: Any, at: Any) -> State:
    """The state of each element; absent elements have the empty state."""
    nothing = state_of(reduction.init(zeros(z)), reduction, "init")
    with np.errstate(all="ignore"):
        safe = z if is_present is None else where(is_present, z, ones(z))
        full = state_of(reduction.step(nothing, safe, w, at), reduction, "step", len(nothing))
    if is_present is None:
        return full
    return tuple(where(is_present, new, old) for new, old in zip(full, nothing, strict=True))


def fold_by_doubling(z: Any, w: Any, is_present: Any, at: Any, grid: Grid, reduction: Any) -> tuple[State, Any]:
    """Fold axis by axis, the last first (row-major order is kept): runs of 1, 2, 4 … are merged,
    each one once."""
    parts: list[Any] = [*lift(reduction, z, w, is_present, at)]
    states = len(parts)
    if is_present is not None or not is_one(w):
        parts.append(
            where(is_present, w + zeros(z) if not is_bool(z) else floats(is_present), zeros(z))
            if is_present is not None
            else w + zeros(z)
        )
        parts.append((is_present if is_present is not None else (z == z) | (z != z)) * 1)
    empty_state = [
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
        parts = double_axis(parts, axis, dim, join, empty_state)
    return tuple(parts[:states]), (parts[states:] or None)


def double_axis(parts: list[Any], axis: Axis, dim: int, join: Any, empty_state: list[Any]) -> list[Any]:
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
                result = [where(mask, b, nothing_like(v, b)) for b, v in zip(block, empty_state, strict=False)]
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
        result = [nothing_like(v, p, shape) for p, v in zip(parts, empty_state, strict=False)]
    return result


def fold_with_edge_weights(z: Any, at: Any, grid: Grid, reduction: Any) -> tuple[State, Any]:
    """Fold a linear reduction with edge weights axis by axis: the inner elements, then the weighted
    ends."""
    parts: list[Any] = [*lift(reduction, z, 1.0 if is_floating(z) else 1, None, at)]
    empty_state = list(reduction.init(zeros(z[(slice(0, 1),) * z.ndim])))

    def join(a: list[Any], b: list[Any]) -> list[Any]:
        return list(reduction.merge(tuple(a), tuple(b)))

    for axis, dim in reversed(list(zip(grid.axes, grid.pooled_dims, strict=True))):
        if axis.edge_weights is None:
            parts = double_axis(parts, axis, dim, join, empty_state)
            continue
        inner = replace(axis, first=axis.first + 1, length=np.maximum(axis.length - 2, 0), edge_weights=None)
        inner_state = double_axis(parts, inner, dim, join, empty_state)
        for offset in (np.zeros(axis.out, np.int64), np.maximum(axis.length - 1, 1)):
            in_window = offset < axis.length
            index = np.where(in_window, axis.first + offset, 0)
            shape = [1] * z.ndim
            shape[dim] = axis.out
            weight = as_like(axis.weights_at(np.arange(axis.out), offset).reshape(shape), z)
            is_valid = as_like(in_window.reshape(shape), z, exact=True)
            with np.errstate(all="ignore"):
                end_elements = [
                    take(p, index, dim) if axis.extent else v for p, v in zip(parts, inner_state, strict=True)
                ]
                inner_state = [
                    v + where(is_valid, e * weight, zeros(v)) for v, e in zip(inner_state, end_elements, strict=True)
                ]
        parts = inner_state
    sums = [a.weights_at(np.arange(a.out)[:, None], np.arange(a.max_length)) for a in grid.axes]
    sums = [
        np.where(np.arange(a.max_length) < a.length[:, None], s, 0).sum(1) for a, s in zip(grid.axes, sums, strict=True)
    ]
    total = as_like(grid.along(reduce(_outer_product, sums)), z)
    return tuple(parts), [total, as_like(grid.along(grid.present), z, exact=True)]


def fold_by_position(z: Any, w: Any, is_present: Any, at: Any, grid: Grid, reduction: Any) -> tuple[State, Any]:
    """Visit one position of all windows at a time: for weighted windows, and folds without
    `merge`."""
    taps = None if grid.taps is None else grid.tap_weights()
    ranges = [range(n) for n in taps.shape] if taps is not None else [range(a.max_length) for a in grid.axes]
    shape = list(z.shape)
    for axis, dim in zip(grid.axes, grid.pooled_dims, strict=True):
        shape[dim] = axis.out
    zero = zeros_of(z, shape)
    state = state_of(reduction.init(zero), reduction, "init")
    total = zero if is_floating(zero) else zeros_of(z, shape, "float64")
    present = zeros_of(z, shape, "int64")  # counts elements, also of windows whose taps are all 0
    for offsets in itertools.product(*ranges):
        tap = 1.0 if taps is None else float(taps[offsets])
        if tap == 0:
            continue
        items: list[Any] = [z, at] + ([is_present] if is_present is not None else []) + ([w] if not is_one(w) else [])
        valid, edge_weight = None, None
        for offset, axis, dim in zip(offsets, grid.axes, grid.pooled_dims, strict=True):
            j = offset - (axis.absent_before if taps is not None else 0)
            in_window = (j >= 0) & (j < axis.length)
            index = np.where(in_window, axis.first + j * axis.step, 0)
            items = (
                [take(v, index, dim) for v in items]
                if axis.extent
                else [zeros_of(z, shape, dtype_name(v)) for v in items]
            )
            shape_of_axis = [1] * int(z.ndim)
            shape_of_axis[dim] = axis.out
            valid = in_window.reshape(shape_of_axis) if valid is None else valid & in_window.reshape(shape_of_axis)
            if axis.edge_weights is not None:
                table = axis.weights_at(np.arange(axis.out), np.asarray(offset)).reshape(shape_of_axis)
                edge_weight = table if edge_weight is None else edge_weight * table
        is_valid = as_like(np.asarray(valid), z, exact=True)
        if is_present is not None:
            is_valid = is_valid & items[2]
        weight = w if is_one(w) else items[-1]
        if taps is not None and not grid.is_footprint:
            weight = (1.0 if is_one(w) else weight) * real(tap, z)
        weight = weight if edge_weight is None else weight * as_like(edge_weight, z)
        with np.errstate(all="ignore"):
            new = reduction.step(state, where(is_valid, items[0], ones(items[0])), weight, items[1])
        new = state_of(new, reduction, "step", len(state))
        state = tuple(where(is_valid, b, a) for a, b in zip(state, new, strict=True))
        total = total + where(is_valid, weight + zeros(total), zeros(total))
        present = present + is_valid * 1
    return state, [total, present]


def _outer_product(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.multiply.outer(a, b)
