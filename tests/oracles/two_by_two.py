"""The 2 × 2 windows of an image as axes of an array."""

from __future__ import annotations

from typing import Any


def blocks(x: Any) -> Any:
    """(rows / 2, 2, columns / 2, 2, …) of an array whose first two sides are even."""
    return x.reshape(x.shape[0] // 2, 2, x.shape[1] // 2, 2, *x.shape[2:])
