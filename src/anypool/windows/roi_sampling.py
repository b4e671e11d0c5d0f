"""Bins of real-valued intervals along one axis: whole elements, interpolated points or exact
integrals."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays.adapter import adapter_of
from ..arrays.ops import clip, where, zeros
from ..arrays.shape_ops import as_like, concatenated
from ..plan import AxisIndices, Ints
from .arguments import to_numpy

FAR = 2.0**40  # coordinates beyond this are outside every array


def quantised(start: Any, end: Any, out: int, n: int, inclusive: bool) -> AxisIndices:
    """RoIPool's bins (Girshick 2015). Corners round half away from zero; the last is included. Bins
    round outward.

    Without `inclusive`, R-FCN as in torchvision: the end of the box and the last position of the
    axis are excluded.
    """
    lo, hi = _round_half_away(start), _round_half_away(end)
    length = np.maximum(hi - lo + inclusive, 1).astype(_float_of(start))
    limit = n if inclusive else n - 1
    step = (length / length.dtype.type(out))[:, None]
    o = np.arange(out + 1).astype(length.dtype)
    first = np.clip(np.floor(o[:-1] * step).astype(np.int64) + lo[:, None], 0, max(limit, 0)).reshape(-1)
    last = np.clip(np.ceil(o[1:] * step).astype(np.int64) + lo[:, None], 0, max(limit, 0)).reshape(-1)
    owner, number = run_positions(np.maximum(last - first, 0))
    return AxisIndices(n, out, _offsets(np.maximum(last - first, 0)), first[owner] + number)


def points(start: Any, end: Any, out: int, sampling: int, aligned: bool) -> tuple[Any, Ints]:
    """RoIAlign's points (He 2017) along one axis, bin after bin, and the number of points of each
    bin.

    sampling 0 means the length of a bin, rounded up, for each box. Boxes that are not aligned have
    length 1 or more.
    """
    extent = end - start
    if not aligned:
        extent = where(extent < 1, zeros(extent) + 1, extent)
    step = extent / out
    length = np.asarray(to_numpy(step))
    every = np.full(len(length), sampling) if sampling else np.clip(np.ceil(length), 0, 2**20).astype(np.int64)
    counts = np.repeat(every, out)
    owner, number = run_positions(counts)
    box, o = np.divmod(owner, out)
    share = (number + 0.5) / np.maximum(counts[owner], 1)
    return _rows(start, box) + _rows(step, box) * _as(o, start) + _as(share, start) * _rows(step, box), counts


def interpolated(at: Any, n: int, border: float | None) -> tuple[Ints, Any, Any]:
    """The (points, 2) neighbours of each point, their weights, and which points are inside the
    axis.

    Elements lie at integers. Points up to 1 before the first or after the last element have its
    value. Points beyond have the border's constant (position -1); without a constant they are
    absent.
    """
    inside = np.asarray(to_numpy((at >= -1) & (at <= n)))
    safe = clip(at, 0, max(n - 1, 0))
    low = np.clip(np.floor(np.asarray(to_numpy(safe))).astype(np.int64), 0, max(n - 1, 0))
    share = safe - _as(low, at)
    index = np.stack([low, np.minimum(low + 1, max(n - 1, 0))], 1)
    taps = adapter_of(share).stack([1 - share, share], 1)
    if n == 0:
        inside = np.zeros_like(inside)
    if border is not None:
        index = np.where(inside[:, None], index, -1)
    return index, taps, inside


def sampled(start: Any, end: Any, out: int, n: int, sampling: int, aligned: bool, border: float | None) -> AxisIndices:
    """The interpolated points of each bin along one axis."""
    at, counts = points(start, end, out, sampling, aligned)
    index, taps, inside = interpolated(at, n, border)
    if border is None:
        owner, _ = run_positions(counts)
        counts = np.bincount(owner[inside], minlength=len(counts))
        index, taps = index[inside], _rows(taps, np.flatnonzero(inside))
    return AxisIndices(n, out, _offsets(counts * 2), index.reshape(-1), taps.reshape(-1), 2)


def exact(start: Any, end: Any, out: int, n: int, border: float | None) -> AxisIndices:
    """The integral of the linear interpolant over each bin (PrRoI, Jiang 2018): element i has
    weight ∫ hat(u − i) du.

    Beyond the hats of the first and last element, the border's constant is integrated; without a
    constant it is absent.
    """
    o = _as(np.arange(out + 1), start)
    step = (end - start) / out
    edges = start[:, None] + step[:, None] * o
    a, b = edges[:, :-1].reshape(-1), edges[:, 1:].reshape(-1)
    lo, hi = (np.asarray(to_numpy(v), np.float64) for v in (a, b))
    first = np.clip(np.floor(np.clip(lo, -FAR, FAR)), 0, n).astype(np.int64)
    last = np.clip(np.ceil(np.clip(hi, -FAR, FAR)), -1, n - 1).astype(np.int64)
    counts = np.where(hi > lo, np.maximum(last - first + 1, 0), 0)
    owner, number = run_positions(counts)
    index = first[owner] + number
    element = _as(index, a)
    taps = _hat_to(_rows(b, owner) - element) - _hat_to(_rows(a, owner) - element)
    beyond = np.flatnonzero((hi > lo) & ((lo < 0) | (hi > n - 1)))
    if border is not None and len(beyond):
        ends, starts = _rows(b, beyond), _rows(a, beyond)
        rest = (ends - starts) - (_hats_to(ends, n) - _hats_to(starts, n))
        position = np.concatenate([index, np.full(len(beyond), -1)])
        order = np.argsort(np.concatenate([owner, beyond]), kind="stable")
        taps = _rows(concatenated([taps, where(rest > 0, rest, zeros(rest))], 0), order)
        index = position[order]
        counts = counts + np.bincount(beyond, minlength=len(counts))
    return AxisIndices(n, out, _offsets(counts), index, taps)


def run_positions(counts: Ints) -> tuple[Ints, Ints]:
    """For consecutive runs of these lengths: the run of each entry, and its number in that run."""
    owner = np.repeat(np.arange(len(counts)), counts)
    return owner, np.arange(len(owner)) - (np.cumsum(counts) - counts)[owner]


def _hat_to(u: Any) -> Any:
    """The integral of the hat function from -1 to u."""
    v = clip(u, -1, 1)
    return where(v < 0, (v + 1) ** 2 / 2, 1 - (1 - v) ** 2 / 2)


def _hats_to(u: Any, n: int) -> Any:
    """The integral of the sum of n hat functions from -1 to u."""
    if n == 0:
        return zeros(u)
    v = clip(u, 0, n - 1)
    return v + _hat_to(clip(u, -1, 0)) + _hat_to(clip(u - (n - 1), 0, 1)) - 0.5


def _round_half_away(x: Any) -> Ints:
    """Rounding half away from zero, as in C."""
    x = np.clip(np.asarray(to_numpy(x)), -FAR, FAR)
    magnitude = np.floor(np.abs(x))
    return (np.sign(x) * (magnitude + (np.abs(x) - magnitude >= 0.5))).astype(np.int64)


def _float_of(x: Any) -> Any:
    return np.asarray(to_numpy(x[:0])).dtype


def _offsets(counts: Ints) -> Ints:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def _as(table: Any, like: Any) -> Any:
    """A NumPy table as an array of the library and type of `like`."""
    return as_like(table, like)


def _rows(x: Any, index: Ints) -> Any:
    return adapter_of(x).take(x, index, 0)
