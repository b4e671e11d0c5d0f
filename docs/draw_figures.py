"""Draw the figures of the pages from plans and results: `python docs/draw_figures.py FOLDER`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import anypool as ap
from anypool.show.canvas import COLOURS, GRID, INK, figure, styled, write
from anypool.show.picture import show
from anypool.show.window_info import coverage, positions

ROOT = Path(__file__).parents[1]

SAMPLE = np.array([[1, 3, 2, 9], [5, 6, 1, 7], [4, 2, 8, 0], [3, 1, 5, 2]], float)


def _bare(axis: Any, columns: float, rows: float) -> None:
    axis.set_xlim(-0.7, columns - 0.3)
    axis.set_ylim(rows - 0.3, -0.7)
    axis.set_xticks([])
    axis.set_yticks([])
    axis.grid(visible=False)
    for spine in axis.spines.values():
        spine.set_visible(False)


def _box(axis: Any, x: float, y: float, wide: float = 1, high: float = 1, **options: Any) -> None:
    from matplotlib.patches import Rectangle

    style: Any = {"fill": False, "edgecolor": INK, "linewidth": 1.0, **options}
    axis.add_patch(Rectangle((x - 0.5, y - 0.5), wide, high, **style))


@styled
def four_ways() -> Any:
    """Four ways from 7 to 3, and one that gives 4: which inputs each output sees along one axis."""
    ways: list[tuple[str, Any]] = [
        ("sliding((3,), stride=2): overlapping, all are read", ap.sliding((3,), 2)),
        ("sliding((2,), stride=2): the last element is dropped", ap.sliding((2,), 2)),
        ("adaptive((3,)): as even as can be, neighbours share", ap.adaptive((3,))),
        ("sliding((3,), stride=3, padding=1): present ones count", ap.sliding((3,), 3, 1)),
        ("sliding((2,), stride=2, ceil_mode=True): gives 4", ap.sliding((2,), 2, ceil_mode=True)),
    ]
    drawing, axes = figure(8.2, 6.6, len(ways), 1)
    for axis, (title, windows) in zip(axes, ways, strict=True):
        line = windows.plan((7,), (0,)).axes[0]
        for i in range(7):
            _box(axis, i, 0, facecolor=GRID, fill=True, edgecolor="white", linewidth=2)
            axis.text(i, 0, str(i), ha="center", va="center")
        for o in range(line.out):
            seen = positions(line, o)
            level = 0.85 + 0.32 * (o % 2)
            axis.plot([seen[0] - 0.42, seen[-1] + 0.42], [level, level], color=COLOURS[o], lw=5, solid_capstyle="butt")
            axis.text(
                (seen[0] + seen[-1]) / 2,
                level + 0.36,
                f"output {o}",
                ha="center",
                va="center",
                fontsize=7,
                color=COLOURS[o],
            )
        axis.set_title(f"{title}   7 → {line.out}", fontsize=9)
        _bare(axis, 7, 2.3)
        axis.set_ylim(1.8, -0.6)
    return drawing


@styled
def max_step_by_step() -> Any:
    """Max pooling 2×2, stride 2, window by window."""
    windows = ap.sliding((2, 2))
    y: Any = ap.pool(SAMPLE, windows, "max")
    grid = windows.plan((4, 4), None)
    drawing, axes = figure(9.6, 4.6, 2, 4)
    for step, (out, axis, below) in enumerate(zip(np.ndindex(2, 2), axes[0], axes[1], strict=True)):
        rows, columns = (positions(a, o) for a, o in zip(grid.axes, out, strict=True))
        best = max(((r, c) for r in rows for c in columns), key=lambda p: SAMPLE[p])
        for (r, c), value in np.ndenumerate(SAMPLE):
            inside = r in rows and c in columns
            _box(axis, c, r, facecolor="#dbe9f9" if inside else "white", fill=True, edgecolor=GRID)
            axis.text(
                c,
                r,
                f"{value:g}",
                ha="center",
                va="center",
                weight="bold" if (r, c) == best else "normal",
                color=COLOURS[3] if (r, c) == best else INK,
            )
        _box(axis, columns[0], rows[0], 2, 2, edgecolor=COLOURS[1], linewidth=2.5)
        axis.set_title(
            f"step {step + 1}: max of {', '.join(f'{SAMPLE[r, c]:g}' for r in rows for c in columns)}", fontsize=9
        )
        _bare(axis, 4, 4)
        axis.set_aspect("equal")
        for number, (r, c) in enumerate(np.ndindex(2, 2)):
            known = number <= step
            _box(
                below,
                c,
                r,
                facecolor="#dbe9f9" if number == step else "white",
                fill=True,
                edgecolor=COLOURS[1] if number == step else GRID,
                linewidth=2.5 if number == step else 1,
            )
            below.text(
                c,
                r,
                f"{y[r, c]:g}" if known else "",
                ha="center",
                va="center",
                weight="bold" if number == step else "normal",
            )
        _bare(below, 4, 2)
        below.set_xlim(-1.7, 2.7)
        below.set_aspect("equal")
    return drawing


@styled
def max_over_time() -> Any:
    """The words of a sentence as vectors: the maximum over time of each feature, and its word."""
    words = ["the", "film", "was", "not", "good", "at", "all"]
    x = np.round(np.random.default_rng(7).normal(0, 1, (6, len(words))), 1)
    y: Any = ap.pool(x, ap.whole(), "max", axes=1)
    places: Any = ap.pool(x, ap.whole(), "argmax", axes=1)
    drawing, axis = figure(8.2, 4.2)
    top = float(np.abs(x).max()) * 1.5
    axis.imshow(x, cmap="RdBu_r", vmin=-top, vmax=top, aspect="auto")
    for (r, c), value in np.ndenumerate(x):
        axis.text(c, r, f"{value:.1f}", ha="center", va="center", fontsize=8)
    at = len(words) + 0.6
    for r in range(len(x)):
        t = int(np.ravel(places)[r])
        _box(axis, t, r, edgecolor=COLOURS[1], linewidth=2.5)
        axis.annotate(
            "",
            (at - 0.5, r + 0.3),
            (t + 0.5, r + 0.3),
            arrowprops={"arrowstyle": "->", "color": COLOURS[1], "lw": 1.2, "alpha": 0.75},
        )
        _box(axis, at, r, facecolor="#fdf0dc", fill=True, edgecolor=COLOURS[1])
        axis.text(at, r, f"{np.ravel(y)[r]:.1f}", ha="center", va="center", fontsize=8, weight="bold")
    axis.set_xlim(-0.5, at + 0.6)
    axis.set_xticks([*range(len(words)), at], [*words, "max over\ntime"])
    axis.set_yticks(range(len(x)), [f"feature {r}" for r in range(len(x))])
    axis.grid(visible=False)
    axis.set_title("each feature keeps its largest value, and the word it came from")
    for spine in axis.spines.values():
        spine.set_visible(False)
    return drawing


@styled
def dilated_taps() -> Any:
    """The taps of a 3×3 window at dilation 1, 2, 3, and the inputs that three layers never read."""
    drawing, axes = figure(9.6, 5.4, 2, 3)
    for axis, d in zip(axes[0], (1, 2, 3), strict=True):
        grid = ap.sliding((3, 3), 1, d, d).plan((9, 9), None)
        rows, columns = (positions(a, 4) for a in grid.axes)
        for r, c in np.ndindex(9, 9):
            hit = r in rows and c in columns
            _box(axis, c, r, facecolor=COLOURS[1] if hit else "white", fill=True, edgecolor=GRID)
        _box(axis, 4, 4, edgecolor=INK, linewidth=2)
        axis.set_title(f"dilation {d}: 9 taps over {2 * d + 1}×{2 * d + 1}", fontsize=9)
        _bare(axis, 9, 9)
        axis.set_aspect("equal")
    n = 17
    for axis, steps in zip(axes[1], ((1, 1, 1), (2, 2, 2), (1, 2, 3)), strict=True):
        ways = np.zeros((n, n))
        ways[n // 2, n // 2] = 1
        for d in steps:  # the adjoint of a symmetric windowed sum is the same sum
            ways = np.asarray(ap.pool(ways, ap.sliding((3, 3), 1, d, d), "sum"))
        axis.imshow(np.where(ways > 0, ways, np.nan), cmap="Oranges", vmin=-ways.max() * 0.3)
        axis.set_title(f"dilations {', '.join(map(str, steps))} see {int((ways > 0).sum())}", fontsize=9)
        for k in range(n + 1):
            axis.axhline(k - 0.5, color=GRID, lw=0.5)
            axis.axvline(k - 0.5, color=GRID, lw=0.5)
        _bare(axis, n, n)
        axis.set_aspect("equal")
    axes[1][1].set_xlabel("gridding: three of four inputs are never read", fontsize=8, color=COLOURS[3])
    axes[1][2].set_xlabel("mixed dilations: no holes", fontsize=8, color=COLOURS[2])
    return drawing


@styled
def edges_seen() -> Any:
    """How many 3×3 windows see each element of a 9×9 plane, at stride 1 and 2."""
    drawing, axes = figure(6.4, 3.3, 1, 2)
    for axis, stride in zip(axes, (1, 2), strict=True):
        seen = coverage(ap.sliding((3, 3), stride).plan((9, 9), None))
        axis.imshow(seen, cmap="Greens", vmin=0, vmax=seen.max() * 1.7)
        for (r, c), value in np.ndenumerate(seen):
            axis.text(c, r, str(value), ha="center", va="center", fontsize=8)
        axis.set_title(f"3×3, stride {stride}: windows that contain it", fontsize=9)
        _bare(axis, 9, 9)
    return drawing


@styled
def median_by_size() -> Any:
    """The time of a median by window size, from the rows of `python -m bench.by_size`."""
    rows = json.loads((ROOT / "bench/results/median-by-size.json").read_text(encoding="utf-8"))["rows"]
    drawing, axes = figure(9.6, 4.2, 1, 2, sharey=True)
    names = list(dict.fromkeys(r["by"] for r in rows))
    for axis, dtype in zip(axes, ("float32", "uint8"), strict=True):
        for name, colour in zip(names, COLOURS, strict=False):
            line = [(r["size"], r["ns"]) for r in rows if r["by"] == name and r["dtype"] == dtype]
            if line:
                wide = 2.4 if name == "anypool" else 1.4
                axis.plot(*zip(*line, strict=True), "o-", color=colour, label=name, linewidth=wide, markersize=3)
        axis.set(xscale="log", yscale="log", title=dtype, xlabel="side of the window")
        axis.set_xticks([3, 5, 9, 15, 31, 63, 101], ["3", "5", "9", "15", "31", "63", "101"], minor=False)
        axis.minorticks_off()
    axes[0].set_ylabel("ns per output")
    lines = {line.get_label(): line for axis in axes for line in axis.get_lines()}  # some libraries take bytes only
    axes[0].legend(handles=list(lines.values()), loc="upper left", ncols=2, fontsize=7)
    return drawing


FIGURES: dict[str, Callable[[], Any]] = {
    "four-ways": four_ways,
    "max-step-by-step": max_step_by_step,
    "max-over-time": max_over_time,
    "dilated-taps": dilated_taps,
    "edges-seen": edges_seen,
    "median-by-size": median_by_size,
}


def draw_all(folder: str | Path, kind: str = "svg") -> list[Path]:
    """Write every figure into a folder, and two pictures of `anypool.show` of a digit."""
    from sklearn.datasets import load_digits

    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    paths = [write(draw(), target / f"{name}.{kind}", name) for name, draw in FIGURES.items()]
    digits: Any = load_digits()
    digit = np.asarray(digits.images[3])
    paths.append(show(digit, ap.sliding((3, 3), 2, 1), "max").save(target / f"show-max.{kind}"))
    paths.append(show(digit, ap.adaptive((3, 3)), "softpool").save(target / f"show-softpool.{kind}"))
    return paths


if __name__ == "__main__":
    for path in draw_all(sys.argv[1] if len(sys.argv) > 1 else ROOT / "docs/figures", *sys.argv[2:3]):
        print(path)
