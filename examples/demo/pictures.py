"""Pictures of arrays and of windows, as PNG and SVG inside the page."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np

from anypool.arguments import plan_of
from anypool.plan import Axis

COLOURS = ("#e4572e", "#17b890", "#3d7dff", "#f2b134")


def png(pixels: Any) -> str:
    """An image of bytes (gray or RGB) as a data address."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def bytes_of(y: Any) -> Any:
    """A colour image pooled to floats, as bytes again."""
    return np.clip(np.rint(np.asarray(y, np.float64)), 0, 255).astype(np.uint8)


def gray(y: Any) -> Any:
    """Values from 0 to 1 as gray."""
    return bytes_of(np.asarray(y, np.float64) * 255)


def mapped(y: Any) -> Any:
    """Other values, from their least to their greatest, in the colours of viridis."""
    import matplotlib

    y = np.asarray(y, np.float64)
    finite = np.isfinite(y)
    low, high = (float(y[finite].min()), float(y[finite].max())) if finite.any() else (0.0, 0.0)
    scaled = (np.where(finite, y, low) - low) / ((high - low) or 1.0)
    colours: Any = matplotlib.colormaps["viridis"](scaled)
    return bytes_of(colours[..., :3] * 255)


def ends(y: Any) -> str:
    """The least and the greatest value, for a caption."""
    low, high = float(np.min(y)), float(np.max(y))
    texts = [f"{v:,.0f}" if abs(v) >= 100 else f"{v:.3g}" for v in (low, high)]
    return " … ".join(dict.fromkeys(texts))


def drawn_windows(pixels: Any, windows: Any, axes: tuple[int, ...], zoom: int) -> str:
    """A crop with its pixel grid and four windows of the library's plan, as SVG."""
    rows, columns = pixels.shape[:2]
    spans = _spans(windows, (rows, columns), axes)
    room = max(0, *(-first for axis in spans for first, _, _ in axis)) * zoom
    width, height = columns * zoom, rows * zoom
    parts = [_picture(pixels, width, height), _grid(rows, columns, zoom)]
    for colour, (i, j) in zip(COLOURS, _chosen(len(spans[0]), len(spans[1])), strict=False):
        parts.append(_window(spans[0][i], spans[1][j], zoom, colour))
    box = f"{-room} {-room} {width + 2 * room} {height + 2 * room}"
    return f'<svg viewBox="{box}" width="{width + 2 * room}" height="{height + 2 * room}" role="img">{"".join(parts)}</svg>'


def drawn_result(pixels: Any, width: int, height: int) -> str:
    """A result enlarged to a box, as SVG; frames in colour mark the cells of the four windows."""
    rows, columns = pixels.shape[:2]
    across, down = width / columns, height / rows
    parts = [_picture(pixels, width, height)]
    for colour, (i, j) in zip(COLOURS, _chosen(rows, columns), strict=False):
        parts.append(
            f'<rect x="{j * across:.2f}" y="{i * down:.2f}" width="{across:.2f}" height="{down:.2f}" fill="none"'
            f' stroke="{colour}" stroke-width="2.5"/>'
        )
    return f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">{"".join(parts)}</svg>'


def _spans(windows: Any, shape: tuple[int, int], axes: tuple[int, ...]) -> list[list[tuple[int, int, int]]]:
    """For rows and columns: the first position of each window before clipping, its length, its
    step."""
    grid = plan_of(windows, shape, axes)
    pooled = dict(zip(grid.pooled_dims, grid.axes, strict=True))
    sizes = getattr(windows, "size", None)
    spans: list[list[tuple[int, int, int]]] = []
    for at in (0, 1):
        axis: Axis | None = pooled.get(at)
        if axis is None:
            spans.append([(i, 1, 1) for i in range(shape[at])])
            continue
        full = sizes[axes.index(at)] if isinstance(sizes, tuple) else 0
        rows = zip(axis.first, axis.absent_before, axis.length, strict=True)
        spans.append([(int(f - s * axis.step), int(full or n), axis.step) for f, s, n in rows])
    return spans


def _chosen(rows: int, columns: int) -> list[tuple[int, int]]:
    """Four windows: the first, its right neighbour, the one below, and one in the middle."""
    wanted = [(0, 0), (0, min(1, columns - 1)), (min(1, rows - 1), 0), (rows // 2, columns * 2 // 3)]
    return list(dict.fromkeys(wanted))


def _window(down: tuple[int, int, int], across: tuple[int, int, int], zoom: int, colour: str) -> str:
    (y, rows, step_y), (x, columns, step_x) = down, across
    width, height = ((columns - 1) * step_x + 1) * zoom, ((rows - 1) * step_y + 1) * zoom
    frame = (
        f'<rect x="{x * zoom + 1}" y="{y * zoom + 1}" width="{width - 2}" height="{height - 2}" rx="2" fill="{colour}"'
        f' fill-opacity=".18" stroke="{colour}" stroke-width="2.5"/>'
    )
    if step_x == step_y == 1:
        return frame
    dots = [
        f'<circle cx="{(x + i * step_x + 0.5) * zoom}" cy="{(y + j * step_y + 0.5) * zoom}" r="3.4" fill="{colour}" stroke="#fff"/>'
        for i in range(columns)
        for j in range(rows)
    ]
    return frame + "".join(dots)


def _picture(pixels: Any, width: int, height: int) -> str:
    return f'<image href="{png(pixels)}" width="{width}" height="{height}" preserveAspectRatio="none" style="image-rendering:pixelated"/>'


def _grid(rows: int, columns: int, zoom: int) -> str:
    lines = "".join(f"M{i * zoom} 0V{rows * zoom}" for i in range(columns + 1))
    lines += "".join(f"M0 {j * zoom}H{columns * zoom}" for j in range(rows + 1))
    return f'<path d="{lines}" stroke="#fff" stroke-opacity=".22" stroke-width=".6"/>'
