"""Regions of interest: boxes with real-valued corners, each divided into bins."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..arrays import tracing
from ..arrays.adapter import adapter_of
from ..constants import constant, is_constant
from ..errors import PoolingError
from ..plan import AxisIndices, IndexedWindows, Ints
from ..scalars import entries, integer, is_number
from .arguments import among, flag, shown, sizes_of, to_numpy
from .base import MEMORY, Kind
from .deferred import deferred, later, table
from .parse_boxes import offsets_of, rows_of, scales_of
from .roi_sampling import exact, quantised, sampled
from .rotated_boxes import deformed, turned

ENTRY = 256  # bytes of tables and temporaries that one point or bin may take
READINGS = ("quantised", "sampled", "exact")
TURNS = ("clockwise", "counterclockwise")


@dataclass(frozen=True, eq=False)
class Boxes(Kind):
    """Boxes divided into bins; see `boxes`."""

    rows: Any  # (K, columns), an array of NumPy or torch
    images: Ints  # (K,)
    size: tuple[int, ...]
    scale: tuple[float, ...]
    reading: str
    sampling: int
    aligned: bool
    border: float | None
    rotated: str | None
    position_sensitive: bool
    offsets: Any
    gamma: float
    inclusive: bool = True
    made: dict[Any, IndexedWindows] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"boxes({len(self.images)} boxes, {shown(self.size)}, reading={self.reading!r})"

    def deferred(self) -> Any:
        """The same boxes with their corners in the graph."""
        rows = table(self.rows)
        images = table(self.images).to(rows)[:, None]
        made = later("boxes", {"boxes": tracing.beside([images, rows], 1), **self._others()})
        return made if self.inclusive else made.exclusive()

    def arguments(self) -> dict[str, Any]:
        """What makes these windows; whether the end counts apart."""
        rows = to_numpy(self.rows)
        images = self.images.astype(rows.dtype)
        if not np.array_equal(images, self.images):
            raise PoolingError(f"{self!r}: image indices that {rows.dtype} does not hold have no text")
        return {"boxes": np.concatenate([images[:, None], rows], 1), **self._others()}

    def _others(self) -> dict[str, Any]:
        """The arguments beside the corners."""
        outside = "absent" if self.border is None and self.reading != "quantised" else self.border
        names = ("size", "scale", "reading", "sampling", "aligned", "rotated", "position_sensitive", "offsets", "gamma")
        return {**{name: getattr(self, name) for name in names}, "border": outside}

    def exclusive(self) -> Boxes:
        """The same whole elements without the last of each box, and of the axes: R-FCN's, as torchvision counts them."""
        return replace(self, inclusive=False, made={})

    def plan(self, shape: tuple[int, ...], axes: tuple[int, ...] | None) -> IndexedWindows:
        """The IndexedWindows for features of this shape; kept, unless the corners learn."""
        if self.learns:
            return self.lower(shape, axes)
        key = (shape, axes)
        if key not in self.made:
            if len(self.made) > 8:
                self.made.clear()
            self.made[key] = self.lower(shape, axes)
        return self.made[key]

    def counts(self, shape: tuple[Any, ...], axes: tuple[int, ...] | None) -> dict[int, Any]:
        """Boxes along the first pooled axis, bins along the others; fewer channels where each bin has its own."""
        at = self._axes(tuple(shape), axes)
        own = {1: shape[1] // math.prod(self.size)} if self.position_sensitive else {}
        return {**dict(zip(at, (len(self.images), *self.size), strict=True)), **own}

    @property
    def learns(self) -> bool:
        """Whether a gradient for the corners or the offsets is wanted."""
        return any(getattr(t, "requires_grad", False) or _watched(t) for t in (self.rows, self.offsets))

    def lower(self, shape: tuple[int, ...], axes: tuple[int, ...] | None) -> IndexedWindows:
        at = self._axes(shape, axes)
        images, split = shape[at[0]], None
        wrong = (self.images < 0) | (self.images >= images)
        if wrong.any():
            k = int(np.flatnonzero(wrong)[0])
            raise PoolingError(
                f"box {k} is of image {int(self.images[k])}, but x of shape {shape} holds {images} along axis {at[0]}: "
                f"image indices must be 0 to {images - 1}"
            )
        lengths = [shape[a] for a in at[1:]]
        if self.position_sensitive:
            shape, split = self._split(shape, at), self.size
        if self.rotated is not None or self.offsets is not None:
            picks: tuple[AxisIndices, ...] = (self._planar(lengths),)
        else:
            picks = tuple(self._along(k, n) for k, n in enumerate(lengths))
        if split is not None:
            picks = tuple(_beside(p) for p in picks)
        return IndexedWindows(
            shape, at, picks, (len(self.images), *self.size), at, self.images, self.border or 0.0, split
        )

    def _split(self, shape: tuple[int, ...], at: tuple[int, ...]) -> tuple[int, ...]:
        """The shape once each bin's channels lie beside each other."""
        bins = math.prod(self.size)
        if len(shape) != len(self.size) + 2 or at[:1] != (0,) or shape[1] % bins:
            raise PoolingError(
                f"position-sensitive boxes of {shown(self.size)} bins need x of (N, C · {bins}, …), its channels a "
                f"multiple of {bins}; got {shape}"
            )
        return (shape[0], shape[1] // bins, *(o * n for o, n in zip(self.size, shape[2:], strict=True)))

    def _axes(self, shape: tuple[int, ...], axes: tuple[int, ...] | None) -> tuple[int, ...]:
        return _axes_of(len(self.size), shape, axes, repr(self))

    def _along(self, k: int, n: int) -> AxisIndices:
        """Axis k's bins; columns hold the last axis first."""
        rank = len(self.size)
        start = self.rows[:, rank - 1 - k] * self.scale[k]
        end = self.rows[:, 2 * rank - 1 - k] * self.scale[k]
        if self.aligned:
            start, end = start - 0.5, end - 0.5
        if self.reading == "quantised":
            return quantised(start, end, self.size[k], n, self.inclusive)
        if self.reading == "exact":
            return exact(start, end, self.size[k], n, self.border)
        return sampled(start, end, self.size[k], n, self.sampling, self.aligned, self.border)

    def _planar(self, lengths: list[int]) -> AxisIndices:
        place = (self.size, lengths, self.scale, self.sampling, self.aligned, self.border)
        if self.rotated is not None:
            return turned(self.rows, self.rotated, *place)
        return deformed(self.rows, self.offsets, self.gamma, *place)


def _axes_of(rank: int, shape: tuple[Any, ...], axes: tuple[int, ...] | None, what: str) -> tuple[int, ...]:
    """The images' axis and the boxes' own."""
    if axes is None:
        if len(shape) < rank + 1:
            raise PoolingError(
                f"{what} needs x of an image axis and {rank} axes at the end, such as (N, C, {'D, H, W'[-3 * rank + 2 :]}); got {shape}"
            )
        return (0, *range(len(shape) - rank, len(shape)))
    if len(axes) != rank + 1 or list(axes) != sorted(axes):
        raise PoolingError(
            f"axes={axes}: {what} needs {rank + 1} in ascending order, the images' axis and then the boxes'"
        )
    return axes


def _shape(
    given: dict[str, Any], shape: tuple[Any, ...], axes: tuple[int, ...] | None, fresh: Callable[[], Any]
) -> tuple[Any, ...]:
    """Of the result, where the corners are not to be read."""
    rows, columns = np.shape(given["boxes"])
    rank = 2 if given.get("rotated") is not None else columns // 2
    bins = entries(sizes_of(given["size"], "size"), rank, "size")
    many = dict(zip(_axes_of(rank, shape, axes, "boxes(…)"), (rows, *bins), strict=True))
    if given.get("position_sensitive", False):
        many[1] = shape[1] // math.prod(bins)
    return tuple(many.get(a, n) for a, n in enumerate(shape))


@deferred("boxes", "size", shape=_shape)
def boxes(
    boxes: Any,
    size: int | Sequence[int],
    *,
    scale: float | Sequence[float] = 1.0,
    reading: str = "quantised",
    sampling: int = 2,
    aligned: bool = False,
    border: float | str | None = None,
    rotated: str | None = None,
    offsets: Any = None,
    gamma: float = 0.1,
    position_sensitive: bool = False,
) -> Boxes:
    """Regions of interest divided into `size` bins: x of (N, C, …) gives (K, C, *size), a row for each box.

    boxes: (K, 1 + 2·rank) rows of image index, starts, ends with the last axis first, as (b, x1, y1, x2, y2) and in
    3-D (b, x1, y1, z1, x2, y2, z2), in elements of x after `scale`; or a list with one array of (starts, ends) an
    image. size: bins along each axis, in x's order. reading: "quantised" (RoIPool: whole elements, bins overlap),
    "sampled" (RoIAlign: `sampling` interpolated points a bin and axis, 0 = as many as a bin is long) or "exact"
    (PrRoI: the integral of the linear interpolant, every element weighed by its part). aligned: elements' centres
    lie at halves (a shift by -0.5; boxes of size below 1 stay as they are). border: what lies outside x: a number, or
    "absent"; None is the reading's own: 0 for points and integrals, absent for whole elements. rotated: rows are
    (b, x, y, width, height, angle), the angle in degrees "counterclockwise" or "clockwise" as seen with y downwards.
    offsets: (K, rank, *size), last axis first: bins are moved by gamma · the box's size · offset (deformable).
    position_sensitive: x has C · bins channels, and bin b of channel c reads channel c · bins + b (R-FCN).

    A box that is inverted or empty is 1 element long when quantised, 1 long when sampled unaligned, and else holds
    nothing. A window that holds nothing has the reduction's value of nothing (see `empty=` of pool). Gradients reach
    x, and where the reading is continuous ("sampled", "exact") boxes and offsets that are tensors.
    Raises PoolingError for NaN or infinite corners, wrong shapes and image indices out of range.
    Source: Girshick 2015; He 2017 (RoIAlign); Jiang 2018 (PrRoI); Dai 2017 (deformable).

    >>> import numpy as np, anypool as ap
    >>> x = np.arange(64.0).reshape(1, 1, 8, 8)
    >>> ap.pool(x, ap.boxes([[0, 1, 1, 5, 5]], (2, 2), reading="exact"), "mean")
    array([[[[18., 20.],
             [34., 36.]]]])
    """
    if not among(reading, READINGS):
        raise PoolingError(f"reading={reading!r}: use one of {', '.join(map(repr, READINGS))}")
    aligned, position_sensitive = flag(aligned, "aligned"), flag(position_sensitive, "position_sensitive")
    if aligned and reading == "quantised":
        raise PoolingError(
            "aligned=True with reading='quantised': rounding has no half shift; use 'sampled' or 'exact'"
        )
    if rotated is not None and not among(rotated, TURNS):
        raise PoolingError(f"rotated={rotated!r}: say which way angles turn, 'counterclockwise' or 'clockwise'")
    if position_sensitive and (rotated is not None or offsets is not None):
        raise PoolingError("position-sensitive boxes that are rotated or deformed are not defined: choose one")
    if (rotated is not None or offsets is not None) and reading != "sampled":
        raise PoolingError(f"reading={reading!r} of rotated or deformed boxes: only 'sampled' is defined for them")
    if rotated is not None and offsets is not None:
        raise PoolingError("boxes that are rotated and deformed at once are not defined; give rotated= or offsets=")
    rows, images = rows_of(boxes, rotated is not None)
    rank = 2 if rotated is not None else rows.shape[1] // 2
    bins = entries(sizes_of(size, "size"), rank, "size")
    planar = rotated is not None or offsets is not None
    many = integer(sampling, "sampling", 0)
    held = len(images) * math.prod(bins) * max(many if reading == "sampled" else 1, 1) ** (rank if planar else 1)
    if held > MEMORY // ENTRY:
        raise PoolingError(
            f"{len(images)} boxes of {shown(bins)} bins{f' of {many} points an axis' * (many > 1)} do not fit "
            f"in memory; pool fewer at a time"
        )
    if not is_number(gamma) or not math.isfinite(gamma):
        raise PoolingError(
            f"gamma={gamma!r}: use a finite number, by how much of the box's size an offset of 1 moves a bin"
        )
    if not among(border, (None, "absent")) and not is_constant(border):
        raise PoolingError(f"border={border!r}: use a number, 'absent', or None for the reading's own")
    outside = (
        (None if reading == "quantised" else 0.0)
        if border is None
        else None
        if isinstance(border, str)
        else constant(border, "border")
    )
    if reading == "quantised" and outside is not None:
        raise PoolingError("border= with reading='quantised': bins are cut at the edge; use 'sampled' or 'exact'")
    return Boxes(
        rows,
        images,
        bins,
        scales_of(scale, rank),
        reading,
        many,
        aligned,
        outside,
        rotated,
        position_sensitive,
        offsets_of(offsets, len(images), rank, bins, rows),
        float(gamma),
    )


def _beside(p: AxisIndices) -> AxisIndices:
    """Bin o reads the o-th of the parts that lie beside each other."""
    bin_of = np.repeat(np.arange(len(p.offsets) - 1) % p.out, np.diff(p.offsets))
    index = np.where(p.index < 0, -1, bin_of * p.size + p.index)
    return AxisIndices(p.size * p.out, p.out, p.offsets, index, p.taps, p.points_per_element)


def _watched(value: Any) -> bool:
    """Whether torch.func or forward-mode differentiation looks at it."""
    return adapter_of(value).watched()
