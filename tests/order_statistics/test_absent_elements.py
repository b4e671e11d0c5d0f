"""Ranks of windows that lack elements, small and large, against NumPy window by window."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from thread_count import threads

import anypool as ap

FLOATS, INTEGERS = (
    ("float32", "float64", "float16"),
    ("uint8", "int8", "uint16", "int16", "uint32", "int32", "int64", "uint64"),
)
SPECIAL = np.array([np.inf, -np.inf, -0.0, 0.0, 1.0])


def drawn(dtype: str, shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Elements of which some are equal; floats with infinities and zeros of both signs."""
    rng = np.random.default_rng(seed)
    if dtype.startswith("float"):
        x = rng.standard_normal(shape).astype(dtype)
        return np.where(rng.random(shape) < 0.1, rng.choice(SPECIAL, shape).astype(dtype), x)
    info = np.iinfo(dtype)
    ends = rng.choice(np.array([info.min, info.max], dtype), shape)
    return np.where(rng.random(shape) < 0.1, ends, rng.integers(0, 60, shape).astype(dtype))


def of_window(values: np.ndarray, q: float) -> float:
    """The quantile of one window's present elements: the element, or between two as NumPy does."""
    if not len(values):
        return math.nan
    ordered = np.sort(values.astype(np.float64))
    rank = q * (len(ordered) - 1)
    low, high = ordered[math.floor(rank)], ordered[math.ceil(rank)]
    if low == high or rank == math.floor(rank):
        return float(low)
    share = rank - math.floor(rank)
    if q == 0.5:
        return float((low + high) / 2)
    return float(low + (high - low) * share if share < 0.5 else high - (high - low) * (1 - share))


def expected(x: np.ndarray, mask: np.ndarray, size: tuple[int, ...], stride: tuple[int, ...], q: float) -> np.ndarray:
    """The quantile of each window over the last axes."""
    axes = tuple(range(x.ndim - len(size), x.ndim))
    step = (..., *(slice(None, None, s) for s in stride), *[slice(None)] * len(size))
    windows, there = sliding_window_view(x, size, axes)[step], sliding_window_view(mask, size, axes)[step]
    flat, kept = (t.reshape(-1, math.prod(size)) for t in (windows, there))
    with np.errstate(all="ignore"):
        return np.array([of_window(v[m], q) for v, m in zip(flat, kept, strict=True)]).reshape(windows.shape[: x.ndim])


def equal(got: Any, want: np.ndarray, dtype: str) -> None:
    bound = {"float16": 2e-3, "float32": 2e-6}.get(dtype, 1e-14)
    np.testing.assert_allclose(np.asarray(got, np.float64), want, rtol=bound, atol=bound)


@pytest.mark.parametrize("dtype", [*FLOATS, *INTEGERS])
@pytest.mark.parametrize(
    ("size", "stride"),
    [
        ((2, 2), 2),
        ((2, 2), 1),
        ((3, 3), 1),
        ((3, 3), 2),
        ((3, 3), 3),
        ((5, 5), 1),
        ((2, 3), 2),
        ((7, 7), 3),
        ((9,), 1),
        ((2, 2, 2), 2),
    ],
)
def test_quantiles_of_small_windows(dtype: str, size: tuple[int, ...], stride: int):
    shape = (2, 2, *{1: (150,), 2: (16, 75), 3: (5, 6, 40)}[len(size)])
    x, rng = drawn(dtype, shape), np.random.default_rng(1)
    windows, axes = ap.sliding(size, stride=stride), tuple(range(2, len(shape)))
    for share in (0.0, 0.3, 0.9):
        mask = rng.random(shape) >= share
        for q in (0.5, 0.25, 0.9):
            want = expected(x, mask, size, (stride,) * len(size), q)
            reduction = "median" if q == 0.5 else ap.Quantile(q)
            equal(ap.pool(x, windows, reduction, weights=mask, axes=axes), want, dtype)
            if dtype.startswith("float"):
                gaps = np.where(mask, x, np.nan).astype(dtype)
                equal(ap.pool(gaps, windows, reduction, nan="omit", axes=axes), want, dtype)


@pytest.mark.parametrize("dtype", ["float32", "uint8", "int64"])
@pytest.mark.parametrize(("size", "stride"), [(3, 1), (2, 2), (3, 2), (5, 1)])
def test_every_layout(dtype: str, size: int, stride: int):
    x, mask = drawn(dtype, (2, 3, 20, 41)), np.random.default_rng(2).random((2, 3, 20, 41)) < 0.6
    want = expected(x, mask, (size, size), (stride, stride), 0.5)
    windows = ap.sliding((size, size), stride=stride)
    for order in ((0, 2, 3, 1), (2, 3, 0, 1), (0, 1, 3, 2)):
        axes = [order.index(2), order.index(3)]
        y = ap.pool(
            np.ascontiguousarray(x.transpose(order)),
            windows,
            "median",
            weights=np.ascontiguousarray(mask.transpose(order)),
            axes=axes,
        )
        equal(y.transpose(np.argsort(order)), want, dtype)
    equal(
        ap.pool(x[:, :, ::-1], windows, "median", weights=mask[:, :, ::-1]),
        expected(x[:, :, ::-1], mask[:, :, ::-1], (size, size), (stride, stride), 0.5),
        dtype,
    )
    rows = np.broadcast_to(mask[0, 0], x.shape)
    equal(
        ap.pool(x, windows, "median", weights=mask[0, 0]), expected(x, rows, (size, size), (stride, stride), 0.5), dtype
    )


