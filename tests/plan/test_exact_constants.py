"""Numbers that an element type represents or not: borders, empty values, ignored labels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import anypool as ap

torch = pytest.importorskip("torch")
INTEGERS = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"]
BACKENDS = [None, "reference"]
BOX = [[0, -2, -2, 1, 1]]


def ends(dtype: str) -> tuple[int, int]:
    return int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)


def both(x: np.ndarray) -> list[Any]:
    """The array, and a tensor of it where torch pools such elements."""
    return [x] if x.dtype.name in ("uint16", "uint32", "uint64") else [x, torch.from_numpy(x)]


BORDERED = {
    "sliding": (lambda b: ap.sliding((3, 3), 1, 1, border=b), None),
    "one axis": (lambda b: ap.sliding((3, 3), 1, 1, border=("absent", b)), None),
    "real": (lambda b: ap.sliding((2.5, 2.5), 1, 1, border=b), None),
    "segments": (lambda b: ap.segments([0, 2, 4]).sliding(3, 1, 1, border=b), -1),
    "taps": (lambda b: ap.sliding((3, 3), 1, 1, border=b, taps=np.ones((3, 3))), None),
}


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("name", BORDERED)
def test_a_border_is_an_element(name: str, dtype: str) -> None:
    """The limits of a type are elements; numbers beyond them, fractions, inf and NaN are
    refused."""
    low, high = ends(dtype)
    make, axes = BORDERED[name]
    x = np.full((4, 4), 50, dtype)
    for given in both(x):
        for backend in BACKENDS:
            for border, reduction, want in (
                (high, "min", 50),
                (low, "max", 50),
                (np.array(high, dtype)[()], "min", 50),
            ):
                y = ap.pool(given, make(border), reduction, axes=axes, backend=None if name == "taps" else backend)
                assert np.array_equal(np.asarray(y), np.full(y.shape, want)), (border, reduction)
            for reduction in ("max", "min"):
                y = np.asarray(ap.pool(given, make(high), reduction, axes=axes))
                assert y.max() == (high if reduction == "max" else 50)
        for bad in (high + 1, low - 1, 0.5, np.inf, -np.inf, np.nan, np.float32(1.5), 10**400):
            for reduction in ("max", "sum", "mean", "argmin", "median", ("min", "std")):
                with pytest.raises(ap.PoolingError, match=f"does not fit {dtype}.*{low} to {high}"):
                    ap.pool(given, make(bad), reduction, axes=axes)
            with pytest.raises(ap.PoolingError, match="does not fit"):
                ap.explain(given, make(bad), "max", axes=axes)


@pytest.mark.parametrize("reduction", ["max", ap.Rank(-1), ap.Median("higher"), "mode"])
def test_the_border_of_an_order_statistic(reduction: Any) -> None:
    for dtype in INTEGERS:
        low, high = ends(dtype)
        for given in both(np.full((4, 4), 50, dtype)):
            for border in (low, high, high - 1):
                for backend in BACKENDS:
                    y = ap.pool(given, ap.sliding((3, 3), 1, 2, border=border), reduction, backend=backend)
                    assert int(y[0, 0]) == (max(border, 50) if reduction in ("max", ap.Rank(-1)) else border)


def test_a_border_of_bool_and_of_floats() -> None:
    truth = np.zeros((2, 2), bool)
    for border in (True, 1, 1.0, np.True_):
        for given in both(truth):
            y = ap.pool(given, ap.sliding((3, 3), 1, 1, border=border), "any")
            assert bool(y.all())
    for bad in (2, 0.5, -1, np.nan):
        with pytest.raises(ap.PoolingError, match="does not fit bool"):
            ap.pool(truth, ap.sliding((3, 3), 1, 1, border=bad), "any")
    for dtype in ("float16", "float32", "float64"):
        x = np.full((2, 2), 3, dtype)
        for given in both(x):
            for border, reduction in ((np.inf, "min"), (-np.inf, "max")):
                for backend in BACKENDS:
                    y = ap.pool(given, ap.sliding((3, 3), 1, 1, border=border), reduction, backend=backend)
                    assert bool((y == 3).all())
            for backend in BACKENDS:
                windows = ap.sliding((3, 3), 1, 1, border=np.nan)
                y = np.asarray(ap.pool(given, windows, "max", backend=backend))
                assert np.isnan(y).all() and y.dtype == dtype
                y = ap.pool(given, windows, ("max", "mean", "count"), nan="omit", backend=backend)
                assert bool((y[0] == 3).all()) and bool((y[1] == 3).all()) and bool((y[2] == 4).all())
    for dtype, beyond in (("float16", 1e5), ("float32", 1e39), ("float64", 10**400)):
        with pytest.raises(ap.PoolingError, match=f"does not fit {dtype}"):
            ap.pool(np.ones((2, 2), dtype), ap.sliding((3, 3), 1, 1, border=beyond), "max")
    with pytest.raises(ap.PoolingError, match="does not fit bfloat16"):
        ap.pool(torch.ones(2, 2, dtype=torch.bfloat16), ap.sliding((3, 3), 1, 1, border=1e39), "max")


def test_a_border_of_boxes() -> None:
    for dtype in ("uint8", "int64"):
        low, high = ends(dtype)
        x = np.full((1, 1, 4, 4), 7, dtype)
        for given in both(x):
            y = ap.pool(given, ap.boxes(BOX, 1, reading="exact", border=high), "max")
            assert int(y.reshape(-1)[0]) == high and np.asarray(y).dtype == dtype
            assert int(ap.pool(given, ap.boxes(BOX, 1, reading="exact", border=low), "max").reshape(-1)[0]) == 7
            assert int(ap.pool(given, ap.boxes(BOX, 1, reading="exact", border=high), "mode").reshape(-1)[0]) == high
            for bad in (high + 1, 0.5, np.nan, np.inf):
                with pytest.raises(ap.PoolingError, match="does not fit"):
                    ap.pool(given, ap.boxes(BOX, 1, reading="exact", border=bad), "max")


EMPTY = {
    "segments": (ap.segments([0, 2, 2]), {"axes": 0}),
    "sliding": (ap.sliding((2,), 2, ((0, 2),)), {"axes": 0}),
    "groups": (ap.groups([0, 0], count=2), {"axes": 0}),
    "unsorted groups": (ap.groups([2, 0], count=3), {"axes": 0}),
    "mask": (ap.sliding((1,)), {"weights": [True, False]}),
    "weights": (ap.sliding((1,)), {"weights": [1.0, 0.0]}),
    "taps": (ap.sliding((2,), taps=[0.0, 0.0]), {}),
    "taps of a row": (ap.sliding((1, 2), taps=(np.zeros(1), np.ones(2))), {}),
    "real": (ap.sliding((1.5,), 2.5, ((0.0, 2.5),)), {"axes": 0}),
}


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("name", EMPTY)
def test_empty_is_exact(name: str, dtype: str) -> None:
    """The value of an empty window is returned unchanged, up to the limits of the result's type."""
    windows, options = EMPTY[name]
    low, high = ends(dtype)
    place = 1 if name == "unsorted groups" else -1
    x = np.array([[1, 2]] if "row" in name else [1, 2], dtype)
    kinds = [
        "max",
        "min",
        "sum",
        "prod",
        "range",
        "count",
        "argmax",
        "mode",
        ap.Rank(0),
        ap.Median("lower"),
        ap.KMax(1),
    ]
    for reduction in kinds:
        if reduction == "sum" and name.split()[0] in ("weights", "taps", "real"):
            continue  # of real weights: a float
        wide = reduction in ("sum", "prod", "range", "count", "argmax")
        unsigned = dtype[0] == "u" and reduction in ("sum", "prod", "range")
        least, most = ends("uint64" if unsigned else "int64") if wide else (low, high)
        for given in both(x):
            if unsigned and given is not x:
                least, most = ends("int64")
            for value in (most, least, most - 1, np.array(most, np.array(most).dtype)[()]):
                for backend in BACKENDS:
                    y = ap.pool(given, windows, reduction, empty=value, backend=backend, **options)
                    y = y if reduction != ap.KMax(1) else y[..., 0]
                    assert int(y.reshape(-1)[place]) == value, (reduction, backend, type(given))
            for bad in (most + 1, least - 1, 0.5, np.nan, np.inf, 10**400):
                with pytest.raises(ap.PoolingError, match=f"{least} to {most}"):
                    ap.pool(given, windows, reduction, empty=bad, **options)


