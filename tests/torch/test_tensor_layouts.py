"""The memory of a tensor changes no result: x, weights, gradients, boxes, `out`; in cached calls
too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import odd_memory
import pytest
import torch

import anypool as ap

LAZY: list[Callable[[Any], Any]] = [odd_memory.negative, odd_memory.at_odd_address, odd_memory.nothing]
SQUARE = ap.sliding((3, 3), 1, 1)
BOXES = torch.tensor([[0.0, 1.0, 1.0, 5.0, 5.0], [1.0, 0.0, 2.0, 6.0, 7.5]])
WINDOWS: list[Any] = [
    (ap.sliding((2, 2)), None),
    (SQUARE, None),
    (ap.sliding((3, 3), 1, taps=np.arange(9.0).reshape(3, 3)), None),
    (ap.adaptive((3, 2)), None),
    (ap.pyramid([1, 2]), (2, 3)),
    (ap.groups([1, 0, 1, 2, 0, 1, 1, 2]), 2),
    (ap.boxes(BOXES, 2), None),
    (ap.boxes(BOXES, 2, reading="sampled"), None),
    (ap.whole(), (2, 3)),
]
NAMES: list[Any] = ["mean", "max", "range", "std", "softpool", "logsumexp", ap.Lp(3), ap.PowerMean(3), "prod"]
ORDERS: list[Any] = ["median", ap.Quantile(0.3), ap.Rank(0), ap.TrimmedMean(0.2, 0.1)]


def numbers(*shape: int) -> Any:
    return torch.randn(shape, generator=torch.Generator().manual_seed(3), dtype=torch.float32)


def places(windows: Any) -> list[str]:
    """An interpolated point lies nowhere."""
    return [] if getattr(windows, "reading", "") == "sampled" else ["argmax"]


def same(got: Any, want: Any) -> None:
    torch.testing.assert_close(got, want, rtol=1e-5, atol=1e-6, equal_nan=True)


@pytest.mark.parametrize("way", LAZY)
@pytest.mark.parametrize("windows,axes", WINDOWS)
def test_x_and_its_gradient(windows: Any, axes: Any, way: Any) -> None:
    """x and its gradient are lazy; a plain tensor of that form was pooled before."""
    other = way(numbers(2, 3, 8, 8))
    x = torch.clone(other.resolve_neg()).contiguous() + 0
    for reduction in [*NAMES, *ORDERS, "mode", *places(windows)]:
        want = ap.pool(x, windows, reduction, axes=axes, empty=0)
        ap.pool(x, windows, reduction, axes=axes, empty=0)
        for _ in "ab":
            same(ap.pool(other, windows, reduction, axes=axes, empty=0), want)
        if not want.is_floating_point() or reduction == "mode":
            continue
        g = way(numbers(*want.shape))
        plain = g.resolve_neg().clone() + 0
        for v in (x, other):
            leaf = v.detach().requires_grad_()
            for given in (plain, g):
                y = ap.pool(leaf, windows, reduction, axes=axes, empty=0)
                (got,) = torch.autograd.grad(y, leaf, given)
                if v is x and given is plain:
                    right = got
                same(got, right)


@pytest.mark.parametrize("way", [*LAZY, odd_memory.odd_tensor])
@pytest.mark.parametrize("windows,axes", WINDOWS)
def test_weights(windows: Any, axes: Any, way: Any) -> None:
    x = numbers(2, 3, 8, 8)
    w = numbers(2, 3, 8, 8).abs() if way is not odd_memory.odd_tensor else numbers(2, 3, 8, 8) > 0
    other = way(w)
    plain = other.resolve_neg().clone() + 0 if w.is_floating_point() else w
    for reduction in ("sum", "mean", "max", "std", "median", "count"):
        want = ap.pool(x, windows, reduction, axes=axes, weights=plain, empty=0)
        same(ap.pool(x, windows, reduction, axes=axes, weights=other, empty=0), want)


@pytest.mark.parametrize("windows,axes", WINDOWS)
def test_bools(windows: Any, axes: Any) -> None:
    x = numbers(2, 3, 8, 8) > 0
    for reduction in ("sum", "mean", "max", "any", "all", "count", *places(windows)):
        want = ap.pool(x, windows, reduction, axes=axes, empty=0)
        ap.pool(x, windows, reduction, axes=axes, empty=0)
        same(ap.pool(odd_memory.odd_tensor(x), windows, reduction, axes=axes, empty=0), want)


def test_against_torch() -> None:
    """The library's own answers are no witness: torch's."""
    x = numbers(2, 3, 8, 8)
    for way in LAZY[:2]:
        for _ in "ab":
            same(ap.pool(way(x), ap.sliding((2, 2)), "max"), torch.nn.functional.max_pool2d(x, 2))
            same(ap.pool(way(x), ap.sliding((2, 2)), "mean"), torch.nn.functional.avg_pool2d(x, 2))
        leaf, theirs = x.clone().requires_grad_(), x.clone().requires_grad_()
        g = numbers(2, 3, 4, 4)
        ap.pool(leaf, ap.sliding((2, 2)), "mean").backward(way(g))
        torch.nn.functional.avg_pool2d(theirs, 2).backward(g)
        same(leaf.grad, theirs.grad)
    bools = torch.tensor([255, 0, 2, 1], dtype=torch.uint8).view(torch.bool)
    assert ap.pool(bools, ap.whole(), "sum", axes=0).tolist() == [3]
    assert ap.pool(torch.ones(4), ap.whole(), "sum", axes=0, weights=bools).tolist() == [3.0]


def test_gradients_of_lazy_weights_and_boxes() -> None:
    x = numbers(2, 3, 8, 8)
    w = numbers(2, 3, 8, 8).abs()
    for way in LAZY[:2]:
        plain, other = w.clone().requires_grad_(), way(w).requires_grad_()
        for leaf in (plain, other):
            y = ap.pool(x, SQUARE, "mean", weights=leaf)
            y.backward(way(numbers(*y.shape)))
        same(other.grad, plain.grad)
        plain, other = BOXES.clone().requires_grad_(), way(BOXES).requires_grad_()
        for leaf in (plain, other):
            y = ap.pool(x, ap.boxes(leaf, 2, reading="exact"), "mean")
            y.backward(way(numbers(*y.shape)))
        same(other.grad, plain.grad)
        offsets = numbers(2, 2, 2, 2)
        want = ap.pool(x, ap.boxes(BOXES, 2, reading="sampled", offsets=offsets), "mean")
        same(ap.pool(x, ap.boxes(way(BOXES), 2, reading="sampled", offsets=way(offsets)), "mean"), want)


def test_taps_and_parameters_that_are_lazy() -> None:
    x, taps = numbers(2, 3, 8, 8).abs() + 0.1, torch.tensor([0.5, 1.0, 2.0])
    for made in (odd_memory.negative(taps), odd_memory.at_odd_address(taps), taps.to(torch.bfloat16)):
        same(ap.pool(x, ap.sliding((3, 3), taps=made), "sum"), ap.pool(x, ap.sliding((3, 3), taps=taps), "sum"))
        both = ap.sliding((3, 3), taps=(made, made))
        same(ap.pool(x, both, "sum"), ap.pool(x, ap.sliding((3, 3), taps=taps), "sum"))
    p = torch.tensor([1.0, 2.0, 3.0]).reshape(3, 1, 1)
    for made in (odd_memory.negative(p), odd_memory.at_odd_address(p)):
        same(ap.pool(x, SQUARE, ap.PowerMean(made)), ap.pool(x, SQUARE, ap.PowerMean(p)))
    ball = torch.tensor([[0, 255, 0], [2, 1, 255], [0, 128, 0]], dtype=torch.uint8).view(torch.bool)
    same(
        ap.pool(x, ap.sliding((3, 3), 1, taps=ball), "sum"), ap.pool(x, ap.sliding((3, 3), 1, taps=ball.float()), "sum")
    )


@pytest.mark.parametrize("way", LAZY[:2])
@pytest.mark.parametrize("reduction", ["max", "mean", "median", "softpool"])
def test_out(reduction: str, way: Any) -> None:
    x = numbers(2, 3, 8, 8)
    want = ap.pool(x, SQUARE, reduction)
    out = way(torch.ones_like(want))
    for _ in "ab":
        out.fill_(-7)
        assert ap.pool(x, SQUARE, reduction, out=out) is out
        same(out.resolve_neg(), want)


def test_weights_from_numpy() -> None:
    """Weights in other libraries' memory: swapped, backwards, locked, in rows."""
    x, w = torch.ones(6), np.array([1.0, 2.0, 0.0, 1.0, 3.0, 1.0])
    locked = w.copy()
    locked.flags.writeable = False
    given: list[Any] = [way(w) for way in odd_memory.NUMBERS]
    given += [
        w[::-1][::-1],
        w[::-1].copy()[::-1],
        locked,
        w.tolist(),
        tuple(w.tolist()),
        w.astype("u2"),
        w.astype("f2"),
    ]
    given += [w.astype(np.longdouble), torch.tensor(w).to(torch.bfloat16), torch.tensor(w).to(torch.float8_e4m3fn)]
    given += [torch.tensor(w).to(getattr(torch, n)) for n in ("uint16", "uint32", "uint64", "int8")]
    for made in given:
        assert ap.pool(x, ap.sliding((2,)), "sum", weights=made).tolist() == [3.0, 1.0, 4.0], made
    assert ap.pool(np.ones(6), ap.sliding((2,)), "sum", weights=odd_memory.negative(torch.tensor(w))).tolist() == [
        3,
        1,
        4,
    ]
    with pytest.raises(ap.PoolingError, match="weights learn"):
        ap.pool(np.ones(6), ap.sliding((2,)), "sum", weights=torch.ones(6, requires_grad=True))
