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
    nan: str = "propagate",
    ties: str = "first",
    empty: float | None = None,
    out: Any = None,
    backend: str | None = None,
    min_count: int | None = None,
    keepdims: bool = True,
) -> Any:
    """Reduce what each window of x holds; the result is in x's array library, on its device.

    x: an array of NumPy, torch or the Array API standard, a buffer or rows of numbers.
    windows: `sliding(…)`, `adaptive(…)`, `whole()` …
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
        from .torch.operators.compile import traced  # torch is optional, and the operators load much of it

        how = {"axes": axes, "nan": nan, "ties": ties, "empty": empty, "backend": backend}
        return traced(x, windows, reduction, weights, {**how, "min_count": min_count, "keepdims": keepdims})
    return evaluate(
        x,
        windows,
        reduction,
        axes=axes,
        weights=weights,
        nan=nan,
        ties=ties,
        empty=empty,
        out=out,
        backend=backend,
        min_count=min_count,
        keepdims=keepdims,
        library=library,
    )
