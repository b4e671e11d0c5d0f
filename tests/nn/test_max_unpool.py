"""Max-unpooling against torch's OpInfo samples, where places meet, and for bad indices."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from sampling import spread
from torch.testing._internal.common_methods_invocations import op_db

import anypool as ap
import anypool.nn.functional as F

INFOS = {(op.name, op.variant_test_name): op for op in op_db if "max_unpool" in op.name}
POOLS: dict[int, Any] = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
UNPOOLS: dict[int, Any] = {1: F.max_unpool1d, 2: F.max_unpool2d, 3: F.max_unpool3d}
LAYERS: dict[int, Any] = {1: ap.nn.MaxUnpool1d, 2: ap.nn.MaxUnpool2d, 3: ap.nn.MaxUnpool3d}


def test_the_samples_of_all_ranks_exist() -> None:
    assert {name for name, _ in INFOS} == {f"nn.functional.max_unpool{r}d" for r in (1, 2, 3)}
    assert {variant for _, variant in INFOS} == {"", "grad"}


@pytest.mark.parametrize("key", sorted(INFOS), ids=lambda key: f"{key[0][14:]}-{key[1]}")
def test_opinfo_samples(key: tuple[str, str]) -> None:
    """Values of all samples; gradients where no places meet: where they do, torch's are wrong."""
    seen = 0
    name = key[0].rpartition(".")[2]
    for s in spread(INFOS[key].sample_inputs("cpu", torch.float64, requires_grad=True), 5, name):
        x, x2 = (s.input.detach().clone().requires_grad_() for _ in range(2))
        want = getattr(torch.nn.functional, name)(x, *s.args, **s.kwargs)
        got = getattr(F, name)(x2, *s.args, **s.kwargs)
        torch.testing.assert_close(got, want, rtol=0, atol=0)
        if key[1]:
            g = torch.randn_like(want)
            torch.testing.assert_close(torch.autograd.grad(got, x2, g)[0], torch.autograd.grad(want, x, g)[0])
        seen += 1
    assert seen


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_values_that_meet(rank: int) -> None:
    """The last in row-major order stays, and its value alone has a gradient."""
    values = torch.randn(3, 2, *(4,) * rank, dtype=torch.float64, requires_grad=True)
    places = torch.randint(0, 8**rank, values.shape) // 3
    want = torch.zeros(3, 2, 8**rank, dtype=torch.float64)
    slope = torch.zeros(3, 2, 4**rank, dtype=torch.float64)
    g = torch.randn(3, 2, *(8,) * rank, dtype=torch.float64)
    for n in range(3):
        for c in range(2):
            last = {}
            for i, place in enumerate(places[n, c].flatten().tolist()):
                want[n, c, place] = values[n, c].flatten()[i].detach()
                last[place] = i
            for place, i in last.items():
                slope[n, c, i] = g[n, c].flatten()[place]
    assert len(torch.unique(places[0, 0])) < 4**rank
    got = UNPOOLS[rank](values, places, 2)
    torch.testing.assert_close(got, want.reshape(got.shape), rtol=0, atol=0)
    (gradient,) = torch.autograd.grad(got, values, g)
    torch.testing.assert_close(gradient, slope.reshape(gradient.shape), rtol=0, atol=0)
    assert torch.autograd.gradcheck(lambda v: UNPOOLS[rank](v, places[:1], 2), (values[:1].detach().requires_grad_(),))


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_layers_undo_pooling(rank: int) -> None:
    x = torch.randn(2, 3, *(7,) * rank)
    y, places = POOLS[rank](x, 3, 2, return_indices=True)
    layer, theirs = LAYERS[rank](3, 2), getattr(torch.nn, f"MaxUnpool{rank}d")(3, 2)
    assert isinstance(layer, type(theirs)) and repr(layer) == repr(theirs)
    for given in (None, x.shape, x.shape[2:]):
        torch.testing.assert_close(layer(y, places, given), theirs(y, places, given), rtol=0, atol=0)
    torch.testing.assert_close(layer(y[0], places[0]), layer(y, places)[0], rtol=0, atol=0)


def test_values_of_one_place_without_a_gradient() -> None:
    """The last stays where values differ, also by the sign of 0 and where one is NaN."""
    values = torch.tensor([[[1.0, 2.0, 0.0, -0.0, float("nan"), 4.0]]])
    places = torch.tensor([[[5, 5, 1, 1, 2, 2]]])
    got = F.max_unpool1d(values, places, 1)[0, 0]
    assert got.tolist() == [0.0, 0.0, 4.0, 0.0, 0.0, 2.0] and torch.signbit(got[1])


def test_compiled_and_mapped() -> None:
    y, places = F.max_pool2d(torch.randn(4, 3, 9, 9), 3, 2, return_indices=True)
    want = F.max_unpool2d(y, places, 3, 2)
    compiled = torch.compile(lambda a, b: F.max_unpool2d(a, b, 3, 2), fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(y, places), want, rtol=0, atol=0)
    mapped = torch.func.vmap(lambda a, b: F.max_unpool2d(a, b, 3, 2))(y[:, None], places[:, None])
    torch.testing.assert_close(mapped[:, 0], want, rtol=0, atol=0)
    with pytest.raises(RuntimeError, match="indices are places in the plane"):
        compiled(y, places + 81)


def test_the_number_of_threads_does_not_matter() -> None:
    values, places = torch.randn(2, 3, 40, 40), torch.randint(0, 6400, (2, 3, 40, 40)) // 7
    before = torch.get_num_threads()
    results: list[Any] = []
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            results += [F.max_unpool2d(values, places, 2) for _ in range(3)]
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(r, results[0]) for r in results)


ONE = torch.ones(1, 1, 2, 2)
ZERO = torch.zeros(1, 1, 2, 2, dtype=torch.int64)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((ONE, ZERO + 16, 2), "0 to 15, but one is 16"),
        ((ONE, ZERO - 1, 2), "but one is -1"),
        ((ONE, ZERO.int(), 2), "indices of torch.int32; use indices.long()"),
        ((ONE, ZERO[..., :1], 2), "indices of shape (1, 1, 2, 1) for input of shape (1, 1, 2, 2)"),
        ((ONE[0, 0], ZERO[0, 0], 2), "takes 3 axes (one sample) or 4 (a batch), not shape (2, 2)"),
        ((ONE, ZERO, 2, None, 0, (9, 4)), "was pooled from lengths of 3 to 5 × 3 to 5"),
        ((ONE, ZERO, 2, None, 0, (4, 4, 4)), "give 2 lengths, or the 4 of the whole result"),
        ((ONE, ZERO, 2, None, 9), "the result would have the lengths (-14, -14); use less padding"),
        ((ONE, [0], 2), "indices is a list; use a torch tensor"),
    ],
)
def test_bad_input(arguments: tuple[Any, ...], sentence: str) -> None:
    with pytest.raises(ap.PoolingError) as error:
        F.max_unpool2d(*arguments)
    assert sentence in str(error.value)


def test_no_elements() -> None:
    y = torch.ones(0, 2, 3, 3, requires_grad=True)
    got = F.max_unpool2d(y, torch.zeros(0, 2, 3, 3, dtype=torch.int64), 2)
    assert got.shape == (0, 2, 6, 6)
    assert torch.autograd.grad(got.sum(), y)[0].shape == y.shape
