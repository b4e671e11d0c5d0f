"""torch.compile with fullgraph builds one graph for all values of a number in the arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from sampling import spread
from torch._dynamo.testing import CompileCounterWithBackend

import anypool as ap

X = torch.randn(2, 3, 12, 13, generator=torch.Generator().manual_seed(0)).abs() + 0.01
W = ap.sliding((3, 3), 2, 1)
P = torch.nn.Parameter(torch.tensor(3.0))
ROWS = torch.tensor([[0, 1.0, 1, 7.5, 8], [1, 2, 3, 9.2, 9]])
SHARES = [0.05 * i for i in range(1, 11)]
SIZES = list(range(1, 11))

# A call, and the values of one of its numbers: more than the eight graphs that torch allows.
INSIDE: dict[str, tuple[Callable[[Any, Any], Any], list[Any]]] = {
    "Lp": (lambda x, p: ap.pool(x, W, ap.Lp(1 + p)), SHARES),
    "PowerMean": (lambda x, p: ap.pool(x, W, ap.PowerMean(p, form="signed")), SHARES),
    "eps of a p that learns": (lambda x, e: ap.pool(x, W, ap.PowerMean(P, eps=e)), SHARES),
    "LogSumExp": (lambda x, r: ap.pool(x, W, ap.LogSumExp(r)), SHARES),
    "SoftPool": (lambda x, b: ap.pool(x, W, ap.SoftPool(b)), SHARES),
    "Var": (lambda x, d: ap.pool(x, W, ap.Var(d)), SHARES),
    "Quantile": (lambda x, q: ap.pool(x, W, ap.Quantile(q)), SHARES),
    "several quantiles": (lambda x, q: ap.pool(x, W, ap.Quantile([q, 0.5, 1 - q / 2])), SHARES),
    "a smooth quantile": (lambda x, h: ap.pool(x, W, ap.Quantile(0.3, smooth=h)), SHARES),
    "Range": (lambda x, q: ap.pool(x, W, ap.Range(q / 2, q)), SHARES),
    "TrimmedMean": (lambda x, q: ap.pool(x, W, ap.TrimmedMean(q / 2, q / 3)), SHARES),
    "Ordinal": (lambda x, v: ap.pool(x, W, ap.Ordinal([1, v, *[0.0] * 7])), SHARES),
    "Rank": (lambda x, k: ap.pool(x, ap.sliding((4, 4)), ap.Rank(k)), [k - 6 for k in SIZES]),
    "KMax": (lambda x, k: ap.pool(x, ap.sliding((4, 4)), ap.KMax(k)), SIZES),
    "a size": (lambda x, k: ap.pool(x, ap.sliding((k, 3)), "max"), SIZES),
    "one size": (lambda x, k: ap.pool(x, ap.sliding(k, 1, "same"), "mean", axes=(2, 3)), SIZES),
    "a stride": (lambda x, s: ap.pool(x, ap.sliding((3, 2), s), "max"), SIZES),
    "a padding": (lambda x, p: ap.pool(x, ap.sliding((3, 3), 2, ((p, 1), (0, p)), border=0.0), "mean"), SIZES),
    "a dilation": (lambda x, d: ap.pool(x, ap.sliding((2, 2), 1, 0, d), "min"), SIZES),
    "a border": (lambda x, c: ap.pool(x, ap.sliding((3, 3), 1, 1, border=c), "max"), SHARES),
    "a divisor": (lambda x, n: ap.pool(x, ap.sliding((3, 3), 1, 1, count=n), "mean"), SHARES),
    "adaptive": (lambda x, n: ap.pool(x, ap.adaptive((n, None)), "median"), SIZES),
    "a level": (lambda x, n: ap.pool(x, ap.pyramid([1, n]), "max", axes=(2, 3)), SIZES),
    "fractional": (lambda x, n: ap.pool(x, ap.fractional((n, 5), seed=n), "max"), SIZES),
    "a scale": (lambda x, s: ap.pool(x, ap.boxes(ROWS, 2, scale=1 + s, reading="exact"), "mean"), SHARES),
    "bins": (lambda x, n: ap.pool(x, ap.boxes(ROWS, n), "max"), SIZES),
    "an offset": (lambda x, n: ap.pool(x, ap.segments([0, n, 12]), "sum", axes=2), SIZES),
    "empty": (lambda x, v: ap.pool(x, ap.segments([0, 0, 12]), "mean", axes=2, empty=v), SHARES),
}

OUTSIDE: dict[str, list[Any]] = {
    "Lp": [(W, ap.Lp(1 + q)) for q in SHARES],
    "Quantile": [(W, ap.Quantile(q)) for q in SHARES],
    "where a quantile lies": [(W, ap.Place(ap.Quantile(q, "lower"))) for q in SHARES],
    "Rank": [(ap.whole(), ap.Rank(k)) for k in SIZES],
    "Ordinal": [(W, ap.Ordinal([1, q, *[0.0] * 7])) for q in SHARES],
    "a parameter that learns": [(W, ap.PowerMean(P, eps=q)) for q in SHARES],
    "sizes": [(ap.sliding((k, k)), "max") for k in SIZES],
    "adaptive": [(ap.adaptive((k, k)), "mean") for k in SIZES],
}


def _pooled(call: Any, x: Any, *more: Any) -> tuple[Any, Any, Any]:
    """The values and the gradients."""
    x, P.grad = x.clone().requires_grad_(), None
    y = call(x, *more)
    if y.requires_grad:
        (y * torch.arange(y.numel()).view(y.shape)).sum().backward()
    return y.detach(), x.grad, P.grad


def _graphs(call: Any, values: list[Any], backend: str = "aot_eager") -> int:
    """The number of graphs for all values; each result and gradient equals the one without
    compile."""
    torch._dynamo.reset()
    counter = CompileCounterWithBackend(backend)
    compiled = torch.compile(call, fullgraph=True, backend=counter)
    for value in values:
        for eager, traced in zip(_pooled(call, X, value), _pooled(compiled, X, value), strict=True):
            assert (eager is None) == (traced is None)
            if eager is not None:
                torch.testing.assert_close(traced, eager)
    return counter.frame_count


@pytest.mark.parametrize("name", spread(INSIDE, 3, "inside"))
def test_numbers_of_objects_made_inside(name: str) -> None:
    assert _graphs(*INSIDE[name]) <= 3  # the first value, all others, and a size of 1, which torch keeps apart


@pytest.mark.parametrize("name", spread(OUTSIDE, 2, "outside"))
def test_objects_made_outside(name: str) -> None:
    axes = (2, 3) if name == "Rank" else None
    assert _graphs(lambda x, o: ap.pool(x * 2, *o, axes=axes), OUTSIDE[name]) <= 3


def test_sizes_of_the_input_are_symbols_too() -> None:
    torch._dynamo.reset()
    counter = CompileCounterWithBackend("aot_eager")

    def call(x: Any) -> Any:
        return ap.pool(x * 2, ap.sliding((x.shape[2] // 2, 3), 1), "max")

    compiled = torch.compile(call, fullgraph=True, dynamic=True, backend=counter)
    for n in (12, 9, 30, 17, 8, 16, 11, 23, 40, 6):
        x = torch.randn(1, 2, n, n + 1)
        torch.testing.assert_close(compiled(x), call(x))
    assert counter.frame_count == 1


def test_a_number_that_is_refused_is_refused() -> None:
    torch._dynamo.reset()
    compiled = torch.compile(lambda x, q: ap.pool(x, W, ap.Quantile(q)), backend="aot_eager")
    for q in (0.1, 0.2, 0.3):
        compiled(X, q)
    with pytest.raises(ap.PoolingError, match="outside 0 … 1"):
        compiled(X, 1.5)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["Lp", "several quantiles", "a padding", "a border"])
def test_inductor(name: str) -> None:
    assert _graphs(*INSIDE[name], backend="inductor") <= 3
