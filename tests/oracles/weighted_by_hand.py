"""Weighted quantiles and trimmed means in exact fractions, without code of the library."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import torch

import anypool as ap

BACKENDS = [None, "reference"]


def held(v: Any, w: Any) -> list[tuple[float, Fraction]]:
    """The elements that are there, ascending, with their weights."""
    return sorted((float(a), Fraction(int(b))) for a, b in zip(v, w, strict=True) if b)


def whole_of(line: list[tuple[float, Fraction]]) -> tuple[Fraction, Fraction]:
    """The mass, and how much of it one of as many equal elements has."""
    mass = sum((m for _, m in line), Fraction(0))
    return mass, sum((m * m for _, m in line), Fraction(0)) / mass


def beside(line: list[tuple[float, Fraction]], point: Fraction) -> tuple[int, int]:
    """The element that contains a point of the mass or ends there, and the one that begins
    there."""
    ends = np.cumsum([m for _, m in line]).tolist()
    low = next((i for i, e in enumerate(ends) if e >= point), len(line) - 1)
    high = next((i for i, e in enumerate(ends) if e > point), len(line) - 1)
    return low, high


def mean_between(line: list[tuple[float, Fraction]], begin: Fraction, end: Fraction) -> float:
    """The mean of what lies between two points of the mass."""
    total, start = 0.0, Fraction(0)
    for value, m in line:
        part = min(start + m, end) - max(start, begin)
        total += value * float(part / (end - begin)) if part > 0 else 0.0
        start += m
    return total


PLACES: dict[str, Callable[[Fraction, Fraction], Fraction]] = {  # Hyndman & Fan 1996: the rank, from 0
    "interpolated_inverted_cdf": lambda n, q: n * q - 1,
    "hazen": lambda n, q: n * q - Fraction(1, 2),
    "weibull": lambda n, q: (n + 1) * q - 1,
    "linear": lambda n, q: (n - 1) * q,
    "median_unbiased": lambda n, q: (n + Fraction(1, 3)) * q + Fraction(1, 3) - 1,
    "normal_unbiased": lambda n, q: (n + Fraction(1, 4)) * q + Fraction(3, 8) - 1,
}


def exact(v: Any, w: Any, q: float, method: str) -> float:
    line, p = held(v, w), Fraction(q).limit_denominator(1000)
    if not line:
        return math.nan
    if p in (0, 1):
        return line[-1 if p else 0][0]
    mass, unit = whole_of(line)
    n = mass / unit
    if method in ("inverted_cdf", "averaged_inverted_cdf"):
        low, high = beside(line, mass * p)
        return line[low][0] if method == "inverted_cdf" else (line[low][0] + line[high][0]) / 2
    if method == "closest_observation":
        low, high = beside(line, mass * p - unit / 2)
        return line[low if low % 2 else high][0]
    begin = min(max(PLACES.get(method, PLACES["linear"])(n, p), Fraction(0)), n - 1) * unit
    if method == "nearest":
        low, high = beside(line, begin + unit / 2)
        return line[high if low % 2 else low][0]
    low, high = line[beside(line, begin)[1]][0], line[beside(line, begin + unit)[0]][0]
    if method in ("lower", "higher", "midpoint"):
        return {"lower": low, "higher": high, "midpoint": (low + high) / 2}[method]
    return mean_between(line, begin, begin + unit)


def trimmed(v: Any, w: Any, lower: float, upper: float) -> float:
    line = held(v, w)
    if not line:
        return math.nan
    mass, unit = whole_of(line)
    cut = [math.floor(Fraction(c).limit_denominator(1000) * mass / unit) * unit for c in (lower, upper)]
    return mean_between(line, cut[0], mass - cut[1])


def middle(v: Any, w: Any, even: str) -> float:
    repeated = np.sort(np.repeat(v, w))
    n = len(repeated)
    if not n:
        return math.nan
    low, high = repeated[(n - 1) // 2], repeated[n // 2]
    return {"lower": low, "higher": high, "mean": (low + high) / 2}[even]


def both(x: np.ndarray, windows: Any, order: Any, weights: np.ndarray, **options: Any) -> list[np.ndarray]:
    """By each backend and array library."""
    made: list[np.ndarray] = []
    for backend in BACKENDS:
        made.append(ap.pool(x, windows, order, weights=weights, backend=backend, **options))
        y = ap.pool(torch.tensor(x), windows, order, weights=torch.tensor(weights), backend=backend, **options)
        made.append(y.numpy())
    return made
