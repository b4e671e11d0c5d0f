"""Real-valued sliding windows: sizes, strides and paddings as fractions, with exact overlaps of
elements."""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction
from typing import Any, TypeGuard

import numpy as np

from ..arrays.adapter import is_numpy
from ..errors import PoolingError
from ..plan import Axis
from ..scalars import integer, is_row, is_sequence
from .clipping import edge_sources
from .paddings import cropped, pads_of
from .window_kind import MOST_WINDOWS

where: Any = np.where  # NumPy's stubs do not know arrays of Python integers
SIMPLE = 10**6  # the largest denominator of a fraction that replaces a float
NEAR = Fraction(1, 2**50)  # the largest relative distance of that fraction: two rounding errors


def is_real(*measures: Any) -> bool:
    """Whether some size or stride is a float or a fraction. Then the windows are real-valued."""
    return any(_is_real_number(v) for measure in measures for v in _values_of(measure))


def _is_real_number(value: Any) -> TypeGuard[float | Fraction]:
    return isinstance(value, (float, np.floating, Fraction))


def _values_of(value: Any) -> Iterable[Any]:
    """The entries of a tuple, a list or an array; else the value alone."""
    return value if (is_sequence(value) or is_numpy(value)) and is_row(value) else (value,)


def measures_of(value: Any, name: str) -> Any:
    """A number above 0, or a tuple with one for each axis. Ints stay ints."""
    if is_row(value) and not isinstance(value, (dict, set)):
        row = tuple(measures_of(v, name) for v in value)
        if not row or any(isinstance(v, tuple) for v in row):
            raise PoolingError(f"{name}={value!r}: give one entry for each pooled axis")
        return row
    number = measure(value, name)
    if number <= 0:
        raise PoolingError(f"{name}={value!r}: use a finite number above 0")
    return number


def measure(value: Any, name: str) -> Any:
    """A finite number. Ints stay ints."""
    number = float(value) if _is_real_number(value) else integer(value, name)
    if not -math.inf < number < math.inf:
        raise PoolingError(f"{name}={value!r}: use a finite number")
    return number


def exact(value: float) -> Fraction:
    """The simple fraction closest to a float, such as 7/3 for 2.3333333333333335; else its exact
    value.

    >>> exact(7 / 3), exact(0.1), exact(2.0)
    (Fraction(7, 3), Fraction(1, 10), Fraction(2, 1))
    """
    own = Fraction(value)
    simple = own.limit_denominator(SIMPLE)
    return simple if abs(simple - own) <= NEAR * own else own


class Measures:
    """The window of one axis in integer multiples of 1/unit. `padding` is numbers or a name."""

    def __init__(self, size: float, stride: float, padding: Any, ceil_mode: bool, border: str | float) -> None:
        if isinstance(padding, str) and exact(size) < 1:
            raise PoolingError(f"padding={padding!r} for windows of size {size}: needs sizes of at least 1")
        pads = pads_of(0 if isinstance(padding, str) else padding, 0, 0, 0)
        values = [exact(v) for v in (size, stride, *pads)]
        self.unit = math.lcm(*(v.denominator for v in values)) * (2 if isinstance(padding, str) else 1)
        self.size, self.stride, *numbers = (int(v * self.unit) for v in values)
        self.padding: Any = padding if isinstance(padding, str) else tuple(numbers)
        self.ceil_mode, self.border = ceil_mode, border

    def pads(self, n: Any) -> tuple[Any, Any]:
        """The paddings before and after n elements. "same" is half of size − 1 on each side."""
        more = self.size - self.unit
        if self.padding == "SAME":
            out = -(-n * self.unit // self.stride)
            half = max((out - 1) * self.stride + self.size - n * self.unit, 0) // 2 if n else 0
            return half, half
        if isinstance(self.padding, str):
            return (more // 2, more // 2) if self.padding == "same" else (more, 0)
        return self.padding

    def count(self, n: Any) -> Any:
        """The number of windows: ⌊(n + before + after − size) / stride⌋ + 1, or torch's rule for
        ceil_mode. n may be a symbol."""
        if self.padding == "SAME":
            return -(-n * self.unit // self.stride)
        begin, end, (before, after) = cropped(0, n * self.unit, self.pads(n))
        length = end - begin
        available = length + before + after - self.size
        out = (available + (self.stride - 1 if self.ceil_mode else 0)) // self.stride + 1
        if self.ceil_mode and out > 0 and (out - 1) * self.stride >= length + before:
            out -= 1
        if out <= 0 and length + before + after > 0 and self.border == "absent":
            return 1
        return max(out, 0)


def real_axis(n: int, by: Measures, a: int) -> Axis:
    """The elements that each window overlaps, and the weights of its first and last element."""
    out, unit, absent = by.count(n), by.unit, by.border == "absent"
    pads = by.pads(n)
    origin, until, (before, after) = cropped(0, n * unit, pads)  # the axis without the cropped part
    if until < origin:
        raise PoolingError(f"padding of {pads[0] / unit:g} and {pads[1] / unit:g} crops all of axis {a} of length {n}")
    if out == 0 and until - origin + before + after > 0:
        raise PoolingError(
            f"a window of {by.size / unit:g} does not fit axis {a} of length {n} padded by "
            f"{pads[0] / unit:g} and {pads[1] / unit:g}; pad more, or use a smaller one or border='absent'"
        )
    if out > MOST_WINDOWS:
        raise PoolingError(
            f"{out} windows on axis {a}: a result of that length cannot fit in memory; use a larger stride or less padding"
        )
    big = max((out + 1) * by.stride + by.size, n * unit + before + after) >= 2**61
    start = origin + np.arange(out).astype(object if big else np.int64) * by.stride - before
    end: Any = start + by.size
    low, high = (origin, until) if absent else (origin - before, until + after)
    padded = np.maximum(np.minimum(end, until + after) - start, 0)
    begin: Any = np.clip(start, low, high)
    end = np.clip(end, low, high)
    nonempty = end > begin
    first, last = begin // unit, -(-end // unit)
    length = where(nonempty, last - first, 0)
    first = where(nonempty, first, 0)
    single = length == 1
    left = where(single, end - begin, (first + 1) * unit - begin)
    right = where(single, end - begin, end - (last - 1) * unit)
    edge_weights = np.stack([left / unit, right / unit], 1).astype(np.float64)
    source = None
    if not absent:
        lowest = int(first.min(initial=0))
        highest = int((first + length).max(initial=0))
        source = edge_sources(lowest, highest, origin // unit, -(-until // unit), by.border)
        first = first - lowest
    zero = np.zeros(out, np.int64)
    first, length = first.astype(np.int64), length.astype(np.int64)
    return Axis(n, first, length, 1, zero, (padded / unit).astype(np.float64), source, 0, edge_weights)
