"""Random everyday calls, large strides and odd memory: the default against the reference of copies.

The laws draw arrays of a few elements; kernels of squares, short rows, channels last need more.
Seeded: a failure names its call. `ANYPOOL_RANDOM_CALLS` multiplies how many there are.
"""

from __future__ import annotations

import os
import warnings
from typing import Any

import numpy as np
import odd_memory
import pytest

import anypool as ap

MANY = 400 * int(os.environ.get("ANYPOOL_RANDOM_CALLS", "1"))
KINDS = ["sliding"] * 5 + ["adaptive", "whole", "segments", "inside", "fractional", "groups", "boxes"]
REDUCTIONS: list[Any] = [
    *("sum", "mean", "max", "min", "range", "rms", "var", "count", "any", "logsumexp", "softpool", "argmax", "argmin"),
    *("median", "mode", "argmedian", ap.Lp(3), ap.Rank(0), ap.Rank(-1), ap.Quantile(0.3), ap.TopKMean(1)),
    *(ap.TrimmedMean(0.2, 0.1), ap.Quantile(0.7, "nearest")),
]
TYPES = ["float32", "float32", "float64", "float16", "uint8", "int16", "int32", "uint16", "int64", "bool"]


def _windows(random: Any, kind: str, sizes: list[int], items: int) -> Any:
    def each(high: int) -> tuple[int, ...]:
        if random.random() < 0.6:
            return (int(random.integers(1, high)),) * len(sizes)
        return tuple(int(random.integers(1, high)) for _ in sizes)

    if kind == "adaptive":
        return ap.adaptive(tuple(int(random.integers(1, n + 3)) for n in sizes))
    if kind == "fractional":
        some = tuple(int(random.integers(1, n + 1)) for n in sizes)
        return ap.fractional(some, seed=int(random.integers(99)), overlapping=bool(random.random() < 0.5))
    if kind == "groups":
        return ap.groups(random.integers(-1, int(random.integers(1, 50)), tuple(sizes)), count=50)
    if kind in ("segments", "inside"):
        cuts = [0, *np.sort(random.integers(0, sizes[0] + 1, int(random.integers(0, 40))))]
        made = ap.segments(cuts)
        return made if kind == "segments" else made.sliding(int(random.integers(1, 6)), int(random.integers(1, 4)))
    if kind == "boxes":
        low = random.uniform(-3, 30, (3, len(sizes)))
        rows = np.concatenate([random.integers(0, items, (3, 1)), low, low + random.uniform(-2, 12, low.shape)], 1)
        return ap.boxes(rows, int(random.integers(1, 4)), reading=str(random.choice(["quantised", "exact"])))
    if kind == "whole":
        return ap.whole()
    size, stride = each(10), each(13)
    step = int(random.integers(1, 8)) if random.random() < 0.3 else 1
    pad: Any = [
        0,
        tuple(k // 2 for k in size),
        tuple(tuple(int(random.integers(-2, 6)) for _ in "ab") for _ in size),
        str(random.choice(["same", "SAME", "causal"])),
    ]
    pad = pad[int(random.integers(len(pad)))]
    borders = [
        "absent",
        "absent",
        "reflect",
        "symmetric",
        "circular",
        "replicate",
        0,
        1,
        127,
        -128,
        255,
        2**31 - 1,
        0.1,
    ]
    border: Any = tuple(borders[int(random.integers(len(borders)))] for _ in size)
    border = border if random.random() < 0.3 else border[0]
    footprint = None
    if random.random() < 0.25:
        footprint = random.random(size) < 0.7 if random.random() < 0.6 else random.integers(0, 3, size) / 2
        footprint[(0,) * len(size)] = 1
    ceil = bool(random.random() < 0.3)
    return ap.sliding(size, stride, pad, step, ceil_mode=ceil, border=border, footprint=footprint)


def _laid(random: Any, x: Any) -> Any:
    """The same numbers as they may lie in memory."""
    ways = [np.asfortranarray, lambda v: v[::-1], lambda v: np.repeat(v, 2, -1)[..., ::2], *odd_memory.NUMBERS]
    ways = [*ways, *(odd_memory.TRUTHS * 4 if x.dtype == bool else [])]
    return x if random.random() < 0.3 else ways[int(random.integers(len(ways)))](x)


def _plain(x: Any) -> Any:
    """A copy side by side, native, bools of 0 and 1."""
    return x != 0 if x.dtype == bool else np.ascontiguousarray(x, x.dtype.newbyteorder("="))


def _want(x: Any, windows: Any, reduction: Any, options: dict[str, Any]) -> Any:
    weights = {k: _plain(v) for k, v in options.items() if "weights" in k}
    return ap.pool(_plain(x), windows, reduction, backend="reference", **{**options, **weights})


def _call(random: Any) -> tuple[Any, Any, Any, dict[str, Any]]:
    kind = str(random.choice(KINDS))
    rank = 1 if kind in ("segments", "inside") else int(random.integers(1, 4))
    sizes = [
        int(random.integers(1, {1: 300, 2: 60 if random.random() < 0.3 else 30, 3: 12}[rank])) for _ in range(rank)
    ]
    items, lanes = int(random.integers(1, 5)), int(random.choice([1, 1, 2, 3, 7, 8, 15, 16, 17, 33, 64, 70]))
    last = kind != "boxes" and random.random() < 0.4
    shape = (items, *sizes, lanes) if last else (items, min(lanes, 3), *sizes)
    x = (random.standard_normal(shape) * 20).astype(str(random.choice(TYPES)))
    if random.random() < 0.4:
        x = (x // 8 * 8).astype(x.dtype)  # values that tie
    if x.dtype.kind == "f" and random.random() < 0.2:
        x.flat[random.integers(0, x.size, 3)] = np.nan
    x = _laid(random, x)
    options: dict[str, Any] = {"empty": 3}
    if kind != "boxes":
        options["axes"] = tuple(range(1, 1 + rank)) if last else tuple(range(2, 2 + rank))
    weigh = int(random.integers(8))
    if weigh < 3:
        w = [random.random(shape) < 0.7, random.integers(0, 3, shape) * 1.0, random.random(shape)][weigh]
        options["weights"] = _laid(random, w)
    if random.random() < 0.25:
        a = random.integers(-2, 3, shape) * float(random.choice([1, 1, 1, 40, 1e4])) + random.random(shape)
        a[random.random(shape) < 0.2] = -np.inf
        options["log_weights"] = _laid(random, a.astype(str(random.choice(["float64", "float32", "float16"]))))
    if random.random() < 0.2:
        options["nan"] = "omit"
    if random.random() < 0.1:
        options["min_count"] = int(random.integers(1, 6))
    return x, _windows(random, kind, sizes, items), REDUCTIONS[int(random.integers(len(REDUCTIONS)))], options


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(s, marks=pytest.mark.slow) for s in range(2, 8))])
def test_random_calls(seed: int) -> None:
    random, answered = np.random.default_rng(seed), 0
    for n in range(MANY):
        try:
            x, windows, reduction, options = _call(random)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                got = ap.pool(x, windows, reduction, **options)
                want = _want(x, windows, reduction, options)
        except ap.PoolingError:
            continue
        answered += 1
        facts = {k: v.dtype if isinstance(v, np.ndarray) else v for k, v in options.items()}
        said = f"call {n}: {x.shape} {x.dtype} {x.strides} {windows} {reduction} {facts}"
        assert (got.shape, got.dtype) == (want.shape, want.dtype), said
        _same(got, want, said)
    assert answered > MANY // 2


