"""Where the element lies that an order statistic selects."""

from __future__ import annotations

from copy import copy
from typing import Any

from ..arrays.ops import isnan, smallest, where, zeros
from ..arrays.shape_ops import is_floating
from ..errors import PoolingError
from .order_statistic import Order
from .row_ops import last, ranks, take_along
from .sorted_window import Sorted


class Place(Order):
    """Where the element lies that an order statistic selects: its flat position in the pooled axes, as argmax's is.

    Of equal elements the first, or the last one by `ties=`; of windows that a NaN spoils the NaN; −1 where a window
    has no answer, or where it is the border's constant. "argmedian" is `Place(Median("lower"))`.

    >>> import anypool as ap
    >>> ap.pool([3, 1, 4, 1, 5], ap.sliding((3,), 1), ap.Place(ap.Rank(-2)))
    array([0, 1, 2])
    """

    name, formula, gives, nan_is_largest, placed, empty = "Place", "where x₍ₖ₎ lies", "position", True, True, -1.0

    def __init__(self, order: Order) -> None:
        super().__init__()
        given: Any = order
        if not isinstance(given, Order) or not given.selects() or given.gives != "value":
            raise PoolingError(
                f"Place({given!r}): it selects no element. These do: Rank(k), Median('lower'), Median('higher'), "
                f"Mode(), KMax(k), and Quantile(q, method) by 'inverted_cdf', 'closest_observation', 'lower', 'higher' "
                f"or 'nearest'; of folds there are 'argmax' and 'argmin'"
            )
        self.parameters = {"order": order}
        self.descending, self.shares = order.descending, order.shares

    def fitted(self, dtype: str) -> Order:
        order = self.order.fitted(dtype)
        if order is self.order:
            return self
        made = copy(self)
        made.parameters = {"order": order}
        return made

    @property
    def order(self) -> Order:
        """What selects."""
        return self.parameters["order"]

    def finish(self, window: Sorted, n: Any) -> Any:
        placed = _Placed(window, self.ties)
        place = self.order.finish(placed, n)
        if self.order.nan_is_largest or not is_floating(window.values):
            return place
        spoils = isnan(window.values) & placed.there
        first = placed.owned(window.values[..., 0] * float("nan"))
        any_ = spoils.any(-1)
        return where(any_[..., None] if place.ndim > any_.ndim else any_, _wide(first, place), place)

    def answers(self) -> tuple[int, int] | None:
        return self.order.answers()

    def apart(self) -> list[Order] | None:
        parts = self.order.apart()
        return None if parts is None else [_tied(Place(part), self.ties) for part in parts]

    def lacks(self, n: Any) -> Any:
        return self.order.lacks(n)

    def check(self, places: int) -> None:
        self.order.check(places)


def _tied(place: Place, ties: str) -> Place:
    place.ties = ties
    return place


def _wide(first: Any, place: Any) -> Any:
    """One place a window, for as many answers as it has."""
    return first if first.ndim == place.ndim else first[..., None] + zeros(place)


class _Placed(Sorted):
    """Sorted windows in which an element is where it lies in its window, as a number from 0."""

    def __init__(self, window: Sorted, ties: str) -> None:
        super().__init__(
            window.values,
            window.present,
            window.masses,
            window.order,
            None,
            None,
            ties,
            window.cumulated,
            window.rounding,
        )
        self.there = ranks(self.values) < last(self.present)

    def owned(self, value: Any) -> Any:
        here = value[..., None]
        equal = ((self.values == here) | (isnan(self.values) & isnan(here))) & self.there
        if self.ties == "last":
            return -smallest(where(equal, -self.order, zeros(self.order)), -1)
        return smallest(where(equal, self.order, zeros(self.order) + (self.places - 1)), -1)

    def these(self, index: Any) -> Any:
        return take_along(self.order, index)
