"""The valid values of weights, in every array library."""

from __future__ import annotations

from math import inf
from typing import Any

from ..errors import PoolingError


def check_bounds(low: Any, high: Any, reduction: Any, form: str = "") -> None:
    """Raise PoolingError unless weights from `low` to `high` are finite, and nonnegative if the
    reduction needs it.

    A NaN makes both bounds NaN. `form` is the format of the lowest weight in the message.
    """
    if not -inf < low <= high < inf:
        raise PoolingError("weights hold a NaN or an infinity: use finite numbers, 0 for what shall not count")
    if low < 0 and not getattr(reduction, "signed_weights", False):
        name = getattr(reduction, "name", reduction)
        raise PoolingError(f"weights as low as {low:{form}}: {name!r} needs weights of at least 0")
