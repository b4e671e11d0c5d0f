"""The panels of a picture: input and windows, result, coverage, gradient; one row for each
reduction.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import canvas

SMALL = 16  # up to this length, the numbers are written and every window is drawn
Frame = tuple[float, float, float, float]  # column, row, width, height


@dataclass(frozen=True)
class Scene:
    """The content of one row of panels; arrays have rows and columns, and colours a third axis."""

    before: NDArray[Any]
    after: NDArray[Any]
    name: str  # of the reduction
    coverage: NDArray[Any]
    share: NDArray[Any] | None = None
    colours: tuple[NDArray[Any], NDArray[Any]] | None = None  # before and after
    frames: list[Frame] = field(default_factory=list[Frame])  # of every window, if there are few
    chosen: list[Frame] = field(default_factory=list[Frame])
    cell: Frame | None = None  # the chosen window's result
    points: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])  # the elements that were selected
    same_scale: bool = True


@canvas.styled
def draw(scenes: list[Scene], title: str) -> Any:
    """A figure with a row of panels for each scene."""
    first = scenes[0]
    before, after = first.before, first.after
    panels = ["before", "after", "coverage"] + (["gradient"] if any(s.share is not None for s in scenes) else [])
    wide = max(before.shape[1], after.shape[1]) / max(before.shape[0], after.shape[0], 1)
    small = max(before.shape) <= SMALL
    height = min(max(3.1 / max(wide, 0.6), 1.1), 5) if not small else min(max(3.0 / wide, 1.0), 4.2)
    figure, axes = canvas.figure(3.3 * len(panels), height * len(scenes) + 1.0, len(scenes), len(panels), squeeze=False)
    for scene, row in zip(scenes, axes, strict=True):
        _row(scene, dict(zip(panels, row, strict=True)), len(scenes) > 1)
    figure.suptitle(title, fontsize=9, ha="left", x=0.01)
    return figure


def _row(scene: Scene, panels: dict[str, Any], named: bool) -> None:
    before, after = scene.before, scene.after
    small = max(before.shape) <= SMALL
    room = 1.7 if small else 1.0  # light colours, so that the numbers are readable
    scale = _scale(before, small, room)
    both = (max(before.shape[1], after.shape[1]), max(before.shape[0], after.shape[0]))
    limits = both if scene.same_scale else (before.shape[1], before.shape[0])
    after_limits = both if scene.same_scale else (after.shape[1], after.shape[0])
    if scene.colours is not None:
        shown, pooled = scene.colours
        _image(panels["before"], shown, limits)
        span = float(np.nanmax(pooled) - np.nanmin(pooled)) or 1.0
        inside = np.nanmin(pooled) >= 0 and np.nanmax(pooled) <= 1
        _image(panels["after"], pooled if inside else (pooled - np.nanmin(pooled)) / span, after_limits)
    else:
        _image(panels["before"], before, limits, **scale)
        finite = after[np.isfinite(after)]
        inside = finite.size and finite.min() >= scale["vmin"] and finite.max() <= float(np.nanmax(before))
        _image(panels["after"], after, after_limits, **(scale if inside else _scale(after, small, room)))
    panels["before"].set_title("input, and the windows")
    end = ", at the same scale" if scene.same_scale else ": one number for each window"
    panels["after"].set_title(f"result of {scene.name}{end}" if named else f"result{end}")
    coverage = scene.coverage
    most = max(float(coverage.max()), 1) * room
    plane = (before.shape[1], before.shape[0])
    _image(panels["coverage"], coverage, plane, cmap="Greens", vmin=0, vmax=most)
    panels["coverage"].set_title(f"windows that contain it: {coverage.min():.4g} … {coverage.max():.4g}")
    share = scene.share
    if share is not None:
        most = float(np.abs(share).max()) or 1.0
        signed = bool((share < 0).any())
        low = -most * room if signed else 0
        _image(panels["gradient"], share, plane, cmap="RdBu_r" if signed else "Oranges", vmin=low, vmax=most * room)
        panels["gradient"].set_title("its share of the gradient")
    elif "gradient" in panels:
        panels["gradient"].set_axis_off()
    for frame in scene.frames:
        _frame(panels["before"], frame, canvas.INK, 0.6)
    for frame in scene.chosen:
        _frame(panels["before"], frame, canvas.COLOURS[1], 2.2)
    if scene.cell is not None:
        _frame(panels["after"], scene.cell, canvas.COLOURS[1], 2.2)
    if small:
        _numbers(panels["before"], before)
        _numbers(panels["coverage"], coverage)
        if share is not None:
            _numbers(panels["gradient"], share)
    if small or max(after.shape) <= SMALL:
        _numbers(panels["after"], after)
    if scene.points:
        rows, columns = zip(*scene.points, strict=True)
        style: Any = {"facecolors": "none", "edgecolors": canvas.COLOURS[3], "linewidths": 1.3}
        panels["before"].scatter(columns, rows, s=90 if small else 8, **style)
        panels["before"].set_xlabel("circles: the selected elements", fontsize=8)


def _scale(pixels: Any, small: bool, room: float) -> Any:
    """The range of colours for the finite numbers."""
    finite = pixels[np.isfinite(pixels)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    return {"cmap": "Blues" if small else "gray", "vmin": low, "vmax": low + ((high - low) or 1) * room}


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
    if pixels.size > 512:
        return
    size = 8 if max(pixels.shape) <= 8 else 5
    for (r, c), value in np.ndenumerate(pixels):
        axis.text(c, r, _short(float(value)), ha="center", va="center", fontsize=size, color=canvas.INK)


def _short(value: float) -> str:
    if not abs(value) < 1e4:
        return f"{value:.0e}" if np.isfinite(value) else str(value)
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _frame(axis: Any, frame: Frame, colour: str, line: float) -> None:
    from matplotlib.patches import Rectangle

    column, row, width, height = frame
    place = (column - 0.5, row - 0.5)
    axis.add_patch(Rectangle(place, width, height, fill=False, edgecolor=colour, linewidth=line))
