"""The form of an order statistic: finish(sorted window, n), and its declared facts."""

from __future__ import annotations

from copy import copy
from typing import Any, ClassVar

from ..arrays.adapter import adapter_of
from ..errors import PoolingError
from .sorted_window import Sorted


class Order:
    """A reduction that needs the window sorted: `finish(window, n)` says it once.

    `window` is a `Sorted`: `window.at(rank)` is the element of that rank, `window.total(mass)` a weighted
    sum over the ranks. n is how many elements the window holds, or their total weight: an int where all
    windows are alike, else an array. Real weights repeat elements there; `window.spans` holds them free of
    their scale. Engines, gradients, weights, masks and NaN come with it.

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
    empty: ClassVar[float | None] = float("nan")  # of a window that holds nothing
    gives: ClassVar[str] = "value"
    signed_weights: ClassVar[bool] = False
    nan_is_largest: ClassVar[bool] = False  # a NaN takes its rank, as in np.sort; else it spoils its windows
    gathers: ClassVar[bool] = False  # is a function of whole windows, not of sorted ones
    differentiable: bool = True  # a gradient may pass
    placed: ClassVar[bool] = False  # asks where in its window each element lies
    descending: bool = False  # of those that tie, the first is the larger
    shares: bool = False  # those that tie may share the gradient
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
        plain = tuple(v if isinstance(v, (int, float, str, tuple, Order)) else id(v) for v in self.parameters.values())
        return hash((type(self), plain, self.ties))

    def finish(self, window: Sorted, n: Any) -> Any:
        """The answer for each window; several answers lie on a new last axis."""
        raise NotImplementedError(type(self).__name__)

    def answers(self) -> tuple[int, int] | None:
        """How many answers a window has and the axis they form in the result (0 or −1); None for one without an axis."""
        return None

    def linear(self) -> bool:
        """Whether the answer is Σ c(n, r)·x₍ᵣ₎: engines then read c off `finish`."""
        return False

    def selects(self) -> bool:
        """Whether every answer is one of the elements, taken by `window.at`: then `Place` says where it lies."""
        return False

    def steps(self) -> bool:
        """Whether weights only choose which elements the answer is of: then it has no slope in them."""
        return self.selects()

    def apart(self) -> list[Order] | None:
        """Simpler order statistics that this one is made of, by `together`; None where it is one itself."""
        return None

    def together(self, answers: list[Any]) -> Any:
        """The answer from those of `apart`: several answers, on a new first axis."""
        return adapter_of(*answers).stack(answers, 0)

    def whole(self, odd: bool) -> bool:
        """Whether integers stay integers; `odd`: every window is known to hold an odd number of elements."""
        return False

    def lacks(self, n: Any) -> Any:
        """Where a window has no answer."""
        return n == 0

    def fitted(self, dtype: str) -> Order:
        """The same for elements of this type, which must hold every constant that is compared with them."""
        return self

    def check(self, places: int) -> None:
        """Raise PoolingError if windows of at most this many elements have no answer."""


def tied(order: Order, ties: str) -> Order:
    """The order statistic with this rule of ties."""
    if ties == order.ties:
        return order
    if not order.shares or (ties == "split" and order.gives == "position"):
        raise PoolingError(
            f"ties='split' is not possible for {order!r}: a place is one element's; use 'first' or 'last'"
            if order.shares
            else f"ties={ties!r} is not possible for {order!r}: it uses several elements, the first ranks first"
        )
    made = copy(order)
    made.ties = ties
    return made
