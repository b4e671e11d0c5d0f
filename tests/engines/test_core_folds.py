"""The compiled core against the reference: windows × folds × types × layouts × weights."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from backends import needs_core
from sampling import spread
from thread_count import threads

import anypool as ap
from anypool.reductions import REDUCTIONS

pytestmark = needs_core
WINDOWS = {
    "2x2/2": ap.sliding((2, 2)),
    "3x3/1 padded": ap.sliding((3, 3), 1, 1),
    "3x3/2 padded": ap.sliding((3, 3), 2, 1),
    "5x4/3": ap.sliding((5, 4), 3, 2),
    "15x15/1": ap.sliding((15, 15), 1, 7),
    "11x13/2": ap.sliding((11, 13), 2, (6, 3)),
    "dilated": ap.sliding((3, 3), 1, 2, 2),
    "dilated, large": ap.sliding((9, 10), 3, 9, 2),
    "adaptive": ap.adaptive((5, 7)),
    "reflected": ap.sliding((3, 5), 1, 2, border="reflect"),
    "constant": ap.sliding((3, 3), 2, 1, border=0.0),
    "count padded": ap.sliding((3, 3), 2, 1, count="padded"),
    "count 5": ap.sliding((3, 3), 2, 1, count=5.0),
    "larger than x": ap.sliding((40, 50), 3, (3, 2)),
}
TOLERANCE = {"float16": 5e-3, "float32": 3e-5, "float64": 1e-9}


def _data(shape: tuple[int, ...], dtype: str) -> Any:
    x = np.random.default_rng(0).normal(size=shape) * 4
    if dtype == "bool":
        return x > 0
    if dtype.startswith("float"):
        x.flat[:: max(x.size // 9, 1)] = np.nan
        x.flat[3 :: max(x.size // 7, 1)] = np.inf
        return x.astype(dtype)
    return np.abs(x * 7).astype(dtype) if dtype.startswith("u") else np.round(x * 7).astype(dtype)


def _layouts(x: Any) -> dict[str, Any]:
    last = np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    return {"C": x, "channels last": last, "reversed": x[:, :, ::-1, ::2], "F": np.asfortranarray(x)}


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "uint8", "int16", "int32", "uint64", "bool"])
@pytest.mark.parametrize("shape", [(2, 3, 33, 37), (30, 2, 7, 7), (1, 1, 5, 90)], ids=str)
def test_the_core_is_the_reference(shape: tuple[int, ...], dtype: str) -> None:
    weights = np.abs(np.random.default_rng(1).normal(size=(shape[0], 1, *shape[2:]))).round(0)
    served, wrong, known = 0, list[Any](), dict[Any, Any]()
    calls = itertools.product(_layouts(_data(shape, dtype)).items(), WINDOWS.items(), REDUCTIONS)
    for (layout, x), (name, w), fold in spread(calls, 5, shape, dtype):
        if fold == "prod" and "float" in dtype:
            continue  # where it overflows, the order of the factors decides between 0, infinity and NaN
        options: list[dict[str, Any]] = [{}, {"nan": "omit"}, {"weights": weights[..., : x.shape[-1]]}]
        for more in options:
            try:
                found = ap.pool(x, w, fold, backend="cpu", **more)
            except ap.PoolingError:
                continue
            numbers = layout == "reversed", name, fold, *more.keys()  # the other layouts have the same
            if numbers not in known:
                known[numbers] = ap.pool(x, w, fold, backend="reference", **more)
            asked = known[numbers]
            served += 1
            same = found.dtype == asked.dtype and found.shape == asked.shape
            if found.dtype.kind == "f":
                tolerance = TOLERANCE[found.dtype.name] * (12 if fold in ("var", "std") else 1)
                same = same and np.allclose(found, asked, rtol=tolerance, atol=4 * tolerance, equal_nan=True)
            else:
                same = same and np.array_equal(found, asked)
            if not same:
                wrong.append((layout, name, fold, list(more)))
    assert served > 100
    assert not wrong, (len(wrong), wrong[:5])


@pytest.mark.parametrize("n", [1, 2, 3])
def test_results_do_not_depend_on_threads(n: int) -> None:
    x = _data((8, 16, 40, 41), "float32")
    cases = [(w, f) for w in WINDOWS.values() for f in ("sum", "var", "max")]
    with threads(1):
        alone = [ap.pool(x, w, f) for w, f in cases]
    with threads(n):
        for y, (w, f) in zip(alone, cases, strict=True):
            np.testing.assert_array_equal(y, ap.pool(x, w, f))


def test_several_folds_in_one_reading() -> None:
    x = _data((2, 3, 33, 37), "float32")
    folds = ("max", "mean", "argmax", "var", "count", "range")
    for y, name in zip(ap.pool(x, WINDOWS["3x3/2 padded"], folds), folds, strict=True):
        np.testing.assert_array_equal(y, ap.pool(x, WINDOWS["3x3/2 padded"], name))


def test_numbers_that_the_core_declines() -> None:
    """A window far below its neighbours, infinities, NaN in sums of exponentials: the reference
    runs."""
    x = np.zeros((8, 64), np.float32)
    x[:, 32:] = -500
    x[0, 40] = -np.inf
    y = ap.pool(x, ap.sliding((4,)), "logsumexp")
    np.testing.assert_allclose(y[1, 8:], -500 + np.log(4), rtol=1e-6)
    np.testing.assert_allclose(y[0, 10], -500 + np.log(3), rtol=1e-6)
    tiny = np.full((4, 8), 1e-30, np.float32)
    np.testing.assert_allclose(ap.pool(tiny, ap.sliding((2, 2)), "rms"), 1e-30, rtol=1e-6)
    np.testing.assert_allclose(ap.pool(tiny * 1e-10, ap.sliding((2, 2)), ap.Lp(2)), 2e-40, rtol=1e-3)


@pytest.mark.parametrize("lanes", [1, 3, 8, 15, 16, 17, 31, 32, 48, 64, 100, 128, 200])
def test_columns_of_every_width(lanes: int) -> None:
    x = np.random.default_rng(0).normal(size=(1300, lanes)).astype(np.float32)
    for lengths in ([1] * 1300, [13] * 100, [65] * 20, [300, 0, 1000]):
        y = ap.pool(x, ap.segments(lengths=lengths), "max", axes=0)
        bounds = np.cumsum([0, *lengths])
        for s, (a, b) in enumerate(itertools.pairwise(bounds)):
            np.testing.assert_array_equal(y[s], x[a:b].max(0, initial=-np.inf))


@pytest.mark.parametrize("outlier", [1e4, 1e6, 1e9])
def test_variance_beside_outliers(outlier: float) -> None:
    """An element far from all others affects its own windows alone; two far halves are refused."""
    rng = np.random.default_rng(3)
    x = (rng.standard_normal((2, 40, 40)) * 0.01).astype(np.float32)
    x[:, 0, 0], x[:, 20, 21] = outlier, -outlier
    halves = x.copy()
    halves[:, 20:] += np.float32(outlier)
    for v in (x, halves):
        y = ap.pool(v, ap.sliding((3, 3), 1), "std", axes=(1, 2))
        wanted = np.lib.stride_tricks.sliding_window_view(v.astype(float), (3, 3), (1, 2)).std((-1, -2))
        np.testing.assert_allclose(y, wanted, rtol=1e-4)


def test_long_sums_keep_their_digits() -> None:
    """A few adjacent lanes are added by blocks: one by one, 2^25 ones have the sum 2^24."""
    x = np.random.default_rng(2).random((1 << 20, 3), dtype=np.float32)
    for lanes in (1, 2, 3):
        part = np.ascontiguousarray(x[:, :lanes])
        for windows in (ap.whole(), ap.segments([0, 400_000, 1 << 20])):
            got = ap.pool(part, windows, "mean", axes=0)[-1]
            begin = 400_000 if "segments" in repr(windows) else 0
            np.testing.assert_allclose(got, part[begin:].mean(0, dtype=np.float64), rtol=1e-6)
    far = ap.pool(part[:, :1], ap.sliding((5000,), 5000, dilation=7), "mean", axes=0)[:, 0]
    want = [part[o * 5000 : o * 5000 + 35000 : 7, 0].mean(dtype=np.float64) for o in range(len(far))]
    np.testing.assert_allclose(far, want, rtol=2e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "uint8"])
@pytest.mark.parametrize("size", [5, 16, 17, 33, 64, 113])
def test_short_windows_anywhere_along_a_row(size: int, dtype: str) -> None:
    """Against slices, window by window; a NaN or a large number beside a window never enters it."""
    x = np.random.default_rng(size).integers(0, 200, (2, 9, size)).astype(dtype)
    if dtype.startswith("float"):
        x[0, 4, size // 2], x[1, 2, 0] = np.nan, np.inf
    for overlapping in (False, True):
        for out in {size, size * 2 // 3, size // 2, max(size // 5, 1), max(size // 7, 1)}:
            windows = ap.fractional((4, out), seed=size, overlapping=overlapping)
            rows, columns = windows.plan(x.shape, (1, 2)).axes
            for name in ("max", "min", "sum", "mean"):
                got = ap.pool(x, windows, name)
                for i, j in np.ndindex(4, out):
                    a, b, c, d = rows.first[i], rows.length[i], columns.first[j], columns.length[j]
                    with np.errstate(invalid="ignore"):
                        want = getattr(np, name)(x[:, a : a + b, c : c + d], axis=(1, 2))
                    np.testing.assert_allclose(got[:, i, j], want, rtol=1e-5)


@pytest.mark.parametrize("far", [0.0, 1e6])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
@pytest.mark.parametrize("lanes", [1, 3, 8, 16, 40])
def test_variances_of_long_runs(lanes: int, dtype: str, far: float) -> None:
    """Runs are halved and merged: no digit is lost far from 0; equal elements have no spread."""
    random = np.random.default_rng(lanes)
    lengths = random.permutation(np.r_[np.arange(300), 5000])
    edges = np.concatenate([[0], np.cumsum(lengths)])
    x = (random.normal(size=(edges[-1], lanes)) * 100 + far).astype(dtype)
    x[edges[7] : edges[8]] = x[edges[7]]
    got = ap.pool(x, ap.segments(edges), "var", axes=0)
    for o, (a, b) in enumerate(itertools.pairwise(edges)):
        want = np.var(x[a:b].astype(np.longdouble), axis=0) if b > a else np.full(lanes, np.nan)
        np.testing.assert_allclose(got[o], want, rtol=1e-5 if dtype == "float32" else 1e-12, atol=1e-20)
    assert lengths[7] == 0 or not got[7].any()
    one = ap.pool(x.T[:, ::3], ap.sliding((777,)), "std", axes=1)  # copies of one window, in a layout of its own
    want = np.std(x.T[:, ::3][:, : one.shape[1] * 777].astype(np.longdouble).reshape(lanes, -1, 777), axis=2)
    np.testing.assert_allclose(one, want, rtol=1e-5 if dtype == "float32" else 1e-12)
    whole = ap.pool(x, ap.whole(), "var", axes=(0, 1))
    np.testing.assert_allclose(whole, np.var(x.astype(np.longdouble)), rtol=1e-5 if dtype == "float32" else 1e-12)


def test_variances_of_long_runs_beside_nan_and_infinity() -> None:
    x = np.ones((1000, 2))
    x[500, 0], x[900, 1] = np.nan, np.inf
    got = ap.pool(x, ap.segments([0, 400, 700, 1000]), "var", axes=0)
    assert np.array_equal(got, [[0, 0], [np.nan, 0], [0, np.nan]], equal_nan=True)


# Lengths of adjacent runs: they are folded side by side, more of them at once if all are short.
RUNS: dict[str, Any] = {
    "every length": np.arange(41),
    "of 4": np.random.default_rng(1).integers(0, 5, 171),
    "of 8": np.random.default_rng(2).integers(0, 9, 173),
    "of 16": np.random.default_rng(3).integers(0, 17, 176),
    "all full": np.repeat([4, 2, 8, 16, 17], 32),
    "few": np.array([3, 1, 4]),
}


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int32", "int64", "uint8"])
@pytest.mark.parametrize("lengths", RUNS.values(), ids=list(RUNS))
def test_neighbouring_runs(lengths: Any, dtype: str) -> None:
    """Against slices, run by run; NaN stays in its run, and the bits of a run do not depend on
    others."""
    random = np.random.default_rng(len(lengths))
    for lead, shuffled in ((0, False), (1, True), (5, True)):
        runs = random.permutation(lengths) if shuffled else lengths
        edges = lead + np.concatenate([[0], np.cumsum(runs)])
        x = random.integers(1, 90, (2, edges[-1] + lead)).astype(dtype)
        if dtype.startswith("float"):
            x = (x / 7 - 6).astype(dtype)
            held = [e for e, n in zip(edges, runs, strict=False) if n][::5]
            x[0, held[0::3]], x[0, held[1::3]], x[1, held[2::3]] = np.nan, np.inf, -np.inf
            x[1, edges[len(runs) // 2] : edges[len(runs) // 2 + 1]] = -0.0
        windows = ap.segments(edges)
        for name in ("sum", "mean", "max", "min", "prod"):
            if name == "prod" and (dtype != "float64" or runs.max() > 17):
                continue  # it overflows
            got = ap.pool(x, windows, name, axes=1, empty=3 if name != "mean" or dtype.startswith("float") else 3.0)
            for o, (a, b) in enumerate(itertools.pairwise(edges)):
                with np.errstate(invalid="ignore"):
                    want = (
                        getattr(np, name)(x[:, a:b].astype(np.longdouble if "f" in dtype else dtype), axis=1)
                        if b > a
                        else [3, 3]
                    )
                np.testing.assert_allclose(
                    got[:, o], np.asarray(want, got.dtype), rtol=TOLERANCE.get(dtype, 0), atol=1e-5
                )
                if lead == 1 and name != "mean":
                    alone = ap.pool(x, ap.segments([a, b]), name, axes=1, empty=3)[:, 0]
                    assert got[:, o].tobytes() == alone.tobytes(), (name, o)


def test_squares_of_masked_elements_that_overflow() -> None:
    """A window with one present element has a deviation of 0, even if its square is infinite."""
    x = np.array([3.0, 1.0, -2.0, 5.0, 4.0]) * 1e155
    mask = np.array([True, False, False, True, False])
    y = ap.pool(x, ap.segments([0, 1, 2, 5]), "std", weights=mask)
    np.testing.assert_array_equal(y, [0.0, np.nan, 0.0])
    tiny = np.array([1.0, 2.0, 3.0, 10.0]) * 1e-170
    y = ap.pool(np.arange(4.0), ap.whole(), "std", axes=0, weights=tiny, backend="reference")
    np.testing.assert_allclose(y, np.sqrt(np.cov(np.arange(4), aweights=tiny, ddof=0)), rtol=1e-12)
