"""Order statistics of no windows, and of values that lie at the end of their type, where absent elements are kept too."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import anypool as ap

ENDS = {"uint8": (0, 255), "bool": (False, True), "int16": (-32768, 32767), "float32": (-np.inf, np.inf)}
ORDERS = ["median", "mode", ap.Rank(0), ap.TopKMean(1), ap.KMax(2), ap.TrimmedMean(0.1, 0.1), "argmedian"]


@pytest.mark.parametrize("dtype", ["float32", "int32"])
@pytest.mark.parametrize("order", [*ORDERS, ap.Quantile([0.1, 0.5])], ids=str)
def test_no_windows(order: Any, dtype: str) -> None:
    got = ap.pool(np.ones((2, 5, 3), dtype), ap.segments([0]), order, axes=1)
    many = {"KMax(k=2)": (2, 0, 3, 2), "Quantile(q=(0.1, 0.5), method='linear')": (2, 2, 0, 3)}
    assert got.shape == many.get(str(order), (2, 0, 3))
    torch = pytest.importorskip("torch")
    if dtype == "float32" and order != "argmedian":
        x = torch.ones(2, 5, 3, requires_grad=True)
        ap.pool(x, ap.segments([0]), order, axes=1).sum().backward()
        assert x.grad.abs().sum() == 0


@pytest.mark.parametrize("backend", [None, "reference"])
@pytest.mark.parametrize("dtype", ENDS)
def test_masses_at_the_ends(dtype: str, backend: str | None) -> None:
    """The heaviest and the weighted middle, said once more by a dictionary; some elements weigh nothing."""
    random = np.random.default_rng(5)
    low, high = ENDS[dtype]
    for _ in range(40):
        x = np.where(random.random((2, 9)) < 0.5, high, low).astype(dtype)
        masses = random.integers(0, 3, x.shape).astype("float64") * random.choice([1.0, 0.5])
        masses[:, ::4] = 1
        windows = ap.sliding((4,), 1)
        got = {n: ap.pool(x, windows, n, weights=masses, backend=backend) for n in ("mode", "median")}
        for row in range(2):
            for o in range(6):
                v, m = x[row, o : o + 4], masses[row, o : o + 4]
                heavy = {k: m[v == k].sum() for k in (low, high)}
                assert got["mode"][row, o] == (low if heavy[low] >= heavy[high] and heavy[low] else high)
                if heavy[low] != heavy[high]:
                    assert got["median"][row, o] == max(heavy, key=lambda k: heavy[k])


@pytest.mark.parametrize("dtype", ["uint8", "bool"])
def test_real_windows_at_the_ends(dtype: str) -> None:
    """A mode by area: what lies beside the window weighs nothing, and is not of the greatest value."""
    random = np.random.default_rng(6)
    x = random.integers(0, 2, (12, 20)).astype(dtype) * (255 if dtype == "uint8" else 1)
    x = x.astype(dtype)
    windows = ap.sliding((1.57, 2.28), 1.75)
    above = ap.pool((x != 0).astype("float64"), windows, "sum")
    below = ap.pool((x == 0).astype("float64"), windows, "sum")
    clear = np.abs(above - below) > 1e-9
    for backend in (None, "reference"):
        got = ap.pool(x, windows, "mode", backend=backend)
        np.testing.assert_array_equal((got != 0)[clear], (above > below)[clear])
