"""Moving medians and ranks of long windows: chains of sorted blocks, exactly as sorting gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import ndimage

import anypool as ap
from anypool.backends import orders_call
from anypool.backends.library import library

pytestmark = pytest.mark.skipif(library() is None, reason="the compiled library is not there")
ORDERS: list[Any] = [
    ap.Median(),
    ap.Median("lower"),
    ap.Rank(0),
    ap.Rank(-1),
    ap.Quantile(0.3),
    ap.Quantile(0.9, method="nearest"),
    ap.Quantile([0.1, 1.0]),
]


def drawn(rng: Any, dtype: str, shape: tuple[int, ...]) -> Any:
    x = rng.standard_normal(shape) * (1 if dtype[0] == "f" else 30)
    x = np.round(x, 1) if rng.random() < 0.5 else x  # ties
    made = np.abs(x).astype(dtype) if dtype[0] == "u" else x.astype(dtype)
    if dtype[0] == "f" and rng.random() < 0.5:
        made.reshape(-1)[rng.integers(0, made.size, 4)] = rng.choice([np.nan, np.inf, -np.inf, -0.0], 4)
    return made


@pytest.mark.parametrize("dtype", "f2 f4 f8 i1 u1 i2 u2 i4 u4 i8 u8".split())
def test_they_are_the_sorting_references(dtype: str, monkeypatch: Any) -> None:
    """Small windows are asked to go this way too, so that blocks begin and end everywhere."""
    monkeypatch.setattr(orders_call, "LONG", 2)
    rng = np.random.default_rng(5)
    for order in ORDERS:
        for w in (2, 3, 10, 65, 400):
            n = w + int(rng.choice([1, 2, w // 2, w, 3 * w + 7, 9000]))
            x = drawn(rng, dtype, (2, n) if w < 100 else (n,))
            axis = -1
            if x.ndim > 1 and rng.random() < 0.5:
                x, axis = np.moveaxis(x, -1, 0), 0
            options: dict[str, Any] = {}
            if rng.random() < 0.5:
                border: Any = 3.0 if rng.random() < 0.3 else str(rng.choice(["reflect", "replicate"]))
                options = {"padding": (tuple(int(p) for p in rng.integers(0, w, 2)),), "border": border}
            windows = ap.sliding((w,), 1, **options)
            made = ap.pool(x, windows, order, axes=axis)
            wanted = ap.pool(x, windows, order, axes=axis, backend="reference")
            assert made.dtype == wanted.dtype
            np.testing.assert_array_equal(made, wanted, err_msg=f"{order} {w} {x.shape} {options}")


@pytest.mark.parametrize("w", [311, 1001, 4097])
def test_scipys_median_filter(w: int) -> None:
    x = np.random.default_rng(w).standard_normal(20000).astype(np.float32)
    wanted = ndimage.median_filter(x, w, mode="reflect")[w // 2 : -(w // 2)]
    np.testing.assert_array_equal(ap.pool(x, ap.sliding((w,), 1), "median", axes=0), wanted)
    assert "chains" in ap.explain(x, ap.sliding((w,), 1), "median", axes=0).engine


def test_parts_of_a_long_series_meet(monkeypatch: Any) -> None:
    """Results do not depend on the threads, nor on where a task begins."""
    x = np.random.default_rng(1).standard_normal(60000)
    windows = ap.sliding((501,), 1)
    before, found = ap.get_num_threads(), list[Any]()
    for threads in (1, 3):
        ap.set_num_threads(threads)
        found.append(ap.pool(x, windows, "median", axes=0))
    ap.set_num_threads(before)
    np.testing.assert_array_equal(found[0], found[1])
    at = np.r_[0:40, 8170:8200, 16370:16400, 59000:59500]
    np.testing.assert_array_equal(found[0][at], [np.median(x[i : i + 501]) for i in at])
