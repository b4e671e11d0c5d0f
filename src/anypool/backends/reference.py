"""Any reduction, any windows, any array library: folds by doubling, gradients by asking each element's windows."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from ..errors import PoolingError
from ..orders import Order
from ..plan import Axis, Grid, Job
from ..reductions import State
from ..words import library, where, zeros

name = "reference"


def refuses(job: Job) -> str | None:
    """None: the reference serves everything."""
    return None


def forward(
    x: Any, grid: Grid, reduction: Any, weights: Any = None, omit_nan: bool = False, empty: float | None = None
) -> tuple[Any, State]:
    """The result and what the gradient needs besides x and it; plain differentiable code in x's library."""
    if isinstance(reduction, Order):
        from . import orders_reference

        return orders_reference.forward(x, grid, reduction, weights, omit_nan, empty), ()
    acc = _accumulator(x, reduction)
    z = _imagine(_cast(x, acc), grid, grid.fill)
    w, has = _weights(z, weights, grid, reduction, omit_nan)
    at = _positions(z, grid)
    if grid.taps is None and callable(getattr(reduction, "merge", None)):
        state, seen = _doubled(z, w, has, at, grid, reduction)
    else:
        state, seen = _walked(z, w, has, at, grid, reduction)
    n, present = _divisor(z, seen, grid, weights is not None or omit_nan or grid.taps is not None)
    with np.errstate(all="ignore"):
        y = reduction.finish(state, n)
        kept = reduction.keep(state) if callable(getattr(reduction, "keep", None)) else ()
    kept = kept if isinstance(kept, tuple) else (kept,)
    if getattr(reduction, "selects", False):
        kept = tuple(_local(k, grid, acc) for k in kept)
    if getattr(reduction, "gives", "value") == "position":
        y = _real_position(y, grid)
    y = _fill_empty(y, present, reduction, empty, x)
    return _result(y, x, reduction), kept


def backward(
    g: Any, x: Any, y: Any, kept: State, grid: Grid, reduction: Any, weights: Any = None, omit_nan: bool = False
) -> Any:
    """The gradient for x: each element asks every window that holds it, in one fixed order; no scatter, no atomics."""
    acc = _accumulator(x, reduction)
    xa, ga, ya = _cast(x, acc), _cast(g, acc), _cast(y, acc)
    w, has = _weights(xa, weights, grid, reduction, omit_nan, imagined=False)
    counted = weights is not None or omit_nan or grid.taps is not None
    n = (
        _total_weight(xa, weights, grid, reduction, omit_nan)
        if counted and grid.divisor == "present"
        else _like(grid.along(grid.counts), xa)
    )
    tables = [a.holders for a in grid.axes]
    taps = None if grid.taps is None else grid.tap_weights()
    total = zeros(xa)
    with np.errstate(all="ignore"):
        for slots in itertools.product(*(range(t[0].shape[1]) for t in tables)):
            picked: list[Any] = [ga, ya, _expand(n, ya), *kept]
            valid, place, tap = None, 0, []
            for k, (slot, (windows, places), axis, a) in enumerate(zip(slots, tables, grid.axes, grid.at, strict=True)):
                o = np.maximum(windows[:, slot], 0)
                picked = [take(v, o, a) for v in picked]
                shape = [1] * xa.ndim
                shape[a] = axis.size
                here = (windows[:, slot] >= 0).reshape(shape)
                valid = here if valid is None else valid & here
                place = place * axis.places + np.maximum(places[:, slot], 0).reshape(shape)
                if taps is not None:
                    along = [1] * len(slots)
                    along[k] = axis.size
                    tap.append((np.maximum(places[:, slot], 0) + axis.skipped[o]).reshape(along))
            weight = w
            if taps is not None:
                value = taps[tuple(tap)]
                shape = [1] * xa.ndim
                for a, axis in zip(grid.at, grid.axes, strict=True):
                    shape[a] = axis.size
                weight = w * _like(value.reshape(shape), xa)
                valid = valid & (value.reshape(shape) != 0)
            local = tuple(picked[3:])
            if getattr(reduction, "selects", False):
                local = tuple(_cast(k, "int64") for k in local)
            share = picked[0] * reduction.pull(
                xa, weight, _like(np.asarray(place), xa, exact=True), picked[1], local, picked[2]
            )
            keep = has & _like(np.asarray(valid), xa, exact=True)
            total = total + where(keep, share, zeros(total))
    return _cast(total, _dtype_name(x))


# ---- the two schedules ---------------------------------------------------------------------------


