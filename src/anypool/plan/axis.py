"""One pooled axis: which elements each window holds along it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Axis:
    """One pooled axis: window o has the positions first[o] + j·step for j < length[o]. All of them
    are present.

    With `source`, positions refer to a virtual axis. Its element v is element source[v] of the real
    axis, or the border's constant if source[v] is -1. No border is materialised.
    """

    size: int  # length of the real axis
    first: Ints  # (out,) position of the first present element of each window
    length: Ints  # (out,) number of present elements; 0 is an empty window
    step: int  # distance between adjacent elements of a window
    absent_before: Ints  # (out,) number of absent taps before the first present one
    padded: NDArray[Any]  # (out,) number of taps inside the padded input; a length if windows are real-valued
    source: Ints | None = None  # virtual axis -> real axis, -1 is the constant
    stride: int = 0  # distance between adjacent windows; 0 if irregular
    edge_weights: NDArray[np.float64] | None = (
        None  # (out, 2) weights of a window's first and last element; all others weigh 1
    )

    @cached_property
    def out(self) -> int:
        """The number of windows."""
        return len(self.first)

    @cached_property
    def max_length(self) -> int:
        """The number of elements of the longest window."""
        return int(self.length.max()) if len(self.length) else 0

    @cached_property
    def extent(self) -> int:
        """The length of the virtual axis, or of the real axis without `source`."""
        return self.size if self.source is None else len(self.source)

    @cached_property
    def regular(self) -> tuple[int, int]:
        """The range of windows that are full and `stride` apart. Kernels need no table for them."""
        if not self.stride or not self.out:
            return 0, 0
        full = np.flatnonzero(self.length == self.max_length)
        lo, hi = int(full[0]), int(full[-1]) + 1
        uniform = hi - lo == len(full) and bool(np.all(np.diff(self.first[lo:hi]) == self.stride))
        return (lo, hi) if uniform else (0, 0)

    def weights_at(self, window: Ints, j: Ints | int) -> NDArray[np.float64]:
        """The weight of element j of a window, for arrays of windows and of j that broadcast."""
        if self.edge_weights is None:
            return np.ones(np.broadcast_shapes(window.shape, np.asarray(j).shape))
        last = np.where(j == self.length[window] - 1, self.edge_weights[window, 1], 1.0)
        return np.where(j == 0, self.edge_weights[window, 0], last)

    @cached_property
    def transposed(self) -> Axis | None:
        """The transposed axis: for each element the run of windows that contain it; None if they
        are not runs."""
        if self.step != 1 or np.any(np.diff(self.first) < 0) or np.any(np.diff(self.first + self.length) < 0):
            return None
        here = np.arange(self.extent, dtype=np.int64)
        end = np.searchsorted(self.first, here, side="right")
        start = np.minimum(np.searchsorted(self.first + self.length, here, side="right"), end)
        zero = np.zeros(self.extent, np.int64)
        stride = int(self.stride == 1)
        return Axis(self.out, start.astype(np.int64), (end - start).astype(np.int64), 1, zero, zero, None, stride)

    @cached_property
    def holders(self) -> tuple[Ints, Ints]:
        """Two (size, most) tables for each real position: the windows that contain it, and its
        number j in each; -1 is none."""
        window = np.repeat(np.arange(self.out), self.length)
        starts = np.cumsum(self.length) - self.length
        number = np.arange(len(window)) - np.repeat(starts, self.length)
        position = self.first[window] + number * self.step
        if self.source is not None:
            position = self.source[position]
            real = position >= 0
            window, number, position = window[real], number[real], position[real]
        order = np.argsort(position, kind="stable")
        window, number, position = window[order], number[order], position[order]
        count = np.bincount(position, minlength=self.size)
        slot = np.arange(len(position)) - np.repeat(np.cumsum(count) - count, count)
        shape = (self.size, int(count.max()) if len(count) else 0)
        windows, numbers = np.full(shape, -1, np.int64), np.full(shape, -1, np.int64)
        windows[position, slot], numbers[position, slot] = window, number
        return windows, numbers
