"""Order statistics equal their formulas on explicit lists: every window kind, type and axis;
NumPy's and SciPy's answers."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from backends import BACKENDS
from brute import Meant, pooled
from explicit import adaptive_positions, brute, positions
from order_cases import ORDERS
from rounded import tied
from scipy import ndimage
from windows_cases import CASES, SHAPE, Case

import anypool as ap
from anypool.order_statistics import METHODS, PARAMETRIC_ORDERS

NAMES = [
    *("median", "lower median", "higher median", "smallest", "largest", "quantile 0.3", "inverted quantile 0.3"),
    *("trimmed mean", "mean of the 2 largest", "ordinal", "range", "mode"),
]
SLIDING = [
    (3, 1, 0, 0, 1, False),
    (3, 2, 1, 1, 1, False),
    (2, 2, 0, 1, 1, True),
    (5, 1, 2, 2, 1, False),
    (2, 3, 1, 2, 2, True),
]
ALL = ["median", "mode", ap.Rank(0), ap.TopKMean(1), ap.KMax(2), ap.TrimmedMean(0.1, 0.1), "argmedian"]


def same(got: np.ndarray, want: np.ndarray, name: str, dtype: str) -> None:
    tolerance = 0 if ORDERS[name].selects else {"float16": 4e-3, "float32": 2e-6}.get(dtype, 1e-12)
    np.testing.assert_allclose(np.asarray(got, float), np.asarray(want, float), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "int64", "int8", "uint8", "bool"])
@pytest.mark.parametrize("name", NAMES)
def test_sliding(name: str, dtype: str) -> None:
    order, oracle = ORDERS[name].order, ORDERS[name].formula
    for size, stride, before, after, dilation, ceil in SLIDING:
        x = tied((2, 7, 8), dtype)
        windows = ap.sliding((size, size), stride, ((before, after),), dilation, ceil_mode=ceil)
        got = ap.pool(x, windows, order)
        axes = [positions(n, size, stride, before, after, dilation, ceil) for n in (7, 8)]
        wide = x.astype(np.float64) if dtype == "float16" else x.astype(np.uint8) if dtype == "bool" else x
        same(got, brute(wide, axes, oracle), name, dtype)
        odd = size % 2 == 1 and before == after == 0
        assert (got.dtype == x.dtype) == (
            ORDERS[name].selects or x.dtype.kind == "f" or (name == "median" and odd)
        ) or dtype == "float64"
        if dtype not in ("int8", "int64"):
            twin = ap.pool(torch.as_tensor(x), windows, order)
            same(twin.float().numpy() if dtype == "float16" else twin.numpy(), got, name, dtype)


@pytest.mark.parametrize("name", NAMES)
def test_any_windows_and_axes(name: str) -> None:
    order, oracle = ORDERS[name].order, ORDERS[name].formula
    x = tied((5, 4, 3), "float64")
    same(
        ap.pool(x, ap.adaptive((3, 2)), order, axes=(0, 2)),
        _moved(x, [adaptive_positions(5, 3), adaptive_positions(3, 2)], oracle),
        name,
        "float64",
    )
    same(
        ap.pool(x, ap.sliding((2, 2, 2), 1), order),
        brute(x, [positions(n, 2, 1, 0, 0, 1, False) for n in x.shape], oracle),
        name,
        "float64",
    )
    offsets = [0, 2, 3, 5]
    runs = [list(range(a, b)) for a, b in itertools.pairwise(offsets)]
    got = ap.pool(x, ap.segments(offsets), order, axes=0)
    same(np.moveaxis(got, 0, -1), brute(np.moveaxis(x, 0, -1), [runs], oracle), name, "float64")


def _moved(x: np.ndarray, axes: list[list[list[int]]], oracle: Callable[[np.ndarray], float]) -> np.ndarray:
    return np.moveaxis(brute(np.moveaxis(x, (0, 2), (-2, -1)), axes, oracle), (-2, -1), (0, 2))


# Shares of areas and taps are weights: test_weights.py.
LEAST = {"second": 2, "third": 3, "fourth": 4, "second largest": 2, "mean of the 2 largest": 2}
WINDOWS = {key: case for key, case in CASES.items() if not key.startswith("real") and "taps" not in key}


@pytest.mark.parametrize("name", ORDERS)
@pytest.mark.parametrize("key", WINDOWS)
def test_every_window_kind(key: str, name: str) -> None:
    """Each order statistic of each window kind equals its formula on lists; a mask deletes
    elements."""
    case, known = WINDOWS[key], ORDERS[name]
    random = np.random.default_rng(1)
    x = random.integers(0, 40, SHAPE) / 4
    mask = random.random(SHAPE) < 0.7
    options = {k: v for k, v in case.options.items() if k != "count"}
    for weights in (None, mask):
        meant = Meant(lambda v, w, n, at: known.formula(v))
        want = pooled(x, case.lines, case.at, meant, weights=weights, **options).astype(float)
        for backend in BACKENDS:
            try:
                got = ap.pool(x, case.windows, known.order, axes=case.axes, weights=weights, backend=backend)
            except ap.PoolingError as error:
                assert "largest window holds" in str(error), error
                assert max(len(elements) for elements in lists(case)) < LEAST[name]
                continue
            np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12, err_msg=f"{name} of {key} {backend}")


def lists(case: Case) -> Any:
    """The elements of each window, as places along the pooled axes."""
    for each in itertools.product(*(line.windows for line in case.lines)):
        yield list(itertools.product(*each))


@pytest.mark.parametrize("border", ["reflect", "replicate", "circular", 0.5])
def test_borders(border: str | float) -> None:
    x = tied((6, 7), "float64")
    modes = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}
    padded = np.pad(x, 1, mode=modes[border]) if isinstance(border, str) else np.pad(x, 1, constant_values=border)
    got = ap.pool(x, ap.sliding((3, 3), 1, 1, border=border), "median")
    np.testing.assert_array_equal(got, ap.pool(padded, ap.sliding((3, 3), 1), "median"))


def test_scipy_filters_where_conventions_meet() -> None:
    x = tied((12, 11), "float64")
    windows = ap.sliding((3, 3), 1, "same", border="replicate")
    np.testing.assert_array_equal(ap.pool(x, windows, "median"), ndimage.median_filter(x, 3, mode="nearest"))
    np.testing.assert_array_equal(ap.pool(x, windows, ap.Rank(2)), ndimage.rank_filter(x, 2, 3, mode="nearest"))
    got = ap.pool(x, windows, ap.Quantile(0.75, "lower"))
    np.testing.assert_array_equal(got, ndimage.percentile_filter(x, 75, 3, mode="nearest"))


@pytest.mark.parametrize("method", METHODS)
def test_quantile_methods_are_numpys(method: str) -> None:
    q = [0.0, 0.1, 0.25, 0.5, 2 / 3, 0.9, 1.0]
    for n in range(1, 10):
        x = tied((4, n), "float64", n)
        want = np.quantile(x, q, axis=1, method=method)  # type: ignore[call-overload]
        np.testing.assert_allclose(ap.pool(x, ap.whole(), ap.Quantile(q, method), axes=1)[..., 0], want, atol=1e-12)
        masked = np.concatenate([x, x + 9], 1)
        mask = np.arange(2 * n) < n
        got = ap.pool(masked, ap.whole(), ap.Quantile(q, method), axes=1, weights=mask)[..., 0]
        np.testing.assert_allclose(got, want, atol=1e-12)


def test_nan_infinities_zeros_and_denormals() -> None:
    x = np.array([np.inf, -np.inf, 0.0, -0.0, 5e-324, -5e-324, 1.0, np.nan], np.float64)
    for k in range(8):
        np.testing.assert_array_equal(ap.pool(x, ap.whole(), ap.Rank(k), axes=0), [np.sort(x)[k]])
    assert np.isnan(ap.pool(x, ap.whole(), "median", axes=0)[0])
    assert np.isnan(ap.pool(x, ap.whole(), "mode", axes=0)[0])
    assert ap.pool(x, ap.whole(), "median", axes=0, nan="omit")[0] == 0
    assert ap.pool(x[:1], ap.whole(), "median", axes=0)[0] == np.inf
    np.testing.assert_array_equal(ap.pool(np.array([np.nan, 2.0, 1.0, 5.0]), ap.sliding((2,)), "median"), [np.nan, 3.0])
    np.testing.assert_array_equal(
        ap.pool(np.array([np.nan, 2.0, np.nan]), ap.whole(), "mode", axes=0, nan="omit"), [2.0]
    )


def test_empty_windows_and_missing_ranks() -> None:
    x = np.array([3.0, 1.0, 2.0])
    windows = ap.segments([0, 0, 1, 3])
    np.testing.assert_array_equal(ap.pool(x, windows, "median", axes=0), [np.nan, 3.0, 1.5])
    np.testing.assert_array_equal(ap.pool(x, windows, ap.Rank(1), axes=0, empty=-9), [-9, -9, 2.0])
    np.testing.assert_array_equal(ap.pool(x, windows, ap.TopKMean(2), axes=0), [np.nan, 3.0, 1.5])
    with pytest.raises(ap.PoolingError, match="empty="):
        ap.pool(np.array([3, 1, 2]), windows, ap.Median("lower"), axes=0)
    assert ap.pool(x, ap.whole(), "median", axes=0, weights=np.zeros(3), empty=7.0)[0] == 7.0
    assert ap.pool(np.zeros((0, 4)), ap.sliding((2,)), "median").shape == (0, 2)


@pytest.mark.parametrize("dtype", ["float32", "int32"])
@pytest.mark.parametrize("order", [*ALL, ap.Quantile([0.1, 0.5])], ids=str)
def test_arrays_without_windows(order: Any, dtype: str) -> None:
    got = ap.pool(np.ones((2, 5, 3), dtype), ap.segments([0]), order, axes=1)
    many = {"KMax(k=2)": (2, 0, 3, 2), "Quantile(q=(0.1, 0.5), method='linear')": (2, 2, 0, 3)}
    assert got.shape == many.get(str(order), (2, 0, 3))
    torch = pytest.importorskip("torch")
    if dtype == "float32" and order != "argmedian":
        x = torch.ones(2, 5, 3, requires_grad=True)
        ap.pool(x, ap.segments([0]), order, axes=1).sum().backward()
        assert x.grad.abs().sum() == 0


def test_smooth_quantile_is_an_average_and_has_a_limit() -> None:
    x = tied((2, 30), "float64")
    np.testing.assert_allclose(ap.pool(np.full(5, 2.5), ap.whole(), ap.Quantile(0.2, smooth=1.0), axes=0), 2.5)
    sharp = ap.pool(x, ap.whole(), ap.Quantile(0.31, smooth=1e-4), axes=1)
    np.testing.assert_allclose(sharp, ap.pool(x, ap.whole(), ap.Quantile(0.31, "inverted_cdf"), axes=1), atol=2e-3)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ap.Quantile(1.2), "outside 0"),
        (lambda: ap.Quantile(30), "percentage"),
        (lambda: ap.Quantile([]), "row"),
        (lambda: ap.Quantile(0.5, "cubic"), "inverted_cdf"),
        (lambda: ap.Quantile(0.0, smooth=0.1), "inside"),
        (lambda: ap.Quantile(float("nan")), "from 0 to 1"),
        (lambda: ap.Median("middle"), "'lower'"),
        (lambda: ap.Rank(1.5), "integer"),
        (lambda: ap.pool(np.ones(4), ap.sliding((2,)), ap.Rank(2)), "Rank.2."),
        (lambda: ap.pool(np.ones(4), ap.sliding((2,)), ap.Rank(-3)), "Rank.-3."),
        (lambda: ap.pool(np.ones(4), ap.sliding((2,)), ap.KMax(3)), "at most 2"),
        (lambda: ap.TopKMean(0), "at least 1"),
        (lambda: ap.pool(np.ones(4), ap.sliding((2,)), ap.TopKMean(3)), "at most 2"),
        (lambda: ap.TrimmedMean(0.5, 0.5), "nothing is left"),
        (lambda: ap.TrimmedMean(0.5), "nothing is left"),
        (lambda: ap.Ordinal([[1.0]]), "row"),
        (lambda: ap.pool(np.ones(4), ap.sliding((2,)), ap.Ordinal([1.0])), "2 elements"),
        (lambda: ap.pool(np.ones(4), ap.sliding((2,)), ap.TopKMean(1), ties="split"), "split"),
        (lambda: ap.pool(np.ones(4), ap.sliding((2,)), "median", weights=[-1, 1, 1, 1]), "at least 0"),
        (lambda: ap.pool(np.ones(4), ap.sliding((2,)), ap.Rank), "parameters"),
        (lambda: ap.Range(0.9, 0.1), "lo must"),
    ],
)
def test_refused_arguments(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ap.PoolingError, match=message):
        make()


def test_every_order_statistic_is_in_the_registry() -> None:
    """KMax has several results: test_k_largest_and_mode.py. Place: test_positions.py."""
    known = {type(case.order) for case in ORDERS.values()}
    assert set(PARAMETRIC_ORDERS.values()) - {ap.KMax, ap.Place} <= known


def test_one_fraction_trims_both_ends() -> None:
    x = np.random.default_rng(0).random(20)
    got = ap.pool(x, ap.whole(), ap.TrimmedMean(0.1), axes=0)
    np.testing.assert_allclose(got, [np.sort(x)[2:-2].mean()])
    assert ap.TrimmedMean(0.1) == ap.TrimmedMean(0.1, 0.1) != ap.TrimmedMean(0.1, 0.0)
