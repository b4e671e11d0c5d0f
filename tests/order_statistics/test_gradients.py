"""Gradients of order statistics go to the selected elements, by ranks, among ties and beside
borders; transforms of torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from explicit import positions
from thread_count import threads

import anypool as ap

LEARN = [
    ap.Median(), ap.Median("lower"), ap.Quantile([0.1, 0.6]), ap.Quantile(0.3, smooth=0.2), ap.Rank(-2), ap.Range(0.1, 0.9),
    ap.TrimmedMean(0.2, 0.2), ap.TopKMean(3), ap.KMax(2), ap.Ordinal(np.linspace(1, 0, 12)), ap.Mode(),
]  # fmt: skip
SHARES = [
    (ap.TrimmedMean(0.2, 0.3), lambda n: np.r_[np.zeros(int(0.2 * n)), np.ones(n - int(0.2 * n) - int(0.3 * n)), np.zeros(int(0.3 * n))] / (n - int(0.2 * n) - int(0.3 * n))),
    (ap.TopKMean(3), lambda n: np.r_[np.zeros(n - min(n, 3)), np.ones(min(n, 3))] / min(n, 3)),
    (ap.Ordinal(np.linspace(1, 0, 12) ** 2), lambda n: (np.linspace(1, 0, 12) ** 2)[:n][::-1]),
]  # fmt: skip


@pytest.mark.parametrize("order", LEARN, ids=str)
def test_gradients(order: ap.Order) -> None:
    x = (torch.randperm(42, generator=torch.Generator().manual_seed(0)).double() / 7).reshape(6, 7).requires_grad_()
    for windows in (ap.sliding((3, 4), (2, 1)), ap.sliding((3, 3), 2, 1, border="reflect")):
        call = lambda v, w=windows: ap.pool(v, w, order)  # noqa: E731
        assert torch.autograd.gradcheck(call, x)
        assert torch.autograd.gradgradcheck(call, x, atol=1e-4)
        batch = torch.stack([x.detach(), -x.detach()])
        torch.testing.assert_close(torch.vmap(call)(batch), torch.stack([call(v) for v in batch]))
        pulled = torch.func.grad(lambda v, c=call: c(v).square().sum())
        grads = torch.vmap(pulled)(batch)
        torch.testing.assert_close(grads, torch.stack([pulled(v) for v in batch]))
        direct = batch[0].clone().requires_grad_()
        call(direct).square().sum().backward()
        torch.testing.assert_close(direct.grad, grads[0])
        value, tangent = torch.func.jvp(call, (x.detach(),), (torch.ones_like(x),))
        torch.testing.assert_close(
            tangent, torch.full_like(value, tangent.flatten()[0].item()), msg="shift law"
        ) if not isinstance(order, ap.Ordinal) else None


@pytest.mark.parametrize(("ties", "want"), [("first", [1, 0, 0]), ("last", [0, 0, 1]), ("split", [0.5, 0, 0.5])])
def test_ties(ties: str, want: list[float]) -> None:
    x = torch.tensor([2.0, 9.0, 2.0], requires_grad=True)
    ap.pool(x, ap.whole(), ap.Median(), axes=0, ties=ties).sum().backward()
    assert x.grad is not None and x.grad.tolist() == want


@pytest.mark.parametrize("ties", ["first", "last"])
def test_search_by_value_equals_sorting(ties: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from anypool.torch import selections

    x = torch.randint(0, 5, (2, 9, 8), generator=torch.Generator().manual_seed(2)).double()
    for windows in (
        ap.sliding((3, 3), 1, 1),
        ap.sliding((2, 4), 2, 1, ceil_mode=True),
        ap.adaptive((4, 3)),
        ap.sliding((3, 3), 1, 1, border="reflect"),
    ):
        for order in (
            ap.Median(),
            ap.Median("higher"),
            ap.Rank(0),
            ap.Mode(),
            ap.Quantile(0.7),
            ap.Quantile(0.2, "nearest"),
        ):
            grads = []
            for by_value in (True, False):
                with monkeypatch.context() as patch:
                    if not by_value:
                        patch.setattr(selections, "selections_of", lambda *given: None)
                    v = x.clone().requires_grad_()
                    y = ap.pool(v, windows, order, ties=ties)
                    (y * torch.arange(1.0, y.numel() + 1).reshape(y.shape)).sum().backward()
                    grads.append(v.grad)
            torch.testing.assert_close(grads[0], grads[1])


@pytest.mark.parametrize(
    "order",
    [ap.Median(), ap.Quantile([0.1, 0.5]), ap.KMax(2), ap.Range(), ap.Ordinal(torch.linspace(1, 0, 9)), ap.Mode()],
    ids=str,
)
def test_compile(order: ap.Order) -> None:
    x = torch.rand(2, 7, 8, requires_grad=True)
    call = lambda v: ap.pool(v, ap.sliding((3, 3), 2), order)  # noqa: E731
    got = torch.compile(call, fullgraph=True, backend="aot_eager")(x)
    torch.testing.assert_close(got, call(x))
    torch.testing.assert_close(torch.autograd.grad(got.sum(), x), torch.autograd.grad(call(x).sum(), x))


@pytest.mark.parametrize(("stride", "dilation", "padding"), [(1, 1, 0), (2, 1, 1), (1, 3, 2), (3, 2, 1)])
def test_bands_of_one_image_meet_where_windows_overlap(stride: int, dilation: int, padding: int) -> None:
    """The gradient of a window goes to its median; the sums are equal for each number of
    threads."""
    x = torch.randperm(2 * 61 * 13, generator=torch.Generator().manual_seed(5)).reshape(2, 61, 13).double()
    mask = torch.rand(x.shape, generator=torch.Generator().manual_seed(6)) < 0.8
    axes = [positions(n, 3, stride, padding, padding, dilation, False) for n in (61, 13)]
    windows = ap.sliding((3, 3), stride, padding, dilation)
    for weights in (None, mask):
        y = ap.pool(x, windows, ap.Median("lower"), weights=weights)
        g = torch.rand(y.shape, generator=torch.Generator().manual_seed(7)).double()
        want = np.zeros(x.shape)
        for b, i, j in np.ndindex(*y.shape):
            at = [(b, r, c) for r in axes[0][i] for c in axes[1][j] if weights is None or mask[b, r, c]]
            if at:
                want[sorted(at, key=lambda p: float(x[p]))[(len(at) - 1) // 2]] += float(g[b, i, j])
        found = list[torch.Tensor]()
        for n in (1, 2, 3):
            with threads(n):
                leaf = x.clone().requires_grad_()
                y = ap.pool(leaf, windows, ap.Median("lower"), weights=weights)
                found.append(torch.autograd.grad(y, leaf, g)[0])
        np.testing.assert_allclose(found[0].numpy(), want, rtol=1e-12)
        assert torch.equal(found[0], found[1]) and torch.equal(found[0], found[2])


@pytest.mark.parametrize("order", [ap.KMax(2), ap.Quantile([0.1, 0.5, 0.9])], ids=repr)
@pytest.mark.parametrize("windows", [ap.whole(), ap.sliding((3, 3), 1, 1)], ids=repr)
def test_several_answers_of_channels_last(order: ap.Order, windows: Any) -> None:
    """An answer with an axis more has no channels-last memory to keep."""
    x = torch.randn(2, 3, 6, 7, generator=torch.Generator().manual_seed(0))
    found = []
    for layout in (x, x.contiguous(memory_format=torch.channels_last)):
        given = layout.clone(memory_format=torch.preserve_format).requires_grad_()
        y = ap.pool(given, windows, order, axes=(-2, -1))
        y.sum().backward()
        found.append((y.detach(), given.grad))
    torch.testing.assert_close(found[1], found[0])


@pytest.mark.parametrize("border", ["replicate", "reflect", "circular", 3.0])
def test_gradients_beside_borders(border: str | float) -> None:
    """An element twice in a window, masks, masses, other axes than the last: as the reference."""
    x = torch.randint(0, 6, (5, 2, 7), generator=torch.Generator().manual_seed(3)).float()
    x[1, 0, 2] = float("nan")
    mask = torch.rand(x.shape, generator=torch.Generator().manual_seed(4)) < 0.8
    windows = ap.sliding((3, 2), (1, 2), ((1, 2), (2, 1)), border=border)
    for weights in (None, mask, mask * 2.0 + 0.5, mask * 1.0):
        for order in (ap.Median(), ap.Median("higher"), ap.Rank(1), ap.Quantile(0.7, "nearest")):
            for nan, ties in (("propagate", "first"), ("omit", "first"), ("propagate", "last")):
                grads = []
                for backend in (None, "reference"):
                    given = x.clone().requires_grad_()
                    y = ap.pool(
                        given, windows, order, axes=(0, 2), weights=weights, nan=nan, ties=ties, backend=backend
                    )
                    (y.nan_to_num() * torch.arange(1.0, y.numel() + 1).view(y.shape)).sum().backward()
                    grads.append(given.grad)
                torch.testing.assert_close(*grads, msg=f"{border} {order} {nan} {ties} {weights is None}")


@pytest.mark.parametrize("order", [ap.Rank(1), ap.Median("lower"), ap.Rank(-2)])
def test_no_element_owns_the_value_of_an_empty_window(order: ap.Order) -> None:
    """An element that happens to equal `empty` has no part in a window without an answer."""
    x = torch.tensor([[5.0, 0.0, 2.0, 3.0]], requires_grad=True)
    mask = torch.tensor([[True, False, True, True]])
    y = ap.pool(x, ap.segments([0, 1, 2, 4]), order, axes=1, weights=mask, empty=0.0)
    zero = ap.pool(x.detach(), ap.segments([0, 1, 2, 4]), order, axes=1, weights=mask, empty=float("nan")).isnan()
    (gradient,) = torch.autograd.grad(y, x, torch.where(zero, 100.0, 1.0))
    assert gradient.abs().max() <= 1
    x = torch.tensor([0.0, 7.0, 9.0], requires_grad=True)
    y = ap.pool(x, ap.segments([0, 1, 3]), ap.Rank(1), axes=0, empty=0.0)
    (gradient,) = torch.autograd.grad(y.sum(), x)
    assert gradient.tolist() == [0, 0, 1]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize(("order", "shares"), SHARES, ids=lambda v: str(v) if isinstance(v, ap.Order) else "")
def test_gradients_go_to_ranks(order: ap.Order, shares: Callable[[int], np.ndarray], dtype: torch.dtype) -> None:
    """Distinct elements: the gradient of each window goes to its elements by their ranks."""
    x = torch.randperm(90, generator=torch.Generator().manual_seed(0)).reshape(2, 9, 5).to(dtype).requires_grad_()
    mask = torch.rand(x.shape, generator=torch.Generator().manual_seed(1)) < 0.8
    windows = ap.sliding((4, 3), (2, 1), ((1, 1), 0))
    for weights in (None, mask):
        y = ap.pool(x, windows, order, weights=weights)
        g = torch.rand(y.shape, generator=torch.Generator().manual_seed(2)).to(dtype)
        (gx,) = torch.autograd.grad(y, x, g)
        want, flat = np.zeros(90), x.detach().double().numpy().reshape(-1)
        at = np.arange(90).reshape(2, 9, 5)
        axes = [positions(9, 4, 2, 1, 1, 1, False), positions(5, 3, 1, 0, 0, 1, False)]
        for b, i, j in np.ndindex(*y.shape):
            held = at[b][np.ix_(axes[0][i], axes[1][j])].reshape(-1)
            held = held if weights is None else held[mask.numpy().reshape(-1)[held]]
            if len(held):
                want[held[np.argsort(flat[held])]] += float(g[b, i, j]) * shares(len(held))
        tolerance = {torch.float64: 1e-12, torch.float32: 1e-5}.get(dtype, 2e-2)
        np.testing.assert_allclose(gx.double().numpy().reshape(-1), want, rtol=tolerance, atol=tolerance)


def test_ordinal_weights_are_finite_and_compile_as_arrays_too() -> None:
    with pytest.raises(ap.PoolingError, match=r"Ordinal.*nan: use a number"):
        ap.Ordinal([0.5, np.nan])
    with pytest.raises(ap.PoolingError, match="an infinity"):
        ap.Ordinal([0.5, np.inf])
    x, order = (
        torch.randn(2, 6, 7, generator=torch.Generator().manual_seed(8)).double(),
        ap.Ordinal(np.linspace(1, 0, 9)),
    )
    compiled = torch.compile(lambda v: ap.pool(v, ap.sliding((3, 3), 1), order), fullgraph=True, backend="aot_eager")
    ranked = x.unfold(1, 3, 1).unfold(2, 3, 1).reshape(2, 4, 5, 9).sort(-1, descending=True).values
    leaf = x.clone().requires_grad_()
    y = compiled(leaf)
    torch.testing.assert_close(y, (ranked * torch.linspace(1, 0, 9).double()).sum(-1))
    y.sum().backward()
    assert leaf.grad is not None and abs(float(leaf.grad.sum()) - y.numel() * 4.5) < 1e-9


@pytest.mark.parametrize("ties", ["first", "last", "split"])
@pytest.mark.parametrize("backend", [None, "reference"])
def test_a_smooth_quantile_is_differentiable_where_elements_tie(ties: str, backend: str | None) -> None:
    x = torch.tensor([1.0, 1, 1, 5], dtype=torch.float64, requires_grad=True)
    ap.pool(x, ap.whole(), ap.Quantile(0.5, smooth=0.3), axes=0, ties=ties, backend=backend).sum().backward()
    assert x.grad is not None
    torch.testing.assert_close(x.grad[:3], torch.full((3,), 1 / 3, dtype=torch.float64), rtol=1e-4, atol=0)
