"""A call without the tools that record it: cached if it was made before, else checked, planned and run."""

from __future__ import annotations

from collections.abc import Iterable
from types import NoneType
from typing import Any

from .arguments import library_of, plan_of, reductions_of, request
from .engines import execute
from .engines import min_count as counted
from .errors import PoolingError
from .order_statistics import Order
from .reductions import Fold
from .validation import check_min_count, check_result, gone_axes
from .windows import flag


def evaluate(
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
    library: Any = None,
) -> Any:
    """What `pool` returns; `library` is what `library_of(x)` returned, where the caller knows it."""
    library = library_of(x) if library is None else library
    if min_count is not None or keepdims is not True:
        options = {"axes": axes, "weights": weights, "nan": nan, "ties": ties, "empty": empty, "backend": backend}
        return _reduced(x, windows, reduction, out, min_count, keepdims, options)
    key = None
    if _plain(reduction, axes, empty):
        key = library.key(x, (windows, reduction, axes, nan, ties, empty, backend), weights)
        try:
            ready = library.READY.get(key)
        except TypeError:  # windows that cannot be compared are planned each time
            key = ready = None
        if ready is not None and (y := _again(library, ready, x, weights, out)) is not None:
            return y
    options = {"axes": axes, "nan": nan, "ties": ties, "empty": empty, "backend": backend}
    if getattr(windows, "keepdims", True) is False:
        return _reduced(x, windows, reduction, out, None, False, {**options, "weights": weights})
    given, x = x, library.array(x)
    instead = library.instead(x)
    if instead is not None:
        return instead(evaluate, x, windows, reduction, weights, out, options)
    try:
        asked = request(library, x, windows, reduction, weights, options)
        check_result(asked.grid, out)
        results = execute.run(
            library,
            x,
            asked.grid,
            asked.reductions,
            asked.weights,
            omit_nan=asked.omit_nan,
            empty=asked.empty,
            out=out,
            backend=backend,
            remember=key if not asked.warned and x is given and asked.weights is weights else None,
        )
        results = results if out is not None else library.apart(results, x)
    except MemoryError as error:
        raise PoolingError(
            f"pooling x of shape {tuple(x.shape)} does not fit in memory ({error}); pool in parts"
        ) from error
    except PoolingError:
        library.READY.pop(key, None)
        raise
    return results[0] if asked.single else results


def _again(library: Any, ready: Any, x: Any, weights: Any, out: Any) -> Any:
    """A call that was made before; None where these numbers need the decisions once more."""
    bound, reduction, fresh = ready
    if weights is not None:
        if library.as_weights(weights, x) is not weights:
            return None
        library.check_weights(weights, reduction)
    if not fresh and library.array(x) is not x:  # its memory is not what the key tells: a copy is read instead
        return None
    y = bound(x, weights, out)
    if y is None or y is out:
        return y
    if out is not None:
        return library.into(out, (y,))[0]
    return y if fresh else library.apart((y,), x)[0]


def _reduced(x: Any, windows: Any, reduction: Any, out: Any, least: Any, keepdims: Any, options: Any) -> Any:
    """A call with `min_count` or without `keepdims`: the call without them, and what they change in its results."""
    library = library_of(x)
    x = library.array(x)
    instead = library.instead(x)
    if instead is not None:
        weights = options.pop("weights")
        options |= {"min_count": least, "keepdims": keepdims}
        return instead(evaluate, x, windows, reduction, weights, out, options)
    if getattr(windows, "keepdims", True) is False:
        windows, keepdims = windows.replace(keepdims=True), flag(keepdims, "keepdims") and False
    grid = plan_of(windows, tuple(x.shape), options["axes"])
    least, gone = check_min_count(least), () if flag(keepdims, "keepdims") else gone_axes(grid)
    made = evaluate(x, windows, reduction, **options)
    reductions, single = reductions_of(reduction, options["ties"], library.dtype_name(x))
    results = [made] if single else list(made)
    omit = options["nan"] == "omit"
    lacks = counted.few(library, x, grid, options["weights"], omit, least) if least else None
    if lacks is not None or gone:
        results = [library.array(y) for y in results]
    if lacks is not None:
        pairs = zip(results, reductions, strict=True)
        results = [counted.emptied(y, lacks, r, options["empty"], least) for y, r in pairs]
    if gone:
        results = [counted.without(y, gone, r) for y, r in zip(results, reductions, strict=True)]
    results = library.apart(tuple(results), x) if out is None else library.into(out, tuple(results))
    return results[0] if single else results


def _plain(reduction: Any, axes: Any, empty: Any) -> bool:
    """Whether the arguments can be told from others by comparing them."""
    ints = axes is None or type(axes) is int or (type(axes) is tuple and all(type(a) is int for a in axes))
    if not ints or not (empty is None or type(empty) in (float, int)):
        return False
    return type(reduction) is str or (
        isinstance(reduction, (Fold, Order))
        and all(type(v) in (int, float, str, bool, tuple, NoneType) for v in reduction.parameters.values())
    )
