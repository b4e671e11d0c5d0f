"""The records that every engine reads: plain integers, without arrays of values and without
reductions."""

from __future__ import annotations

from .axis import Axis, Ints
from .grids import Fill, Grid, GridConcat, joined_shape
from .indexed import AxisIndices, IndexedWindows, as_indexed_windows
from .job import Job
from .sparse_groups import SparseGroups

__all__ = [
    "Axis",
    "AxisIndices",
    "Fill",
    "Grid",
    "GridConcat",
    "IndexedWindows",
    "Ints",
    "Job",
    "SparseGroups",
    "as_indexed_windows",
    "joined_shape",
]
