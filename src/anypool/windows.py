"""WHERE: one function per window kind; each lowers to a Grid when it meets a shape."""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Protocol

import numpy as np

from .errors import PoolingError
from .plan import Axis, Grid, Ints

BORDERS = ("absent", "reflect", "replicate", "circular")
MOST_WINDOWS = 2**40  # more results along one axis than any memory holds
MOST_TABLE = 2**28  # entries of a window table that may be built


class Windows(Protocol):
    """A window kind: says its output shape and lowers to a plan."""

    def plan(self, shape: tuple[int, ...], axes: tuple[int, ...] | None) -> Grid:
        """The Grid for an input of this shape."""
        ...


@dataclass(frozen=True)
class _Kind:
    """What every window kind shares."""

    def plan(self, shape: tuple[int, ...], axes: tuple[int, ...] | None) -> Grid:
        raise NotImplementedError

    def output_shape(self, shape: Sequence[int], axes: int | Iterable[int] | None = None) -> tuple[int, ...]:
        """Shape of the result for an input of this shape, without data.

        >>> sliding((3, 3), stride=2, padding=1).output_shape((16, 64, 112, 112))
        (16, 64, 56, 56)
        """
        return self.plan(tuple(integer(n, "a length in shape") for n in shape), normal_axes(axes, len(shape))).out_shape


@dataclass(frozen=True)
class Sliding(_Kind):
    """Windows of one size at one distance; see `sliding`."""

    size: int | tuple[int, ...]
    stride: int | tuple[int, ...] | None
    padding: Any
    dilation: int | tuple[int, ...]
    ceil_mode: bool
    border: str | float
    count: str | float
    taps: Any
    offsets: tuple[int, ...] | None = None

    def plan(self, shape: tuple[int, ...], axes: tuple[int, ...] | None) -> Grid:
        return _grid(self, shape, _sliding_axes(self, shape, axes))

    def lower(self, shape: tuple[int, ...], at: tuple[int, ...]) -> Grid:
        """Build the Grid: every entry is read once, in the order of the axes."""
        rank = len(at)
        sizes = entries(self.size, rank, "size")
        strides = sizes if self.stride is None else entries(self.stride, rank, "stride")
        dilations = entries(self.dilation, rank, "dilation")
        paddings = _paddings(self.padding, sizes, dilations)
        for name, values in (("size", sizes), ("stride", strides), ("dilation", dilations)):
            if min(values) < 1:
                raise PoolingError(f"{name}={_show(values)}: entries must be at least 1")
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
        fill = float(self.border) if not isinstance(self.border, str) else None
        return ascending(shape, at, parts, fill, self.count, taps)


@dataclass(frozen=True)
class Adaptive(_Kind):
    """As many windows as the result shall have; see `adaptive`."""

    output_size: tuple[int | None, ...] | int | None

    def plan(self, shape: tuple[int, ...], axes: tuple[int, ...] | None) -> Grid:
        given = self.output_size
        if not isinstance(given, tuple):
            at = need_axes(axes, f"adaptive({given})", "an output size for each axis, such as adaptive((7, 7))")
            given = (given,) * len(at)
        else:
            at = last_axes(axes, len(given), shape, f"adaptive({_show(given)})")
        return _grid((self, given), shape, at)

    def lower(self, shape: tuple[int, ...], at: tuple[int, ...]) -> Grid:
        given = self.output_size if isinstance(self.output_size, tuple) else (self.output_size,) * len(at)
        parts: list[Axis] = []
        for a, out in zip(at, given, strict=True):
            n = shape[a]
            out = n if out is None else out
            if out > MOST_WINDOWS:
                raise PoolingError(
                    f"adaptive output size {out} on axis {a}: a result of that length cannot fit in memory; ask for less"
                )
            if n == 0 and out > 0:
                raise PoolingError(
                    f"adaptive output size {out} on axis {a} of length 0: nothing to divide; the axis must have at least 1 element"
                )
            o = _range(out)
            first = _times_over(o, n, out, up=False)
            end = _times_over(o + 1, n, out, up=True)
            even = n // out if out and n % out == 0 else 0
            parts.append(Axis(n, first, end - first, 1, np.zeros(out, np.int64), end - first, None, even))
        return ascending(shape, at, parts)


