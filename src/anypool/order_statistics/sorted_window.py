"""The sorted window: the operations that an order statistic may use, in each array library."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

from ..arrays.adapter import adapter_of
from ..arrays.ops import isnan, maximum, stop, where, zeros
from ..arrays.shape_ops import concatenated, floats
from .masses import EXACT, Spans, around
from .row_ops import clip, floor, last, ranks, shifted, take_along, take_last


class Sorted:
    """The elements of many windows, sorted along the last axis, absent ones at the end.

    values: (…, max_length), ascending. present: the number of present elements. masses: their
    weights in the same order, or None if each counts 1. cumulated: the running sums of the masses,
    if they are known. rounding: the relative rounding error of each mass. order: the position of
    each element in its window, or None. raw: the windows before they were sorted; mask: which of
    raw is present. Both are passed only if a gradient is needed.

    """

    def __init__(
        self,
        values: Any,
        present: Any,
        masses: Any = None,
        order: Any = None,
        raw: Any = None,
        mask: Any = None,
        ties: str = "first",
        cumulated: Any = None,
        rounding: float = EXACT,
    ) -> None:
        self.values, self.present, self.masses, self.order = values, present, masses, order
        self.raw, self.mask, self.ties = raw, mask, ties
        self.rounding = rounding
        needs_no_sum = masses is None or cumulated is not None
        self.cumulated = cumulated if needs_no_sum else adapter_of(masses).cumsum(masses, -1)

    @property
    def max_length(self) -> int:
        """The number of elements of the longest window."""
        return int(self.values.shape[-1])

    def n(self) -> Any:
        """The number of elements, or their total weight."""
        return self.present if self.cumulated is None else self.cumulated[..., -1]

    @cached_property
    def spans(self) -> Spans:
        """The masses of the elements, independent of their scale."""
        return Spans(self.masses, self.cumulated, self.present, self.rounding)

    def at(self, rank: Any, side: str = "right") -> Any:
        """The element that covers this rank, in units of weight; "left": the one whose interval
        ends there."""
        return self.element(self.index(rank, side))

    def element(self, index: Any) -> Any:
        """The sorted element at this index."""
        return self.route_gradient(take_last(self.values, index))

    def index(self, rank: Any, side: str = "right") -> Any:
        """The index of the element that covers this rank; an element of weight w covers w ranks."""
        if self.cumulated is None:
            start = floor(rank) if side == "right" else -floor(-rank) - 1
            return clip(start, 0, self.present - 1)
        ends = stop(self.cumulated)
        slack = ends[..., -1] * (self.rounding + floats(self.present) * EXACT)
        return around(ends, stop(self.masses), slack, zeros(slack) + stop(rank), self.present)[side == "right"]

    def elements(self, index: Any) -> Any:
        """The sorted elements at these indices, several for each window."""
        return take_along(self.values, index)

    def total(self, mass: Callable[[Any], Any]) -> Any:
        """Σ (mass(end) − mass(begin))·x over the elements; each covers [begin, end) of the
        ranks."""
        if self.cumulated is None:
            end = ranks(self.values) + 1
            begin, share = end - 1, None
            inside = where(end > last(self.present), zeros(end), end)
            share = where(inside > 0, mass(floats(end)) - mass(floats(begin)), zeros(floats(end)))
        else:
            mass_below = mass(self.cumulated)
            share = mass_below - shifted(mass_below, mass(zeros(self.cumulated[..., :1])))
        return self.sum(share, self.number(self.values))

    def sum(self, share: Any, value: Any = None) -> Any:
        """Σ share·x over the sorted elements; an element with share 0 adds nothing, even if it is
        infinite."""
        value = self.tied_values() if value is None else value
        share = adapter_of(share).meet(share, value)
        terms = where(share == 0, zeros(value), value)
        return (terms * share).sum(-1)

    def tied_values(self) -> Any:
        """The elements as floats, whose gradient follows the rule for ties: first, last, or
        split."""
        values = self.number(self.values)
        if self.raw is None:
            return values
        adapter = adapter_of(values)
        rank = adapter.full_like(values, 0, "int64") + ranks(values)
        differs = values[..., 1:] != values[..., :-1]
        edge = adapter.full_like(values[..., :1], True, "bool")
        first = adapter.cummax(where(concatenated([edge, differs], -1), rank, zeros(rank)))
        back = where(concatenated([differs, edge], -1), -rank, zeros(rank) - self.max_length)
        end = -adapter.flip(adapter.cummax(adapter.flip(back)))
        if self.ties != "split":
            return take_along(values, end if self.ties == "last" else first)
        change = values - stop(values)  # 0 with a gradient
        change = where(isnan(change), zeros(change), change)
        sums = adapter.cumsum(change, -1)
        change_of_run = take_along(sums, end) - take_along(sums - change, first)
        return stop(values) + change_of_run / (end - first + 1)

    def number(self, value: Any) -> Any:
        """Integers as floats; floats unchanged."""
        return floats(value)

    def route_gradient(self, value: Any) -> Any:
        """The same values; their gradient goes to the first or the last equal element, or is
        split."""
        if self.raw is None:
            return value
        column = value[..., None]
        equal = (self.raw == column) | (isnan(self.raw) & isnan(column))
        if self.mask is not None:
            equal = equal & self.mask
        if self.ties == "split":
            zero_with_gradient = where(equal, self.raw - stop(self.raw), zeros(self.raw))
            return stop(value) + zero_with_gradient.sum(-1) / maximum(equal.sum(-1), zeros(equal.sum(-1)) + 1)
        position = ranks(self.raw)
        score = where(equal, position + 1 if self.ties == "last" else self.max_length - position, zeros(position))
        return take_last(self.raw, adapter_of(score).argmax(score))
