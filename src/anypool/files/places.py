"""The position of a result's pixels: stride and shift of the windows along each axis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..plan import Axis, Grid
from ..scalars import entries
from ..windows import Sliding


@dataclass(frozen=True)
class Place:
    """One axis: position u of the result is `stride` · u + `shift` of the input; pixel i is [i, i +
    1].
    """

    stride: float = 1.0
    shift: float = 0.0


def places_of(windows: Any, plan: Any, at: tuple[int, ...] | None = None) -> dict[int, Place] | None:
    """A Place for each axis of x; None if the windows are not equally spaced or not on a grid.

    at: the pooled axes in the order of the windows' entries.

    >>> import anypool as ap
    >>> w = ap.sliding((3,), 2, 1)
    >>> places_of(w, w.plan((9,), None))  # window 0 is centred on 0.5, as pixel 0 of the result: 2 · 0.5 − 0.5
    {0: Place(stride=2.0, shift=-0.5)}
    """
    if not isinstance(plan, Grid):
        return None
    places = {a: Place() for a in range(len(plan.shape))}
    order = [a % len(plan.shape) for a in at] if at else list(plan.pooled_dims)
    for number, a in enumerate(order):
        axis = plan.axes[plan.pooled_dims.index(a)]
        place = _sliding(windows, axis, number, len(order)) if isinstance(windows, Sliding) else _spaced(axis)
        if place is None:
            return None
        places[a] = place
    return places


def _sliding(windows: Sliding, axis: Axis, number: int, rank: int) -> Place | None:
    """The place of sliding windows; a window that is cut at the edge keeps its centre."""
    if windows.offsets is not None:
        return None
    size: float = entries(windows.size, rank, "size")[number]
    stride = float(size if windows.stride is None else entries(windows.stride, rank, "stride")[number])
    if windows.real:
        by = windows._measures(rank)[number]
        start = -by.pads(axis.size)[0] / by.unit
    else:
        there = np.flatnonzero(axis.length)
        if not len(there):
            return None
        o = int(there[0])
        start = float(axis.first[o] - axis.absent_before[o] * axis.step - _before(axis)) - o * stride
        size = (size - 1) * axis.step + 1
    return Place(stride, start + size / 2 - stride / 2)


def _before(axis: Axis) -> int:
    """The number of positions of the virtual axis before the real axis."""
    if axis.source is None:
        return 0
    zeros = np.flatnonzero(axis.source == 0)
    here = [int(p) for p in zeros if np.array_equal(axis.source[p : p + axis.size], np.arange(axis.size))]
    return min(here, key=lambda p: abs(p - (axis.extent - axis.size) / 2)) if here else 0


def _spaced(axis: Axis) -> Place | None:
    """The place of other windows, such as adaptive ones, if they are equally spaced and never
    cut.
    """
    if axis.source is not None or not axis.out or not axis.length.all():
        return None
    begin = axis.first.astype(float)
    end = begin + (axis.length - 1) * axis.step + 1
    if axis.out == 1:
        return Place(float(end[0] - begin[0]), float(begin[0]))
    centres = (begin + end) / 2
    strides = np.diff(centres)
    if strides[0] <= 0 or np.ptp(strides) > 1e-9:
        return None
    return Place(float(strides[0]), float(centres[0] - strides[0] / 2))
