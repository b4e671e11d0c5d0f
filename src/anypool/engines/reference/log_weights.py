"""Weights e^(a − m) of the elements of gathered windows, m the greatest a of the window."""

from __future__ import annotations

from math import inf
from typing import Any

import numpy as np

from ...arrays.log_weights import exponentials, weight_type
from ...arrays.ops import stop, where, zeros
from ...arrays.shape_ops import as_like, broadcast, dtype_name, filled, is_floating, take
from ...plan import Axis, Grid, Ints
from ...reductions import Max
from . import fold, gathered


def relative_weights(
    logs: Any, omit_nan: bool, sorts: bool, z: Any, w: Any, index: Ints, taps: Any, offsets: Ints
) -> Any:
    """(rows, elements, points) of e^(a − m); elements of weight 0 and omitted NaNs do not enter m.

    logs: (rows, positions). z, w: elements and their weights. index: positions, −1 is the constant,
    whose a is 0. offsets: of the elements of each window. sorts: elements of small weights stay
    present, since they may be the first or the last; else only those that are NaN or infinite.
    """
    a, constant = gathered.elements(logs, np.maximum(index, 0)), index < 0
    if constant.any():
        a = where(as_like(constant, a, exact=True), zeros(a), a)
    a = broadcast(a, z.shape)
    counts: Any = None if w is None else w != 0
    if taps is not None:
        read = stop(taps) != 0
        counts = read if counts is None else counts & read
    if omit_nan and is_floating(z):
        is_nan = z != z if taps is None else (z != z) & (stop(taps) != 0)
        present = ~is_nan.any(-1)[..., None] if is_nan.shape[-1] > 1 else ~is_nan
        counts = present if counts is None else counts & present
    if counts is not None:
        a = where(counts, a, filled(a, -inf))
    points, n = int(a.shape[-1]), len(index)
    begin, length = offsets[:-1] * points, np.diff(offsets) * points
    axis = Axis(n * points, begin, length, 1, np.zeros(len(begin), np.int64), length)
    flat = stop(a).reshape(int(a.shape[0]), n * points)
    most = fold.forward(flat, Grid((int(a.shape[0]), n * points), (1,), (axis,), gathered=True), Max())[0]
    most = where(most > -inf, most, zeros(most))
    owner = np.repeat(np.arange(len(begin)), np.diff(offsets))
    shift = take(most, owner, 1)[..., None] if len(owner) else zeros(a)
    keep = sorts or (stop(z - z) != 0 if is_floating(z) else z != z)
    return exponentials(a, shift, weight_type(dtype_name(z)), keep)