def _lifted(reduction: Any, z: Any, w: Any, has: Any, at: Any) -> State:
    """One state an element; elements that are absent hold nothing."""
    nothing = reduction.init(zeros(z))
    with np.errstate(all="ignore"):
        safe = z if has is None else where(has, z, _ones(z))
        full = reduction.step(nothing, safe, w, at)
    if has is None:
        return full
    return tuple(where(has, new, old) for new, old in zip(full, nothing, strict=True))


def _doubled(z: Any, w: Any, has: Any, at: Any, grid: Grid, reduction: Any) -> tuple[State, Any]:
    """Fold axis by axis, last first (the order stays row-major): runs of 1, 2, 4 … are joined, each once."""
    parts: list[Any] = [*_lifted(reduction, z, w, has, at)]
    states = len(parts)
    if has is not None or not _is_one(w):
        parts.append(
            where(has, w + zeros(z) if not _is_bool(z) else has * 1.0, zeros(z)) if has is not None else w + zeros(z)
        )
        parts.append((has if has is not None else (z == z) | (z != z)) * 1)
    nothing = [
        *list(reduction.init(zeros(z[(slice(0, 1),) * z.ndim]))),
        0.0,
        0,
    ]

    def join(a: list[Any], b: list[Any]) -> list[Any]:
        with np.errstate(all="ignore"):
            merged = list(reduction.merge(tuple(a[:states]), tuple(b[:states])))
        return merged + [p + q for p, q in zip(a[states:], b[states:], strict=True)]

    for axis, dim in reversed(list(zip(grid.axes, grid.at, strict=True))):
        parts = _double_axis(parts, axis, dim, join, nothing)
    return tuple(parts[:states]), (parts[states:] or None)


def _double_axis(parts: list[Any], axis: Axis, dim: int, join: Any, nothing: list[Any]) -> list[Any]:
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
            mask = _like(bit.reshape(shape), parts[0], exact=True)
            if result is None:
                result = [where(mask, b, _nothing(v, b)) for b, v in zip(block, nothing, strict=False)]
            else:
                result = [where(mask, new, old) for new, old in zip(join(block, result), result, strict=True)]
            end = np.where(bit, begin, end)
        run *= 2
        if run > axis.places:
            break
        half = run // 2 * axis.step
        extent -= half
        level = join([_narrow(p, dim, 0, extent) for p in level], [_narrow(p, dim, half, extent) for p in level])
    if result is None:
        shape = list(parts[0].shape)
        shape[dim] = axis.out
        result = [_nothing(v, p, shape) for p, v in zip(parts, nothing, strict=False)]
    return result


def _walked(z: Any, w: Any, has: Any, at: Any, grid: Grid, reduction: Any) -> tuple[State, Any]:
    """Visit the places of the window one after the other, all windows at once: for taps, and folds that cannot merge."""
    taps = None if grid.taps is None else grid.tap_weights()
    ranges = [range(n) for n in taps.shape] if taps is not None else [range(a.places) for a in grid.axes]
    shape = list(z.shape)
    for axis, dim in zip(grid.axes, grid.at, strict=True):
        shape[dim] = axis.out
    zero = _zeros(z, shape)
    state: State = tuple(reduction.init(zero))
    total, present = zero * 1.0 if not _is_bool(zero) else _zeros(z, shape, "float64"), 0
    for places in itertools.product(*ranges):
        tap = 1.0 if taps is None else float(taps[places])
        if tap == 0:
            continue
        items: list[Any] = [z, at] + ([has] if has is not None else []) + ([w] if not _is_one(w) else [])
        valid = None
        for place, axis, dim in zip(places, grid.axes, grid.at, strict=True):
            j = place - (axis.skipped if taps is not None else 0)
            here = (j >= 0) & (j < axis.length)
            index = np.where(here, axis.first + j * axis.step, 0)
            items = (
                [take(v, index, dim) for v in items]
                if axis.extent
                else [_zeros(z, shape, _dtype_name(v)) for v in items]
            )
            along = [1] * z.ndim
            along[dim] = axis.out
            valid = here.reshape(along) if valid is None else valid & here.reshape(along)
        ok = _like(np.asarray(valid), z, exact=True)
        if has is not None:
            ok = ok & items[2]
        weight = (1.0 if _is_one(w) else items[-1]) * tap
        weight = weight if taps is not None or not _is_one(w) else w
        with np.errstate(all="ignore"):
            new = reduction.step(state, where(ok, items[0], _ones(items[0])), weight, items[1])
        state = tuple(where(ok, b, a) for a, b in zip(state, new, strict=True))
        total = total + where(ok, weight + zeros(total), zeros(total))
        present = present + ok * 1
    return state, [total, present]


# ---- what a window divides by, and what it gives when empty --------------------------------------


