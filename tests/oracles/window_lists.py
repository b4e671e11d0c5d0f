"""Every window of each kind as an explicit list of positions: shares no code with the library."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

V = np.ndarray
CONSTANT = -1
Taps = list[tuple[int, float]]  # (position in the axis or CONSTANT, weight of the place)


@dataclass
class Line:
    """One pooled axis: what each window holds, and how many of its taps lie in the padded input."""

    windows: list[Taps]
    padded: list[int]

    def __add__(self, other: Line) -> Line:
        return Line(self.windows + other.windows, self.padded + other.padded)


def beyond(p: int, n: int, border: Any) -> int | None:
    """The position that stands for p, CONSTANT, or None where nothing is there."""
    if 0 <= p < n:
        return p
    if border == "absent":
        return None
    if border == "circular":
        return p % n
    if border == "replicate":
        return 0 if p < 0 else n - 1
    if border == "symmetric":
        while not 0 <= p < n:
            p = -1 - p if p < 0 else 2 * n - 1 - p
        return p
    if border == "reflect":
        while n > 1 and not 0 <= p < n:
            p = -p if p < 0 else 2 * (n - 1) - p
        return p if n > 1 else 0
    return CONSTANT


def slide(
    n: int,
    size: int,
    stride: int | None = None,
    before: int = 0,
    after: int | None = None,
    dilation: int = 1,
    ceil: bool = False,
    border: Any = "absent",
    taps: Any = None,
    begin: int = 0,
) -> Line:
    """Walk the windows one tap at a time."""
    stride, after = stride or size, before if after is None else after
    line, start = Line([], []), -before
    while True:
        last = start + dilation * (size - 1)
        alone = not line.windows and border == "absent" and n + before + after > 0
        overhangs = ceil and start < n and last - stride < n + after - 1
        if last >= n + after and not overhangs and not alone:
            return line
        seen: Taps = []
        places = [start + dilation * t for t in range(size)]
        for t, p in enumerate(places):
            real = beyond(p, n, border) if p < n + after else None
            if real is not None:
                seen.append((real if real == CONSTANT else real + begin, 1.0 if taps is None else float(taps[t])))
        line.windows.append(seen)
        line.padded.append(sum(p < n + after for p in places))
        start += stride


def divide(n: int, out: int) -> Line:
    """torch's adaptive edges, by fractions of the axis."""
    runs = [range(math.floor(o * n / out), math.ceil((o + 1) * n / out)) for o in range(out)]
    return Line([[(p, 1.0) for p in r] for r in runs], [len(r) for r in runs])


def cut(offsets: list[int]) -> Line:
    """Segments."""
    runs = [range(a, b) for a, b in itertools.pairwise(offsets)]
    return Line([[(p, 1.0) for p in r] for r in runs], [len(r) for r in runs])


def inside(offsets: list[int], *args: Any, **options: Any) -> Line:
    """Sliding windows inside each segment."""
    made = Line([], [])
    for a, b in itertools.pairwise(offsets):
        made = made + slide(b - a, *args, **options, begin=a)
    return made


class Table(NamedTuple):
    """The elements of windows as one array each of shape (windows, elements of the largest)."""

    at: V  # flat positions, CONSTANT outside
    outside: V | None
    source: V  # the pooled axis beyond which an element outside lies
    taps: V  # 0 behind the last element of a window
    padded: V  # (windows,): how many taps lie in the padded input


TABLES: dict[tuple[int, tuple[int, ...]], tuple[list[Line], Table]] = {}


def table(lines: list[Line], lengths: tuple[int, ...]) -> Table:
    """Each window's elements; the lists of a small case are walked once and kept."""
    key = id(lines), lengths
    if key in TABLES and TABLES[key][0] is lines:
        return TABLES[key][1]
    found = _table(lines, lengths)
    if found.at.size <= 10_000 and len(TABLES) < 500:  # not the windows of one large call
        TABLES[key] = lines, found
    return found


def _table(lines: list[Line], lengths: tuple[int, ...]) -> Table:
    windows: list[list[tuple[int, int, float]]] = []
    for o in itertools.product(*(range(len(line.windows)) for line in lines)):
        windows.append([])
        for combo in itertools.product(*(line.windows[i] for line, i in zip(lines, o, strict=True))):
            places = [c[0] for c in combo]
            beyond_axes = [k for k, p in enumerate(places) if p == CONSTANT]  # of two constants the later axis'
            at = CONSTANT if beyond_axes else int(np.ravel_multi_index(places, lengths))
            windows[-1].append((at, beyond_axes[-1] if beyond_axes else 0, math.prod(c[1] for c in combo)))
    most = max(map(len, windows), default=0)
    whole = np.array([[*w, *[(0, 0, 0.0)] * (most - len(w))] for w in windows]).reshape(len(windows), most, 3)
    outside = whole[..., 0] == CONSTANT
    padded = [math.prod(p) for p in itertools.product(*(line.padded for line in lines))]
    at, source = whole[..., 0].astype(int), whole[..., 1].astype(int)
    return Table(at, outside if outside.any() else None, source, whole[..., 2], np.array(padded, float))
