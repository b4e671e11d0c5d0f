"""The k largest in their order, and the mode: masks, NaN, weights, ties, an ignored value."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from backends import agrees
from rounded import axes_of, per_window, tied, tied_with_ends

import anypool as ap


def test_the_k_largest_keep_their_order() -> None:
    x = tied((3, 9), "float64")
    got = ap.pool(x, ap.sliding((4,), 2), ap.KMax(2))
    for row, o in itertools.product(range(3), range(3)):
        window = x[row, 2 * o : 2 * o + 4]
        keep = np.sort(np.argsort(-window, kind="stable")[:2])
        np.testing.assert_array_equal(got[row, o], window[keep])
    np.testing.assert_array_equal(torch.as_tensor(got), ap.pool(torch.as_tensor(x), ap.sliding((4,), 2), ap.KMax(2)))
    ragged = ap.pool(np.array([5, 7, 9]), ap.segments([0, 1, 3]), ap.KMax(2), axes=0, empty=-1)
    np.testing.assert_array_equal(ragged, [[5, -1], [7, 9]])
    with pytest.raises(ap.PoolingError, match="empty="):
        ap.pool(np.array([5, 7, 9]), ap.segments([0, 1, 3]), ap.KMax(2), axes=0)
    assert ap.KMax.dynamic(4, 3, 3, 20) == ap.KMax(4)


@pytest.mark.parametrize("backend", [None, "reference"])
def test_the_k_largest_keep_their_order_beside_absent_equals(backend: str | None) -> None:
    """What is absent sorts behind NaN and the largest integer, which it is laid as."""
    x, mask = np.array([0, math.nan, 3, math.nan, 0, 1]), np.array([0, 1, 1, 0, 0, 1], bool)
    got = ap.pool(x, ap.whole(), ap.KMax(2), axes=0, weights=mask, backend=backend)
    np.testing.assert_array_equal(got.reshape(-1), [math.nan, 3])


def kept(v: np.ndarray, k: int) -> np.ndarray:
    """The k largest where they lie; of those that tie, the first; a NaN is the largest."""
    rank = sorted(range(len(v)), key=lambda i: (bool(v[i] != v[i]), 0 if v[i] != v[i] else v[i]), reverse=True)
    return v[sorted(rank[:k])]


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "uint8", "int64"])
def test_the_k_largest_of_every_type(dtype: str) -> None:
    x = tied_with_ends((2, 7, 8), dtype, 2)
    if x.dtype.kind == "f":
        x[0, 2, 3] = x[1, 4, 4] = np.nan
    views = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(1, 2))[:, ::2, ::1].reshape(2, 3, 6, 9)
    want = np.stack([kept(v, 4) for v in views.reshape(-1, 9)]).reshape(2, 3, 6, 4)
    got = ap.pool(x, ap.sliding((3, 3), (2, 1)), ap.KMax(4))
    assert got.dtype == x.dtype and np.array_equal(got, want, equal_nan=x.dtype.kind == "f")
    if dtype not in ("uint8",):
        again = ap.pool(torch.tensor(x), ap.sliding((3, 3), (2, 1)), ap.KMax(4))
        assert np.array_equal(again.numpy(), got, equal_nan=x.dtype.kind == "f")


def test_the_k_largest_of_large_windows_with_masks_and_nan() -> None:
    x = tied_with_ends((3, 1700), "float32", 0)
    x[:, ::7] = np.nan
    mask = np.random.default_rng(0).random(x.shape) < 0.7
    windows = ap.sliding((1300,), 200)
    got = ap.pool(x, windows, ap.KMax(3), weights=mask, nan="omit", axes=1)
    for row, o in np.ndindex(*got.shape[:2]):
        cut = slice(o * 200, o * 200 + 1300)
        v = x[row, cut][mask[row, cut] & ~np.isnan(x[row, cut])]
        assert np.array_equal(got[row, o], kept(v, 3))


def test_ties_of_the_mode_and_an_ignored_value() -> None:
    x = np.array([3, 2, 2, 3, 0, 0, 0, 5, 0, 0, 0, 0], np.uint8)
    np.testing.assert_array_equal(ap.pool(x, ap.sliding((4,)), "mode"), [2, 0, 0])
    np.testing.assert_array_equal(ap.pool(x, ap.sliding((4,)), ap.Mode(ignore=0)), [2, 5, 0])


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint32", "int64"])
def test_the_mode_is_the_references(dtype: str) -> None:
    x = np.random.default_rng(0).integers(0, 4, (40, 70)).astype(dtype)
    for windows in (ap.sliding((2, 2)), ap.sliding((3, 3), 1), ap.sliding((4, 3), 2)):
        agrees(x, windows, "mode")
    agrees(x.reshape(4, 10, 70), ap.sliding((2, 2, 2)), "mode")


def test_the_mode_of_floats_weights_and_an_ignored_value() -> None:
    x = tied_with_ends((9, 10), "float32", 3)
    w = np.random.default_rng(3).integers(0, 3, x.shape)
    w[4:] += 1

    def vote(v: np.ndarray, m: np.ndarray) -> float:
        values = np.unique(v[m > 0])
        return values[np.argmax([m[v == u].sum() for u in values])]

    rows = slice(1, None)  # windows of the first row may hold nothing
    want = per_window(x, w, axes_of(x, 5), vote)
    assert np.array_equal(ap.pool(x, ap.sliding((5, 5), 1), "mode", weights=w)[rows], want.astype(np.float32)[rows])
    labels = (np.abs(x.clip(-3, 3)) * 2).astype(np.uint8)
    want = per_window(
        labels, w, axes_of(x), lambda v, m: vote(v[v > 0], np.ones((v > 0).sum())) if (v > 0).any() else 0
    )
    assert np.array_equal(ap.pool(labels, ap.sliding((3, 3), 1), ap.Mode(ignore=0)), want.astype(np.uint8))
    x[3, 3] = np.nan
    spoiled = np.isnan(ap.pool(x, ap.sliding((3, 3), 1), "mode"))
    assert spoiled[1:4, 1:4].all() and spoiled.sum() == 9


@pytest.mark.parametrize("dtype", ["uint8", "bool"])
def test_the_mode_of_areas_at_the_ends_of_a_type(dtype: str) -> None:
    """The mode weighted by area: elements outside the window have weight 0 and are not selected."""
    random = np.random.default_rng(6)
    x = random.integers(0, 2, (12, 20)).astype(dtype) * (255 if dtype == "uint8" else 1)
    x = x.astype(dtype)
    windows = ap.sliding((1.57, 2.28), 1.75)
    above = ap.pool((x != 0).astype("float64"), windows, "sum")
    below = ap.pool((x == 0).astype("float64"), windows, "sum")
    clear = np.abs(above - below) > 1e-9
    for backend in (None, "reference"):
        got = ap.pool(x, windows, "mode", backend=backend)
        np.testing.assert_array_equal((got != 0)[clear], (above > below)[clear])