@pytest.mark.parametrize("border", [0, "reflect", "replicate", "absent"])
@pytest.mark.parametrize(("size", "stride"), [(3, 1), (2, 2), (5, 1)])
def test_borders(border: Any, size: int, stride: int):
    x, mask = drawn("float32", (2, 24, 50)), np.random.default_rng(3).random((2, 24, 50)) < 0.6
    pad = ((0, 0), (1, 1), (1, 1))
    mode: Any = {"replicate": "edge", "reflect": "reflect"}.get(border, "constant")
    wide = np.pad(x, pad, mode=mode)
    there = np.pad(mask, pad, mode=mode, **({"constant_values": border == 0} if mode == "constant" else {}))
    windows = ap.sliding((size, size), stride=stride, padding=1, border=border)
    equal(
        ap.pool(x, windows, "median", weights=mask),
        expected(wide, there, (size, size), (stride, stride), 0.5),
        "float32",
    )


@pytest.mark.parametrize(("size", "stride"), [(3, 1), (2, 2), (5, 1), (3, 2)])
def test_nan_among_present_elements(size: int, stride: int):
    rng = np.random.default_rng(4)
    x, mask = drawn("float32", (2, 20, 60)), rng.random((2, 20, 60)) < 0.6
    x[rng.random(x.shape) < 0.02] = np.nan
    want = expected(np.nan_to_num(x, nan=0.0, posinf=np.inf, neginf=-np.inf), mask, (size, size), (stride, stride), 0.5)
    step = (slice(None), slice(None, None, stride), slice(None, None, stride))
    spoiled = sliding_window_view(np.isnan(x) & mask, (size, size), (1, 2))[step].any((-1, -2))
    equal(
        ap.pool(x, ap.sliding((size, size), stride=stride), "median", weights=mask),
        np.where(spoiled, np.nan, want),
        "float32",
    )


