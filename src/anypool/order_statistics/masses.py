"""The masses of sorted windows, whatever their scale: how many elements they count as, and which element lies where."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from ..arrays.adapter import adapter_of
from ..arrays.ops import greatest, maximum, minimum, stop, where, zeros
from ..arrays.shape_ops import floats
from .row_ops import clip, floor, last, ranks, take_last

LOCAL = 1 / 16  # two masses meet a point at most this share of the smaller one away
ROUNDING = {"float32": 2.0**-24, "float16": 2.0**-11, "bfloat16": 2.0**-8}  # of one weight, relative to it
SMALL = 2.0**-400  # masses between this and its inverse have squares
EXACT = 2.0**-53  # the same of float64, and of integers in it


class Spans:
    """What each sorted element spans of its window's mass, in units that no scale of the masses changes.

    Equal masses are exactly 1 each; others are divided by a power of two, which changes no bit, where their squares
    need it. ends: the running sums of masses, total: the last of them. size: how many equal elements a window counts
    as, (Σm)² / Σm² (Kish 1965). unit: the mass of one of those, total / size. slack: how far rounding may move a sum.
    """

    def __init__(self, given: Any, cumulated: Any, present: Any, rounding: float) -> None:
        self.masses, self.ends, self.present = given, cumulated, present
        plain, total = stop(given), stop(cumulated[..., -1])
        pair = plain[..., : min(2, int(plain.shape[-1]))]
        same = (pair[..., 0] == pair[..., -1]) | (zeros(total) + present < 2)
        usual = ((total > SMALL) & (total < 1 / SMALL)) | (total == 0)
        if not adapter_of(given).concrete() or bool(same.any()) or not bool(usual.all()):
            first = plain[..., :1]
            same = ((plain == first) | (ranks(plain) >= last(present))).all(-1)
            scale = where(same[..., None], first, _power_of_two(plain))
            self.masses = given / where(scale > 0, scale, zeros(scale) + 1)
            self.ends = adapter_of(given).cumsum(self.masses, -1)
        self.total = self.ends[..., -1]
        self.rounding = where(same, zeros(total), zeros(total) + (rounding + floats(present) * EXACT))
        self.slack = stop(self.total) * self.rounding

    @cached_property
    def unit(self) -> Any:
        """The mass of one of `size` equal elements."""
        squares, some = (self.masses * self.masses).sum(-1), stop(self.total) > 0
        one = zeros(squares) + 1
        return where(some, squares, one) / where(some, self.total, one)

    @cached_property
    def size(self) -> Any:
        """How many equal elements the masses count as."""
        return self.total / self.unit

    def around(self, point: Any, shift: float = 0.0) -> tuple[Any, Any]:
        """The numbers of the elements to both sides of a point of the mass, `shift` units below the masses' ends."""
        ends, slack = stop(self.ends), self.slack
        if shift:
            unit = stop(self.unit)
            ends, slack = ends + (unit * shift)[..., None], minimum(slack, unit * LOCAL)
        return around(ends, stop(self.masses), slack, stop(point), self.present)

    def shares(self, begin: Any, end: Any, low: Any, high: Any) -> Any:
        """How much of [begin, end) each element spans, those from `low` to `high`."""
        number = ranks(self.ends)
        inside = (number >= low[..., None]) & (number <= high[..., None])
        share = minimum(self.ends, end[..., None]) - maximum(self.ends - self.masses, begin[..., None])
        return where(inside, share, zeros(share))

    def whole(self, count: Any) -> Any:
        """The whole number at or under a count of elements, as a float; rounding does not cross it."""
        return floats(floor(stop(count) * (1 + 4 * self.rounding)))


def around(ends: Any, masses: Any, slack: Any, point: Any, present: Any) -> tuple[Any, Any]:
    """The numbers of the elements that end at a point and that begin there; the same one twice where it lies inside.

    An end meets the point where it is nearer than rounding moves it, and than a part of the masses beside it.
    """
    count = (ends < point[..., None]).sum(-1)
    top = int(ends.shape[-1]) - 1

    def at(rows: Any, index: Any) -> Any:
        return take_last(rows, clip(index, 0, top))

    below, above = abs(point - at(ends, count - 1)), abs(at(ends, count) - point)
    if adapter_of(ends).concrete() and not bool((minimum(below, above) <= slack).any()):
        found = clip(count, 0, present - 1)
        return found, found

    def near(distance: Any, index: Any) -> Any:
        beside = minimum(at(masses, index), at(masses, index + 1)) * LOCAL
        return distance <= minimum(slack, beside)

    low = count - ((count > 0) & near(below, count - 1)) * 1
    high = count + near(above, count) * 1
    return clip(low, 0, present - 1), clip(high, 0, present - 1)


def _power_of_two(masses: Any) -> Any:
    """(…, 1): a power of two near the greatest mass of each window."""
    largest = greatest(masses, -1)[..., None]
    with np.errstate(all="ignore"):
        return largest / (2 * adapter_of(masses).maths.frexp(largest)[0])
