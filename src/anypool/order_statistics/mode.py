"""`Mode`: the most frequent element."""

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

FEW = 64  # longer windows are processed by run; shorter ones by position, for all windows at once


class Mode(Order):
    """The most frequent element, by weight if there are weights; the smallest of those that tie.

    A NaN in the window makes the result NaN. `ignore`: a background label, which counts only if the
    window contains no other element. It must be a value of x's element type.

    >>> import anypool as ap
    >>> ap.pool([2, 7, 7, 0, 0, 5], ap.sliding((3,)), ap.Mode(ignore=0))
    array([7, 5])
    """

    name, formula, splits_ties = "mode", "the most frequent xᵢ", True
    scale_free_weights = True

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
        if window.max_length > FEW and (index := _heaviest_run(values, mass)) is not None:
            return window.route_gradient(take_last(values, index))
        run_mass = mass[..., 0] * 0
        best_mass, best = run_mass, values[..., 0]
        for i in range(window.max_length):
            continues = values[..., i] == values[..., i - 1] if i else run_mass != run_mass
            run_mass = where(continues, run_mass + mass[..., i], mass[..., i])
            wins = run_mass > best_mass
            best_mass, best = where(wins, run_mass, best_mass), where(wins, values[..., i], best)
        return window.route_gradient(best)

    def fitted(self, dtype: str) -> Order:
        ignore = self.parameters["ignore"]
        if ignore is None:
            return self
        copied = copy(self)
        copied.parameters = {"ignore": fitted(ignore, dtype, f"Mode(ignore={ignore})")}
        return copied

    def selects(self) -> bool:
        return True

    def keeps_integers(self, odd: bool) -> bool:
        return True


def _heaviest_run(values: Any, mass: Any) -> Any:
    """The index of the first element of the heaviest run of each window; None if the values are
    traced."""
    adapter = adapter_of(values)
    elements, masses = adapter.view(values), adapter.view(broadcast(stop(mass), values.shape))
    return None if elements is None or masses is None else adapter.asarray(heaviest_run_index(elements, masses), values)


def heaviest_run_index(values: Any, mass: Any) -> Any:
    """The index of the first of the heaviest runs along the last axis. mass None: each element
    counts 1."""
    length = values.shape[-1]
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
    window = start // length
    most = np.maximum.reduceat(total, np.flatnonzero(start % length == 0))
    winners = np.flatnonzero(total == most[window])
    first = winners[np.searchsorted(window[winners], np.arange(len(most)))]
    return (start[first] % length).reshape(values.shape[:-1])
