"""One window that holds everything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..plan import Axis, Grid
from .arguments import need_axes
from .kind import Kind, ascending, grid_of


@dataclass(frozen=True)
class Whole(Kind):
    """One window that holds everything; see `whole`."""

    def plan(self, shape: tuple[int, ...], axes: tuple[int, ...] | None) -> Grid:
        return grid_of(self, shape, need_axes(axes, "whole()", "axes, such as axes=(-2, -1) for images"))

    def counts(self, shape: tuple[Any, ...], axes: tuple[int, ...] | None) -> dict[int, Any]:
        """One window an axis."""
        return dict.fromkeys(need_axes(axes, "whole()", "axes, such as axes=(-2, -1) for images"), 1)

    def lower(self, shape: tuple[int, ...], at: tuple[int, ...]) -> Grid:
        zero = np.zeros(1, np.int64)
        return ascending(
            shape,
            at,
            [
                Axis(shape[a], zero, np.array([shape[a]]), 1, zero, np.array([shape[a]]), None, max(shape[a], 1))
                for a in at
            ],
        )


def whole() -> Whole:
    """One window that holds all of the pooled axes, which `axes` must name; their length becomes 1.

    >>> import numpy as np, anypool as ap
    >>> ap.pool(np.ones((2, 3, 4, 4)), whole(), "sum", axes=(-2, -1)).shape
    (2, 3, 1, 1)
    """
    return Whole()
