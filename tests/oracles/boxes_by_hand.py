"""Region pooling written from the definitions, one element at a time, for tests to compare with."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

RNG = np.random.default_rng(4)
X = RNG.standard_normal((2, 3, 7, 9))
BOXES = np.array(
    [
        [0, 1.2, 0.7, 6.3, 5.9],
        [1, 0.0, 0.0, 8.0, 6.0],
        [0, 3.0, 2.0, 3.4, 2.2],  # smaller than an element
        [1, -3.5, -2.2, 4.1, 3.3],  # overhangs
        [0, 6.6, 4.4, 12.5, 11.0],
        [1, 5.5, 1.5, 2.5, 4.5],  # inverted in x
        [0, 40.0, 40.0, 50.0, 60.0],  # wholly outside
        [1, 2.5, 1.5, 4.5, 3.5],
    ]
)


def round_half_away(v: float) -> int:
    return math.floor(abs(v) + 0.5) * (1 if v >= 0 else -1)


def bilinear(plane: Any, at: tuple[float, ...], outside: float = 0.0) -> float:
    """RoIAlign's interpolation (He 2017): clamped within 1 of the edge, `outside` beyond."""
    if any(not -1 <= p <= n for p, n in zip(at, plane.shape, strict=True)):
        return outside
    total = 0.0
    low, part = [], []
    for p, n in zip(at, plane.shape, strict=True):
        p = max(p, 0.0)
        i = int(p)
        if i >= n - 1:
            i, p = n - 1, float(n - 1)
        low.append(i)
        part.append(p - i)
    for corner in itertools.product((0, 1), repeat=len(at)):
        weight = math.prod(f if c else 1 - f for c, f in zip(corner, part, strict=True))
        if weight:
            total += weight * float(plane[tuple(i + c for i, c in zip(low, corner, strict=True))])
    return total


def roi_align_points(box: Any, size: Any, sampling: int, aligned: bool, scale: float = 1.0) -> dict[Any, list[Any]]:
    """The points of each bin of a box (starts, ends; last axis first)."""
    rank = len(size)
    axes = []
    for k, out in enumerate(size):
        start, end = (box[i] * scale - (0.5 if aligned else 0.0) for i in (rank - 1 - k, 2 * rank - 1 - k))
        extent = end - start if aligned else max(end - start, 1.0)
        step = extent / out
        many = sampling if sampling > 0 else math.ceil(extent / out)
        axes.append([[start + o * step + (s + 0.5) * step / many for s in range(many)] for o in range(out)])
    return {o: list(itertools.product(*(axes[k][i] for k, i in enumerate(o)))) for o in np.ndindex(*size)}


def roi_pool_elements(box: Any, size: Any, shape: Any, scale: float = 1.0) -> dict[Any, list[Any]]:
    """The elements of each bin of a box, as Girshick's layer counts them."""
    rank = len(size)
    axes = []
    for k, (out, n) in enumerate(zip(size, shape, strict=True)):
        lo, hi = (round_half_away(box[i] * scale) for i in (rank - 1 - k, 2 * rank - 1 - k))
        length = max(hi - lo + 1, 1)
        step = length / out
        axes.append(
            [
                range(min(max(math.floor(o * step) + lo, 0), n), min(max(math.ceil((o + 1) * step) + lo, 0), n))
                for o in range(out)
            ]
        )
    return {o: list(itertools.product(*(axes[k][i] for k, i in enumerate(o)))) for o in np.ndindex(*size)}


def hat_integral(i: int, a: float, b: float) -> float:
    """∫ max(0, 1 − |u − i|) du from a to b, by Simpson's rule on its linear pieces: exact."""
    knots = sorted({a, b, *(k for k in (i - 1.0, float(i), i + 1.0) if a < k < b)})
    hat = lambda u: max(0.0, 1 - abs(u - i))  # noqa: E731
    return sum((q - p) / 6 * (hat(p) + 4 * hat((p + q) / 2) + hat(q)) for p, q in itertools.pairwise(knots))


def exact_weights(box: Any, size: Any, shape: Any, shift: float = 0.0) -> dict[Any, list[Any]]:
    """(element, weight) pairs of each bin, and the weight of what lies outside under None."""
    rank = len(size)
    axes = []
    for k, (out, n) in enumerate(zip(size, shape, strict=True)):
        start, end = (box[i] - shift for i in (rank - 1 - k, 2 * rank - 1 - k))
        bins = []
        for o in range(out):
            a, b = start + (end - start) * o / out, start + (end - start) * (o + 1) / out
            pairs: list[Any] = [(i, hat_integral(i, a, b)) for i in range(n)] if b > a else []
            if b > a:
                pairs.append((None, (b - a) - sum(w for _, w in pairs)))
            bins.append([(i, w) for i, w in pairs if w > 1e-12])
        axes.append(bins)
    made = {}
    for o in np.ndindex(*size):
        pairs = []
        for combo in itertools.product(*(axes[k][i] for k, i in enumerate(o))):
            at = tuple(i for i, _ in combo)
            pairs.append((None if None in at else at, math.prod(w for _, w in combo)))
        made[o] = pairs
    return made


def rotated_points(box: Any, size: Any, sampling: int, clockwise: bool) -> dict[Any, list[Any]]:
    """Points of (x, y, width, height, degrees), y downwards: an upright grid rotated about its
    centre."""
    cx, cy, width, height, degrees = (float(v) for v in box)
    width, height = max(width, 1.0), max(height, 1.0)
    turn = complex(math.cos(math.radians(degrees)), (1 if clockwise else -1) * math.sin(math.radians(degrees)))
    made = {}
    for i, j in np.ndindex(*size):
        points = []
        for s, t in itertools.product(range(sampling), repeat=2):
            v = -height / 2 + (i + (s + 0.5) / sampling) * height / size[0]
            u = -width / 2 + (j + (t + 0.5) / sampling) * width / size[1]
            at = complex(u, v) * turn  # with y downwards a positive angle turns clockwise
            points.append((cy + at.imag, cx + at.real))
        made[i, j] = points
    return made
