"""Quantiles of elements that have masses: NumPy's weighted method, and every other method by Kish's effective size.

A window whose masses are not equal counts as n = (Σm)² / Σm² elements (Kish 1965), each of the mass unit = Σm / n.
A method that says where the quantile lies among n equal elements then says where it lies in the mass, and an
interpolation is the mean of one unit of the mass there (Akinshin 2023, arXiv 2304.07265). Equal masses give the
method itself.
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


def by_mass(window: Sorted, q: float, method: str, rank: Rank) -> Any:
    """One quantile; `rank` says where the method lies among n equal elements, as a function of n and q."""
    if q in (0.0, 1.0):
        low = high = clip(window.present - 1, 0, window.places) if q else 0
    elif method in STEPS:
        low, high = _beside(window, q, method)
    else:
        return _interpolated(window, q, rank)
    return mean_of_two(window, low, high)


def mean_of_two(window: Sorted, low: Any, high: Any) -> Any:
    """The element of these numbers, or the mean of the two."""
    if low is high:
        return window.element(low)
    first, second = window.number(window.element(low)), window.number(window.element(high))
    return between(first, second, floats(low != high) * 0.5)


def _beside(window: Sorted, q: float, method: str) -> tuple[Any, Any]:
    """The numbers of the two elements whose mean is the quantile; one number, twice, for a method that selects."""
    spans = window.spans
    if "inverted" in method:
        low, high = spans.around(spans.total * q)
        return (low, high) if method == "averaged_inverted_cdf" else (low, low)
    if method == "closest_observation":
        low, high = spans.around(spans.total * q, 0.5)
        found = where(low % 2 == 1, low, high)  # of two as near, the even order statistic
        return found, found
    begin = _begin((spans.size - 1) * q, spans)
    if method == "nearest":
        low, high = spans.around(begin, -0.5)
        found = where(low % 2 == 0, low, high)
        return found, found
    low, high = spans.around(begin)[1], spans.around(begin, -1.0)[0]
    return (low, low) if method == "lower" else (high, high) if method == "higher" else (low, high)


def _interpolated(window: Sorted, q: float, rank: Rank) -> Any:
    """The mean of the unit of mass that begins at the quantile's rank."""
    spans = window.spans
    begin = _begin(rank(spans.size, q), spans)
    low, high = spans.around(begin)[1], spans.around(begin, -1.0)[0]
    first, second = window.number(window.element(low)), window.number(window.element(high))
    share = (begin - (take_last(spans.ends, low) - spans.unit)) / spans.unit
    y = between(first, second, where(high > low, share, zeros(share)))
    many = (high > low + 1) & (first < second)
    seen = adapter_of(y).view(many)
    if seen is not None and not seen.any():
        return y
    shares = spans.shares(begin, begin + spans.unit, low, high) / spans.unit[..., None]
    return where(many, window.sum(where(many[..., None], shares, zeros(shares))), y)


def _begin(rank: Any, spans: Any) -> Any:
    """The point of the mass where a rank begins, held between the first and the last."""
    return maximum(minimum(rank, spans.size - 1), zeros(rank)) * spans.unit


def between(low: Any, high: Any, share: Any) -> Any:
    """NumPy's interpolation: exact at both ends, and at infinities where both are equal or the share is 0."""
    if not hasattr(share, "shape") and share == 0:
        return low
    rest = 1 - share
    if hasattr(share, "shape"):
        share, rest = (cast(v, dtype_name(low)) for v in (share, rest))
    with np.errstate(all="ignore"):
        apart = high - low
        if not hasattr(share, "shape"):
            near, far = low + apart * share, high - apart * rest
            found = near if share < 0.5 else far
        else:
            apart = where(low == high, zeros(low), apart)  # of infinities too: a share that learns has no slope there
            near, far = low + apart * share, high - apart * rest
            found = where(share == 0, low, where(share < 0.5, near, far))
    return where(low == high, low, found)
