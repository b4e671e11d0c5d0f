"""The sorted window: what an order statistic may ask, in the words of either array library."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..words import isnan, library, maximum, minimum, where, zeros


class Sorted:
    """The elements of many windows, each sorted along the last axis, absent ones at the end.

    values: (…, places), ascending. present: how many of them are there. masses: their weights in the
    same order, or None where each counts 1 (cumulated: their running sums, if they are known). order: the place in the window of each, or None. raw: the
    windows before they were sorted, and has: what was there (both only where a gradient is wanted).
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
    ) -> None:
        self.values, self.present, self.masses, self.order = values, present, masses, order
        self.raw, self.has, self.ties = raw, has, ties
        given = masses is None or cumulated is not None
        self.cumulated = cumulated if given else library(masses).cumsum(masses, -1)

    @property
    def places(self) -> int:
        """The most elements that any window holds."""
        return int(self.values.shape[-1])

    def n(self) -> Any:
        """How many elements, or their total weight."""
        return self.present if self.cumulated is None else self.cumulated[..., -1]

    def at(self, rank: Any, side: str = "right") -> Any:
        """The element that covers this rank, counted from 0 in units of weight; "left": where its run ends at the rank."""
        return self.owned(take_last(self.values, self.index(rank, side)))

    def index(self, rank: Any, side: str = "right") -> Any:
        """Which of the sorted elements covers this rank."""
        if self.cumulated is None:
            found = floor(rank) if side == "right" else -floor(-rank) - 1
        else:
            rank = rank[..., None] if hasattr(rank, "shape") and rank.ndim else rank
            below = self.cumulated <= rank if side == "right" else self.cumulated < rank
            found = below.sum(-1)
        return clip(found, 0, self.present - 1)

    def these(self, index: Any) -> Any:
        """The sorted elements of these numbers, several a window."""
        return take_along(self.values, index)

    def total(self, mass: Any) -> Any:
        """Σ (mass(end) − mass(begin))·x over the elements, each spanning [begin, end) of the ranks."""
        if self.cumulated is None:
            end = ranks(self.values) + 1
            begin, share = end - 1, None
            inside = where(end > last(self.present), zeros(end), end)
            share = where(inside > 0, mass(end * 1.0) - mass(begin * 1.0), zeros(end) * 1.0)
        else:
            share = mass(self.cumulated) - mass(self.cumulated - self.masses)
        value = self.number(self.values)
        share = share if library(share) is np else share.to(value.dtype)
        counted = where(share == 0, zeros(value), value)  # what has no share is no part, an infinity neither
        return (counted * share).sum(-1)

    def number(self, value: Any) -> Any:
        """Integers as floats; floats as they are."""
        if "float" in str(value.dtype):
            return value
        return value.astype(np.float64) if library(value) is np else value.double()

    def owned(self, value: Any) -> Any:
        """The same values; their gradient goes to the first equal element, the last one, or is shared by all."""
        if self.raw is None:
            return value
        here = value[..., None]
        equal = (self.raw == here) | (isnan(self.raw) & isnan(here))
        if self.has is not None:
            equal = equal & self.has
        module = library(value)
        if self.ties == "split":
            apart = where(equal, self.raw - self.raw.detach(), zeros(self.raw))
            return value.detach() + apart.sum(-1) / maximum(equal.sum(-1), zeros(equal.sum(-1)) + 1)
        places = ranks(self.raw)
        found = where(equal, places + 1 if self.ties == "last" else self.places - places, zeros(places))
        index = module.argmax(found, -1)
        return take_last(self.raw, index)


def ranks(values: Any) -> Any:
    """0, 1, 2 … along the last axis, as int64."""
    if library(values) is np:
        return np.arange(values.shape[-1])
    return library(values).arange(values.shape[-1], device=values.device)


def last(n: Any) -> Any:
    """A count per window, ready to meet values."""
    return n[..., None] if hasattr(n, "shape") and n.ndim else n


def floor(value: Any) -> Any:
    """The integer at or under, for numbers and arrays; integers pass."""
    if isinstance(value, (int, float)):
        return math.floor(value)
    if "float" not in str(value.dtype):
        return value
    return np.floor(value).astype(np.int64) if library(value) is np else value.floor().long()


def clip(index: Any, low: Any, high: Any) -> Any:
    """An index held between two ends; the low one wins."""
    if isinstance(index, int) and isinstance(high, int):
        return max(low, min(index, high))
    return maximum(minimum(index, high), low)


def take_along(values: Any, index: Any) -> Any:
    """values[…, index[…, j]], several of each window."""
    return np.take_along_axis(values, index, -1) if library(values) is np else values.gather(-1, index)


def take_last(values: Any, index: Any) -> Any:
    """values[…, index], one index for all windows or one each."""
    if isinstance(index, (int, np.integer)):
        return values[..., int(index)]
    if library(values) is np:
        index = np.broadcast_to(index, values.shape[:-1])
    else:
        index = index.expand(values.shape[:-1])
    return take_along(values, index[..., None])[..., 0]
