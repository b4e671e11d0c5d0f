"""What every backend works from: records of plain integers, that know nothing of arrays or reductions."""

from __future__ import annotations

from .grids import Axis, Grid, GridConcat, Ints, joined_shape
from .indexed import AxisIndices, IndexedWindows, as_indexed_windows
from .job import Job
from .sparse_groups import SparseGroups

__all__ = [
    "Axis",
    "AxisIndices",
    "Grid",
    "GridConcat",
    "IndexedWindows",
    "Ints",
    "Job",
    "SparseGroups",
    "as_indexed_windows",
    "joined_shape",
]
