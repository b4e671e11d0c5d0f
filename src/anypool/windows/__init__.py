"""The window kinds, one file each, and their registry. A kind lowers to a plan when the shape of
the input is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .adaptive import Adaptive, adaptive
from .arguments import flag as flag
from .arguments import normal_axes as normal_axes
from .boxes import Boxes, boxes
from .fractional import Fractional, fractional
from .groups import Groups, groups
from .padded import Padded, padded
from .pyramid import Pyramid, pyramid
from .regions import Regions, regions
from .segments import Segments, segments
from .sliding import Sliding, sliding
from .spans import Spans, spans
from .whole import Whole, whole
from .window_kind import MEMORY as MEMORY
from .window_kind import Flat as Flat
from .window_kind import Kind
from .window_kind import Windows as Windows

# Each class, and the public function that makes its objects. Expressions use the function's name.
KINDS: dict[type[Kind], Callable[..., Any]] = {
    Sliding: sliding,
    Adaptive: adaptive,
    Whole: whole,
    Segments: segments,
    Groups: groups,
    Boxes: boxes,
    Fractional: fractional,
    Pyramid: pyramid,
    Regions: regions,
    Spans: spans,
    Padded: padded,
}
# What the package exports of this room.
__all__ = [
    "adaptive",
    "boxes",
    "fractional",
    "groups",
    "padded",
    "pyramid",
    "regions",
    "segments",
    "sliding",
    "spans",
    "whole",
]
