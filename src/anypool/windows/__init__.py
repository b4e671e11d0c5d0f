"""The window kinds, one file each. A kind lowers to a plan when the shape of the input is known."""

from __future__ import annotations

from .adaptive import Adaptive, adaptive
from .arguments import flag, normal_axes
from .boxes import Boxes, boxes
from .fractional import Fractional, fractional
from .groups import Groups, groups
from .pyramid import Pyramid, pyramid
from .regions import Regions, regions
from .segments import Segments, segments
from .sliding import Sliding, sliding
from .whole import Whole, whole
from .window_kind import MEMORY, Windows

__all__ = [
    "MEMORY",
    "Adaptive",
    "Boxes",
    "Fractional",
    "Groups",
    "Pyramid",
    "Regions",
    "Segments",
    "Sliding",
    "Whole",
    "Windows",
    "adaptive",
    "boxes",
    "flag",
    "fractional",
    "groups",
    "normal_axes",
    "pyramid",
    "regions",
    "segments",
    "sliding",
    "whole",
]
