"""Folds that are functions of sums, which are compiled: asked for in maths words, of any windows, in any array library."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ...arrays.adapter import adapter_of
from ...arrays.ops import absolute, smallest, where, zeros
from ...arrays.shape_ops import cast, dtype_name
from ...plan import Grid
from ...reductions import Max, Min, Sum
from ..native.library import library

PIECE = 1 << 18  # elements worked on at once: a few planes of them stay in cache
MOST = 2.0**64  # factors and sums beyond this may lose what their partner holds

NARROW = frozenset(
    "bool uint8 int8 uint16 int16 float16 bfloat16 float32".split()
)  # whose squares a double adds exactly


class Declined(Exception):
    """The sums do not hold the numbers safely: the reference answers."""


class WindowSums:
    """What a fold may ask of the windows: n, how many elements they hold, sums; and which hold nothing, if any does.

    `recompute(y, where)` is y with the windows whose sums lost their digits done anew, None if that is not to be had:
    those of which less than `smallest_share` is left.
    """

    smallest_share = 1e-9

    def __init__(
        self,
        n: Any,
        count: Any,
        folded: Callable[[Any, Any], Any],
        none: Any = None,
        recompute: Callable[[Any, Any], Any] = lambda y, lost: None,
    ) -> None:
        self.n, self.count, self._folded, self.none, self.recompute = n, count, folded, none, recompute

    def total(self, v: Any) -> Any:
        """The sum of each window."""
        return self._folded(v, Sum())

    def flat(self, v: Any) -> Any:
        """The windows whose elements are all equal."""
        return self._folded(v, Max()) == self._folded(v, Min())

    def mass(self, v: Any, there: Any = True) -> Any:
        """The sum of each window of what varies in size: declined where it holds too little. v is 0 but `there`."""
        if not safe(v):
            raise Declined
        total = self.total(v)
        least = total if self.none is None else where(self.none, zeros(total) + 1, total)
        if float(smallest(absolute(least))) < 1 / MOST:  # then no number may be lost below
            tiny = 2.0**-1022 if "64" in str(v.dtype) else 2.0**-126
            if bool(((absolute(v) < tiny) & there).any()):
                raise Declined
        return total


def answer(reduction: Any, x: Any, seen: Any) -> Any:
    """The fold of x by its sums; None where it has no such form for these numbers."""
    try:
        with np.errstate(all="ignore"):
            return reduction.from_sums(x, seen)
    except Declined:
        return None


def states(reduction: Any, name: str, *beside: str) -> bool:
    """Whether a fold has this method, and it is stated for the very fold."""
    if not callable(getattr(reduction, name, None)):
        return False
    # a class below that restates what stands beside it needs its own
    return name in vars(next(c for c in type(reduction).__mro__ if {name, *beside} & set(vars(c))))


def answers(reduction: Any) -> bool:
    """Whether a fold is a function of sums."""
    return states(reduction, "from_sums", "step", "merge", "finish")


def safe(v: Any, most: float = MOST) -> bool:
    """Whether no number is beyond this, or a NaN."""
    if isinstance(v, float):
        return True
    low, high = adapter_of(v).ends(v)
    return -most <= float(low) and float(high) <= most


def wide_for(reduction: Any, dtype: str) -> str | None:
    """The type that the sums of x are made in; None where none holds them."""
    if not getattr(reduction, "sums_need_double", False):
        return "float32" if dtype in ("float16", "bfloat16", "float32") else "float64"
    return "float64" if dtype in NARROW else None


def serves(grid: Grid, reduction: Any, dtype: str) -> bool:
    """Whether the fold over this grid is a function of sums that the core makes."""
    plain = not (grid.has_empty or grid.weighted or grid.fill is not None) and 0 not in (*grid.shape, *grid.out_shape)
    return plain and library() is not None and answers(reduction) and wide_for(reduction, dtype) is not None


def fill(y: Any, x: Any, grid: Grid, reduction: Any, strides: tuple[int, ...], seen: Callable[..., WindowSums]) -> bool:
    """The fold into y, piece by piece, `seen(shape, dtype)` being what a piece sees; whether the sums hold the numbers."""
    wide = wide_for(reduction, dtype_name(x))
    assert wide is not None
    for piece in pieces(grid, strides):
        xs = cast(x[piece], wide)
        made = answer(reduction, xs, seen(tuple(xs.shape), xs.dtype))
        if made is None:
            return False
        y[piece] = made
    return True


def pieces(grid: Grid, strides: tuple[int, ...]) -> Iterator[tuple[slice, ...]]:
    """x cut along the axes that lie outside the pooled ones in memory."""
    shape = grid.shape
    inside = max(strides[a] for a in grid.pooled_dims)
    outer = sorted((a for a in range(len(shape)) if strides[a] > inside), key=lambda a: -strides[a])
    cuts = [[slice(None)] for _ in shape]
    rest = 1
    for n in shape:
        rest *= n
    for a in outer:
        if rest <= PIECE:
            break
        rest //= shape[a]
        step = max(PIECE // max(rest, 1), 1)
        cuts[a] = [slice(i, i + step) for i in range(0, shape[a], step)]
        rest *= step
    return itertools.product(*cuts)
