"""Sliding windows, over a whole axis or inside segments."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..errors import PoolingError
from ..plan import Axis, Grid
from ..scalars import entries, integer, is_number
from .arguments import flag, last_axes, need_axes, shown, sizes_of
from .clipping import runs_axis, windows_count
from .fractional_area import Measures, is_real, measure, measures_of, real_axis
from .paddings import each_padding, freeze_border, freeze_padding, pads_of
from .taps import freeze_footprint, freeze_taps, is_footprint, tap_table
from .window_kind import MOST_WINDOWS, Kind, ascending, grid_of


@dataclass(frozen=True)
class Sliding(Kind):
    """Windows of one size at equal distances; see `sliding`."""

    size: Any
    stride: Any
    padding: Any
    dilation: int | tuple[int, ...]
    ceil_mode: bool
    border: Any  # a name, a number, or a tuple with one for each axis
    count: str | float
    taps: Any
    offsets: tuple[int, ...] | None = field(default=None, hash=False)  # not hashed: there may be many
    real: bool = False  # distinguishes 2.0 from 2, which compare equal

    def plan(self, shape: tuple[int, ...], axes: tuple[int, ...] | None) -> Grid:
        return grid_of(self, shape, _sliding_axes(self, shape, axes))

    def arguments(self) -> dict[str, Any]:
        """The arguments of the constructor; a footprint is the taps."""
        return {
            "size": self.size,
            "stride": self.stride,
            "padding": self.padding,
            "dilation": self.dilation,
            "ceil_mode": self.ceil_mode,
            "border": self.border,
            "count": self.count,
            **({"footprint": self.taps} if is_footprint(self.taps) else {"taps": self.taps}),
        }

    def symbolic(self) -> bool:
        return self.offsets is None and not self.real

    def counts(self, shape: tuple[Any, ...], axes: tuple[int, ...] | None) -> dict[int, Any]:
        """The number of windows along each pooled axis."""
        at = _sliding_axes(self, shape, axes)
        if self.offsets is not None:
            return {at[0]: sum(self.count_of(b - a) for a, b in itertools.pairwise(self.offsets))}
        if self.real:
            return {a: by.count(shape[a]) for a, by in zip(at, self._measures(len(at)), strict=True)}
        return {a: one.count(shape[a]) for a, one in zip(at, self._along(len(at)), strict=True)}

    def count_of(self, n: int) -> int:
        """The number of windows in a run of n elements."""
        return self._along(1)[0].count(n)

    def lower(self, shape: tuple[int, ...], at: tuple[int, ...]) -> Grid:
        """The Grid. Entries are validated in the order of the axes."""
        rank = len(at)
        fill = fill_of(entries(self.border, rank, "border"))
        if self.real:
            parts = [real_axis(shape[a], by, a) for a, by in zip(at, self._measures(rank), strict=True)]
            return ascending(shape, at, parts, fill, self.count)
        each = self._along(rank)
        for name, values in (
            ("size", [one.size for one in each]),
            ("stride", [one.stride for one in each]),
            ("dilation", [one.dilation for one in each]),
        ):
            if min(values) < 1:
                raise PoolingError(f"{name}={shown(values)}: entries must be at least 1")
        taps = None if self.taps is None else tap_table(self.taps, tuple(one.size for one in each))
        if self.offsets is not None:
            parts = [each[0].in_segments(shape[at[0]], self.offsets)]
        else:
            parts = [one.over_axis(shape[a], a) for a, one in zip(at, each, strict=True)]
        return ascending(shape, at, parts, fill, self.count, taps)

    def _along(self, rank: int) -> list[_Along]:
        """The windows along each axis, for integer sizes."""
        sizes = entries(self.size, rank, "size")
        strides = sizes if self.stride is None else entries(self.stride, rank, "stride")
        dilations = entries(self.dilation, rank, "dilation")
        borders = entries(self.border, rank, "border")
        every = zip(sizes, strides, each_padding(self.padding, rank), dilations, borders, strict=True)
        return [_Along(k, s, p, d, b, self.ceil_mode) for k, s, p, d, b in every]

    def _measures(self, rank: int) -> list[Measures]:
        """The windows along each axis, for real-valued sizes."""
        sizes = entries(self.size, rank, "size")
        strides = sizes if self.stride is None else entries(self.stride, rank, "stride")
        borders = entries(self.border, rank, "border")
        every = zip(sizes, strides, each_padding(self.padding, rank), borders, strict=True)
        return [Measures(k, s, p, self.ceil_mode, b) for k, s, p, b in every]


class _Along(NamedTuple):
    """Windows of integer size along one axis."""

    size: Any
    stride: Any
    padding: Any
    dilation: Any
    border: str | float
    ceil_mode: bool

    def pads(self, n: Any) -> tuple[Any, Any]:
        """The paddings before and after n elements."""
        return pads_of(self.padding, n, self.dilation * (self.size - 1) + 1, self.stride)

    def count(self, n: Any) -> Any:
        """The number of windows over n elements; n may be a symbol."""
        if self.padding == "SAME":
            return -(-n // self.stride)
        return windows_count(n, self.size, self.stride, self.pads(n), self.dilation, self.ceil_mode, self.border)

    def over_axis(self, n: int, a: int) -> Axis:
        """The windows over axis a of length n."""
        out, pads = self.count(n), self.pads(n)
        if n + min(pads[0], 0) + min(pads[1], 0) < 0:
            raise PoolingError(f"padding of {pads} crops all of axis {a} of length {n}; crop at most {n}")
        if out == 0 and n + sum(pads) > 0:
            raise PoolingError(
                f"a window of {self.size} (dilation {self.dilation}) does not fit axis {a} of length {n} padded by {pads}; "
                f"pad more or use at most {n + sum(pads)}"
            )
        if out > MOST_WINDOWS:
            raise PoolingError(
                f"{out} windows on axis {a}: a result of that length cannot fit in memory; use a larger stride or less padding"
            )
        return runs_axis(n, [(0, n, out, pads)], self.size, self.stride, self.dilation, self.border)

    def in_segments(self, n: int, offsets: tuple[int, ...]) -> Axis:
        """The windows inside the segments of an axis of length n."""
        runs = [(a, b, self.count(b - a), self.pads(b - a)) for a, b in itertools.pairwise(offsets)]
        return runs_axis(n, runs, self.size, self.stride, self.dilation, self.border)


def fill_of(borders: tuple[Any, ...]) -> Any:
    """The border's constant: None, one number, or one number for each axis."""
    each = tuple(None if isinstance(b, str) else b for b in borders)
    constants = [b for b in each if b is not None]
    return (
        None
        if not constants
        else constants[0]
        if all(b is constants[0] or b == constants[0] for b in constants)
        else each
    )