@dataclass(frozen=True)
class Whole(_Kind):
    """One window that holds everything; see `whole`."""

    def plan(self, shape: tuple[int, ...], axes: tuple[int, ...] | None) -> Grid:
        return _grid(self, shape, need_axes(axes, "whole()", "axes, such as axes=(-2, -1) for images"))

    def lower(self, shape: tuple[int, ...], at: tuple[int, ...]) -> Grid:
        zero = np.zeros(1, np.int64)
        return ascending(
            shape,
            at,
            [
                Axis(shape[a], zero, np.array([shape[a]]), 1, zero, np.array([shape[a]]), None, max(shape[a], 1))
                for a in at
            ],
        )


@dataclass(frozen=True)
class Segments(_Kind):
    """Consecutive runs along one axis; see `segments`."""

    offsets: tuple[int, ...]

    def plan(self, shape: tuple[int, ...], axes: tuple[int, ...] | None) -> Grid:
        at = need_axes(axes, "segments(…)", "the axis they lie on, such as axes=0")
        return _grid(self, shape, at)

    def lower(self, shape: tuple[int, ...], at: tuple[int, ...]) -> Grid:
        n = _one_axis_offsets(self.offsets, shape, at)
        bounds = np.array(self.offsets, np.int64)
        length = np.diff(bounds)
        return ascending(shape, at, [Axis(n, bounds[:-1], length, 1, np.zeros(len(length), np.int64), length)])

    def sliding(
        self,
        size: int,
        stride: int | None = None,
        padding: Any = 0,
        dilation: int = 1,
        *,
        ceil_mode: bool = False,
        border: str | float = "absent",
        count: str | float = "present",
        taps: Any = None,
    ) -> Sliding:
        """Sliding windows inside each segment: none crosses a boundary; results lie one segment after the other.

        >>> import anypool as ap
        >>> ap.pool([1.0, 2.0, 3.0, 4.0, 5.0], segments([0, 2, 5]).sliding(2, 1), "max", axes=0)
        array([2., 4., 5.])
        """
        made = sliding((size,), stride, padding, dilation, ceil_mode=ceil_mode, border=border, count=count, taps=taps)
        return replace(made, offsets=self.offsets)

    def sliding_offsets(self, length: int, windows: Sliding) -> tuple[int, ...]:
        """Where each segment's results lie after sliding windows inside segments: n + 1 offsets."""
        counts = [
            _windows_count(b - a, *_one(windows), windows.ceil_mode, windows.border)
            for a, b in zip(self.offsets, self.offsets[1:], strict=False)
        ]
        return tuple(int(v) for v in np.concatenate([[0], np.cumsum(counts)]))


