"""Whether the windows of a Grid together contain every position."""

from __future__ import annotations

import numpy as np

from ...plan import Axis, Grid

MANY_STEPS = 64  # positions of a window with gaps, above which no element is counted as read


def reads_all(grid: Grid) -> bool:
    """Whether each position of x is in some window, so that the core reads its weight."""
    return grid.taps is None and all(_covers(axis) for axis in grid.axes)


def _covers(axis: Axis) -> bool:
    some = axis.length > 0
    first, length = axis.first[some], axis.length[some]
    if axis.step == 1:
        ends = np.bincount(first, minlength=axis.extent + 1) - np.bincount(first + length, minlength=axis.extent + 1)
        read = np.cumsum(ends)[: axis.extent] > 0
    elif axis.max_length <= MANY_STEPS:
        read = np.zeros(axis.extent, bool)
        for i in range(axis.max_length):
            read[first[length > i] + i * axis.step] = True
    else:
        return False
    if axis.source is None:
        return bool(read.all())
    real = axis.source[read]
    return len(np.unique(real[real >= 0])) == axis.size
