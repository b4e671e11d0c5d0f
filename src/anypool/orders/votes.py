"""The most frequent element."""

from __future__ import annotations

from copy import copy
from typing import Any

from ..constants import constant, fitted
from ..errors import PoolingError
from ..words import where, zeros
from .order import Order
from .rows import last, ranks
from .sorted import Sorted


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
