"""The numbers that weights may be, in every array library."""

from __future__ import annotations

from math import inf
from typing import Any

from ..errors import PoolingError


def check_bounds(low: Any, high: Any, reduction: Any, form: str = "") -> None:
    """Whether weights from `low` to `high` are finite, and at least 0 unless the reduction is linear in them.

    A NaN among the weights is in both bounds. `form` is how the error writes the lowest weight.
    """
    if not -inf < low <= high < inf:
        raise PoolingError("weights hold a NaN or an infinity: use finite numbers, 0 for what shall not count")
    if low < 0 and not getattr(reduction, "signed_weights", False):
        name = getattr(reduction, "name", reduction)
        raise PoolingError(f"weights as low as {low:{form}}: {name!r} needs weights of at least 0")
