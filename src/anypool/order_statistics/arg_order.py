"""`Place`: the position of the element that an order statistic selects."""

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
    """The position of the element that an order statistic selects: flat in the pooled axes, as
    argmax's.

    Of equal elements it is the first, or the last with `ties="last"`. If a NaN decides the result,
    it is the position of the NaN. It is −1 if a window has no result, or if the constant of the
    border is selected. "argmedian" is `Place(Median("lower"))`.

    >>> import anypool as ap
    >>> ap.pool([3, 1, 4, 1, 5], ap.sliding((3,), 1), ap.Place(ap.Rank(-2)))
    array([0, 1, 2])
    """

    name, formula, gives = "Place", "position of x₍ₖ₎", "position"
    nan_is_largest, needs_positions, empty = True, True, -1.0

    def __init__(self, order: Order) -> None:
        super().__init__()
        argument: Any = order
        if not isinstance(argument, Order) or not argument.selects() or argument.gives != "value":
            raise PoolingError(
                f"Place({argument!r}): it selects no element. These do: Rank(k), Median('lower'), Median('higher'), "
                f"Mode(), KMax(k), and Quantile(q, method) by 'inverted_cdf', 'closest_observation', 'lower', 'higher' "
                f"or 'nearest'; of folds there are 'argmax' and 'argmin'"
            )
        self.parameters = {"order": order}
        self.descending, self.splits_ties = order.descending, order.splits_ties
        self.scale_free_weights = order.scale_free_weights

    def fitted(self, dtype: str) -> Order:
        order = self.order.fitted(dtype)
        if order is self.order:
            return self
        copied = copy(self)
        copied.parameters = {"order": order}
        return copied

    @property
    def order(self) -> Order:
        """The order statistic that selects."""
        return self.parameters["order"]

    def finish(self, window: Sorted, n: Any) -> Any:
        indices = _SortedPositions(window, self.ties)
        position = self.order.finish(indices, n)
        if self.order.nan_is_largest or not is_floating(window.values):
            return position
        is_nan = isnan(window.values) & indices.is_present
        first_nan = indices.route_gradient(window.values[..., 0] * float("nan"))
        has_nan = is_nan.any(-1)
        return where(
            has_nan[..., None] if position.ndim > has_nan.ndim else has_nan, _as_wide_as(first_nan, position), position
        )

    def answers(self) -> tuple[int, int] | None:
        return self.order.answers()

    def components(self) -> list[Order] | None:
        parts = self.order.components()
        return None if parts is None else [_with_ties(Place(part), self.ties) for part in parts]

    def undefined_for(self, n: Any) -> Any:
        return self.order.undefined_for(n)

    def check(self, max_length: int) -> None:
        self.order.check(max_length)


def _with_ties(order: Place, ties: str) -> Place:
    order.ties = ties
    return order


def _as_wide_as(first: Any, positions: Any) -> Any:
    """One position for each window, repeated for each of its results."""
    return first if first.ndim == positions.ndim else first[..., None] + zeros(positions)


class _SortedPositions(Sorted):
    """Sorted windows whose elements are replaced by their positions in the window, counted from
    0."""

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
        self.is_present = ranks(self.values) < last(self.present)

    def route_gradient(self, value: Any) -> Any:
        here = value[..., None]
        equal = ((self.values == here) | (isnan(self.values) & isnan(here))) & self.is_present
        if self.ties == "last":
            return -smallest(where(equal, -self.order, zeros(self.order)), -1)
        return smallest(where(equal, self.order, zeros(self.order) + (self.max_length - 1)), -1)

    def elements(self, index: Any) -> Any:
        return take_along(self.order, index)
