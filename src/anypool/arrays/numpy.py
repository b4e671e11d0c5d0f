"""NumPy arrays: views in, views out, and the call of the backend chosen."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

import numpy as np

from ..backends import cpu, lists_cpu, memory, sums
from ..errors import PoolingError
from ..foreign import way_from
from ..incoming import array_of
from ..plan import Grid, Job
from .call_cache import CallCache
from .numpy_folds import NativeFold
from .numpy_folds import address as address
from .numpy_folds import strides as strides

DTYPES = frozenset("bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 bfloat16".split())
_MODULE = sys.modules[__name__]
READY: dict[Any, Any] = CallCache()  # calls seen before: nothing is left to decide


def array(x: Any) -> Any:
    """x as the backends read it, of an element type that has a meaning; no copy where none is needed."""
    given = array_of(x, "x")
    if given.dtype.name not in DTYPES:
        meant = ", ".join(sorted(DTYPES))
        raise PoolingError(f"x of dtype {given.dtype}: pooling has a meaning for {meant}{way_from(given.dtype)}")
    return given


def instead(x: Any) -> Any:
    """None: NumPy has words for every element."""
    return None


def dtype_name(x: Any) -> str:
    """NumPy's name of the element type."""
    return x.dtype.name


def plain(x: Any) -> bool:
    """NumPy's arrays hold their numbers."""
    return True


def wide(dtype: str) -> str:
    """The element type of a sum of integers."""
    return "uint64" if dtype.startswith("uint") else "int64"


def compiling(out: Any) -> bool:
    """NumPy compiles nothing."""
    return False


def key(x: Any, call: tuple[Any, ...], weights: Any = None) -> Any:
    """What tells this call from others, the data apart; None where calls are not remembered."""
    if type(x) is not np.ndarray or not x.dtype.isnative:
        return None
    if weights is None:
        return (x.shape, x.strides, x.dtype, call)
    if type(weights) is not np.ndarray or not weights.dtype.isnative:
        return None
    return (x.shape, x.strides, x.dtype, call, weights.shape, weights.strides, weights.dtype)


def as_weights(given: Any, x: Any) -> Any:
    """Weights as an array of real numbers or a mask, as the backends read it."""
    if getattr(given, "requires_grad", False):
        raise PoolingError("weights learn and x is a NumPy array: give x as a tensor too, or weights.detach()")
    weights = array_of(given, "weights")
    if weights.dtype.kind not in "biuf" and weights.dtype.name != "bfloat16":
        raise PoolingError(f"weights of dtype {weights.dtype}: use bool (a mask) or real numbers")
    return weights


def check_weights(weights: Any, reduction: Any) -> None:
    """Weights must be numbers, and no less than zero unless the reduction is linear in them."""
    if weights.dtype.kind == "f" and not bool(np.isfinite(weights).all()):
        raise PoolingError("weights hold a NaN or an infinity: use finite numbers, 0 for what shall not count")
    if weights.dtype.kind in "fi" and not getattr(reduction, "signed_weights", False) and bool((weights < 0).any()):
        raise PoolingError(
            f"weights as low as {weights.min()}: {getattr(reduction, 'name', reduction)!r} needs weights of at least 0"
        )


def run(x: Any, grid: Any, reductions: tuple[Any, ...], weights: Any = None, **options: Any) -> tuple[Any, ...]:
    """One result a reduction of arrays as `array` and `as_weights` made them."""
    from ..engines import execute

    return execute.run(_MODULE, x, grid, reductions, weights, **options)


def transformed() -> bool:
    """NumPy transforms no function."""
    return False


def device(x: Any) -> str:
    """Where x lies."""
    return "cpu"


def destination(out: Any, x: Any, shape: Any, dtype: str, order: Any, back: Any) -> tuple[Any, Any]:
    """Memory of `shape`, its axes in `order`, and the result that lies there with its axes put back: `out` if it serves."""
    if isinstance(out, np.ndarray) and out.ndim == x.ndim and out.flags.writeable:
        memory_of: Any = out.transpose(order)
        fits = memory_of.shape == tuple(shape) and out.dtype.name == dtype and out.dtype.isnative and out.flags.aligned
        if fits and memory_of.flags.c_contiguous and not np.may_share_memory(out, x):
            return memory_of, out
    y = memory.empty(shape, x.dtype if dtype == x.dtype.name else np.dtype(dtype))
    return y, y.transpose(back)


def fill_where(y: Any, value: Any, where: Any) -> None:
    """Write a value into y where a mask holds."""
    np.copyto(y, value, where=where)


