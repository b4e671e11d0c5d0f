"""Gradients of medians, ranks and quantiles by masses: the elements taken are remembered, and nothing is sorted again."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import anypool as ap
from anypool.backends import orders_sorted
from anypool.backends.library import library

WINDOWS: dict[str, Any] = {
    "sliding": ap.sliding((4, 3), (2, 1), 1),
    "repeated edges": ap.sliding((3, 3), 1, 2, border="reflect"),
    "a constant": ap.sliding((3, 3), 2, 1, border=0.25),
    "adaptive": ap.adaptive((3, 2)),
    "boxes": ap.boxes([[0, 0.3, 1.2, 6.1, 7.7], [1, 2.5, 2.5, 3.4, 9.9]], 2, reading="exact"),
}
ORDERS = [
    ap.Median(),
    ap.Median("lower"),
    ap.Rank(2),
    ap.Quantile(0.3),
    ap.Quantile(0.8, "hazen"),
    ap.Quantile(0.6, "higher"),
]


@pytest.mark.parametrize("nan", ["propagate", "omit"])
@pytest.mark.parametrize("ties", ["first", "last"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
@pytest.mark.parametrize("order", ORDERS, ids=repr)
@pytest.mark.parametrize("name", WINDOWS)
def test_they_are_the_references(name: str, order: ap.Order, dtype: Any, ties: str, nan: str) -> None:
    random = np.random.default_rng(7)
    few = random.integers(0, 6, (2, 3, 9, 8)) / 4  # many are equal
    few[0, 0, 3, 4] = few[1, 2, 0, 0] = few[:, 1, 4, 1:3] = np.nan
    x = torch.tensor(few).to(dtype).requires_grad_()
    masses = random.integers(0, 4, (2, 1, 9, 8)) / 2.0  # some are nothing, and sums meet ranks exactly
    w = torch.tensor(masses).to(torch.float64 if dtype is torch.float64 else torch.float32)
    found: list[Any] = []
    for backend in (None, "reference"):
        y = ap.pool(x, WINDOWS[name], order, weights=w, ties=ties, nan=nan, backend=backend)
        g = torch.arange(1.0, y.numel() + 1).reshape(y.shape).to(dtype) / y.numel()
        found.append((y, *torch.autograd.grad(y, x, g)))
    tolerance = {torch.float64: 1e-12, torch.float32: 1e-5}.get(dtype, 5e-2)
    for made, want in zip(*found, strict=True):
        torch.testing.assert_close(made, want, rtol=tolerance, atol=tolerance, equal_nan=True)


@pytest.mark.skipif(library() is None, reason="the core is not built")
def test_nothing_is_sorted_again(monkeypatch: pytest.MonkeyPatch) -> None:
    x = torch.tensor([[3.0, 1.0, 2.0, 9.0, 4.0, 8.0]], requires_grad=True)
    w = torch.tensor([[1.0, 1.0, 1.0, 1.0, 5.0, 1.0]])
    y = ap.pool(x, ap.sliding((3,)), "median", weights=w)
    monkeypatch.setattr(orders_sorted.Prepared, "sort", lambda *_: pytest.fail("sorted again"))
    y.backward(torch.tensor([[1.0, 10.0]]))
    assert y.tolist() == [[2.0, 4.0]]
    assert x.grad is not None and x.grad.tolist() == [[0.0, 0.0, 1.0, 0.0, 10.0, 0.0]]
