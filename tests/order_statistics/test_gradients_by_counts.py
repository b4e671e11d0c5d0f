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


@pytest.mark.parametrize("nan", ["propagate", "omit"])
@pytest.mark.parametrize("size", [2.0, 0.05], ids=["masses", "relative masses"])
@pytest.mark.parametrize("order", [ap.Quantile(0.3), ap.Quantile(0.7, "hazen")], ids=repr)
@pytest.mark.parametrize("name", WINDOWS)
def test_masses_that_learn(name: str, order: ap.Order, size: float, nan: str) -> None:
    random = np.random.default_rng(3)
    few, masses = random.normal(size=(2, 3, 9, 8)), random.random((2, 1, 9, 8))
    few[0, 0, 3, 3], masses = np.nan, np.where(masses < 0.2, 0, masses) * size
    found: list[Any] = []
    for backend in (None, "reference"):
        x, w = torch.tensor(few).requires_grad_(), torch.tensor(masses).requires_grad_()
        y = ap.pool(x, WINDOWS[name], order, weights=w, nan=nan, backend=backend)
        alone = ap.pool(x.detach(), WINDOWS[name], order, weights=w, nan=nan, backend=backend)
        g = torch.arange(1.0, y.numel() + 1).reshape(y.shape).double()
        found.append((y, *torch.autograd.grad(y, [x, w], g), *torch.autograd.grad(alone, w, g)))
    for made, want in zip(*found, strict=True):
        torch.testing.assert_close(made, want, rtol=1e-9, atol=1e-9, equal_nan=True)


def test_masses_and_elements_hold_to_differences() -> None:
    made = torch.Generator().manual_seed(5)
    x = torch.randn(1, 1, 5, 5, generator=made).double().requires_grad_()
    w = (torch.rand(1, 1, 5, 5, generator=made) * 2 + 0.5).double().requires_grad_()

    def call(x: Any, w: Any) -> Any:
        return ap.pool(x, ap.sliding((3, 3), 1), ap.Quantile(0.3), weights=w)

    assert torch.autograd.gradcheck(call, (x, w))
    assert torch.autograd.gradgradcheck(call, (x, w))


@pytest.mark.skipif(library() is None, reason="the core is not built")
def test_nothing_is_sorted_again(monkeypatch: pytest.MonkeyPatch) -> None:
    x = torch.tensor([[3.0, 1.0, 2.0, 9.0, 4.0, 8.0]], requires_grad=True)
    w = torch.tensor([[1.0, 1.0, 1.0, 1.0, 5.0, 1.0]])
    y = ap.pool(x, ap.sliding((3,)), "median", weights=w)
    monkeypatch.setattr(orders_sorted.Prepared, "sort", lambda *_: pytest.fail("sorted again"))
    y.backward(torch.tensor([[1.0, 10.0]]))
    assert y.tolist() == [[2.0, 4.0]]
    assert x.grad is not None and x.grad.tolist() == [[0.0, 0.0, 1.0, 0.0, 10.0, 0.0]]
