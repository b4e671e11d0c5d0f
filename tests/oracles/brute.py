"""Every reduction as its formula on a list of elements, and every window by its list: shares no
code with the library."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from window_lists import Line, table

# ---- reductions of lists: values v, weights w (or None), divisors n, flat positions at --------
# Lists of one length lie on the last axis of v, w and at.

V = np.ndarray


def ones(v: V, w: V | None) -> V:
    return np.ones(v.shape) if w is None else w


def total(v: V, w: V | None, n: V, at: V) -> Any:
    if w is None and v.dtype.kind in "biu":
        return v.astype(object).sum(-1, initial=0)
    terms = v * ones(v, w)
    exact = [math.fsum(row) if np.isfinite(row).all() else np.nan for row in terms.reshape(-1, v.shape[-1])]
    return np.where(np.isfinite(terms).all(-1), np.reshape(exact, v.shape[:-1]), terms.sum(-1))


def mean(v: V, w: V | None, n: V, at: V) -> Any:
    return total(v.astype(float), w, n, at) / n


def product(v: V, w: V | None, n: V, at: V) -> Any:
    return v.astype(object).prod(-1, initial=1) if v.dtype.kind in "biu" else v.prod(-1)


def wins(v: V, better: Callable[[Any, Any], bool]) -> int:
    """First best of one list; a NaN beats all and the last NaN wins."""
    best = 0
    for i in range(1, len(v)):
        if v[i] != v[i] or (v[best] == v[best] and better(v[i], v[best])):
            best = i
    return best


def best(find: Callable[..., V], values: bool) -> Callable[..., Any]:
    """The first best, or its position; a NaN beats all and the last NaN wins."""

    def of(v: V, w: V | None, n: V, at: V) -> Any:
        nan = v != v
        last = v.shape[-1] - 1 - np.argmax(nan[..., ::-1], axis=-1)
        where = np.where(nan.any(-1), last, find(v, axis=-1))
        return np.take_along_axis(v if values else at, where[..., None], -1)[..., 0]

    return of


def extent(v: V, w: V | None, n: V, at: V) -> Any:
    low, high = v.min(-1), v.max(-1)
    return high - low if v.dtype.kind == "f" else high.astype(object) - low.astype(object)


def norm(p: float) -> Callable[..., Any]:
    def of(v: V, w: V | None, n: V, at: V) -> Any:
        a = np.abs(v.astype(float))
        return a.max(-1) if p == math.inf else (ones(v, w) * a**p).sum(-1) ** (1 / p)

    return of


def power_mean(p: float, form: str = "clamped", eps: float = 1e-6) -> Callable[..., Any]:
    def of(v: V, w: V | None, n: V, at: V) -> Any:
        v = v.astype(float)
        if form == "clamped":
            v = np.where(v < eps, eps, v)
        if p == 0:
            return np.exp((ones(v, w) * np.log(v)).sum(-1) / n)
        raised = np.abs(v) ** p * (np.sign(v) if form == "signed" else 1.0)
        m = (ones(v, w) * raised).sum(-1) / n
        return np.sign(m) * np.abs(m) ** (1 / p)

    return of


def log_sum(r: float, averaged: bool) -> Callable[..., Any]:
    def of(v: V, w: V | None, n: V, at: V) -> Any:
        z = v.astype(float) * r
        top = z.max(-1)
        sums = (ones(v, w) * np.exp(z - top[..., None])).sum(-1) / (n if averaged else 1)
        return np.where(np.isfinite(top), top + np.log(sums), top) / r

    return of


def soft(beta: float) -> Callable[..., Any]:
    def of(v: V, w: V | None, n: V, at: V) -> Any:
        v = v.astype(float)
        e = ones(v, w) * np.exp(v * beta - (v * beta).max(-1, keepdims=True))
        return (e * v).sum(-1) / e.sum(-1)

    return of


def spread(ddof: float, root: bool) -> Callable[..., Any]:
    def of(v: V, w: V | None, n: V, at: V) -> Any:
        v = v.astype(float)
        c = v - (v * ones(v, w)).sum(-1, keepdims=True) / ones(v, w).sum(-1, keepdims=True)
        var = np.where(n > ddof, (ones(v, w) * c * c).sum(-1) / (n - ddof), math.nan)
        return np.sqrt(var) if root else var

    return of


@dataclass(frozen=True)
class Meant:
    """A reduction's formula, the value of nothing, and its kind of result."""

    f: Callable[..., Any]
    empty: float = math.nan
    kind: str = "mean"  # "same", "wide", "mean", "truth", "number"
    masks: bool = False  # weights only delete
    alone: bool = True  # f takes one list and not several


