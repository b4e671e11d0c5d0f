"""Windows by the length of the result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import PoolingError
from ..plan import Axis, Grid, Ints
from ..scalars import integer, is_row
from .arguments import last_axes, need_axes, numbers, shown
from .window_kind import MOST_WINDOWS, Kind, ascending, grid_of


@dataclass(frozen=True)
class Adaptive(Kind):
    """Windows by the length of the result; see `adaptive`."""

    output_size: tuple[int | None, ...] | int | None

    def plan(self, shape: tuple[int, ...], axes: tuple[int, ...] | None) -> Grid:
        at, sizes = self._entries(shape, axes)
        return grid_of((self, sizes), shape, at)

    def symbolic(self) -> bool:
        return True

    def counts(self, shape: tuple[Any, ...], axes: tuple[int, ...] | None) -> dict[int, Any]:
        """The requested numbers."""
        return {a: shape[a] if out is None else out for a, out in zip(*self._entries(shape, axes), strict=True)}

    def _entries(
        self, shape: tuple[Any, ...], axes: tuple[int, ...] | None
    ) -> tuple[tuple[int, ...], tuple[int | None, ...]]:
        sizes = self.output_size
        if isinstance(sizes, tuple):
            return last_axes(axes, len(sizes), shape, f"adaptive({shown(sizes)})"), sizes
        at = need_axes(axes, shape, f"adaptive({sizes})", "an output size for each axis, such as adaptive((7, 7))")
        return at, (sizes,) * len(at)

    def lower(self, shape: tuple[int, ...], at: tuple[int, ...]) -> Grid:
        sizes = self.output_size if isinstance(self.output_size, tuple) else (self.output_size,) * len(at)
        if len(sizes) != len(at):
            raise PoolingError(
                f"adaptive({shown(sizes)}) has {len(sizes)} entries, but axes={at} names {len(at)} "
                "axes: give one for each"
            )
        parts: list[Axis] = []
        for a, out in zip(at, sizes, strict=True):
            n = shape[a]
            out = n if out is None else out
            if out > MOST_WINDOWS:
                raise PoolingError(
                    f"adaptive output size {out} on axis {a}: a result of that length cannot fit in memory; ask for less"
                )
            if n == 0 and out > 0:
                raise PoolingError(
                    f"adaptive output size {out} on axis {a} of length 0: nothing to divide; the axis must have at least 1 element"
                )
            o = numbers(out)
            first = _times_over(o, n, out, up=False)
            end = _times_over(o + 1, n, out, up=True)
            stride = n // out if out and n % out == 0 else 0
            parts.append(Axis(n, first, end - first, 1, np.zeros(out, np.int64), end - first, None, stride))
        return ascending(shape, at, parts)


def adaptive(output_size: int | Sequence[int | None] | None) -> Adaptive:
    """`output_size` windows along each axis: window o spans ⌊o·n/out⌋ to ⌈(o+1)·n/out⌉. None keeps
    the length.

    An int needs `axes`. A tuple has one entry for each pooled axis. The edges are torch's, in
    integer arithmetic.

    >>> import numpy as np, anypool as ap
    >>> ap.pool(np.arange(7.0), adaptive((3,)), "mean")
    array([1., 3., 5.])
    """
    if not is_row(output_size):
        return Adaptive(None if output_size is None else integer(output_size, "output_size", 0))
    return Adaptive(tuple(None if v is None else integer(v, "output_size", 0) for v in output_size))


def _times_over(o: Ints, n: int, out: int, up: bool) -> Ints:
    """⌊o·n/out⌋, or the ceiling with `up`. Python integers are used where the product could
    overflow."""
    if not out:
        return o
    if n * out < 2**62:
        return -(-(o * n) // out) if up else o * n // out
    return np.array([-(-(int(v) * n) // out) if up else int(v) * n // out for v in o], np.int64)
