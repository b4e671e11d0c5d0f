"""Boxes whose points are no product of axes: rotated boxes, and boxes whose bins move."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from ..arrays.adapter import adapter_of
from ..arrays.ops import cos, sin, where, zeros
from ..plan import AxisIndices, Ints
from .arguments import to_numpy
from .roi_sampling import _as, _offsets, _rows, interpolated, run_positions


def rotated_points(
    rows: Any,
    turn: str,
    size: tuple[int, ...],
    lengths: list[int],
    scale: tuple[float, ...],
    sampling: int,
    aligned: bool,
    border: float | None,
) -> AxisIndices:
    """The points of boxes (x, y, width, height, angle): those of the upright box, rotated about its
    centre."""
    shift = 0.5 if aligned else 0.0
    width, height = rows[:, 2] * scale[1], rows[:, 3] * scale[0]
    if not aligned:
        width, height = (where(v < 1, zeros(v) + 1, v) for v in (width, height))
    angle = rows[:, 4] * (math.pi / 180) * (1.0 if turn == "counterclockwise" else -1.0)
    sine, cosine = sin(angle), cos(angle)
    (v, u), box, counts = _points_in_boxes([height, width], size, sampling)
    v, u = (at - _rows(extent, box) / 2 for at, extent in ((v, height), (u, width)))
    s, c = _rows(sine, box), _rows(cosine, box)
    y = v * c - u * s + _rows(rows[:, 1] * scale[0] - shift, box)
    x = u * c + v * s + _rows(rows[:, 0] * scale[1] - shift, box)
    return _planar([y, x], counts, size, lengths, border)


def deformed_points(
    rows: Any,
    offsets: Any,
    gamma: float,
    size: tuple[int, ...],
    lengths: list[int],
    scale: tuple[float, ...],
    sampling: int,
    aligned: bool,
    border: float | None,
) -> AxisIndices:
    """The points of upright boxes whose bins move by gamma · size of the box · offset (Dai
    2017)."""
    rank, shift = len(size), 0.5 if aligned else 0.0
    starts: list[Any] = []
    extents: list[Any] = []
    for k in range(rank):
        start, end = rows[:, rank - 1 - k] * scale[k] - shift, rows[:, 2 * rank - 1 - k] * scale[k] - shift
        extent = end - start
        starts.append(start)
        extents.append(extent if aligned else where(extent < 1, zeros(extent) + 1, extent))
    inside, box, counts = _points_in_boxes(extents, size, sampling)
    owner, _ = run_positions(counts)
    bins = math.prod(size)
    moved: list[Any] = []
    for k, at in enumerate(inside):
        flat = offsets[:, rank - 1 - k].reshape(-1)
        delta = _rows(flat, owner) if bins else flat
        moved.append(at + _rows(starts[k], box) + _rows(extents[k], box) * delta * gamma)
    return _planar(moved, counts, size, lengths, border)


def _points_in_boxes(extents: list[Any], size: tuple[int, ...], sampling: int) -> tuple[list[Any], Ints, Ints]:
    """The positions of the points relative to their box along each axis, the box of each point, and
    points per bin."""
    boxes = len(extents[0])
    every: list[Ints] = []
    for extent, out in zip(extents, size, strict=True):
        long = np.ceil(np.asarray(to_numpy(extent / out)))
        every.append(np.full(boxes, sampling) if sampling else np.clip(long, 0, 2**20).astype(np.int64))
    inner = math.prod(size)
    per_bin = np.repeat(np.prod(every, axis=0).astype(np.int64), inner)
    owner, local = run_positions(per_bin)
    box, bin_index = np.divmod(owner, max(inner, 1))
    positions_by_axis: list[Any] = []
    for extent, out, n in reversed(list(zip(extents, size, every, strict=True))):
        points = np.maximum(n[box], 1)
        local, number = np.divmod(local, points)
        bin_index, o = np.divmod(bin_index, out)
        positions_by_axis.append(_rows(extent / out, box) * _as(o + (number + 0.5) / points, extent))
    return positions_by_axis[::-1], box, per_bin


def _planar(
    at: list[Any], counts: Ints, size: tuple[int, ...], lengths: list[int], border: float | None
) -> AxisIndices:
    """Interpolation in several axes at once. Positions are flat in all axes."""
    each = [interpolated(a, n, border) for a, n in zip(at, lengths, strict=True)]
    index: list[Ints] = []
    taps: list[Any] = []
    for corner in itertools.product((0, 1), repeat=len(at)):
        flat: Any = 0
        weight: Any = 1.0
        for (positions, shares, _), c, n in zip(each, corner, lengths, strict=True):
            here = positions[:, c]
            flat = np.where((here < 0) | (np.asarray(flat) < 0), -1, flat * n + here)
            weight = weight * shares[:, c]
        index.append(flat)
        taps.append(weight)
    inside = np.logical_and.reduce([m for _, _, m in each])
    positions, shares = np.stack(index, 1), adapter_of(*taps).stack(taps, 1)
    if border is None:
        owner, _ = run_positions(counts)
        counts = np.bincount(owner[inside], minlength=len(counts))
        positions, shares = positions[inside], _rows(shares, np.flatnonzero(inside))
    corners = 2 ** len(at)
    return AxisIndices(
        math.prod(lengths),
        math.prod(size),
        _offsets(counts * corners),
        positions.reshape(-1),
        shares.reshape(-1),
        corners,
    )
