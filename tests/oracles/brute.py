"""Every window as an explicit list of places, every reduction as its formula on a list: shares no code with the library."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

CONSTANT = -1
Taps = list[tuple[int, float]]  # (position in the axis or CONSTANT, weight of the place)


@dataclass
class Line:
    """One pooled axis: what each window holds, and how many of its taps lie in the padded input."""

    windows: list[Taps]
    padded: list[int]

    def __add__(self, other: Line) -> Line:
        return Line(self.windows + other.windows, self.padded + other.padded)


def beyond(p: int, n: int, border: Any) -> int | None:
    """The position that stands for p, CONSTANT, or None where nothing is there."""
    if 0 <= p < n:
        return p
    if border == "absent":
        return None
    if border == "circular":
        return p % n
    if border == "replicate":
        return 0 if p < 0 else n - 1
    if border == "symmetric":
        while not 0 <= p < n:
            p = -1 - p if p < 0 else 2 * n - 1 - p
        return p
    if border == "reflect":
        while n > 1 and not 0 <= p < n:
            p = -p if p < 0 else 2 * (n - 1) - p
        return p if n > 1 else 0
    return CONSTANT


def slide(
    n: int,
    size: int,
    stride: int | None = None,
    before: int = 0,
    after: int | None = None,
    dilation: int = 1,
    ceil: bool = False,
    border: Any = "absent",
    taps: Any = None,
    begin: int = 0,
) -> Line:
    """Walk the windows one tap at a time."""
    stride, after = stride or size, before if after is None else after
    line, start = Line([], []), -before
    while True:
        last = start + dilation * (size - 1)
        alone = not line.windows and border == "absent" and n + before + after > 0
        overhangs = ceil and start < n and last - stride < n + after - 1
        if last >= n + after and not overhangs and not alone:
            return line
        seen: Taps = []
        places = [start + dilation * t for t in range(size)]
        for t, p in enumerate(places):
            real = beyond(p, n, border) if p < n + after else None
            if real is not None:
                seen.append((real if real == CONSTANT else real + begin, 1.0 if taps is None else float(taps[t])))
        line.windows.append(seen)
        line.padded.append(sum(p < n + after for p in places))
        start += stride


def divide(n: int, out: int) -> Line:
    """torch's adaptive edges, by fractions of the axis."""
    runs = [range(math.floor(o * n / out), math.ceil((o + 1) * n / out)) for o in range(out)]
    return Line([[(p, 1.0) for p in r] for r in runs], [len(r) for r in runs])


def cut(offsets: list[int]) -> Line:
    """Segments."""
    runs = [range(a, b) for a, b in itertools.pairwise(offsets)]
    return Line([[(p, 1.0) for p in r] for r in runs], [len(r) for r in runs])


def inside(offsets: list[int], *args: Any, **options: Any) -> Line:
    """Sliding windows inside each segment."""
    made = Line([], [])
    for a, b in itertools.pairwise(offsets):
        made = made + slide(b - a, *args, **options, begin=a)
    return made


# ---- reductions on a list: v values, w weights (None: none were given), n the divisor, at flat positions ----------

V = np.ndarray


def ones(v: V, w: V | None) -> V:
    return np.ones(len(v)) if w is None else w


def total(v: V, w: V | None, n: float, at: V) -> Any:
    if w is None and v.dtype.kind in "biu":
        return sum(int(e) for e in v)
    return math.fsum(v * ones(v, w)) if np.all(np.isfinite(v)) else float(np.sum(v * ones(v, w)))


def mean(v: V, w: V | None, n: float, at: V) -> Any:
    return total(v.astype(float), w, n, at) / n


def product(v: V, w: V | None, n: float, at: V) -> Any:
    return math.prod(int(e) for e in v) if v.dtype.kind in "biu" else math.prod(float(e) for e in v)


def wins(v: V, better: Callable[[Any, Any], bool]) -> int:
    """First best; a NaN beats all and the last NaN wins."""
    best = 0
    for i in range(1, len(v)):
        if v[i] != v[i] or (v[best] == v[best] and better(v[i], v[best])):
            best = i
    return best


