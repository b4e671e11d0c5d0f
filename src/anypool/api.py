"""pool(): WHERE × WHAT × HOW MUCH."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .arguments import library_of
from .evaluation import evaluate


def pool(
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
) -> Any:
    """Reduce the elements of each window of x; the result is an array of the same library and
    device.

    x: an array of NumPy, torch or the Array API standard, a buffer or nested lists of numbers.
    windows: `sliding(…)`, `adaptive(…)`, `whole()` …
    reduction: a name, an object such as `Lp(3)`, a class of your own, or a tuple of these, which
    gives a tuple of results.
    axes: the pooled axes, in the order of the windows' entries.
    weights: the weight of each element, broadcastable to x; bool is a mask.
    log_weights: the logarithm a of the weight e^a, broadcastable to x; −∞ makes the element absent.
    Exact for logits of any size, relative to the greatest a of each window; `weights` multiply it.
    nan: "propagate" or "omit". ties: "first", "last" or "split", for gradients.
    empty: the value of an empty window, representable in the result's element type.
    out: an array for the result. backend: None, "cpu" or "reference".
    min_count: a window with fewer present elements counts as empty. An element is present if its
    weight is not 0 and it is not an omitted NaN.
    keepdims: False removes the pooled axes, each of which must have one window.
    Raises PoolingError.

    >>> import numpy as np, anypool as ap
    >>> pool(np.array([[1.0, 5.0, 2.0, 4.0]]), ap.sliding((2,)), "max")
    array([[5., 4.]])
    """
    library = library_of(x)
    if getattr(x, "is_nested", False) is True:  # a tracer answers with a tracer
        keepdims = True  # the axis of sequences is no pooled axis
        x, windows, axes, weights, log_weights = library.as_segments(x, windows, axes, weights, log_weights)
    if library.compiling(out):
        from .torch.operators.compile import traced  # torch is optional, and this imports much of it

        how = {"axes": axes, "nan": nan, "ties": ties, "empty": empty, "backend": backend}
        how |= {"min_count": min_count, "keepdims": keepdims, "log_weights": log_weights}
        return traced(x, windows, reduction, weights, how)
    return evaluate(
        x,
        windows,
        reduction,
        axes=axes,
        weights=weights,
        log_weights=log_weights,
        nan=nan,
        ties=ties,
        empty=empty,
        out=out,
        backend=backend,
        min_count=min_count,
        keepdims=keepdims,
        library=library,
    )
