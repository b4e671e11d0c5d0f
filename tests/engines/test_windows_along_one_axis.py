"""Windows along one axis: disjoint, overlapping, long, and their gradients, against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import anypool as ap

FOLDS = {"sum": np.sum, "mean": np.mean, "max": np.max, "min": np.min}


def _windows(x: Any, k: int, stride: int) -> Any:
    return np.lib.stride_tricks.sliding_window_view(x, k, -1)[..., ::stride, :]


def _x(*shape: int, dtype: str = "float32") -> Any:
    random = np.random.default_rng(sum(shape))
    if np.dtype(dtype).kind in "iu":
        return random.integers(0, 100, shape).astype(dtype)
    return random.normal(size=shape).astype(dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8", "int16"])
@pytest.mark.parametrize("k", [2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 25, 32, 40, 48, 56, 64, 80, 96, 128, 160, 256])
def test_side_by_side(k: int, dtype: str) -> None:
    for many in (1, 2, 3, 7, 15, 16, 17, 33, 64, 65):
        x = _x(2, k * many + k // 3, dtype=dtype)
        for name, fold in FOLDS.items():
            want = fold(_windows(x.astype("float64"), k, k), -1)
            np.testing.assert_allclose(
                ap.pool(x, ap.sliding((k,), k), name), want, 1e-5, 1e-4, err_msg=f"{name} {many}"
            )


@pytest.mark.parametrize("n", [2000, 2048, 2049, 4103, 70_001])
@pytest.mark.parametrize("planes", [1, 3, 16, 64, 133])
def test_whole_rows(planes: int, n: int) -> None:
    x = _x(planes, n)
    for name, fold in FOLDS.items():
        want = fold(x.astype("float64"), 1, keepdims=True)
        np.testing.assert_allclose(ap.pool(x, ap.whole(), name, axes=(1,)), want, 1e-5, 2e-3, err_msg=name)
    np.testing.assert_array_equal(ap.pool(x, ap.whole(), "max", axes=(1,)), x.max(1, keepdims=True))
    x[planes // 2, n // 2] = np.nan
    spoiled = np.isnan(ap.pool(x, ap.whole(), "max", axes=(1,)))[:, 0]
    assert spoiled.nonzero()[0].tolist() == [planes // 2]


@pytest.mark.parametrize("k, stride", [(4, 2), (25, 10), (40, 16), (40, 40), (33, 32), (64, 40), (5, 7), (400, 160)])
def test_gradients_where_no_window_begins(k: int, stride: int) -> None:
    torch = pytest.importorskip("torch")
    functional = pytest.importorskip("anypool.nn.functional")
    for n in (k, k + stride - 1, 5 * k + 3, 2000):
        x = torch.tensor(_x(2, 3, n), requires_grad=True)
        y = functional.avg_pool1d(x, k, stride)
        g = torch.tensor(_x(*y.shape))
        (got,) = torch.autograd.grad(y, x, g)
        want = np.zeros((2, 3, n))
        for o in range(y.shape[-1]):
            want[..., o * stride : o * stride + k] += g[..., o, None].numpy() / k
        np.testing.assert_allclose(got, want, 1e-5, 1e-6, err_msg=str(n))


@pytest.mark.parametrize("dtype", ["float32", "uint8", "uint16", "int32"])
def test_moving_medians(dtype: str) -> None:
    """Every length to 33, and longer ones with and without a network of their own."""
    x = _x(2, 700, dtype=dtype)
    if dtype == "float32":
        x = np.round(x, 1)
    for k in (*range(2, 34), 41, 45, 51, 61, 81, 101, 103, 201):
        got = ap.pool(x, ap.sliding((k,), 1), "median")
        np.testing.assert_array_equal(got, np.median(_windows(x, k, 1), -1).astype(got.dtype), str(k))
