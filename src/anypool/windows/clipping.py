"""Windows of one size inside runs of an axis: clipping at edges and borders, in exact integers."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import PoolingError
from ..plan import Axis, Ints
from .arguments import numbers
from .paddings import cropped

where: Any = np.where  # NumPy's stubs do not know arrays of Python integers
MOST_TABLE = 2**28  # the largest number of entries of a window table


def windows_count(
    n: int, size: int, stride: int, pads: tuple[int, int], dilation: int, ceil_mode: bool, border: Any = "absent"
) -> int:
    """The number of windows by torch's rule. If the border is absent, a window longer than the axis
    counts as one."""
    begin, end, pads = cropped(0, n, pads)
    n = end - begin
    available = n + pads[0] + pads[1] - dilation * (size - 1) - 1
    out = (available + (stride - 1 if ceil_mode else 0)) // stride + 1
    if ceil_mode and out > 0 and (out - 1) * stride >= n + pads[0]:
        out -= 1
    if out <= 0 and n + sum(pads) > 0 and border == "absent":
        return 1
    return max(out, 0)


def runs_axis(
    n: int,
    runs: list[tuple[int, int, int, tuple[int, int]]],
    size: int,
    stride: int,
    dilation: int,
    border: str | float,
) -> Axis:
    """The windows inside each run (begin, end, number of windows, paddings). Python integers are
    used for huge numbers."""
    total = sum(r[2] for r in runs)
    runs = [(*cropped(*r[:2], r[3])[:2], r[2], cropped(*r[:2], r[3])[2]) for r in runs]
    big = max([size * dilation, stride * (total + 1), *(n + sum(r[3]) for r in runs)]) >= 2**61
    kind: Any = object if big else np.int64

    def of_runs(values: list[int]) -> Any:
        return np.repeat(np.array(values, dtype=kind), [r[2] for r in runs])

    begin, end = of_runs([r[0] for r in runs]), of_runs([r[1] for r in runs])
    number = np.concatenate([numbers(r[2]) for r in runs] or [numbers(0)]).astype(kind)
    start = begin + number * stride - of_runs([r[3][0] for r in runs])
    stop_padded = end + of_runs([r[3][1] for r in runs])
    padded: Any = np.clip(-(-(stop_padded - start) // dilation), 0, size)
    if border == "absent":
        skip: Any = np.clip(-((start - begin) // dilation), 0, size)
        until = np.clip(-(-(end - start) // dilation), 0, size)
        length = np.maximum(until - skip, 0)
        first = where(length > 0, start + skip * dilation, begin)
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
    uniform = len(runs) == 1 and (source is None or not big) and stride < 2**61
    step = min(dilation, max(n, 1)) if source is None and most <= 1 else dilation
    return Axis(
        n,
        first.astype(np.int64),
        length.astype(np.int64),
        int(step),
        skip.astype(np.int64),
        padded.astype(np.int64),
        source,
        int(stride) if uniform else 0,
    )


def _private(
    first: Any, length: Any, dilation: int, begin: Any, end: Any, border: str | float
) -> tuple[Any, Ints, int]:
    """A section of the virtual axis for each window: for borders of ragged runs and of huge
    distances."""
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


def edge_sources(low: int, high: int, begin: int, end: int, border: str | float) -> Ints:
    """The real position of each virtual position in [low, high), for an axis that spans [begin,
    end)."""
    if high - low > MOST_TABLE:
        raise PoolingError(
            f"border={border!r}: {high - low} places beyond the edge cannot be tabulated; use border='absent'"
        )
    return _beyond(np.arange(low, high), np.int64(begin), np.int64(end), border)


def _beyond(position: Any, begin: Any, end: Any, border: str | float) -> Ints:
    """The real position of each virtual position; -1 is the constant."""
    n = end - begin
    at = position - begin
    if np.any(np.asarray(n) <= 0) and np.size(at):
        if isinstance(border, str):
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
        at = where(at < n, at, period - at)
    elif border == "symmetric":
        at = at % (2 * n)
        at = where(at < n, at, 2 * n - 1 - at)
    else:
        return where((at < 0) | (at >= n), -1, position).astype(np.int64)
    return np.asarray(at + begin).astype(np.int64)