def sliding(
    size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
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
    one of the window's shape. Raises PoolingError for sizes below 1, floats and strings. torch's numbers
    for output lengths and ceil_mode.

    >>> import numpy as np, anypool as ap
    >>> ap.pool(np.arange(8.0).reshape(2, 4), sliding((2, 2)), "max")
    array([[5., 7.]])
    """
    if border not in BORDERS and (isinstance(border, str) or not _is_number(border)):
        raise PoolingError(f"border={border!r}: use one of {', '.join(map(repr, BORDERS))} or a number")
    if count not in ("present", "padded") and (isinstance(count, str) or not _is_number(count) or count == 0):
        raise PoolingError(f"count={count!r}: use 'present', 'padded' or a number other than 0")
    if ceil_mode not in (True, False):
        raise PoolingError(f"ceil_mode={ceil_mode!r}: use True or False")
    return Sliding(
        sizes_of(size, "size"),
        None if stride is None else sizes_of(stride, "stride"),
        padding if isinstance(padding, str) else _freeze_padding(padding),
        sizes_of(dilation, "dilation"),
        bool(ceil_mode),
        border if isinstance(border, str) else float(border),
        count if isinstance(count, str) else float(count),
        None if taps is None else _freeze_taps(taps),
    )


def adaptive(output_size: int | Sequence[int | None] | None) -> Adaptive:
    """As many windows as `output_size` says, o from ⌊o·n/out⌋ to ⌈(o+1)·n/out⌉; None keeps an axis as it is.

    An int needs `axes`; a tuple has one entry a pooled axis. torch's edges, in integer arithmetic.

    >>> import numpy as np, anypool as ap
    >>> ap.pool(np.arange(7.0), adaptive((3,)), "mean")
    array([1., 3., 5.])
    """
    if output_size is None or not isinstance(output_size, Iterable) or isinstance(output_size, str):
        return Adaptive(
            None if output_size is None else _at_least(integer(output_size, "output_size"), 0, "output_size")
        )
    return Adaptive(
        tuple(None if v is None else _at_least(integer(v, "output_size"), 0, "output_size") for v in output_size)
    )


def whole() -> Whole:
    """One window that holds all of the pooled axes, which `axes` must name; their length becomes 1.

    >>> import numpy as np, anypool as ap
    >>> ap.pool(np.ones((2, 3, 4, 4)), whole(), "sum", axes=(-2, -1)).shape
    (2, 3, 1, 1)
    """
    return Whole()


def segments(offsets: Any = None, *, lengths: Any = None) -> Segments:
    """Ragged runs along one axis, without padding: segment s holds offsets[s] … offsets[s+1] − 1.

    n + 1 offsets, which need not start at 0 nor end at the axis' length, or the n `lengths`.
    Segments may be empty. Raises PoolingError for offsets that decrease or are negative.

    >>> import anypool as ap
    >>> ap.pool([1.0, 2.0, 3.0], segments([0, 2, 2, 3]), "sum", axes=0)
    array([3., 0., 3.])
    """
    if (offsets is None) == (lengths is None):
        raise PoolingError("segments needs either offsets (n + 1 of them) or lengths=, and not both")
    values = np.asarray(_to_numpy(offsets if lengths is None else lengths))
    name = "offsets" if lengths is None else "lengths"
    if values.ndim != 1 or (values.size and values.dtype.kind not in "iu"):
        raise PoolingError(f"{name} of shape {values.shape} and dtype {values.dtype}: use a 1-D row of integers")
    values = values.astype(np.int64)
    if lengths is not None:
        if np.any(values < 0):
            raise PoolingError(f"lengths[{int(np.argmax(values < 0))}] = {values.min()}: lengths must be at least 0")
        values = np.concatenate([[0], np.cumsum(values)])
    if not len(values):
        raise PoolingError("offsets is empty: n segments need n + 1 offsets, [0] for none")
    if values[0] < 0 or np.any(np.diff(values) < 0):
        where = int(np.argmax(np.diff(values, prepend=0) < 0))
        raise PoolingError(f"offsets must not decrease nor be negative, but offsets[{where}] = {values[where]}")
    return Segments(tuple(values.tolist()))


# ---- how each kind meets an axis -----------------------------------------------------------------


def _windows_count(
    n: int, size: int, stride: int, pads: tuple[int, int], dilation: int, ceil_mode: bool, border: Any = "absent"
) -> int:
    """How many windows fit: torch's rule; with nothing beyond the edge, a larger window overhangs and is one."""
    room = n + pads[0] + pads[1] - dilation * (size - 1) - 1
    out = (room + (stride - 1 if ceil_mode else 0)) // stride + 1
    if ceil_mode and out > 0 and (out - 1) * stride >= n + pads[0]:
        out -= 1
    if out <= 0 and n + sum(pads) > 0 and border == "absent":
        return 1
    return max(out, 0)


def _sliding_axis(
    n: int, size: int, stride: int, pads: tuple[int, int], dilation: int, ceil_mode: bool, border: str | float, a: int
) -> Axis:
    out = _windows_count(n, size, stride, pads, dilation, ceil_mode, border)
    if out == 0 and n + sum(pads) > 0:
        raise PoolingError(
            f"a window of {size} (dilation {dilation}) does not fit axis {a} of length {n} padded by {pads}; "
            f"pad more or use at most {n + sum(pads)}"
        )
    if out > MOST_WINDOWS:
        raise PoolingError(
            f"{out} windows on axis {a}: a result of that length cannot fit in memory; use a larger stride or less padding"
        )
    return _runs(n, [(0, n, out)], size, stride, pads, dilation, border)


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
        (a, b, _windows_count(b - a, size, stride, pads, dilation, ceil_mode, border))
        for a, b in itertools.pairwise(offsets)
    ]
    return _runs(n, runs, size, stride, pads, dilation, border)