def _same(got: Any, want: Any, said: str) -> None:
    rough = {"float16": 2e-2, "float32": 5e-4}.get(str(got.dtype), 1e-7)
    if got.dtype.kind == "f":
        a, b = got.astype("float64"), want.astype("float64")
        np.testing.assert_allclose(a, b, rough, rough * 30, err_msg=said)
    else:
        np.testing.assert_array_equal(got, want, said)


@pytest.mark.parametrize("seed", [100, *(pytest.param(s, marks=pytest.mark.slow) for s in range(101, 104))])
def test_random_calls_of_tensors(seed: int) -> None:
    """Lazy bits, odd addresses and bools, default devices and types, against NumPy's reference of
    copies."""
    import torch

    random, answered = np.random.default_rng(seed), 0
    for n in range(MANY // 2):
        x, windows, reduction, options = _call(random)
        for name in sorted({"weights", "log_weights"} & set(options)):
            options[name] = _tensor(random, _plain(options[name]))
        t = _tensor(random, _plain(x))
        device, kind = random.random() < 0.2, torch.float64 if random.random() < 0.2 else torch.float32
        try:
            with warnings.catch_warnings(), torch.device("meta" if device else "cpu"):
                warnings.simplefilter("ignore")
                torch.set_default_dtype(kind)
                got = ap.pool(t, windows, reduction, **options)
        except ap.PoolingError:
            continue
        finally:
            torch.set_default_dtype(torch.float32)
        for name in sorted({"weights", "log_weights"} & set(options)):
            options[name] = options[name].resolve_neg().numpy()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            want = _want(x, windows, reduction, options)
        answered += 1
        _same(got.numpy(), want, f"call {n}: {x.shape} {x.dtype} {windows} {reduction} {list(options)}")
    assert answered > MANY // 5


def _tensor(random: Any, x: Any) -> Any:
    """The same numbers in a tensor whose memory is seldom met."""
    import torch

    t = torch.from_numpy(x.copy())
    ways = [odd_memory.odd_tensor] if x.dtype == bool else [odd_memory.at_odd_address]
    ways += [odd_memory.negative] if x.dtype in (np.float32, np.float64) else []
    return t if random.random() < 0.4 else ways[int(random.integers(len(ways)))](t)
