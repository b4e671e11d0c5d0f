"""Gradients of weighted quantiles, for elements and for weights that learn: differences, and each backend's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import anypool as ap

BACKENDS = [None, "reference"]

LEARN = [
    ap.Quantile(0.3),
    ap.Quantile(0.7, "hazen"),
    ap.Quantile(0.45, "weibull"),
    ap.Quantile(0.6, "interpolated_inverted_cdf"),
    ap.Quantile([0.2, 0.8], "median_unbiased"),
    ap.Range(0.2, 0.7),
    ap.TrimmedMean(0.2, 0.3),
    ap.TopKMean(2),
    ap.Quantile(0.4, smooth=0.3),
]


@pytest.mark.parametrize("order", LEARN, ids=repr)
def test_gradients_hold_to_differences(order: ap.Order) -> None:
    made = torch.Generator().manual_seed(5)
    x = torch.randn(2, 3, 4, generator=made, dtype=torch.float64).requires_grad_()
    w = (torch.rand(3, 4, generator=made, dtype=torch.float64) * 2 + 0.2).requires_grad_()
    for windows in (ap.sliding((3, 3)), ap.sliding((2, 3), 2, (1, 0), border="reflect")):
        for backend in BACKENDS:
            call = lambda x, w, windows=windows, b=backend: ap.pool(x, windows, order, weights=w, backend=b)  # noqa: E731
            assert torch.autograd.gradcheck(call, (x, w))
    assert torch.autograd.gradgradcheck(lambda x, w: ap.pool(x, ap.whole(), order, weights=w, axes=(1, 2)), (x[:1], w))


@pytest.mark.parametrize("nan", ["propagate", "omit"])
@pytest.mark.parametrize("ties", ["first", "last", "split"])
def test_gradients_of_equal_elements_are_the_references(ties: str, nan: str) -> None:
    random = np.random.default_rng(11)
    values, masses = random.integers(0, 4, (2, 3, 7, 8)) / 2, random.random((7, 8)) + 0.1
    values[0, 0, 2, 3] = values[1, 1, 0, 0] = np.nan
    masses[random.random((7, 8)) < 0.2] = 0
    for order in (ap.Quantile(0.4), ap.Quantile(0.7, "hazen"), ap.Median(), ap.Quantile(0.5, "midpoint")):
        for windows in (ap.sliding((4, 4), 2, 1), ap.sliding((3, 3), 1, 1, border=0.5), ap.sliding((2, 2), taps=([1.0, 0.5], [0.3, 1.0]))):  # fmt: skip
            found: list[Any] = []
            for backend in BACKENDS:
                x, w = torch.tensor(values).requires_grad_(), torch.tensor(masses).requires_grad_()
                y = ap.pool(x, windows, order, weights=w, ties=ties, nan=nan, backend=backend)
                g = torch.arange(1.0, y.numel() + 1).reshape(y.shape).double()
                found.append((y, *torch.autograd.grad(y, [x, w], g, allow_unused=True)))
            for made, want in zip(*found, strict=True):
                if made is not None or want is not None:
                    torch.testing.assert_close(made, want, rtol=1e-9, atol=1e-9, equal_nan=True)
            assert all(t is None or bool(t.isfinite().all()) for t in found[0][1:])


@pytest.mark.parametrize(
    "order",
    [ap.Median(), ap.Median("higher"), ap.Rank(1), ap.Quantile(0.3, "averaged_inverted_cdf"), ap.Quantile(0.3, "midpoint"), ap.Quantile(0.0)],
    ids=repr,
)  # fmt: skip
def test_what_weights_only_choose_has_no_slope_in_them(order: ap.Order) -> None:
    w = (torch.rand(9, generator=torch.Generator().manual_seed(0), dtype=torch.float64) + 1).requires_grad_()
    x = torch.arange(9.0, dtype=torch.float64)
    for backend in BACKENDS:
        assert not ap.pool(x, ap.sliding((3,)), order, weights=w, backend=backend).requires_grad
        y = ap.pool(x.clone().requires_grad_(), ap.sliding((3,)), order, weights=w, backend=backend)
        assert y.requires_grad and torch.autograd.grad(y.sum(), w, allow_unused=True)[0] is None


def test_transforms_of_torch() -> None:
    made = torch.Generator().manual_seed(6)
    x = torch.randn(3, 12, generator=made, dtype=torch.float64)
    w = torch.rand(3, 12, generator=made, dtype=torch.float64)
    for order in (ap.Quantile(0.3), ap.Median(), ap.TrimmedMean(0.2, 0.2)):
        pool = lambda x, w, order=order: ap.pool(x, ap.sliding((4,)), order, weights=w, axes=0)  # noqa: E731
        want = torch.stack([pool(a, b) for a, b in zip(x, w, strict=True)])
        torch.testing.assert_close(torch.vmap(pool)(x, w), want)
        torch.testing.assert_close(
            torch.func.jvp(pool, (x[0], w[0]), (torch.ones(12).double(), w[0]))[1], torch.ones(3).double()
        )
