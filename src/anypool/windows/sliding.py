"""Sliding windows, over a whole axis or inside segments."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import PoolingError
from ..plan import Axis, Grid
from .arguments import among, at_least, entries, integer, is_number, is_row, last_axes, need_axes, shown, sizes_of
from .kind import MOST_WINDOWS, Kind, ascending, grid_of
from .real import Measures, is_real, measures_of, pads_of, real_axis
from .runs import runs_axis, windows_count
from .taps import freeze_taps, tap_table

BORDERS = ("absent", "reflect", "replicate", "circular")


@dataclass(frozen=True)
class Sliding(Kind):
    """Windows of one size at one distance; see `sliding`."""

    size: Any
    stride: Any
    padding: Any
    dilation: int | tuple[int, ...]
    ceil_mode: bool
    border: str | float
    count: str | float
    taps: Any
    offsets: tuple[int, ...] | None = field(default=None, hash=False)  # compared, but too many to hash each call
    real: bool = False  # tells 2.0 from 2, which are equal

    def plan(self, shape: tuple[int, ...], axes: tuple[int, ...] | None) -> Grid:
        return grid_of(self, shape, _sliding_axes(self, shape, axes))

    def facts(self) -> tuple[Any, ...]:
        """What makes these windows, in the order of the fields."""
        more = (self.dilation, self.ceil_mode, self.border, self.count, self.taps, self.offsets, self.real)
        return (self.size, self.stride, self.padding, *more)

    def symbolic(self) -> bool:
        return self.offsets is None and not self.real

    def counts(self, shape: tuple[Any, ...], axes: tuple[int, ...] | None) -> dict[int, Any]:
        """How many windows lie along each pooled axis."""
        if self.offsets is not None:
            return super().counts(shape, axes)
        at = _sliding_axes(self, shape, axes)
        if self.real:
            return {a: by.count(shape[a]) for a, by in zip(at, self._measures(len(at)), strict=True)}
        sizes = entries(self.size, len(at), "size")
        strides = sizes if self.stride is None else entries(self.stride, len(at), "stride")
        dilations = entries(self.dilation, len(at), "dilation")
        pads = paddings_of(self.padding, sizes, dilations)
        every = zip(at, sizes, strides, pads, dilations, strict=True)
        return {a: windows_count(shape[a], k, s, p, d, self.ceil_mode, self.border) for a, k, s, p, d in every}

    def lower(self, shape: tuple[int, ...], at: tuple[int, ...]) -> Grid:
        """Build the Grid: every entry is read once, in the order of the axes."""
        rank = len(at)
        fill = float(self.border) if not isinstance(self.border, str) else None
        if self.real:
            parts = [real_axis(shape[a], by, a) for a, by in zip(at, self._measures(rank), strict=True)]
            return ascending(shape, at, parts, fill, self.count)
        sizes = entries(self.size, rank, "size")
        strides = sizes if self.stride is None else entries(self.stride, rank, "stride")
        dilations = entries(self.dilation, rank, "dilation")
        paddings = paddings_of(self.padding, sizes, dilations)
        for name, values in (("size", sizes), ("stride", strides), ("dilation", dilations)):
            if min(values) < 1:
                raise PoolingError(f"{name}={shown(values)}: entries must be at least 1")
        taps = None if self.taps is None else tap_table(self.taps, sizes)
        if self.offsets is not None:
            parts = [
                _inside_segments(
                    shape[at[0]],
                    self.offsets,
                    sizes[0],
                    strides[0],
                    paddings[0],
                    dilations[0],
                    self.ceil_mode,
                    self.border,
                )
            ]
        else:
            parts = [
                _sliding_axis(shape[a], size, stride, pads, dilation, self.ceil_mode, self.border, a)
                for a, size, stride, pads, dilation in zip(at, sizes, strides, paddings, dilations, strict=True)
            ]
        return ascending(shape, at, parts, fill, self.count, taps)

    def _measures(self, rank: int) -> list[Measures]:
        """Each axis of real-valued windows, in exact fractions."""
        sizes = entries(self.size, rank, "size")
        strides = sizes if self.stride is None else entries(self.stride, rank, "stride")
        pads = [pads_of(self.padding, size, i, rank) for i, size in enumerate(sizes)]
        every = zip(sizes, strides, pads, strict=True)
        return [Measures(k, s, p, self.ceil_mode, self.border) for k, s, p in every]


def sliding(
    size: float | Sequence[float],
    stride: float | Sequence[float] | None = None,
    padding: Any = 0,
    dilation: int | Sequence[int] = 1,
    *,
    ceil_mode: bool = False,
    border: str | float = "absent",
    count: str | float = "present",
    taps: Any = None,
) -> Sliding:
    """Windows of `size` elements, `stride` apart (default: the size), over padded axes.

    `padding`: an int, one int an axis, (before, after) pairs, or "same". `dilation`: distance between
    neighbours in a window. `ceil_mode`: keep a last window that overhangs. `border`: what lies beyond
    the edge: "absent", "reflect", "replicate", "circular" or a number. `count`: what a mean divides by:
    "present", "padded" or a number. `taps`: a weight for each place of the window, one array an axis or
    one of the window's shape. torch's numbers for output lengths and ceil_mode.

    A float in `size` or `stride` makes the window real-valued: window o is the interval from o·stride − padding, `size`
    long; element i is the interval from i to i + 1 and weighs what of it the window covers, exactly. So a mean with
    size = stride = n / out is an area resize. Floats stand for the simple fraction nearest to them (7/3 is 7/3), there are
    ⌊(n + paddings − size) / stride⌋ + 1 windows, paddings may be real too, "padded" is the length inside the padded input.
    For a maximum and the like an element counts where it is covered at all. No dilation and no taps.
    Raises PoolingError for sizes that are not above 0, and for strings.

    >>> import numpy as np, anypool as ap
    >>> ap.pool(np.arange(8.0).reshape(2, 4), sliding((2, 2)), "max")
    array([[5., 7.]])
    """
    if (border not in BORDERS) if isinstance(border, str) else not is_number(border):
        raise PoolingError(f"border={border!r}: use one of {', '.join(map(repr, BORDERS))} or a number")
    if (
        count not in ("present", "padded")
        if isinstance(count, str)
        else not is_number(count) or count == 0 or abs(count) == math.inf
    ):
        raise PoolingError(f"count={count!r}: use 'present', 'padded' or a finite number other than 0")
    if not among(ceil_mode, (True, False)):
        raise PoolingError(f"ceil_mode={ceil_mode!r}: use True or False")
    if is_real(size, stride):
        gaps = sizes_of(dilation, "dilation")
        if taps is not None or set(gaps if isinstance(gaps, tuple) else (gaps,)) != {1}:
            raise PoolingError(
                f"size={size!r}, stride={stride!r} with {'taps' if taps is not None else f'dilation={dilation!r}'}: a real-valued "
                "window is an interval, which has neither taps nor dilation; use integers, such as 2 in place of 2.0"
            )
        return Sliding(
            measures_of(size, "size"),
            None if stride is None else measures_of(stride, "stride"),
            padding if isinstance(padding, str) else measures_of(padding, "padding"),
            1,
            bool(ceil_mode),
            border if isinstance(border, str) else float(border),
            count if isinstance(count, str) else float(count),
            None,
            None,
            True,
        )
    return Sliding(
        sizes_of(size, "size"),
        None if stride is None else sizes_of(stride, "stride"),
        padding if isinstance(padding, str) else freeze_padding(padding),
        sizes_of(dilation, "dilation"),
        bool(ceil_mode),
        border if isinstance(border, str) else float(border),
        count if isinstance(count, str) else float(count),
        None if taps is None else freeze_taps(taps),
    )


def _sliding_axis(
    n: int, size: int, stride: int, pads: tuple[int, int], dilation: int, ceil_mode: bool, border: str | float, a: int
) -> Axis:
    out = windows_count(n, size, stride, pads, dilation, ceil_mode, border)
    if out == 0 and n + sum(pads) > 0:
        raise PoolingError(
            f"a window of {size} (dilation {dilation}) does not fit axis {a} of length {n} padded by {pads}; "
            f"pad more or use at most {n + sum(pads)}"
        )
    if out > MOST_WINDOWS:
        raise PoolingError(
            f"{out} windows on axis {a}: a result of that length cannot fit in memory; use a larger stride or less padding"
        )
    return runs_axis(n, [(0, n, out)], size, stride, pads, dilation, border)


def _inside_segments(
    n: int,
    offsets: tuple[int, ...],
    size: int,
    stride: int,
    pads: tuple[int, int],
    dilation: int,
    ceil_mode: bool,
    border: str | float,
) -> Axis:
    runs = [
        (a, b, windows_count(b - a, size, stride, pads, dilation, ceil_mode, border))
        for a, b in itertools.pairwise(offsets)
    ]
    return runs_axis(n, runs, size, stride, pads, dilation, border)


def _sliding_axes(windows: Sliding, shape: tuple[int, ...], axes: tuple[int, ...] | None) -> tuple[int, ...]:
    if windows.offsets is not None:
        at = need_axes(axes, "segments(…).sliding(…)", "the axis they lie on, such as axes=0")
        one_axis_offsets(windows.offsets, shape, at)
        return at
    if isinstance(windows.size, tuple):
        return last_axes(axes, len(windows.size), shape, f"size={shown(windows.size)}")
    size = windows.size
    return need_axes(
        axes,
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


def freeze_padding(padding: Any) -> Any:
    if is_row(padding):
        row: list[Any] = []
        for entry in padding:
            if is_row(entry):
                pair = tuple(at_least(integer(v, "padding"), 0, "padding") for v in entry)
                if len(pair) != 2:
                    raise PoolingError(f"padding entry {pair}: a pair is (before, after)")
                row.append(pair)
            else:
                row.append(at_least(integer(entry, "padding"), 0, "padding"))
        if not row:
            raise PoolingError("padding=(): give one entry for each pooled axis")
        return tuple(row)
    return at_least(integer(padding, "padding"), 0, "padding")


def paddings_of(padding: Any, sizes: tuple[int, ...], dilations: tuple[int, ...]) -> list[tuple[int, int]]:
    if isinstance(padding, str):
        if padding != "same":
            raise PoolingError(f"padding={padding!r}: use an int, ints, (before, after) pairs or 'same'")
        totals = [d * (k - 1) for k, d in zip(sizes, dilations, strict=True)]
        return [(t // 2, t - t // 2) for t in totals]
    row = padding if isinstance(padding, tuple) else (padding,) * len(sizes)
    if len(row) == 1:
        row = row * len(sizes)
    if len(row) != len(sizes):
        raise PoolingError(
            f"padding={shown(row)} has {len(row)} entries for {len(sizes)} pooled axes; one axis with a pair is ((before, after),)"
        )
    return [entry if isinstance(entry, tuple) else (entry, entry) for entry in row]
