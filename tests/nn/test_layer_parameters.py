"""Tensors of a layer: parameters if they learn, else buffers; and the options of the layers."""

from __future__ import annotations

import copy
import inspect
import io
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import anypool as ap

X = torch.rand(2, 4, 6, 6, generator=torch.Generator().manual_seed(0)) + 0.1
ROWS = torch.tensor([[0.0, 1, 1, 5, 5], [1, 0, 2, 4, 6]])


def gem(x: torch.Tensor, p: Any) -> torch.Tensor:
    """By hand, over 2×2."""
    return nn.functional.avg_pool2d(x.clamp(min=1e-6) ** p, 2) ** (1 / p)


def layers(p: Any) -> dict[str, tuple[Any, str, Any]]:
    """The layer, its parameter's name, and a call."""
    return {
        "Pool2d": (ap.nn.Pool2d(2, ap.PowerMean(p)), "p", lambda m: m(X)),
        "Pool1d": (ap.nn.Pool1d(2, ap.Lp(p)), "p", lambda m: m(X[0])),
        "Pool3d": (ap.nn.Pool3d(2, ap.SoftPool(p)), next(iter(ap.SoftPool(1.0).parameters)), lambda m: m(X)),
        "BoxPool": (ap.nn.BoxPool((2, 2), ap.PowerMean(p), reading="quantised"), "p", lambda m: m(X, ROWS)),
        "Pyramid": (ap.nn.SpatialPyramid([1, 2], ap.PowerMean(p)), "p", lambda m: m(X)),
        "tuple": (ap.nn.Pool2d(2, ("max", ap.PowerMean(p))), "p_1", lambda m: m(X)[1]),
    }


@pytest.mark.parametrize("name", list(layers(1.5)))
def test_a_tensor_that_learns_becomes_the_layers_parameter(name: str) -> None:
    mine = torch.tensor(3.0, requires_grad=True)
    layer, known, call = layers(mine)[name]
    assert [k for k, _ in layer.named_parameters()] == [known] == list(layer.state_dict())
    parameter = getattr(layer, known)
    assert isinstance(parameter, nn.Parameter) and parameter.item() == 3.0
    before = call(layer).detach()
    optimiser = torch.optim.SGD(layer.parameters(), lr=0.1)
    call(layer).sum().backward()
    assert parameter.grad is not None and float(parameter.grad.abs()) > 0
    optimiser.step()
    assert not torch.allclose(call(layer), before)  # the layer reads what the optimiser wrote
    other = copy.deepcopy(layer)
    with torch.no_grad():
        getattr(other, known).fill_(1.5)
    torch.testing.assert_close(call(other), call(layers(1.5)[name][0]))
    assert not torch.allclose(call(other), call(layer))
    fresh = layers(torch.tensor(2.0, requires_grad=True))[name][0]
    fresh.load_state_dict(layer.state_dict())
    torch.testing.assert_close(call(fresh), call(layer))
    fresh.load_state_dict(other.state_dict(), assign=True)  # replaces the parameter
    torch.testing.assert_close(call(fresh), call(other))
    file = io.BytesIO()
    torch.save(layer, file)
    file.seek(0)
    again = torch.load(file, weights_only=False)
    torch.testing.assert_close(call(again), call(layer))
    call(again).sum().backward()
    assert getattr(again, known).grad is not None


def test_the_gradient_is_that_of_the_formula() -> None:
    p = torch.tensor(2.5, requires_grad=True)
    layer = ap.nn.Pool2d(2, ap.PowerMean(torch.tensor(2.5, requires_grad=True)))
    torch.testing.assert_close(layer(X), gem(X, p))
    layer(X).square().sum().backward()
    gem(X, p).square().sum().backward()
    torch.testing.assert_close(layer.p.grad, p.grad)


def test_replaced_parameters_are_read() -> None:
    """functional_call, vmap over an ensemble, other devices and types, export."""
    layer = ap.nn.Pool2d(2, ap.PowerMean(torch.tensor(3.0, requires_grad=True)))
    other = torch.tensor(1.5)
    torch.testing.assert_close(torch.func.functional_call(layer, {"p": other}, (X,)), gem(X, 1.5))
    each = torch.func.vmap(lambda p: torch.func.functional_call(layer, {"p": p}, (X,)))(torch.tensor([1.5, 2.0]))
    torch.testing.assert_close(each, torch.stack([gem(X, 1.5), gem(X, 2.0)]))
    assert layer.double()(X.double()).dtype == torch.float64
    assert str(copy.deepcopy(layer).to("meta").p.device) == "meta"
    exported = torch.export.export(ap.nn.Pool2d(2, ap.PowerMean(torch.tensor(3.0, requires_grad=True))), (X,))
    assert list(exported.state_dict) == ["p"]
    module: Any = exported.module()
    with torch.no_grad():
        module.p.fill_(1.5)
    torch.testing.assert_close(module(X), gem(X, 1.5))


