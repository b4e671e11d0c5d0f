"""Weighted quantiles against exact fractions: the scale has no effect; a weight of 0 is absence."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from weighted_by_hand import BACKENDS, both, exact, middle, trimmed

import anypool as ap
from anypool.order_statistics import METHODS

SCALES = [1.0, 0.1, 1 / 3, 0.3, 7.0, 1e-5, math.pi * 1e30, 1e300, 1e-300, 3e-310]
QS = [0.0, 0.1, 0.25, 0.3, 0.5, 0.625, 0.75, 0.9, 1.0]

ORACLES: dict[str, tuple[ap.Order, Callable[[Any, Any], float]]] = {
    **{f"median {e}": (ap.Median(e), lambda v, w, e=e: middle(v, w, e)) for e in ("mean", "lower", "higher")},
    "trimmed": (ap.TrimmedMean(0.2, 0.3), lambda v, w: trimmed(v, w, 0.2, 0.3)),
    "range": (ap.Range(), lambda v, w: exact(v, w, 1.0, "linear") - exact(v, w, 0.0, "linear")),
    "interquartile": (
        ap.Range(0.25, 0.75),
        lambda v, w: exact(v, w, 0.75, "linear") - exact(v, w, 0.25, "linear"),
    ),
    **{
        f"{method} {q}": (ap.Quantile(q, method), lambda v, w, q=q, m=method: exact(v, w, q, m))
        for method in METHODS
        for q in QS
    },
}


def drawn(seed: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    return random.normal(size=size).round(1), random.integers(0, 5, size) * random.integers(0, 2, size)


@pytest.mark.parametrize("name", ORACLES)
def test_exact_fractions_at_every_scale(name: str) -> None:
    order, oracle = ORACLES[name]
    for seed in range(3):
        x, w = drawn(seed, 40)
        want = np.array([oracle(x[o : o + 5], w[o : o + 5]) for o in range(0, 36, 2)])
        rows, scaled = np.tile(x, (len(SCALES), 1)), w * np.array(SCALES)[:, None]
        for got in both(rows, ap.sliding((5,), 2), order, scaled, axes=1)[:: 1 if seed else 3]:
            np.testing.assert_allclose(got, np.broadcast_to(want, got.shape), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", ["median mean", "linear 0.3", "hazen 0.75", "averaged_inverted_cdf 0.25", "trimmed"])
def test_every_window_kind(name: str) -> None:
    order, oracle = ORACLES[name]
    random = np.random.default_rng(3)
    x, w = random.normal(size=(2, 40)).round(1), random.integers(0, 4, 40)
    label = random.integers(0, 5, 40)
    cuts = [0, 3, 3, 20, 40]
    for c in (0.1, 3.0):
        for got in both(x, ap.groups(label), order, w * c, axes=1):
            want = [[oracle(r[label == k], w[label == k]) for k in range(5)] for r in x]
            np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)
        for got in both(x, ap.segments(cuts), order, w * c, axes=1):
            want = [[oracle(r[a:b], w[a:b]) for a, b in itertools.pairwise(cuts)] for r in x]
            np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)
        plane, mass = x.reshape(1, 1, 8, 10), w.reshape(1, 1, 5, 8)[..., :1] + np.zeros((1, 1, 1, 10), int)
        mass = np.concatenate([mass, mass[:, :, :3]], 2)
        for got in both(plane, ap.boxes([[0, 1.0, 2.0, 6.0, 7.0]], (1, 1), reading="quantised"), order, mass * c):
            v, m = plane[0, 0, 2:8, 1:7].reshape(-1), mass[0, 0, 2:8, 1:7].reshape(-1)
            np.testing.assert_allclose(got.reshape(-1), [oracle(v, m)], rtol=1e-12, atol=1e-12)
    taps = np.array([1, 2, 1, 3])
    for c in (0.1, 1 / 3, 2.0):
        for got in (
            ap.pool(x, ap.sliding((4,), 1, taps=taps * c), order, axes=1, backend=backend) for backend in BACKENDS
        ):
            want = [[oracle(r[o : o + 4], taps) for o in range(37)] for r in x]
            np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", ORACLES)
def test_equal_weights_equal_no_weights(name: str) -> None:
    order, _ = ORACLES[name]
    random = np.random.default_rng(4)
    for dtype, size in (("float64", 4), ("float32", 7), ("int32", 3)):
        x = (random.normal(size=50) * 9).round(1).astype(dtype)
        want = ap.pool(x, ap.sliding((size,)), order)
        rows, equal = np.tile(x, (len(SCALES), 1)), np.array(SCALES)[:, None]
        for got in both(rows, ap.sliding((size,)), order, equal, axes=1):
            if name == "trimmed":  # sums may be joined in another order
                np.testing.assert_allclose(
                    got, np.broadcast_to(want, got.shape), rtol=1e-6 if dtype == "float32" else 1e-14
                )
            else:
                np.testing.assert_array_equal(got, np.broadcast_to(want, got.shape))


def test_equal_weights_of_every_size_of_window() -> None:
    """The rank that rounding of n·q gives is that of no weights too."""
    random = np.random.default_rng(5)
    for n in (10, 50, 100, 143):
        x = random.permutation(n).astype(float)
        for q in (0.07, 0.14, 0.29, 0.57):
            for method in METHODS:
                want = ap.pool(x, ap.whole(), ap.Quantile(q, method), axes=0)
                got = ap.pool(x, ap.whole(), ap.Quantile(q, method), axes=0, weights=np.full(n, 1 / 3))
                assert np.array_equal(got, want), (n, q, method)
            want = ap.pool(x, ap.whole(), ap.TrimmedMean(q / 2, 0.29), axes=0)
            got = ap.pool(x, ap.whole(), ap.TrimmedMean(q / 2, 0.29), axes=0, weights=np.full(n, 0.1))
            np.testing.assert_allclose(got, want, rtol=1e-14)


def test_real_weights_are_numpys() -> None:
    random = np.random.default_rng(6)
    x, w = random.normal(size=(400, 9)), random.random((400, 9))
    for q in (0.02, 0.3, 0.5, 0.77, 0.99):
        want = np.array([np.quantile(v, q, weights=m, method="inverted_cdf") for v, m in zip(x, w, strict=True)])
        for order in (ap.Quantile(q, "inverted_cdf"), ap.Quantile(q, "averaged_inverted_cdf")):
            for got in both(x, ap.whole(), order, w, axes=1):
                np.testing.assert_array_equal(got[:, 0], want)
    want = np.array([np.quantile(v, 0.5, weights=m, method="inverted_cdf") for v, m in zip(x, w, strict=True)])
    for even in ("mean", "lower", "higher"):
        for got in both(x, ap.whole(), ap.Median(even), w, axes=1):
            np.testing.assert_array_equal(got[:, 0], want)


def test_whole_weights_repeat_elements() -> None:
    random = np.random.default_rng(7)
    for _ in range(60):
        x, w = random.normal(size=6).round(1), random.integers(0, 9, 6)
        if not w.any():
            continue
        many = np.repeat(x, w)
        for q in (0.0, 0.25, 0.5, 0.75, 1.0):
            for method in ("inverted_cdf", "averaged_inverted_cdf"):
                got = ap.pool(x, ap.whole(), ap.Quantile(q, method), axes=0, weights=w)
                np.testing.assert_allclose(got, [np.quantile(many, q, method=method)], rtol=1e-14, atol=1e-15)
        assert ap.pool(x, ap.whole(), "median", axes=0, weights=w) == np.median(many)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
def test_weights_of_every_type_meet_halves(dtype: torch.dtype) -> None:
    """Of weights 1, 2 and 3, scaled and rounded to their type, the halves still meet."""
    x = torch.tensor([5.0, 1.0, 3.0], dtype=torch.float64)
    for c in (1.0, 0.1, 0.3, 1 / 3, 0.7, 1.1):
        w = (torch.tensor([3.0, 1.0, 2.0], dtype=torch.float64) * c).to(dtype)
        for backend in BACKENDS:
            assert ap.pool(x, ap.whole(), "median", axes=0, weights=w, backend=backend).item() == 4.0


def test_a_light_element_between_heavy_ones_counts() -> None:
    x = np.array([1.0, 2.0, 3.0])
    for dtype in ("float32", "float64"):
        for w in ([1, 1e-9, 1], [4e9, 1, 4e9], [1, 1e-14, 1]):
            weights = np.array(w, dtype)
            assert ap.pool(x, ap.whole(), "median", axes=0, weights=weights) == 2.0


@pytest.mark.parametrize("name", ORACLES)
def test_weight_0_deletes_an_element(name: str) -> None:
    order, _ = ORACLES[name]
    x, w = np.array([2.0, np.nan, 1.0, np.inf, 7.0, -np.inf, 4.0]), np.array([0.5, 0, 0.25, 0, 1.0, 0, 0.75])
    alone = ap.pool(x[w > 0], ap.whole(), order, axes=0, weights=w[w > 0])
    assert np.isfinite(alone).all()
    for got in both(x, ap.whole(), order, w, axes=0):
        np.testing.assert_array_equal(got, alone)
    assert all(np.isnan(got).all() for got in both(x, ap.whole(), order, w * 0, axes=0))


@pytest.mark.parametrize("method", METHODS)
def test_powers_of_two_change_no_bit(method: str) -> None:
    random = np.random.default_rng(8)
    x, w = random.normal(size=(50, 9)), random.random((50, 9))
    for order in (ap.Quantile(0.3, method), ap.TrimmedMean(0.2, 0.3), ap.Quantile(0.4, smooth=0.5)):
        want = ap.pool(x, ap.whole(), order, axes=1, weights=w)
        for power in (-1000, -40, -1, 3, 900):
            for got in both(x, ap.whole(), order, np.ldexp(w, power), axes=1)[:1]:
                np.testing.assert_array_equal(got, want)


def test_an_infinity_beside_the_quantile_is_no_part() -> None:
    x = np.array([-np.inf, 1.0, 2.0, 3.0, np.inf])
    for c in (1.0, 0.1, 0.7):
        w = np.array([2.0, 1, 2, 1, 2]) * c
        for order in (ap.Quantile(0.5), ap.Quantile(0.4, "hazen"), ap.TrimmedMean(0.45, 0.45)):
            for got in both(x, ap.whole(), order, w, axes=0):
                assert np.isfinite(got).all(), order
