"""Large windows with absent elements (masks, weights of 0, omitted NaN): present elements are
compacted and pooled as runs."""

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
from ..folds import native as native_folds

LARGE = 1 << 12  # elements of a window for which compaction costs less than other treatment of gaps
TEXT = "present elements copied into contiguous memory, then windows of consecutive elements"


def serves(job: Job) -> bool:
    """Whether the windows are large and disjoint with absent elements, and no faster engine
    supports them."""
    grid = job.grid
    if not isinstance(grid, Grid) or grid.gathered or grid.max_length < LARGE or job.device != "cpu":
        return False
    if job.weights is None and not (job.omit_nan and "float" in job.dtype):
        return False
    if grid.weighted or grid.divisor != "present" or window_tables(grid) is None or 0 in (*grid.shape, *grid.out_shape):
        return False
    return isinstance(job.reduction, Order) or native_folds.refuses(job) is not None


def forward(library: ModuleType, x: Any, job: Job, weights: Any) -> Any:
    """The reduction of the present elements; torch can record each step. None if there are none."""
    grid, r = job.grid, job.reduction
    is_present, element_weights = _present(x, weights, job)
    if not bool(is_present.any()):
        return None
    rows = [
        a for a in range(x.ndim) if a not in grid.pooled_dims and (is_present.shape[a] > 1 or a < grid.pooled_dims[-1])
    ]
    lanes = [a for a in range(x.ndim) if a not in grid.pooled_dims and a not in rows]
    front = [*rows, *grid.pooled_dims]
    shape = [grid.shape[a] for a in front]
    mask = _as_row(is_present, front, lanes, shape)
    x = permuted(x, (*front, *lanes))
    x = x.reshape(-1, *x.shape[len(front) :])[mask]
    if element_weights is not None:
        element_weights = _as_row(element_weights, front, lanes, shape)[mask].reshape(-1, *[1] * len(lanes))
    compaction = _Compaction(adapter_of(mask).numbers(mask), int(np.prod(shape[: len(rows)], dtype=np.int64)))
    y = _pooled(
        library,
        x,
        compaction.windows(tuple(x.shape), grid, element_weights is not None and not isinstance(r, Order)),
        job,
        element_weights,
    )
    if r.gives == "position":
        y = _positions(y, compaction.positions % compaction.pooled, job)
    elif isinstance(r, Order) and "float" not in job.dtype and not r.keeps_integers(False):
        y = cast(y, "float64")  # only this window has an odd number of elements
    return _to_result(y, grid, rows, lanes, r)


class _Compaction:
    """The present elements, row by row of the flattened pooled axes."""

    def __init__(self, mask: Any, rows: int) -> None:
        self.mask, self.rows, self.pooled = mask, rows, mask.size // rows

    @cached_property
    def positions(self) -> Ints:
        """The position of each present element."""
        return np.flatnonzero(self.mask)

    def windows(self, shape: tuple[int, ...], grid: Grid, indexed: bool) -> Grid | IndexedWindows:
        """The windows over the present elements, for each row as many as in the grid.

        `indexed`: as IndexedWindows, which accept weights.
        """
        windows, owners = int(np.prod(grid.windows_shape)), window_tables(grid)
        assert owners is not None
        count = self.rows * windows
        if windows > 1 or any(bool((o < 0).any()) for o in owners):
            return self._indexed(shape, self._window_of_each(grid, owners), count)
        length = np.count_nonzero(self.mask.reshape(self.rows, -1), 1)
        if indexed:
            return self._indexed(shape, np.repeat(np.arange(count), length), count)
        first, stride = np.cumsum(length) - length, max(shape[0], 1) if count == 1 else 0
        axis = Axis(shape[0], first, length, 1, np.zeros(count, np.int64), length, None, stride)
        return Grid(shape, (0,), (axis,), gathered=True)

    def _window_of_each(self, grid: Grid, owners: tuple[Ints, ...]) -> Ints:
        """The window of each present element, −1 for none."""
        rest, windows = self.positions % self.pooled, int(np.prod(grid.windows_shape))
        inside, window, stride = np.ones(len(rest), bool), self.positions // self.pooled * windows, 1
        for o, axis in zip(reversed(owners), reversed(grid.axes), strict=True):
            window_on_axis = o[rest % axis.size]
            rest, inside = rest // axis.size, inside & (window_on_axis >= 0)
            window, stride = window + window_on_axis * stride, stride * axis.out
        return np.where(inside, window, -1)

    def _indexed(self, shape: tuple[int, ...], owner: Ints, count: int) -> IndexedWindows:
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
    """Which elements are present, broadcastable to x, and their weights, None if each counts 1."""
    keep = (x == x) if job.omit_nan and "float" in job.dtype else None
    if weights is None:
        return keep, None
    w = weights.reshape((1,) * (x.ndim - weights.ndim) + tuple(weights.shape))
    nonzero = w != 0
    is_weighted = "bool" not in str(w.dtype) and not getattr(job.reduction, "ignores_weight_value", False)
    return nonzero if keep is None else keep & nonzero, w if is_weighted else None


def _as_row(table: Any, front: list[int], lanes: list[int], shape: list[int]) -> Any:
    """A table that broadcasts to x and is the same for all lanes, as one row."""
    table = permuted(table, (*front, *lanes))[(..., *[0] * len(lanes))]
    return broadcast(table, shape).reshape(-1)


@lru_cache(maxsize=64)
def window_tables(grid: Grid) -> tuple[Ints, ...] | None:
    """The window of each position along each axis, −1 for none; None for overlaps, and for a
    border."""
    tables: list[Ints] = []
    for axis in grid.axes:
        if axis.source is not None or int(axis.length.sum()) > axis.size:
            return None
        window = np.repeat(np.arange(axis.out), axis.length)
        index = np.arange(len(window)) - np.repeat(np.cumsum(axis.length) - axis.length, axis.length)
        owner = np.full(axis.size, -1, np.int64)
        owner[axis.first[window] + index * axis.step] = window
        if int((owner >= 0).sum()) < len(window):
            return None
        tables.append(owner)
    return tuple(tables)


def _positions(y: Any, table: Ints, job: Job) -> Any:
    """Positions among present elements as flat positions in the pooled axes."""
    value_of_empty = -1 if job.empty is None else int(job.empty)
    if not len(table):
        return zeros(y) + value_of_empty
    is_none = y < 0
    safe = where(is_none, zeros(y), y)
    position = take_flat(table, safe)
    return where(is_none, zeros(y) + value_of_empty, position)


def _to_result(y: Any, grid: Grid, rows: list[int], lanes: list[int], r: Any) -> Any:
    """(rows · windows, lanes) as the result: axes in x's order, several answers first or last."""
    answers = r.answers() if isinstance(r, Order) else None
    first = answers is not None and answers[1] == 0
    shape = [*(grid.shape[a] for a in rows), *grid.windows_shape, *(grid.shape[a] for a in lanes)]
    shape = shape if answers is None else [answers[0], *shape] if first else [*shape, answers[0]]
    y = y.reshape(shape)
    dims = [*rows, *grid.pooled_dims, *lanes]
    inverse = [dims.index(a) for a in range(len(dims))]
    inverse = [0, *(b + 1 for b in inverse)] if first else inverse if answers is None else [*inverse, len(inverse)]
    y = permuted(y, tuple(inverse))
    return contiguous(y)