def test_empty_of_floats_and_truth() -> None:
    for name, (windows, options) in EMPTY.items():
        x = np.array([[1, 2]] if "row" in name else [1, 2], "float32")
        place = 1 if name == "unsorted groups" else -1
        for given in both(x):
            for reduction in ("sum", "mean", "max", "std", "logsumexp", "median", ap.Lp(2), ap.PowerMean(3)):
                for value in (np.inf, np.nan, 0.1, True, 2**53 + 1, np.float16(0.5)):
                    y = ap.pool(given, windows, reduction, empty=value, **options).reshape(-1)[place]
                    np.testing.assert_equal(np.float32(y), np.float32(value), err_msg=f"{name} {reduction}")
                with pytest.raises(ap.PoolingError, match="does not fit float32"):
                    ap.pool(given, windows, reduction, empty=1e39, **options)
            for value in (True, 0, 1.0):
                for reduction in ("any", "all"):
                    assert bool(ap.pool(given, windows, reduction, empty=value, **options).reshape(-1)[place]) == value
            with pytest.raises(ap.PoolingError, match="does not fit bool"):
                ap.pool(given, windows, "any", empty=2, **options)
    for bad in ("1", [1], object(), np.ones(1), 1j):
        with pytest.raises(ap.PoolingError, match="give a number"):
            ap.pool(np.ones(3), ap.sliding(2), "max", empty=bad)


