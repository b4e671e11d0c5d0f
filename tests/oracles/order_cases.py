"""Each order statistic with its formula on one list: the registry of the tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import anypool as ap

List = np.ndarray  # the elements of one window, in row-major order


@dataclass(frozen=True)
class OrderCase:
    """An order statistic, its formula for a nonempty list, and whether the result is an element."""

    order: ap.Order
    formula: Callable[[List], Any]
    selects: bool = False


def median(even: str = "mean") -> OrderCase:
    formulas: dict[str, Callable[[List], Any]] = {
        "mean": np.median,
        "lower": lambda v: np.sort(v)[(len(v) - 1) // 2],
        "higher": lambda v: np.sort(v)[len(v) // 2],
    }
    return OrderCase(ap.Median(even), formulas[even], even != "mean")  # type: ignore[arg-type]


def rank(k: int) -> OrderCase:
    """The value of a list with too few elements is NaN."""
    return OrderCase(ap.Rank(k), lambda v: np.sort(v)[k] if -len(v) <= k < len(v) else np.nan, True)


def quantile(q: float, method: str = "linear") -> OrderCase:
    selects = method in ("inverted_cdf", "closest_observation", "lower", "higher", "nearest")

    def formula(v: List) -> Any:
        return np.quantile(v if selects else v.astype(float), q, method=method)  # type: ignore[call-overload]

    return OrderCase(ap.Quantile(q, method), formula, selects)


def trimmed_mean(lower: float, upper: float) -> OrderCase:
    def formula(v: List) -> float:
        return float(np.mean(np.sort(v.astype(float))[int(lower * len(v)) : len(v) - int(upper * len(v))]))

    return OrderCase(ap.TrimmedMean(lower, upper), formula)


def top_k_mean(k: int) -> OrderCase:
    return OrderCase(ap.TopKMean(k), lambda v: np.mean(np.sort(v.astype(float))[-k:]))


def quantile_range(lo: float = 0.0, hi: float = 1.0) -> OrderCase:
    return OrderCase(ap.Range(lo, hi), lambda v: float(np.subtract(*np.quantile(v.astype(float), [hi, lo]))))


def ordinal(weights: np.ndarray) -> OrderCase:
    """The first weight is the largest element's."""
    return OrderCase(ap.Ordinal(weights), lambda v: float((np.sort(v.astype(float))[::-1] * weights[: len(v)]).sum()))


def mode() -> OrderCase:
    def formula(v: List) -> Any:
        values, counts = np.unique(v, return_counts=True)
        return values[np.argmax(counts)]

    return OrderCase(ap.Mode(), formula, True)


ORDERS: dict[str, OrderCase] = {
    "median": median(),
    "lower median": median("lower"),
    "higher median": median("higher"),
    "smallest": rank(0),
    "second": rank(1),
    "third": rank(2),
    "fourth": rank(3),
    "second largest": rank(-2),
    "largest": rank(-1),
    "quantile 0.3": quantile(0.3),
    "hazen quantile 0.4": quantile(0.4, "hazen"),
    "hazen quantile 0.7": quantile(0.7, "hazen"),
    "inverted quantile 0.3": quantile(0.3, "inverted_cdf"),
    "nearest quantile 0.3": quantile(0.3, "nearest"),
    "nearest quantile 0.75": quantile(0.75, "nearest"),
    "higher quantile 0.8": quantile(0.8, "higher"),
    "trimmed mean": trimmed_mean(0.1, 0.3),
    "trimmed mean, quarters": trimmed_mean(0.25, 0.25),
    "mean of the 2 largest": top_k_mean(2),
    "ordinal": ordinal(np.arange(1.0, 41.0)),
    "range": quantile_range(),
    "interquartile range": quantile_range(0.25, 0.75),
    "mode": mode(),
}


def orders(*names: str) -> list[ap.Order]:
    """The order statistics of these names."""
    return [ORDERS[name].order for name in names]
