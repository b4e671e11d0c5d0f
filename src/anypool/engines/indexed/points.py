"""Windows of interpolated points: compiled sums give the points, which are pooled as regular
windows."""

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
from . import native as native_indexed

CHUNK = 1 << 24  # points that are computed at once


def serves(job: Job) -> bool:
    """Whether all windows have the same number of points along each axis, and the sums are
    compiled."""
    lists: IndexedWindows = job.grid
    even = all(p.counts.size and (p.counts == p.counts[0]).all() and p.counts[0] > 0 for p in lists.indices)
    if (
        lists.points_per_element == 1
        or not even
        or any(p.points_per_element == 1 and p.taps is not None for p in lists.indices)
    ):
        return False
    return native_indexed.refuses(replace(job, reduction=Sum(), omit_nan=False)) is None


def forward(library: ModuleType, x: Any, job: Job, options: dict[str, Any]) -> Any:
    """The reduction of every window."""
    lists: IndexedWindows = job.grid
    lead = tuple(n for a, n in enumerate(lists.shape) if a not in lists.pooled_dims)
    counts = tuple(int(p.counts[0]) for p in lists.indices)
    parts: list[Any] = []
    for part in _parts(lists, math.prod(lead)):
        points = library.indexed_fold(x, replace(job, grid=part, reduction=Sum(), omit_nan=False, empty=None))
        if points is None:
            return None
        parts.append(library.run(points, _windows(part.out_shape, counts), (job.reduction,), None, **options)[0])
    answers = getattr(job.reduction, "answers", lambda: None)()
    first, last = ([], []) if answers is None else ([answers[0]], []) if answers[1] == 0 else ([], [answers[0]])
    y = parts[0] if len(parts) == 1 else concatenated(parts, -len(lists.indices) - 1 - len(last))
    y = y.reshape(*first, *lead, *lists.windows_shape, *last)
    source = [len(first) + len(lead) + k for k in range(len(lists.windows_shape))]
    result_dims = [len(first) + a for a in lists.result_dims]
    return contiguous(moved(y, source, result_dims))


def _parts(lists: IndexedWindows, rows: int) -> Iterator[IndexedWindows]:
    """Windows of single points, in batches of groups, their axes last."""
    inner = math.prod(p.out for p in lists.indices)
    groups = lists.windows // inner
    image_of_group: Ints = np.zeros(groups, np.int64) if lists.groups is None else lists.groups
    points_of_group = rows * math.prod(p.out * int(p.counts[0]) for p in lists.indices)
    step = max(CHUNK // max(points_of_group, 1), 1)
    lead = len(lists.shape) - len(lists.pooled_dims)
    for begin in range(0, groups, step):
        end = min(begin + step, groups)
        picks = tuple(_single(p, begin, end) for p in lists.indices)
        shape = (end - begin, *(p.out for p in picks))
        dims = tuple(range(lead, lead + len(shape)))
        images = image_of_group[begin:end] if lists.groups is not None else None
        yield IndexedWindows(lists.shape, lists.pooled_dims, picks, shape, dims, images, lists.fill)


def _single(p: AxisIndices, begin: int, end: int) -> AxisIndices:
    """The points of these groups, each as one window."""
    points = p.out * int(p.counts[0])
    entries = slice(begin * points * p.points_per_element, end * points * p.points_per_element)
    offsets = np.arange((end - begin) * points + 1, dtype=np.int64) * p.points_per_element
    return AxisIndices(p.size, points, offsets, p.index[entries], None if p.taps is None else p.taps[entries])


@lru_cache(maxsize=256)
def _windows(shape: tuple[int, ...], counts: tuple[int, ...]) -> Grid:
    """Windows of these numbers of points along the last axes."""
    axes: list[Axis] = []
    for n, count in zip(shape[len(shape) - len(counts) :], counts, strict=True):
        out = n // count
        length = np.full(out, count)
        axes.append(Axis(n, np.arange(out) * count, length, 1, np.zeros(out, np.int64), length, stride=count))
    return Grid(shape, tuple(range(len(shape) - len(counts), len(shape))), tuple(axes))
