"""Empty boxes and groups: the result is `empty=` unchanged, and integers stay integers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import anypool as ap

ROWS = np.array([[0, 1, 1, 4, 4], [0, 20, 20, 25, 25.0]])


@pytest.mark.parametrize("backend", [None, "reference"])
@pytest.mark.parametrize("reduction", ["argmax", "argmin", "argmedian"])
@pytest.mark.parametrize("weighed", [False, True])
def test_positions_in_empty_windows(reduction: str, backend: str | None, weighed: bool) -> None:
    x = np.random.default_rng(0).normal(size=(1, 2, 8, 8))
    more: Any = {"weights": np.ones(x.shape, bool)} if weighed else {}
    for reading in ("quantised", "exact"):
        windows = ap.boxes(ROWS, (2, 2), reading=reading)
        without, told = (ap.pool(x, windows, reduction, backend=backend, **more, **e) for e in ({}, {"empty": 3}))
        assert (without[1] == -1).all()  # exact boxes find zeros beyond x, which have no place: they are not nothing
        assert (told[1] == (3 if reading == "quantised" else -1)).all()
        np.testing.assert_array_equal(told[0], without[0])
    index = np.array([0, 0, 2, 2])
    y = ap.pool(
        x[0, 0, :4],
        ap.groups(index),
        reduction,
        axes=0,
        backend=backend,
        empty=3,
        **({"weights": np.ones((4, 8), bool)} if weighed else {}),
    )
    assert (y[1] == 3).all() and (y[[0, 2]] >= 0).all()
    torch = pytest.importorskip("torch")
    if backend is None and not weighed:
        got = ap.pool(torch.tensor(x), ap.boxes(ROWS, (2, 2)), reduction, empty=3)
        assert bool((got[1] == 3).all()) and got.dtype == torch.int64


@pytest.mark.parametrize("backend", [None, "reference"])
@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32"])
def test_integers_stay_integers(dtype: str, backend: str | None) -> None:
    x = np.random.default_rng(1).integers(0, 100, (1, 2, 8, 8)).astype(dtype)
    for rows in (ROWS[:1], ROWS, np.array([[0, -3, -3, 2, 2.0]])):
        for reading in ("quantised", "exact"):
            for reduction in ("max", "min", "range"):
                for more in ({}, {"weights": np.full(x.shape, 0.5)}):
                    y = ap.pool(x, ap.boxes(rows, 2, reading=reading), reduction, backend=backend, empty=3, **more)
                    wide = "uint64" if dtype == "uint8" else "int64"
                    assert y.dtype == (wide if reduction == "range" else dtype), (rows, reading, reduction, more)


@pytest.mark.parametrize("dtype", ["int64", "float32", "float64"])
@pytest.mark.parametrize("how", ["groups", "groups, NaN omitted", "masked", "weights that learn"])
def test_a_statistic_of_two_quantiles_of_nothing(how: str, dtype: str) -> None:
    """An empty window has the result `empty`, not the difference of two such results."""
    torch = pytest.importorskip("torch")
    x = np.array([1, 4, 2, 8, 5, 7]).astype(dtype)
    windows, options = ap.groups([0, 0, 0, 2, 2, 2], count=4), {}
    expected = [np.quantile(x[:3].astype(float), 0.75) - np.quantile(x[:3].astype(float), 0.25), 9, 9, 9]
    expected[2] = np.quantile(x[3:].astype(float), 0.75) - np.quantile(x[3:].astype(float), 0.25)
    if how == "groups, NaN omitted":
        options = {"nan": "omit"}
        if dtype != "int64":
            x[3:], expected[2] = np.nan, 9
    if how in ("masked", "weights that learn"):
        windows, options = ap.sliding((3,)), {"weights": np.array([1, 1, 1, 0, 0, 0.0])}
        expected = [expected[0], 9]
    for library in ("numpy", "torch", "gradient"):
        given: Any = x if library == "numpy" else torch.tensor(x)
        if library == "gradient" and dtype != "int64":
            given.requires_grad_()
        more = dict(options)
        if how == "masked":
            more["weights"] = options["weights"] > 0
        if library != "numpy" and "weights" in more:
            more["weights"] = torch.tensor(more["weights"])
            if how == "weights that learn":
                more["weights"].requires_grad_()
        y = ap.pool(given, windows, ap.Range(0.25, 0.75), axes=0, empty=9, **more)
        np.testing.assert_allclose(y.detach().numpy() if library != "numpy" else y, expected, 1e-6)
