"""Order statistics of dilated and of distant windows: each result is written, none refused."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import anypool as ap

ORDERS: list[tuple[Any, Any]] = [
    ("median", lambda v: np.median(v.astype(float), -1)),
    (ap.Rank(3), lambda v: np.sort(v, -1)[..., 3]),
    (ap.TrimmedMean(0.25, 0.25), lambda v: _trimmed(v.astype(float))),
]


def _trimmed(v: np.ndarray) -> np.ndarray:
    cut = int(0.25 * v.shape[-1])
    return np.sort(v, -1)[..., cut : v.shape[-1] - cut].mean(-1)


def gathered(x: np.ndarray, size: tuple[int, ...], stride: tuple[int, ...], step: tuple[int, ...]) -> np.ndarray:
    """The elements of every window of the first axes of x, on a new last axis."""
    counts = [(n - (k - 1) * d - 1) // s + 1 for n, k, s, d in zip(x.shape, size, stride, step, strict=False)]
    places = []
    for at in itertools.product(*map(range, size)):
        where = [slice(t * d, t * d + (o - 1) * s + 1, s) for t, d, s, o in zip(at, step, stride, counts, strict=True)]
        places.append(x[tuple(where)])
    return np.stack(places, -1)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "uint64", "int32", "float16", "uint8"])
@pytest.mark.parametrize("inner", [1, 3, 20])
def test_windows_wider_than_the_rows_of_networks(dtype: str, inner: int) -> None:
    """Regression: a row of fixed length minus the reach gave a negative number of lanes."""
    for (rows, columns), step in itertools.product([(3, 20), (2, 7), (1, 9)], [1, 6, 13, 30, 45]):
        shape = (rows + 2, (columns - 1) * step + 12, inner)
        x = np.random.default_rng(step).integers(0, 100, shape).astype(dtype)
        for order, oracle in ORDERS:
            got = ap.pool(x, ap.sliding((rows, columns), 1, 0, (1, step)), order, axes=(0, 1))
            want = oracle(gathered(x, (rows, columns), (1, 1), (1, step)))
            np.testing.assert_allclose(got.astype(float), want.astype(float), rtol=1e-6 if dtype != "float16" else 2e-3)


@pytest.mark.parametrize("dtype", ["float32", "int16", "float64"])
@pytest.mark.parametrize(
    ("shape", "size", "stride", "step"),
    [
        ((5000,), (4,), (1,), (1500,)),
        ((5000,), (4,), (3,), (1601,)),
        ((3, 4200), (2, 3), (1, 1), (1, 2000)),
        ((3000, 4), (4, 2), (1, 1), (950, 1)),
        ((40000, 2), (4, 1), (1, 1), (13000, 1)),
        ((2, 60000), (2, 2), (1, 25000), (1, 1)),
        ((2, 3, 3000), (2, 2, 2), (1, 1, 1), (1, 1, 2500)),
    ],
)
def test_windows_far_apart(
    shape: tuple[int, ...], size: tuple[int, ...], stride: tuple[int, ...], step: tuple[int, ...], dtype: str
) -> None:
    """They span more rows, or reach further, than a network may stage."""
    x = np.random.default_rng(0).integers(0, 100, shape).astype(dtype)
    for order, oracle in ORDERS:
        for padding in (0, 1):
            y = ap.pool(x, ap.sliding(size, stride, padding, step, border="replicate"), order)
            want = oracle(gathered(np.pad(x, padding, "edge"), size, stride, step))
            np.testing.assert_allclose(y.astype(float), want.astype(float), rtol=1e-6)
    mask = np.random.default_rng(1).random(shape) < 0.9
    windows = ap.sliding(size, stride, 0, step)
    want = gathered(np.where(mask, x.astype(float), np.nan), size, stride, step)
    with np.errstate(invalid="ignore"):
        middle = np.nanmedian(np.where(np.isnan(want).all(-1, keepdims=True), -1.0, want), -1)
    np.testing.assert_allclose(ap.pool(x, windows, "median", weights=mask, empty=-1.0).astype(float), middle, rtol=1e-6)
