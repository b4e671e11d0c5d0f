"""The interface of an order statistic: finish(sorted window, n), and its declared properties."""

from __future__ import annotations

from collections.abc import Hashable
from copy import copy
from typing import Any, ClassVar

from ..arrays.adapter import adapter_of
from ..errors import PoolingError
from .sorted_window import Sorted


class Order:
    """A reduction of the sorted window, defined by `finish(window, n)`.

    `window` is a `Sorted`. `window.at(rank)` is the element of that rank; `window.total(mass)` is a
    weighted sum over the ranks. n is the number of elements of the window, or their total weight:
    an int if all windows agree, else an array. An element of weight w covers w ranks, so that
    integer weights repeat elements; `window.spans` has the weights independent of their scale.
    Engines, gradients, weights, masks and NaN need no further method.

    >>> import anypool as ap
    >>> class Spread(ap.Order):
    ...     name = "spread"
    ...     def finish(self, window, n):
    ...         return window.at(n - 1) - window.at(0)
    >>> ap.pool([3.0, 1.0, 4.0, 1.0, 5.0], ap.sliding((3,), 1), Spread())
    array([3., 3., 4.])
    """

    name: ClassVar[str] = ""
    formula: ClassVar[str] = ""
    source: ClassVar[str] = ""
    empty: ClassVar[float | None] = float("nan")  # the result of an empty window
    gives: ClassVar[str] = "value"
    signed_weights: ClassVar[bool] = False
    # A NaN is sorted last, as in np.sort; otherwise a window with a NaN has the result NaN.
    nan_is_largest: ClassVar[bool] = False
    accepts_weights: ClassVar[bool] = True  # otherwise only masks: weights of 0 and 1
    gathers: ClassVar[bool] = False  # a function of the window in row-major order, not of the sorted window
    scale_free_weights: bool = False  # a factor that all weights have in common changes nothing
    differentiable: bool = True  # whether the result has a gradient
    needs_positions: ClassVar[bool] = False  # `finish` reads the position of each element in the window
    descending: bool = False  # of elements that tie, the first counts as the larger
    is_smooth: bool = False  # differentiable where elements tie: `ties` changes nothing
    splits_ties: bool = False  # elements that tie may split the gradient
    ties: str = "first"
    parameters: dict[str, Any]

    def __init__(self) -> None:
        self.parameters = {}

    def __repr__(self) -> str:
        inside = ", ".join(f"{k}={v!r}" for k, v in self.parameters.items() if v is not None)
        return f"{type(self).__name__}({inside})"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        plain = tuple(v if isinstance(v, Hashable) else id(v) for v in self.parameters.values())
        return hash((type(self), plain, self.ties))

    def finish(self, window: Sorted, n: Any) -> Any:
        """The result of each window; several results form a new last axis."""
        raise NotImplementedError(type(self).__name__)

    def answers(self) -> tuple[int, int] | None:
        """The number of results of a window and their axis in y (0 or −1); None for a single
        result."""
        return None

    def linear(self) -> bool:
        """Whether the result is Σ c(n, r)·x₍ᵣ₎; engines then read c from `finish`."""
        return False

    def selects(self) -> bool:
        """Whether each result is one element, taken by `window.at`; `Place` then gives its
        position."""
        return False

    def weights_only_select(self) -> bool:
        """Whether weights only select elements; the result then has no gradient with respect to
        them."""
        return self.selects()

    def components(self) -> list[Order] | None:
        """Simpler order statistics, whose results `combine` combines; None if there are none."""
        return None

    def combine(self, answers: list[Any]) -> Any:
        """The result from the results of `components`; several results form a new first axis."""
        return adapter_of(*answers).stack(answers, 0)

    def keeps_integers(self, odd: bool) -> bool:
        """Whether integers stay integers. `odd`: each window has an odd number of elements."""
        return False

    def undefined_for(self, n: Any) -> Any:
        """Where n is too small for a result."""
        return n == 0

    def fitted(self, dtype: str) -> Order:
        """The same order statistic for this element type, which must represent its constants."""
        return self

    def check(self, max_length: int) -> None:
        """Raise PoolingError if a window of at most this many elements has no result."""


def tied(order: Order, ties: str) -> Order:
    """The order statistic with this rule for ties."""
    if ties == order.ties:
        return order
    if not order.splits_ties or (ties == "split" and order.gives == "position"):
        raise PoolingError(
            f"ties='split' is not possible for {order!r}: a place is one element's; use 'first' or 'last'"
            if order.splits_ties
            else f"ties={ties!r} is not possible for {order!r}: it uses several elements, the first ranks first"
        )
    copied = copy(order)
    copied.ties = ties
    return copied