def meant(f: Callable[..., Any], empty: float = math.nan, kind: str = "mean", masks: bool = False) -> Meant:
    """Of a formula on lists of one length."""
    return Meant(f, empty, kind, masks, False)


FORMULAS: dict[str, Meant] = {
    "sum": meant(total, 0, "wide"),
    "mean": meant(mean),
    "max": meant(best(np.argmax, True), -math.inf, "same", True),
    "min": meant(best(np.argmin, True), math.inf, "same", True),
    "argmax": meant(best(np.argmax, False), -1, "number", True),
    "argmin": meant(best(np.argmin, False), -1, "number", True),
    "first": meant(lambda v, w, n, at: v[..., 0], math.nan, "same", True),
    "last": meant(lambda v, w, n, at: v[..., -1], math.nan, "same", True),
    "range": meant(extent, math.nan, "wide", True),
    "prod": meant(product, 1, "wide", True),
    "any": meant(lambda v, w, n, at: (v != 0).any(-1), 0, "truth", True),
    "all": meant(lambda v, w, n, at: (v != 0).all(-1), 1, "truth", True),
    "count": meant(lambda v, w, n, at: np.full(v.shape[:-1], v.shape[-1]), 0, "number", True),
    "rms": meant(lambda v, w, n, at: np.sqrt((ones(v, w) * v.astype(float) ** 2).sum(-1) / n)),
    "var": meant(spread(0, False)),
    "std": meant(spread(0, True)),
    "logsumexp": meant(log_sum(1, False), -math.inf),
    "softpool": meant(soft(1)),
    "Lp(1)": meant(norm(1), 0),
    "Lp(2)": meant(norm(2), 0),
    "Lp(3)": meant(norm(3), 0),
    "Lp(inf)": meant(norm(math.inf), 0),
    "PowerMean(3)": meant(power_mean(3)),
    "PowerMean(-2)": meant(power_mean(-2)),
    "PowerMean(0)": meant(power_mean(0)),
    "PowerMean(3, signed)": meant(power_mean(3, "signed")),
    "PowerMean(1.5, magnitude)": meant(power_mean(1.5, "magnitude")),
    "LogSumExp(2)": meant(log_sum(2, False), -math.inf),
    "LogSumExp(-1)": meant(log_sum(-1, False), -math.inf),
    "LogMeanExp(1.5)": meant(log_sum(1.5, True)),
    "SoftPool(-0.5)": meant(soft(-0.5)),
    "Var(1)": meant(spread(1, False)),
    "Std(0.5)": meant(spread(0.5, True)),
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


def one_by_one(f: Callable[..., Any], v: V, w: V | None, n: V, at: V) -> V:
    """The formula of one list on each of them."""
    found = np.empty(len(v), object)
    for i in range(len(v)):
        found[i] = f(v[i], None if w is None else w[i], n[i], at[i])
    return found


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
    flat = (math.prod(lead), rows.shape[-1])
    rows, ws = rows.reshape(flat), None if ws is None else ws.reshape(flat)
    at, outside, source, taps, padded = table(lines, flat_lengths)
    made = np.empty((len(rows), len(at)), object)
    v = rows[:, at]
    w = np.broadcast_to(taps, v.shape) if ws is None else ws[:, at] * taps
    if outside is not None:
        constants = np.resize(np.array(border or 0, wide.dtype), len(axes))
        v, w = np.where(outside, constants[source], v), np.where(outside, taps, w)
    here = (w != 0) & (v == v) if omit else w != 0
    left, at = here.sum(-1), np.broadcast_to(at, v.shape)
    weighty = ((weights is not None and weights.dtype != bool) or has_taps) and not meant.masks
    with np.errstate(all="ignore"):
        for k in np.unique(left):  # the lists of one length
            some = left == k
            if not k:
                made[some] = meant.empty
                continue
            vs, ms, ats = (a[some][here[some]].reshape(-1, k) for a in (v, w, at))
            divisors = np.broadcast_to(padded, left.shape)[some] if count == "padded" else np.full(len(vs), count)
            n = ms.sum(-1) if count == "present" else divisors
            given = vs, ms if weighty else None, n, ats
            made[some] = one_by_one(meant.f, *given) if meant.alone else meant.f(*given)
    made = made.reshape(*lead, *(len(line.windows) for line in lines))
    order = front + list(axes)
    return np.moveaxis(made, range(x.ndim), order)