def norm(p: float) -> Callable[..., Any]:
    def of(v: V, w: V | None, n: float, at: V) -> Any:
        a = np.abs(v.astype(float))
        if p == math.inf:
            return float(a.max())
        return float((ones(v, w) * a**p).sum() ** (1 / p))

    return of


def power_mean(p: float, form: str = "clamped", eps: float = 1e-6) -> Callable[..., Any]:
    def of(v: V, w: V | None, n: float, at: V) -> Any:
        v = v.astype(float)
        if form == "clamped":
            v = np.where(v < eps, eps, v)
        if p == 0:
            return float(np.exp((ones(v, w) * np.log(v)).sum() / n))
        raised = np.abs(v) ** p * (np.sign(v) if form == "signed" else 1.0)
        m = (ones(v, w) * raised).sum() / n
        return float(np.sign(m) * abs(m) ** (1 / p))

    return of


def log_sum(r: float, averaged: bool) -> Callable[..., Any]:
    def of(v: V, w: V | None, n: float, at: V) -> Any:
        z = v.astype(float) * r
        top = z.max()
        if not np.isfinite(top):
            return float(top / r)
        return float((top + math.log((ones(v, w) * np.exp(z - top)).sum() / (n if averaged else 1))) / r)

    return of


def soft(beta: float) -> Callable[..., Any]:
    def of(v: V, w: V | None, n: float, at: V) -> Any:
        v = v.astype(float)
        e = ones(v, w) * np.exp(v * beta - (v * beta).max())
        return float((e * v).sum() / e.sum())

    return of


def spread(ddof: float, root: bool) -> Callable[..., Any]:
    def of(v: V, w: V | None, n: float, at: V) -> Any:
        v = v.astype(float)
        c = v - (v * ones(v, w)).sum() / ones(v, w).sum()
        var = float((ones(v, w) * c * c).sum() / (n - ddof)) if n > ddof else math.nan
        return math.sqrt(var) if root and var == var else var

    return of


@dataclass(frozen=True)
class Meant:
    """A reduction's formula, the value of nothing, and its kind of result."""

    f: Callable[..., Any]
    empty: float = math.nan
    kind: str = "mean"  # "same", "wide", "mean", "truth", "number"
    masks: bool = False  # weights only delete


FORMULAS: dict[str, Meant] = {
    "sum": Meant(total, 0, "wide"),
    "mean": Meant(mean),
    "max": Meant(lambda v, w, n, at: v[wins(v, lambda a, b: a > b)], -math.inf, "same", True),
    "min": Meant(lambda v, w, n, at: v[wins(v, lambda a, b: a < b)], math.inf, "same", True),
    "argmax": Meant(lambda v, w, n, at: at[wins(v, lambda a, b: a > b)], -1, "number", True),
    "argmin": Meant(lambda v, w, n, at: at[wins(v, lambda a, b: a < b)], -1, "number", True),
    "range": Meant(
        lambda v, w, n, at: v.max() - v.min() if v.dtype.kind == "f" else int(v.max()) - int(v.min()),
        math.nan,
        "wide",
        True,
    ),
    "prod": Meant(product, 1, "wide", True),
    "any": Meant(lambda v, w, n, at: bool((v != 0).any()), 0, "truth", True),
    "all": Meant(lambda v, w, n, at: bool((v != 0).all()), 1, "truth", True),
    "count": Meant(lambda v, w, n, at: len(v), 0, "number", True),
    "rms": Meant(lambda v, w, n, at: math.sqrt((ones(v, w) * v.astype(float) ** 2).sum() / n)),
    "var": Meant(spread(0, False)),
    "std": Meant(spread(0, True)),
    "logsumexp": Meant(log_sum(1, False), -math.inf),
    "softpool": Meant(soft(1)),
    "Lp(1)": Meant(norm(1), 0),
    "Lp(2)": Meant(norm(2), 0),
    "Lp(3)": Meant(norm(3), 0),
    "Lp(inf)": Meant(norm(math.inf), 0),
    "PowerMean(3)": Meant(power_mean(3)),
    "PowerMean(-2)": Meant(power_mean(-2)),
    "PowerMean(0)": Meant(power_mean(0)),
    "PowerMean(3, signed)": Meant(power_mean(3, "signed")),
    "PowerMean(1.5, magnitude)": Meant(power_mean(1.5, "magnitude")),
    "LogSumExp(2)": Meant(log_sum(2, False), -math.inf),
    "LogSumExp(-1)": Meant(log_sum(-1, False), -math.inf),
    "LogMeanExp(1.5)": Meant(log_sum(1.5, True)),
    "SoftPool(-0.5)": Meant(soft(-0.5)),
    "Var(1)": Meant(spread(1, False)),
    "Std(0.5)": Meant(spread(0.5, True)),
}


