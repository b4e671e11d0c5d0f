"""`log_weights=` of tensors: gradients to x, a and weights, transforms, torch.compile and
torch.export."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck
from torch.func import grad, vmap

import anypool as ap

SLIDING, WHOLE = ap.sliding((3, 3), 1, 1), ap.whole()


def drawn(scale: float = 1.0, shape: tuple[int, ...] = (1, 2, 4, 4)) -> tuple[Any, Any, Any]:
    random = torch.Generator().manual_seed(0)
    x, a, w = (torch.randn(shape, generator=random, dtype=torch.float64) for _ in range(3))
    return x, a * scale, w.abs()


def mean_of(x: Any, a: Any, w: Any = None) -> Any:
    return ap.pool(x, SLIDING, "mean", axes=(-2, -1), log_weights=a, weights=w)


@pytest.mark.parametrize("scale", [1.0, 1e3])
@pytest.mark.parametrize("windows", [SLIDING, WHOLE, ap.sliding((2, 2))], ids=["sliding", "whole", "apart"])
@pytest.mark.parametrize(
    "name", ["mean", "std", "rms", "softpool", "logsumexp", ap.LogMeanExp(2), ap.Quantile(0.3)], ids=str
)
def test_first_derivatives(name: Any, windows: Any, scale: float) -> None:
    leaves = [t.requires_grad_() for t in drawn(scale)]

    def pooled(x: Any, a: Any, w: Any) -> Any:
        return ap.pool(x, windows, name, axes=(2, 3), log_weights=a, weights=w)

    assert gradcheck(pooled, leaves, atol=1e-5)


@pytest.mark.parametrize("scale", [1.0, 1e3])
def test_second_derivatives(scale: float) -> None:
    assert gradgradcheck(mean_of, [t.requires_grad_() for t in drawn(scale, (1, 1, 3, 3))], atol=1e-5)


@pytest.mark.parametrize("name", ["sum", ap.Lp(3), ap.Var(1)], ids=str)
def test_weights_that_are_e_to_a(name: Any) -> None:
    x, a, _ = drawn()
    pairs = []
    for log in (True, False):
        leaves = [t.clone().requires_grad_() for t in (x, a)]
        how = {"log_weights": leaves[1]} if log else {"weights": leaves[1].exp()}
        y = ap.pool(leaves[0], SLIDING, name, axes=(2, 3), **how)
        pairs.append((y, *torch.autograd.grad(y.sin().sum(), leaves)))
    for got, want in zip(*pairs, strict=True):
        torch.testing.assert_close(got, want)


@pytest.mark.parametrize("name", ["mean", "std", "sum", "softpool", "logsumexp"])
def test_an_absent_nan_has_no_gradient_and_harms_none(name: str) -> None:
    x, a, _ = drawn()
    x[0, 0, 0, 0], a[0, 0, 0, 0] = float("nan"), -torch.inf
    leaves = [t.requires_grad_() for t in (x, a)]
    y = ap.pool(leaves[0], SLIDING, name, axes=(2, 3), log_weights=leaves[1])
    for gradient in torch.autograd.grad(y.sum(), leaves):
        assert gradient.isfinite().all() and gradient[0, 0, 0, 0] == 0


@pytest.mark.parametrize("scale", [1.0, 1e4])
@pytest.mark.parametrize("windows", [SLIDING, WHOLE], ids=["sliding", "whole"])
def test_transforms(windows: Any, scale: float) -> None:
    x, a, _ = drawn(scale, (3, 2, 5, 5))

    def pooled(x: Any, a: Any) -> Any:
        return ap.pool(x, windows, ("mean", "std"), axes=(-2, -1), log_weights=a)

    for got, want in zip(vmap(pooled)(x, a), pooled(x, a), strict=True):
        torch.testing.assert_close(got, want)
    got = grad(lambda x, a: pooled(x, a)[0].sum(), argnums=(0, 1))(x, a)
    leaves = [t.clone().requires_grad_() for t in (x, a)]
    want = torch.autograd.grad(pooled(*leaves)[0].sum(), leaves)
    for g, w in zip(got, want, strict=True):
        torch.testing.assert_close(g, w)


def test_compile_and_export() -> None:
    x, a, w = drawn(1.0, (2, 3, 6, 5))
    compiled = torch.compile(mean_of, backend="aot_eager", fullgraph=True)
    for scale in (1.0, 1e4):
        both: list[Any] = []
        for function in (compiled, mean_of):
            leaves = [t.clone().requires_grad_() for t in (x, a * scale, w)]
            y = function(*leaves)
            both.append((y, *torch.autograd.grad(y.sum(), leaves)))
        for got, want in zip(*both, strict=True):
            torch.testing.assert_close(got, want)

    class Model(torch.nn.Module):
        def forward(self, x: Any, a: Any) -> Any:
            return mean_of(x, a), ap.pool(x.to(torch.int32), SLIDING, "sum", axes=(2, 3), log_weights=a)

    program = torch.export.export(Model(), (x, a))
    for got, want in zip(program.module()(x, a), Model()(x, a), strict=True):
        torch.testing.assert_close(got, want)


def test_a_constant_of_the_graph() -> None:
    x, a, _ = drawn()
    table = a.numpy()

    def pooled(x: Any) -> Any:
        return ap.pool(x, SLIDING, axes=(2, 3), log_weights=table)

    torch.testing.assert_close(torch.compile(pooled, backend="eager", fullgraph=True)(x), pooled(x))


def test_fake_tensors_have_the_shape() -> None:
    from torch._subclasses import FakeTensorMode

    with FakeTensorMode() as mode:
        x, a = (mode.from_tensor(torch.ones(2, 3, 6, 5)) for _ in range(2))
        assert mean_of(x, a).shape == (2, 3, 6, 5)


def test_other_types_and_refusals() -> None:
    x, a, _ = drawn()
    for dtype in (torch.float16, torch.bfloat16, torch.float32, torch.uint8, torch.uint16):
        y = mean_of((x.abs() * 9).to(dtype), a.float())
        assert y.dtype == (dtype if dtype.is_floating_point else torch.float64)
        want = mean_of((x.abs() * 9).to(dtype).double(), a)
        torch.testing.assert_close(y.double(), want, atol=0.05, rtol=0.02)
    with pytest.raises(ap.PoolingError, match="learn"):
        mean_of(np.ones((2, 2)), torch.ones(2, 2, requires_grad=True))
    with pytest.raises(ap.PoolingError, match="learn"):
        mean_of(torch.ones(2, 2, dtype=torch.uint16), torch.ones(2, 2, requires_grad=True))
    with pytest.raises(ap.PoolingError, match="NaN"):
        mean_of(x, torch.full_like(x, float("nan")))


def test_calls_in_a_row_see_new_values() -> None:
    x, a, _ = drawn()
    for k in range(4):
        got = mean_of(x, a * k)
        torch.testing.assert_close(got, ap.pool(x, SLIDING, axes=(2, 3), weights=(a * k).exp()))
