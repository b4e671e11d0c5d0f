"""Folds that are functions of window sums, for any windows and any array library."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ...arrays.adapter import adapter_of
from ...arrays.ops import absolute, smallest, where, zeros
from ...arrays.shape_ops import broadcast, cast, dtype_name, is_bool
from ...plan import Grid, Job
from ...reductions import Max, Min, Sum
from ..native import footprints
from ..native.library import library
from .weighting import masked
from .words import FLOATS

PIECE = 1 << 18  # elements of one block: its planes stay in cache
MOST = 2.0**64  # a factor or a sum above this may cancel the digits of the other

# types whose squares a double adds exactly
NARROW = frozenset("bool uint8 int8 uint16 int16 float16 bfloat16 float32".split())


class UnsafeSums(Exception):
    """The sums lose digits; the next engine computes the call."""


class WindowSums:
    """The argument `sums` of `from_sums` and `gradient_terms`: n, counts, and sums over each
    window.

    none: which windows are empty, or None. `recompute(y, lost)` returns y with the windows
    recomputed whose sums lost their digits: those of which less than `smallest_share` remains. It
    returns None if that is not possible.

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
        """The sum of w·v of each window; w is the weight of an element, 1 without weights."""
        return self._folded(v, Sum())

    def flat(self, v: Any) -> Any:
        """Which windows have only equal elements."""
        return self._folded(v, Max()) == self._folded(v, Min())

    def mass(self, v: Any, is_present: Any = True) -> Any:
        """The sum of each window for terms of one sign; raises UnsafeSums if it underflows. v is 0
        unless `is_present`."""
        if not in_range(v):
            raise UnsafeSums
        total = self.total(v)
        least = total if self.none is None else where(self.none, zeros(total) + 1, total)
        if float(smallest(absolute(least))) < 1 / MOST:  # no term may underflow then
            tiny = 2.0**-1022 if "64" in str(v.dtype) else 2.0**-126
            if bool(((absolute(v) < tiny) & is_present).any()):
                raise UnsafeSums
        return total


def fold_by_sums(reduction: Any, x: Any, sums: Any) -> Any:
    """The fold of x from its sums; None if it has no such form for these values."""
    try:
        with np.errstate(all="ignore"):
            return reduction.from_sums(x, sums)
    except UnsafeSums:
        return None


def defines(reduction: Any, name: str, *beside: str) -> bool:
    """Whether a fold's class defines this method at least as late as the methods `beside` it."""
    if not callable(getattr(reduction, name, None)):
        return False
    # a subclass that redefines a method of `beside` must redefine this method too
    return name in vars(next(c for c in type(reduction).__mro__ if {name, *beside} & set(vars(c))))


def has_sums_form(reduction: Any) -> bool:
    """Whether a fold is a function of sums."""
    return defines(reduction, "from_sums", "step", "merge", "finish")


def in_range(v: Any, most: float = MOST) -> bool:
    """Whether all numbers are within ±most, and none is NaN."""
    if isinstance(v, float):
        return True
    low, high = adapter_of(v).ends(v)
    return -most <= float(low) and float(high) <= most


def sum_dtype(reduction: Any, dtype: str) -> str | None:
    """The element type of the sums; None if no type is wide enough."""
    if not getattr(reduction, "sums_need_double", False):
        return "float32" if dtype in ("float16", "bfloat16", "float32") else "float64"
    return "float64" if dtype in NARROW else None


def serves(job: Job) -> bool:
    """Whether the fold over this grid is a function of sums that are compiled."""
    grid, reduction = job.grid, job.reduction
    is_empty = 0 in (*grid.shape, *grid.out_shape)
    irregular = grid.weighted and (grid.taps is None or footprints.refuses(grid) is not None)
    is_supported = not (is_empty or irregular or grid.fill is not None)
    if not is_supported or library() is None or not has_sums_form(reduction):
        return False
    if masked(job):
        return grid.divisor == "present" and getattr(reduction, "gives", "value") == "value" and job.dtype in FLOATS
    return not grid.has_empty and sum_dtype(reduction, job.dtype) is not None


def factor_of(x: Any, job: Job, weights: Any) -> Any:
    """The weight of each element, a mask or a number, in x's shape; None if all elements count
    alike."""
    if not masked(job):
        return None
    w = weights
    if w is not None and not is_bool(w) and job.reduction.ignores_weight_value:
        w = w != 0
    if job.omit_nan:
        present = x == x
        w = present if w is None else present & w if is_bool(w) else where(present, w, zeros(w))
    return broadcast(w, x.shape)


def fill(y: Any, x: Any, job: Job, strides: tuple[int, ...], sums_of: Callable[..., WindowSums], factor: Any) -> bool:
    """Write the fold to y, block by block. False if the sums lose digits.

    `sums_of(v, w)` gives the sums of a block v with the weights w, `factor` the weight of each
    element or None.
    """
    wide = sum_dtype(job.reduction, dtype_name(x))
    if wide is None:
        return False
    empty = job.reduction.empty if job.empty is None else job.empty
    for piece in pieces(job.grid, strides):
        xs, w = cast(x[piece], wide), None if factor is None else factor[piece]
        if w is not None:
            xs = with_present(xs, w != 0)
            if xs is None:
                y[piece] = empty
                continue
        sums = sums_of(xs, w)
        part = fold_by_sums(job.reduction, xs, sums)
        if part is None:
            return False
        y[piece] = part if sums.none is None else where(sums.none, zeros(part) + empty, part)
    return True


def with_present(x: Any, present: Any) -> Any:
    """x with a present element in place of the absent ones, so that no bound of x changes; None if
    all are absent."""
    mask = np.asarray(present)
    first = np.unravel_index(int(mask.argmax()), mask.shape)
    return where(present, x, x[first]) if mask[first] else None


def pieces(grid: Grid, strides: tuple[int, ...]) -> Iterator[tuple[slice, ...]]:
    """Blocks of x along the axes that are outside the pooled axes in memory."""
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
