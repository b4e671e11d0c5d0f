"""Weighted quantiles: NumPy's weighted method, and all other methods by Kish's effective size.

A window whose masses differ counts as n = (Σm)² / Σm² elements (Kish 1965) of the mass unit = Σm /
n. A method gives the rank of the quantile among n equal elements, hence a point of the mass. An
interpolation is the mean over one unit of mass at that point (Akinshin 2023, arXiv 2304.07265). If
all masses are equal, the result is that of the method without weights.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..arrays.adapter import adapter_of
from ..arrays.ops import maximum, minimum, where, zeros
from ..arrays.shape_ops import cast, dtype_name, floats
from .row_ops import clip, take_last
from .sorted_window import Sorted

Rank = Callable[[Any, float], Any]
STEPS = ("inverted_cdf", "averaged_inverted_cdf", "closest_observation", "lower", "higher", "midpoint", "nearest")


def weighted_quantile(window: Sorted, q: float, method: str, rank: Rank) -> Any:
    """One quantile. `rank(n, q)` is the rank of the quantile among n equal elements."""
    if q in (0.0, 1.0):
        low = high = clip(window.present - 1, 0, window.max_length) if q else 0
    elif method in STEPS:
        low, high = _neighbors(window, q, method)
    else:
        return _interpolated(window, q, rank)
    return mean_of_two(window, low, high)


def mean_of_two(window: Sorted, low: Any, high: Any) -> Any:
    """The element at index `low`, or the mean of the elements at `low` and `high`."""
    if low is high:
        return window.element(low)
    first, second = window.number(window.element(low)), window.number(window.element(high))
    return between(first, second, floats(low != high) * 0.5)


def _neighbors(window: Sorted, q: float, method: str) -> tuple[Any, Any]:
    """Indices of the two elements whose mean is the quantile. Methods that select return one index
    twice."""
    spans = window.spans
    if "inverted" in method:
        low, high = spans.around(spans.total * q)
        return (low, high) if method == "averaged_inverted_cdf" else (low, low)
    if method == "closest_observation":
        low, high = spans.around(spans.total * q, 0.5)
        index = where(low % 2 == 1, low, high)  # of two equally near elements, the even order statistic
        return index, index
    begin = _begin((spans.size - 1) * q, spans)
    if method == "nearest":
        low, high = spans.around(begin, -0.5)
        index = where(low % 2 == 0, low, high)
        return index, index
    low, high = spans.around(begin)[1], spans.around(begin, -1.0)[0]
    return (low, low) if method == "lower" else (high, high) if method == "higher" else (low, high)


def _interpolated(window: Sorted, q: float, rank: Rank) -> Any:
    """The mean over the unit of mass that begins at the rank of the quantile."""
    spans = window.spans
    begin = _begin(rank(spans.size, q), spans)
    low, high = spans.around(begin)[1], spans.around(begin, -1.0)[0]
    first, second = window.number(window.element(low)), window.number(window.element(high))
    fraction = (begin - (take_last(spans.ends, low) - spans.unit)) / spans.unit
    y = between(first, second, where(high > low, fraction, zeros(fraction)))
    many = (high > low + 1) & (first < second)
    visible = adapter_of(y).view(many)
    if visible is not None and not visible.any():
        return y
    weights = spans.shares(begin, begin + spans.unit, low, high) / spans.unit[..., None]
    return where(many, window.sum(where(many[..., None], weights, zeros(weights))), y)


def _begin(rank: Any, spans: Any) -> Any:
    """The point of the mass at which a rank begins, clipped to the first and the last element."""
    return maximum(minimum(rank, spans.size - 1), zeros(rank)) * spans.unit


def between(low: Any, high: Any, fraction: Any) -> Any:
    """NumPy's interpolation. It is exact at both ends, and for infinities if both ends are
    equal."""
    if not hasattr(fraction, "shape") and fraction == 0:
        return low
    rest = 1 - fraction
    if hasattr(fraction, "shape"):
        fraction, rest = (cast(v, dtype_name(low)) for v in (fraction, rest))
    with np.errstate(all="ignore"):
        gap = high - low
        if not hasattr(fraction, "shape"):
            near, far = low + gap * fraction, high - gap * rest
            y = near if fraction < 0.5 else far
        else:
            gap = where(low == high, zeros(low), gap)  # also for infinities: a learned fraction has no gradient there
            near, far = low + gap * fraction, high - gap * rest
            y = where(fraction == 0, low, where(fraction < 0.5, near, far))
    return where(low == high, low, y)
