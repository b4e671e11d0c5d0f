"""FakeTensors have no values: in their mode the result is fake too; elsewhere they are refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch._subclasses import FakeTensorMode

import anypool as ap

MODE = FakeTensorMode()
with MODE:
    X, W = torch.rand(1, 1, 4, 4), torch.rand(1, 1, 4, 4)
    LABELS, ROWS = torch.randint(0, 3, (4, 4)), torch.rand(2, 5)
REAL = torch.arange(16.0).reshape(1, 1, 4, 4)
TILES = ap.sliding((2, 2))
CALLS: dict[str, Callable[[], Any]] = {
    "x": lambda: ap.pool(X, TILES, "mean"),
    "x of a layer": lambda: ap.nn.Pool2d(2, "max")(X),
    "x of a function": lambda: ap.nn.functional.max_pool2d(X, 2),
    "weights": lambda: ap.pool(REAL, TILES, "mean", weights=W),
    "weights of a median": lambda: ap.pool(REAL, TILES, "median", weights=W),
    "weights of a NumPy array": lambda: ap.pool(REAL.numpy(), TILES, "mean", weights=W),
    "taps": lambda: ap.pool(REAL, ap.sliding((2, 2), taps=W[0, 0, :2, :2]), "sum"),
    "labels": lambda: ap.pool(REAL, ap.groups(LABELS), "sum", axes=(2, 3)),
    "lengths": lambda: ap.pool(REAL, ap.segments(lengths=LABELS[0]), "sum", axes=3),
    "boxes": lambda: ap.pool(REAL, ap.boxes(ROWS, 2), "mean"),
    "a parameter": lambda: ap.pool(REAL, TILES, ap.PowerMean(W[0, 0, 0, 0])),
    "out": lambda: ap.pool(REAL, TILES, "mean", out=X),
}


@pytest.mark.parametrize("name", list(CALLS))
def test_refused_outside_the_mode(name: str) -> None:
    ap.pool(REAL, TILES, "mean", weights=torch.ones_like(REAL))  # a call that is cached
    for _ in range(2):
        with pytest.raises(ap.PoolingError, match="FakeTensor"):
            CALLS[name]()


def test_a_numpy_function_needs_numbers() -> None:
    with MODE, pytest.raises(ap.PoolingError, match="without numbers"):
        ap.pool(X, TILES, ap.function(np.ptp))
    with pytest.raises(ap.PoolingError, match="without numbers"):
        ap.pool(torch.rand(1, 1, 4, 4, device="meta"), TILES, ap.function(np.ptp))


@pytest.mark.parametrize("reduction", ["mean", "max", "median", "std"])
def test_fake_results_inside_the_mode(reduction: str) -> None:
    with MODE:
        y = ap.pool(X, TILES, reduction, weights=W)
        assert type(y) is type(X) and y.shape == (1, 1, 2, 2)
    real = ap.pool(REAL, TILES, reduction)
    np.testing.assert_allclose(real, ap.pool(REAL.numpy(), TILES, reduction))
