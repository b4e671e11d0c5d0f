"""Ranks, medians and quantiles: one element of the sorted window, or a mean of two."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..arrays.adapter import adapter_of, is_numpy
from ..arrays.ops import among, did_you_mean, exp, greatest, smallest, stop, where, zeros
from ..arrays.shape_ops import dtype_name, floats, is_floating
from ..errors import PoolingError
from ..scalars import fraction, integer, number
from .effective_size import STEPS, between, weighted_quantile
from .order_statistic import Order
from .row_ops import floor, last, ranks
from .sorted_window import Sorted


class Rank(Order):
    """The k-th smallest element, from 0; −1 is the largest. The element type is kept.

    A window without that rank has the result `empty` (NaN). NaN sorts last, as in np.sort. An
    element of weight w covers w ranks, counted from the smallest element, or from the largest if k
    is negative.

    >>> import anypool as ap
    >>> ap.pool([3, 1, 4, 1, 5], ap.sliding((3,), 1), ap.Rank(-2))
    array([3, 1, 4])
    """

    name, formula, nan_is_largest, splits_ties = "Rank", "x₍ₖ₎", True, True

    def __init__(self, k: int) -> None:
        super().__init__()
        self.parameters = {"k": integer(k, "Rank(k)")}

    def finish(self, window: Sorted, n: Any) -> Any:
        k = self.parameters["k"]
        return window.at(k) if k >= 0 else window.at(n + k + 1, "left")

    def linear(self) -> bool:
        return True

    def selects(self) -> bool:
        return True

    def keeps_integers(self, odd: bool) -> bool:
        return True

    def undefined_for(self, n: Any) -> Any:
        k = self.parameters["k"]
        return n <= (k if k >= 0 else -k - 1)

    def check(self, max_length: int) -> None:
        k = self.parameters["k"]
        if not -max_length <= k < max_length:
            raise PoolingError(
                f"Rank({k}): the largest window holds {max_length} elements; use {-max_length} … "
                f"{max_length - 1}, or larger windows"
            )


class Median(Order):
    """The middle element; for an even number the "mean" of the middle two, the "lower" or the
    "higher".

    "lower" and "higher" keep integers. "mean" does so if the windows have an odd number of elements
    by their plan; otherwise the median of integers is a float64. With weights, the median is the
    element that has at most half of the weight on each side, or the two elements where the halves
    meet. Integer weights repeat elements. The result does not depend on the scale of the weights.

    >>> import anypool as ap
    >>> ap.pool([3.0, 1.0, 4.0, 1.0], ap.whole(), ap.Median("lower"), axes=0)
    array([1.])
    """

    name, formula, splits_ties = "median", "½ (x₍⌊(n−1)/2⌋₎ + x₍⌊n/2⌋₎)", True
    scale_free_weights = True

    def __init__(self, even: str = "mean") -> None:
        super().__init__()
        if not among(even, ("mean", "lower", "higher")):
            raise PoolingError(f"Median(even={even!r}): use 'mean', 'lower' or 'higher'")
        self.parameters = {"even": even}

    def finish(self, window: Sorted, n: Any) -> Any:
        even = self.parameters["even"]
        if window.masses is None:
            low, high = window.index(n / 2, "left"), window.index(n / 2)
        else:
            low, high = window.spans.around(window.spans.total * 0.5)
        if even != "mean":
            return window.element(low if even == "lower" else high)
        lower = window.element(low)
        if not is_floating(lower) and isinstance(n, int) and n % 2:
            return lower
        higher = window.element(high)
        if dtype_name(lower) in ("int64", "uint64") and bool((lower == higher).all()):
            return lower  # a double does not represent all of them
        lower, higher = window.number(lower), window.number(higher)
        with np.errstate(all="ignore"):
            return where(lower == higher, lower, (lower + higher) * 0.5)

    def linear(self) -> bool:
        return True

    def selects(self) -> bool:
        return self.parameters["even"] != "mean"

    def weights_only_select(self) -> bool:
        return True

    def keeps_integers(self, odd: bool) -> bool:
        return self.parameters["even"] != "mean" or odd


def _virtual(alpha: float, beta: float) -> Callable[[Any, float], Any]:
    return lambda n, q: n * q + (alpha + q * (1 - alpha - beta)) - 1


def _round_half_even(position: Any) -> Any:
    """Round to the nearest integer, halves to even."""
    down = floor(position)
    over = position - down
    return down + ((over > 0.5) | ((over == 0.5) & (down % 2 == 1))) * 1


def _nearest_even_order(position: Any) -> Any:
    """The next rank; n·q − 1.5 that is an integer gives the even order statistic (Hyndman & Fan
    3)."""
    down = floor(position)
    return down + 1 - ((position == down) & (down % 2 == 1)) * 1


def _mean_at_rank(position: Any) -> Any:
    """The upper rank between two ranks; at a rank, the mean of it and the next."""
    down = floor(position)
    return down + 1 - floats(position == down) * 0.5


# NumPy's names. Each function gives the rank of the quantile, 0 … n−1, from n and q.
METHODS: dict[str, Callable[[Any, float], Any]] = {
    "inverted_cdf": lambda n, q: -floor(-(n * q)) - 1,
    "averaged_inverted_cdf": lambda n, q: _mean_at_rank(n * q - 1),
    "closest_observation": lambda n, q: _nearest_even_order(n * q - 1.5),
    "interpolated_inverted_cdf": _virtual(0, 1),
    "hazen": _virtual(0.5, 0.5),
    "weibull": _virtual(0, 0),
    "linear": lambda n, q: (n - 1) * q,
    "median_unbiased": _virtual(1 / 3, 1 / 3),
    "normal_unbiased": _virtual(3 / 8, 3 / 8),
    "lower": lambda n, q: floor((n - 1) * q),
    "higher": lambda n, q: -floor(-((n - 1) * q)),
    "midpoint": lambda n, q: floats(floor((n - 1) * q) - floor(-((n - 1) * q))) * 0.5,
    "nearest": lambda n, q: _round_half_even((n - 1) * q),
}
SELECTING = ("inverted_cdf", "closest_observation", "lower", "higher", "nearest")


class Quantile(Order):
    """The q-quantile by one of NumPy's methods; several q form a new first axis, as in NumPy.

    The result does not depend on the scale of the weights, and equal weights change nothing.
    "inverted_cdf" and "averaged_inverted_cdf" are NumPy's weighted quantiles, for which integer
    weights repeat elements. The other methods count a window as (Σw)² / Σw² elements (Kish 1965,
    Akinshin 2023). q of 0 and 1 are the extreme elements. `smooth=h` smooths the estimator by a
    logistic kernel of width h. Its exact derivative is φ(xᵢ − m) / Σ φ(xⱼ − m), so that each
    element near the quantile has a gradient.

    >>> import anypool as ap
    >>> ap.pool([3.0, 1.0, 4.0, 1.0, 5.0], ap.sliding((3,), 1), ap.Quantile([0.0, 0.75]))
    array([[1. , 1. , 1. ],
           [3.5, 2.5, 4.5]])
    """

    name, formula, splits_ties = "Quantile", "x₍ₕ₎ + γ (x₍ₕ₊₁₎ − x₍ₕ₎)", True
    source = "Hyndman & Fan 1996; with weights Akinshin 2023"
    scale_free_weights = True

    def __init__(self, q: Any, method: str = "linear", smooth: float | None = None) -> None:
        super().__init__()
        argument = q.tolist() if is_numpy(q) else q
        # no typing.cast: torch.compile loses the row
        row: Any = argument if isinstance(argument, (tuple, list)) else (argument,)  # pyright: ignore[reportUnknownVariableType]
        if not row or any(isinstance(v, (tuple, list)) or is_numpy(v) for v in row):
            raise PoolingError(f"Quantile(q={q!r}): give one number or a row of them")
        qs = tuple(fraction(v, "Quantile(q)") for v in row)
        if not among(method, METHODS):
            near = did_you_mean(str(method), METHODS, {"interpolated": "linear", "averaged": "averaged_inverted_cdf"})
            raise PoolingError(f"Quantile(method={method!r}): use one of {', '.join(METHODS)}{near}")
        if smooth is not None:
            smooth = number(smooth, "Quantile(smooth)")
            if not 0 < smooth < math.inf:
                raise PoolingError(f"Quantile(smooth={smooth}): the width must be finite and above 0")
            if any(v in (0.0, 1.0) for v in qs):
                raise PoolingError(f"Quantile({q!r}, smooth={smooth}): a smoothed q lies inside 0 … 1; use min or max")
        self.is_smooth = smooth is not None
        self.parameters = {
            "q": qs if argument is row else qs[0],
            "method": method,
            "smooth": smooth,
        }

    @property
    def qs(self) -> tuple[float, ...]:
        """Each q, as a row."""
        q: Any = self.parameters["q"]
        return q if isinstance(q, tuple) else (q,)  # pyright: ignore[reportUnknownVariableType]

    def answers(self) -> tuple[int, int] | None:
        return (len(self.qs), 0) if isinstance(self.parameters["q"], tuple) else None

    def linear(self) -> bool:
        return self.parameters["smooth"] is None

    def components(self) -> list[Order] | None:
        method, smooth = self.parameters["method"], self.parameters["smooth"]
        return None if self.answers() is None else [Quantile(q, method, smooth) for q in self.qs]

    def finish(self, window: Sorted, n: Any) -> Any:
        h = self.parameters["smooth"]
        results = [self.one(window, n, q) if h is None else smoothed_quantile(window, q, h) for q in self.qs]
        return results[0] if self.answers() is None else adapter_of(*results).stack(results, -1)

    def one(self, window: Sorted, n: Any, q: float) -> Any:
        """One quantile."""
        method = self.parameters["method"]
        if window.masses is not None:
            return weighted_quantile(window, q, method, METHODS[method])
        rank = METHODS[method](n, q)
        rank = (rank > 0) * rank  # a rank below the first is the first
        down = floor(rank)
        low = window.at(down)
        if self.keeps_integers(False):
            return low
        high = window.at(down + 1)
        return between(window.number(low), window.number(high), rank - down)

    def selects(self) -> bool:
        return self.keeps_integers(False)

    def weights_only_select(self) -> bool:
        plain = self.parameters["smooth"] is None
        return plain and (self.parameters["method"] in STEPS or all(q in (0.0, 1.0) for q in self.qs))

    def keeps_integers(self, odd: bool) -> bool:
        return self.parameters["smooth"] is None and self.parameters["method"] in SELECTING


def smoothed_quantile(window: Sorted, q: float, h: float) -> Any:
    """m with Σ wᵢ σ((m − xᵢ)/h + logit q) = q Σ wᵢ, by bisection and two differentiable Newton
    steps."""
    x = window.number(window.values)
    there = last(window.present) > ranks(x)
    w = floats(there) if window.masses is None else window.spans.masses * there
    w = adapter_of(x).meet(w, x)
    x = where(there, x, zeros(x))
    total = w.sum(-1)
    offset = math.log(q) - math.log1p(-q)

    def excess(m: Any, at: Any) -> tuple[Any, Any]:
        s = 1 / (1 + exp(-((m[..., None] - at) / h + offset)))
        return (w * s).sum(-1) - q * total, (w * s * (1 - s)).sum(-1) / h

    fixed = stop(x)
    low = smallest(where(there, fixed, zeros(fixed) + math.inf), -1)
    high = greatest(where(there, fixed, zeros(fixed) - math.inf), -1)
    with np.errstate(all="ignore"):
        for _ in range(60 if "64" in str(x.dtype) else 30):
            middle = low + (high - low) * 0.5
            above = excess(middle, fixed)[0] > 0
            low, high = where(above, low, middle), where(above, middle, high)
        m = low + (high - low) * 0.5
        for _ in range(2):
            error, slope = excess(m, x)
            m = m - where(slope > 0, error / where(slope > 0, slope, zeros(slope) + 1), zeros(slope))
    return m
