"""Reductions of windows whose elements weigh w·e^a, one window at a time: shares no code with the
library."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from brute import FORMULAS, one_by_one
from window_lists import table
from windows_cases import Case

DEPEND_ON_SCALE = ("sum", "Lp(1)", "Lp(2)", "Lp(3)", "Lp(inf)", "Var(1)", "Std(0.5)")


def one_window(name: str, v: Any, a: Any, w: Any, at: Any, n: Any = None) -> Any:
    """The reduction of the present elements v of weights w·e^a; n is the divisor, None is the total
    weight."""
    meant = FORMULAS[name]

    def formula(mass: Any, divisor: float) -> Any:
        lists = v[None], None if mass is None else mass[None], np.array([divisor]), at[None]
        return (one_by_one(meant.f, *lists) if meant.alone else meant.f(*lists))[0]

    if meant.masks:
        return formula(None, float(len(v)))
    top = 0.0 if n is not None or name in DEPEND_ON_SCALE else float(a.max())
    mass = (w.astype(np.longdouble) * np.exp((a - top).astype(np.longdouble))).astype(float)
    if name[:3].lower() in ("var", "std"):
        return variance(name, v, mass, n)
    y = formula(mass, math.fsum(mass) if n is None else n)
    if name == "logsumexp":
        return y + top
    if name.startswith("LogSumExp"):
        return y + top / float(name[10:-1])
    return y


def variance(name: str, v: Any, mass: Any, n: Any) -> float:
    """By the differences of pairs, which cancel no digits however far apart the weights are."""
    total, ddof = math.fsum(mass), float(name[4:-1] or 0)
    pairs = np.outer(mass, mass / total) * np.subtract.outer(v, v) ** 2
    rest = (total if n is None else n) - ddof
    var = math.fsum(pairs.ravel()) / 2 / rest if rest > 0 else math.nan
    return math.sqrt(var) if name[:3].lower() == "std" and var == var else var


def pooled(name: str, x: Any, a: Any, case: Case, weights: Any = None, omit: bool = False) -> np.ndarray:
    """The reduction of every window of x; `a` and `weights` have x's shape."""
    axes, count = case.at, case.options.get("count", "present")
    flat = [
        np.moveaxis(v, axes, range(-len(axes), 0)) for v in (x, a, np.ones(x.shape) if weights is None else weights)
    ]
    lead = flat[0].shape[: x.ndim - len(axes)]
    rows, logs, ws = (v.reshape(*lead, -1) for v in flat)
    out = np.empty((*lead, math.prod(len(line.windows) for line in case.lines)), object)
    constants = np.resize(np.array(case.options.get("border") or 0, float), len(axes))
    at, outside, source, taps, padded = table(case.lines, tuple(x.shape[d] for d in axes))
    divisors = np.broadcast_to(padded if count == "padded" else np.nan if count == "present" else count, (len(at),))
    for *i, o in np.ndindex(out.shape):
        v, b, w = (r[tuple(i)][at[o]].astype(float) for r in (rows, logs, ws))
        if outside is not None:
            v, b, w = (
                np.where(outside[o], one, inside) for one, inside in ((constants[source[o]], v), (0.0, b), (1.0, w))
            )
        w = w * taps[o]
        here = (w != 0) & (b > -math.inf)
        here &= (v == v) if omit else True
        if not here.any():
            out[(*i, o)] = FORMULAS[name].empty
            continue
        divisor = None if count == "present" else float(divisors[o])
        with np.errstate(all="ignore"):
            out[(*i, o)] = one_window(name, v[here], b[here], w[here], at[o][here], divisor)
    front = [d for d in range(x.ndim) if d not in axes]
    return np.moveaxis(
        out.reshape(*lead, *(len(line.windows) for line in case.lines)), range(x.ndim), front + list(axes)
    )