def in_numpy(function: Any, call: Any, x: Any, job: Job, weights: Any) -> Any:
    """A function of NumPy arrays: these are NumPy's."""
    return function(call, x, job, weights)


def bound(plan: Any, call: Any, x: Any, weights: Any) -> Any:
    """The plan as a function (x, weights, out) of arrays of this form, which gives None where the numbers forbid it."""
    if plan.engine.name == "folds":
        return NativeFold(plan.job, x, weights).bound
    return partial(plan.run, call)


def folded(x: Any, job: Job, weights: Any, out: Any) -> Any:
    """One compiled fold; None where the numbers are not safe in the core."""
    return NativeFold(job, x, weights).bound(x, weights, out)


def folded_together(x: Any, plans: list[Any], weights: Any) -> list[Any]:
    """The compiled folds among several plans, which read x once; None for the others."""
    natives = [NativeFold(p.job, x, weights) if p.engine.name == "folds" else None for p in plans]
    compiled = [n for n in natives if n is not None]
    if len(compiled) < 2:
        return [None] * len(plans)
    held = [n.weights_of(weights) for n in compiled]
    fresh = [n.fresh() for n in compiled]
    calls = [n.record(x, w, y) for n, w, y in zip(compiled, held, fresh, strict=True)]
    if not cpu.forward_all(calls):
        return [None] * len(plans)
    results = iter([n.shown(y) for n, y in zip(compiled, fresh, strict=True)])
    return [None if n is None else next(results) for n in natives]


def by_sums(x: Any, job: Job) -> Any:
    """A fold that is a function of sums; None where they do not hold the numbers safely."""
    y = memory.empty(job.grid.out_shape, x.dtype if x.dtype.kind not in "biu" else np.float64)
    done = sums.fill(y, x, job.grid, job.reduction, strides(x), partial(_seen, job.grid))
    return y if done else None


@lru_cache(maxsize=256)
def _seen(grid: Grid, shape: tuple[int, ...], dtype: Any) -> sums.Seen:
    of = grid if grid.shape == shape else replace(grid, shape=shape)
    n, held = (of.along(t).astype(dtype) for t in (of.counts, of.present))
    return sums.Seen(n, held, lambda v, fold: run(v, of, (fold,))[0])


def listed(x: Any, job: Job, placed: bool = False) -> Any:
    """One fold of windows that list their elements, or where it lies; None where memory lies too oddly."""
    prepared = lists_cpu.prepare(job, tuple(s // x.itemsize for s in x.strides))
    if prepared is None:
        x = np.ascontiguousarray(x)
        prepared = lists_cpu.prepare(job, tuple(s // x.itemsize for s in x.strides))
    if prepared is None:
        return None
    y = memory.empty(prepared.shape, x.dtype)
    place = np.empty(prepared.shape, np.int32) if placed else None
    prepared.fold(address(x), address(y), 0 if place is None else address(place))
    return (y if place is None else place.astype(np.int64)).transpose(prepared.back)


def summed(x: Any, job: Job) -> Any:
    """A fold of listed windows that is a function of sums; None where they do not hold the numbers safely."""
    from . import lists_sums

    x, lists = lists_sums.lifted(x, job.grid)
    return lists_sums.forward(_MODULE, x, replace(job, grid=lists))


def ordered(x: Any, job: Job) -> Any:
    """An order statistic of listed windows."""
    from . import orders_listed

    return orders_listed.forward(x, job)


def apart(results: tuple[Any, ...], x: Any) -> tuple[Any, ...]:
    """Results that the caller may write to without changing x."""
    return tuple(y.copy() if np.may_share_memory(y, x) else y for y in results)


def into(out: Any, results: Any) -> tuple[Any, ...]:
    """The one result, written to `out`."""
    if len(results) != 1:
        raise PoolingError("out= takes one reduction; call once for each")
    y = results[0]
    if isinstance(out, np.ma.MaskedArray):
        raise PoolingError("out is a numpy.ma array, whose mask a result would not meet: pass out.data")
    native = isinstance(out, np.ndarray) and out.dtype.newbyteorder("=") == y.dtype
    if not native or out.shape != y.shape:
        found = f"{out.shape} {out.dtype}" if isinstance(out, np.ndarray) else type(out).__name__
        raise PoolingError(f"out must be a NumPy array of shape {y.shape} and dtype {y.dtype}, not {found}")
    if out is not y:
        if not out.flags.writeable:
            raise PoolingError("out is read-only: give an array that may be written")
        np.copyto(out, y)
    return (out,)
