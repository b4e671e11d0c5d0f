"""Measurements without training: noise after a pooling, edges of a constant, cost by stride and
dilation.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import windows as kinds
from ..api import pool
from ..explanation import explain
from .hypotheses import Outcome
from .measure import shortest

Facts = list[tuple[str, Outcome]]


def as_html(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of the report."""

    def line(cells: Sequence[str], tag: str) -> str:
        return "<tr>" + "".join(f"<{tag}>{html.escape(c)}</{tag}>" for c in cells) + "</tr>"

    return f"<h2>{html.escape(title)}</h2><table>{line(head, 'th')}{''.join(line(r, 'td') for r in rows)}</table>"


def _fact(expected: str, confirmed: bool, measured: str) -> tuple[str, Outcome]:
    return expected, Outcome("yes" if confirmed else "no", f"{'as expected' if confirmed else 'not so'}: {measured}")


def noise() -> tuple[str, Facts]:
    """The mean and the standard deviation of Gaussian noise after a 2×2 pooling."""
    x = np.random.default_rng(0).standard_normal((2000, 2000))
    results = {r: pool(x, kinds.sliding((2, 2)), r) for r in ("max", "mean")}
    rows = [(r, f"{y.mean():+.3f}", f"{y.std():.3f}") for r, y in results.items()]
    mean, largest = results["mean"], results["max"]
    measured = (
        f"standard deviation {mean.std():.2f} after mean, {largest.std():.2f} after max, "
        f"and max shifts the mean by {largest.mean():+.2f}"
    )
    confirmed = bool(results["mean"].std() < results["max"].std() and results["max"].mean() > 1)
    page = as_html(
        "Gaussian noise of standard deviation 1 after 2×2 poolings (4 million numbers)",
        ("reduction", "mean", "deviation"),
        rows,
    )
    return page, [
        _fact("a 2×2 mean leaves half of Gaussian noise, a maximum 0.70 and a bias of +1.03 (S29)", confirmed, measured)
    ]


def edges() -> tuple[str, Facts]:
    """The mean of a constant image at its edge, and the number of windows that contain each
    column.
    """
    x = np.ones((8, 8))
    rows: list[tuple[str, ...]] = []
    ends: dict[str, float] = {}
    rules: dict[str, Any] = {
        "count='present'": {},
        "count='padded' (torch)": {"count": "padded"},
        "border='reflect'": {"border": "reflect"},
        "border='replicate'": {"border": "replicate"},
        "border=0": {"border": 0},
    }
    for name, options in rules.items():
        y: Any = pool(x, kinds.sliding((3, 3), 1, 1, **options), "mean")
        ends[name] = float(y[0, 0])
        rows.append((name, f"{y[0, 0]:.3f}", f"{y[0, 4]:.3f}", f"{y[4, 4]:.3f}"))
    grid: Any = kinds.sliding((3, 3), 1).plan((8, 8), None)
    coverage_count = np.zeros(8, int)
    for first in grid.axes[1].first:
        coverage_count[first : first + 3] += 1
    coverage = ", ".join(map(str, coverage_count))
    present, padded = ends["count='present'"], ends["count='padded' (torch)"]
    confirmed = present == 1 and padded < 0.5
    page = as_html("The mean 3×3 of a constant 1 with padding 1", ("rule", "corner", "edge", "middle"), rows)
    return page, [
        _fact(
            "dividing by the elements present keeps a constant; counting the padding darkens the edge (S16)",
            confirmed,
            f"corner {present:.2f} and {padded:.2f}",
        ),
        _fact(
            "columns near the edge are in fewer windows (S23)",
            bool(coverage_count[0] < coverage_count[4]),
            f"windows that contain each column: {coverage}",
        ),
    ]


def cost() -> tuple[str, Facts]:
    """The work and the time of poolings of one array by stride and by dilation."""
    x = np.random.default_rng(0).standard_normal((1, 16, 112, 112)).astype(np.float32)
    rows: list[tuple[str, ...]] = []
    operations: dict[tuple[str, int], int] = {}
    for what, values in (("stride", (1, 2, 3, 4)), ("dilation", (1, 2, 4))):
        for n in values:
            windows = kinds.sliding((3, 3), n, 1) if what == "stride" else kinds.sliding((3, 3), 1, n, n)
            plan = explain(x, windows, "max")
            operations[what, n] = plan.operations
            ms = shortest(lambda w=windows: pool(x, w, "max")) * 1e3
            rows.append((f"max 3×3, {what} {n}", "0", f"{plan.operations:,}", f"{plan.bytes_written:,}", f"{ms:.2f}"))
    ratio = operations["stride", 1] / operations["stride", 2]
    wider = operations["dilation", 4] / operations["dilation", 1]
    page = as_html(
        "Cost over 1×16×112×112 float32", ("call", "parameters", "elements read", "bytes written", "ms"), rows
    )
    return page, [
        _fact(
            "the work falls by the square of the stride (S1–S3)",
            3.8 < ratio < 4.2,
            f"stride 2 reads {ratio:.2f} times fewer elements than stride 1",
        ),
        _fact(
            "dilation itself costs nothing at an equal output (S58)",
            0.9 < wider <= 1.001,
            f"dilation 4 reads {wider:.2f} times the elements of dilation 1",
        ),
    ]


MEASURES: dict[str, Callable[[], tuple[str, Facts]]] = {"noise": noise, "edges": edges, "cost": cost}
