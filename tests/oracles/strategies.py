"""What hypothesis draws: shapes, arrays with NaN and infinities, window kinds with their axes."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import anypool as ap

PLAIN = ["sum", "mean", "max", "min", "prod", "any", "all", "count", "argmax", "argmin", "range", "rms", "var", "std"]
NAMES = [*PLAIN, "logsumexp", "softpool"]
OBJECTS = [
    ap.Lp(1),
    ap.Lp(3),
    ap.Lp(float("inf")),
    ap.PowerMean(3),
    ap.PowerMean(2, form="magnitude"),
    ap.LogMeanExp(2),
    ap.Var(1),
]
AVERAGES = ["mean", "max", "min", "softpool", "rms", ap.PowerMean(3), ap.PowerMean(-1), ap.LogMeanExp(3)]

shapes = hnp.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=7)
small = st.integers(-40, 40).map(lambda v: v / 8)
reductions = st.sampled_from([*NAMES, *OBJECTS])


@st.composite
def arrays(draw: Any, dtype: str = "float64", elements: Any = None, min_dims: int = 1) -> np.ndarray:
    """Small numbers that add without rounding; any memory order."""
    shape = draw(hnp.array_shapes(min_dims=min_dims, max_dims=4, min_side=1, max_side=7))
    x = draw(hnp.arrays(dtype, shape, elements=small if elements is None else elements))
    turned = draw(st.permutations(range(x.ndim)))
    x = np.ascontiguousarray(x.transpose(turned)).transpose(np.argsort(turned))
    return x[tuple(slice(None, None, draw(st.sampled_from([1, -1]))) for _ in shape)]


def axes_of(draw: Any, rank: int) -> tuple[int, ...]:
    count = draw(st.integers(1, min(rank, 3)))
    return tuple(draw(st.permutations(range(rank)))[:count])


@st.composite
def windows(draw: Any, shape: tuple[int, ...], borders: bool = True) -> tuple[Any, Any]:
    """A window kind for this shape, and its axes."""
    axes = axes_of(draw, len(shape))
    count = len(axes)
    kind = draw(st.sampled_from(["sliding", "sliding", "sliding", "adaptive", "whole", "segments", "inside"]))
    few = st.integers(1, 4)

    def row(one: Any) -> tuple[Any, ...]:
        return tuple(draw(one) for _ in range(count))

    def options() -> dict[str, Any]:
        made: dict[str, Any] = {
            "ceil_mode": draw(st.booleans()),
            "count": draw(st.sampled_from(["present", "padded", 3.0])),
        }
        if borders:
            made["border"] = draw(
                st.sampled_from(["absent", "absent", "reflect", "symmetric", "replicate", "circular", 1.5])
            )
        return made

    if kind == "adaptive":
        return ap.adaptive(row(st.one_of(st.none(), st.integers(1, 6)))), axes
    if kind == "whole":
        return ap.whole(), axes
    if kind in ("segments", "inside"):
        n = shape[axes[0]]
        cuts = sorted(draw(st.lists(st.integers(0, n), min_size=1, max_size=5)))
        made = ap.segments(cuts)
        if kind == "inside":
            made = made.sliding(draw(few), draw(few), draw(st.integers(0, 2)), draw(st.integers(1, 2)))
        return made, axes[0]
    pads = tuple((draw(st.integers(0, 3)), draw(st.integers(0, 3))) for _ in range(count))
    return ap.sliding(row(few), row(few), pads, row(st.integers(1, 2)), **options()), axes


def pooled(x: Any, made: tuple[Any, Any], reduction: Any, **more: Any) -> Any:
    """The result, or None if it is undefined (an integer of an empty window, a window that is too
    long)."""
    try:
        return ap.pool(x, made[0], reduction, axes=made[1], **more)
    except ap.PoolingError as error:
        assert any(word in str(error) for word in ("does not fit", "empty=", "refuses", "length 0")), error
        return None
