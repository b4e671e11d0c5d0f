"""Raster: the numbers of a file, the names of its axes, its palette and its metadata."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import PoolingError

LETTERS = "Y: rows, X: columns, S: samples, T: times, Z: depths, C: channels; Q, I and others: pages"


@dataclass(frozen=True)
class Raster:
    """The content of a file.

    `axes`: a letter for each axis of an image; empty for a plain array.

    `palette`: the colours, (n, 3) or (n, 4), of the labels x. `space`: what the samples are if not
    RGB: CMYK, CIELAB, ICCLAB. `metadata`: copied to a result, by Pillow's names. `lost`: names of
    metadata that are not copied. `tiff`: the metadata of a TIFF. `nodata`: the number that means
    "no value".
    """

    x: Any
    axes: str = ""
    palette: NDArray[Any] | None = None
    space: str = ""
    metadata: dict[str, Any] = field(default_factory=dict[str, Any])
    lost: tuple[str, ...] = ()
    tiff: Any = None
    nodata: float | None = None
    notes: tuple[str, ...] = ()

    @property
    def image(self) -> bool:
        """Whether the axes have names."""
        return bool(self.axes)

    def pooled_axes(self, text: str) -> tuple[int, ...] | None:
        """The pooled axes: the numbers or letters of `text`; without a text, the rows and
        columns.
        """
        if not text:
            return (self.axes.index("Y"), self.axes.index("X")) if self.image else None
        parts = [p.strip() for p in text.split(",") if p.strip()]
        if all(p.lstrip("+-").isdecimal() for p in parts):
            return tuple(int(p) for p in parts)
        letters = "".join(parts).upper()
        if self.image and letters and all(c in self.axes for c in letters):
            return tuple(self.axes.index(c) for c in letters)
        has = f" or letters among {self.axes} ({LETTERS})" if self.image else ""
        raise PoolingError(f"--axes {text!r}: give integers separated by commas{has}")

    def coloured(self) -> Raster:
        """The same image as colours, without a palette."""
        if self.palette is None:
            return self
        return replace(self, x=self.palette[self.x], axes=self.axes + "S", palette=None)

    def oriented(self, code: int) -> Raster:
        """The upright image; `code` is the EXIF orientation (1 to 8)."""
        if code not in range(2, 9):
            return self
        y, x = self.axes.index("Y"), self.axes.index("X")
        upright = np.moveaxis(self.x, (y, x), (0, 1))
        if code in (5, 6, 7, 8):
            upright = upright.swapaxes(0, 1)
        # after the transposition, reverse the rows and the columns
        if code in (3, 4, 7, 8):
            upright = upright[::-1]
        if code in (2, 3, 6, 7):
            upright = upright[:, ::-1]
        return replace(self, x=np.ascontiguousarray(np.moveaxis(upright, (0, 1), (y, x))))

    def pictures(self) -> NDArray[Any]:
        """The numbers as (frames, rows, columns, samples); raises PoolingError for more axes."""
        y, axes = self.x, self.axes
        for c in axes:
            if c not in "YXS" and y.shape[axes.index(c)] == 1 and sum(k not in "YXS" for k in axes) > 1:
                y, axes = y.squeeze(axes.index(c)), axes.replace(c, "", 1)
        others = [c for c in axes if c not in "YXS"]
        if len(others) > 1:
            raise PoolingError(f"an array of axes {self.axes} and shape {tuple(self.x.shape)} is no row of pictures")
        frame = others[0] if others else "T"
        for c in ("S", frame):
            if c not in axes:
                y, axes = y[..., None], axes + c
        return y.transpose([axes.index(c) for c in (frame, "Y", "X", "S")])

    def drawn(self, at: tuple[int, ...] | None) -> tuple[Any, tuple[int, ...] | None]:
        """The (rows, columns) or (rows, columns, colours) that `show` draws, and their pooled axes.

        The first of several pages; transparency and samples that are no colours are left out. Of
        CIELAB, L* is drawn.
        """
        if not self.image or set(at or ()) != {self.axes.index("Y"), self.axes.index("X")}:
            return self.x, at
        y, axes = self.x, self.axes
        for c in self.axes:
            if c not in "YXS":
                y, axes = y.take(0, axes.index(c)), axes.replace(c, "", 1)
        letters = [self.axes[a] for a in at or ()]
        y = y.transpose([axes.index(c) for c in "YXS" if c in axes])
        if self.space == "CMYK":
            y = (1 - y[..., :3] / 255) * (1 - y[..., 3:4] / 255)
        elif y.ndim == 3:
            y = y[..., :3] if y.shape[2] >= 3 and not self.space else y[..., 0]
        return y, tuple("YX".index(c) for c in letters)
