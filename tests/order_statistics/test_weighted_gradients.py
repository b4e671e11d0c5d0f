"""Gradients of weighted order statistics for elements and learned weights, by each backend."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from backends import BACKENDS, derivatives, gradients_agree, needs_core

import anypool as ap
from anypool.engines.ranks import sorted as orders_sorted

WINDOWS: dict[str, Any] = {
    "sliding": ap.sliding((4, 3), (2, 1), 1),
    "repeated edges": ap.sliding((3, 3), 1, 2, border="reflect"),
    "a constant": ap.sliding((3, 3), 2, 1, border=0.25),
    "adaptive": ap.adaptive((3, 2)),
    "boxes": ap.boxes([[0, 0.3, 1.2, 6.1, 7.7], [1, 2.5, 2.5, 3.4, 9.9]], 2, reading="exact"),
}
SELECTED = [
    ap.Median(),
    ap.Median("lower"),
    ap.Rank(2),
    ap.Quantile(0.3),
    ap.Quantile(0.8, "hazen"),
    ap.Quantile(0.6, "higher"),
]
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
@pytest.mark.parametrize("ties", ["first", "last"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
@pytest.mark.parametrize("order", SELECTED, ids=repr)
@pytest.mark.parametrize("name", WINDOWS)
def test_gradients_are_the_references(name: str, order: ap.Order, dtype: Any, ties: str, nan: str) -> None:
    random = np.random.default_rng(7)
    few = random.integers(0, 6, (2, 3, 9, 8)) / 4  # many are equal
    few[0, 0, 3, 4] = few[1, 2, 0, 0] = few[:, 1, 4, 1:3] = np.nan
    masses = random.integers(0, 4, (2, 1, 9, 8)) / 2.0  # some are 0, and sums meet ranks exactly
    w = torch.tensor(masses).to(torch.float64 if dtype is torch.float64 else torch.float32)
    tolerance = {torch.float64: 1e-12, torch.float32: 1e-5}.get(dtype, 5e-2)
    gradients_agree(torch.tensor(few).to(dtype), WINDOWS[name], order, tolerance, w, ties=ties, nan=nan)


@pytest.mark.parametrize("nan", ["propagate", "omit"])
@pytest.mark.parametrize("size", [2.0, 0.05], ids=["masses", "relative masses"])
@pytest.mark.parametrize("order", [ap.Quantile(0.3), ap.Quantile(0.7, "hazen")], ids=repr)
@pytest.mark.parametrize("name", WINDOWS)
def test_weights_that_learn(name: str, order: ap.Order, size: float, nan: str) -> None:
    random = np.random.default_rng(3)
    few, masses = random.normal(size=(2, 3, 9, 8)), random.random((2, 1, 9, 8))
    few[0, 0, 3, 3], masses = np.nan, np.where(masses < 0.2, 0, masses) * size
    x, w = torch.tensor(few), torch.tensor(masses).requires_grad_()
    *_, both = gradients_agree(x, WINDOWS[name], order, 1e-9, w, nan=nan)
    for backend in BACKENDS:  # the same where only the weights learn
        y = ap.pool(x, WINDOWS[name], order, weights=w, nan=nan, backend=backend)
        g = (torch.arange(y.numel()).reshape(y.shape) % 7 + 1).double()
        torch.testing.assert_close(torch.autograd.grad(y, w, g)[0], both, rtol=1e-9, atol=1e-9, equal_nan=True)


@pytest.mark.parametrize("nan", ["propagate", "omit"])
@pytest.mark.parametrize("ties", ["first", "last", "split"])
def test_gradients_of_equal_elements_are_the_references(ties: str, nan: str) -> None:
    random = np.random.default_rng(11)
    values, masses = random.integers(0, 4, (2, 3, 7, 8)) / 2, random.random((7, 8)) + 0.1
    values[0, 0, 2, 3] = values[1, 1, 0, 0] = np.nan
    masses[random.random((7, 8)) < 0.2] = 0
    windows = [
        ap.sliding((4, 4), 2, 1),
        ap.sliding((3, 3), 1, 1, border=0.5),
        ap.sliding((2, 2), taps=([1.0, 0.5], [0.3, 1.0])),
    ]
    calls = (ap.Quantile(0.4), ap.Quantile(0.7, "hazen"), ap.Median(), ap.Quantile(0.5, "midpoint"))
    for order, w in itertools.product(calls, windows):
        learns = torch.tensor(masses).requires_grad_()
        found = gradients_agree(torch.tensor(values), w, order, 1e-9, learns, ties=ties, nan=nan)
        assert all(t is None or bool(t.isfinite().all()) for t in found[1:])


def test_learned_ordinal_weights_and_masses_hold_to_differences() -> None:
    x = (torch.randperm(12, generator=torch.Generator().manual_seed(1)).double() / 5).requires_grad_()
    v = torch.rand(4, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(lambda x, v: ap.pool(x, ap.sliding((4,), 2), ap.Ordinal(v)), (x, v))
    w = (torch.rand(12, dtype=torch.float64) + 0.5).requires_grad_()
    for order in (ap.TopKMean(2), ap.Quantile(0.4, smooth=0.3)):
        assert torch.autograd.gradcheck(lambda x, w, o=order: ap.pool(x, ap.sliding((4,), 2), o, weights=w), (x, w))


def test_second_differences() -> None:
    made = torch.Generator().manual_seed(5)
    x = torch.randn(1, 1, 5, 5, generator=made).double().requires_grad_()
    w = (torch.rand(1, 1, 5, 5, generator=made) * 2 + 0.5).double().requires_grad_()

    def call(x: Any, w: Any) -> Any:
        return ap.pool(x, ap.sliding((3, 3), 1), ap.Quantile(0.3), weights=w)

    assert torch.autograd.gradcheck(call, (x, w))
    assert torch.autograd.gradgradcheck(call, (x, w))


@pytest.mark.parametrize(
    "order", [ap.Median(), ap.Median("lower"), ap.Quantile(0.3, "inverted_cdf"), ap.Rank(1)], ids=str
)
def test_weights_that_only_choose_have_a_zero_gradient(order: ap.Order) -> None:
    """The answer and its gradient are those of weights that do not learn, on each backend."""
    x = torch.randint(0, 9, (2, 7, 8), generator=torch.Generator().manual_seed(0)).double()
    w = torch.rand(2, 7, 8, generator=torch.Generator().manual_seed(1)).double() + 0.5
    for windows in (ap.sliding((3, 3), 1, 1), ap.sliding((2, 3), taps=([1.0, 2.0], [1.0, 0.0, 3.0]))):
        fixed = gradients_agree(x, windows, order, 1e-12, w)
        for backend in BACKENDS:
            y, gx, gw = derivatives(x, windows, order, backend, w.clone().requires_grad_())
            assert gw is None or not gw.any()
            assert torch.equal(y, fixed[0]) and torch.allclose(gx, fixed[1])


@pytest.mark.parametrize(
    "order",
    [ap.Median(), ap.Median("higher"), ap.Rank(1), ap.Quantile(0.3, "averaged_inverted_cdf"), ap.Quantile(0.3, "midpoint"), ap.Quantile(0.0)],
    ids=repr,
)  # fmt: skip
def test_weights_that_only_choose_need_no_gradient(order: ap.Order) -> None:
    w = (torch.rand(9, generator=torch.Generator().manual_seed(0), dtype=torch.float64) + 1).requires_grad_()
    x = torch.arange(9.0, dtype=torch.float64)
    for backend in BACKENDS:
        assert not ap.pool(x, ap.sliding((3,)), order, weights=w, backend=backend).requires_grad
        y = ap.pool(x.clone().requires_grad_(), ap.sliding((3,)), order, weights=w, backend=backend)
        assert y.requires_grad and torch.autograd.grad(y.sum(), w, allow_unused=True)[0] is None


@pytest.mark.parametrize("ties", ["first", "last", "split"])
def test_ties_decide_the_share_of_equal_elements(ties: str) -> None:
    x = torch.tensor([[1.0, 0.0, -0.0, 0.0, 2.0, -1.0]], dtype=torch.float64, requires_grad=True)
    w = torch.tensor([[1.0, 2.0, 1.0, 3.0, 1.0, 1.0]], dtype=torch.float64)
    ap.pool(x, ap.sliding((6,)), "median", weights=w, ties=ties).sum().backward()
    want = {"first": [0, 1, 0, 0, 0, 0], "last": [0, 0, 0, 1, 0, 0], "split": [0, 1 / 3, 1 / 3, 1 / 3, 0, 0]}[ties]
    assert x.grad is not None
    np.testing.assert_allclose(x.grad.numpy()[0], want, rtol=1e-15)


def test_gradients_of_parameters_by_the_core_and_by_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
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


@needs_core
def test_backward_does_not_sort_again(monkeypatch: pytest.MonkeyPatch) -> None:
    x = torch.tensor([[3.0, 1.0, 2.0, 9.0, 4.0, 8.0]], requires_grad=True)
    w = torch.tensor([[1.0, 1.0, 1.0, 1.0, 5.0, 1.0]])
    y = ap.pool(x, ap.sliding((3,)), "median", weights=w)
    monkeypatch.setattr(orders_sorted.WindowSorter, "sort", lambda *_: pytest.fail("sorted again"))
    y.backward(torch.tensor([[1.0, 10.0]]))
    assert y.tolist() == [[2.0, 4.0]]
    assert x.grad is not None and x.grad.tolist() == [[0.0, 0.0, 1.0, 0.0, 10.0, 0.0]]


def test_transforms_of_torch_with_weights() -> None:
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
