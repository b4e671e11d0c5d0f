"""show(): a picture of a call: input, windows, result, coverage, gradient, and the arithmetic of
one window.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..api import pool
from ..arguments import library_of
from ..arrays.incoming import array_of
from ..errors import PoolingError
from ..plan import Grid
from . import canvas
from .irregular import coverage_weights, window_weights, windows_shape
from .panels import SMALL, Frame, Scene, draw
from .subject import Subject, subject_of
from .window_info import Member, arithmetic, coverage, gradient_share, positions, sources, written

LARGEST = 4096
FEW = 64  # up to this number, all windows are drawn


@dataclass(frozen=True)
class Picture:
    """A drawn call; `save` writes PNG, SVG or HTML, a notebook shows it, and print gives the
    arithmetic.
    """

    title: str
    text: str
    drawn: Any

    def save(self, path: str | Path) -> Path:
        """Write PNG, SVG or HTML, by the suffix of the path."""
        return canvas.write(self.drawn, path, self.title)

    def _repr_html_(self) -> str:
        return canvas.svg(self.drawn)

    def _repr_png_(self) -> bytes:
        return canvas.saved(self.drawn, "png")

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__


def show(
    x: Any,
    windows: Any,
    reduction: Any = "mean",
    *,
    axes: Any = None,
    weights: Any = None,
    nan: str = "propagate",
    empty: float | None = None,
    window: tuple[int, ...] | None = None,
) -> Picture:
    """Draw a pooling of a row, a plane or a colour image.

    x: an array, or the name of an image or .npy file. Of an array with more axes the first plane is
    drawn; an array whose last axis has length 3 or 4 is a colour image. reduction: as in `pool`; a
    tuple is drawn with one row for each reduction. window: the output whose arithmetic is printed;
    the middle one if None.

    The panels show the input with the windows, the result at the same scale, the number of windows
    that contain each element, and each element's share of the gradient. Circles mark the elements
    that max, median and other selections take. Groups, boxes, pyramids and regions have one number
    for each window. Raises PoolingError.

    >>> import anypool as ap
    >>> print(show(np.array([[1.0, 5.0], [2.0, 4.0]]), ap.sliding((2, 2)), "max"))
    2 × 2 → 1 × 1, max
    window (0, 0): max of {1, 5, 2, 4} = 5  (max xᵢ)
    """
    if isinstance(x, (str, Path)):
        x, axes = _read(Path(x), axes)
    library_of(x).array(x)
    array = array_of(x, "x")
    reductions = tuple(reduction) if isinstance(reduction, (tuple, list)) else (reduction,)
    if not reductions:
        raise PoolingError("reduction=(): give at least one")
    subject = subject_of(array, windows, axes, weights, {"nan": nan, "empty": empty})
    drawn_by = _grid if isinstance(subject.plan, Grid) else _irregular
    parts = [drawn_by(subject, windows, r, window) for r in reductions]
    texts = [text for _, text in parts]
    scenes = [scene for scene, _ in parts]
    name = scenes[0].name if len(scenes) == 1 else ", ".join(s.name for s in scenes)
    title = f"{subject.sizes}, {name}"
    short = [textwrap.fill(t if len(t) < 300 else t[:297] + "…", 150) for t in texts]
    drawn = draw(scenes, "\n".join([title, *short]))
    return Picture(f"anypool: {title}", "\n".join([title, *texts]), drawn)


def _read(path: Path, axes: Any) -> tuple[Any, Any]:
    """The upright image, or the array, and its pooled axes."""
    from ..files import read

    raster = read(path).coloured()
    if not raster.image or axes is not None:
        return raster.x, axes
    return raster.drawn(raster.pooled_axes(""))


def _chosen(window: tuple[int, ...] | None, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The window whose arithmetic is printed."""
    if window is None:
        return tuple((n - 1) // 2 for n in shape)
    if len(window) != len(shape) or any(not 0 <= w < n for w, n in zip(window, shape, strict=True)):
        raise PoolingError(f"window={window}: the result has windows {shape}, counted from 0")
    return tuple(window)


def _result(subject: Subject, windows: Any, reduction: Any) -> NDArray[Any]:
    """The result: one number for each window."""
    y: Any = np.asarray(pool(subject.x, windows, reduction, axes=subject.axes, **subject.options))
    if y.shape != subject.plan.out_shape:
        raise PoolingError(f"show draws one number for each window; {reduction!r} gives several: result {y.shape}")
    return y


def _named(reduction: Any) -> str:
    return reduction if isinstance(reduction, str) else repr(reduction)


def _grid(subject: Subject, windows: Any, reduction: Any, window: tuple[int, ...] | None) -> tuple[Scene, str]:
    """The scene and the arithmetic of windows on a grid."""
    plane, grid, at = subject.x, subject.plan, subject.axes
    if max(plane.shape) > LARGEST or not plane.size or 0 in grid.out_shape:
        raise PoolingError(f"a picture of {plane.shape} → {grid.out_shape}: give lengths from 1 to {LARGEST}")
    y = _result(subject, windows, reduction)
    window = _chosen(window, grid.windows_shape)
    full = len(grid.pooled_dims) == plane.ndim
    if full:
        text = arithmetic(plane, grid, window, reduction, float(y[window]), subject.weights)
    else:
        text = f"rows {tuple(grid.pooled_dims)} of {plane.shape} are pooled"
    before, after = np.atleast_2d(plane), np.atleast_2d(y)
    share = gradient_share(plane, windows, reduction, at, **subject.options)
    came = sources(plane, windows, reduction, at, **subject.options) if full else {}
    few = max(before.shape) <= SMALL and int(np.prod(grid.windows_shape)) <= FEW
    coverage_map = np.atleast_2d(coverage(grid)) if full else np.broadcast_to(1, before.shape)
    row, column = (0, *window) if len(window) == 1 else window[:2]
    scene = Scene(
        before,
        after,
        _named(reduction),
        coverage_map,
        None if share is None else np.atleast_2d(share),
        subject.coloured(windows, reduction),
        [f for w in np.ndindex(*grid.windows_shape) for f in _frames(grid, w, 0.06, False)] if few and full else [],
        _frames(grid, window, 0, True) if full else [],
        (column, row, 1, 1) if full else None,
        [(0, *p) if len(p) == 1 else p for places in came.values() for p in places],  # type: ignore[misc]
    )
    return scene, text


def _frames(grid: Grid, window: tuple[int, ...], shrink: float, each: bool) -> list[Frame]:
    """The frame of a window; of each element of a dilated window if `each`."""
    lines = [[p for p in positions(a, w) if p >= 0] for a, w in zip(grid.axes, window, strict=True)]
    if not all(lines):
        return []
    rows, columns = ([0], *lines) if len(lines) == 1 else (lines[0], lines[1])
    if each and any(a.step > 1 for a in grid.axes) and len(rows) * len(columns) <= 400:
        return [(c, r, 1, 1) for r in rows for c in columns]
    return [_around(rows, columns, shrink)]


def _around(rows: Any, columns: Any, shrink: float) -> Frame:
    width, height = max(columns) - min(columns) + 1, max(rows) - min(rows) + 1
    return min(columns) + shrink, min(rows) + shrink, width - 2 * shrink, height - 2 * shrink


def _irregular(subject: Subject, windows: Any, reduction: Any, window: tuple[int, ...] | None) -> tuple[Scene, str]:
    """The scene and the arithmetic of groups, boxes, pyramids and regions."""
    plan, x = subject.plan, subject.x
    shape = windows_shape(plan)
    if max(x.shape) > LARGEST or not x.size or 0 in shape:
        raise PoolingError(f"a picture of {x.shape} → {plan.out_shape}: give lengths from 1 to {LARGEST}")
    y = _result(subject, windows, reduction).reshape(shape)
    window = _chosen(window, shape)
    flat = int(np.ravel_multi_index(window, shape))
    image_weights = np.broadcast_to(window_weights(plan, flat), x.shape)
    image = _image_of(plan, image_weights)
    weights = subject.weights
    places = [
        tuple(map(int, p)) for p in np.argwhere((image_weights != 0) & (True if weights is None else weights != 0))
    ]
    members = [Member(p, float(x[p]), float(image_weights[p] * (1 if weights is None else weights[p]))) for p in places]
    place = ", ".join(map(str, window))
    text = written(f"window ({place})", reduction, members, float(y[window]))
    mask = _flat(image_weights[image])
    frames: list[Frame] = []
    if int(np.prod(shape)) <= FEW:
        for other in range(int(np.prod(shape))):
            area = np.argwhere(_flat(np.broadcast_to(window_weights(plan, other), x.shape)[image]) != 0)
            frames += [_around(area[:, 0], area[:, 1], 0.06)] if _rectangle(area) else []
    here = np.argwhere(mask != 0)
    chosen: list[Frame] = [(int(c), int(r), 1, 1) for r, c in here[:400]]
    if _rectangle(here):
        chosen = [_around(here[:, 0], here[:, 1], 0)]
    share = gradient_share(x, windows, reduction, subject.axes, **subject.options)
    after = y.reshape(-1, shape[-1])
    row, column = divmod(flat, shape[-1])
    scene = Scene(
        _flat(x[image]),
        after,
        _named(reduction),
        _flat(np.broadcast_to(coverage_weights(plan), x.shape)[image]),
        None if share is None else _flat(share[image]),
        None,
        frames,
        chosen,
        (column, row, 1, 1),
        [],
        False,
    )
    return scene, text


def _rectangle(places: NDArray[Any]) -> bool:
    """Whether positions in a plane fill their bounding box."""
    return len(places) > 0 and len(places) == int(np.prod(np.ptp(places, 0) + 1))


def _image_of(plan: Any, image_weights: NDArray[Any]) -> tuple[Any, ...]:
    """The plane of x that a window lies in; a box has its own image."""
    index: list[Any] = [slice(None) if n > 1 else 0 for n in image_weights.shape]
    if getattr(plan, "groups", None) is not None:
        first = np.argwhere(image_weights != 0)
        index[plan.pooled_dims[0]] = int(first[0][plan.pooled_dims[0]]) if len(first) else 0
    return tuple(index)


def _flat(plane: NDArray[Any]) -> NDArray[Any]:
    """A row or a plane as an array with two axes."""
    if plane.ndim > 2:
        raise PoolingError(f"show draws windows of a row or a plane; these span {plane.shape}")
    return np.atleast_2d(plane)