def _divisor(z: Any, seen: Any, grid: Grid, counted: bool) -> tuple[Any, Any]:
    """n, and how many elements each window holds (None where none is empty)."""
    present = (
        seen[1]
        if seen is not None and not isinstance(seen[1], int)
        else (_like(grid.along(grid.present), z, exact=True) if grid.has_empty or seen is not None else None)
    )
    if counted and grid.divisor == "present" and seen is not None:
        return seen[0], present
    return _like(grid.along(grid.counts), z), present


def _total_weight(x: Any, weights: Any, grid: Grid, reduction: Any, omit_nan: bool) -> Any:
    from ..reductions import Count

    z = _imagine(x, grid, grid.fill)
    w, has = _weights(z, weights, grid, reduction, omit_nan)
    count = Count()
    at = _positions(z, grid)
    schedule = _doubled if grid.taps is None else _walked
    _, seen = schedule(z, w, has if has is not None else (z == z) | (z != z), at, grid, count)
    return seen[0]


def _fill_empty(y: Any, present: Any, reduction: Any, empty: float | None, x: Any) -> Any:
    if present is None:
        return y
    nothing = present == 0
    value = empty if empty is not None else getattr(reduction, "empty", float("nan"))
    integral = not _is_floating(y)
    if integral and (value is None or value != value or value in (float("inf"), float("-inf"))):
        if (library(x) is np and bool(np.any(nothing))) or (library(x) is not np and bool(nothing.any())):
            raise PoolingError(
                f"a window holds no element, and {getattr(reduction, 'name', reduction)!r} of nothing is no {_dtype_name(y)}: give empty="
            )
        return y
    if not _is_bool(y):
        return where(nothing, _full(y, value), y)
    return where(nothing, _full(y, bool(value)), y)


# ---- positions and places ------------------------------------------------------------------------


def _positions(z: Any, grid: Grid) -> Any:
    """Flat positions in the imagined pooled axes, broadcastable to z."""
    flat: Any = np.zeros((1,) * z.ndim, np.int64)
    for axis, dim in zip(grid.axes, grid.at, strict=True):
        shape = [1] * z.ndim
        shape[dim] = axis.extent
        flat = flat * axis.extent + np.arange(axis.extent).reshape(shape)
    return _like(flat, z, exact=True)


def _split(position: Any, grid: Grid) -> list[Any]:
    parts: list[Any] = []
    for axis in reversed(grid.axes):
        parts.append(position % max(axis.extent, 1))
        position = position // max(axis.extent, 1)
    return parts[::-1]


def _local(position: Any, grid: Grid, like: Any) -> Any:
    """Flat imagined positions as places inside their windows, in the smallest unsigned type; nothing is place 0."""
    place: Any = 0
    safe = where(position < 0, zeros(position), position)
    for part, axis, dim in zip(_split(safe, grid), grid.axes, grid.at, strict=True):
        shape = [1] * position.ndim
        shape[dim] = axis.out
        j = (part - _like(axis.first.reshape(shape), position, exact=True)) // axis.step
        place = place * max(axis.places, 1) + where(j < 0, zeros(j), j)
    return _cast(place, place_dtype(grid.places))


def place_dtype(places: int) -> str:
    """The smallest type that holds a place of the window."""
    return "uint8" if places <= 255 else "int32" if places < 2**31 else "int64"


def _real_position(position: Any, grid: Grid) -> Any:
    """Flat imagined positions as flat real ones, -1 for nothing and for the border's constant."""
    none = position < 0
    real: Any = zeros(position)
    for part, axis in zip(_split(where(none, zeros(position), position), grid), grid.axes, strict=True):
        if axis.source is not None:
            part = take_flat(axis.source, part)
            none = none | (part < 0)
        real = real * axis.size + part
    return where(none, zeros(real) - 1, real)


# ---- small words for either library ----------------------------------------------------------------


def take(x: Any, index: Any, dim: int) -> Any:
    """x at these positions of one axis."""
    if library(x) is np:
        return np.take(x, index, axis=dim) if x.shape[dim] != 1 or len(index) != 1 else x
    if x.shape[dim] == 1 and len(index) == 1:
        return x
    torch = library(x)
    return (
        x.index_select(dim, torch.as_tensor(np.ascontiguousarray(index), device=x.device))
        if x.shape[dim] > 1
        else x.expand([len(index) if d == dim else s for d, s in enumerate(x.shape)])
    )


def take_flat(table: Any, index: Any) -> Any:
    """table[index] for an array of indices."""
    if library(index) is np:
        return table[index]
    return library(index).as_tensor(table, device=index.device)[index]


