"""Windows of interpolated points: the points are compiled sums, pooled as the regular windows that they then are."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from types import ModuleType
from typing import Any

import numpy as np

from ...arrays.shape_ops import concatenated, contiguous, moved
from ...plan import Axis, AxisIndices, Grid, IndexedWindows, Ints, Job
from ...reductions import Sum
from . import native as lists_cpu

CHUNK = 1 << 24  # points that are made at once


def serves(job: Job) -> bool:
    """Whether every window holds as many points along an axis as the others, and the core makes them."""
    lists: IndexedWindows = job.grid
    even = all(p.counts.size and (p.counts == p.counts[0]).all() and p.counts[0] > 0 for p in lists.indices)
    if (
        lists.points_per_element == 1
        or not even
        or any(p.points_per_element == 1 and p.taps is not None for p in lists.indices)
    ):
        return False
    return lists_cpu.refuses(replace(job, reduction=Sum(), omit_nan=False)) is None


def forward(library: ModuleType, x: Any, job: Job, options: dict[str, Any]) -> Any:
    """The reduction of every window."""
    lists: IndexedWindows = job.grid
    lead = tuple(n for a, n in enumerate(lists.shape) if a not in lists.pooled_dims)
    each = tuple(int(p.counts[0]) for p in lists.indices)
    parts: list[Any] = []
    for some in _parts(lists, math.prod(lead)):
        points = library.listed(x, replace(job, grid=some, reduction=Sum(), omit_nan=False, empty=None))
        if points is None:
            return None
        parts.append(library.run(points, _windows(some.out_shape, each), (job.reduction,), None, **options)[0])
    many = getattr(job.reduction, "answers", lambda: None)()
    first, last = ([], []) if many is None else ([many[0]], []) if many[1] == 0 else ([], [many[0]])
    y = parts[0] if len(parts) == 1 else concatenated(parts, -len(lists.indices) - 1 - len(last))
    y = y.reshape(*first, *lead, *lists.windows_shape, *last)
    source = [len(first) + len(lead) + k for k in range(len(lists.windows_shape))]
    to = [len(first) + a for a in lists.result_dims]
    return contiguous(moved(y, source, to))


def _parts(lists: IndexedWindows, rows: int) -> Iterator[IndexedWindows]:
    """Windows of single points, in lots of groups, their axes last."""
    inner = math.prod(p.out for p in lists.indices)
    groups = lists.windows // inner
    of: Ints = np.zeros(groups, np.int64) if lists.groups is None else lists.groups
    per = rows * math.prod(p.out * int(p.counts[0]) for p in lists.indices)
    step = max(CHUNK // max(per, 1), 1)
    lead = len(lists.shape) - len(lists.pooled_dims)
    for begin in range(0, groups, step):
        end = min(begin + step, groups)
        picks = tuple(_single(p, begin, end) for p in lists.indices)
        shape = (end - begin, *(p.out for p in picks))
        into = tuple(range(lead, lead + len(shape)))
        which = of[begin:end] if lists.groups is not None else None
        yield IndexedWindows(lists.shape, lists.pooled_dims, picks, shape, into, which, lists.fill)


def _single(p: AxisIndices, begin: int, end: int) -> AxisIndices:
    """The points of these groups, each a window of its own."""
    many = p.out * int(p.counts[0])
    entries = slice(begin * many * p.points_per_element, end * many * p.points_per_element)
    offsets = np.arange((end - begin) * many + 1, dtype=np.int64) * p.points_per_element
    return AxisIndices(p.size, many, offsets, p.index[entries], None if p.taps is None else p.taps[entries])


@lru_cache(maxsize=256)
def _windows(shape: tuple[int, ...], each: tuple[int, ...]) -> Grid:
    """Windows of so many points along the last axes."""
    axes: list[Axis] = []
    for n, many in zip(shape[len(shape) - len(each) :], each, strict=True):
        out = n // many
        length = np.full(out, many)
        axes.append(Axis(n, np.arange(out) * many, length, 1, np.zeros(out, np.int64), length, stride=many))
    return Grid(shape, tuple(range(len(shape) - len(each), len(shape))), tuple(axes))
