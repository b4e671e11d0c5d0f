"""What every backend works from: records of plain integers, that know nothing of arrays or reductions."""

from __future__ import annotations

from .grids import Axis, Grid, Ints, Union, joined_shape
from .job import Job
from .lists import Lists, Picks, lists_of
from .spread import Spread

__all__ = ["Axis", "Grid", "Ints", "Job", "Lists", "Picks", "Spread", "Union", "joined_shape", "lists_of"]