def result_dtype(kind: str, x: np.ndarray, real_weights: bool) -> Any:
    """floats keep their type; counts are int64; sums widen as NumPy's; averages of integers are float64."""
    if kind in ("truth", "number"):
        return np.dtype(bool if kind == "truth" else np.int64)
    if x.dtype.kind not in "biu":
        return x.dtype
    if kind == "same":
        return x.dtype
    if kind == "wide" and not real_weights:
        return np.dtype(np.uint64 if x.dtype.kind == "u" else np.int64)
    return np.dtype(np.float64)


def pooled(
    x: np.ndarray,
    lines: list[Line],
    axes: tuple[int, ...],
    meant: Meant,
    *,
    weights: np.ndarray | None = None,
    omit: bool = False,
    count: Any = "present",
    border: Any = None,
    has_taps: bool = False,
) -> np.ndarray:
    """The reduction of every window, as a float64 or exact integer (object) array; NaN where an integer has no answer."""
    flat_lengths = tuple(x.shape[a] for a in axes)
    wide = x if x.dtype.kind in "biu" else x.astype(np.float64)
    front = [d for d in range(x.ndim) if d not in axes]
    rows = np.moveaxis(wide, axes, range(-len(axes), 0)).reshape(*(x.shape[d] for d in front), -1)
    full = None if weights is None else np.broadcast_to(weights, x.shape)
    ws = None if full is None else np.moveaxis(full, axes, range(-len(axes), 0)).reshape(rows.shape)
    lead = rows.shape[:-1]
    made = np.empty((*lead, *(len(line.windows) for line in lines)), object)
    for o in itertools.product(*(range(len(line.windows)) for line in lines)):
        at, tap = [], []
        for combo in itertools.product(*(line.windows[i] for line, i in zip(lines, o, strict=True))):
            places = [c[0] for c in combo]
            outside = [k for k, p in enumerate(places) if p == CONSTANT]  # of two constants the later axis'
            at.append(CONSTANT - outside[-1] if outside else int(np.ravel_multi_index(places, flat_lengths)))
            tap.append(math.prod(c[1] for c in combo))
        where, taps = np.array(at, int), np.array(tap, float)
        constant = np.resize(np.array(border or 0, wide.dtype), len(axes))[np.where(where < 0, CONSTANT - where, 0)]
        where = np.maximum(where, CONSTANT)
        padded = math.prod(line.padded[i] for line, i in zip(lines, o, strict=True))
        for i in itertools.product(*(range(k) for k in lead)):
            v = np.where(where == CONSTANT, constant, rows[i][where]) if len(where) else np.zeros(0, wide.dtype)
            w = np.ones(len(where)) if ws is None else np.where(where == CONSTANT, 1, ws[i][where] if len(where) else 1)
            w = w.astype(float) * taps
            here = (w != 0) & ~(omit & (v != v))
            weighty = (weights is not None and weights.dtype != bool) or has_taps
            left = w[here]
            n = {"present": float(left.sum()), "padded": float(padded)}.get(count, count)
            if not len(left):
                made[(*i, *o)] = meant.empty
                continue
            with np.errstate(all="ignore"):
                made[(*i, *o)] = meant.f(v[here], left if weighty and not meant.masks else None, n, where[here])
    order = front + list(axes)
    return np.moveaxis(made, range(x.ndim), order)
