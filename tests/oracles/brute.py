"""Every reduction as its formula on a list of elements, and every window by its list: shares no
code with the library."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from window_lists import Line, elements

# ---- reductions of a list: values v, weights w (or None), divisor n, flat positions ----------

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
    """Floats keep their type; counts are int64; sums widen as NumPy's; means of integers are
    float64."""
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
    """The reduction of each window as float64 or exact integers (object); NaN for undefined
    integers."""
    flat_lengths = tuple(x.shape[a] for a in axes)
    wide = x if x.dtype.kind in "biu" else x.astype(np.float64)
    front = [d for d in range(x.ndim) if d not in axes]
    rows = np.moveaxis(wide, axes, range(-len(axes), 0)).reshape(*(x.shape[d] for d in front), -1)
    full = None if weights is None else np.broadcast_to(weights, x.shape)
    ws = None if full is None else np.moveaxis(full, axes, range(-len(axes), 0)).reshape(rows.shape)
    lead = rows.shape[:-1]
    made = np.empty((*lead, *(len(line.windows) for line in lines)), object)
    constants = np.resize(np.array(border or 0, wide.dtype), len(axes))
    weighty = (weights is not None and weights.dtype != bool) or has_taps
    with np.errstate(all="ignore"):
        for o, at, outside, source, taps, padded in elements(lines, flat_lengths):
            for i in np.ndindex(*lead):
                v = rows[i][at] if len(at) else np.zeros(0, wide.dtype)
                w = taps if ws is None or not len(at) else ws[i][at].astype(float) * taps
                if outside is not None:
                    v = np.where(outside, constants[source], v)
                    w = np.where(outside, taps, w)
                here = (w != 0) & (v == v) if omit else w != 0
                left = w[here]
                if not len(left):
                    made[(*i, *o)] = meant.empty
                    continue
                n = float(left.sum()) if count == "present" else padded if count == "padded" else count
                made[(*i, *o)] = meant.f(v[here], left if weighty and not meant.masks else None, n, at[here])
    order = front + list(axes)
    return np.moveaxis(made, range(x.ndim), order)
