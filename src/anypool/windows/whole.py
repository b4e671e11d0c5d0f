"""One window over all elements of the pooled axes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..plan import Axis, Grid
from .arguments import flag, need_axes, normal_axes
from .window_kind import Kind, ascending, grid_of


@dataclass(frozen=True)
class Whole(Kind):
    """One window over all elements of the pooled axes; see `whole`."""

    keepdims: bool = True

    def plan(self, shape: tuple[int, ...], axes: tuple[int, ...] | None) -> Grid:
        return grid_of(self, shape, need_axes(axes, shape, "whole()", "axes, such as axes=(-2, -1) for images"))

    def counts(self, shape: tuple[Any, ...], axes: tuple[int, ...] | None) -> dict[int, Any]:
        """One window along each axis."""
        return dict.fromkeys(need_axes(axes, shape, "whole()", "axes, such as axes=(-2, -1) for images"), 1)

    def result_shape(self, shape: tuple[Any, ...], axes: tuple[int, ...] | None) -> tuple[Any, ...]:
        """The shape of the result. The pooled axes have length 1 or are removed."""
        one = self.counts(shape, axes)
        return tuple(one.get(a, n) for a, n in enumerate(shape) if self.keepdims or a not in one)

    def output_shape(self, shape: Sequence[int], axes: int | Iterable[int] | None = None) -> tuple[int, ...]:
        """The shape of the result for an input of this shape."""
        with_dims = super().output_shape(shape, axes)
        return with_dims if self.keepdims else self.result_shape(tuple(shape), normal_axes(axes, len(shape)))

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


def whole(*, keepdims: bool = True) -> Whole:
    """One window over all elements of the pooled axes. Name `axes`, unless the input has one axis.

    keepdims: True keeps the pooled axes with length 1. False removes them, as `keepdims=False` of
    pool does for any windows.

    >>> import numpy as np, anypool as ap
    >>> ap.pool(np.ones((2, 3, 4, 4)), whole(), "sum", axes=(-2, -1)).shape
    (2, 3, 1, 1)
    >>> ap.pool(np.ones((2, 3, 4, 4)), whole(keepdims=False), "sum", axes=(-2, -1)).shape
    (2, 3)
    """
    return Whole(flag(keepdims, "keepdims"))
