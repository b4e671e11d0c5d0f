"""spread(): the adjoint of pooling, and the other ways to give the values of windows to their
elements."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..arguments import library_of, plan_of
from ..arrays.ops import among, did_you_mean
from ..constants import constant
from ..errors import PoolingError
from ..validation import check_weights
from ..windows import normal_axes
from . import joined, places, traced
from .holders import shape_of_x
from .relayout import joined_bins

RULES = ("sum", "mean", "average", "max", "min", "last")


def spread(
    y: Any,
    windows: Any,
    shape: int | Iterable[int],
    reduction: str = "sum",
    *,
    axes: int | Iterable[int] | None = None,
    weights: Any = None,
    at: Any = None,
    empty: float = 0,
) -> Any:
    """Give the value of each window to the elements that the window holds: the adjoint of pooling.

    y: an array in the shape of the result of `pool`.
    windows, axes: as in that call, any kind.
    shape: the shape of the result, or the lengths of its pooled axes in the order of `axes`.
    reduction: how values meet at an element. "sum": the adjoint of the sum, which adds the values
    of all windows that hold the element. "mean": the adjoint of the mean, which first divides the
    value of each window by its divisor. "average": the mean of the values of the windows that hold
    the element, by the windows' own weights if they have any. "max", "min": one of the values.
    "last": the value of the last window in row-major order.
    weights: as in the pooling whose adjoint it is, broadcastable to the result: w·Pᵀy of a sum,
    w·Pᵀ(y / Σw) of a mean; they cancel in an average. An element of weight 0 is in no window.
    at: integers in y's shape, the flat position in the pooled axes that each value goes to, as
    `pool(x, windows, "argmax")` and torch's indices give it; −1 is none. `reduction` joins values
    that meet; windows then only give the shape.
    empty: the value of elements in no window, or without a value.
    The result has y's library and element type; integers as in `pool` with the same reduction.
    Each element gathers from its windows in a fixed order, so that the result does not depend on
    the number of threads. The gradient of a sum or mean is the pooling. Raises PoolingError.

    >>> import numpy as np, anypool as ap
    >>> spread(np.array([[4.0, 8.0]]), ap.sliding((2, 2)), shape=(2, 4), reduction="mean")
    array([[1., 1., 2., 2.],
           [1., 1., 2., 2.]])
    >>> spread(np.array([1.0, 2.0, 5.0]), ap.sliding((2,), 1), shape=4, reduction="max")
    array([1., 2., 5., 5.])
    >>> spread(np.array([7.0, 9.0]), ap.sliding((2,)), shape=4, at=np.array([1, 2]))
    array([0., 7., 9., 0.])
    """
    if not among(reduction, RULES):
        hint = did_you_mean(str(reduction), RULES)
        raise PoolingError(f"spread(reduction={reduction!r}): use one of {', '.join(map(repr, RULES))}{hint}")
    empty = constant(empty, "empty")
    library = library_of(y)
    if library.compiling(None):
        if at is not None:
            raise PoolingError("spread(at=) while torch.compile traces: use anypool.nn.functional.max_unpool2d")
        return traced.spread(y, windows, shape, reduction, axes, weights, empty)
    argument, y = y, library.array(y)
    if library.instead(y) is not None and library.NAME == "torch":
        raise PoolingError(f"spread of {y.dtype}: use y.to(torch.int64), or a type of floats")
    sizes = shape_of_x(windows, shape, axes, tuple(y.shape))
    named = normal_axes(axes, len(sizes))
    plan = plan_of(windows, sizes, named)
    if at is not None:
        if weights is not None:
            raise PoolingError("spread(at=, weights=): at= states where each value goes; multiply y by its weights")
        result = places.scattered(y, plan, at, reduction, empty)
    else:
        w = None if weights is None else _weights(library, weights, y, sizes)
        result = joined.spread(y, joined.Target(windows, sizes, named, plan), reduction, w, empty)
    split = getattr(plan, "split", None)
    result = result if split is None else joined_bins(result, split)
    return library.apart((result,), argument if library.NAME in ("numpy", "torch") else y)[0]


def _weights(library: Any, weights: Any, y: Any, sizes: tuple[int, ...]) -> Any:
    """Weights as numbers or a mask in y's library, with as many axes as the result."""
    w = library.as_weights(weights, y)
    check_weights(w, sizes)
    library.check_weights(w, "sum")
    return w.reshape((1,) * (len(sizes) - w.ndim) + tuple(w.shape))
