"""Taps of 0, of both signs, and of integers: what is there, what it weighs, and its type."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import anypool as ap

torch = pytest.importorskip("torch")
BACKENDS = [None, "reference"]


def both(x: np.ndarray) -> list[Any]:
    """The array, and a tensor of it where torch pools such elements."""
    return [x] if x.dtype.name in ("uint16", "uint32", "uint64") else [x, torch.from_numpy(x)]


def test_windows_whose_taps_are_all_0_are_empty() -> None:
    """As a mask that removes all elements: integers need `empty=`; sums are 0."""
    for taps in (np.zeros((2, 2)), (np.zeros(2), np.ones(2)), (np.zeros(2), np.zeros(2))):
        windows = ap.sliding((2, 2), taps=taps)
        for dtype in ("uint8", "int16", "int64"):
            for given in both(np.ones((4, 4), dtype)):
                for reduction in ("max", "min", "range", "mode", ap.Rank(0)):
                    with pytest.raises(ap.PoolingError, match="empty="):
                        ap.pool(given, windows, reduction)
                    assert bool((ap.pool(given, windows, reduction, empty=9) == 9).all())
                assert bool((ap.pool(given, windows, "sum") == 0).all())
                assert bool((ap.pool(given, windows, "argmax") == -1).all())
        for given in both(np.ones((4, 4))):
            assert bool((ap.pool(given, windows, "max") == -np.inf).all())
            assert bool((ap.pool(given, windows, "mean") != ap.pool(given, windows, "mean")).all())
            assert bool((ap.pool(given, windows, "mean", empty=5) == 5).all())


def test_taps_make_float64_of_integers() -> None:
    """In torch too, whose own rule is its default type, float32."""
    x = np.array([2**31 - 1, 2**31 - 3, 1, 2**30 + 1])
    for dtype in ("int32", "int64"):
        for taps in ([1.0, 1.0, 2.0], [0.5, 0.0, 1.0]):
            for more in ({}, {"weights": np.array([True, True, False, True])}):
                windows = ap.sliding((3,), 1, taps=taps)
                for reduction in ("sum", "mean"):
                    want = ap.pool(x.astype(dtype), windows, reduction, **more)
                    got = ap.pool(torch.from_numpy(x.astype(dtype)), windows, reduction, **more)
                    assert got.dtype is torch.float64
                    np.testing.assert_array_equal(got.numpy(), want)
                    held = [v * t for v, t, m in zip(x, taps, [1, 1, 0 if more else 1], strict=False) if m]
                    assert reduction == "mean" or want[0] == sum(held)


def test_windows_whose_taps_sum_to_0_are_not_empty() -> None:
    """A derivative's taps sum to 0, and so does the weight of its windows, which are not empty."""
    x = np.random.default_rng(0).standard_normal((9, 11))
    sobel = (np.array([1.0, 2.0, 1.0]), np.array([-1.0, 0.0, 1.0]))
    want = sum(a * b * x[i : i + 7, j : j + 9] for i, a in enumerate(sobel[0]) for j, b in enumerate(sobel[1]))
    windows = ap.sliding((3, 3), 1, taps=sobel)
    for backend in BACKENDS:
        for more in ({}, {"empty": 99}):
            np.testing.assert_allclose(ap.pool(x, windows, "sum", backend=backend, **more), want, atol=1e-12)
    t = torch.tensor(x, requires_grad=True)
    g = torch.randn(7, 9, dtype=torch.float64)
    (ap.pool(t, windows, "sum") * g).sum().backward()
    other = torch.tensor(x, requires_grad=True)
    kernel = torch.tensor(np.multiply.outer(*sobel))[None, None]
    (torch.nn.functional.conv2d(other[None, None], kernel)[0, 0] * g).sum().backward()
    torch.testing.assert_close(t.grad, other.grad)
    line = ap.sliding((2,), 1, taps=[-1.0, 1.0])
    got, said = (ap.pool(np.arange(4.0), line, "mean", empty=99, backend=b) for b in BACKENDS)
    np.testing.assert_array_equal(got, said)
    assert np.isinf(got).all()
