"""Pooling of a large array in chunks along an axis that no window spans, with a progress bar."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..api import pool
from ..arguments import plan_of
from ..order_statistics import Order
from ..reductions import reduction_of

LARGE = 2**26  # bytes of input; smaller arrays need no progress bar
CHUNK = 2**24  # bytes of input in one chunk


def pool_in_chunks(
    x: Any, windows: Any, reduction: Any, axes: tuple[int, ...] | None = None, weights: Any = None, **options: Any
) -> Any:
    """`pool` of a NumPy array; a large array is pooled in chunks, with a progress bar.

    >>> import numpy as np, anypool as ap
    >>> pool_in_chunks(np.arange(8.0).reshape(2, 4), ap.sliding((2,)), "max")
    array([[1., 3.],
           [5., 7.]])
    """
    grid = plan_of(windows, tuple(x.shape), axes)
    free = next((a for a in range(x.ndim) if a not in grid.pooled_dims and x.shape[a] > 1), None)
    order = reduction_of(reduction)
    has_answers = isinstance(order, Order) and order.answers() is not None
    keeps_axes = len(grid.out_shape) == x.ndim and not has_answers  # other results have other axes
    if free is None or not keeps_axes or x.nbytes < LARGE or not all(grid.out_shape):
        return pool(x, windows, reduction, axes=axes, weights=weights, **options)
    if weights is not None:
        weights = np.broadcast_to(weights, x.shape)
    lines = max(1, x.shape[free] * CHUNK // x.nbytes)
    y: Any = None
    with _bar() as bar:
        for begin in bar.track(range(0, x.shape[free], lines), description="pooling"):
            at = (slice(None),) * free + (slice(begin, begin + lines),)
            w = None if weights is None else weights[at]
            part = pool(x[at], windows, reduction, axes=axes, weights=w, **options)
            if y is None:
                y = np.empty(grid.out_shape, part.dtype)
            y[at] = part
    return y


def _bar() -> Any:
    """A progress bar on the error stream, if that is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn()
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
