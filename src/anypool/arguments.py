"""The arguments of a call, validated: the library of x, the plan of its windows, its reductions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .arrays.adapter import Adapter, adapter_of
from .engines import check_backend, numpy_calls
from .engines.library_calls import LibraryCalls
from .errors import PoolingError
from .reductions import reduction_of
from .validation import (
    channels_last,
    check,
    check_border,
    check_empty,
    check_masks,
    check_orders,
    check_parameters,
    check_weights,
    fitted_order,
)
from .windows import normal_axes

_CALLS: dict[Adapter, Any] = {adapter_of(): numpy_calls}


def library_of(x: Any) -> Any:
    """The module or object that binds plans to arrays like x. That of torch is imported only for
    tensors."""
    if type(x) is np.ndarray:
        return numpy_calls
    adapter = adapter_of(x)
    return _CALLS.get(adapter) or _calls_of(adapter)


def _calls_of(adapter: Adapter) -> Any:
    if adapter.NAME == "torch":
        from .torch import calls  # torch is optional
    else:
        calls = LibraryCalls(adapter)
    _CALLS[adapter] = calls
    return calls


def plan_of(windows: Any, shape: tuple[int, ...], axes: int | Iterable[int] | None) -> Any:
    """The plan of a window kind for this shape: a Grid, IndexedWindows or a GridConcat."""
    if not callable(getattr(windows, "plan", None)):
        raise PoolingError(
            f"windows={windows!r}: use sliding(…), adaptive(…), whole(), segments(…), groups(…) or boxes(…); for an int k, sliding((k, k))"
        )
    return windows.plan(shape, normal_axes(axes, len(shape)))


def reductions_of(reduction: Any, ties: str, dtype: str) -> tuple[tuple[Any, ...], bool]:
    """The reductions for x's element type, and whether the argument was a single reduction."""
    if isinstance(reduction, (tuple, list)):
        if not reduction:
            raise PoolingError("reduction=(): give at least one")
        return tuple(fitted_order(reduction_of(r, ties), dtype) for r in reduction), False
    return (fitted_order(reduction_of(reduction, ties), dtype),), True


@dataclass(frozen=True)
class Request:
    """The validated arguments of one call: `pool` runs them, `explain` describes them."""

    x: Any
    grid: Any
    reductions: tuple[Any, ...]
    single: bool  # the argument was a reduction, not a tuple
    weights: Any
    omit_nan: bool
    empty: Any
    warned: bool  # the call emits a warning, so it is not cached


def request(
    library: Any, x: Any, windows: Any, reduction: Any, weights: Any, options: dict[str, Any], reads: bool = True
) -> Request:
    """The validated arguments of one call. x is the result of `library.array`.

    Raises PoolingError for invalid ones. reads: whether the values of weights are checked.
    """
    nan, ties, empty = options["nan"], options["ties"], options["empty"]
    shape, dtype = tuple(x.shape), library.dtype_name(x)
    grid = plan_of(windows, shape, options["axes"])
    warned = channels_last(x, dtype, grid, options["axes"])
    reductions, single = reductions_of(reduction, ties, dtype)
    check(dtype, reductions, nan)
    check_border(grid, dtype)
    check_orders(grid, reductions)
    check_parameters(grid, reductions, x)
    if weights is not None:
        weights = library.as_weights(weights, x)
        check_weights(weights, shape)
        for r in reductions if reads else ():
            library.check_weights(weights, r)
    check_masks(grid, reductions, weights)
    check_backend(options["backend"])
    empty = check_empty(empty, dtype, reductions, library.wide(dtype), grid, weights)
    return Request(x, grid, reductions, single, weights, nan == "omit", empty, bool(warned))
