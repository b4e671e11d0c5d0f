"""torch.compile with fullgraph sees one operator per call: values, gradients, parameters,
shapes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

import anypool as ap
import anypool.nn as ann
import anypool.nn.functional as F

WINDOWS = ap.sliding((3, 3), 2, 1)
POWER = torch.nn.Parameter(torch.tensor(3.0))
CASES: dict[str, Callable[[Any], Any]] = {
    "windows made outside": lambda x: ap.pool(x * 2, WINDOWS, "max") + 1,
    "windows made inside": lambda x: ap.pool(x * 2, ap.sliding((3, 3), 2, 1), "mean") + 1,
    "adaptive": lambda x: ap.pool(x, ap.adaptive((5, None)), "softpool"),
    "whole": lambda x: ap.pool(x, ap.whole(), "std", axes=(-2, -1)),
    "segments": lambda x: ap.pool(x, ap.segments([0, 3, 3, 9]), "sum", axes=1),
    "functional": lambda x: F.max_pool2d(x, 2) + F.avg_pool2d(x, 2),
    "a parameter": lambda x: ap.pool(x, WINDOWS, ap.Lp(3)),
    "a parameter that learns": lambda x: ap.pool(x.abs(), WINDOWS, ap.PowerMean(POWER)),
    "several": lambda x: sum(ap.pool(x, WINDOWS, ("max", "min"))),
}


@pytest.mark.parametrize("name", CASES)
def test_the_same_numbers_and_gradients(name: str) -> None:
    torch._dynamo.reset()
    x = torch.randn(2, 9, 12, 13, generator=torch.Generator().manual_seed(0))
    call = CASES[name]
    compiled = torch.compile(call, fullgraph=True, backend="aot_eager")
    found: list[tuple[Any, Any, Any]] = []
    for run in (call, compiled):
        given = x.clone().requires_grad_()
        POWER.grad = None
        y = run(given)
        (y * torch.arange(y.numel()).view(y.shape)).sum().backward()
        found.append((y.detach(), given.grad, POWER.grad))
    for eager, traced in zip(*found, strict=True):
        assert (eager is None) == (traced is None)
        if eager is not None:
            torch.testing.assert_close(traced, eager)


@pytest.mark.parametrize("layer", [ann.MaxPool2d(2), ann.AvgPool2d(3, 2, 1), ann.Pool2d(3, ap.Lp(3))])
def test_layers(layer: torch.nn.Module) -> None:
    torch._dynamo.reset()
    x = torch.randn(1, 2, 9, 9)
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(x), layer(x))


def test_one_graph_serves_every_shape() -> None:
    torch._dynamo.reset()
    graphs: list[Any] = []

    def backend(graph: Any, inputs: Any) -> Any:
        graphs.append(graph)
        return graph

    compiled = torch.compile(lambda x: ap.pool(x * 2, WINDOWS, "max"), fullgraph=True, dynamic=True, backend=backend)
    for n in (16, 17, 20, 33, 40):
        x = torch.randn(2, 3, n, n + 1)
        torch.testing.assert_close(compiled(x), ap.pool(x * 2, WINDOWS, "max"))
    assert len(graphs) == 1


@pytest.mark.slow
def test_inductor() -> None:
    torch._dynamo.reset()
    x = torch.randn(1, 2, 9, 9)
    compiled = torch.compile(CASES["functional"], fullgraph=True)
    torch.testing.assert_close(compiled(x), CASES["functional"](x))


def test_autocast_keeps_the_type_that_comes_in() -> None:
    x = torch.randn(1, 2, 8, 8)
    with torch.autocast("cpu", torch.bfloat16):
        assert ap.pool(x, WINDOWS, "mean").dtype == torch.float32
        assert ap.pool(x.bfloat16(), WINDOWS, "mean").dtype == torch.bfloat16