def test_arguments_of_the_caller_are_not_changed() -> None:
    mine = torch.tensor(3.0, requires_grad=True)
    reduction = ap.PowerMean(mine)
    layer = ap.nn.Pool2d(2, reduction)
    assert reduction.parameters["p"] is mine and layer.reduction is not reduction
    tied = nn.Parameter(torch.tensor(2.0))
    first, second = ap.nn.Pool2d(2, ap.Lp(tied)), ap.nn.Pool2d(2, ap.PowerMean(tied))
    assert first.p is second.p is tied
    assert ap.nn.Pool2d(2, "max").state_dict() == {} and not list(ap.nn.Pool2d(2, ap.Lp(3)).parameters())


def test_log_weights_that_learn() -> None:
    a = torch.nn.Parameter(torch.randn(6, 6))
    layer = ap.nn.Pool2d(2, "mean", log_weights=a, weights=torch.rand(6, 6))
    assert [k for k, _ in layer.named_parameters()] == ["log_weights"]
    x = torch.randn(2, 3, 6, 6)
    layer(x).sum().backward()
    assert a.grad is not None and a.grad.abs().sum() > 0
    want = ap.pool(x, ap.sliding((2, 2)), axes=(2, 3), weights=layer.weights * a.exp())
    torch.testing.assert_close(layer(x), want)


def test_weights_that_learn_and_buffers() -> None:
    w = torch.ones(6, 6, requires_grad=True)
    layer = ap.nn.Pool2d(2, "mean", weights=w)
    assert [k for k, _ in layer.named_parameters()] == ["weights"]
    layer(X).sum().backward()
    assert layer.weights.grad is not None and layer.weights.grad.shape == (6, 6)
    fixed = ap.nn.Pool2d(2, ap.PowerMean(torch.tensor(3.0)), weights=torch.ones(6, 6, dtype=torch.bool))
    assert {k for k, _ in fixed.named_buffers()} == {"p", "weights"} and not fixed.state_dict()
    torch.testing.assert_close(fixed(X), gem(X, 3.0))
    torch.testing.assert_close(fixed.double()(X.double()), gem(X.double(), 3.0))


def test_a_computed_tensor_is_no_parameter() -> None:
    p = torch.tensor(0.0, requires_grad=True)
    with pytest.raises(ap.PoolingError, match=r"PowerMean\(p\) is computed from other tensors"):
        ap.nn.Pool2d(2, ap.PowerMean(p.exp() + 1))


@pytest.mark.parametrize("library", ["torch", "numpy"])
def test_a_wrong_parameter_shape_names_one_that_fits(library: str) -> None:
    x: Any = torch.rand(2, 16, 8, 8)
    p: Any = torch.full((16,), 3.0)
    if library == "numpy":
        x, p = x.numpy(), p.numpy()
    says = r"PowerMean\(p\) of shape \(16,\) for x of shape \(2, 16, 8, 8\) .*reshape it to \(16, 1, 1\)"
    with pytest.raises(ap.PoolingError, match=says) as raised:
        ap.pool(x, ap.sliding((2, 2)), ap.PowerMean(p), axes=(2, 3))
    assert "lane" not in str(raised.value)
    good = ap.pool(x, ap.sliding((2, 2)), ap.PowerMean(p.reshape(16, 1, 1)), axes=(2, 3))
    np.testing.assert_allclose(good, ap.pool(x, ap.sliding((2, 2)), ap.PowerMean(3.0), axes=(2, 3)), rtol=1e-5)
    with pytest.raises(ap.PoolingError, match=r"broadcasts to \(2, 16, 1, 1\), such as \(16, 1, 1\)"):
        ap.pool(x, ap.sliding((2, 2)), ap.PowerMean(p[:5]), axes=(2, 3))
    with pytest.raises(ap.PoolingError, match="it is one number"):
        ap.pool(x[0, 0], ap.whole(), ap.PowerMean(p), axes=(0, 1))


def test_options_are_named_and_checked() -> None:
    named = list(inspect.signature(ap.nn.Pool2d).parameters)
    assert {"windows", "reduction", "weights", "nan", "ties", "empty", "backend"} <= set(named)
    assert all(word in (ap.nn.Pool2d.__doc__ or "") for word in ("weights", "nan", "ties", "empty", "backend"))
    with pytest.raises(ap.PoolingError, match=r"Pool2d takes .*nan.*; not stride"):
        ap.nn.Pool2d(2, "max", stride=2)
    hole = X.clone()
    hole[0, 0, 0, 0] = float("nan")
    assert not ap.nn.Pool2d(2, "max", nan="omit")(hole).isnan().any()
