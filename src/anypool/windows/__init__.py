"""WHERE: one file per window kind; each lowers to a Grid when it meets a shape."""

from __future__ import annotations

from .adaptive import Adaptive, adaptive
from .arguments import normal_axes
from .boxes import Boxes, boxes
from .groups import Groups, groups
from .kind import MEMORY, Windows
from .regions import Regions, regions
from .segments import Segments, segments
from .sliding import Sliding, sliding
from .whole import Whole, whole

__all__ = [
    "MEMORY",
    "Adaptive",
    "Boxes",
    "Groups",
    "Regions",
    "Segments",
    "Sliding",
    "Whole",
    "Windows",
    "adaptive",
    "boxes",
    "groups",
    "normal_axes",
    "regions",
    "segments",
    "sliding",
    "whole",
]