def sliding(
    size: float | Sequence[float],
    stride: float | Sequence[float] | None = None,
    padding: Any = 0,
    dilation: int | Sequence[int] = 1,
    *,
    ceil_mode: bool = False,
    border: Any = "absent",
    count: str | float = "present",
    taps: Any = None,
    footprint: Any = None,
) -> Sliding:
    """Windows of `size` elements at distances `stride` (default: the size) over padded axes.

    Each argument is one value for all pooled axes, or a tuple with one entry for each.
    padding: an int, a (before, after) pair or a name. Negative numbers crop the axis. "same"
    (torch): size − 1 in total. "SAME" (TensorFlow): the fewest that give ⌈n / stride⌉ windows. In
    both, an odd element goes after the axis. "causal": size − 1 before.
    dilation: the distance between adjacent elements of a window.
    ceil_mode: keep a last window that overhangs the end. Output lengths are torch's.
    border: the values beyond the edge. "absent", "reflect" (c b | a b c; SciPy's "mirror"),
    "symmetric" (b a | a b c; SciPy's "reflect"), "replicate", "circular", or a number that x's
    element type can represent. If two axes have different constants, the corners take that of the
    later axis.
    count: the divisor of a mean: "present", "padded" or a number.
    footprint: an array of the window's shape. A bool array states which positions belong to the
    window; all other positions are absent. Real numbers are the weight of each position.
    taps: the weights as one vector for each axis; of one array, an older spelling of `footprint`.

    A float in `size` or `stride` makes windows real-valued. Window o is the interval [o·stride −
    padding, o·stride − padding + size). Element i is the interval [i, i + 1); its weight is the
    covered fraction, exactly. A mean with size = stride = n / out is an area resize. A float means
    the simple fraction closest to it, so that 7/3 is exact. There are ⌊(n + paddings − size) /
    stride⌋ + 1 windows. Paddings may be real. With count="padded" the divisor is the length inside
    the padded input. Reductions that ignore weights, such as a maximum, include every element that
    is covered in part. Dilation, taps and footprints are not possible.
    Raises PoolingError for sizes of 0 or below, for strings, for taps together with a footprint,
    and for footprints of another shape or without a position.

    >>> import numpy as np, anypool as ap
    >>> ap.pool(np.arange(8.0).reshape(2, 4), sliding((2, 2)), "max")
    array([[5., 7.]])
    >>> cross = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], bool)
    >>> ap.pool(np.arange(9.0).reshape(3, 3), sliding((3, 3), footprint=cross), "max")
    array([[7.]])
    """
    borders = freeze_border(border)
    if taps is not None and footprint is not None:
        raise PoolingError("sliding needs either footprint= (an array) or taps=, its older spelling, and not both")
    if (
        count not in ("present", "padded")
        if isinstance(count, str)
        else not is_number(count) or count == 0 or abs(count) == math.inf
    ):
        raise PoolingError(f"count={count!r}: use 'present', 'padded' or a finite number other than 0")
    ceil_mode = flag(ceil_mode, "ceil_mode")
    if is_real(size, stride):
        gaps = sizes_of(dilation, "dilation")
        if taps is not None or footprint is not None or set(gaps if isinstance(gaps, tuple) else (gaps,)) != {1}:
            more = "taps" if taps is not None else "footprint" if footprint is not None else f"dilation={dilation!r}"
            raise PoolingError(
                f"size={size!r}, stride={stride!r} with {more}: a real-valued window is an interval, which has neither "
                "taps nor dilation; use integers, such as 2 in place of 2.0"
            )
        return Sliding(
            measures_of(size, "size"),
            None if stride is None else measures_of(stride, "stride"),
            freeze_padding(padding, lambda v: measure(v, "padding")),
            1,
            bool(ceil_mode),
            borders,
            count if isinstance(count, str) else float(count),
            None,
            None,
            True,
        )
    sizes = sizes_of(size, "size")
    table = None if taps is None else freeze_taps(taps)
    if footprint is not None:
        sizes, table = freeze_footprint(footprint, sizes)
    return Sliding(
        sizes,
        None if stride is None else sizes_of(stride, "stride"),
        freeze_padding(padding, lambda v: integer(v, "padding")),
        sizes_of(dilation, "dilation"),
        bool(ceil_mode),
        borders,
        count if isinstance(count, str) else float(count),
        table,
    )


def _sliding_axes(windows: Sliding, shape: tuple[int, ...], axes: tuple[int, ...] | None) -> tuple[int, ...]:
    if windows.offsets is not None:
        at = need_axes(axes, shape, "segments(…).sliding(…)", "the axis they lie on, such as axes=0")
        one_axis_offsets(windows.offsets, shape, at)
        return at
    size: int | float | tuple[float, ...] = windows.size
    if isinstance(size, tuple):
        return last_axes(axes, len(size), shape, f"size={shown(size)}")
    return need_axes(
        axes,
        shape,
        f"size={size}",
        f"one entry for each axis, such as size=({size}, {size}) for the last two, or axes=(-2, -1)",
    )


def one_axis_offsets(offsets: tuple[int, ...], shape: tuple[int, ...], at: tuple[int, ...]) -> int:
    if len(at) != 1:
        raise PoolingError(f"segments lie on one axis, but axes={at} names {len(at)}")
    n = shape[at[0]]
    if offsets[-1] > n:
        raise PoolingError(
            f"the last offset {offsets[-1]} lies beyond axis {at[0]} of length {n}; offsets must end at {n} or before"
        )
    return n
