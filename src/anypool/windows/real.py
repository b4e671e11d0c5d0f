"""Real-valued sliding windows: sizes, strides and paddings that are no integers, as exact overlaps with the elements."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np

from ..errors import PoolingError
from ..plan import Axis
from .arguments import integer, is_row, shown
from .kind import MOST_WINDOWS
from .runs import edge_sources

SIMPLE = 10**6  # the largest denominator of a fraction that a float may stand for
NEAR = Fraction(1, 2**50)  # how near, relative to its value: two roundings


def is_real(*measures: Any) -> bool:
    """Whether a size or stride was given as a float or a fraction: then the windows are real-valued."""
    return any(
        isinstance(v, (float, np.floating, Fraction))
        for given in measures
        for v in (given if isinstance(given, (tuple, list, np.ndarray)) and is_row(given) else (given,))
    )


def measures_of(value: Any, name: str) -> Any:
    """A number or one an axis, ints as they are: sizes and strides above 0, paddings of at least 0 and in pairs."""
    if is_row(value) and not isinstance(value, (dict, set)):
        row = tuple(measures_of(v, name) for v in value)
        if not row or (name != "padding" and any(isinstance(v, tuple) for v in row)):
            raise PoolingError(f"{name}={value!r}: give one entry for each pooled axis")
        return row
    made = float(value) if isinstance(value, (float, np.floating, Fraction)) else integer(value, name)
    if not 0 <= made < math.inf or (made == 0 and name != "padding"):
        raise PoolingError(f"{name}={value!r}: use a finite number {'of at least' if name == 'padding' else 'above'} 0")
    return made


def exact(value: float) -> Fraction:
    """The simple fraction that a float stands for, such as 7/3 for 2.3333333333333335; else its exact value.

    >>> exact(7 / 3), exact(0.1), exact(2.0)
    (Fraction(7, 3), Fraction(1, 10), Fraction(2, 1))
    """
    own = Fraction(value)
    simple = own.limit_denominator(SIMPLE)
    return simple if abs(simple - own) <= NEAR * own else own


def pads_of(padding: Any, size: float, number: int, rank: int) -> tuple[Any, Any]:
    """Before and after for one of `rank` axes; "same" is half of size − 1 on each side."""
    if padding == "same":
        half = (exact(size) - 1) / 2
        if half < 0:
            raise PoolingError(f"padding='same' for windows of size {size}: needs sizes of at least 1")
        return half, half
    if isinstance(padding, str):
        raise PoolingError(f"padding={padding!r}: use numbers, (before, after) pairs or 'same'")
    row = padding if isinstance(padding, tuple) else (padding,) * rank
    row = row * rank if len(row) == 1 else row
    if len(row) != rank:
        raise PoolingError(
            f"padding={shown(row)} has {len(row)} entries for {rank} pooled axes; one axis with a pair is ((before, after),)"
        )
    entry = row[number] if isinstance(row[number], tuple) else (row[number],) * 2
    if len(entry) != 2 or any(isinstance(v, tuple) for v in entry):
        raise PoolingError(f"padding entry {entry}: a pair is (before, after)")
    return entry


class Measures:
    """One axis in whole numbers of 1/unit."""

    def __init__(self, size: float, stride: float, pads: tuple[Any, Any], ceil_mode: bool, border: str | float) -> None:
        values = [exact(v) for v in (size, stride, *pads)]
        self.unit = math.lcm(*(v.denominator for v in values))
        self.size, self.stride, self.before, self.after = (int(v * self.unit) for v in values)
        self.ceil_mode, self.border = ceil_mode, border

    def count(self, n: Any) -> Any:
        """How many windows fit: ⌊(n + before + after − size) / stride⌋ + 1, torch's rule with ceil_mode; n may be a symbol."""
        room = n * self.unit + self.before + self.after - self.size
        out = (room + (self.stride - 1 if self.ceil_mode else 0)) // self.stride + 1
        if self.ceil_mode and out > 0 and (out - 1) * self.stride >= n * self.unit + self.before:
            out -= 1
        if out <= 0 and n * self.unit + self.before + self.after > 0 and self.border == "absent":
            return 1
        return max(out, 0)


def real_axis(n: int, by: Measures, a: int) -> Axis:
    """The elements that each window overlaps, and by how much its first and last element count."""
    out = by.count(n)
    if out == 0 and n * by.unit + by.before + by.after > 0:
        raise PoolingError(
            f"a window of {by.size / by.unit:g} does not fit axis {a} of length {n} padded by "
            f"{by.before / by.unit:g} and {by.after / by.unit:g}; pad more, or use a smaller one or border='absent'"
        )
    if out > MOST_WINDOWS:
        raise PoolingError(
            f"{out} windows on axis {a}: a result of that length cannot fit in memory; use a larger stride or less padding"
        )
    unit, absent = by.unit, by.border == "absent"
    big = max((out + 1) * by.stride + by.size, n * unit + by.before + by.after) >= 2**61
    start = np.arange(out).astype(object if big else np.int64) * by.stride - by.before
    end = start + by.size
    low, high = (0, n * unit) if absent else (-by.before, n * unit + by.after)
    padded = np.maximum(np.minimum(end, n * unit + by.after) - start, 0)
    begin, end = np.clip(start, low, high), np.clip(end, low, high)
    held = end > begin
    first, last = begin // unit, -(-end // unit)
    length = np.where(held, last - first, 0)
    first = np.where(held, first, 0)
    alone = length == 1
    left = np.where(alone, end - begin, (first + 1) * unit - begin)
    right = np.where(alone, end - begin, end - (last - 1) * unit)
    ends = np.stack([left / unit, right / unit], 1).astype(np.float64)
    source = None
    if not absent:
        lowest = int(first.min(initial=0))
        highest = int((first + length).max(initial=0))
        source = edge_sources(lowest, highest, n, by.border)
        first = first - lowest
    none = np.zeros(out, np.int64)
    first, length = first.astype(np.int64), length.astype(np.int64)
    return Axis(n, first, length, 1, none, (padded / unit).astype(np.float64), source, 0, ends)
