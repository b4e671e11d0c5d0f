"""Order statistics of windows with a table of taps that is no product of rows: each place weighs its element."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import anypool as ap
from anypool.backends.library import library

TABLE = np.array([[1, 0, 2, 1], [3, 1, 1, 0], [0, 2, 1, 1]])


@pytest.mark.parametrize("dtype", ["float32", "float64", "int16", "uint8"])
@pytest.mark.parametrize("border", ["absent", "reflect", "circular", 3.0])
def test_whole_taps_repeat_elements(border: Any, dtype: str) -> None:
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
def test_values_and_gradients_are_the_references(order: ap.Order, masked: bool, rank: int) -> None:
    random = np.random.default_rng(rank)
    x = torch.tensor(random.normal(size=(2, *[7] * rank))).requires_grad_()
    taps = random.random([2, 3, 2][:rank]) + 0.1
    weights = torch.tensor(random.random(x.shape)) if masked else None
    windows = ap.sliding([2, 3, 2][:rank], 1, 1, taps=taps if rank > 1 else (taps,))
    found: list[Any] = []
    for backend in (None, "reference"):
        y = ap.pool(x, windows, order, weights=weights, backend=backend)
        found.append((y, *torch.autograd.grad(y, x, torch.arange(1.0, y.numel() + 1).reshape(y.shape).double())))
    for made, want in zip(*found, strict=True):
        torch.testing.assert_close(made, want, rtol=1e-10, atol=1e-12, equal_nan=True)


@pytest.mark.skipif(library() is None, reason="the core is not built")
def test_they_are_compiled() -> None:
    assert ap.explain(np.ones((8, 9)), ap.sliding((3, 4), taps=TABLE), "median").backend == "cpu"
