"""The description of one call, without its data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, eq=False)
class Job:
    """One reduction over one plan, without data: an engine accepts or refuses it."""

    grid: Any  # a Grid or IndexedWindows
    reduction: Any
    dtype: str  # NumPy's name of the element type, or "bfloat16"
    library: str  # "numpy", "torch"
    device: str = "cpu"
    weights: tuple[tuple[int, ...], str] | None = None  # (shape that broadcasts to x, dtype)
    omit_nan: bool = False
    empty: float | None = None
    logs: bool = False  # the weights are given as logarithms; their scale is free