def _narrow(x: Any, dim: int, begin: int, length: int) -> Any:
    return x[(slice(None),) * dim + (slice(begin, begin + max(length, 0)),)]


def _imagine(x: Any, grid: Grid, fill: float | None) -> Any:
    """x as its windows see it, the border included."""
    for axis, dim in zip(grid.axes, grid.at, strict=True):
        if axis.source is None:
            continue
        beyond = axis.source < 0
        picked = (
            take(x, np.maximum(axis.source, 0), dim)
            if x.shape[dim]
            else _zeros(x, [axis.extent if d == dim else s for d, s in enumerate(x.shape)])
        )
        if beyond.any():
            shape = [1] * x.ndim
            shape[dim] = axis.extent
            picked = where(_like(beyond.reshape(shape), x, exact=True), _full(picked, fill), picked)
        x = picked
    return x


def _weights(
    z: Any, weights: Any, grid: Grid, reduction: Any, omit_nan: bool, imagined: bool = True
) -> tuple[Any, Any]:
    """Each element's weight (1.0 where none was given) and whether it is there (None: all are)."""
    w: Any = 1.0 if _is_floating(z) else 1
    has = None
    if weights is not None:
        shape = tuple(z.shape) if not imagined else grid.shape
        full = weights.expand(shape) if library(weights) is not np else np.broadcast_to(weights, shape)
        if imagined:
            full = _imagine(full, grid, 1.0)
        has = full != 0
        if not _is_bool(full) and not getattr(reduction, "masks", False):
            w = _cast(full, _dtype_name(z) if _is_floating(z) else "float64")
            w = where(has, w, zeros(w))
    if omit_nan and _is_floating(z):
        real = z == z
        has = real if has is None else has & real
    if not imagined and has is None:
        has = (z == z) | (z != z)
    return w, has


def _accumulator(x: Any, reduction: Any) -> str:
    given = _dtype_name(x)
    kind = getattr(reduction, "accumulates", "float")
    if given in ("float16", "bfloat16"):
        return "float32" if kind != "same" else given if given == "bfloat16" or library(x) is not np else "float16"
    if given in ("float32", "float64"):
        return given
    if kind == "same":
        return given
    if kind == "wide":
        return "uint64" if given.startswith("uint") else "int64"
    return "float64"


def _result(y: Any, x: Any, reduction: Any) -> Any:
    if getattr(reduction, "gives", "value") != "value":
        return y
    given = _dtype_name(x)
    return _cast(y, given) if given in ("float16", "bfloat16", "float32", "float64") else y


def _dtype_name(x: Any) -> str:
    return str(x.dtype).removeprefix("torch.")


def _cast(x: Any, dtype: str) -> Any:
    if _dtype_name(x) == dtype:
        return x
    module = library(x)
    if module is not np:
        return x.to(getattr(module, dtype))
    return x.astype(np.dtype(dtype))


def _is_bool(x: Any) -> bool:
    return _dtype_name(x) == "bool"


def _is_floating(x: Any) -> bool:
    return "float" in _dtype_name(x)


def _is_one(w: Any) -> bool:
    return isinstance(w, (int, float))


def _ones(x: Any) -> Any:
    return library(x).ones_like(x)


def _zeros(x: Any, shape: Any, dtype: str | None = None) -> Any:
    module = library(x)
    if module is np:
        return np.zeros(tuple(shape), x.dtype if dtype is None else dtype)
    return module.zeros(tuple(shape), dtype=x.dtype if dtype is None else getattr(module, dtype), device=x.device)


def _full(x: Any, value: Any) -> Any:
    return library(x).full_like(x, value)


def _expand(n: Any, y: Any) -> Any:
    return n.expand(y.shape) if library(y) is not np else np.broadcast_to(n, y.shape)


def _nothing(value: Any, like: Any, shape: Any = None) -> Any:
    """The state of nothing, shaped as `like` or as said."""
    shape = like.shape if shape is None else shape
    if isinstance(value, (int, float)):
        return _zeros(like, shape)
    if 0 in tuple(value.shape):
        return _zeros(like, shape)
    flat = value.reshape(-1)[:1].reshape((1,) * like.ndim)
    if library(like) is np:
        return np.broadcast_to(flat, tuple(shape))
    return flat.expand(tuple(shape))


def _like(table: Any, x: Any, exact: bool = False) -> Any:
    """A NumPy table in x's library and device, in x's float type unless `exact`."""
    module = library(x)
    if module is np:
        return table if exact or not _is_floating(x) else table.astype(x.dtype)
    made = module.as_tensor(np.ascontiguousarray(table), device=x.device)
    return made if exact or not _is_floating(x) else made.to(x.dtype)
