"""The drop-ins against torch's own OpInfo samples: values, indices, gradients."""

from __future__ import annotations

import pytest
import torch
from sampling import spread
from torch.testing._internal.common_methods_invocations import op_db

import anypool.nn
import anypool.nn.functional as F

NAMES = [
    *(f"max_pool{r}d" for r in (1, 2, 3)),
    *(f"avg_pool{r}d" for r in (1, 2, 3)),
    *(f"adaptive_avg_pool{r}d" for r in (1, 2, 3)),
    *(f"adaptive_max_pool{r}d" for r in (1, 2, 3)),
]
INFOS = {op.name.removeprefix("nn.functional."): op for op in op_db if op.name.startswith("nn.functional.")}


@pytest.mark.parametrize("name", NAMES)
def test_opinfo_samples(name: str) -> None:
    seen = 0
    for s in spread(INFOS[name].sample_inputs("cpu", torch.float64, requires_grad=True), 5, name):
        x = s.input.detach().requires_grad_()
        x2 = s.input.detach().requires_grad_()
        want = getattr(torch.nn.functional, name)(x, *s.args, **s.kwargs)
        got = getattr(F, name)(x2, *s.args, **s.kwargs)
        if isinstance(want, tuple):
            torch.testing.assert_close(got[1], want[1], rtol=0, atol=0)
            want, got = want[0], got[0]
        torch.testing.assert_close(got, want)
        g = torch.randn_like(want)
        torch.testing.assert_close(torch.autograd.grad(got, x2, g)[0], torch.autograd.grad(want, x, g)[0])
        seen += 1
    assert seen


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_lp_pool_equals_torch_for_even_p(rank: int) -> None:
    x = torch.randn(2, 3, *(6,) * rank, dtype=torch.float64)
    name = f"lp_pool{rank}d"
    torch.testing.assert_close(getattr(F, name)(x, 2.0, 2), getattr(torch.nn.functional, name)(x, 2.0, 2))


def test_nan_wins_and_the_last_gives_the_index() -> None:
    x = torch.tensor([[[1.0, float("nan"), 3.0, float("nan")]]])
    got, want = F.max_pool1d(x, 4, return_indices=True), torch.nn.functional.max_pool1d(x, 4, return_indices=True)
    assert torch.isnan(got[0]).all() and torch.equal(got[1], want[1])


def test_layers_are_torchs_classes() -> None:
    x = torch.randn(2, 4, 9, 9)
    for name, args in {
        "MaxPool2d": (3, 2, 1),
        "AvgPool2d": (3, 2, 1),
        "AdaptiveAvgPool2d": (4,),
        "AdaptiveMaxPool2d": ((4, None),),
    }.items():
        ours, theirs = getattr(anypool.nn, name)(*args), getattr(torch.nn, name)(*args)
        assert isinstance(ours, getattr(torch.nn, name)) and repr(ours) == repr(theirs)
        torch.testing.assert_close(ours(x), theirs(x))


def test_the_rest_of_functional_is_torchs() -> None:
    assert F.relu is torch.nn.functional.relu
