"""Regions of interest: boxes with real-valued corners, each divided into bins."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..arrays import tracing
from ..arrays.adapter import adapter_of, is_numpy
from ..constants import constant, is_constant
from ..errors import PoolingError
from ..plan import AxisIndices, IndexedWindows, Ints
from ..scalars import entries, integer, is_number
from .arguments import among, flag, shown, sizes_of, to_numpy
from .deferred import deferred, later, table
from .parse_boxes import offsets_of, rows_of, scales_of
from .roi_sampling import exact, quantised, sampled
from .rotated_boxes import deformed_points, rotated_points
from .window_kind import MEMORY, Kind

ENTRY = 256  # upper bound of the bytes of tables and temporaries for one point or bin
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
    plans: dict[Any, IndexedWindows] = field(default_factory=dict[Any, IndexedWindows])

    def __repr__(self) -> str:
        return f"boxes({len(self.images)} boxes, {shown(self.size)}, reading={self.reading!r})"

    def deferred(self) -> Any:
        """The same boxes with their corners as tensors of the graph."""
        rows = table(self.rows)
        images = table(self.images).to(rows)[:, None]
        windows = later("boxes", {"boxes": tracing.beside([images, rows], 1), **self._others()})
        return windows if self.inclusive else windows.exclusive()

    def arguments(self) -> dict[str, Any]:
        """The arguments of the constructor, without `inclusive`."""
        rows = to_numpy(self.rows)
        images = self.images.astype(rows.dtype)
        if not np.array_equal(images, self.images):
            raise PoolingError(f"{self!r}: image indices that {rows.dtype} does not hold have no text")
        return {"boxes": np.concatenate([images[:, None], rows], 1), **self._others()}

    def _others(self) -> dict[str, Any]:
        """The other arguments of the constructor."""
        outside = "absent" if self.border is None and self.reading != "quantised" else self.border
        names = ("size", "scale", "reading", "sampling", "aligned", "rotated", "position_sensitive", "offsets", "gamma")
        return {**{name: getattr(self, name) for name in names}, "border": outside}

    def exclusive(self) -> Boxes:
        """The same boxes without their last element, and without the last element of each axis:
        R-FCN as in torchvision."""
        return replace(self, inclusive=False, plans={})

    def plan(self, shape: tuple[int, ...], axes: tuple[int, ...] | None) -> IndexedWindows:
        """The IndexedWindows for this shape, cached unless corners or offsets require gradients."""
        if self.learns:
            return self.lower(shape, axes)
        key = (shape, axes)
        if key not in self.plans:
            if len(self.plans) > 8:
                self.plans.clear()
            self.plans[key] = self.lower(shape, axes)
        return self.plans[key]

    def counts(self, shape: tuple[Any, ...], axes: tuple[int, ...] | None) -> dict[int, Any]:
        """Boxes along the first pooled axis and bins along the others. Position-sensitive boxes
        also divide the channels."""
        at = self._axes(tuple(shape), axes)
        own = {1: shape[1] // math.prod(self.size)} if self.position_sensitive else {}
        return {**dict(zip(at, (len(self.images), *self.size), strict=True)), **own}

    @property
    def learns(self) -> bool:
        """Whether the corners or the offsets require a gradient."""
        if self.offsets is None and is_numpy(self.rows):
            return False
        return any(getattr(t, "requires_grad", False) or _is_transformed(t) for t in (self.rows, self.offsets))

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
            indices: tuple[AxisIndices, ...] = (self._planar(lengths),)
        else:
            indices = tuple(self._along(k, n) for k, n in enumerate(lengths))
        if split is not None:
            indices = tuple(_bins_side_by_side(p) for p in indices)
        return IndexedWindows(
            shape, at, indices, (len(self.images), *self.size), at, self.images, self.border or 0.0, split
        )

    def _split(self, shape: tuple[int, ...], at: tuple[int, ...]) -> tuple[int, ...]:
        """The shape after the channels of each bin are placed side by side."""
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
        """The bins along axis k. The columns of `rows` begin with the last axis."""
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
        geometry = (self.size, lengths, self.scale, self.sampling, self.aligned, self.border)
        if self.rotated is not None:
            return rotated_points(self.rows, self.rotated, *geometry)
        return deformed_points(self.rows, self.offsets, self.gamma, *geometry)


def _axes_of(rank: int, shape: tuple[Any, ...], axes: tuple[int, ...] | None, what: str) -> tuple[int, ...]:
    """The axis of the images and the pooled axes of the boxes."""
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
    arguments: dict[str, Any], shape: tuple[Any, ...], axes: tuple[int, ...] | None, fresh: Callable[[], Any]
) -> tuple[Any, ...]:
    """The shape of the result, without reading the corners."""
    rows, columns = np.shape(arguments["boxes"])
    rank = 2 if arguments.get("rotated") is not None else columns // 2
    bins = entries(sizes_of(arguments["size"], "size"), rank, "size")
    many = dict(zip(_axes_of(rank, shape, axes, "boxes(…)"), (rows, *bins), strict=True))
    if arguments.get("position_sensitive", False):
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
    """Regions of interest divided into `size` bins: x of (N, C, …) gives (K, C, *size).

    boxes: (K, 1 + 2·rank) rows of image index, starts and ends, last axis first: (b, x1, y1, x2,
    y2), and in 3-D (b, x1, y1, z1, x2, y2, z2). Units are elements of x after `scale`. A list has
    one array of (starts, ends) per image.
    size: the number of bins along each axis, in x's order.
    reading: "quantised" (RoIPool): whole elements; bins overlap. "sampled" (RoIAlign): `sampling`
    interpolated points per bin and axis; 0 means the length of a bin, rounded up. "exact" (PrRoI):
    the integral of the linear interpolant.
    aligned: centres of elements lie at halves, a shift by -0.5. Boxes below 1 are not enlarged.
    border: the value outside x, a number or "absent". None: 0 for "sampled" and "exact", "absent"
    for "quantised".
    rotated: "counterclockwise" or "clockwise" with y downwards; rows are (b, x, y, width, height,
    angle in degrees).
    offsets: (K, rank, *size), last axis first. A bin moves by gamma · size of the box · offset
    (deformable).
    position_sensitive: x has C · bins channels. Bin b of channel c reads c · bins + b (R-FCN).

    An inverted or empty box has length 1 if quantised, or if sampled and not aligned; else it is
    empty. An empty window has the reduction's empty value (see `empty=` of pool). Gradients reach
    x. With "sampled" and "exact", they also reach boxes and offsets that are tensors.
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
    entry_count = len(images) * math.prod(bins) * max(many if reading == "sampled" else 1, 1) ** (rank if planar else 1)
    if entry_count > MEMORY // ENTRY:
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


def _bins_side_by_side(p: AxisIndices) -> AxisIndices:
    """Indices into position-sensitive channels: bin o reads part o of the adjacent parts."""
    bin_of = np.repeat(np.arange(len(p.offsets) - 1) % p.out, np.diff(p.offsets))
    index = np.where(p.index < 0, -1, bin_of * p.size + p.index)
    return AxisIndices(p.size * p.out, p.out, p.offsets, index, p.taps, p.points_per_element)


def _is_transformed(value: Any) -> bool:
    """Whether torch.func or forward-mode differentiation transforms a value."""
    return adapter_of(value).watched()
