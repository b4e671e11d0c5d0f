"""Large windows that lack elements (a mask, weights of 0, NaN left out): what is there is laid side by side and pooled as whole runs."""

from __future__ import annotations

from functools import cached_property, lru_cache
from types import ModuleType
from typing import Any

import numpy as np

from ...arrays.adapter import adapter_of
from ...arrays.ops import where, zeros
from ...arrays.shape_ops import broadcast, cast, contiguous, permuted, take_flat
from ...order_statistics import Order
from ...plan import Axis, AxisIndices, Grid, IndexedWindows, Ints, Job
from ..folds import native as cpu

LARGE = 1 << 12  # elements of a window from which laying them side by side costs less than what else sees gaps
SAID = "elements that are there laid side by side, pooled as runs"


def serves(job: Job) -> bool:
    """Whether the job is of large windows that share no element and lack some, and nothing faster serves it."""
    grid = job.grid
    if not isinstance(grid, Grid) or grid.gathered or grid.max_length < LARGE or job.device != "cpu":
        return False
    if job.weights is None and not (job.omit_nan and "float" in job.dtype):
        return False
    if grid.weighted or grid.divisor != "present" or _owners(grid) is None or 0 in (*grid.shape, *grid.out_shape):
        return False
    return isinstance(job.reduction, Order) or cpu.refuses(job) is not None


def forward(library: ModuleType, x: Any, job: Job, weights: Any) -> Any:
    """The reduction of what is there; torch sees each step. None where nothing is there."""
    grid, r = job.grid, job.reduction
    keep, real = _present(x, weights, job)
    if not bool(keep.any()):
        return None
    rows = [a for a in range(x.ndim) if a not in grid.pooled_dims and (keep.shape[a] > 1 or a < grid.pooled_dims[-1])]
    lanes = [a for a in range(x.ndim) if a not in grid.pooled_dims and a not in rows]
    front = [*rows, *grid.pooled_dims]
    shape = [grid.shape[a] for a in front]
    mask = _flat(keep, front, lanes, shape)
    x = permuted(x, (*front, *lanes))
    x = x.reshape(-1, *x.shape[len(front) :])[mask]
    if real is not None:
        real = _flat(real, front, lanes, shape)[mask].reshape(-1, *[1] * len(lanes))
    there = _There(adapter_of(mask).numbers(mask), int(np.prod(shape[: len(rows)], dtype=np.int64)))
    y = _pooled(
        library, x, there.windows(tuple(x.shape), grid, real is not None and not isinstance(r, Order)), job, real
    )
    if r.gives == "position":
        y = _positions(y, there.at % there.pooled, job)
    elif isinstance(r, Order) and "float" not in job.dtype and not r.keeps_integers(False):
        y = cast(y, "float64")  # of an odd number by chance
    return _restored(y, grid, rows, lanes, r)


class _There:
    """Which elements are there, row by row of the pooled axes laid flat."""

    def __init__(self, mask: Any, rows: int) -> None:
        self.mask, self.rows, self.pooled = mask, rows, mask.size // rows

    @cached_property
    def at(self) -> Ints:
        """Where each of them lies."""
        return np.flatnonzero(self.mask)

    def windows(self, shape: tuple[int, ...], grid: Grid, listed: bool) -> Grid | IndexedWindows:
        """The windows over what is there: as many for each row as the grid has; `listed`: as
        IndexedWindows, which take weights."""
        windows, owners = int(np.prod(grid.windows_shape)), _owners(grid)
        assert owners is not None
        count = self.rows * windows
        if windows > 1 or any(bool((o < 0).any()) for o in owners):
            return self._listed(shape, self._owner(grid, owners), count)
        length = np.count_nonzero(self.mask.reshape(self.rows, -1), 1)
        if listed:
            return self._listed(shape, np.repeat(np.arange(count), length), count)
        first, stride = np.cumsum(length) - length, max(shape[0], 1) if count == 1 else 0
        axis = Axis(shape[0], first, length, 1, np.zeros(count, np.int64), length, None, stride)
        return Grid(shape, (0,), (axis,), gathered=True)

    def _owner(self, grid: Grid, owners: tuple[Ints, ...]) -> Ints:
        """Which window each of them is in, -1 none."""
        rest, windows = self.at % self.pooled, int(np.prod(grid.windows_shape))
        inside, window, far = np.ones(len(rest), bool), self.at // self.pooled * windows, 1
        for o, axis in zip(reversed(owners), reversed(grid.axes), strict=True):
            here = o[rest % axis.size]
            rest, inside = rest // axis.size, inside & (here >= 0)
            window, far = window + here * far, far * axis.out
        return np.where(inside, window, -1)

    def _listed(self, shape: tuple[int, ...], owner: Ints, count: int) -> IndexedWindows:
        length = np.bincount(owner[owner >= 0], minlength=count)
        offsets = np.concatenate([[0], np.cumsum(length)]).astype(np.int64)

        def entries() -> Ints:
            return np.argsort(owner, kind="stable")[len(owner) - offsets[-1] :]

        return IndexedWindows(
            shape, (0,), (AxisIndices(shape[0], count, offsets, entries),), (count,), (0,), group_ids=owner
        )


