"""Order statistics: WHAT becomes of a window's elements once they are sorted."""

from __future__ import annotations

from .means import KMax, Ordinal, Range, TopKMean, TrimmedMean
from .order import Order
from .quantiles import METHODS, Median, Quantile, Rank
from .sorted import Sorted
from .votes import Mode

__all__ = [
    "METHODS",
    "KMax",
    "Median",
    "Mode",
    "Order",
    "Ordinal",
    "Quantile",
    "Range",
    "Rank",
    "Sorted",
    "TopKMean",
    "TrimmedMean",
]
