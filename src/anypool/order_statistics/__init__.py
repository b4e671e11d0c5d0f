"""Order statistics: reductions of the sorted elements of a window."""

from __future__ import annotations

from collections.abc import Callable

from .arg_order import Place
from .function import Function as Function
from .function import function
from .mode import Mode
from .order_statistic import Order
from .order_statistic import tied as tied
from .quantiles import METHODS as METHODS
from .quantiles import Median, Quantile, Rank
from .rank_weighted import KMax, Ordinal, Range, TopKMean, TrimmedMean
from .sorted_window import Sorted as Sorted

ORDERS: dict[str, Callable[[], Order]] = {
    "median": Median,
    "mode": Mode,
    "argmedian": lambda: Place(Median("lower")),
}
PARAMETRIC_ORDERS: dict[str, type[Order]] = {
    "Median": Median,
    "Quantile": Quantile,
    "Rank": Rank,
    "Range": Range,
    "TrimmedMean": TrimmedMean,
    "TopKMean": TopKMean,
    "KMax": KMax,
    "Ordinal": Ordinal,
    "Mode": Mode,
    "Place": Place,
}
# What the package exports of this room.
__all__ = [
    "KMax",
    "Median",
    "Mode",
    "Order",
    "Ordinal",
    "Place",
    "Quantile",
    "Range",
    "Rank",
    "TopKMean",
    "TrimmedMean",
    "function",
]
