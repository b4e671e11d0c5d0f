"""Gradients of each reduction × window kind: both orders, forward mode, vmap, weights, ties,
NaN."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from fold_cases import DIFFERENTIABLE, folds

import anypool as ap

WINDOWS: dict[str, tuple[Any, Any]] = {
    "overlapping": (ap.sliding((3, 2), (2, 1), 1), None),
    "disjoint": (ap.sliding((2, 2)), None),
    "dilated": (ap.sliding((2, 2), 1, 1, 2), None),
    "ceil": (ap.sliding((2, 3), 2, ceil_mode=True, count="padded"), None),
    "far apart": (ap.sliding((1, 2), 3), None),
    "larger": (ap.sliding((7, 9), 1), None),
    "reflect": (ap.sliding((3, 3), 1, 2, border="reflect"), None),
    "replicate": (ap.sliding((2, 2), 1, ((2, 0), (0, 3)), border="replicate"), None),
    "circular": (ap.sliding((3, 2), 1, 1, border="circular"), None),
    "constant": (ap.sliding((2, 2), 1, 1, border=0.7013), None),
    "divisor": (ap.sliding((2, 2), 1, 1, count=3.0), None),
    "taps": (ap.sliding((2, 2), 1, taps=([1.0, 0.5], [2.0, 1.0])), None),
    "adaptive": (ap.adaptive((2, 3)), None),
    "whole": (ap.whole(), (1, 2)),
    "first axes": (ap.sliding((2, 2), 1), (0, 1)),
    "segments": (ap.segments([0, 1, 3, 4]), 1),
    "in segments": (ap.segments([0, 2, 5]).sliding(2, 1), 2),
}
GRADIENTS = folds(
    *DIFFERENTIABLE,
    *("Lp(1)", "Lp(3)", "Lp(inf)", "PowerMean(3)", "PowerMean(-1.5)", "PowerMean(0)", "PowerMean(3, signed)"),
    *("PowerMean(2.5, magnitude)", "LogSumExp(-2)", "LogMeanExp(2)", "SoftPool(-0.5)", "Var(0.5)", "Std(0.5)"),
)


def sample(*shape: int, low: float = 0.3) -> torch.Tensor:
    """Numbers so far apart that finite differences keep their order; both signs if low < 0."""
    count = int(torch.tensor(shape).prod())
    order = torch.randperm(count, generator=torch.Generator().manual_seed(3)).double()
    x = (low + 1.6 * (order + 0.5) / count).reshape(shape)
    return x.requires_grad_()


def fresh(name: str) -> torch.Tensor:
    positive = name == "prod" or ("PowerMean" in name and "magnitude" not in name)
    return sample(2, 4, 5, low=0.3 if positive else -0.83)


def call(name: str, key: str, **options: Any) -> Any:
    windows, axes = WINDOWS[key]
    return lambda v: ap.pool(v, windows, GRADIENTS[name], axes=axes, **options)


@pytest.mark.parametrize("key", WINDOWS)
@pytest.mark.parametrize("name", GRADIENTS)
def test_first_order(name: str, key: str) -> None:
    if name in ("Var(0.5)", "Std(0.5)", "std", "var") and key in ("divisor", "ceil"):
        return  # spread about a mean that the divisor does not divide
    assert torch.autograd.gradcheck(call(name, key), fresh(name), eps=1e-6, atol=1e-5, fast_mode=True)


@pytest.mark.parametrize("key", ["overlapping", "reflect", "adaptive", "segments", "taps"])
@pytest.mark.parametrize("name", GRADIENTS)
def test_second_order_and_forward_mode(name: str, key: str) -> None:
    x, f = fresh(name), call(name, key)
    if name not in ("std", "Std(0.5)") or key not in ("segments", "taps"):  # one element: the root has no curve
        assert torch.autograd.gradgradcheck(f, x, eps=1e-6, atol=1e-4, fast_mode=True)
    direction = sample(2, 4, 5, low=-0.5).detach()
    _, tangent = torch.func.jvp(f, (x.detach(),), (direction,))
    y = f(x)
    g = torch.randn(y.shape, dtype=y.dtype, generator=torch.Generator().manual_seed(1))
    pulled = torch.autograd.grad(y, x, g)[0]
    torch.testing.assert_close((g * tangent).sum(), (pulled * direction).sum())  # one is the other's adjoint
    import torch.autograd.forward_ad as forward

    with forward.dual_level():
        dual = forward.unpack_dual(f(forward.make_dual(x.detach(), direction))).tangent
    torch.testing.assert_close(dual, tangent)


@pytest.mark.parametrize("key", ["overlapping", "constant", "whole", "in segments"])
@pytest.mark.parametrize("name", GRADIENTS)
def test_vmap(name: str, key: str) -> None:
    x = torch.stack([fresh(name).detach(), fresh(name).detach().flip(2), fresh(name).detach() * 0.9])
    f = call(name, key)
    torch.testing.assert_close(torch.vmap(f)(x), torch.stack([f(v) for v in x]))
    torch.testing.assert_close(torch.vmap(f, in_dims=3, out_dims=1)(x.movedim(0, 3)), torch.stack([f(v) for v in x], 1))

    def gradient(v: torch.Tensor) -> torch.Tensor:
        return torch.func.grad(lambda u: f(u).sin().sum())(v)

    torch.testing.assert_close(torch.vmap(gradient)(x), torch.stack([gradient(v) for v in x]))


def test_vmap_over_weights_as_well() -> None:
    x, w = sample(3, 2, 6).detach(), sample(3, 2, 6).detach()

    def f(v: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
        return ap.pool(v, ap.sliding((3,), 1), "mean", weights=u)

    torch.testing.assert_close(torch.vmap(f)(x, w), torch.stack([f(v, u) for v, u in zip(x, w, strict=True)]))
    torch.testing.assert_close(torch.vmap(f, (None, 0))(x[0], w), torch.stack([f(x[0], u) for u in w]))
    torch.testing.assert_close(torch.vmap(f, (0, None))(x, w[0]), torch.stack([f(v, w[0]) for v in x]))


WEIGHTED = [n for n in GRADIENTS if n not in ("max", "min", "prod", "range", "Lp(inf)")]


@pytest.mark.parametrize("key", ["overlapping", "reflect", "constant", "taps", "segments"])
@pytest.mark.parametrize("name", WEIGHTED)
def test_weights(name: str, key: str) -> None:
    if name in ("std", "Std(0.5)", "Var(0.5)") and key in ("segments", "taps"):
        return  # windows of one element, or of less weight than ddof
    w = (sample(2, 4, 5).detach().flip(0) + 0.6).requires_grad_()
    windows, axes = WINDOWS[key]

    def f(v: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
        return ap.pool(v, windows, GRADIENTS[name], axes=axes, weights=u)

    assert torch.autograd.gradcheck(f, (fresh(name), w), eps=1e-6, atol=1e-5, fast_mode=True)
    assert torch.autograd.gradcheck(f, (fresh(name), w[:, :1].detach().requires_grad_()), atol=1e-5, fast_mode=True)
    assert torch.autograd.gradcheck(lambda v: f(v, w.detach()), fresh(name), atol=1e-5, fast_mode=True)
    mask = w.detach() > 1.2
    x = fresh(name)
    (grad,) = torch.autograd.grad(torch.nansum(f(x, mask)), x)
    assert not grad[~mask].any(), "an absent element has no gradient"


@pytest.mark.parametrize(
    "make", [ap.Lp, ap.PowerMean, ap.LogSumExp, ap.LogMeanExp, ap.SoftPool], ids=lambda m: m.__name__
)
@pytest.mark.parametrize("shape", [(), (2, 1, 1), (1,)])
@pytest.mark.parametrize("key", ["overlapping", "adaptive", "constant"])
def test_parameters_learn(make: Any, shape: tuple[int, ...], key: str) -> None:
    windows, axes = WINDOWS[key]
    p = (torch.linspace(1.7, 2.9, 2, dtype=torch.float64)[: max(shape, default=1)].reshape(shape)).requires_grad_()

    def f(v: torch.Tensor, q: torch.Tensor) -> torch.Tensor:
        return ap.pool(v, windows, make(q), axes=axes)

    assert torch.autograd.gradcheck(f, (sample(2, 4, 5), p), eps=1e-6, atol=1e-5, fast_mode=True)


@pytest.mark.parametrize("name", ["max", "min"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_ties(name: str, dtype: torch.dtype) -> None:
    for ties in ("first", "last", "split"):
        x = torch.ones(2, 6, dtype=dtype, requires_grad=True)
        ap.pool(x, ap.sliding((3,)), name, ties=ties).sum().backward()
        third = {"first": [1, 0, 0], "last": [0, 0, 1], "split": [1 / 3] * 3}[ties]
        torch.testing.assert_close(x.grad, torch.tensor([third * 2] * 2, dtype=dtype))
        x = torch.randint(0, 3, (3, 9, 9), generator=torch.Generator().manual_seed(0)).to(dtype).requires_grad_()
        y = ap.pool(x, ap.sliding((4, 3), 1, 1), name, ties=ties)
        y.sum().backward()
        assert x.grad is not None
        torch.testing.assert_close(x.grad.sum().double(), torch.tensor(float(y.numel())).double(), rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0, 0.5, 1.5, float("inf")])
def test_norms_have_a_finite_gradient_at_zero(p: float) -> None:
    for values in ([0.0, 0.0, 0.0, 0.0], [0.0, 2.0, -3.0, 0.0], [4.0, -4.0, 4.0, 0.0]):
        x = torch.tensor(values, requires_grad=True)
        ap.pool(x, ap.sliding((2,), 1), ap.Lp(p)).sum().backward()
        assert x.grad is not None and torch.isfinite(x.grad).all(), (values, x.grad)
    x = torch.tensor([5.0, -5.0, 1.0], requires_grad=True)
    ap.pool(x, ap.whole(), ap.Lp(float("inf")), axes=0).sum().backward()
    torch.testing.assert_close(x.grad, torch.tensor([0.5, -0.5, 0.0]))


def test_nan_goes_where_torch_sends_it() -> None:
    values = torch.tensor([[1.0, float("nan"), 3.0, float("nan"), 2.0, 0.0]])
    x, x2 = values.clone().requires_grad_(), values.clone().requires_grad_()
    ap.pool(x, ap.sliding((3,), 1), "max").nan_to_num().sum().backward()
    torch.nn.functional.max_pool1d(x2, 3, 1).nan_to_num().sum().backward()
    torch.testing.assert_close(x.grad, x2.grad)
    for name in ("max", "sum", "mean", "var", "softpool", "logsumexp"):
        x = values.clone().requires_grad_()
        ap.pool(x, ap.sliding((3,)), name, nan="omit").sum().backward()
        assert x.grad is not None and torch.isfinite(x.grad).all(), name
        assert not x.grad[torch.isnan(values)].any(), name


@pytest.mark.parametrize("name", ["std", "rms", ap.Lp(2), ap.PowerMean(2.5, form="magnitude")], ids=str)
def test_flat_windows_have_a_zero_gradient(name: Any) -> None:
    for value in (0.0, 1.0) if name == "std" else (0.0,):
        x = torch.full((6,), value, dtype=torch.float64, requires_grad=True)
        ap.pool(x, ap.sliding((3,), 1), name).sum().backward()
        assert torch.equal(x.grad, torch.zeros_like(x))  # type: ignore[arg-type]


def saved_bytes(x: torch.Tensor, windows: Any, name: Any) -> tuple[int, torch.Tensor]:
    """Bytes kept for backward besides x itself."""
    saved: dict[int, int] = {}

    def pack(t: torch.Tensor) -> torch.Tensor:
        if t.untyped_storage().data_ptr() != x.untyped_storage().data_ptr():
            saved[t.untyped_storage().data_ptr()] = t.untyped_storage().nbytes()
        return t

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        y = ap.pool(x, windows, name)
    return sum(saved.values()), y


@pytest.mark.parametrize(
    "name", ["max", "min", "sum", "mean", "var", "std", "softpool", "logsumexp", "rms", ap.Lp(3)], ids=str
)
def test_saved_bytes(name: Any) -> None:
    """At most a byte an output for a selection; nothing but x and y for the others."""
    for size in (2, 3, 15):
        kept, y = saved_bytes(torch.randn(2, 3, 20, 20, requires_grad=True), ap.sliding((size, size), 1), name)
        selects, linear = name in ("max", "min"), name in ("sum", "mean")
        assert kept <= y.numel() * (1 if selects else 0 if linear else 4), (name, size)
