"""Compiled gradients against the reference's: windows × selections and means × types × layouts."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from backends import needs_core
from grid_windows import WINDOWS
from sampling import spread

import anypool as ap

pytestmark = needs_core
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-12, torch.bfloat16: 3e-2, torch.float16: 4e-3}


def _layouts(x: Any) -> list[Any]:
    return [x, x.to(memory_format=torch.channels_last), x.transpose(2, 3)]


@pytest.mark.parametrize("dtype", list(TOLERANCE), ids=str)
@pytest.mark.parametrize("fold", ["sum", "mean", "max", "min"])
def test_the_core_gives_the_gradient_of_the_reference(fold: str, dtype: Any) -> None:
    generator = torch.Generator().manual_seed(0)
    wrong = list[Any]()
    calls = itertools.product([(2, 3, 17, 37), (3, 2, 7, 6)], WINDOWS.items(), ("first", "last"))
    for shape, (name, w), ties in spread(calls, 5, fold, dtype):
        if ties == "last" and fold in ("sum", "mean"):
            continue
        x = (torch.randn(shape, generator=generator) * 4).round().div(4).to(dtype)
        for layout in _layouts(x):
            given = [layout.clone(memory_format=torch.preserve_format).requires_grad_() for _ in range(2)]
            ys = [ap.pool(v, w, fold, ties=ties, backend=b) for v, b in zip(given, (None, "reference"), strict=True)]
            g = torch.randn(ys[1].shape, generator=generator).to(dtype)
            if name == "adaptive":
                g = torch.ones((), dtype=dtype).expand(g.shape)  # as y.sum().backward() gives
            for y in ys:
                y.backward(g)
            a, b = (v.grad.double() for v in given)
            if not torch.allclose(a, b, rtol=TOLERANCE[dtype], atol=3 * TOLERANCE[dtype]):
                wrong.append((shape, name, ties, layout.stride()))
    assert not wrong, (len(wrong), wrong[:5])


def test_a_selection_saves_one_byte_an_output() -> None:
    x = torch.randn(2, 3, 32, 32, requires_grad=True)
    sizes = list[int]()
    with torch.autograd.graph.saved_tensors_hooks(lambda t: (sizes.append(t.nbytes), t)[1], lambda t: t):
        y = ap.pool(x, ap.sliding((3, 3), 1, 1), "max")
    assert sorted(sizes) == sorted([x.nbytes, y.numel()])


@pytest.mark.parametrize("windows", [ap.whole(), ap.adaptive((1, 1)), ap.sliding((2, 3), 1)], ids=str)
@pytest.mark.parametrize("shape", [(2, 1, 1, 1), (1, 1, 1, 5), (1, 1, 5, 1), (1, 1, 5, 5), (1, 1, 1, 1)], ids=str)
def test_weights_that_broadcast_along_pooled_axes(shape: tuple[int, ...], windows: Any) -> None:
    g = torch.Generator().manual_seed(0)
    x, w = (torch.rand(n, generator=g, dtype=torch.float64) + 0.5 for n in ((2, 3, 5, 5), shape))
    for fold, name in itertools.product(("mean", "sum"), ("weights", "log_weights")):
        found: list[Any] = []
        for backend in (None, "reference"):
            leaves = [t.clone().requires_grad_() for t in (x, w)]
            y = ap.pool(leaves[0], windows, fold, axes=(2, 3), backend=backend, **{name: leaves[1]})
            found.append(torch.autograd.grad((y * y).sum(), leaves))
        for got, want in zip(*found, strict=True):
            torch.testing.assert_close(got, want, rtol=1e-9, atol=1e-12)
