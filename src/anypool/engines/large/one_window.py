"""One large window of a NumPy array at a time: its elements as a view, or in blocks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ...plan import Grid

BLOCK = 1 << 20  # elements of a block


def each(grid: Grid) -> Iterator[tuple[int, ...]]:
    """The index of each result."""
    return np.ndindex(*grid.out_shape)


def view(x: Any, grid: Grid, at: tuple[int, ...], fill: Any = None) -> Any:
    """The elements of the window of one result, with one axis for each pooled axis; a copy only if
    there is a border."""
    pooled = dict(zip(grid.pooled_dims, grid.axes, strict=True))
    parts: list[int | slice] = []
    for a, i in enumerate(at):
        axis = pooled.get(a)
        if axis is None:
            parts.append(i)
        else:
            parts.append(slice(None) if axis.source is not None else _run(axis, i))
    window = x[tuple(parts)]
    for k, (a, axis) in enumerate(zip(grid.pooled_dims, grid.axes, strict=True)):
        if axis.source is None:
            continue
        source = axis.source[_run(axis, at[a])]
        window = window[(slice(None),) * k + (np.maximum(source, 0),)]
        if fill is not None:
            window[(slice(None),) * k + (source < 0,)] = fill
    return window


def blocks(window: Any) -> Iterator[tuple[int, Any]]:
    """Blocks of a window in order: the number of elements before each block, and its elements in a
    row."""
    if window.size <= BLOCK or window.ndim == 0:
        yield 0, window.reshape(-1)
        return
    inner = window.size // len(window)
    if inner > BLOCK:
        for i, part in enumerate(window):
            for before, block in blocks(part):
                yield i * inner + before, block
        return
    step = max(BLOCK // inner, 1)
    for i in range(0, len(window), step):
        yield i * inner, window[i : i + step].reshape(-1)


def _run(axis: Any, i: int) -> slice:
    first, length = int(axis.first[i]), int(axis.length[i])
    return slice(first, first + (length - 1) * axis.step + 1 if length else first, axis.step)
