"""A caller may write to a result: in-place activations after each layer and function, as in
torch."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from torch import nn

import anypool as ap

F = ap.nn.functional
LABELS = torch.arange(36).reshape(6, 6) % 5
ROWS = torch.tensor([[0.0, 0.2, 0.4, 4.1, 5.3], [1.0, 1.1, 0.3, 5.2, 3.9]], dtype=torch.float64)
LEARNED: dict[str, Any] = {
    "GeM": lambda p: ap.PowerMean(p),
    "geometric": lambda p: ap.PowerMean(p * 0),
    "LogSumExp": lambda p: ap.LogSumExp(p),
    "SoftPool": lambda p: ap.SoftPool(p),
    "Lp": lambda p: ap.Lp(p),
}
REDUCTIONS: dict[str, Any] = {
    **{k: k for k in "sum mean max min prod range rms var std logsumexp softpool median".split()},
    **{repr(r): r for r in (ap.Lp(3), ap.Lp(float("inf")), ap.PowerMean(3.0), ap.PowerMean(0.0))},
    **{repr(r): r for r in (ap.PowerMean(3.0, form="signed"), ap.LogMeanExp(2.0), ap.Quantile(0.3), ap.KMax(2))},
    **{repr(r): r for r in (ap.Rank(1), ap.TopKMean(2), ap.TrimmedMean(0.2, 0.2), ap.Mode())},
}
WINDOWS: dict[str, Any] = {
    "square": ap.sliding((3, 3), 2, 1),
    "one": ap.sliding((1, 1)),
    "mirrored": ap.sliding((3, 3), 1, 1, border="reflect"),
    "taps": ap.sliding((2, 2), taps=[[1.0, 2], [3, 4]]),
    "real": ap.sliding((2.5, 2.5)),
    "adaptive": ap.adaptive((4, 3)),
    "whole": ap.whole(),
    "pyramid": ap.pyramid([1, 2]),
    "groups": ap.groups(LABELS),
}
LAYOUTS: dict[str, Any] = {
    "rows": lambda x: x,
    "channels last": lambda x: x.contiguous(memory_format=torch.channels_last),
    "turned": lambda x: x.transpose(2, 3).contiguous().transpose(2, 3),
}


def drawn(seed: int = 0) -> torch.Tensor:
    """(2, 3, 6, 6) different numbers, above 0.1 apart from a few."""
    generator = torch.Generator().manual_seed(seed)
    return (torch.randperm(216, generator=generator).double() / 60 + 0.05).reshape(2, 3, 6, 6)


def written(y: Any) -> torch.Tensor:
    """Each result after two activations in place, in one sum of different shares."""
    many = y if isinstance(y, tuple) else (y,)
    total = torch.zeros((), dtype=torch.float64)
    for t in many:
        if t.is_floating_point():
            t = nn.ReLU(inplace=True)(t.mul_(0.5))
            total = total + (t.double() * torch.arange(1.0, t.numel() + 1, dtype=torch.float64).reshape(t.shape)).sum()
    return total


def same_slope(call: Any, x: torch.Tensor, *more: torch.Tensor) -> None:
    """The gradient is the slope that two values show, and x is what it was."""
    leaves = [t.detach().clone(memory_format=torch.preserve_format).requires_grad_() for t in (x, *more)]
    before = [t.detach().clone() for t in leaves]
    torch.autograd.grad(written(call(*leaves)), leaves)  # a call that is seen again takes a shorter way
    found = torch.autograd.grad(written(call(*leaves)), leaves)
    assert all(torch.equal(t.detach(), b) for t, b in zip(leaves, before, strict=True))
    generator = torch.Generator().manual_seed(1)
    for leaf, slope in zip(leaves, found, strict=True):
        way = torch.randn(leaf.shape, generator=generator, dtype=leaf.dtype)
        ends = [
            written(call(*(t.detach() + s * 1e-6 * way if t is leaf else t.detach() for t in leaves))) for s in (1, -1)
        ]
        wanted = float((ends[0] - ends[1]) / 2e-6)
        assert float((slope * way).sum()) == pytest.approx(wanted, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("layout", list(LAYOUTS))
@pytest.mark.parametrize("windows", list(WINDOWS))
@pytest.mark.parametrize("reduction", list(REDUCTIONS))
def test_every_reduction_and_window(reduction: str, windows: str, layout: str) -> None:
    try:
        ap.pool(drawn(), WINDOWS[windows], REDUCTIONS[reduction], axes=(2, 3))
    except ap.PoolingError:
        pytest.skip("this reduction has no such windows")
    same_slope(lambda x: ap.pool(x, WINDOWS[windows], REDUCTIONS[reduction], axes=(2, 3)), LAYOUTS[layout](drawn()))


@pytest.mark.parametrize("windows", ["square", "whole", "groups", "pyramid"])
@pytest.mark.parametrize("learned", list(LEARNED))
def test_parameters_that_learn(learned: str, windows: str) -> None:
    p = torch.tensor(2.5, dtype=torch.float64)
    same_slope(lambda x, p: ap.pool(x, WINDOWS[windows], LEARNED[learned](p), axes=(2, 3)), drawn(), p)


@pytest.mark.parametrize(
    "reduction", ["sum", "mean", "std", "softpool", "logsumexp", "median", "max", ap.PowerMean(2.0)]
)
@pytest.mark.parametrize("windows", ["square", "whole", "groups"])
def test_weights_masks_and_nan(windows: str, reduction: Any) -> None:
    w = drawn(3) + 0.5
    mask, hole = drawn(4) > 0.6, drawn().masked_fill(drawn(5) < 0.3, float("nan"))
    call: Any = lambda x, **o: ap.pool(x, WINDOWS[windows], reduction, axes=(2, 3), empty=0.0, **o)  # noqa: E731
    if reduction not in ("max", "median"):
        same_slope(lambda x, w: call(x, weights=w), drawn(), w)
    same_slope(lambda x: call(x, weights=mask), drawn())
    same_slope(lambda x: call(torch.where(hole.isnan(), hole, x), nan="omit"), drawn())
    same_slope(lambda x: call(x, backend="reference"), drawn())


MODULES: dict[str, Any] = {
    **{f"{k}Pool2d": getattr(ap.nn, f"{k}Pool2d")(2) for k in ("Max", "Avg", "AdaptiveAvg", "AdaptiveMax")},
    "indices": ap.nn.MaxPool2d(3, 1, return_indices=True),
    "LPPool2d": ap.nn.LPPool2d(2, 2),
    "LPPool2d(3)": ap.nn.LPPool2d(3, 3, 1),
    "Fractional": ap.nn.FractionalMaxPool2d(2, 3, _random_samples=torch.full((2, 3, 2), 0.4, dtype=torch.float64)),
    "Pyramid": ap.nn.SpatialPyramid([1, 2], "std"),
    "tuple": ap.nn.Pool2d(2, ("max", "softpool", "std")),
    "std pair": ap.nn.Pool2d(ap.sliding((3, 3), 1, 1), "var"),
}
REGIONS: dict[str, Any] = {
    "RoIAlign": ap.nn.RoIAlign(2, 1.0, 2),
    "RoIPool": ap.nn.RoIPool(2, 1.0),
    "softpool": ap.nn.BoxPool((2, 2), "softpool", reading="quantised"),
    "std": ap.nn.BoxPool((2, 2), "std", reading="exact"),
    "median": ap.nn.BoxPool((2, 2), "median", reading="quantised", empty=0.0),
    "GeM": ap.nn.BoxPool((2, 2), ap.PowerMean(3.0), reading="sampled"),
    "PSRoIAlign": lambda x, r: ap.nn.PSRoIAlign(2, 1.0, 2)(x[:, :1].expand(-1, 4, -1, -1), r),
    "PSRoIPool": lambda x, r: ap.nn.PSRoIPool(2, 1.0)(x[:, :1].expand(-1, 4, -1, -1), r),
}


@pytest.mark.parametrize("layout", list(LAYOUTS))
@pytest.mark.parametrize("name", list(MODULES))
def test_every_layer(name: str, layout: str) -> None:
    same_slope(MODULES[name], LAYOUTS[layout](drawn()))


@pytest.mark.parametrize("layout", list(LAYOUTS))
@pytest.mark.parametrize("name", list(REGIONS))
def test_every_region_layer(name: str, layout: str) -> None:
    same_slope(lambda x: REGIONS[name](x, ROWS), LAYOUTS[layout](drawn()))


def test_runs_along_one_axis() -> None:
    for reduction in ("mean", "std", "softpool", "median", "max"):
        same_slope(lambda x, r=reduction: ap.pool(x, ap.segments(lengths=[1, 3, 2]), r, axes=3), drawn())
        same_slope(lambda x, r=reduction: ap.nn.Pool1d(2, r)(x[0]), drawn())


def test_reused_memory() -> None:
    """Results from 4 MiB on lie in memory of ours."""
    x = torch.rand(2, 16, 256, 256, requires_grad=True)
    for windows, reduction in ((ap.sliding((3, 3), 1, 1), "max"), (ap.sliding((3, 3), 1, 1), "softpool")):
        y = ap.pool(x, windows, reduction, axes=(2, 3))
        assert y.numel() * 4 >= 2**22
        found = torch.autograd.grad(nn.Hardtanh(0, 0.5, inplace=True)(y).sum(), x)
        kept = nn.Hardtanh(0, 0.5)(ap.pool(x, windows, reduction, axes=(2, 3)))
        torch.testing.assert_close(found, torch.autograd.grad(kept.sum(), x))


@pytest.mark.parametrize("layout", list(LAYOUTS))
@pytest.mark.parametrize("reduction", ["max", "softpool", "median", "argmax"])
def test_frozen_features_may_be_scaled_by_what_learns(reduction: str, layout: str) -> None:
    """torch refuses to write to a view made without gradients."""
    x, scale = LAYOUTS[layout](drawn()), torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
    for windows in (ap.sliding((2, 2)), ap.whole(), ap.adaptive((2, 3)), ap.groups(LABELS)):
        for _ in range(2):  # a repeated call takes another way
            with torch.no_grad():
                y = ap.pool(x, windows, reduction, axes=(2, 3))
            assert not y._is_view()
        if y.is_floating_point():
            wanted = float(y.sum())
            y.mul_(scale).sum().backward()
            assert float(scale.grad) == pytest.approx(wanted)
            scale.grad = None


@pytest.mark.parametrize("numpy", [False, True])
def test_a_result_is_never_the_memory_of_x(numpy: bool) -> None:
    whole = {"max": ap.whole(), "sum": ap.sliding((1, 1)), "mean": ap.adaptive((None, None)), "median": ap.whole()}
    for (reduction, windows), shape in itertools.product(whole.items(), ((2, 3, 1, 1), (2, 3, 4, 4))):
        x: Any = torch.rand(shape, dtype=torch.float64)
        x = x.numpy() if numpy else x
        before = x.copy() if numpy else x.clone()
        y = ap.pool(x, windows, reduction, axes=(2, 3))
        y[...] = -1
        assert (x == before).all()


def test_transforms_may_write_too() -> None:
    x = drawn()
    for reduction in ("logsumexp", "std", "max", "median", ap.PowerMean(0.0)):
        made: Any = lambda v, r=reduction: ap.pool(v, ap.sliding((2, 2)), r, axes=(1, 2))  # noqa: E731
        each = torch.func.vmap(torch.func.grad(lambda v, f=made: f(v).relu_().sum()))(x)
        torch.testing.assert_close(each, torch.func.vmap(torch.func.grad(lambda v, f=made: f(v).relu().sum()))(x))


def test_torch_still_guards_x_for_backward() -> None:
    """Writing to x after the call is an error, as for torch's own layers."""
    x = drawn().requires_grad_()
    held = x * 1
    y = ap.pool(held, ap.sliding((2, 2)), "softpool", axes=(2, 3))
    held.zero_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_retained_graphs_and_saved_tensor_hooks() -> None:
    x = drawn().requires_grad_()
    wanted = torch.autograd.grad(ap.pool(x, ap.sliding((2, 2)), "std", axes=(2, 3)).relu().sum(), x)[0]
    with torch.autograd.graph.save_on_cpu():
        y = ap.pool(x, ap.sliding((2, 2)), "std", axes=(2, 3)).relu_()
    for keep in (True, False):
        torch.testing.assert_close(torch.autograd.grad(y.sum(), x, retain_graph=keep)[0], wanted)
    block = nn.Sequential(ap.nn.Pool2d(2, "std"), nn.ReLU(inplace=True))
    again = torch.utils.checkpoint.checkpoint(block, x, use_reentrant=False)
    torch.testing.assert_close(torch.autograd.grad(again.sum(), x)[0], wanted)
