"""Parts of a result of everyday size: some windows by hand, some windows or items by the
reference."""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from brute import FORMULAS, pooled, wins
from everyday_calls import Call
from window_lists import Line, beyond

import anypool as ap
from anypool.arguments import plan_of
from anypool.plan import Grid

ROUGH = {"float16": 5e-3, "bfloat16": 3e-2, "float32": 3e-5, "float64": 1e-9}
BY_HAND: dict[str, Callable[[np.ndarray], Any]] = {
    "median": np.median,
    "Median('lower')": lambda v: np.sort(v)[(len(v) - 1) // 2],
    "Rank(0)": np.min,
    "Rank(-1)": np.max,
    "Quantile(0.3)": lambda v: np.quantile(v.astype(float), 0.3),
}


def array(y: Any) -> np.ndarray:
    """A result as NumPy has it, bfloat16 as float32."""
    if isinstance(y, np.ndarray):
        return y
    y = y.detach().resolve_neg()
    return (y.float() if str(y.dtype) == "torch.bfloat16" else y).numpy()


def dtype_of(y: Any) -> str:
    return str(y.dtype).removeprefix("torch.")


def answers(y: Any) -> tuple[Any, ...]:
    return y if isinstance(y, tuple) else (y,)


def close(a: np.ndarray, b: np.ndarray, dtype: str, call: Call, what: str, places: float) -> None:
    if a.dtype.kind != "f":
        np.testing.assert_array_equal(a, b, what)
        return
    rough = ROUGH[dtype]
    plain = np.abs(array(call.plain).astype("float64"))
    top = float(plain.max(initial=0, where=np.isfinite(plain)))
    top = max(top, top * top if str(call.reduction) in ("var", "std", "rms") else top) * max(1.0, math.sqrt(places))
    if "prod" in str(call.reduction):  # a gradient is a sum of products, which may cancel
        top = max(top, float(np.abs(b.astype("float64")).max(initial=0, where=np.isfinite(b))))
    np.testing.assert_allclose(a.astype("float64"), b.astype("float64"), rough, rough * max(top, 1e-3), err_msg=what)


def some_items(call: Call, random: np.random.Generator) -> tuple[slice, ...] | None:
    """One item of the axes that are not pooled."""
    axes = call.plain_options.get("axes")
    if axes is None or type(call.windows).__name__ in ("Boxes", "Groups", "Pyramid"):
        return None
    return tuple(
        slice(None) if a in axes else slice(i := int(random.integers(n)), i + 1) for a, n in enumerate(call.plain.shape)
    )


LAST = {"argmax": lambda a, b: a >= b, "argmin": lambda a, b: a <= b}  # ties="last"


def by_hand(got: Any, call: Call, random: np.random.Generator) -> bool:
    """A few windows, each by its definition; whether there were any."""
    name, sliding = str(call.reduction), call.sliding
    lone = "weights" not in call.options and "nan" not in call.options
    meant = FORMULAS.get(name if isinstance(call.reduction, str) else repr(call.reduction))
    order = BY_HAND.get(name if isinstance(call.reduction, str) else repr(call.reduction))
    if (
        sliding is None
        or sliding["taps"]
        or call.gradient
        or math.prod(sliding["size"]) > 4000
        or (order is None and (meant is None or not lone))
    ):
        return False
    x, axes = array(call.plain), call.axes
    lead = [int(random.integers(n)) for a, n in enumerate(x.shape) if a not in axes]
    lines, at = [], []
    for i, a in enumerate(axes):
        size, stride, (before, after), step = (
            sliding[k][i] if k != "step" else sliding[k] for k in ("size", "stride", "pads", "step")
        )
        windows = sorted({0, got.shape[a] - 1, *random.integers(0, got.shape[a], 3).tolist()})
        line = Line([], [])
        for o in windows:
            places = [o * stride - before + t * step for t in range(size)]
            real = [beyond(p, x.shape[a], sliding["border"]) for p in places if p < x.shape[a] + after]
            line.windows.append([(p, 1.0) for p in real if p is not None])
            line.padded.append(len(real))
        lines.append(line), at.append(windows)
    item = tuple(slice(None) if a in axes else lead.pop(0) for a in range(x.ndim))
    rows, border = x[item], sliding["border"] if not isinstance(sliding["border"], str) else None
    if rows.dtype.kind == "f" and not np.isfinite(rows).all():
        return False
    if order is not None:
        if not lone:
            return False
        if name == "median" and array(got).dtype.kind in "iu":  # every window is odd; NumPy's median is a float64
            order = BY_HAND["Median('lower')"]
        meant = dataclasses.replace(FORMULAS["max"], f=lambda v, w, n, where: order(v), alone=True)
    assert meant is not None
    if call.plain_options.get("ties") == "last" and name in LAST:
        meant = dataclasses.replace(meant, f=lambda v, w, n, where: where[wins(v, LAST[name])], alone=True)
    want = pooled(
        rows,
        lines,
        tuple(range(rows.ndim)),
        dataclasses.replace(meant, empty=call.plain_options["empty"]),
        border=border,
    )
    picked = array(got)[item][np.ix_(*at)]
    if picked.dtype.kind in "iu":
        wrapped = [int(v) % 2 ** (8 * picked.dtype.itemsize) for v in want.ravel()]
        assert [int(v) % 2 ** (8 * picked.dtype.itemsize) for v in picked.ravel()] == wrapped, (
            f"{at}: {picked} for {want}"
        )
    else:
        close(picked, want.astype("float64"), dtype_of(got), call, f"windows {at} by hand", math.prod(sliding["size"]))
    return True


def moved(places: np.ndarray, inside: list[slice], call: Call) -> np.ndarray:
    """Flat positions in a part of the pooled axes as those in all of them."""
    rest, whole, step = np.maximum(places, 0), 0, 1
    for a in reversed(call.axes):  # np.unravel_index errs for more than 8192 elements in several axes (NumPy 2.4.6)
        held = inside[a].stop - inside[a].start
        whole = whole + (rest % held + inside[a].start) * step
        rest, step = rest // held, step * call.plain.shape[a]
    return np.where(places < 0, places, whole)


def compare_part(
    got: tuple[Any, ...], want: Any, of: Any, inside: list[slice], call: Call, what: str, places: float
) -> None:
    """Compare a part of each result with the results for the part `inside` of x."""
    names = call.reduction if isinstance(call.reduction, tuple) else (call.reduction,)
    for name, a, b in zip(names, got, want, strict=False):  # a gradient is of the whole
        part_of, other = array(a)[tuple(of)], array(b)  # a median's type says whether all windows hold odd numbers
        if "arg" in str(name) or isinstance(name, ap.Place):
            other = moved(other, inside, call)
        close(part_of, other.astype(part_of.dtype), dtype_of(a), call, what, places)


def crop(got: tuple[Any, ...], call: Call, cheap: float, random: np.random.Generator) -> bool:
    """Windows inside x, pooled by the reference from their elements; whether there are any."""
    if (s := call.sliding) is None:
        return False
    several = call.reduction.answers() if isinstance(call.reduction, ap.Order) else None
    room = max(cheap / 4 / math.prod(s["size"]), 1) ** (1 / len(call.axes))
    inside = [slice(i := int(random.integers(n)), i + 1) for n in call.plain.shape]
    of: list[Any] = list(inside)
    for k, a in enumerate(call.axes):
        (before, _), stride, reach = s["pads"][k], s["stride"][k], (s["size"][k] - 1) * s["step"] + 1
        first, last = -(-before // stride), (call.plain.shape[a] - reach + before) // stride
        if last < first:
            return False
        low = int(random.integers(first, last + 1))
        many = int(min(last + 1 - low, max(room, 2)))
        begin = low * stride - before
        of[a], inside[a] = slice(low, low + many), slice(begin, begin + (many - 1) * stride + reach)
    options = {k: v[tuple(inside)] if k == "weights" else v for k, v in call.plain_options.items()}
    if not {"weights", "nan"} & set(options) and s["taps"] is None:
        del options["empty"]  # none of them is, and a type that holds odd numbers alone may not hold it
    places = float(math.prod(s["size"]))
    windows = ap.sliding(tuple(s["size"]), tuple(s["stride"]), 0, s["step"], taps=s["taps"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        want = answers(ap.pool(call.plain[tuple(inside)], windows, call.reduction, **options, backend="reference"))
    of = of if several is None else [..., *of] if several[1] == 0 else [*of, ...]
    compare_part(got, want, of, inside, call, f"windows {of} differ from the reference", places)
    return True


def single_windows(got: tuple[Any, ...], call: Call, cheap: float, random: np.random.Generator) -> bool:
    """A few windows of a grid, each pooled whole by the reference; whether there were any."""
    names = call.reduction if isinstance(call.reduction, tuple) else (call.reduction,)
    axes = call.plain_options.get("axes")
    grid = plan_of(call.windows, tuple(call.plain.shape), axes)
    several = any(isinstance(r, ap.Order) and r.answers() is not None for r in names)
    if call.sliding is not None or several or not isinstance(grid, Grid) or grid.weighted or grid.fill is not None:
        return False
    if any(axis.source is not None for axis in grid.axes):
        return False
    compared = False
    for _ in range(4):
        at = [int(random.integers(n)) for n in got[0].shape]
        inside = [slice(i, i + 1) for i in at]
        for a, axis in zip(grid.pooled_dims, grid.axes, strict=True):
            first, length = int(axis.first[at[a]]), int(axis.length[at[a]])
            inside[a] = slice(first, first + (length - 1) * axis.step + 1, axis.step)
        window = call.plain[tuple(inside)]
        if any(axis.step != 1 for axis in grid.axes) or not 0 < math.prod(window.shape) <= 4 * cheap:
            continue
        options = {k: v[tuple(inside)] if k == "weights" else v for k, v in call.plain_options.items()}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            want = answers(ap.pool(window, ap.whole(), call.reduction, **options, backend="reference"))
        places = float(math.prod(window.shape))
        compare_part(got, [array(b).reshape(()) for b in want], at, inside, call, f"window {at} differs", places)
        compared = True
    return compared
