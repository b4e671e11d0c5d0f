"""NumPy arrays: views in, views out, and the call of the backend chosen."""

from __future__ import annotations

import ctypes
import sys
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

import numpy as np

from ..backends import cpu, lists_cpu, memory, reference, sums
from ..choose import choose
from ..errors import PoolingError
from ..foreign import way_from
from ..incoming import array_of, odd
from ..orders import Order
from ..plan import Grid, Job
from . import spans

DTYPES = frozenset("bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 bfloat16".split())
_MODULE = sys.modules[__name__]
READY: dict[Any, Any] = {}  # calls seen before: nothing is left to decide
MOST_READY = 1024


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


def wide(dtype: str) -> str:
    """The element type of a sum of integers."""
    return "uint64" if dtype.startswith("uint") else "int64"


def compiling(out: Any) -> bool:
    """NumPy compiles nothing."""
    return False


def key(x: Any, call: tuple[Any, ...]) -> Any:
    """What tells this call from others, the data apart; None where calls are not remembered."""
    return (x.shape, x.strides, x.dtype, call) if type(x) is np.ndarray and x.dtype.isnative else None


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
    remember: Any = None,
) -> tuple[Any, ...]:
    """One result a reduction of arrays as `array` and `as_weights` made them; `remember` is the key of a call that will
    come again."""
    if any(isinstance(r, Order) for r in reductions):
        from .orders_numpy import forward

        each = [
            forward(x, grid, r, weights, omit_nan, empty, backend, out if len(reductions) == 1 else None)
            if isinstance(r, Order)
            else run(x, grid, (r,), weights, omit_nan=omit_nan, empty=empty, backend=backend)[0]
            for r in reductions
        ]
        return tuple(each) if out is None else into(out, each)
    if spans.served(x.dtype.name, grid, reductions, weights, backend):
        return spans.run(_MODULE, x, grid, reductions, out, omit_nan=omit_nan, empty=empty)
    facts = None if weights is None else (weights.shape, weights.dtype.name)
    jobs = [Job(grid.seen_by(r), r, x.dtype.name, "numpy", "cpu", facts, omit_nan, empty) for r in reductions]
    natives = [_Native(j, x, weights, out) if choose(j, backend) is cpu else None for j in jobs]
    compiled = [n for n in natives if n is not None]
    address = _address(x)
    if len(compiled) == 1:
        done = compiled[0].forward(address)
    else:
        done = bool(compiled) and cpu.forward_all([n.call(address) for n in compiled])
    if remember is not None and len(jobs) == 1 and done:
        if len(READY) >= MOST_READY:
            READY.clear()
        READY[remember] = compiled[0].again
    results = [
        n.result if n is not None and done else _uncompiled(x, job, weights, backend)
        for n, job in zip(natives, jobs, strict=True)
    ]
    return tuple(results) if out is None else into(out, results)


def _uncompiled(x: Any, job: Job, weights: Any, backend: str | None) -> Any:
    """A fold that the core does not know: by sums that it does, or by the reference."""
    plain = weights is None and not job.omit_nan and backend is None and sums.serves(job.grid, job.reduction, job.dtype)
    if plain:
        y = memory.empty(job.grid.out_shape, x.dtype if x.dtype.kind not in "biu" else np.float64)
        strides = tuple(s // x.itemsize for s in x.strides)
        if sums.fill(y, x, job.grid, job.reduction, strides, partial(_seen, job.grid)):
            return y
    return reference.forward(x, job.grid, job.reduction, weights, job.omit_nan, job.empty)[0]


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
    prepared.fold(_address(x), _address(y), 0 if place is None else _address(place))
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


class _Native:
    """One fold by the compiled core: its plan, its weights, its result."""

    def __init__(self, job: Job, x: Any, weights: Any, out: Any) -> None:
        self.x_dtype = x.dtype
        strides = tuple(s // x.itemsize for s in x.strides)
        if weights is None:
            self.weights, self.prepared = None, cpu.prepare(job, strides)
        else:
            self.weights = weights = _as_plane(weights, cpu.plane_of(job))
            w_strides = tuple(s // weights.itemsize for s in np.broadcast_to(weights, x.shape).strides)
            self.prepared = cpu.prepare(job, strides, w_strides, weights.dtype.name)
        made = self.prepared.recipe
        kind = made.places if not made.values else made.result
        self.dtype = x.dtype if kind == x.dtype.name else np.dtype(kind)
        order = self.prepared.order
        self.back = self.prepared.back
        if out is not None and _fits(out, x, self.prepared, self.dtype):
            self.y, self.result = out.transpose(order), out
        else:
            self.y = memory.empty(self.prepared.shape, self.dtype)
            self.result = self.y if self.back is None else self.y.transpose(self.back)

    def _addresses(self, x: int, y: int) -> tuple[int, int, int, int]:
        w = 0 if self.weights is None else _address(self.weights)
        return (x, w, y, 0) if self.prepared.recipe.values else (x, w, 0, y)

    def call(self, x: int) -> Any:
        """The call as a record."""
        return self.prepared.at(*self._addresses(x, _address(self.y)))

    def forward(self, x: int) -> bool:
        """Compute; False where the numbers need the reference."""
        return self.prepared.forward(*self._addresses(x, _address(self.y)))

    @property
    def again(self) -> Any:
        """The same fold of another array of this form: one function, with nothing left to decide."""
        prepared, dtype, back, shape = self.prepared, self.dtype, self.back, self.prepared.shape
        values, run, job = prepared.recipe.values, prepared.run, prepared.address
        item, truths = self.x_dtype.itemsize, self.x_dtype.kind == "b"
        fresh = memory.empty if self.y.nbytes >= memory.LARGE else np.empty

        def fold(x: Any, out: Any = None) -> Any:
            a = _address(x)
            if a % item or (truths and odd(x)):  # what a key does not tell: `array` reads it first
                return None
            if out is None:
                y = fresh(shape, dtype)
            elif _fits(out, x, prepared, dtype):
                y = out
            else:
                return None
            b = _address(y)
            if run(job, a, 0, b if values else 0, 0 if values else b):
                return None
            return y if back is None or out is not None else y.transpose(back)

        fold.prepared = prepared  # type: ignore[attr-defined]  (keeps the tables alive)
        return fold


# An array's address, read from its object: the public ways take 2 µs, as long as a small fold.
_HEADER = object.__basicsize__


def _slow_address(x: Any) -> int:
    return x.__array_interface__["data"][0]


def _fast_address(x: Any) -> int:
    return ctypes.c_void_p.from_address(id(x) + _HEADER).value or 0


_PROBE = np.zeros(3)[1:]
_address = _fast_address if _fast_address(_PROBE) == _slow_address(_PROBE) else _slow_address


def _as_plane(weights: Any, plane: str) -> Any:
    """Weights in the type that the core multiplies by; a mask stays bytes."""
    return weights if weights.dtype.name in ("bool", plane) else weights.astype(plane)


def _fits(out: Any, x: Any, prepared: Any, dtype: Any) -> bool:
    """Whether the core may write to `out` while it reads x."""
    if not isinstance(out, np.ndarray) or out.dtype != dtype or out.ndim != len(prepared.order):
        return False
    laid = out if prepared.back is None else out.transpose(prepared.order)
    flags = laid.flags
    fits = laid.shape == prepared.shape and flags.c_contiguous and flags.writeable and flags.aligned
    return fits and not np.may_share_memory(out, x)


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
