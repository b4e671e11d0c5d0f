"""Random calls of everyday sizes, far strides and odd layouts: what answers by default against the reference.

The laws draw arrays of a few elements; kernels of small squares, short rows or channels last need more.
Seeded: a failure names its call. `ANYPOOL_RANDOM_CALLS` multiplies how many there are.
"""

from __future__ import annotations

import os
import warnings
from typing import Any

import numpy as np
import pytest

import anypool as ap

MANY = 400 * int(os.environ.get("ANYPOOL_RANDOM_CALLS", "1"))
KINDS = ["sliding"] * 5 + ["adaptive", "whole", "segments", "inside", "fractional", "groups", "boxes"]
REDUCTIONS: list[Any] = [
    *("sum", "mean", "max", "min", "range", "rms", "var", "count", "any", "logsumexp", "softpool", "argmax", "argmin"),
    *("median", "mode", "argmedian", ap.Lp(3), ap.Rank(0), ap.Rank(-1), ap.Quantile(0.3), ap.TopKMean(1)),
    *(ap.TrimmedMean(0.2, 0.1), ap.Quantile(0.7, "nearest")),
]
TYPES = ["float32", "float32", "float64", "float16", "uint8", "int16", "int32", "uint16", "int64"]


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
        tuple(tuple(random.integers(0, 6).tolist() for _ in "ab") for _ in size),
    ]
    pad = pad[int(random.integers(2))]
    border = str(random.choice(["absent", "absent", "reflect", "circular", "replicate"]))
    return ap.sliding(size, stride, pad, step, ceil_mode=bool(random.random() < 0.3), border=border)


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
    layout = int(random.integers(4))
    x = [x, np.asfortranarray(x), x[::-1], np.repeat(x, 2, -1)[..., ::2]][layout]
    options: dict[str, Any] = {"empty": 3}
    if kind != "boxes":
        options["axes"] = tuple(range(1, 1 + rank)) if last else tuple(range(2, 2 + rank))
    weigh = int(random.integers(8))
    if weigh < 3:
        options["weights"] = [random.random(shape) < 0.7, random.integers(0, 3, shape) * 1.0, random.random(shape)][
            weigh
        ]
    if random.random() < 0.2:
        options["nan"] = "omit"
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
                want = ap.pool(x, windows, reduction, backend="reference", **options)
        except ap.PoolingError:
            continue
        answered += 1
        facts = {k: v.dtype if isinstance(v, np.ndarray) else v for k, v in options.items()}
        said = f"call {n}: {x.shape} {x.dtype} {x.strides} {windows} {reduction} {facts}"
        assert (got.shape, got.dtype) == (want.shape, want.dtype), said
        rough = {"float16": 2e-2, "float32": 5e-4}.get(str(got.dtype), 1e-7)
        if got.dtype.kind == "f":
            a, b = got.astype("float64"), want.astype("float64")
            np.testing.assert_allclose(a, b, rough, rough * 30, err_msg=said)
        else:
            np.testing.assert_array_equal(got, want, said)
    assert answered > MANY // 2
