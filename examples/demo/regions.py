"""Regions: a box moved by hundredths of a pixel, boxes on a photograph, a spatial pyramid."""

from __future__ import annotations

from typing import Any

import numpy as np

import anypool as ap
from anypool.show.canvas import COLOURS, INK, embedded, figure, saved, styled, svg

from .pictures import bytes_of, png

READINGS = {"quantised": "RoIPool: a staircase", "sampled": "RoIAlign: kinks", "exact": "PrRoI: smooth"}
#: x1, y1, x2, y2 on the 640 × 427 photograph of the temple
BOXES = {"roof": (92, 26, 318, 142), "balcony": (82, 152, 328, 240), "tree": (540, 132, 639, 328)}
REDUCTIONS = ("mean", "max", "min", "median", "std")
LEVELS = (1, 2, 4, 8)


@styled
def by_shift(light: Any) -> str:
    """A box of 6 × 6 pixels moves along a row by 0.01: the mean by each reading, and its change."""
    shifts = np.arange(0, 4, 0.01)
    start, top = 232.0, 176.0
    rows = np.stack(
        [np.zeros_like(shifts), start + shifts, 0 * shifts + top, start + 6 + shifts, 0 * shifts + top + 6], 1
    )
    drawing, axes = figure(9.6, 3.4, 1, 2)
    for (reading, says), colour in zip(READINGS.items(), COLOURS, strict=False):
        moved = rows - [0, 0, 0, 1, 1] if reading == "quantised" else rows  # its last pixel is included
        y = ap.pool(light[None, None], ap.boxes(moved, 1, reading=reading, sampling=3), "mean")[:, 0, 0, 0]
        axes[0].plot(shifts, y, color=colour, label=f"{reading} ({says})", linewidth=1.6)
        slope = np.diff(y) / np.diff(shifts)
        steps = (reading == "quantised") & (np.abs(slope) > 1e-6)  # a jump has no derivative
        axes[1].plot(shifts[:-1], np.where(steps, np.nan, slope), color=colour, linewidth=1.6)
    axes[0].set(title="the mean in the box", xlabel="moved by (pixels)")
    axes[1].set(title="its derivative by the position", xlabel="moved by (pixels)")
    axes[0].margins(y=0.35)
    axes[0].legend(loc="upper center")
    return svg(drawing)


@styled
def by_boxes(photo: Any) -> dict[str, Any]:
    """Boxes on a photograph, and 18 × 18 bins of each in the shape of the box, by several
    reductions."""
    from matplotlib.patches import Rectangle

    drawing, axis = figure(6.4, 4.27)
    axis.imshow(photo)
    axis.set_axis_off()
    for (name, (x1, y1, x2, y2)), colour in zip(BOXES.items(), COLOURS, strict=False):
        axis.add_patch(Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, edgecolor=colour, linewidth=2.5))
        axis.text(
            x1, y1 - 6, name, color="white", fontsize=10, bbox={"facecolor": colour, "edgecolor": INK, "pad": 1.5}
        )
    x = np.moveaxis(photo.astype(np.float32), -1, 0)[None]
    windows = ap.boxes([[0, *box] for box in BOXES.values()], 18, reading="exact")
    rows = [
        {
            "name": f'"{name}"',
            "pictures": [
                _enlarged(y, name, box)
                for y, box in zip(np.asarray(ap.pool(x, windows, name)), BOXES.values(), strict=True)
            ],
        }
        for name in REDUCTIONS
    ]
    return {"photo": embedded(saved(drawing, "png")), "names": list(BOXES), "rows": rows}


def by_levels(photo: Any) -> list[dict[str, str]]:
    """The levels of a spatial pyramid, each of the photograph's proportions."""
    x = photo.astype(np.float32)
    windows = ap.pyramid(LEVELS)
    vector = np.asarray(ap.pool(x, windows, "mean", axes=(0, 1)))
    maps: list[dict[str, str]] = []
    begin = 0
    for level in LEVELS:
        part = vector[begin : begin + level * level].reshape(level, level, -1)
        begin += level * level
        maps.append({"says": f"{level} × {level}", "picture": png(_tiled(bytes_of(part), 160 // level, 240 // level))})
    return maps


def _enlarged(y: Any, name: str, box: tuple[int, ...]) -> str:
    """(C, bins, bins) as a picture in the proportions of the box; a spread is three times as
    bright."""
    plane = np.moveaxis(y, 0, -1) * (3 if name == "std" else 1)
    wide, high = box[2] - box[0], box[3] - box[1]
    return png(_tiled(bytes_of(plane), 6, max(round(6 * wide / high), 1)))


def _tiled(pixels: Any, high: int, wide: int) -> Any:
    return np.repeat(np.repeat(pixels, high, 0), wide, 1)
