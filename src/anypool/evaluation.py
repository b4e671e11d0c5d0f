"""The evaluation of one call: a cached call is replayed; another is validated, planned and run."""

from __future__ import annotations

from collections.abc import Iterable
from types import NoneType
from typing import Any

import numpy as np

from . import log_weights as logs
from .arguments import library_of, plan_of, reductions_of, request
from .engines import execute
from .engines import min_count as counted
from .engines.folds.native import InvalidWeight
from .errors import PoolingError
from .flattening import flat_windows, flattened, in_order
from .order_statistics import Order
from .reductions import Fold
from .validation import check_mask, check_min_count, check_result, gone_axes
from .windows import Flat, flag


def evaluate(
    x: Any,
    windows: Any,
    reduction: Any = "mean",
    *,
    axes: int | Iterable[int] | None = None,
    weights: Any = None,
    log_weights: Any = None,
    nan: str = "propagate",
    ties: str = "first",
    empty: float | None = None,
    out: Any = None,
    backend: str | None = None,
    min_count: int | None = None,
    keepdims: bool = True,
    library: Any = None,
) -> Any:
    """The result of `pool`. `library` is the result of `library_of(x)`, if the caller has it."""
    library = library_of(x) if library is None else library
    if getattr(windows, "flat", None) is not None:
        flat = flat_windows(windows, np.shape(x), axes)
        if flat is not None:
            options = {"axes": axes, "nan": nan, "ties": ties, "empty": empty, "backend": backend}
            options |= {"min_count": min_count, "keepdims": keepdims, "weights": weights, "log_weights": log_weights}
            return _on_flat_axis(library, x, windows, reduction, flat, out, options)
    if min_count is not None or keepdims is not True:
        options = {"axes": axes, "nan": nan, "ties": ties, "empty": empty, "backend": backend}
        options |= {"weights": weights, "log_weights": log_weights}
        return _reduced(x, windows, reduction, out, min_count, keepdims, options)
    if log_weights is not None:
        options = {"axes": axes, "nan": nan, "ties": ties, "empty": empty, "backend": backend}
        return _log_weighted(library, x, windows, reduction, weights, log_weights, out, options)
    key = None
    if _is_hashable(reduction, axes, empty) and not getattr(windows, "learns", False):
        key = library.key(x, (windows, reduction, axes, nan, ties, empty, backend), weights)
        try:
            ready = library.READY.get(key)
        except TypeError:  # windows that are not hashable are planned for each call
            key = ready = None
        if ready is not None and (y := _replay(library, ready, x, weights, out)) is not None:
            return y
    options = {"axes": axes, "nan": nan, "ties": ties, "empty": empty, "backend": backend}
    if getattr(windows, "keepdims", True) is False:
        return _reduced(x, windows, reduction, out, None, False, {**options, "weights": weights})
    argument, x = x, library.array(x)
    instead = library.instead(x)
    if instead is not None:
        return instead(evaluate, x, windows, reduction, weights, out, options)
    try:
        checked = request(library, x, windows, reduction, weights, options, reads=False)
        check_result(checked.grid, out)
        results = execute.run(
            library,
            x,
            checked.grid,
            checked.reductions,
            checked.weights,
            omit_nan=checked.omit_nan,
            empty=checked.empty,
            out=out,
            backend=backend,
            cache_key=key if not checked.warned and x is argument and checked.weights is weights else None,
            unchecked=True,
        )
        results = results if out is not None else library.apart(results, x)
    except MemoryError as error:
        raise _does_not_fit(x, error) from error
    except InvalidWeight as error:
        raise _invalid(library, x, windows, reduction, weights, options) from error
    except PoolingError:
        library.READY.pop(key, None)
        raise
    return results[0] if checked.single else results


def _on_flat_axis(
    library: Any, x: Any, windows: Any, reduction: Any, flat: Flat, out: Any, options: dict[str, Any]
) -> Any:
    """A call whose pooled axes are flattened to one."""
    x = library.array(x)
    instead = library.instead(x)
    if instead is not None:
        weights, a = options.pop("weights"), options.pop("log_weights")
        options |= {"log_weights": None if a is None else logs.as_numbers(a)}
        return instead(evaluate, x, windows, reduction, weights, out, options)
    reductions, single = reductions_of(reduction, options["ties"], library.dtype_name(x))
    x, options = flattened(library, x, flat, options)
    if flat.order is None:
        return evaluate(x, flat.windows, reduction, out=out, library=library, **options)
    y = evaluate(x, flat.windows, reduction, library=library, **options)
    pairs = zip(reductions, (y,) if single else y, strict=True)
    results = tuple(in_order(library.array(v), flat, r) for r, v in pairs)
    results = library.apart(results, x) if out is None else library.into(out, results)
    return results[0] if single else results


