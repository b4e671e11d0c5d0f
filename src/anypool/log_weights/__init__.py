"""`log_weights=`: each element has the weight e^a, computed relative to the greatest a of its
window."""

from __future__ import annotations

from .calls import as_numbers, pooled, present
from .parts import GATHERED, LIFTED, LogWeighted, Part

__all__ = ["GATHERED", "LIFTED", "LogWeighted", "Part", "as_numbers", "pooled", "present"]