@pytest.mark.parametrize("dtype", INTEGERS)
def test_an_ignored_label_is_a_label(dtype: str) -> None:
    low, high = ends(dtype)
    for label in (low, high, high - 1, np.array(high, dtype)[()]):
        other = int(label) - 1 if int(label) > low else int(label) + 1
        for given in both(np.array([label, label, other], dtype)):
            for backend in BACKENDS:
                for windows in (ap.whole(), ap.sliding(3), ap.segments([0, 3]), ap.groups([0, 0, 0])):
                    y = ap.pool(given, windows, ap.Mode(ignore=label), axes=0, backend=backend)
                    assert int(y[0]) == other
                    assert (
                        int(ap.pool(given, windows, ap.Place(ap.Mode(ignore=label)), axes=0, backend=backend)[0]) == 2
                    )
                    y = ap.pool(given, windows, ap.Mode(ignore=label), axes=0, weights=[3.0, 3.0, 1.0], backend=backend)
                    assert int(y[0]) == other
    for bad in (high + 1, low - 1, 0.5, np.inf):
        for order in (ap.Mode(ignore=bad), ap.Place(ap.Mode(ignore=bad))):
            with pytest.raises(ap.PoolingError, match=f"ignore.*does not fit {dtype}"):
                ap.pool(np.ones(3, dtype), ap.sliding(3), order)


def test_labels_of_truth_and_of_floats() -> None:
    assert not ap.pool(np.array([True, True, False]), ap.sliding(3), ap.Mode(ignore=True))[0]
    for dtype in ("float16", "float32", "float64"):
        x = np.array([0.1, 0.1, 0.3], dtype)
        for given in both(x):
            for backend in BACKENDS:
                assert ap.pool(given, ap.sliding(3), ap.Mode(ignore=0.1), backend=backend)[0] == x[2]
    for bad in (float("nan"), "0", None, [0]):
        if bad is not None:
            with pytest.raises(ap.PoolingError, match="ignore"):
                ap.Mode(ignore=bad)  # type: ignore[arg-type]
