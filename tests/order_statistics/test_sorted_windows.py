"""Windows that the core sorts whole (masses, k-max, votes, learned ranks) against explicit windows and NumPy's sort."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from explicit import brute, positions

import anypool as ap
from anypool.backends import orders_sorted

DTYPES = ["float32", "float64", "float16", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"]


def numbers(shape: tuple[int, ...], dtype: str, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        x = random.normal(size=shape).round(1).astype(dtype)
        x.reshape(-1)[::17] = [-0.0, 0.0, np.inf, -np.inf, 5e-324 if dtype == "float64" else 1e-7][seed % 5]
        return x
    limits = np.iinfo(dtype)
    x = random.integers(0, 6, shape).astype(dtype)
    x.reshape(-1)[::13], x.reshape(-1)[::11] = limits.max, limits.min
    return x


def alike(x: np.ndarray, size: int = 3, stride: int = 1, pad: int = 0, step: int = 1) -> list[list[list[int]]]:
    return [positions(n, size, stride, pad, pad, step, False) for n in x.shape[-2:]]


def per_window(x: np.ndarray, w: np.ndarray, axes: list[list[list[int]]], f: Callable[..., float]) -> np.ndarray:
    """f(elements, weights) over every window: the elements travel as positions."""
    flat = np.arange(x.size).reshape(x.shape)
    return brute(flat, axes, lambda at: f(x.reshape(-1)[at], w.reshape(-1)[at]))


@pytest.mark.parametrize("dtype", DTYPES)
def test_whole_weights_repeat_elements(dtype: str) -> None:
    for seed, (size, stride, pad, step) in enumerate(
        [(3, 1, 0, 1), (3, 2, 1, 1), (2, 2, 0, 1), (4, 1, 2, 2), (7, 3, 3, 1)]
    ):
        x = numbers((2, 9, 12), dtype, seed)
        w = np.random.default_rng(seed).integers(1, 4, x.shape)
        windows, axes = ap.sliding((size, size), stride, pad, step), alike(x, size, stride, pad, step)
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


def test_masses_of_any_size_are_spanned_by_ranks() -> None:
    x, w = numbers((8, 9), "float64", 1), np.random.default_rng(1).random((8, 9)) * 3
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
        want = per_window(x, w, alike(x), lambda v, m, t=target: spanned(v, m, t)).astype(float)
        assert np.array_equal(ap.pool(x, ap.sliding((3, 3), 1), order, weights=w), want, equal_nan=True)
        assert np.array_equal(
            ap.pool(torch.tensor(x), ap.sliding((3, 3), 1), order, weights=torch.tensor(w)).numpy(),
            want,
            equal_nan=True,
        )


def kept(v: np.ndarray, k: int) -> np.ndarray:
    """The k largest where they lie; of those that tie, the first; a NaN is the largest."""
    rank = sorted(range(len(v)), key=lambda i: (bool(v[i] != v[i]), 0 if v[i] != v[i] else v[i]), reverse=True)
    return v[sorted(rank[:k])]


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "uint8", "int64"])
def test_the_k_largest_in_their_order(dtype: str) -> None:
    x = numbers((2, 7, 8), dtype, 2)
    if x.dtype.kind == "f":
        x[0, 2, 3] = x[1, 4, 4] = np.nan
    views = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(1, 2))[:, ::2, ::1].reshape(2, 3, 6, 9)
    want = np.stack([kept(v, 4) for v in views.reshape(-1, 9)]).reshape(2, 3, 6, 4)
    got = ap.pool(x, ap.sliding((3, 3), (2, 1)), ap.KMax(4))
    assert got.dtype == x.dtype and np.array_equal(got, want, equal_nan=x.dtype.kind == "f")
    if dtype not in ("uint8",):
        again = ap.pool(torch.tensor(x), ap.sliding((3, 3), (2, 1)), ap.KMax(4))
        assert np.array_equal(again.numpy(), got, equal_nan=x.dtype.kind == "f")


def test_votes_of_floats_weights_and_background() -> None:
    x = numbers((9, 10), "float32", 3)
    w = np.random.default_rng(3).integers(0, 3, x.shape)
    w[4:] += 1

    def vote(v: np.ndarray, m: np.ndarray) -> float:
        values = np.unique(v[m > 0])
        return values[np.argmax([m[v == u].sum() for u in values])]

    rows = slice(1, None)  # windows of the first row may hold nothing
    want = per_window(x, w, alike(x, 5), vote)
    assert np.array_equal(ap.pool(x, ap.sliding((5, 5), 1), "mode", weights=w)[rows], want.astype(np.float32)[rows])
    labels = (np.abs(x.clip(-3, 3)) * 2).astype(np.uint8)
    want = per_window(labels, w, alike(x), lambda v, m: vote(v[v > 0], np.ones((v > 0).sum())) if (v > 0).any() else 0)
    assert np.array_equal(ap.pool(labels, ap.sliding((3, 3), 1), ap.Mode(ignore=0)), want.astype(np.uint8))
    x[3, 3] = np.nan
    spoiled = np.isnan(ap.pool(x, ap.sliding((3, 3), 1), "mode"))
    assert spoiled[1:4, 1:4].all() and spoiled.sum() == 9


def test_large_windows_masks_and_nan_left_out() -> None:
    x = numbers((3, 1700), "float32", 0)
    x[:, ::7] = np.nan
    mask = np.random.default_rng(0).random(x.shape) < 0.7
    windows = ap.sliding((1300,), 200)
    got = ap.pool(x, windows, ap.KMax(3), weights=mask, nan="omit", axes=1)
    for row, o in np.ndindex(*got.shape[:2]):
        cut = slice(o * 200, o * 200 + 1300)
        v = x[row, cut][mask[row, cut] & ~np.isnan(x[row, cut])]
        assert np.array_equal(got[row, o], kept(v, 3))


def test_taps_are_masses_and_borders_are_elements() -> None:
    x, taps = numbers((6, 7), "float64", 1), (np.array([1.0, 2.0, 1.0]), np.array([2.0, 1.0, 2.0]))
    got = ap.pool(x, ap.sliding((3, 3), 1, 1, border=2.5, taps=taps), ap.Median("higher"))
    padded = np.pad(x, 1, constant_values=2.5)
    views = np.lib.stride_tricks.sliding_window_view(padded, (3, 3)).reshape(-1, 9)
    repeats = np.outer(*taps).reshape(-1).astype(int)
    want = [np.sort(np.repeat(v, repeats))[repeats.sum() // 2] for v in views]
    assert np.array_equal(got.reshape(-1), want)


SHARES = [
    (ap.TrimmedMean(0.2, 0.3), lambda n: np.r_[np.zeros(int(0.2 * n)), np.ones(n - int(0.2 * n) - int(0.3 * n)), np.zeros(int(0.3 * n))] / (n - int(0.2 * n) - int(0.3 * n))),
    (ap.TopKMean(3), lambda n: np.r_[np.zeros(n - min(n, 3)), np.ones(min(n, 3))] / min(n, 3)),
    (ap.Ordinal(np.linspace(1, 0, 12) ** 2), lambda n: (np.linspace(1, 0, 12) ** 2)[:n][::-1]),
]  # fmt: skip


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize(("order", "shares"), SHARES, ids=lambda v: str(v) if isinstance(v, ap.Order) else "")
def test_gradients_go_to_ranks(order: ap.Order, shares: Callable[[int], np.ndarray], dtype: torch.dtype) -> None:
    """Distinct elements: the gradient of each window goes to its elements by their ranks."""
    x = torch.randperm(90, generator=torch.Generator().manual_seed(0)).reshape(2, 9, 5).to(dtype).requires_grad_()
    mask = torch.rand(x.shape, generator=torch.Generator().manual_seed(1)) < 0.8
    windows = ap.sliding((4, 3), (2, 1), ((1, 1), 0))
    for weights in (None, mask):
        y = ap.pool(x, windows, order, weights=weights)
        g = torch.rand(y.shape, generator=torch.Generator().manual_seed(2)).to(dtype)
        (gx,) = torch.autograd.grad(y, x, g)
        want, flat = np.zeros(90), x.detach().double().numpy().reshape(-1)
        at = np.arange(90).reshape(2, 9, 5)
        axes = [positions(9, 4, 2, 1, 1, 1, False), positions(5, 3, 1, 0, 0, 1, False)]
        for b, i, j in np.ndindex(*y.shape):
            held = at[b][np.ix_(axes[0][i], axes[1][j])].reshape(-1)
            held = held if weights is None else held[mask.numpy().reshape(-1)[held]]
            if len(held):
                want[held[np.argsort(flat[held])]] += float(g[b, i, j]) * shares(len(held))
        tolerance = {torch.float64: 1e-12, torch.float32: 1e-5}.get(dtype, 2e-2)
        np.testing.assert_allclose(gx.double().numpy().reshape(-1), want, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("ties", ["first", "last", "split"])
def test_equal_elements_share_as_ties_says(ties: str) -> None:
    x = torch.tensor([[1.0, 0.0, -0.0, 0.0, 2.0, -1.0]], dtype=torch.float64, requires_grad=True)
    w = torch.tensor([[1.0, 2.0, 1.0, 3.0, 1.0, 1.0]], dtype=torch.float64)
    ap.pool(x, ap.sliding((6,)), "median", weights=w, ties=ties).sum().backward()
    want = {"first": [0, 1, 0, 0, 0, 0], "last": [0, 0, 0, 1, 0, 0], "split": [0, 1 / 3, 1 / 3, 1 / 3, 0, 0]}[ties]
    assert x.grad is not None
    np.testing.assert_allclose(x.grad.numpy()[0], want, rtol=1e-15)


def test_what_learns_is_sorted_by_the_core_as_by_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    x = torch.randn(2, 3, 8, 7, generator=torch.Generator().manual_seed(3)).double().requires_grad_()
    v = torch.rand(9, dtype=torch.float64, generator=torch.Generator().manual_seed(4)).requires_grad_()
    w = torch.rand(1, 1, 8, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(5)) * 2
    cases = [(ap.Ordinal(v), None), (ap.Quantile([0.2, 0.7]), w), (ap.Range(0.1, 0.8), w), (ap.Quantile(0.4, smooth=0.3), w), (ap.KMax(2), None), (ap.Mode(), w)]  # fmt: skip

    def gradients() -> list[torch.Tensor]:
        made: list[torch.Tensor] = []
        for order, weights in cases:
            y = ap.pool(x, ap.sliding((3, 3), 2, 1), order, weights=weights)
            asked = [x, *(p for p in order.parameters.values() if isinstance(p, torch.Tensor))]
            made += [y, *torch.autograd.grad(y.square().sum(), asked)]
        return made

    compiled = gradients()
    monkeypatch.setattr(orders_sorted, "refuses", lambda job: "not now")
    for got, want in zip(compiled, gradients(), strict=True):
        torch.testing.assert_close(got, want, rtol=1e-10, atol=1e-12)


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


def test_ordinal_weights_are_finite_and_compile_as_arrays_too() -> None:
    with pytest.raises(ap.PoolingError, match="NaN or an infinity"):
        ap.Ordinal([0.5, np.nan])
    x, order = (
        torch.randn(2, 6, 7, generator=torch.Generator().manual_seed(8)).double(),
        ap.Ordinal(np.linspace(1, 0, 9)),
    )
    compiled = torch.compile(lambda v: ap.pool(v, ap.sliding((3, 3), 1), order), fullgraph=True, backend="aot_eager")
    ranked = x.unfold(1, 3, 1).unfold(2, 3, 1).reshape(2, 4, 5, 9).sort(-1, descending=True).values
    leaf = x.clone().requires_grad_()
    y = compiled(leaf)
    torch.testing.assert_close(y, (ranked * torch.linspace(1, 0, 9).double()).sum(-1))
    y.sum().backward()
    assert leaf.grad is not None and abs(float(leaf.grad.sum()) - y.numel() * 4.5) < 1e-9
