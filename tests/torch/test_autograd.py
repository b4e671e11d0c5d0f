"""Autograd: whole Jacobians of folds against differences, of weights and parameters too; half types
and channels-last."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from fold_cases import DIFFERENTIABLE

import anypool as ap

OBJECTS = [
    ap.Lp(3),
    ap.Lp(1),
    ap.PowerMean(3.0),
    ap.PowerMean(2.0, form="signed"),
    ap.LogMeanExp(2.0),
    ap.SoftPool(0.5),
    ap.Var(1),
]
WINDOWS = [
    ap.sliding((3, 2), (2, 1), 1),
    ap.sliding((2, 2), 1, 0, 2),
    ap.adaptive((2, 3)),
    ap.sliding((2, 2), border="reflect", padding=1),
]


def sample(*shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    flat = torch.randperm(int(np.prod(shape)), generator=generator).double() / 7 + 0.3
    return (flat - flat.mean() * 0.5).reshape(shape).requires_grad_()


@pytest.mark.parametrize("reduction", DIFFERENTIABLE + OBJECTS, ids=str)
@pytest.mark.parametrize("windows", WINDOWS, ids=range(len(WINDOWS)))
def test_gradcheck(windows: object, reduction: object) -> None:
    x = sample(2, 5, 5) if reduction != "prod" else (sample(2, 5, 5) * 0.3).detach().requires_grad_()
    assert torch.autograd.gradcheck(lambda v: ap.pool(v, windows, reduction), x, eps=1e-6, atol=1e-5)


@pytest.mark.parametrize("reduction", ["mean", "max", "softpool", "logsumexp", "var", ap.Lp(3)], ids=str)
def test_gradgradcheck_and_forward_mode(reduction: object) -> None:
    x = sample(1, 4, 4)
    call = lambda v: ap.pool(v, ap.sliding((2, 2), 1), reduction)  # noqa: E731
    assert torch.autograd.gradgradcheck(call, x, atol=1e-4)
    tangent = torch.ones_like(x)
    _, t = torch.func.jvp(call, (x.detach(),), (tangent,))
    eps = 1e-6
    numeric = (call(x.detach() + eps * tangent) - call(x.detach() - eps * tangent)) / (2 * eps)
    torch.testing.assert_close(t, numeric, rtol=1e-4, atol=1e-4)


def test_weights_and_parameters_learn() -> None:
    x, w = sample(2, 6), (torch.rand(2, 6, dtype=torch.float64) + 0.1).requires_grad_()
    for reduction in ("mean", "sum", "softpool", "var", "logsumexp"):
        assert torch.autograd.gradcheck(lambda v, u, r=reduction: ap.pool(v, ap.sliding((3,), 1), r, weights=u), (x, w))
    p = torch.tensor(2.5, dtype=torch.float64, requires_grad=True)
    positive = (x.detach().abs() + 0.2).requires_grad_()
    for make in (ap.Lp, ap.PowerMean, ap.LogSumExp, ap.SoftPool, ap.LogMeanExp):
        assert torch.autograd.gradcheck(lambda v, q, m=make: ap.pool(v, ap.sliding((3,), 1), m(q)), (positive, p))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_types_accumulate_wide(dtype: torch.dtype) -> None:
    x = torch.ones(1, 1, 64, 64, dtype=dtype)
    y = ap.pool(x, ap.whole(), "mean", axes=(-2, -1))
    assert y.dtype == dtype and y.item() == 1.0


def test_channels_last_is_kept() -> None:
    x = torch.randn(2, 3, 6, 6).contiguous(memory_format=torch.channels_last)
    y = ap.pool(x, ap.sliding((2, 2)), "max")
    assert y.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(y, torch.nn.functional.max_pool2d(x, 2))
