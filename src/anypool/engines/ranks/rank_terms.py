"""Order statistics by the number of present elements, in the form of the compiled networks.

Absent elements (masked, omitted NaN, past the edge) are sorted last. The number of present elements
then selects ranks and their coefficients, which are read from the order statistic's own `finish`.

"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ...order_statistics import Order, Sorted
from ...plan import Axis, Grid, Job
from ..folds.words import FLOATS
from .interior import interior

MAX_LENGTH = 81  # elements of one window: a full sort of 9×9 is planned in a second and costs 20 medians of 3×3
GENERATED = ([2, 2], [3, 3])  # windows for which generated networks give each rank to the middle, or every rank


@lru_cache(maxsize=1024)
def coefficients(order: Order, n: int) -> NDArray[np.float64]:
    """c with result = Σ c[r]·x₍ᵣ₎ for a window of n elements: the order statistic of unit
    vectors."""
    with np.errstate(all="ignore"):
        return np.asarray(order.finish(Sorted(np.eye(n), n), n), np.float64).reshape(n)


@dataclass(frozen=True)
class Terms:
    """For each number of elements: one rank, two ranks, or all ranks with coefficients."""

    ranks: tuple[int, ...]
    kind: int  # 1 one rank, 2 two of them, 3 all
    blend: int  # of two: 1 their mean, 2 low + (high − low) · share
    low: NDArray[np.int32]  # −1: there is no result
    high: NDArray[np.int32]
    shares: NDArray[np.float64]
    table: NDArray[np.float64]


def terms(order: Order, counts: range, whole: bool = False) -> Terms:
    """The terms for these numbers of elements; with `whole`, of a generated network."""
    full = counts[-1]
    rows = {n: coefficients(order, n) for n in counts if n and not order.undefined_for(n)}
    used = {n: np.flatnonzero(row) for n, row in rows.items()}
    ranks = tuple(sorted({int(r) for at in used.values() for r in at})) or (0,)
    kinds = {_kind(row[used[n]]) for n, row in rows.items()}
    if "mean" in kinds and not _adds_first(order):
        kinds.add("between")
    form = next(((kind, blend) for allowed, kind, blend in FORMS if kinds <= allowed), None)
    if whole and form is not None:
        ranks = tuple(range(full // 2 + 1 if ranks[-1] <= full // 2 else full))
    at = {rank: k for k, rank in enumerate(ranks)}
    low, high, shares = np.full(full + 1, -1, np.int32), np.full(full + 1, -1, np.int32), np.full(full + 1, 0.5)
    table = np.zeros((full + 1, len(ranks)))
    for n, row in rows.items():
        table[n, [at[int(r)] for r in used[n]]] = row[used[n]]
        low[n] = high[n] = 0
    if form is None:
        return Terms(ranks, 3, 0, low, high, shares, table)
    for n, ranks_of_n in used.items():
        low[n], high[n] = at[int(ranks_of_n[0])], at[int(ranks_of_n[-1])]
        shares[n] = rows[n][ranks_of_n[-1]]
    return Terms(ranks, *form, low, high, shares, table)


# Allowed kinds of coefficients, the kind of terms that represents them, and the blend of two ranks.
FORMS: list[tuple[set[str], int, int]] = [
    ({"one"}, 1, 0),
    ({"one", "mean"}, 2, 1),
    ({"one", "mean", "between"}, 2, 2),
]


def _adds_first(order: Order) -> bool:
    """Whether the mean of 0 and infinity is infinity; NumPy's interpolation gives NaN."""
    with np.errstate(all="ignore"):
        return bool(np.isinf(order.finish(Sorted(np.array([0.0, np.inf]), 2), 2)))


def _kind(values: NDArray[np.float64]) -> str:
    total = float(values.sum())
    if len(values) not in (1, 2) or abs(total - 1) > 1e-12:
        return "all"
    return "one" if len(values) == 1 else "mean" if np.all(values == 0.5) else "between"


@dataclass(frozen=True)
class Frame:
    """The windows extended to full ones, on axes longer than x."""

    grid: Grid
    before: tuple[int, ...]  # added elements before each pooled axis
    counts: range  # the possible numbers of real elements of a window


@lru_cache(maxsize=1024)
def frame(grid: Grid) -> Frame | None:
    """The windows as full ones on longer axes; None if that is not possible."""
    axes, before = list[Axis](), list[int]()
    for axis in grid.axes:
        extended = _extended_axis(axis)
        if extended is None:
            return None
        axes.append(extended[0])
        before.append(extended[1])
    shape = list(grid.shape)
    for a, axis in zip(grid.pooled_dims, axes, strict=True):
        shape[a] = axis.size
    present = grid.present
    full = replace(grid, shape=tuple(shape), axes=tuple(axes), fill=None)
    return Frame(full, tuple(before), range(int(present.min()), int(present.max()) + 1))


def _extended_axis(axis: Axis) -> tuple[Axis, int] | None:
    """The axis extended at both ends so that every window is full, and the number of elements added
    before."""
    nonempty = np.flatnonzero(axis.length)
    if not len(nonempty):
        return None
    begin = axis.first - axis.absent_before * axis.step
    length = int((axis.absent_before + axis.length)[nonempty].max())
    first = int(nonempty[0])
    stride = (
        int(begin[nonempty[1]] - begin[first]) // int(nonempty[1] - first)
        if len(nonempty) > 1
        else max(length * axis.step, 1)
    )
    start = int(begin[first]) - first * stride
    begin = start + stride * np.arange(axis.out, dtype=np.int64)
    at = begin[:, None] + axis.step * np.arange(length)
    inside = (at >= 0) & (at < axis.extent)
    stride_sample = nonempty if stride > 0 else nonempty[:0]
    is_regular = np.array_equal(inside.sum(1), axis.length) and np.array_equal(
        np.where(inside, at, axis.extent).min(1)[stride_sample], axis.first[stride_sample]
    )
    if not is_regular or not len(stride_sample):
        return None
    before, after = max(0, -start), max(0, int(at[-1, -1]) + 1 - axis.extent)
    none, full = np.zeros(axis.out, np.int64), np.full(axis.out, length)
    size = before + axis.extent + after
    return Axis(size, begin + before, full, axis.step, none, full, None, stride), before


def has_gaps(job: Job) -> bool:
    """Whether a window may lack any of its elements."""
    return job.weights is not None or (job.omit_nan and job.dtype in FLOATS)


@lru_cache(maxsize=256)
def planned(order: Order, grid: Grid, with_gaps: bool) -> Terms:
    """The terms for the numbers of elements that clipping leaves, or for any number."""
    if with_gaps:
        return terms(order, range(grid.max_length + 1), [a.max_length for a in grid.axes] in GENERATED)
    if interior(grid) is not None:  # edges have their own plans
        return terms(order, range(grid.max_length, grid.max_length + 1))
    extended = frame(grid)
    assert extended is not None
    return terms(order, extended.counts)
