"""Weights and taps repeat elements: integer and real weights, ranks, tables, limits of a type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from backends import gradients_agree, needs_core
from order_cases import ORDERS
from rounded import axes_of, per_window, tied_with_ends
from weighted_by_hand import both

import anypool as ap

DTYPES = ["float32", "float64", "float16", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"]
TABLE = np.array([[1, 0, 2, 1], [3, 1, 1, 0], [0, 2, 1, 1]])
REPEATED = [
    *("median", "lower median", "higher median", "smallest", "largest", "inverted quantile 0.3"),
    *("mean of the 2 largest", "ordinal", "range", "mode"),  # a linear quantile has no scale
]
ENDS = {"uint8": (0, 255), "bool": (False, True), "int16": (-32768, 32767), "float32": (-np.inf, np.inf)}


@pytest.mark.parametrize("name", REPEATED)  # these have no scale
def test_integer_weights_repeat_elements(name: str) -> None:
    order, oracle = ORDERS[name].order, ORDERS[name].formula
    random = np.random.default_rng(3)
    for _ in range(20):
        x, times = random.normal(size=5).round(1), random.integers(0, 4, 5)
        if times.sum() == 0:
            continue
        want = oracle(np.repeat(x, times))
        for weights in (times, times.astype(np.float64)):
            got = ap.pool(x, ap.whole(), order, axes=0, weights=weights)
            np.testing.assert_allclose(got, [want], atol=1e-12)
            twin = ap.pool(torch.as_tensor(x), ap.whole(), order, axes=0, weights=torch.as_tensor(weights))
            np.testing.assert_allclose(twin.numpy(), [want], atol=1e-12)


@pytest.mark.parametrize("dtype", DTYPES)
def test_whole_weights_of_every_type(dtype: str) -> None:
    for seed, (size, stride, pad, step) in enumerate(
        [(3, 1, 0, 1), (3, 2, 1, 1), (2, 2, 0, 1), (4, 1, 2, 2), (7, 3, 3, 1)]
    ):
        x = tied_with_ends((2, 9, 12), dtype, seed)
        w = np.random.default_rng(seed).integers(1, 4, x.shape)
        windows, axes = ap.sliding((size, size), stride, pad, step), axes_of(x, size, stride, pad, step)
        for q, method in (
            (0.5, "inverted_cdf"),
            (0.25, "inverted_cdf"),
            (0.7, "inverted_cdf"),
            (1.0, "lower"),
            (0.0, "higher"),
        ):
            want = per_window(x, w, axes, lambda v, m, q=q, how=method: np.quantile(np.repeat(v, m), q, method=how))
            got = ap.pool(x, windows, ap.Quantile(q, method), weights=w)
            assert got.dtype == x.dtype and np.array_equal(got, want.astype(dtype))
        want = per_window(x, w, axes, lambda v, m: np.sort(np.repeat(v, m))[m.sum() // 2])
        assert np.array_equal(ap.pool(x, windows, ap.Median("higher"), weights=w), want.astype(dtype))


def test_weights_have_no_scale() -> None:
    x, w = np.array([4.0, 1.0, 3.0]), np.array([0.2, 0.7, 0.1])
    want = ap.pool(x, ap.whole(), ap.Quantile(0.5), axes=0, weights=w)
    for scale in (1.0, 0.01, 50.0):
        assert ap.pool(x, ap.whole(), "median", axes=0, weights=w * scale) == 1.0
        np.testing.assert_allclose(ap.pool(x, ap.whole(), ap.Quantile(0.5), axes=0, weights=w * scale), want)


def test_real_weights_are_spanned_by_ranks() -> None:
    x, w = tied_with_ends((8, 9), "float64", 1), np.random.default_rng(1).random((8, 9)) * 3
    w[w < 0.5] = 0

    def spanned(v: np.ndarray, m: np.ndarray, target: Callable[[float], float]) -> float:
        at = np.argsort(v, kind="stable")
        v, m = v[at][m[at] > 0], m[at][m[at] > 0]
        return v[np.searchsorted(np.cumsum(m), target(m.sum()), side="right").clip(0, len(v) - 1)] if len(v) else np.nan

    for order, target in (
        (ap.Median("higher"), lambda n: n / 2),
        (ap.Quantile(0.3, "inverted_cdf"), lambda n: n * 0.3),
        (ap.Rank(1), lambda n: 1 if n > 1 else np.inf),
    ):
        want = per_window(x, w, axes_of(x), lambda v, m, t=target: spanned(v, m, t)).astype(float)
        assert np.array_equal(ap.pool(x, ap.sliding((3, 3), 1), order, weights=w), want, equal_nan=True)
        assert np.array_equal(
            ap.pool(torch.tensor(x), ap.sliding((3, 3), 1), order, weights=torch.tensor(w)).numpy(),
            want,
            equal_nan=True,
        )


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


@pytest.mark.parametrize("backend", [None, "reference"])
@pytest.mark.parametrize("dtype", ENDS)
def test_weights_of_the_least_and_the_greatest_value(dtype: str, backend: str | None) -> None:
    """The mode and the weighted median by a dictionary; some elements have weight 0."""
    random = np.random.default_rng(5)
    low, high = ENDS[dtype]
    for _ in range(40):
        x = np.where(random.random((2, 9)) < 0.5, high, low).astype(dtype)
        masses = random.integers(0, 3, x.shape).astype("float64") * random.choice([1.0, 0.5])
        masses[:, ::4] = 1
        windows = ap.sliding((4,), 1)
        got = {n: ap.pool(x, windows, n, weights=masses, backend=backend) for n in ("mode", "median")}
        for row in range(2):
            for o in range(6):
                v, m = x[row, o : o + 4], masses[row, o : o + 4]
                heavy = {k: m[v == k].sum() for k in (low, high)}
                assert got["mode"][row, o] == (low if heavy[low] >= heavy[high] and heavy[low] else high)
                if heavy[low] != heavy[high]:
                    assert got["median"][row, o] == max(heavy, key=lambda k: heavy[k])


def test_taps_are_weights_and_borders_are_elements() -> None:
    x, taps = tied_with_ends((6, 7), "float64", 1), (np.array([1.0, 2.0, 1.0]), np.array([2.0, 1.0, 2.0]))
    got = ap.pool(x, ap.sliding((3, 3), 1, 1, border=2.5, taps=taps), ap.Median("higher"))
    padded = np.pad(x, 1, constant_values=2.5)
    views = np.lib.stride_tricks.sliding_window_view(padded, (3, 3)).reshape(-1, 9)
    repeats = np.outer(*taps).reshape(-1).astype(int)
    want = [np.sort(np.repeat(v, repeats))[repeats.sum() // 2] for v in views]
    assert np.array_equal(got.reshape(-1), want)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int16", "uint8"])
@pytest.mark.parametrize("border", ["absent", "reflect", "circular", 3.0])
def test_a_table_of_whole_taps_repeats_elements(border: Any, dtype: str) -> None:
    x = np.random.default_rng(0).integers(0, 50, (2, 9, 11)).astype(dtype)
    pads = ((0, 0), (1, 2), (2, 1))
    mode: dict[str, Any] = {"reflect": {"mode": "reflect"}, "circular": {"mode": "wrap"}}.get(
        border, {"constant_values": -1 if border == "absent" else border}
    )
    z = np.pad(x.astype(float), pads, **mode)
    seen = np.lib.stride_tricks.sliding_window_view(z, (3, 4), (1, 2))[:, ::2]
    here = np.broadcast_to(TABLE, seen.shape) * (seen >= 0 if border == "absent" else 1)
    want: dict[str, Any] = {"lower": np.zeros(seen.shape[:3]), "middle": np.zeros(seen.shape[:3])}
    for at in np.ndindex(*seen.shape[:3]):
        held = np.repeat(seen[at].reshape(-1), here[at].reshape(-1))
        want["lower"][at], want["middle"][at] = np.quantile(held, 0.3, method="inverted_cdf"), np.median(held)
    windows = ap.sliding((3, 4), (2, 1), pads[1:], border=border, taps=TABLE)
    assert np.array_equal(ap.pool(x, windows, ap.Quantile(0.3, "inverted_cdf")), want["lower"].astype(dtype))
    np.testing.assert_allclose(ap.pool(x, windows, "median"), want["middle"], rtol=1e-6)


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("order", [ap.Median(), ap.Quantile(0.3), ap.TrimmedMean(0.1, 0.2), ap.Mode(), ap.Rank(1)], ids=repr)  # fmt: skip
def test_a_table_of_real_taps_is_the_references(order: ap.Order, masked: bool, rank: int) -> None:
    """Values and gradients."""
    random = np.random.default_rng(rank)
    x = torch.tensor(random.normal(size=(2, *[7] * rank)))
    taps = random.random([2, 3, 2][:rank]) + 0.1
    weights = torch.tensor(random.random(x.shape)) if masked else None
    windows = ap.sliding([2, 3, 2][:rank], 1, 1, taps=taps if rank > 1 else (taps,))
    gradients_agree(x, windows, order, 1e-10, weights)


@needs_core
def test_tables_of_taps_are_compiled() -> None:
    assert ap.explain(np.ones((8, 9)), ap.sliding((3, 4), taps=TABLE), "median").backend == "cpu"


def test_explain_names_the_engine_and_views_are_read_where_they_lie() -> None:
    x = np.random.default_rng(0).normal(size=(6, 20, 22)).astype(np.float32)
    w = np.random.default_rng(1).random((20, 22))
    said = ap.explain(x, ap.sliding((3, 3)), "median", weights=w)
    assert said.backend == "cpu" and "sorted across lanes" in said.engine
    plain = ap.pool(x, ap.sliding((3, 3)), ap.KMax(2))
    for view in (x[:, ::-1, ::-1], x.transpose(2, 0, 1)[::2], np.broadcast_to(x[:1], (4, 20, 22))):
        assert np.array_equal(
            ap.pool(view, ap.sliding((3, 3)), ap.KMax(2)), ap.pool(view.copy(), ap.sliding((3, 3)), ap.KMax(2))
        )
    last = torch.tensor(x)[None].contiguous(memory_format=torch.channels_last)
    made = ap.pool(last, ap.sliding((3, 3)), ap.KMax(2))
    assert np.array_equal(made[0].numpy(), plain)