@pytest.mark.parametrize(("size", "stride"), [((3, 3), 1), ((2, 2), 2), ((5, 5), 1), ((11, 11), 11)])
def test_empty_windows_and_ranks(size: tuple[int, int], stride: int):
    x = drawn("int32", (1, 33, 66))
    mask = np.random.default_rng(5).random(x.shape) < 0.2
    mask[:, :12, :33] = False
    windows = ap.sliding(size, stride=stride)
    with pytest.raises(ap.PoolingError, match=r"too few elements.*give empty="):
        ap.pool(x, windows, ap.Rank(1), weights=mask)
    got = ap.pool(x, windows, ap.Rank(1), weights=mask, empty=-7)
    step = (slice(None), slice(None, None, stride), slice(None, None, stride))
    flat, there = (sliding_window_view(t, size, (1, 2))[step].reshape(-1, math.prod(size)) for t in (x, mask))
    want = [np.sort(v[m])[1] if m.sum() > 1 else -7 for v, m in zip(flat, there, strict=True)]
    assert got.dtype == np.int32 and got.ravel().tolist() == want
    lowest = ap.pool(x, windows, ap.Median(even="lower"), weights=mask, empty=2**30 + 1)
    want = [np.sort(v[m])[(m.sum() - 1) // 2] if m.any() else 2**30 + 1 for v, m in zip(flat, there, strict=True)]
    assert lowest.ravel().tolist() == want
    assert np.isnan(ap.pool(x.astype(np.float32), windows, "median", weights=np.zeros(x.shape, bool))).all()


@pytest.mark.parametrize("dtype", [*FLOATS, *INTEGERS, "bool"])
def test_medians_of_whole_arrays(dtype: str):
    rng = np.random.default_rng(6)
    x = rng.random((50, 61, 70)) < 0.5 if dtype == "bool" else drawn(dtype, (50, 61, 70))
    for share in (0.0, 0.3, 0.999):
        mask = rng.random(x.shape) >= share
        for q in (0.5, 0.01, 0.75):
            reduction = "median" if q == 0.5 else ap.Quantile(q)
            want = np.array(of_window(x[mask], q))
            equal(ap.pool(x, ap.whole(), reduction, axes=(0, 1, 2), weights=mask).reshape(()), want, dtype)
            if share == 0:
                equal(ap.pool(x, ap.whole(), reduction, axes=(0, 1, 2)).reshape(()), want, dtype)
                equal(ap.pool(x.transpose(2, 0, 1), ap.whole(), reduction, axes=(0, 1, 2)).reshape(()), want, dtype)
    if dtype != "bool":
        each = np.sort(x, axis=0)[[3, -2]]
        for k, want in zip((3, -2), each, strict=True):
            assert np.array_equal(ap.pool(x, ap.whole(), ap.Rank(k), axes=(0,))[0], want)


@pytest.mark.parametrize("kind", ["equal", "two values", "ascending", "descending", "period", "tail"])
def test_selection_from_arrays_that_deceive_a_sample(kind: str):
    n = 300_001
    i = np.arange(n)
    x = {
        "equal": np.ones(n),
        "two values": (i % 2).astype(float),
        "ascending": i.astype(float),
        "descending": -i.astype(float),
        "period": np.where(i % 64 == 0, i, -i).astype(float),
        "tail": np.where(i > n - 1000, i, 0).astype(float),
    }[kind].astype(np.float32)
    ordered = np.sort(x)
    for k in (0, 1, 499, n // 2, n - 1000, n - 1):
        assert ap.pool(x, ap.whole(), ap.Rank(k), axes=(0,)).item() == ordered[k]


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8"])
def test_large_windows_by_axis_and_by_adaptive_windows(dtype: str):
    rng = np.random.default_rng(7)
    x = drawn(dtype, (3, 130, 37, 20))
    mask = rng.random(x.shape) < 0.5
    y = ap.pool(x, ap.whole(), "median", axes=(1, 2), weights=mask)
    for i in range(3):
        for c in range(20):
            equal(y[i, 0, 0, c], np.array(of_window(x[i, ..., c][mask[i, ..., c]], 0.5)), dtype)
    y = ap.pool(x, ap.adaptive((2, 3)), ap.Quantile(0.3), axes=(1, 2), weights=mask[:, :, :, :1])
    z = ap.pool(x, ap.adaptive((2, 3)), ap.Quantile(0.3), axes=(1, 2))
    for j, rows in enumerate((slice(0, 65), slice(65, 130))):
        for k, columns in enumerate((slice(0, 13), slice(12, 25), slice(24, 37))):
            part = np.s_[1, rows, columns]
            assert y.shape == z.shape == (3, 2, 3, 20)
            equal(y[1, j, k, 5], np.array(of_window(x[part][..., 5][mask[part][..., 0]], 0.3)), dtype)
            equal(z[1, j, k, 5], np.array(of_window(x[part][..., 5].ravel(), 0.3)), dtype)


def test_nan_in_large_windows():
    x = np.random.default_rng(8).standard_normal((4, 5000)).astype(np.float32)
    x[1, 77], x[2, 99] = np.nan, np.nan
    mask = np.ones(x.shape, bool)
    mask[2, 99] = False
    y = ap.pool(x, ap.whole(), "median", axes=(1,), weights=mask)[:, 0]
    assert np.isnan(y).tolist() == [False, True, False, False]
    assert y[2] == np.float32(np.median(x[2][mask[2]]))
    assert np.isnan(ap.pool(x, ap.whole(), ap.Rank(-1), axes=(1,))[:, 0]).tolist() == [False, True, True, False]
    assert ap.pool(x, ap.whole(), ap.Rank(0), axes=(1,))[1, 0] == np.nanmin(x[1])
    assert np.array_equal(ap.pool(x, ap.whole(), "median", axes=(1,), nan="omit")[:, 0], np.nanmedian(x, 1))


def test_results_do_not_depend_on_threads():
    x = np.random.default_rng(9).standard_normal((3, 300, 400)).astype(np.float32)
    mask = x > -0.5
    calls = [
        lambda: ap.pool(x, ap.whole(), ap.Quantile(0.37), axes=(0, 1, 2), weights=mask),
        lambda: ap.pool(x, ap.sliding((3, 3), stride=1), "median", weights=mask),
        lambda: ap.pool(x, ap.sliding((20, 20), padding=9, stride=1), "median"),
    ]
    for call in calls:
        results = []
        for n in (1, 2, 3):
            with threads(n):
                results.append(call())
        assert all(np.array_equal(results[0], r, equal_nan=True) for r in results[1:])


@pytest.mark.parametrize("dtype", ["uint8", "int8", "float32", "int32", "float64"])
@pytest.mark.parametrize("q", [0.5, 0.2])
def test_clipped_windows_of_histograms(dtype: str, q: float):
    x = drawn(dtype, (2, 60, 300))
    size, padding = (17, 21), (8, 10)
    pad = ((0, 0), (8, 8), (10, 10))
    want = expected(np.pad(x, pad), np.pad(np.ones(x.shape, bool), pad), size, (1, 1), q)
    reduction = "median" if q == 0.5 else ap.Quantile(q)
    equal(ap.pool(x, ap.sliding(size, stride=1, padding=padding), reduction), want, dtype)
    if q == 0.5:
        lower = ap.pool(x, ap.sliding(size, stride=1, padding=padding), ap.Median(even="lower"))
        assert lower.dtype == x.dtype
        odd = np.s_[:, 8:-8:2, 10:-10]
        equal(lower[odd], want[odd], dtype)
