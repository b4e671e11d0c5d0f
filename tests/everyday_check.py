"""What a call of everyday size must answer: the reference on all of it or on some items, windows by hand, and one thread alone."""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from brute import FORMULAS, Line, beyond, pooled
from everyday_arrays import laid
from everyday_calls import Call, layout_of

import anypool as ap
from anypool.api import plan_of

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


def pool(x: Any, call: Call, options: dict[str, Any], **more: Any) -> tuple[Any, ...]:
    """The answers of one call; with a gradient, that of x too."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if not call.gradient:
            return answers(ap.pool(x, call.windows, call.reduction, **options, **more))
        import torch

        x = x.detach().requires_grad_()
        found = answers(ap.pool(x, call.windows, call.reduction, **options, **more))
        if not found[0].requires_grad:
            return found
        g = (torch.arange(found[0].numel(), device="cpu") % 7 - 2).reshape(found[0].shape).to(found[0].dtype)
        (back,) = torch.autograd.grad(found[0], x, g)
        return (*found, back)


def on_device(call: Call, body: Callable[[], Any]) -> Any:
    """Where torch makes new tensors elsewhere and in another type, if the call says so."""
    if call.device is None:
        return body()
    import torch

    torch.set_default_device(call.device)
    torch.set_default_dtype(torch.float64)
    try:
        return body()
    finally:
        torch.set_default_device(None)
        torch.set_default_dtype(torch.float32)


def agree(got: Any, want: Any, call: Call, what: str, places: float = 1) -> None:
    """The same shape, type and numbers, but for what rounding may do."""
    assert (tuple(got.shape), dtype_of(got)) == (tuple(want.shape), dtype_of(want)), (
        f"{what}: {got.shape} {got.dtype} for {want.shape} {want.dtype}"
    )
    close(array(got), array(want), dtype_of(got), call, what, places)


def close(a: np.ndarray, b: np.ndarray, dtype: str, call: Call, what: str, places: float) -> None:
    if a.dtype.kind != "f":
        np.testing.assert_array_equal(a, b, what)
        return
    rough = ROUGH[dtype]
    plain = np.abs(array(call.plain).astype("float64"))
    top = float(plain.max(initial=0, where=np.isfinite(plain)))
    top = max(top, top * top if str(call.reduction) in ("var", "std", "rms") else top) * max(1.0, math.sqrt(places))
    np.testing.assert_allclose(a.astype("float64"), b.astype("float64"), rough, rough * max(top, 1e-3), err_msg=what)


def seen(call: Call) -> tuple[float, float]:
    """How many elements all windows see together, and each on average."""
    grid = plan_of(call.windows, tuple(call.plain.shape), call.plain_options.get("axes"))
    return float(grid.seen), float(grid.seen) / max(math.prod(grid.out_shape), 1)


def dear(call: Call, elements: float) -> float:
    """About how many elements the reference gathers, sorts or walks."""
    walks = not isinstance(call.reduction, str) and isinstance(call.reduction, ap.Order)
    walks |= isinstance(call.reduction, (str, tuple)) and any(n in str(call.reduction) for n in ("med", "mode"))
    taps = getattr(call.windows, "taps", None) is not None or getattr(call.windows, "real", False)
    factor = 3 if call.gradient else 1
    return factor * (elements * 3 if walks else elements if taps else 8 * math.prod(call.plain.shape))


def some_items(call: Call, random: np.random.Generator) -> tuple[slice, ...] | None:
    """One item of the axes that are not pooled."""
    axes = call.plain_options.get("axes")
    if axes is None or type(call.windows).__name__ in ("Boxes", "Groups", "Pyramid"):
        return None
    return tuple(
        slice(None) if a in axes else slice(i := int(random.integers(n)), i + 1) for a, n in enumerate(call.plain.shape)
    )


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
        meant = dataclasses.replace(FORMULAS["max"], f=lambda v, w, n, where: order(v))
    assert meant is not None
    want = pooled(rows, lines, tuple(range(rows.ndim)), dataclasses.replace(meant, empty=3.0), border=border)
    picked = array(got)[item][np.ix_(*at)]
    if picked.dtype.kind in "iu":
        wrapped = [int(v) % 2 ** (8 * picked.dtype.itemsize) for v in want.ravel()]
        assert [int(v) % 2 ** (8 * picked.dtype.itemsize) for v in picked.ravel()] == wrapped, (
            f"{at}: {picked} for {want}"
        )
    else:
        close(picked, want.astype("float64"), dtype_of(got), call, f"windows {at} by hand", math.prod(sliding["size"]))
    return True


def crop(got: tuple[Any, ...], call: Call, cheap: float, random: np.random.Generator) -> bool:
    """Windows that lie within x, pooled by the reference from what they hold; whether there were any."""
    if (s := call.sliding) is None or any(n in repr(call.reduction) for n in ("arg", "Place")):
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
    places = float(math.prod(s["size"]))
    windows = ap.sliding(tuple(s["size"]), tuple(s["stride"]), 0, s["step"], taps=s["taps"])
    part = dataclasses.replace(call, windows=windows, gradient=False)
    want = pool(call.plain[tuple(inside)], part, options, backend="reference")
    of = of if several is None else [..., *of] if several[1] == 0 else [*of, ...]
    for a, b in zip(got, want, strict=False):  # a gradient is of the whole
        part_of, other = array(a)[tuple(of)], array(b)  # a median's type says whether all windows hold odd numbers
        close(
            part_of, other.astype(part_of.dtype), dtype_of(a), call, f"windows {of} differ from the reference", places
        )
    return True


def check(call: Call, cheap: float, say: Callable[[str], None]) -> str:
    """Raises AssertionError where an answer is wrong; says which way it was looked at."""
    random = np.random.default_rng(call.seed + 1)
    ap.set_num_threads(call.threads)
    say("the core")
    try:
        got = on_device(call, lambda: pool(call.x, call, call.options))
    except ap.PoolingError as error:
        small = {k: v for k, v in call.plain_options.items()}
        try:
            pool(call.plain, call, small, backend="reference")
        except ap.PoolingError:
            return "refused"
        raise AssertionError(f"only the core refuses: {error}") from error
    elements, places = seen(call)
    if call.threads > 1:
        say("one thread")
        ap.set_num_threads(1)
        for a, b in zip(pool(call.x, call, call.options) if call.device is None else got, got, strict=True):
            np.testing.assert_array_equal(array(a), array(b), "one thread differs from several")
        ap.set_num_threads(call.threads)
    if isinstance(got[0], np.ndarray) and len(got) == 1 and random.random() < 0.3:
        say("out=")
        out = (
            laid(np.zeros_like(got[0]), layout_of(random, ()), random, bool(random.random() < 0.5))
            if got[0].ndim
            else None
        )
        if out is not None and 0 not in out.strides:
            ap.pool(call.x, call.windows, call.reduction, **call.options, out=out)
            np.testing.assert_array_equal(out, got[0], "out= differs")
    if any(name in str(call.reduction) for name in ("prod",)) and places > 64:
        return "not compared"  # it over- and underflows as the order has it
    cost = dear(call, elements)
    if cost <= cheap:
        say("the reference")
        want = pool(call.plain, call, call.plain_options, backend="reference")
        for a, b in zip(got, want, strict=True):
            agree(a, b, call, "the reference differs", places)
        return "reference"
    ways = []
    if by_hand(got[0], call, random):
        ways.append("by hand")
    say("a crop")
    if crop(got, call, cheap, random):
        ways.append("a crop")
    item, share = some_items(call, random), 0.0
    if item is not None and len(got) == 1 and got[0].ndim == call.plain.ndim:
        share = (
            cost
            * math.prod(
                n if isinstance(s, slice) and s == slice(None) else 1
                for s, n in zip(item, call.plain.shape, strict=True)
            )
            / math.prod(call.plain.shape)
        )
    if not ways and item is not None and 0 < share <= 4 * cheap:
        say("items")
        options = {k: v[item] if k == "weights" else v for k, v in call.plain_options.items()}
        want = pool(call.plain[item], call, options, backend="reference")
        agree(got[0][item], want[0], call, f"item {item} differs from the reference", places)
        ways.append("items")
    return " and ".join(ways) or "not compared"
