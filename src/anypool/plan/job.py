"""One call, without the array's data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, eq=False)
class Job:
    """One call, without the array's data: what a backend accepts or refuses."""

    grid: Any  # a Grid, or IndexedWindows
    reduction: Any
    dtype: str  # NumPy's name of the element type, "bfloat16" too
    library: str  # "numpy", "torch"
    device: str = "cpu"
    weights: tuple[tuple[int, ...], str] | None = None  # their shape (broadcastable to x) and dtype
    omit_nan: bool = False
    empty: float | None = None