def _does_not_fit(x: Any, error: MemoryError) -> PoolingError:
    return PoolingError(f"pooling x of shape {tuple(x.shape)} does not fit in memory ({error}); pool in parts")


def _invalid(library: Any, x: Any, windows: Any, reduction: Any, weights: Any, options: Any) -> PoolingError:
    """The error for weights of which the core read an invalid one."""
    try:
        request(library, x, windows, reduction, weights, options)
    except PoolingError as error:
        return error
    return PoolingError("weights changed while they were read: give weights that no other thread writes to")


def _log_weighted(
    library: Any, x: Any, windows: Any, reduction: Any, weights: Any, log_weights: Any, out: Any, options: Any
) -> Any:
    """A call with `log_weights`: calls with the weights that they stand for."""
    if getattr(windows, "keepdims", True) is False:
        options |= {"weights": weights, "log_weights": log_weights}
        return _reduced(x, windows, reduction, out, None, False, options)
    x = library.array(x)
    instead = library.instead(x)
    if instead is not None:
        options |= {"log_weights": logs.as_numbers(log_weights)}
        return instead(evaluate, x, windows, reduction, weights, out, options)
    options |= {"weights": weights, "log_weights": log_weights}
    try:
        return logs.pooled(evaluate, library, x, windows, reduction, out, options)
    except MemoryError as error:
        raise _does_not_fit(x, error) from error


def _replay(library: Any, ready: Any, x: Any, weights: Any, out: Any) -> Any:
    """The result of a cached call; None if these arrays need a new plan."""
    bound, reduction, fresh = ready
    if weights is not None:
        if library.as_weights(weights, x) is not weights:
            return None
        if not getattr(bound, "checks_weights", False):
            library.check_weights(weights, reduction)
        check_mask(weights, reduction)
    if not fresh and library.array(x) is not x:  # the array must be copied, so that the key does not describe it
        return None
    try:
        y = bound(x, weights, out)
    except InvalidWeight:  # the whole call says which
        return None
    if y is None or y is out:
        return y
    if out is not None:
        return library.into(out, (y,))[0]
    return y if fresh else library.apart((y,), x)[0]


def _reduced(x: Any, windows: Any, reduction: Any, out: Any, least: Any, keepdims: Any, options: Any) -> Any:
    """A call with `min_count` or `keepdims`: the call without them, whose results are then
    changed."""
    library = library_of(x)
    x = library.array(x)
    instead = library.instead(x)
    if instead is not None:
        weights, a = options.pop("weights"), options.pop("log_weights")
        options |= {"log_weights": None if a is None else logs.as_numbers(a)}
        options |= {"min_count": least, "keepdims": keepdims}
        return instead(evaluate, x, windows, reduction, weights, out, options)
    if getattr(windows, "keepdims", True) is False:
        windows, keepdims = windows.replace(keepdims=True), flag(keepdims, "keepdims") and False
    grid = plan_of(windows, tuple(x.shape), options["axes"])
    least, removed = check_min_count(least), () if flag(keepdims, "keepdims") else gone_axes(grid)
    y = evaluate(x, windows, reduction, **options)
    reductions, single = reductions_of(reduction, options["ties"], library.dtype_name(x))
    results = [y] if single else list(y)
    omit = options["nan"] == "omit"
    mask = logs.present(library, x, options["weights"], options["log_weights"]) if least else None
    lacks = counted.too_few_elements(library, x, grid, mask, omit, least) if least else None
    if lacks is not None or removed:
        results = [library.array(y) for y in results]
    if lacks is not None:
        pairs = zip(results, reductions, strict=True)
        results = [counted.set_empty(y, lacks, r, options["empty"], least) for y, r in pairs]
    if removed:
        results = [counted.drop_axes(y, removed, r) for y, r in zip(results, reductions, strict=True)]
    results = library.apart(tuple(results), x) if out is None else library.into(out, tuple(results))
    return results[0] if single else results


def _is_hashable(reduction: Any, axes: Any, empty: Any) -> bool:
    """Whether the arguments can be compared by value, as parts of a key of the call cache."""
    ints = axes is None or type(axes) is int or (type(axes) is tuple and all(type(a) is int for a in axes))
    if not ints or not (empty is None or type(empty) in (float, int)):
        return False
    return type(reduction) is str or (
        isinstance(reduction, (Fold, Order))
        and all(type(v) in (int, float, str, bool, tuple, NoneType) for v in reduction.parameters.values())
    )
