"""Ranks, top-k means and the k largest by real weights repeat elements; places of weighted quantiles."""

from __future__ import annotations

import numpy as np
from weighted_by_hand import BACKENDS, both

import anypool as ap


def test_ranks_and_the_k_largest_repeat_elements() -> None:
    random = np.random.default_rng(9)
    for _ in range(20):
        x, w = random.normal(size=5).round(1), random.integers(0, 4, 5)
        many = np.repeat(x, w)
        if len(many) < 3:
            continue
        for k in (0, 2, -1, -3):
            for got in both(x, ap.whole(), ap.Rank(k), w * 1.0, axes=0):
                assert got == np.sort(many)[k]
        at = np.repeat(np.arange(5), w)
        kept = np.sort(np.lexsort((at, -many))[:3])
        for got in both(x, ap.whole(), ap.KMax(3), w * 1.0, axes=0):
            np.testing.assert_array_equal(got, [many[kept]])
        for got in both(x, ap.whole(), ap.Place(ap.KMax(3)), w * 1.0, axes=0):
            np.testing.assert_array_equal(got, [at[kept]])
        for got in both(x, ap.whole(), ap.TopKMean(3), w * 1.0, axes=0):
            np.testing.assert_allclose(got, [np.sort(many)[-3:].mean()])
    x, w = np.array([3.0, 1.0, 2.0]), np.full(3, 0.25)  # three quarters of one element
    for order, want in ((ap.Rank(0), 1.0), (ap.Rank(-1), 3.0), (ap.Rank(1), np.nan), (ap.Rank(-2), np.nan)):
        for got in both(x, ap.whole(), order, w, axes=0):
            np.testing.assert_array_equal(got, [want])
    for got in both(x, ap.whole(), ap.KMax(2), w, axes=0):
        np.testing.assert_array_equal(got, [[3.0, np.nan]])


def test_the_element_there_is_the_answer() -> None:
    random = np.random.default_rng(10)
    x, w = random.integers(0, 9, (4, 30)).astype(float), random.random((4, 30))
    for method in ("inverted_cdf", "closest_observation", "lower", "higher", "nearest"):
        order = ap.Quantile(0.3, method)
        for backend in BACKENDS:
            y, at = ap.pool(x, ap.sliding((7,), 2), (order, ap.Place(order)), axes=1, weights=w, backend=backend)
            np.testing.assert_array_equal(np.take_along_axis(x, at, 1), y)
