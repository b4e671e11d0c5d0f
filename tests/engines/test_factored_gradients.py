"""Gradients by factors and compiled sums, against the reference and torch; and their refusals."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
import torch
from backends import needs_core
from fold_cases import folds
from grid_windows import WINDOWS
from sampling import QUICK, spread

import anypool as ap
from anypool.engines.folds import linear_forms as sums
from anypool.torch import linear_forms as factored

pytestmark = needs_core
FOLDS = folds(
    *"rms var std logsumexp softpool range prod".split(),
    *("Lp(1)", "Lp(2)", "Lp(3)", "Lp(0.5)", "PowerMean(3)", "PowerMean(-1.5)", "PowerMean(0)", "PowerMean(3, signed)"),
    *("PowerMean(2.5, magnitude)", "LogSumExp(-2)", "LogMeanExp(2)", "SoftPool(-0.5)", "Std(0.5)"),
)
STATED = [n for n in FOLDS if n != "range"]


def gradients(x: Any, windows: Any, fold: Any, g: Any = None, **options: Any) -> list[Any]:
    """By the best backend and by the reference."""
    made = list[Any]()
    for backend in (None, "reference"):
        v = x.detach().clone(memory_format=torch.preserve_format).requires_grad_()
        y = ap.pool(v, windows, fold, backend=backend, **options)
        if g is None:
            g = torch.randn(y.shape, generator=torch.Generator().manual_seed(5)).to(y.dtype)
        made += torch.autograd.grad(y, v, g)
    return made


def numbers(*shape: int, seed: int = 0) -> Any:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def answers(monkeypatch: Any) -> list[bool]:
    """Whether the factors answered, call by call."""
    heard, plain = list[bool](), factored.backward

    def spy(*args: Any) -> Any:
        made = plain(*args)
        heard.append(made is not None)
        return made

    monkeypatch.setattr(factored, "backward", spy)
    return heard


LAYOUTS: dict[str, Callable[[Any], Any]] = {
    "contiguous": lambda x: x,
    "channels last": lambda x: x.to(memory_format=torch.channels_last),
    "transposed": lambda x: x.transpose(2, 3),
    "strided": lambda x: x[:, :, ::2, 1:],
}


@pytest.mark.parametrize("name", FOLDS)
def test_factors_give_the_gradient_of_the_reference(name: str, monkeypatch: Any) -> None:
    """Within the rounding of float64, for each window in two of the four layouts, in turns; float32
    or bfloat16 is close to it."""
    heard, wrong = answers(monkeypatch), list[Any]()
    product = enumerate(itertools.product([(2, 3, 17, 37), (3, 2, 7, 6)], WINDOWS.items(), LAYOUTS))
    calls = [call for call in product if (call[0] + call[0] // 4 + list(FOLDS).index(name)) % 2 == 0]
    for number, (shape, (key, w), layout) in spread(calls, 6, name):
        if "divisor" in key or (key == "count padded" and name in ("var", "std", "Std(0.5)")):
            continue
        x = numbers(*shape)
        if name in ("prod", "PowerMean(3, signed)"):
            x = x.abs() * 0.3 + 0.75  # else roots of what cancels, products of everything
        v = LAYOUTS[layout](x)
        truth = gradients(v, w, FOLDS[name])
        scale = truth[1].abs().max() + 1
        if not torch.allclose(*truth, rtol=1e-10, atol=1e-12 * float(scale), equal_nan=True):
            wrong.append((shape, key, layout, torch.float64))
        for dtype, near in ((torch.float32, 2e-4), (torch.bfloat16, 3e-2))[(number // 2 + number // 8) % 2 :: 2]:
            a, b = (t.double() for t in gradients(v.to(dtype), w, FOLDS[name]))
            if a.dtype != b.dtype or not bool(((a - b).abs() <= near * (scale + b.abs())).all()):
                wrong.append((shape, key, layout, dtype))
    assert not wrong, (len(wrong), wrong[:5])
    often = 0.45 if QUICK else 0.6  # of fewer calls
    assert name == "range" or sum(heard) > often * len(heard), (sum(heard), len(heard))


BY_HAND: dict[str, Callable[[Any], Any]] = {
    "rms": lambda v: v.square().mean(-1).sqrt(),
    "var": lambda v: v.var(-1, correction=0),
    "std": lambda v: v.std(-1, correction=0),
    "logsumexp": lambda v: v.logsumexp(-1),
    "softpool": lambda v: (v.softmax(-1) * v).sum(-1),
    "range": lambda v: v.amax(-1) - v.amin(-1),
    "prod": lambda v: v.prod(-1),
    "Lp(3)": lambda v: v.abs().pow(3).sum(-1).pow(1 / 3),
    "PowerMean(3)": lambda v: v.clamp(min=1e-6).pow(3).mean(-1).pow(1 / 3),
    "PowerMean(2.5, magnitude)": lambda v: v.abs().pow(2.5).mean(-1).pow(1 / 2.5),
}


@pytest.mark.parametrize("size, stride", [((2, 2), (2, 2)), ((3, 3), (1, 1)), ((4, 3), (3, 2))])
@pytest.mark.parametrize("name", BY_HAND)
def test_factors_give_the_gradient_of_an_unfold(name: str, size: Any, stride: Any) -> None:
    x = (numbers(5, 4, 13, 14, seed=1) + 0.1).requires_grad_()
    unfolded = x.unfold(2, size[0], stride[0]).unfold(3, size[1], stride[1]).flatten(-2)
    wanted = BY_HAND[name](unfolded)
    y = ap.pool(x, ap.sliding(size, stride), FOLDS[name])
    g = numbers(*y.shape, seed=2)
    torch.testing.assert_close(torch.autograd.grad(y, x, g)[0], torch.autograd.grad(wanted, x, g)[0])


SPECIAL: dict[str, Any] = {
    "zeros": lambda x: x * 0,
    "a flat patch": lambda x: torch.where((torch.arange(12) < 6)[:, None], x, 2.0),
    "ties": lambda x: x.round(),
    "negative zeros": lambda x: torch.where(x.abs() < 0.5, -0.0, x),
    "a NaN": lambda x: x.index_fill(3, torch.tensor([4]), float("nan")),
    "an infinity": lambda x: x.index_fill(2, torch.tensor([4]), float("inf")),
    "minus infinity": lambda x: x.index_fill(3, torch.tensor([4, 5, 6]), -float("inf")),
    "large": lambda x: x * 1e30,
    "small": lambda x: x * 1e-30,
    "very wide": lambda x: x * torch.logspace(-30, 30, 12)[:, None],
    "wide for an exponential": lambda x: x * 70,
    "an offset": lambda x: x + 1000,
}


@pytest.mark.parametrize("key", SPECIAL)
@pytest.mark.parametrize("name", FOLDS)
def test_zeros_ties_nan_infinities_and_wide_ranges(name: str, key: str) -> None:
    """float32 as near to the truth (the reference's float64) as the reference's own float32."""
    x = SPECIAL[key](numbers(2, 3, 12, 12).float())
    for w in (ap.sliding((2, 2)), ap.sliding((3, 3), 1, 1)):
        got, own = gradients(x, w, FOLDS[name])
        truth = gradients(x.double(), w, FOLDS[name])[1]
        finite = truth.isfinite() & own.isfinite()
        assert torch.equal(got.isnan(), own.isnan()), "a NaN goes where the reference puts it"
        miss, reach = (got - truth).abs()[finite], (own - truth).abs()[finite]
        scale = float(truth[finite].abs().max()) if finite.any() else 0.0
        if finite.any() and scale < 3e38:
            assert float(miss.max()) <= 8 * float(reach.max()) + 1e-5 * scale, (
                float(miss.max()),
                float(reach.max()),
                scale,
            )


def test_masked_gradients_are_factored_too(monkeypatch: Any) -> None:
    heard = answers(monkeypatch)
    x, w = numbers(2, 3, 8, 8), ap.sliding((3, 3), 2)
    torch.testing.assert_close(*gradients(x, w, "rms", weights=x > 0))
    torch.testing.assert_close(*gradients(x, w, "logsumexp", nan="omit"))
    torch.testing.assert_close(*gradients(x, w, "softpool", weights=x.abs()))
    assert heard == [True, True, True]


def test_learned_parameters_are_the_references(monkeypatch: Any) -> None:
    heard = answers(monkeypatch)
    x, w = numbers(2, 3, 8, 8), ap.sliding((3, 3), 2)
    p = torch.tensor(3.0, dtype=torch.float64, requires_grad=True)
    torch.testing.assert_close(*gradients(x.abs(), w, ap.PowerMean(p)))
    assert not heard
    torch.testing.assert_close(*gradients(x.abs(), w, ap.PowerMean(p.detach())))
    assert heard == [False]


@pytest.mark.parametrize("name", STATED)
def test_a_second_derivative_is_torch_s_own(name: str) -> None:
    x = (numbers(2, 2, 6, 6).abs() + 0.2).requires_grad_()
    seconds = list[Any]()
    for backend in (None, "reference"):
        y = ap.pool(x, ap.sliding((2, 2)), FOLDS[name], backend=backend)
        (first,) = torch.autograd.grad(y.square().sum(), x, create_graph=True)
        seconds += torch.autograd.grad(first.square().sum(), x)
    torch.testing.assert_close(*seconds)


@pytest.mark.parametrize("name", STATED)
def test_gradients_in_pieces_are_those_of_the_whole(name: str, monkeypatch: Any) -> None:
    """How x is cut decides nothing but rounding; an expanded gradient is one like others."""
    x = numbers(5, 7, 9, 8).abs() + 0.2
    for piece in (1, 100, 1000):
        monkeypatch.setattr(sums, "PIECE", piece)
        torch.testing.assert_close(*gradients(x, ap.sliding((3, 2), 2), FOLDS[name]))
    one = torch.ones((), dtype=x.dtype)
    torch.testing.assert_close(*gradients(x, ap.adaptive((3, 3)), FOLDS[name], one.expand(5, 7, 3, 3)))
    for axes in ((0, 1), (1, 3), 2):
        windows = ap.sliding((2,)) if isinstance(axes, int) else ap.sliding((2, 2), 1)
        torch.testing.assert_close(*gradients(x, windows, FOLDS[name], axes=axes))


VALUES = {n: f for n, f in FOLDS.items() if isinstance(f, (ap.Lp, ap.PowerMean))}


@pytest.mark.parametrize("name", VALUES)
def test_values_of_one_sum(name: str) -> None:
    """The result itself, if it is a root of a compiled sum: all magnitudes, windows, layouts,
    types."""
    calls = itertools.product(WINDOWS.items(), {"as is": lambda x: x, **SPECIAL}.items())
    for (key, w), (special, change) in spread(calls, 7, name):
        x = change(numbers(2, 3, 12, 12).float())
        for v in (x, x.to(memory_format=torch.channels_last), x.bfloat16()):
            got, own = (ap.pool(v, w, VALUES[name], backend=b) for b in (None, "reference"))
            assert got.dtype == own.dtype
            for form in (torch.contiguous_format, torch.channels_last):
                assert got.is_contiguous(memory_format=form) == own.is_contiguous(memory_format=form)
            near = 2e-2 if v.dtype == torch.bfloat16 else 5e-6
            if name == "PowerMean(3, signed)":  # a root is steep where the sum cancels
                got, own = got.double() ** 3, own.double() ** 3
                near *= 3
            scale = 1e-6 * float(own.nan_to_num(0, 0, 0).abs().max()) if name == "PowerMean(3, signed)" else 0.0
            assert torch.allclose(got, own, rtol=near, atol=scale, equal_nan=True), (key, special)


def test_user_folds_state_factors_beside_their_pull(monkeypatch: Any) -> None:
    heard = answers(monkeypatch)

    class Twice(ap.Lp):
        """Its pull is not the one whose factors it inherits."""

        def finish(self, state: Any, n: Any) -> Any:
            return 2 * super().finish(state, n)

        def local_gradient(self, x: Any, w: Any, at: Any, y: Any, kept: Any, n: Any) -> Any:
            return 2 * super().local_gradient(x, w, at, y / 2, kept, n)

    class Thrice(Twice):
        def gradient_terms(self, x: Any, y: Any, seen: Any) -> Any:
            ((a, b),) = super().gradient_terms(x, y / 2, seen)
            return ((a, 2.0 * b),)

    x = numbers(2, 3, 8, 8)
    (by_pull, _), (by_factors, _) = (gradients(x, ap.sliding((3, 3), 2), f) for f in (Twice(3), Thrice(3)))
    torch.testing.assert_close(by_pull, by_factors)
    assert heard == [True]


WEIGHTED = ["sum", "mean", "var", "std", "rms", "logsumexp", "softpool", ap.LogMeanExp(2.0), ap.Lp(1), ap.Lp(2)]
WEIGHTED += [ap.Var(1), ap.PowerMean(3.0), ap.PowerMean(2.5, form="signed")]


@pytest.mark.parametrize("shape", [(2, 3, 8, 8), (1, 3, 8, 1)], ids=["each", "broadcast"])
@pytest.mark.parametrize("fold", WEIGHTED, ids=repr)
def test_weights_that_learn(fold: Any, shape: tuple[int, ...]) -> None:
    """Weights of 0 are absent elements: their gradient is 0."""
    w = torch.where(numbers(*shape) > -0.5, numbers(*shape).abs() + 0.1, 0.0)
    both = list[Any]()
    for backend in (None, "reference"):
        x, weights = (t.clone().requires_grad_() for t in (numbers(2, 3, 8, 8), w))
        y = ap.pool(x, ap.sliding((3, 3), 1, 1), fold, weights=weights, backend=backend)
        y = torch.where(torch.isfinite(y), y, 0.0)
        both.append(torch.autograd.grad((y * numbers(*y.shape)).sum(), (x, weights)))
    torch.testing.assert_close(*both)
    assert both[0][1].ne(0).any() and not both[0][1][w == 0].any()
