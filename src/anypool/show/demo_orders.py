"""The demo's order statistics: noise that a median removes, and what a sort costs against a network."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np

from .. import windows as kinds
from ..api import pool
from .demo_pictures import gray, png

SIZES = (3, 5, 7, 9, 11, 15)


def by_noise(light: Any) -> list[tuple[str, str]]:
    """A photograph (0 … 1) with one pixel in five black or white, pooled 3×3 by mean, max and median."""
    random = np.random.default_rng(0)
    hit = random.random(light.shape)
    noisy = np.where(hit < 0.1, 0.0, np.where(hit > 0.9, 1.0, light)).astype(np.float32)
    windows = kinds.sliding((3, 3), 1, "same")
    made = [("salt and pepper", noisy)] + [(f'"{r}"', pool(noisy, windows, r)) for r in ("mean", "max", "median")]
    return [(f"{name}: {_error(y, light):.3f} away", png(gray(y))) for name, y in made]


def _error(y: Any, light: Any) -> float:
    return float(np.sqrt(np.mean((np.asarray(y) - light) ** 2)))


def by_size(side: int = 160) -> list[tuple[int, float, float | None]]:
    """Nanoseconds an output for each window size: every window sorted, and the compiled networks where they are there."""
    x = np.random.default_rng(0).normal(size=(side, side)).astype(np.float32)
    rows: list[tuple[int, float, float | None]] = []
    for k in SIZES:
        windows = kinds.sliding((k, k), 1)
        outputs = (side - k + 1) ** 2
        sort = _best(lambda w=windows: pool(x, w, "median", backend="reference"), 1)
        try:
            network = _best(lambda w=windows: pool(x, w, "median", backend="cpu"), 5)
        except ValueError:  # the core is not there
            network = None
        rows.append((k, sort / outputs * 1e9, None if network is None else network / outputs * 1e9))
    return rows


def _best(call: Any, times: int) -> float:
    call()
    found = math.inf
    for _ in range(times):
        begin = time.perf_counter()
        call()
        found = min(found, time.perf_counter() - begin)
    return found


def chart(rows: list[tuple[int, float, float | None]]) -> str:
    """Time an output against the window's side, both logarithmic, as SVG.

    >>> "polyline" in chart([(3, 100.0, 1.0), (5, 300.0, 2.0)])
    True
    """
    values = [v for row in rows for v in row[1:] if v is not None]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    left, right = math.log10(rows[0][0]), math.log10(rows[-1][0])

    def point(k: int, v: float) -> tuple[float, float]:
        return (
            60 + 420 * (math.log10(k) - left) / (right - left),
            230 - 200 * (math.log10(v) - low) / max(high - low, 1),
        )

    parts = ['<svg viewBox="0 0 640 270" width="640" role="img" aria-label="time an output by window size">']
    for decade in range(low, high + 1):
        y = point(rows[0][0], 10.0**decade)[1]
        parts.append(f'<line x1="60" x2="480" y1="{y:.0f}" y2="{y:.0f}" stroke="#e3e7ee"/>')
        parts.append(f'<text x="52" y="{y + 4:.0f}" text-anchor="end" font-size="12">{10.0**decade:g} ns</text>')
    for k, *_ in rows:
        parts.append(
            f'<text x="{point(k, 10.0**low)[0]:.0f}" y="252" text-anchor="middle" font-size="12">{k}×{k}</text>'
        )
    for column, name, colour in ((1, "every window sorted", "#e4572e"), (2, "selection networks", "#3d7dff")):
        line = [point(row[0], v) for row in rows if (v := row[column]) is not None]
        if line:
            dots = " ".join(f"{x:.1f},{y:.1f}" for x, y in line)
            parts.append(f'<polyline points="{dots}" fill="none" stroke="{colour}" stroke-width="2"/>')
            parts.append(f'<text x="488" y="{line[-1][1] + 4:.0f}" font-size="12" fill="{colour}">{name}</text>')
    return "".join([*parts, "</svg>"])
