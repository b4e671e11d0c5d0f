"""Order statistics: a median removes noise; the time of a median by sorting, networks,
histograms."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np

import anypool as ap

from .pictures import gray, png

SIZES = (3, 5, 7, 9, 11, 15, 17, 21, 31, 51)
SORTED = "every window sorted, float32"
#: the first word of an engine in `explain`, whether elements are floats, name and colour of a line
ENGINES = {
    ("selection", True): ("selection networks, float32", "#3d7dff"),
    ("histograms", True): ("radix: tiles sorted once, then counted, float32", "#8e44ad"),
    ("selection", False): ("selection networks, bytes", "#17a884"),
    ("histograms", False): ("histograms, bytes", "#f2b134"),
}
COLOURS = {SORTED: "#e4572e", **dict(ENGINES.values())}


def by_noise(light: Any) -> list[tuple[str, str]]:
    """A photograph (0 … 1), one pixel in five black or white, pooled 3×3 by mean, max and
    median."""
    random = np.random.default_rng(0)
    hit = random.random(light.shape)
    noisy = np.where(hit < 0.1, 0.0, np.where(hit > 0.9, 1.0, light)).astype(np.float32)
    windows = ap.sliding((3, 3), 1, "same")
    results = [("salt and pepper", noisy)] + [(f'"{r}"', ap.pool(noisy, windows, r)) for r in ("mean", "max", "median")]
    return [(f"{name}: {_error(y, light):.3f} away", png(gray(y))) for name, y in results]


def _error(y: Any, light: Any) -> float:
    return float(np.sqrt(np.mean((np.asarray(y) - light) ** 2)))


def by_size(side: int = 512) -> dict[str, list[tuple[int, float]]]:
    """Nanoseconds per output for each window size; one line for each engine."""
    wide = np.random.default_rng(0).normal(size=(side, side)).astype(np.float32)
    narrow = (np.abs(wide) * 80).astype(np.uint8)
    lines: dict[str, list[tuple[int, float]]] = {name: [] for name in COLOURS}
    for k in SIZES:
        windows = ap.sliding((k, k), 1)
        few = wide[: k + 7, : k + 63]  # sorting is slow: 8 × 64 windows are enough
        lines[SORTED].append(
            (k, _best(lambda w=windows, x=few: ap.pool(x, w, "median", backend="reference"), 4) / 512 * 1e9)
        )
        for x in (wide, narrow):
            plan = ap.explain(x, windows, "median")
            engine = ENGINES.get((plan.engine.partition(" ")[0], x is wide)) if plan.backend == "cpu" else None
            if engine is not None:
                seconds = _best(lambda w=windows, x=x: ap.pool(x, w, "median"), 5)
                lines[engine[0]].append((k, seconds / (side - k + 1) ** 2 * 1e9))
    return {name: line for name, line in lines.items() if line}


def _best(call: Any, times: int) -> float:
    call()
    best = math.inf
    for _ in range(times):
        begin = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - begin)
    return best


def chart(lines: dict[str, list[tuple[int, float]]]) -> str:
    """Time per output against the window's side as SVG; both axes are logarithmic.

    >>> "polyline" in chart({SORTED: [(3, 100.0), (5, 300.0)]})
    True
    """
    values = [v for line in lines.values() for _, v in line]
    sides = sorted({k for line in lines.values() for k, _ in line})
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    left, right = math.log10(sides[0]), math.log10(sides[-1])

    def point(k: int, v: float) -> tuple[float, float]:
        return (
            80 + 560 * (math.log10(k) - left) / (right - left),
            270 - 250 * (math.log10(v) - low) / max(high - low, 1),
        )

    parts = [
        '<svg viewBox="0 0 1040 310" width="1040" role="img" aria-label="time an output by window size" font-size="12">'
    ]
    for decade in range(low, high + 1):
        y = point(sides[0], 10.0**decade)[1]
        label = f"{10.0**decade:g} ns" if decade < 3 else f"{10.0 ** (decade - 3):g} µs"
        parts.append(f'<line x1="80" x2="640" y1="{y:.0f}" y2="{y:.0f}" stroke="#e3e7ee"/>')
        parts.append(f'<text x="70" y="{y + 4:.0f}" text-anchor="end">{label}</text>')
    for k in sides:
        if k != 17:  # no room beside 15
            parts.append(f'<text x="{point(k, 1.0)[0]:.0f}" y="292" text-anchor="middle">{k}×{k}</text>')
    for i, (name, line) in enumerate(lines.items()):
        colour, at = COLOURS[name], [point(k, v) for k, v in line]
        dots = " ".join(f"{x:.1f},{y:.1f}" for x, y in at)
        parts.append(f'<polyline points="{dots}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in at]
        parts.append(f'<rect x="672" y="{30 + 24 * i}" width="22" height="8" rx="3" fill="{colour}"/>')
        parts.append(f'<text x="704" y="{38 + 24 * i}" font-size="13">{name}</text>')
    return "".join([*parts, "</svg>"])


def samples(places: int) -> list[tuple[str, ap.Order]]:
    """One order statistic of each class that has parameters, for windows of `places` elements."""
    fading = np.linspace(2, 0, places) / places
    return [
        ("ap.Quantile(0.9)", ap.Quantile(0.9)),
        ("ap.Rank(4)", ap.Rank(4)),
        ("ap.Range(0.1, 0.9)", ap.Range(0.1, 0.9)),
        ("ap.TrimmedMean(0.2, 0.2)", ap.TrimmedMean(0.2, 0.2)),
        ("ap.TopKMean(5)", ap.TopKMean(5)),
        ("ap.KMax(3)", ap.KMax(3)),
        ("ap.Ordinal(fading)", ap.Ordinal(fading)),
    ]
