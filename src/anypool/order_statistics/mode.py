"""The most frequent element."""

from __future__ import annotations

from copy import copy
from typing import Any

import numpy as np

from ..arrays.adapter import adapter_of
from ..arrays.ops import stop, where, zeros
from ..arrays.shape_ops import broadcast
from ..constants import constant, fitted
from ..errors import PoolingError
from .order_statistic import Order
from .row_ops import last, ranks, take_last
from .sorted_window import Sorted

FEW = 64  # elements of a window that are met one after the other, in all windows at once


class Mode(Order):
    """The most frequent element (by weight, where there are weights); of those that tie, the smallest. NaN spoils.

    `ignore`: a background label that counts only where the window holds nothing else; x's type must hold it.

    >>> import anypool as ap
    >>> ap.pool([2, 7, 7, 0, 0, 5], ap.sliding((3,)), ap.Mode(ignore=0))
    array([7, 5])
    """

    name, formula, shares = "mode", "the most frequent xᵢ", True

    def __init__(self, ignore: float | None = None) -> None:
        super().__init__()
        label = None if ignore is None else constant(ignore, "Mode(ignore)")
        if label != label:
            raise PoolingError(f"Mode(ignore={ignore!r}): give a number that can occur")
        self.parameters = {"ignore": label}

    def finish(self, window: Sorted, n: Any) -> Any:
        ignore = self.parameters["ignore"]
        values = window.values
        there = ranks(values) < last(window.present)
        mass = there * 1 if window.masses is None else window.masses * there
        if ignore is not None:
            mass = where(values == ignore, zeros(mass), mass)
        if window.places > FEW and (index := _heaviest(values, mass)) is not None:
            return window.owned(take_last(values, index))
        run = mass[..., 0] * 0
        most, best = run, values[..., 0]
        for i in range(window.places):
            again = values[..., i] == values[..., i - 1] if i else run != run
            run = where(again, run + mass[..., i], mass[..., i])
            wins = run > most
            most, best = where(wins, run, most), where(wins, values[..., i], best)
        return window.owned(best)

    def fitted(self, dtype: str) -> Order:
        ignore = self.parameters["ignore"]
        if ignore is None:
            return self
        made = copy(self)
        made.parameters = {"ignore": fitted(ignore, dtype, f"Mode(ignore={ignore})")}
        return made

    def selects(self) -> bool:
        return True

    def whole(self, odd: bool) -> bool:
        return True


def _heaviest(values: Any, mass: Any) -> Any:
    """Which element begins the heaviest run of each window; None where Python does not see the numbers."""
    adapter = adapter_of(values)
    seen, masses = adapter.view(values), adapter.view(broadcast(stop(mass), values.shape))
    return None if seen is None or masses is None else adapter.asarray(longest(seen, masses), values)


def longest(values: Any, mass: Any) -> Any:
    """Where the heaviest run of equal sorted values begins along the last axis, the first of those as heavy; mass None: 1 each."""
    places = values.shape[-1]
    if not values.size:
        return np.zeros(values.shape[:-1], np.int64)
    begins = np.ones(values.shape, bool)
    np.not_equal(values[..., 1:], values[..., :-1], out=begins[..., 1:])
    start = np.flatnonzero(begins)
    if mass is None:
        total = np.diff(start, append=values.size)
    elif mass.dtype.kind == "f":
        total = np.bincount(np.cumsum(begins, dtype=np.int64) - 1, mass.reshape(-1))
    else:
        total = np.add.reduceat(mass.reshape(-1), start)
    window = start // places
    most = np.maximum.reduceat(total, np.flatnonzero(start % places == 0))
    wins = np.flatnonzero(total == most[window])
    first = wins[np.searchsorted(window[wins], np.arange(len(most)))]
    return (start[first] % places).reshape(values.shape[:-1])
