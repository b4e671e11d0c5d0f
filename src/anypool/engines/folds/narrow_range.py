"""Ranges of many narrow integers: two selections of their own type, and a difference as wide as a sum."""

from __future__ import annotations

import math
from types import ModuleType
from typing import Any

from ...arrays.adapter import adapter_of
from ...plan import Grid, Job
from ...reductions import Range

NARROW = frozenset(("int8", "uint8", "int16", "uint16", "int32", "uint32"))
MANY = (
    1 << 14
)  # elements from which it pays: 1024² bytes, 3×3, 2.0 → 0.9 ms; fewer are one compiled call, which is remembered


def serves(job: Job) -> bool:
    """Whether a range is quicker as two selections; every window has both."""
    grid = job.grid
    if type(job.reduction) is not Range or not isinstance(grid, Grid) or job.weights is not None:
        return False
    return job.dtype in NARROW and math.prod(grid.shape) >= MANY and not grid.weighted and not grid.has_empty


def forward(arrays: ModuleType, x: Any, job: Job) -> Any:
    """The range of each window; `arrays` is the module that serves x, which is read once."""
    top, low = arrays.run(x, job.grid, job.reduction.ends)
    return adapter_of(top).difference(top, low, arrays.wide(job.dtype))