def _pooled(library: ModuleType, x: Any, runs: Grid | IndexedWindows, job: Job, weights: Any) -> Any:
    empty = None if job.reduction.gives == "position" else job.empty
    return library.run(x, runs, (job.reduction,), weights, omit_nan=False, empty=empty)[0]


def _present(x: Any, weights: Any, job: Job) -> tuple[Any, Any]:
    """Which elements are there, shaped to broadcast to x, and what each counts, None where each counts 1."""
    keep = (x == x) if job.omit_nan and "float" in job.dtype else None
    if weights is None:
        return keep, None
    w = weights.reshape((1,) * (x.ndim - weights.ndim) + tuple(weights.shape))
    heard = w != 0
    real = "bool" not in str(w.dtype) and not getattr(job.reduction, "ignores_weight_value", False)
    return heard if keep is None else keep & heard, w if real else None


def _flat(table: Any, front: list[int], lanes: list[int], shape: list[int]) -> Any:
    """A table that broadcasts to x, and is the same for all lanes, in one row."""
    table = permuted(table, (*front, *lanes))[(..., *[0] * len(lanes))]
    return broadcast(table, shape).reshape(-1)


@lru_cache(maxsize=64)
def _owners(grid: Grid) -> tuple[Ints, ...] | None:
    """Which window of each axis each position is in, -1 where in none; None where two hold one, or there is a border."""
    made: list[Ints] = []
    for axis in grid.axes:
        if axis.source is not None or int(axis.length.sum()) > axis.size:
            return None
        window = np.repeat(np.arange(axis.out), axis.length)
        place = np.arange(len(window)) - np.repeat(np.cumsum(axis.length) - axis.length, axis.length)
        owner = np.full(axis.size, -1, np.int64)
        owner[axis.first[window] + place * axis.step] = window
        if int((owner >= 0).sum()) < len(window):
            return None
        made.append(owner)
    return tuple(made)


def _positions(y: Any, table: Ints, job: Job) -> Any:
    """Places among what is there as flat positions in the pooled axes."""
    nothing = -1 if job.empty is None else int(job.empty)
    if not len(table):
        return zeros(y) + nothing
    none = y < 0
    safe = where(none, zeros(y), y)
    found = take_flat(table, safe)
    return where(none, zeros(y) + nothing, found)


def _restored(y: Any, grid: Grid, rows: list[int], lanes: list[int], r: Any) -> Any:
    """(rows · windows, lanes) as the result: axes in x's order, several answers first or last."""
    many = r.answers() if isinstance(r, Order) else None
    first = many is not None and many[1] == 0
    shape = [*(grid.shape[a] for a in rows), *grid.windows_shape, *(grid.shape[a] for a in lanes)]
    shape = shape if many is None else [many[0], *shape] if first else [*shape, many[0]]
    y = y.reshape(shape)
    laid = [*rows, *grid.pooled_dims, *lanes]
    back = [laid.index(a) for a in range(len(laid))]
    back = [0, *(b + 1 for b in back)] if first else back if many is None else [*back, len(back)]
    y = permuted(y, tuple(back))
    return contiguous(y)
