"""Masses of sorted windows, independent of their scale: the effective size, and elements by
mass."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from ..arrays.adapter import adapter_of
from ..arrays.ops import greatest, maximum, minimum, stop, where, zeros
from ..arrays.shape_ops import floats
from .row_ops import clip, floor, last, ranks, take_last

LOCAL = 1 / 16  # a point meets an end if it is nearer than this fraction of the smaller mass beside it
ROUNDING = {"float32": 2.0**-24, "float16": 2.0**-11, "bfloat16": 2.0**-8}  # relative rounding error of one weight
SMALL = 2.0**-400  # masses between this and its inverse have squares that are normal numbers
EXACT = 2.0**-53  # the relative rounding error of float64, and of integers in it


class Spans:
    """The interval of mass that each sorted element covers, in units that do not depend on the
    scale.

    Equal masses become exactly 1. If other masses have squares that overflow or underflow, they are
    divided by a power of two, which is exact. ends: the running sums of the masses. total: the last
    of them. size: the effective number of elements, (Σm)² / Σm² (Kish 1965). unit: total / size,
    the mass of one effective element. slack: a bound on the rounding error of a sum.

    """

    def __init__(self, masses: Any, cumulated: Any, present: Any, rounding: float) -> None:
        self.masses, self.ends, self.present = masses, cumulated, present
        fixed, total = stop(masses), stop(cumulated[..., -1])
        pair = fixed[..., : min(2, int(fixed.shape[-1]))]
        is_equal = (pair[..., 0] == pair[..., -1]) | (zeros(total) + present < 2)
        in_range = ((total > SMALL) & (total < 1 / SMALL)) | (total == 0)
        if not adapter_of(masses).concrete() or bool(is_equal.any()) or not bool(in_range.all()):
            first = fixed[..., :1]
            is_equal = ((fixed == first) | (ranks(fixed) >= last(present))).all(-1)
            scale = where(is_equal[..., None], first, _power_of_two(fixed))
            self.masses = masses / where(scale > 0, scale, zeros(scale) + 1)
            self.ends = adapter_of(masses).cumsum(self.masses, -1)
        self.total = self.ends[..., -1]
        self.rounding = where(is_equal, zeros(total), zeros(total) + (rounding + floats(present) * EXACT))
        self.slack = stop(self.total) * self.rounding

    @cached_property
    def unit(self) -> Any:
        """The mass of one of `size` equal elements."""
        squares, is_positive = (self.masses * self.masses).sum(-1), stop(self.total) > 0
        one = zeros(squares) + 1
        return where(is_positive, squares, one) / where(is_positive, self.total, one)

    @cached_property
    def size(self) -> Any:
        """The effective number of elements."""
        return self.total / self.unit

    def around(self, point: Any, shift: float = 0.0) -> tuple[Any, Any]:
        """Indices of the elements on both sides of a point. The ends are shifted by `shift`
        units."""
        ends, slack = stop(self.ends), self.slack
        if shift:
            unit = stop(self.unit)
            ends, slack = ends + (unit * shift)[..., None], minimum(slack, unit * LOCAL)
        return around(ends, stop(self.masses), slack, stop(point), self.present)

    def shares(self, begin: Any, end: Any, low: Any, high: Any) -> Any:
        """The length of [begin, end) that each element from `low` to `high` covers."""
        number = ranks(self.ends)
        inside = (number >= low[..., None]) & (number <= high[..., None])
        share = minimum(self.ends, end[..., None]) - maximum(self.ends - self.masses, begin[..., None])
        return where(inside, share, zeros(share))

    def floor_count(self, count: Any) -> Any:
        """The count of elements rounded down, as a float; a count within rounding of an integer is
        that integer."""
        return floats(floor(stop(count) * (1 + 4 * self.rounding)))


def around(ends: Any, masses: Any, slack: Any, point: Any, present: Any) -> tuple[Any, Any]:
    """Indices of the elements that end and that begin at a point; the same index twice inside an
    element.

    A point meets an end if their distance is below the rounding error and below a part of the
    smaller mass beside it.

    """
    count = (ends < point[..., None]).sum(-1)
    top = int(ends.shape[-1]) - 1

    def at(rows: Any, index: Any) -> Any:
        return take_last(rows, clip(index, 0, top))

    below, above = abs(point - at(ends, count - 1)), abs(at(ends, count) - point)
    if adapter_of(ends).concrete() and not bool((minimum(below, above) <= slack).any()):
        index = clip(count, 0, present - 1)
        return index, index

    def near(distance: Any, index: Any) -> Any:
        smaller = minimum(at(masses, index), at(masses, index + 1)) * LOCAL
        return distance <= minimum(slack, smaller)

    low = count - ((count > 0) & near(below, count - 1)) * 1
    high = count + near(above, count) * 1
    return clip(low, 0, present - 1), clip(high, 0, present - 1)


def _power_of_two(masses: Any) -> Any:
    """(…, 1): a power of two near the largest mass of each window."""
    largest = greatest(masses, -1)[..., None]
    with np.errstate(all="ignore"):
        return largest / (2 * adapter_of(masses).maths.frexp(largest)[0])