def _runs(
    n: int,
    runs: list[tuple[int, int, int]],
    size: int,
    stride: int,
    pads: tuple[int, int],
    dilation: int,
    border: str | float,
) -> Axis:
    """Windows inside each run (begin, end, how many): clipped in exact integers, so that huge numbers are safe."""
    total = sum(r[2] for r in runs)
    big = max([size * dilation, stride * (total + 1), n + sum(pads)]) >= 2**61
    kind: Any = object if big else np.int64
    begin = np.repeat(np.array([r[0] for r in runs], dtype=kind), [r[2] for r in runs])
    end = np.repeat(np.array([r[1] for r in runs], dtype=kind), [r[2] for r in runs])
    number = np.concatenate([_range(r[2]) for r in runs] or [_range(0)]).astype(kind)
    start = begin + number * stride - pads[0]
    stop_padded = end + pads[1]
    padded = np.clip(-(-(stop_padded - start) // dilation), 0, size)
    if border == "absent":
        skip = np.clip(-((start - begin) // dilation), 0, size)
        until = np.clip(-(-(end - start) // dilation), 0, size)
        length = np.maximum(until - skip, 0)
        first = np.where(length > 0, start + skip * dilation, begin)
        source = None
    else:
        skip, length, first = np.zeros_like(start), padded, start
        if big or int((first + length * dilation).max(initial=0)) - int(first.min(initial=0)) > MOST_TABLE:
            first, source, dilation = _private(first, length, dilation, begin, end, border)
        else:
            low = int(first.min(initial=0))
            high = max(int((first + np.maximum(length - 1, 0) * dilation).max(initial=-1)) + 1, low)
            if len(runs) == 1:
                source = _beyond(np.arange(low, high), runs[0][0], runs[0][1], border)
                first = first - low
            else:
                first, source, dilation = _private(first, length, dilation, begin, end, border)
    most = int(length.max()) if total else 0
    steady = len(runs) == 1 and (source is None or not big) and stride < 2**61
    step = min(dilation, max(n, 1)) if source is None and most <= 1 else dilation
    return Axis(
        n,
        first.astype(np.int64),
        length.astype(np.int64),
        int(step),
        skip.astype(np.int64),
        padded.astype(np.int64),
        source,
        int(stride) if steady else 0,
    )


def _private(
    first: Any, length: Any, dilation: int, begin: Any, end: Any, border: str | float
) -> tuple[Any, Ints, int]:
    """Give each window its own stretch of the imagined axis: for borders of ragged runs and of huge distances."""
    total = int(length.sum())
    if total > MOST_TABLE:
        raise PoolingError(
            f"border={border!r}: {total} places beyond such distances cannot be tabulated; use border='absent'"
        )
    counts = length.astype(np.int64)
    window = np.repeat(np.arange(len(counts)), counts)
    place = np.arange(total) - np.repeat(np.cumsum(counts) - counts, counts)
    position = first[window] + place.astype(first.dtype) * dilation
    return np.cumsum(counts) - counts, _beyond(position, begin[window], end[window], border), 1


def _beyond(position: Any, begin: Any, end: Any, border: str | float) -> Ints:
    """The real position that stands for each imagined one, -1 for the constant."""
    n = end - begin
    at = position - begin
    if np.any(np.asarray(n) <= 0) and np.size(at):
        if border == "circular" or border == "reflect" or border == "replicate":
            raise PoolingError(
                f"border={border!r} on an axis of length 0: there is nothing to repeat; use a number or 'absent'"
            )
    if border == "circular":
        at = at % n
    elif border == "replicate":
        at = np.clip(at, 0, n - 1)
    elif border == "reflect":
        period = np.maximum(2 * (n - 1), 1)
        at = at % period
        at = np.where(at < n, at, period - at)
    else:
        return np.where((at < 0) | (at >= n), -1, position).astype(np.int64)
    return np.asarray(at + begin).astype(np.int64)


# ---- reading arguments ---------------------------------------------------------------------------


def integer(value: Any, name: str) -> int:
    """An int from an int or a NumPy integer; anything else raises."""
    if isinstance(value, (bool, np.bool_)) or isinstance(value, (str, bytes)):
        raise PoolingError(f"{name}={value!r}: use an integer")
    try:
        return operator.index(value)
    except TypeError:
        raise PoolingError(f"{name}={value!r}: use an integer (a {type(value).__name__} is not one)") from None


def sizes_of(value: Any, name: str) -> int | tuple[int, ...]:
    """An int, or a tuple of them; entries below 1 raise."""
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes)) and getattr(value, "ndim", 1) != 0:
        row = tuple(_at_least(integer(v, name), 1, name) for v in value)
        if not row:
            raise PoolingError(f"{name}=(): give one entry for each pooled axis")
        return row
    return _at_least(integer(value, name), 1, name)


def entries(value: int | tuple[int, ...], rank: int, name: str) -> tuple[int, ...]:
    """One entry a pooled axis."""
    if not isinstance(value, tuple):
        return (value,) * rank
    if len(value) == 1 and rank > 1:
        return value * rank
    if len(value) != rank:
        raise PoolingError(
            f"{name}={_show(value)} has {len(value)} entries for {rank} pooled axes; give {rank}, or one int for all"
        )
    return value


def normal_axes(axes: int | Iterable[int] | None, rank: int) -> tuple[int, ...] | None:
    """Axes as non-negative numbers in the order given; repeats and axes out of range raise."""
    if axes is None:
        return None
    given = tuple(axes) if isinstance(axes, Iterable) else (axes,)
    found: list[int] = []
    for axis in given:
        a = integer(axis, "axes")
        if not -rank <= a < rank:
            raise PoolingError(f"axes={given}: axis {a} is out of range for an array of {rank} axes")
        found.append(a % rank)
    if len(set(found)) != len(found):
        raise PoolingError(f"axes={given} names an axis twice")
    if not found:
        raise PoolingError("axes=(): name at least one axis to pool")
    return tuple(found)


def need_axes(axes: tuple[int, ...] | None, what: str, instead: str) -> tuple[int, ...]:
    """The axes, or the error that teaches how to name them."""
    if axes is None:
        raise PoolingError(f"{what} does not say which axes to pool: give {instead}")
    return axes


def last_axes(axes: tuple[int, ...] | None, count: int, shape: tuple[int, ...], what: str) -> tuple[int, ...]:
    """The named axes, or the last `count` ones."""
    if axes is None:
        if count > len(shape):
            raise PoolingError(f"{what} pools {count} axes, but the input of shape {shape} has {len(shape)}")
        return tuple(range(len(shape) - count, len(shape)))
    if len(axes) != count:
        if count == 1:
            return axes
        raise PoolingError(f"{what} has {count} entries, but axes={axes} names {len(axes)} axes")
    return axes


def ascending(
    shape: tuple[int, ...],
    at: tuple[int, ...],
    parts: list[Axis],
    fill: float | None = None,
    divisor: str | float = "present",
    taps: Any = None,
) -> Grid:
    """The Grid with its axes in the array's own order, whatever order they were named in."""
    order = sorted(range(len(at)), key=lambda i: at[i])
    if isinstance(taps, np.ndarray):
        taps = np.transpose(taps, order)
    elif taps is not None:
        taps = tuple(taps[i] for i in order)
    return Grid(shape, tuple(at[i] for i in order), tuple(parts[i] for i in order), fill, divisor, taps)


def _sliding_axes(windows: Sliding, shape: tuple[int, ...], axes: tuple[int, ...] | None) -> tuple[int, ...]:
    if windows.offsets is not None:
        at = need_axes(axes, "segments(…).sliding(…)", "the axis they lie on, such as axes=0")
        _one_axis_offsets(windows.offsets, shape, at)
        return at
    if isinstance(windows.size, tuple):
        return last_axes(axes, len(windows.size), shape, f"size={_show(windows.size)}")
    size = windows.size
    return need_axes(
        axes,
        f"size={size}",
        f"one entry for each axis, such as size=({size}, {size}) for the last two, or axes=(-2, -1)",
    )


def _one_axis_offsets(offsets: tuple[int, ...], shape: tuple[int, ...], at: tuple[int, ...]) -> int:
    if len(at) != 1:
        raise PoolingError(f"segments lie on one axis, but axes={at} names {len(at)}")
    n = shape[at[0]]
    if offsets[-1] > n:
        raise PoolingError(
            f"the last offset {offsets[-1]} lies beyond axis {at[0]} of length {n}; offsets must end at {n} or before"
        )
    return n


def _one(windows: Sliding) -> tuple[int, int, tuple[int, int], int]:
    sizes = entries(windows.size, 1, "size")
    strides = sizes if windows.stride is None else entries(windows.stride, 1, "stride")
    dilations = entries(windows.dilation, 1, "dilation")
    return sizes[0], strides[0], _paddings(windows.padding, sizes, dilations)[0], dilations[0]


def _freeze_padding(padding: Any) -> Any:
    if isinstance(padding, Iterable) and not isinstance(padding, (str, bytes)):
        row: list[Any] = []
        for entry in padding:
            if isinstance(entry, Iterable) and not isinstance(entry, (str, bytes)):
                pair = tuple(_at_least(integer(v, "padding"), 0, "padding") for v in entry)
                if len(pair) != 2:
                    raise PoolingError(f"padding entry {pair}: a pair is (before, after)")
                row.append(pair)
            else:
                row.append(_at_least(integer(entry, "padding"), 0, "padding"))
        if not row:
            raise PoolingError("padding=(): give one entry for each pooled axis")
        return tuple(row)
    return _at_least(integer(padding, "padding"), 0, "padding")


def _paddings(padding: Any, sizes: tuple[int, ...], dilations: tuple[int, ...]) -> list[tuple[int, int]]:
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
            f"padding={_show(row)} has {len(row)} entries for {len(sizes)} pooled axes; one axis with a pair is ((before, after),)"
        )
    return [entry if isinstance(entry, tuple) else (entry, entry) for entry in row]


def _freeze_taps(taps: Any) -> Any:
    if (
        isinstance(taps, (tuple, list))
        and len(taps)
        and isinstance(taps[0], (tuple, list, np.ndarray))
        and _ragged_or_vectors(taps)
    ):
        return tuple(_Table(v) for v in taps)
    return _Table(taps)


def _ragged_or_vectors(taps: Any) -> bool:
    """A tuple of vectors is one an axis; a list of lists is one table."""
    return isinstance(taps, tuple) and all(np.ndim(_to_numpy(v)) == 1 for v in taps)


class _Table:
    """A read-only float array that compares by value, so that windows with taps can be cached."""

    def __init__(self, values: Any) -> None:
        array = np.array(_to_numpy(values))
        if array.dtype.kind not in "biuf":
            raise PoolingError(f"taps of dtype {array.dtype}: use real numbers")
        self.values = array.astype(np.float64)
        if not np.all(np.isfinite(self.values)):
            raise PoolingError("taps hold a NaN or an infinity: use finite numbers")
        self.values.flags.writeable = False

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, _Table)
            and self.values.shape == other.values.shape
            and self.values.tobytes() == other.values.tobytes()
        )

    def __hash__(self) -> int:
        return hash((self.values.shape, self.values.tobytes()))

    def __repr__(self) -> str:
        return f"taps{list(self.values.shape)}"


def tap_table(taps: Any, sizes: tuple[int, ...]) -> Any:
    """Taps checked against the window: one vector an axis, or one array of the window's shape."""
    if isinstance(taps, tuple):
        rows = tuple(t.values for t in taps)
        if len(rows) == 1 and len(sizes) > 1:
            rows = rows * len(sizes)
        if tuple(len(r) for r in rows) != sizes:
            raise PoolingError(
                f"taps of lengths {tuple(len(r) for r in rows)} for a window of {sizes}; give one vector for each axis, as long as the window"
            )
        return rows
    values = taps.values
    if values.ndim == 1 and len(sizes) > 1 and all(values.shape[0] == k for k in sizes):
        return (values,) * len(sizes)
    if values.shape != sizes:
        raise PoolingError(
            f"taps of shape {values.shape} for a window of {sizes}; give that shape, or a tuple of one vector for each axis"
        )
    return (values,) if values.ndim == 1 else values


def _grid(windows: Any, shape: tuple[int, ...], at: tuple[int, ...]) -> Grid:
    kind = windows[0] if isinstance(windows, tuple) else windows
    for n in shape:
        if n < 0:
            raise PoolingError(f"shape {shape}: lengths must be at least 0")
    try:
        return _cached(kind, shape, at)
    except TypeError:
        return kind.lower(shape, at)


@lru_cache(maxsize=1024)
def _cached(kind: Any, shape: tuple[int, ...], at: tuple[int, ...]) -> Grid:
    return kind.lower(shape, at)


def _range(out: int) -> Ints:
    try:
        return np.arange(out, dtype=np.int64)
    except (MemoryError, ValueError):
        raise PoolingError(
            f"{out} windows on one axis cannot fit in memory; use a larger stride or less padding"
        ) from None


def _times_over(o: Ints, n: int, out: int, up: bool) -> Ints:
    """⌊o·n/out⌋ or its ceiling, exactly: in whole and rest, so that no product overflows."""
    if not out:
        return o
    if n * out < 2**62:
        return -(-(o * n) // out) if up else o * n // out
    return np.array([-(-(int(v) * n) // out) if up else int(v) * n // out for v in o], np.int64)


def _at_least(value: int, least: int, name: str) -> int:
    if value < least:
        raise PoolingError(f"{name}={value}: must be at least {least}")
    return value


def _is_number(value: Any) -> bool:
    return (
        isinstance(value, (int, float, np.integer, np.floating))
        and not isinstance(value, bool)
        and not math.isnan(float(value))
    )


def _to_numpy(value: Any) -> Any:
    return value.detach().cpu().numpy() if hasattr(value, "detach") else value


def _show(row: Any) -> str:
    return str(tuple(row)) if isinstance(row, (tuple, list)) else str(row)
