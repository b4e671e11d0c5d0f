"""Ranges of many narrow integers: two selections of their own type, and a difference as wide as a sum."""

from __future__ import annotations

import math
from itertools import chain
from types import ModuleType
from typing import Any

import numpy as np

from ..backends import memory
from ..plan import Grid
from ..reductions import Range

NARROW = frozenset(("int8", "uint8", "int16", "uint16", "int32", "uint32"))
MANY = (
    1 << 14
)  # elements from which it pays: 1024² bytes, 3×3, 2.0 → 0.9 ms; fewer are one compiled call, which is remembered


def served(dtype: str, grid: Grid, reductions: tuple[Any, ...], weights: Any, backend: str | None) -> bool:
    """Whether a range among the reductions is quicker as two selections; every window has both."""
    if weights is not None or backend is not None or dtype not in NARROW or math.prod(grid.shape) < MANY:
        return False
    return any(type(r) is Range for r in reductions) and not grid.weighted and not grid.has_empty


def run(arrays: ModuleType, x: Any, grid: Grid, reductions: tuple[Any, ...], out: Any, **options: Any) -> Any:
    """One result a reduction; `arrays` is the module that serves x, which is read once."""
    each = [r.ends if type(r) is Range else (r,) for r in reductions]
    made = iter(arrays.run(x, grid, tuple(chain.from_iterable(each)), **options))
    wide = arrays.wide(arrays.dtype_name(x))
    results = tuple(next(made) if len(e) == 1 else _difference(next(made), next(made), wide) for e in each)
    return results if out is None else arrays.into(out, results)


def _difference(top: Any, low: Any, wide: str) -> Any:
    if not isinstance(top, np.ndarray):
        return top.long().sub_(low)
    bits = f"u{top.itemsize}"  # in which the difference is exact: it wraps once where the sign is lost
    top, low = top.view(bits), low.view(bits)
    np.subtract(top, low, out=top)
    y = memory.empty(top.shape, np.dtype(wide))
    np.copyto(y, top)
    return y
