"""Facts about windows for the pictures: elements, coverage, gradient shares, selected elements,
arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..api import pool
from ..lazy import there
from ..plan import Axis, Grid
from ..reductions import reduction_of

MOST = 24  # the most numbers in one line of arithmetic


@dataclass(frozen=True)
class Member:
    """One element of a window: its index in the array (None: the border's constant), value and
    weight.
    """

    at: tuple[int, ...] | None
    value: float
    tap: float


def positions(axis: Axis, window: int) -> list[int]:
    """The positions of one window along an axis; −1 is the constant beyond the edge.

    >>> import anypool as ap
    >>> positions(ap.sliding((3,), 2, 1).plan((7,), None).axes[0], 0)
    [0, 1]
    """
    virtual = int(axis.first[window]) + axis.step * np.arange(int(axis.length[window]))
    return [int(v) for v in (virtual if axis.source is None else axis.source[virtual])]


def members(x: NDArray[Any], grid: Grid, window: tuple[int, ...], weights: NDArray[Any] | None = None) -> list[Member]:
    """The elements of one window in row-major order, without elements of weight 0."""
    lines = [positions(axis, w) for axis, w in zip(grid.axes, window, strict=True)]
    taps = None if grid.taps is None else grid.tap_weights()
    result: list[Member] = []
    for places in np.ndindex(*(len(line) for line in lines)):
        at = tuple(line[p] for line, p in zip(lines, places, strict=True))
        inside = tuple(int(axis.absent_before[w]) + p for axis, w, p in zip(grid.axes, window, places, strict=True))
        tap = 1.0 if taps is None else float(taps[inside])
        for axis, w, p in zip(grid.axes, window, places, strict=True):
            tap *= float(axis.weights_at(np.asarray(w), np.asarray(p)))
        real = min(at, default=0) >= 0
        if real and weights is not None:
            if not weights[at]:
                continue
            tap *= float(weights[at])
        result.append(Member(at if real else None, float(x[at]) if real else _constant(grid, at), tap))
    return result


def _constant(grid: Grid, at: tuple[int, ...]) -> float:
    """The constant beyond the edge: that of the last axis along which the position is outside."""
    beyond = [fill for fill, p in zip(grid.fills, at, strict=True) if p < 0]
    return float(beyond[-1] or 0)


def coverage(grid: Grid) -> NDArray[np.int64]:
    """The number of windows that contain each element of a plane.

    >>> import anypool as ap
    >>> coverage(ap.sliding((3,), 1).plan((6,), None)).tolist()
    [1, 2, 3, 3, 2, 1]
    """
    total: Any = np.ones((), np.int64)
    for axis in grid.axes:
        line = np.zeros(axis.size, np.int64)
        for window in range(axis.out):
            real = [p for p in positions(axis, window) if p >= 0]
            np.add.at(line, real, 1)
        total = np.multiply.outer(total, line)
    return total


def gradient_share(
    x: NDArray[Any], windows: Any, reduction: Any, axes: Any = None, **options: Any
) -> NDArray[np.float64] | None:
    """Σ over outputs of ∂y/∂x for each input; None without torch or where there is no gradient.

    >>> import anypool as ap
    >>> gradient_share(np.array([1.0, 3.0, 2.0]), ap.sliding((2,), 1), "max").tolist()
    [0.0, 2.0, 0.0]
    """
    if not there("torch"):
        return None
    from ..torch.input_gradients import gradient_of_sum  # torch is optional

    return gradient_of_sum(lambda v: pool(v, windows, reduction, axes=axes, **options), x)


def sources(
    x: NDArray[Any], windows: Any, reduction: Any, axes: Any = None, most: int = 400, **options: Any
) -> dict[tuple[int, ...], list[tuple[int, ...]]]:
    """The selected elements of each output of a selecting reduction, such as max; empty for other
    reductions.
    """
    if not there("torch"):
        return {}
    from ..torch.input_gradients import gradient_of_each  # torch is optional

    each = gradient_of_each(lambda v: pool(v, windows, reduction, axes=axes, **options), x, most)
    result = {out: [tuple(map(int, p)) for p in np.argwhere(g != 0)] for out, g in each.items()}
    few = max((len(p) for p in result.values()), default=0)
    return result if 0 < few <= 2 else {}


def number(value: float) -> str:
    """A number with four digits: 3, 0.25, 1.2e+09."""
    return f"{value:.4g}"


def arithmetic(
    x: NDArray[Any],
    grid: Grid,
    window: tuple[int, ...],
    reduction: Any,
    y: float,
    weights: NDArray[Any] | None = None,
) -> str:
    """The arithmetic of one window: the reduction, its elements and its result."""
    place = ", ".join(map(str, window))
    return written(f"window ({place})", reduction, members(x, grid, window, weights), y)


def written(window: str, reduction: Any, members: list[Member], y: float) -> str:
    """A window's elements, each with its weight, and the result."""
    terms = ", ".join(
        number(m.value) + (f"·{number(m.tap)}" if m.tap != 1 else "") + ("" if m.at is not None else " (border)")
        for m in members[:MOST]
    )
    rest = f", … {len(members) - MOST} more" if len(members) > MOST else ""
    name = reduction if isinstance(reduction, str) else repr(reduction)
    formula = getattr(reduction_of(reduction), "formula", "")
    formula_text = f"  ({formula})" if formula else ""
    return f"{window}: {name} of {{{terms or 'nothing'}{rest}}} = {number(y)}{formula_text}"
