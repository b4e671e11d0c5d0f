"""torch.compile with fullgraph keeps windows made of tensors: boxes, groups, segments;
gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from sampling import spread

import anypool as ap
import anypool.nn as ann
import anypool.nn.functional as F

X = torch.randn(2, 4, 12, 13, generator=torch.Generator().manual_seed(0))
ROWS = torch.tensor([[0, 1.0, 1, 7.5, 8], [1, 2, 3, 9.2, 9], [0, 0.2, 0.1, 4, 4.3]])
TURNED = torch.tensor([[0, 5.0, 5, 4, 6, 30]])
OFFSETS = torch.randn(3, 2, 2, 2, generator=torch.Generator().manual_seed(1))
LABELS = torch.randint(-1, 5, (12, 13), generator=torch.Generator().manual_seed(2))
RUNS = torch.tensor([0, 3, 3, 9])
MADE = ap.boxes(ROWS.numpy(), 3, scale=0.9, reading="sampled")
ABSENT = ap.boxes(ROWS, 3, scale=0.9, reading="exact", border="absent")
GROUPS = ap.groups(LABELS.numpy(), count=6)

# A call, and what it is given beside x; what learns is every float among it.
CASES: dict[str, tuple[Callable[..., Any], list[Any]]] = {
    "whole elements": (lambda x, b: ap.pool(x * 2, ap.boxes(b, (3, 2)), "max") + 1, [ROWS]),
    "points and their boxes": (lambda x, b: ap.pool(x, ap.boxes(b, (3, 2), reading="sampled"), "mean"), [ROWS]),
    "integrals and their boxes": (lambda x, b: ap.pool(x, ap.boxes(b, 2, reading="exact"), ap.Lp(3)), [ROWS]),
    "a list of boxes": (
        lambda x, a, b: ap.pool(x, ap.boxes([a, b], 2, reading="exact"), "sum"),
        [ROWS[::2, 1:], ROWS[1:2, 1:]],
    ),
    "boxes of numbers": (lambda x: ap.pool(x * 2, ap.boxes([[0, 1, 1, 5, 5.0]], 3), "median"), []),
    "rotated": (lambda x, b: ap.pool(x, ap.boxes(b, 2, reading="sampled", rotated="clockwise")), [TURNED]),
    "offsets": (lambda x, b, o: ap.pool(x, ap.boxes(b, 2, reading="sampled", offsets=o)), [ROWS, OFFSETS]),
    "boxes made outside": (lambda x: ap.pool(x * 2, MADE, ("max", "mean"))[1], []),
    "without a border": (lambda x: ap.pool(x * 2, ABSENT, "max"), []),
    "weights": (lambda x, b, w: ap.pool(x, ap.boxes(b, 2), "mean", weights=w), [ROWS, X.abs()]),
    "torchvision's": (lambda x, b: F.roi_align(x, b, 3, 0.9, 2, True) + F.roi_pool(x, b, (3, 3)), [ROWS]),
    "position-sensitive": (lambda x, b: F.ps_roi_align(x, b, 2) + F.ps_roi_pool(x, b, 2), [ROWS]),
    "groups": (lambda x, i: ap.pool(x * 2, ap.groups(i, count=5), "std") + 1, [LABELS]),
    "groups nobody counted": (lambda x, i: ap.pool(x * 2, ap.groups(i), "mean") * 2, [LABELS]),
    "groups made outside": (lambda x: ap.pool(x * 2, GROUPS, "sum"), []),
    "groups of numbers": (lambda x: ap.pool(x, ap.groups([0, 1, 1, 0, 2, 2, 0, 1, 2, 1, 1, 0]), "max", axes=2), []),
    "segments": (lambda x, o: ap.pool(x * 2, ap.segments(o), "sum", axes=2) + 1, [RUNS]),
    "lengths": (lambda x, n: ap.pool(x, ap.segments(lengths=n), "logsumexp", axes=2), [torch.tensor([2, 3, 5])]),
}


def _pooled(call: Any, given: list[Any]) -> list[Any]:
    """The values and every gradient."""
    made = [t.clone().requires_grad_(t.is_floating_point()) for t in (X, *given)]
    y = call(*made)
    (y * torch.arange(y.numel()).view(y.shape)).sum().backward()
    return [y.detach(), *(t.grad for t in made)]


@pytest.mark.parametrize("name", spread(CASES, 3, "regions"))
def test_the_same_numbers_and_gradients(name: str) -> None:
    torch._dynamo.reset()
    call, given = CASES[name]
    found = [_pooled(f, given) for f in (call, torch.compile(call, fullgraph=True, backend="aot_eager"))]
    for eager, traced in zip(*found, strict=True):
        if eager is not None:
            torch.testing.assert_close(traced, eager)
        else:
            assert traced is None or not traced.any()


@pytest.mark.parametrize("outside", [False, True], ids=["made inside", "made outside"])
def test_one_graph_serves_any_number_of_boxes(outside: bool) -> None:
    torch._dynamo.reset()
    graphs: list[Any] = []

    def backend(graph: Any, inputs: Any) -> Any:
        graphs.append(graph)
        return graph

    def call(x: Any, b: Any) -> Any:
        return ap.pool(x * 2, b if outside else ap.boxes(b, 2, reading="sampled"), "max")

    compiled = torch.compile(call, fullgraph=True, dynamic=True, backend=backend)
    for many in (3, 5, 8):
        rows = ROWS[:1].repeat(many, 1)
        windows = ap.boxes(rows, 2, reading="sampled")
        torch.testing.assert_close(compiled(X, windows if outside else rows), ap.pool(X * 2, windows, "max"))
    assert len(graphs) == 1


@pytest.mark.parametrize("dtype", [torch.int32, torch.uint8])
@pytest.mark.parametrize("reduction", ["median", "mean", "sum", "argmax", "any"])
def test_types_of_integers(dtype: Any, reduction: str) -> None:
    torch._dynamo.reset()
    x = (X.abs() * 9).to(dtype)

    def call(x: Any, b: Any) -> Any:
        return ap.pool(x, ap.boxes(b, (3, 3)), reduction)

    compiled, eager = torch.compile(call, fullgraph=True, backend="aot_eager")(x, ROWS[:1]), call(x, ROWS[:1])
    torch.testing.assert_close(compiled, eager)


def test_errors_are_raised_when_the_graph_runs() -> None:
    torch._dynamo.reset()
    compiled = torch.compile(lambda x, b: ap.pool(x, ap.boxes(b, 2), "max"), fullgraph=True, backend="aot_eager")
    with pytest.raises(ap.PoolingError, match="finite"):
        compiled(X, ROWS * torch.tensor([1, 1, 1, 1, float("nan")]))


def test_a_layer_of_boxes() -> None:
    torch._dynamo.reset()
    layer = ann.BoxPool((2, 2), "median", reading="exact")
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(X, ROWS), layer(X, ROWS))


@pytest.mark.slow
def test_inductor_and_channels_last() -> None:
    torch._dynamo.reset()
    x = X.contiguous(memory_format=torch.channels_last)

    def call(x: Any, b: Any, i: Any) -> Any:
        return ap.pool(x * 2, ap.boxes(b, 2, reading="exact"), "mean").sum() + ap.pool(x, ap.groups(i), "max").sum()

    found: list[Any] = []
    for f in (call, torch.compile(call, fullgraph=True)):
        given = x.clone().requires_grad_(), ROWS.clone().requires_grad_()
        y = f(*given, LABELS)
        y.backward()
        found.append((y.detach(), *(t.grad for t in given)))
    for eager, traced in zip(*found, strict=True):
        torch.testing.assert_close(traced, eager)


def test_the_operators_hold_torchs_own_rules() -> None:
    torch._dynamo.reset()
    seen: list[Any] = []

    def backend(graph: Any, inputs: Any) -> Any:
        seen.extend(node for node in graph.graph.nodes if "anypool" in str(node.target))
        return graph

    torch.compile(lambda x, b: ap.pool(x, ap.boxes(b, 2), "max"), fullgraph=True, backend=backend)(X, ROWS)
    spec = seen[0].args[-1]
    given = X.clone().requires_grad_(), None, None, [ROWS], [], [], spec
    torch.library.opcheck(torch.ops.anypool.forward.default, given, test_utils=("test_schema", "test_faketensor"))
    assert np.prod(torch.ops.anypool.forward(*given).shape) == 3 * 4 * 2 * 2
