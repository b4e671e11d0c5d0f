"""show(): one call as a picture: before and after, the windows, one window's arithmetic, coverage, gradient, origin."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..api import library_of, plan_of, pool
from ..errors import PoolingError
from ..plan import Grid
from . import canvas
from .parts import arithmetic, coverage, gradient_share, positions, sources

SMALL = 16  # up to so many rows and columns the numbers are written and every window is drawn
LARGEST = 4096


@dataclass(frozen=True)
class Picture:
    """A drawn call; `save` writes PNG, SVG or HTML, a notebook shows it by itself, and print gives the arithmetic."""

    title: str
    text: str
    drawn: Any

    def save(self, path: str | Path) -> Path:
        """Write as PNG, SVG or HTML, by the name's ending."""
        return canvas.write(self.drawn, path, self.title)

    def _repr_html_(self) -> str:
        return canvas.svg(self.drawn)

    def _repr_png_(self) -> bytes:
        return canvas.saved(self.drawn, "png")

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__


def show(
    x: Any, windows: Any, reduction: Any = "mean", *, axes: Any = None, window: tuple[int, ...] | None = None
) -> Picture:
    """Draw one pooling of a row, a plane or a colour image: before and after at one scale, with what each window did.

    window: which output is written out; the middle one if None. An array of more axes shows its first plane, a colour
    image (last axis 3 or 4) its colours. The panels: the windows on the grid; the result at the same scale; how many windows see each input; the
    gradient's share of each input; and, for max, median and the like, where each result came from. Raises PoolingError.

    >>> import anypool as ap
    >>> print(show(np.array([[1.0, 5.0], [2.0, 4.0]]), ap.sliding((2, 2)), "max"))
    2 × 2 → 1 × 1, max
    window (0, 0): max of {1, 5, 2, 4} = 5  (max xᵢ)
    """
    array = x.detach().cpu().numpy() if hasattr(x, "detach") else np.asarray(x)
    library_of(x).array(x)
    if isinstance(reduction, (tuple, list)):
        raise PoolingError("show draws one reduction at a time: give one of them")
    plane, colour, at = _plane(array, windows, axes)
    grid = plan_of(windows, plane.shape, at)
    if not isinstance(grid, Grid):
        raise PoolingError(
            f"show draws windows that lie on one grid, and {windows!r} does not; a pyramid's levels: .apart()"
        )
    if max(plane.shape) > LARGEST or not plane.size or 0 in grid.out_shape:
        raise PoolingError(f"a picture of {plane.shape} → {grid.out_shape}: give lengths from 1 to {LARGEST}")
    y: Any = np.asarray(pool(plane, windows, reduction, axes=at))
    if window is None:
        window = tuple((n - 1) // 2 for n in grid.windows_shape)
    if len(window) != len(grid.at) or any(not 0 <= w < n for w, n in zip(window, grid.windows_shape, strict=True)):
        raise PoolingError(f"window={window}: the result has windows {grid.windows_shape}, counted from 0")
    if len(grid.at) < plane.ndim:
        text = f"rows {tuple(grid.at)} of {plane.shape} are pooled"
    else:
        text = arithmetic(plane, grid, window, reduction, float(y[window]))
    name = reduction if isinstance(reduction, str) else repr(reduction)
    sizes = f"{' × '.join(map(str, plane.shape))} → {' × '.join(map(str, y.shape))}, {name}"
    share = gradient_share(plane, windows, reduction, at)
    came = sources(plane, windows, reduction, at)
    drawn = _draw(
        plane,
        colour,
        y,
        windows,
        reduction,
        at,
        grid,
        window,
        share,
        came,
        f"{sizes}\n{textwrap.fill(text if len(text) < 300 else text[:297] + '…', 150)}",
    )
    return Picture(f"anypool: {sizes}", f"{sizes}\n{text}", drawn)


def _plane(array: NDArray[Any], windows: Any, axes: Any) -> tuple[NDArray[Any], NDArray[Any] | None, Any]:
    """What is drawn: a row or plane of numbers, the colours if any, and the pooled axes of the plane."""
    if array.dtype.kind not in "buif":
        raise PoolingError(f"x of dtype {array.dtype} cannot be drawn")
    if array.ndim == 3 and array.shape[-1] in (3, 4) and array.shape[0] > 4:
        return array[..., :3].mean(-1), array[..., :3], axes
    size = getattr(windows, "size", None)
    rank = len(size) if isinstance(size, tuple) else None
    keep = 1 if array.ndim == 1 or (rank == 1 and axes is None) else 2
    while array.ndim > keep:
        array, axes = array[0], None
    if array.ndim < 1:
        raise PoolingError("x is a single number: there is nothing to draw")
    return np.asarray(array, np.float64) if array.dtype.kind != "b" else array.astype(np.float64), None, axes


@canvas.styled
def _draw(
    plane: Any,
    colour: Any,
    y: Any,
    windows: Any,
    reduction: Any,
    at: Any,
    grid: Grid,
    window: tuple[int, ...],
    share: Any,
    came: Any,
    title: str,
) -> Any:
    before, after = np.atleast_2d(plane), np.atleast_2d(y)
    full = len(grid.at) == plane.ndim
    small = max(before.shape) <= SMALL
    panels = ["before", "after", "coverage"] + ([] if share is None else ["gradient"])
    wide = max(before.shape[1], after.shape[1]) / max(before.shape[0], after.shape[0], 1)
    height = min(max(3.1 / max(wide, 0.6), 1.1), 5) if not small else min(max(3.0 / wide, 1.0), 4.2)
    made, axes = canvas.figure(3.3 * len(panels), height + 1.0, 1, len(panels), squeeze=False)
    by_name = dict(zip(panels, axes[0], strict=True))
    low, high = float(np.nanmin(plane)), float(np.nanmax(plane))
    room = 1.7 if small else 1.0  # pale enough for numbers to be read
    scale: Any = {"cmap": "Blues" if small else "gray", "vmin": low, "vmax": low + ((high - low) or 1) * room}
    limits = (max(before.shape[1], after.shape[1]), max(before.shape[0], after.shape[0]))
    if colour is not None:
        shown = colour / 255 if colour.dtype.kind in "ui" else colour
        _image(by_name["before"], shown, limits)
        pooled = np.stack(
            [np.asarray(pool(colour[..., c].astype(np.float64), windows, reduction, axes=at)) for c in range(3)], -1
        )
        pooled = pooled / 255 if colour.dtype.kind in "ui" else pooled
        span = float(np.nanmax(pooled) - np.nanmin(pooled)) or 1.0
        inside = np.nanmin(pooled) >= 0 and np.nanmax(pooled) <= 1
        _image(by_name["after"], pooled if inside else (pooled - np.nanmin(pooled)) / span, limits)
    else:
        _image(by_name["before"], before, limits, **scale)
        inside = np.nanmin(after) >= low and np.nanmax(after) <= high
        _image(
            by_name["after"],
            after,
            limits,
            **(
                scale
                if inside
                else {
                    "cmap": scale["cmap"],
                    "vmax": float(np.nanmin(after)) + (float(np.nanmax(after) - np.nanmin(after)) or 1) * room,
                }
            ),
        )
    by_name["before"].set_title("before, and its windows")
    by_name["after"].set_title("after, at the same scale")
    seen = np.atleast_2d(coverage(grid)) if full else np.broadcast_to(1, before.shape)
    _image(
        by_name["coverage"],
        seen,
        (before.shape[1], before.shape[0]),
        cmap="Greens",
        vmin=0,
        vmax=max(float(seen.max()), 1) * room,
    )
    by_name["coverage"].set_title(f"windows that see it: {seen.min()} … {seen.max()}")
    if share is not None:
        most = float(np.abs(share).max()) or 1.0
        signed = bool((share < 0).any())
        _image(
            by_name["gradient"],
            np.atleast_2d(share),
            (before.shape[1], before.shape[0]),
            cmap="RdBu_r" if signed else "Oranges",
            vmin=-most * room if signed else 0,
            vmax=most * room,
        )
        by_name["gradient"].set_title("its share of the gradient")
    if full:
        _boxes(by_name["before"], grid, window, small)
        row, column = (0, *window) if len(window) == 1 else window
        _frame(by_name["after"], column, row, 1, 1, canvas.COLOURS[1], 2.2)
    if small:
        _numbers(by_name["before"], before)
        _numbers(by_name["after"], after)
        _numbers(by_name["coverage"], seen)
        if share is not None:
            _numbers(by_name["gradient"], np.atleast_2d(share))
    if came and full:
        points = [(0, *p) if len(p) == 1 else p for places in came.values() for p in places]
        rows, columns = zip(*points, strict=True)
        by_name["before"].scatter(
            columns, rows, s=90 if small else 8, facecolors="none", edgecolors=canvas.COLOURS[3], linewidths=1.3
        )
        by_name["before"].set_xlabel("circles: where the results came from", fontsize=8)
    made.suptitle(title, fontsize=9, ha="left", x=0.01)
    return made


def _image(axis: Any, pixels: Any, limits: tuple[int, int], **options: Any) -> None:
    axis.imshow(pixels, interpolation="nearest", aspect="equal", **options)
    axis.set_xlim(-0.6, limits[0] - 0.4)
    axis.set_ylim(limits[1] - 0.4, -0.6)
    axis.set_xticks([])
    axis.set_yticks([])
    axis.grid(visible=False)
    for spine in axis.spines.values():
        spine.set_visible(False)


def _numbers(axis: Any, pixels: Any) -> None:
    size = 8 if max(pixels.shape) <= 8 else 5
    for (r, c), value in np.ndenumerate(pixels):
        axis.text(c, r, _short(float(value)), ha="center", va="center", fontsize=size, color=canvas.INK)


def _short(value: float) -> str:
    if not abs(value) < 1e4:
        return f"{value:.0e}" if np.isfinite(value) else str(value)
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _boxes(axis: Any, grid: Grid, chosen: tuple[int, ...], small: bool) -> None:
    """Every window where they are few, else only the chosen one; taps of a dilated window one by one."""
    counts = grid.windows_shape
    some = list(np.ndindex(*counts)) if small and int(np.prod(counts)) <= 64 else []
    for window in [*some, chosen]:
        is_it = window == chosen
        lines = [[p for p in positions(a, w) if p >= 0] for a, w in zip(grid.axes, window, strict=True)]
        if not all(lines):
            continue
        rows, columns = ([0], *lines) if len(lines) == 1 else (lines[0], lines[1])
        colour, width = (canvas.COLOURS[1], 2.2) if is_it else (canvas.INK, 0.6)
        if is_it and any(a.step > 1 for a in grid.axes) and len(rows) * len(columns) <= 400:
            for r in rows:
                for c in columns:
                    _frame(axis, c, r, 1, 1, colour, width)
        else:
            shrink = 0 if is_it else 0.06
            _frame(
                axis,
                min(columns) + shrink,
                min(rows) + shrink,
                max(columns) - min(columns) + 1 - 2 * shrink,
                max(rows) - min(rows) + 1 - 2 * shrink,
                colour,
                width,
            )


def _frame(axis: Any, column: float, row: float, width: float, height: float, colour: str, line: float) -> None:
    from matplotlib.patches import Rectangle

    axis.add_patch(Rectangle((column - 0.5, row - 0.5), width, height, fill=False, edgecolor=colour, linewidth=line))
