"""WHERE: one file per window kind; each lowers to a Grid when it meets a shape."""

from __future__ import annotations

from .adaptive import Adaptive, adaptive
from .arguments import normal_axes
from .fractional import Fractional, fractional
from .kind import MEMORY, Windows
from .pyramid import Pyramid, pyramid
from .segments import Segments, segments
from .sliding import Sliding, sliding
from .whole import Whole, whole

__all__ = [
    "MEMORY",
    "Adaptive",
    "Fractional",
    "Pyramid",
    "Segments",
    "Sliding",
    "Whole",
    "Windows",
    "adaptive",
    "fractional",
    "normal_axes",
    "pyramid",
    "segments",
    "sliding",
    "whole",
]
