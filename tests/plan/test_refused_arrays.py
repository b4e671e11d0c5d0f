"""Arrays where words are expected, parameters of the wrong shape, weights and out= without a
meaning, as array and tensor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import anypool as ap

X = np.arange(2 * 3 * 8 * 9, dtype=float).reshape(2, 3, 8, 9)
BOTH = [X, torch.from_numpy(X.copy())]
W = ap.sliding((2, 2))
ROWS = [[0, 1, 1, 5, 5]]
MANY, SCALAR = np.ones((2, 2)), np.array("a")
WORDS: dict[str, Callable[[Any], Any]] = {
    "nan": lambda v: ap.pool(X, W, nan=v),
    "ties": lambda v: ap.pool(X, W, "max", ties=v),
    "backend": lambda v: ap.pool(X, W, backend=v),
    "axes": lambda v: ap.pool(X, W, axes=v),
    "border": lambda v: ap.sliding((2, 2), border=v),
    "count": lambda v: ap.sliding((2, 2), count=v),
    "ceil_mode": lambda v: ap.sliding((2, 2), ceil_mode=v),
    "padding": lambda v: ap.sliding((2, 2), padding=v),
    "stride": lambda v: ap.sliding((2, 2), v),
    "size": lambda v: ap.pool(X, ap.sliding(v)),
    "output_size": lambda v: ap.pool(X, ap.adaptive(v)),
    "levels": lambda v: ap.pool(X, ap.pyramid(v), axes=(0, 2, 3)),
    "reading": lambda v: ap.boxes(ROWS, 2, reading=v),
    "aligned": lambda v: ap.boxes(ROWS, 2, reading="exact", aligned=v),
    "rotated": lambda v: ap.boxes(ROWS, 2, reading="sampled", rotated=v),
    "outside": lambda v: ap.boxes(ROWS, 2, reading="exact", border=v),
    "sequence": lambda v: ap.fractional((4, 4), sequence=v),
    "overlapping": lambda v: ap.fractional((4, 4), overlapping=v),
    "convention": lambda v: ap.fractional((4, 4), convention=v),
    "whole": lambda v: ap.regions(2, whole=v),
    "even": lambda v: ap.Median(v),
    "method": lambda v: ap.Quantile(0.5, v),
    "form": lambda v: ap.PowerMean(2, form=v),
}


@pytest.mark.parametrize("name", WORDS)
def test_an_array_in_place_of_an_option(name: str) -> None:
    for bad in (np.full((2, 2), 0.5), SCALAR, torch.full((3,), 0.5), np.array([object()])):
        with pytest.raises(ap.PoolingError):
            WORDS[name](bad)


def test_a_list_in_place_of_a_method() -> None:
    for bad in (["linear"], {"linear": 1}):
        with pytest.raises(ap.PoolingError, match="method"):
            ap.Quantile(0.5, bad)  # type: ignore[arg-type]


@pytest.mark.parametrize("make", [ap.Lp, ap.PowerMean, ap.LogSumExp, ap.LogMeanExp, ap.SoftPool])
@pytest.mark.parametrize("x", BOTH, ids=["numpy", "torch"])
def test_parameters_broadcast_over_windows(make: Any, x: Any) -> None:
    for bad in (SCALAR, np.array([object()]), np.datetime64("2020"), np.array([1j])):
        with pytest.raises(ap.PoolingError, match="number"):
            make(bad)
    for shape in ((2, 2), (8, 1), (2, 3, 8, 9), (1, 1, 1, 1, 1), (4, 1, 1)):
        with pytest.raises(ap.PoolingError, match="shape"):
            ap.pool(x, W, make(np.full(shape, 2.0) if isinstance(x, np.ndarray) else torch.full(shape, 2.0)))
    p: Any = np.array([2.0, 3.0, 4.0]).reshape(3, 1, 1)
    y = np.asarray(ap.pool(x, W, make(p if isinstance(x, np.ndarray) else torch.from_numpy(p))))
    for i in range(3):
        np.testing.assert_allclose(y[:, i], np.asarray(ap.pool(x[:, i], W, make(float(2 + i)))), rtol=1e-12)


def test_a_tensor_parameter_needs_a_tensor() -> None:
    for x, other in zip(BOTH, (torch.tensor(2.0), np.full(1, 2.0)), strict=True):
        with pytest.raises(ap.PoolingError, match="tensor"):
            ap.pool(x, W, ap.LogSumExp(other))


def test_ragged_ordinal_weights() -> None:
    with pytest.raises(ap.PoolingError, match="row"):
        ap.Ordinal([[1, 2], [3]])


@pytest.mark.parametrize("x", BOTH, ids=["numpy", "torch"])
@pytest.mark.parametrize("windows", [W, ap.groups(np.arange(72).reshape(8, 9) % 5), ap.pyramid([1, 2])], ids=repr)
def test_refused_weights(x: Any, windows: Any) -> None:
    bad: list[Any] = [{}, object(), SCALAR, np.array([object()]), np.datetime64("2020"), float("nan"), float("inf")]
    bad += [np.full((8, 9), np.nan), torch.full((8, 9), float("inf")), -1.0, torch.full((8, 9), -1.0)]
    for weights in bad:
        with pytest.raises(ap.PoolingError, match="weights"):
            ap.pool(x, windows, "softpool", axes=(2, 3), weights=weights)


@pytest.mark.parametrize("windows", [W, ap.groups(np.arange(72).reshape(8, 9) % 5), ap.pyramid([1, 2])], ids=repr)
@pytest.mark.parametrize("name", ["max", "median", "argmedian"])
def test_refused_out(windows: Any, name: str) -> None:
    for x in BOTH:
        for _ in range(2):  # the second call is one seen before
            want = ap.pool(x, windows, name, axes=(2, 3))
            other = np.int32 if isinstance(x, np.ndarray) else torch.int32
            made: list[Any] = [[1], None]
            if isinstance(want, np.ndarray):
                made = [np.empty(want.shape, other), np.empty((1, *want.shape), want.dtype), torch.empty(want.shape)]
                made += [np.broadcast_to(np.zeros(1, want.dtype), want.shape), [1]]
            else:
                made = [torch.empty(want.shape, dtype=other), torch.empty(1, *want.shape), np.empty(want.shape), [1]]
                made += [torch.zeros(1, dtype=want.dtype).expand(want.shape)]
            for out in made:
                with pytest.raises(ap.PoolingError, match="out"):
                    ap.pool(x, windows, name, axes=(2, 3), out=out)
