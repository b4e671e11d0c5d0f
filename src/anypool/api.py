"""pool() and explain(): WHERE × WHAT × HOW MUCH, in one screen."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from .arrays import counted, lists, union
from .arrays import numpy as numpy_arrays
from .backends import orders_cpu
from .checks import (
    channels_last,
    check,
    check_border,
    check_empty,
    check_min_count,
    check_orders,
    check_parameters,
    check_result,
    check_weights,
    fitted_order,
    gone_axes,
    size_of,
)
from .choose import check_backend, refusals
from .errors import PoolingError
from .orders import Order
from .plan import Grid, Job, Lists, Union
from .reductions import reduction_of
from .windows import flag, normal_axes


def pool(
    x: Any,
    windows: Any,
    reduction: Any = "mean",
    *,
    axes: int | Iterable[int] | None = None,
    weights: Any = None,
    nan: str = "propagate",
    ties: str = "first",
    empty: float | None = None,
    out: Any = None,
    backend: str | None = None,
    min_count: int | None = None,
    keepdims: bool = True,
) -> Any:
    """Reduce what each window of x holds; the result is in x's array library, on its device.

    x: an array of NumPy or torch, a buffer or rows of numbers. windows: `sliding(…)`, `adaptive(…)`, `whole()` …
    reduction: a name, an object such as `Lp(3)`, a class with the same functions, or a tuple of them (several results).
    axes: which axes are pooled, in the order of the windows' entries. weights: how much each element counts,
    broadcastable to x; bool is a mask. nan: "propagate" or "omit". ties: "first", "last" or "split" (who gets the
    gradient). empty: the value of a window that holds nothing, which the result's type must hold. out: an array to
    write to. backend: None, "cpu" or "reference". min_count: a window that holds fewer elements that are there (in x, of a
    weight other than 0, no NaN where those are omitted) counts as empty. keepdims: False leaves out the pooled axes, on
    each of which one window must lie. Raises PoolingError.

    >>> import numpy as np, anypool as ap
    >>> pool(np.array([[1.0, 5.0, 2.0, 4.0]]), ap.sliding((2,)), "max")
    array([[5., 4.]])
    """
    library = library_of(x)
    if library.compiling(out):
        how = {"axes": axes, "nan": nan, "ties": ties, "empty": empty, "backend": backend}
        return library.traced(x, windows, reduction, weights, {**how, "min_count": min_count, "keepdims": keepdims})
    if min_count is not None or keepdims is not True:
        options = {"axes": axes, "weights": weights, "nan": nan, "ties": ties, "empty": empty, "backend": backend}
        return _reduced(x, windows, reduction, out, min_count, keepdims, options)
    key = None
    if weights is None and _plain(reduction, axes, empty):
        key = library.key(x, (windows, reduction, axes, nan, ties, empty, backend))
        try:
            ready = library.READY.get(key)
        except TypeError:  # windows that cannot be compared are planned each time
            key = ready = None
        if ready is not None and (y := ready(x, out)) is not None:
            return y
    options = {"axes": axes, "nan": nan, "ties": ties, "empty": empty, "backend": backend}
    if getattr(windows, "keepdims", True) is False:
        return _reduced(x, windows, reduction, out, None, False, {**options, "weights": weights})
    x = library.array(x)
    instead = library.instead(x)
    if instead is not None:
        return instead(pool, x, windows, reduction, weights, out, options)
    try:
        grid = plan_of(windows, tuple(x.shape), axes)
        dtype = library.dtype_name(x)
        if channels_last(x, dtype, grid, axes):
            key = None  # a call that warns is not remembered
        reductions, single = _reductions(reduction, ties, dtype)
        check(dtype, reductions, nan)
        check_border(grid, dtype)
        check_orders(grid, reductions)
        check_parameters(grid, reductions, x)
        if weights is not None:
            weights = library.as_weights(weights, x)
            check_weights(weights, tuple(x.shape))
            for r in reductions:
                library.check_weights(weights, r)
        check_backend(backend)
        check_result(grid, out)
        empty = check_empty(empty, dtype, reductions, library.wide(dtype), grid, weights)
        run: Any = library.run
        if isinstance(grid, Union):
            run = partial(union.run, library)
        elif isinstance(grid, Lists) or grid.weighted:
            run = lists.run
        results = run(
            x,
            grid,
            reductions,
            weights,
            omit_nan=nan == "omit",
            empty=empty,
            out=out,
            backend=backend,
            remember=key,
        )
        results = results if out is not None else library.apart(results, x)
    except MemoryError as error:
        raise PoolingError(
            f"pooling x of shape {tuple(x.shape)} does not fit in memory ({error}); pool in parts"
        ) from error
    except PoolingError:
        library.READY.pop(key, None)
        raise
    return results[0] if single else results


def _reduced(x: Any, windows: Any, reduction: Any, out: Any, least: Any, keepdims: Any, options: Any) -> Any:
    """A call with `min_count` or without `keepdims`: the call without them, and what they change in its results."""
    library = library_of(x)
    x = library.array(x)
    instead = library.instead(x)
    if instead is not None:
        weights = options.pop("weights")
        options |= {"min_count": least, "keepdims": keepdims}
        return instead(pool, x, windows, reduction, weights, out, options)
    if getattr(windows, "keepdims", True) is False:
        windows, keepdims = windows.but(keepdims=True), flag(keepdims, "keepdims") and False
    grid = plan_of(windows, tuple(x.shape), options["axes"])
    least, gone = check_min_count(least), () if flag(keepdims, "keepdims") else gone_axes(grid)
    made = pool(x, windows, reduction, **options)
    reductions, single = _reductions(reduction, options["ties"], library.dtype_name(x))
    results = [made] if single else list(made)
    omit = options["nan"] == "omit"
    lacks = counted.few(library, x, grid, options["weights"], omit, least) if least else None
    if lacks is not None:
        pairs = zip(results, reductions, strict=True)
        results = [counted.emptied(y, lacks, r, options["empty"], least) for y, r in pairs]
    if gone:
        results = [counted.without(y, gone, r) for y, r in zip(results, reductions, strict=True)]
    results = library.apart(tuple(results), x) if out is None else library.into(out, tuple(results))
    return results[0] if single else results


@dataclass(frozen=True)
class Explanation:
    """What a call would do: shapes, plan, backend, refusals, bytes and operations."""

    shape: tuple[int, ...]
    out_shape: tuple[int, ...]
    dtype: str
    reduction: str
    windows: str
    backend: str
    refusals: dict[str, str | None]
    bytes_read: int
    bytes_written: int
    operations: int
    engine: str = ""  # how a backend with several ways does it

    def __str__(self) -> str:
        lines = [
            f"{self.reduction} of {self.windows}",
            f"  {self.dtype} {self.shape} -> {self.out_shape}",
            f"  backend    {self.backend}{f': {self.engine}' if self.engine else ''}",
        ]
        lines += [f"  refused by {sentence}" for sentence in self.refusals.values() if sentence]
        lines += [
            f"  memory     reads {self.bytes_read:,} bytes, writes {self.bytes_written:,}",
            f"  work       {self.operations:,} elements seen by windows",
        ]
        return "\n".join(lines)

    __repr__ = __str__


def explain(
    x: Any,
    windows: Any,
    reduction: Any = "mean",
    *,
    axes: int | Iterable[int] | None = None,
    weights: Any = None,
    nan: str = "propagate",
    ties: str = "first",
    empty: float | None = None,
    out: Any = None,
    backend: str | None = None,
    min_count: int | None = None,
    keepdims: bool = True,
) -> Explanation:
    """What `pool` would do with these arguments; nothing is computed.

    >>> import numpy as np, anypool as ap
    >>> explain(np.ones((4, 4)), ap.sliding((2, 2)), "max").out_shape
    (2, 2)
    """
    del out
    library = library_of(x)
    x = library.array(x)
    grid = plan_of(windows, tuple(x.shape), axes)
    dtype = library.dtype_name(x)
    channels_last(x, dtype, grid, axes)
    reductions, _ = _reductions(reduction, ties, dtype)
    check(dtype, reductions, nan)
    check_border(grid, dtype)
    check_min_count(min_count)
    kept = flag(keepdims, "keepdims") and getattr(windows, "keepdims", True)
    gone = () if kept else gone_axes(grid)
    empty = check_empty(empty, dtype, reductions, library.wide(dtype), grid, weights)
    check_orders(grid, reductions)
    if weights is not None:
        weights = library.as_weights(weights, x)
        check_weights(weights, tuple(x.shape))
    w = None if weights is None else (tuple(weights.shape), library.dtype_name(weights))
    name, device = library.__name__.rpartition(".")[2], str(getattr(x, "device", "cpu"))
    jobs = [
        Job(lists.plan_for(g, reductions[0], w), reductions[0], dtype, name, device, w, nan == "omit", empty)
        for g in grid.grids
    ]
    each = [refusals(job) for job in jobs]
    said = {k: next((s[k] for s in each if s[k]), None) for k in each[0]}
    composed = [lists.engine(job, backend) if s["cpu"] else "" for job, s in zip(jobs, each, strict=True)]
    names = [
        "cpu" if way else next(k for k, v in s.items() if v is None) for way, s in zip(composed, each, strict=True)
    ]
    chosen = backend or ", ".join(dict.fromkeys(names))
    item = 2 if dtype in ("float16", "bfloat16") else np.dtype(dtype).itemsize
    return Explanation(
        tuple(x.shape),
        _answers_shape(tuple(n for a, n in enumerate(grid.out_shape) if a not in gone), reductions[0]),
        dtype,
        ", ".join(repr(r) for r in reductions),
        repr(windows),
        chosen,
        said,
        size_of(x.shape) * item * len(grid.grids),
        size_of(grid.out_shape) * item * len(reductions),
        grid.seen * len(reductions),
        orders_cpu.engine(jobs[0])
        if chosen == "cpu" and isinstance(jobs[0].grid, Grid) and isinstance(reductions[0], Order)
        else composed[0],
    )


def _answers_shape(shape: tuple[int, ...], reduction: Any) -> tuple[int, ...]:
    many = reduction.answers() if isinstance(reduction, Order) else None
    return shape if many is None else (many[0], *shape) if many[1] == 0 else (*shape, many[0])


def _plain(reduction: Any, axes: Any, empty: Any) -> bool:
    """Whether the arguments can be told from others by comparing them."""
    ints = axes is None or type(axes) is int or (type(axes) is tuple and all(type(a) is int for a in axes))
    return ints and type(reduction) is str and (empty is None or type(empty) is float)


def library_of(x: Any) -> Any:
    """The module of `arrays` that serves x; torch's is loaded only if the caller imported torch."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(x, torch.Tensor):
        from .arrays import torch as torch_arrays

        return torch_arrays
    return numpy_arrays


def plan_of(windows: Any, shape: tuple[int, ...], axes: int | Iterable[int] | None) -> Any:
    """The Grid of a window kind for this shape, its Lists, or its Union of several Grids."""
    if not callable(getattr(windows, "plan", None)):
        raise PoolingError(
            f"windows={windows!r}: use sliding(…), adaptive(…), whole(), segments(…), groups(…) or boxes(…); for an int k, sliding((k, k))"
        )
    return windows.plan(shape, normal_axes(axes, len(shape)))


def _reductions(given: Any, ties: str, dtype: str) -> tuple[tuple[Any, ...], bool]:
    """The reductions of x's element type, and whether one was given alone."""
    if isinstance(given, (tuple, list)):
        if not given:
            raise PoolingError("reduction=(): give at least one")
        return tuple(fitted_order(reduction_of(r, ties), dtype) for r in given), False
    return (fitted_order(reduction_of(given, ties), dtype),), True
