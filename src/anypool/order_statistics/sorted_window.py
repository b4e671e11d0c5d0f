"""The sorted window: what an order statistic may ask, in the words of either array library."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from ..arrays.adapter import adapter_of
from ..arrays.ops import isnan, maximum, stop, where, zeros
from ..arrays.shape_ops import concatenated, floats
from .masses import EXACT, Spans, around
from .row_ops import clip, floor, last, ranks, shifted, take_along, take_last


class Sorted:
    """The elements of many windows, each sorted along the last axis, absent ones at the end.

    values: (…, places), ascending. present: how many of them are there. masses: their weights in the
    same order, or None where each counts 1 (cumulated: their running sums, if they are known; rounding: how much
    each may be off, relative to it). order: the place in the window of each, or None. raw: the windows before
    they were sorted, and has: what was there (both only where a gradient is wanted).
    """

    def __init__(
        self,
        values: Any,
        present: Any,
        masses: Any = None,
        order: Any = None,
        raw: Any = None,
        has: Any = None,
        ties: str = "first",
        cumulated: Any = None,
        rounding: float = EXACT,
    ) -> None:
        self.values, self.present, self.masses, self.order = values, present, masses, order
        self.raw, self.has, self.ties = raw, has, ties
        self.rounding = rounding
        given = masses is None or cumulated is not None
        self.cumulated = cumulated if given else adapter_of(masses).cumsum(masses, -1)

    @property
    def places(self) -> int:
        """The most elements that any window holds."""
        return int(self.values.shape[-1])

    def n(self) -> Any:
        """How many elements, or their total weight."""
        return self.present if self.cumulated is None else self.cumulated[..., -1]

    @cached_property
    def spans(self) -> Spans:
        """The masses of the elements, whatever their scale."""
        return Spans(self.masses, self.cumulated, self.present, self.rounding)

    def at(self, rank: Any, side: str = "right") -> Any:
        """The element that covers this rank, counted from 0 in units of weight; "left": where its run ends at the rank."""
        return self.element(self.index(rank, side))

    def element(self, index: Any) -> Any:
        """The sorted element of this number."""
        return self.owned(take_last(self.values, index))

    def index(self, rank: Any, side: str = "right") -> Any:
        """Which of the sorted elements covers this rank: an element spans its weight of them, as if it were repeated."""
        if self.cumulated is None:
            found = floor(rank) if side == "right" else -floor(-rank) - 1
            return clip(found, 0, self.present - 1)
        ends = stop(self.cumulated)
        slack = ends[..., -1] * (self.rounding + floats(self.present) * EXACT)
        return around(ends, stop(self.masses), slack, zeros(slack) + stop(rank), self.present)[side == "right"]

    def these(self, index: Any) -> Any:
        """The sorted elements of these numbers, several a window."""
        return take_along(self.values, index)

    def total(self, mass: Any) -> Any:
        """Σ (mass(end) − mass(begin))·x over the elements, each spanning [begin, end) of the ranks."""
        if self.cumulated is None:
            end = ranks(self.values) + 1
            begin, share = end - 1, None
            inside = where(end > last(self.present), zeros(end), end)
            share = where(inside > 0, mass(floats(end)) - mass(floats(begin)), zeros(floats(end)))
        else:
            reached = mass(self.cumulated)
            share = reached - shifted(reached, mass(zeros(self.cumulated[..., :1])))
        return self.sum(share, self.number(self.values))

    def sum(self, share: Any, value: Any = None) -> Any:
        """Σ share·x over the sorted elements; what has no share is no part, an infinity neither."""
        value = self.shared() if value is None else value
        share = adapter_of(share).meet(share, value)
        counted = where(share == 0, zeros(value), value)
        return (counted * share).sum(-1)

    def shared(self) -> Any:
        """The elements as floats; of those that tie, the gradient goes to the first or the last, or is shared."""
        values = self.number(self.values)
        if self.raw is None:
            return values
        adapter = adapter_of(values)
        number = adapter.full_like(values, 0, "int64") + ranks(values)
        anew = values[..., 1:] != values[..., :-1]
        edge = adapter.full_like(values[..., :1], True, "bool")
        first = adapter.cummax(where(concatenated([edge, anew], -1), number, zeros(number)))
        back = where(concatenated([anew, edge], -1), -number, zeros(number) - self.places)
        end = -adapter.flip(adapter.cummax(adapter.flip(back)))
        if self.ties != "split":
            return take_along(values, end if self.ties == "last" else first)
        change = values - stop(values)  # 0, and its slope
        change = where(isnan(change), zeros(change), change)
        sums = adapter.cumsum(change, -1)
        apart = take_along(sums, end) - take_along(sums - change, first)
        return stop(values) + apart / (end - first + 1)

    def number(self, value: Any) -> Any:
        """Integers as floats; floats as they are."""
        return floats(value)

    def owned(self, value: Any) -> Any:
        """The same values; their gradient goes to the first equal element, the last one, or is shared by all."""
        if self.raw is None:
            return value
        here = value[..., None]
        equal = (self.raw == here) | (isnan(self.raw) & isnan(here))
        if self.has is not None:
            equal = equal & self.has
        if self.ties == "split":
            apart = where(equal, self.raw - stop(self.raw), zeros(self.raw))
            return stop(value) + apart.sum(-1) / maximum(equal.sum(-1), zeros(equal.sum(-1)) + 1)
        places = ranks(self.raw)
        found = where(equal, places + 1 if self.ties == "last" else self.places - places, zeros(places))
        return take_last(self.raw, adapter_of(found).argmax(found))
