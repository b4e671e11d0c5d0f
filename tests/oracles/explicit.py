"""The definition of each reduction on an explicit list of elements, without code of the library."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
from scipy import special


def _softpool(v: np.ndarray) -> float:
    v = v.astype(float)
    p = special.softmax(v)
    return float((p * v).sum())


ORACLES: dict[str, Callable[[np.ndarray], float]] = {
    "sum": np.sum,
    "mean": np.mean,
    "max": np.max,
    "min": np.min,
    "prod": np.prod,
    "any": np.any,
    "all": np.all,
    "count": np.size,
    "range": np.ptp,
    "rms": lambda v: math.sqrt(float(np.mean(np.square(v)))),
    "var": np.var,
    "std": np.std,
    "logsumexp": special.logsumexp,
    "softpool": _softpool,
}


def positions(n: int, size: int, stride: int, before: int, after: int, dilation: int, ceil: bool) -> list[list[int]]:
    """Every window of one axis as the list of its present positions, tap by tap."""
    windows: list[list[int]] = []
    start = -before
    while True:
        last = start + dilation * (size - 1)
        if last >= n + after and not (ceil and start < n and last < n + after + stride):
            break
        windows.append([p for p in (start + dilation * t for t in range(size)) if 0 <= p < n])
        start += stride
    return windows


def adaptive_positions(n: int, out: int) -> list[list[int]]:
    """torch's adaptive edges."""
    return [list(range(o * n // out, math.ceil((o + 1) * n / out))) for o in range(out)]


def brute(x: np.ndarray, per_axis: list[list[list[int]]], f: Callable[[np.ndarray], float]) -> np.ndarray:
    """f over every window of the last axes of x."""
    lead = x.shape[: x.ndim - len(per_axis)]
    out = np.empty((*lead, *(len(a) for a in per_axis)), dtype=object)
    for o in itertools.product(*(range(len(a)) for a in per_axis)):
        index = np.ix_(*(per_axis[d][i] for d, i in enumerate(o)))
        block = x[(..., *index)].reshape(*lead, -1)
        for where in itertools.product(*(range(n) for n in lead)):
            out[(*where, *o)] = f(block[where])
    return out
