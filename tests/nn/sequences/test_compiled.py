"""Layers of sequences under torch.compile(fullgraph=True), with lengths that change."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from sequence_batches import Batch, D

from anypool import nn

LAYERS: dict[str, Any] = {
    "SequencePool": lambda: nn.SequencePool(("mean", "max", "weightedmean", "mean_sqrt_len", "last")),
    "StatisticsPool": nn.StatisticsPool,
    "AttentiveStatisticsPool": lambda: nn.AttentiveStatisticsPool(D),
    "AttentionPool": lambda: nn.AttentionPool(D, heads=2),
    "PMA": lambda: nn.PMA(D, 2),
    "SimPool": lambda: nn.SimPool(D),
    "LocallyWeightedPool gaussian": lambda: nn.LocallyWeightedPool(D, 3, 2, "gaussian"),
    "LocallyWeightedPool": lambda: nn.LocallyWeightedPool(D, 3, 2),
}
# Each layer in one form; `make test` compiles all forms.
FORMS = ["mask", "offsets", "lengths", "mask", "offsets", "lengths", "lengths", "mask"]


def check(layer: Any, form: str, **options: Any) -> None:
    """Values and gradients of two batches, by one compiled function without its code in Python."""
    compiled = torch.compile(layer, fullgraph=True, dynamic=True, backend="aot_eager")
    for lengths, time in (([7, 3, 0, 5], 7), ([2, 9, 4], 9)):
        x, how = Batch(torch.tensor(lengths), time, torch.float32).forms()[form]
        results: list[Any] = []
        for call in (layer, compiled):
            leaf = x.clone().requires_grad_()
            y = call(leaf, **how, **options)
            y = y if isinstance(y, tuple) else (y,)
            results.append((y, torch.autograd.grad(sum(v.square().sum() for v in y), leaf)))
        torch.testing.assert_close(results[0], results[1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("name", "form"), list(zip(LAYERS, FORMS, strict=True)))
def test_one_form(name: str, form: str) -> None:
    torch._dynamo.reset()
    torch.manual_seed(0)
    check(LAYERS[name](), form)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["mask", "lengths", "offsets"])
@pytest.mark.parametrize("name", LAYERS)
def test_every_form(name: str, form: str) -> None:
    torch._dynamo.reset()
    check(LAYERS[name](), form)


def test_weights_of_attention() -> None:
    torch._dynamo.reset()
    check(nn.AttentionPool(D, "dot", heads=3), "offsets", need_weights=True)
