"""NumPy arrays: views in, views out, and the call of the backend chosen."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..backends import cpu, orders_cpu, orders_reference, reference
from ..choose import choose
from ..errors import PoolingError
from ..orders import Order
from ..plan import Grid, Job
from ..reductions import Max

DTYPES = frozenset("bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 bfloat16".split())


def array(x: Any) -> Any:
    """x as a NumPy array with native bytes and a known element type; no copy where none is needed."""
    if isinstance(x, np.ma.MaskedArray):
        raise PoolingError("x is a numpy.ma array: pass x.data and weights=~numpy.ma.getmaskarray(x)")
    given = np.asarray(x)
    if given.dtype.name not in DTYPES:
        raise PoolingError(f"x of dtype {given.dtype}: pooling has a meaning for {', '.join(sorted(DTYPES))}")
    if not given.dtype.isnative:
        given = given.astype(given.dtype.newbyteorder("="))
    return given


def dtype_name(x: Any) -> str:
    """NumPy's name of the element type."""
    return x.dtype.name


def check_weights(weights: Any, reduction: Any) -> None:
    """Weights must be numbers, and no less than zero unless the reduction is linear in them."""
    if weights.dtype.kind == "f" and bool(np.isnan(weights).any()):
        raise PoolingError("weights hold a NaN: use finite numbers, 0 for an element that shall not count")
    if weights.dtype.kind in "fi" and not getattr(reduction, "signed_weights", False) and bool((weights < 0).any()):
        raise PoolingError(
            f"weights as low as {weights.min()}: {getattr(reduction, 'name', reduction)!r} needs weights of at least 0"
        )


def run(
    x: Any,
    grid: Grid,
    reductions: tuple[Any, ...],
    weights: Any = None,
    *,
    omit_nan: bool = False,
    empty: float | None = None,
    out: Any = None,
    backend: str | None = None,
) -> tuple[Any, ...]:
    """One result a reduction."""
    if weights is not None:
        weights = np.asarray(weights)
        if weights.dtype.kind not in "biuf" and weights.dtype.name != "bfloat16":
            raise PoolingError(f"weights of dtype {weights.dtype}: use bool (a mask) or real numbers")
        for reduction in reductions:
            check_weights(weights, reduction)
    results: list[Any] = []
    for reduction in reductions:
        job = Job(
            grid,
            reduction,
            x.dtype.name,
            "numpy",
            "cpu",
            None if weights is None else (weights.shape, weights.dtype.name),
            omit_nan,
            empty,
        )
        y = _native(job, x, weights, out) if choose(job, backend) is cpu else None
        results.append(reference.forward(x, grid, reduction, weights, omit_nan, empty)[0] if y is None else y)
    return tuple(results) if out is None else (_into(out, results),)


def _native(job: Job, x: Any, weights: Any, out: Any) -> Any:
    """The compiled core's result, written to `out` where its memory fits; None where the numbers need the reference."""
    if isinstance(job.reduction, Order):
        return _native_order(job, x)
    item = x.itemsize
    strides = tuple(s // item for s in x.strides)
    if weights is None:
        prepared, w = cpu.prepare(job, strides), 0
    else:
        weights = _as_plane(weights, cpu.plane_of(job))
        wide = np.broadcast_to(weights, x.shape)
        w_strides = tuple(s // weights.itemsize for s in wide.strides)
        prepared, w = cpu.prepare(job, strides, w_strides, weights.dtype.name), _address(weights)
    made = prepared.recipe
    dtype = np.dtype(made.places) if not made.values else x.dtype if made.result == x.dtype.name else made.result
    if out is not None and _fits(out, prepared, dtype) and not np.may_share_memory(out, x):
        y, result = out.transpose(prepared.order), out
    else:
        y = np.empty(prepared.shape, dtype)
        result = y.transpose(prepared.back)
    done = prepared.forward(_address(x), w, *((_address(y), 0) if made.values else (0, _address(y))))
    return result if done else None


def _native_order(job: Job, x: Any) -> Any:
    """An order statistic by the compiled core; windows that a NaN spoils are found by a maximum."""
    prepared = orders_cpu.prepare(job, tuple(s // x.itemsize for s in x.strides))
    y = np.empty(prepared.shape, prepared.result)
    result = y.transpose(prepared.back)
    if prepared.forward(_address(x), _address(y)):
        if prepared.spoils:
            np.copyto(result, np.nan, where=np.isnan(run(x, job.grid, (Max(),))[0]))
        elif not prepared.ranked:
            return None
    for where, grid in prepared.edges:
        result[where] = orders_reference.forward(x, grid, job.reduction, None, job.omit_nan, job.empty)
    return result


def _address(x: Any) -> int:
    return x.__array_interface__["data"][0]


def _as_plane(weights: Any, plane: str) -> Any:
    """Weights in the type that the core multiplies by; a mask stays bytes."""
    return weights if weights.dtype.name in ("bool", plane) else weights.astype(plane)


def _fits(out: Any, prepared: Any, dtype: Any) -> bool:
    return (
        isinstance(out, np.ndarray)
        and out.dtype == dtype
        and out.ndim == len(prepared.order)
        and out.flags.writeable
        and out.transpose(prepared.order).shape == prepared.shape
        and out.transpose(prepared.order).flags.c_contiguous
    )


def _into(out: Any, results: list[Any]) -> Any:
    if len(results) != 1:
        raise PoolingError("out= takes one reduction; call once for each")
    y = results[0]
    if not isinstance(out, np.ndarray) or out.shape != y.shape or out.dtype != y.dtype:
        raise PoolingError(
            f"out must be a NumPy array of shape {y.shape} and dtype {y.dtype}, not {getattr(out, 'shape', None)} {getattr(out, 'dtype', type(out))}"
        )
    if out is not y:
        np.copyto(out, y)
    return out
