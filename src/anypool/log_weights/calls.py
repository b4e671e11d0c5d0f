"""The result of a call with `log_weights`, from its parts."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import inf
from typing import Any

from ..arguments import request
from ..arrays.adapter import adapter_of
from ..arrays.ops import zeros
from ..arrays.shape_ops import cast, dtype_name, filled, is_floating
from ..engines import per_window
from ..engines.folds.native import InvalidWeight
from ..errors import PoolingError
from ..validation import check_result
from .parts import GATHERED, LIFTED, LogWeighted, Part


def pooled(
    evaluate: Callable[..., Any],
    library: Any,
    x: Any,
    windows: Any,
    reduction: Any,
    out: Any,
    options: dict[str, Any],
    lifts: bool = True,
) -> Any:
    """The result of a call; `options` has the arguments of `evaluate` that `min_count` and
    `keepdims` do not change.

    lifts: whether the compiled core may compute the weights as it reads x.
    """
    options = dict(options)
    a, weights = options.pop("log_weights"), options.pop("weights")
    call = LogWeighted(library, x, windows, reduction, weights, a, options)
    parts = call.parts(lifts)
    results: list[Any] = [None] * len(call.reductions)
    for part in parts:
        of = part.reductions[0] if call.single else part.reductions
        if part.how == GATHERED:
            computed = _gathered(call, part, options)
        elif part.how == LIFTED:
            computed = _lifted(evaluate, call, part, out if len(parts) == 1 and call.single else None, options)
        else:
            direct = out if len(parts) == 1 and part.x is x else None
            y = evaluate(part.x, windows, of, weights=part.weights, out=direct, library=library, **options)
            if len(parts) == 1 and part.x is x and (out is None or direct is not None):
                return y
            computed = [library.array(v) for v in ((y,) if call.single else y)]
            if part.less is not None:
                how = {**options, "empty": part.level}
                below = evaluate(part.less, windows, part.reductions[0], weights=part.weights, library=library, **how)
                computed = [computed[0] - (library.array(below) - part.level)]
        for i, r, y in zip(part.indices, part.reductions, computed, strict=True):
            narrow = is_floating(x) and getattr(r, "gives", "value") == "value" and dtype_name(y) != call.dtype
            results[i] = cast(y, call.dtype) if narrow else y
    results = library.apart(tuple(results), x) if out is None else library.into(out, tuple(results))
    return results[0] if call.single else tuple(results)


def _lifted(
    evaluate: Callable[..., Any], call: LogWeighted, part: Part, out: Any, options: dict[str, Any]
) -> list[Any]:
    """The results of compiled folds that compute the weights as they read x; in other ways, those
    of numbers that they cannot represent."""
    library, x = call.library, call.x
    checked = _checked(call, part, options)
    results: list[Any] = []
    for i in part.indices:

        def by_parts(x: Any, a: Any, weights: Any, r: Any = call.reductions[i]) -> Any:
            how = {**options, "log_weights": a, "weights": weights}
            return pooled(evaluate, library, x, call.windows, r, None, how, False)

        reference = partial(by_parts, weights=None)
        job = call.job(part, i, checked.empty)
        try:
            y = library.log_weighted(x, job, part.log_weights, out, options["backend"], reference)
        except InvalidWeight:
            y = None
        results.append(by_parts(x, call.a, call.weights) if y is None else y)
    return results


def _checked(call: LogWeighted, part: Part, options: dict[str, Any]) -> Any:
    """The validated arguments of the call with real weights, for the element types of the
    results."""
    one = filled(zeros(call.a[(slice(0, 1),) * call.a.ndim]), 1)
    checked = request(call.library, call.x, call.windows, part.reductions, one, options)
    check_result(checked.grid, None)
    return checked


def _gathered(call: LogWeighted, part: Part, options: dict[str, Any]) -> list[Any]:
    """The results of gathered windows."""
    checked = _checked(call, part, options)
    how = {"omit_nan": call.omit, "empty": checked.empty, "backend": options["backend"]}
    return [
        per_window.pool(call.library, call.x, call.plan, r, part.weights, part.log_weights, how)
        for r in part.reductions
    ]


def present(library: Any, x: Any, weights: Any, log_weights: Any) -> Any:
    """A mask of the elements with a weight other than 0, or None: for `min_count`."""
    if log_weights is None:
        return weights
    there = library.as_weights(log_weights, x, "log_weights") > -inf
    return there if weights is None else there & (library.as_weights(weights, x) != 0)


def as_numbers(log_weights: Any) -> Any:
    """Log-weights as a NumPy array, for an x that NumPy pools instead of its own library."""
    if getattr(log_weights, "requires_grad", False):
        raise PoolingError("log_weights learn and x is an array of integers: pass x as floats, or log_weights.detach()")
    adapter = adapter_of(log_weights)
    return adapter.numbers(adapter.enter(log_weights, "log_weights"))
