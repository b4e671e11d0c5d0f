"""Fractional windows: partitions, seeds, the three conventions by definition; torch's numbers."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch
from fold_cases import FOLDS
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing._internal.common_methods_invocations import op_db

import anypool as ap
import anypool.nn as ann
import anypool.nn.functional as F

INFOS = {op.name.removeprefix("nn.functional."): op for op in op_db if "fractional_max" in op.name}


def runs(kind: Any, n: int) -> list[range]:
    """The windows along one axis, read from what max and min see of the positions."""
    x = np.arange(n)
    low, high = ap.pool(x, kind, ("min", "max"), axes=0)
    held = ap.pool(x, kind, "count", axes=0)
    made = [range(int(a), int(b) + 1) for a, b in zip(low, high, strict=True)]
    assert [len(r) for r in made] == held.tolist()
    return made


sizes = st.integers(1, 60).flatmap(lambda n: st.tuples(st.just(n), st.integers(1, n)))


@given(sizes, st.integers(0, 2**62), st.sampled_from(["random", "pseudorandom"]), st.booleans(), st.booleans())
@settings(max_examples=150)
def test_a_partition_whose_sizes_differ_by_one(
    size: tuple[int, int], seed: int, sequence: Any, paper: bool, overlapping: bool
) -> None:
    n, out = size
    how: Any = {"sequence": sequence, "seed": seed, "convention": "graham" if paper else "tensorflow"}
    apart = runs(ap.fractional(out, **how), n)
    assert [p for r in apart for p in r] == list(range(n)) and len(apart) == out
    assert {len(r) for r in apart} <= {n // out, -(-n // out)}
    assert apart == runs(ap.fractional((out,), **how), n)  # the same seed, the same windows
    if overlapping:
        wide = runs(ap.fractional(out, overlapping=True, **how), n)
        assert wide == [range(r.start, min(r.stop + 1, n)) for r in apart]


@given(sizes, st.floats(0, 1, exclude_max=True))
def test_pseudorandom_edges_are_the_papers(size: tuple[int, int], u: float) -> None:
    n, out = size
    alpha = n / out
    got = runs(ap.fractional((out,), sequence="pseudorandom", samples=u), n)
    near = [abs(alpha * (o + u) - round(alpha * (o + u))) < 1e-9 for o in range(out + 1)]
    if not any(near):  # away from ties, in plain floating point
        edges = [math.ceil(alpha * (o + u)) for o in range(out + 1)]
        assert [r.stop - r.start for r in got] == [b - a for a, b in itertools.pairwise(edges)]


@given(sizes, st.floats(0.001, 0.999))
def test_tensorflows_edges(size: tuple[int, int], u: float) -> None:
    """GeneratePoolingSequencePseudoRandom of fractional_pool_common.cc, in floating point."""
    n, out = size
    alpha, k = n / out, n // out
    u_max = min((k + 2) / alpha - 1, (n + 1 - k) / alpha - (out - 1))
    places = [alpha * (o + u * u_max) for o in range(1, out)]
    if any(abs(p - round(p)) < 1e-9 for p in places):
        return
    edges = [1, *(math.ceil(p) for p in places), n + 1]
    got = runs(ap.fractional(out, sequence="pseudorandom", convention="tensorflow", samples=[u]), n)
    assert [r.start for r in got] + [got[-1].stop] == [e - 1 for e in edges]


@given(sizes, st.integers(1, 5), st.floats(0, 1, exclude_max=True))
def test_torchs_windows(size: tuple[int, int], k: int, u: float) -> None:
    n, out = size
    if out + k - 1 > n:
        return
    x = torch.arange(n * n, dtype=torch.float64).reshape(1, 1, n, n)
    sample = torch.tensor([[[u, u]]], dtype=torch.float64)
    want, where = torch.nn.functional.fractional_max_pool2d(
        x, k, output_size=out, return_indices=True, _random_samples=sample
    )
    kind = ap.fractional((out, out), convention="torch", kernel_size=k, samples=(u, u))
    assert torch.equal(ap.pool(x, kind, "max"), want) and torch.equal(ap.pool(x, kind, "argmax"), where)


def test_draws() -> None:
    """A seed fixes the windows of an object; None draws for each; axes and seeds differ; shuffles
    are even."""
    x = np.random.default_rng(0).normal(size=(50, 50))
    one = ap.fractional((33, 33), seed=4)
    assert one == ap.fractional((33, 33), seed=4) and one != ap.fractional((33, 33), seed=5) != one.redrawn()
    assert hash(one) == hash(ap.fractional((33, 33), seed=4))
    assert np.array_equal(ap.pool(x, one, "max"), ap.pool(x.copy(), ap.fractional((33, 33), seed=4), "max"))
    free = ap.fractional((33, 33))
    assert np.array_equal(ap.pool(x, free), ap.pool(x, free)) and free != ap.fractional((33, 33))
    assert not np.array_equal(ap.pool(x, free), ap.pool(x, free.redrawn()))
    plan = one.plan((50, 50), (0, 1))
    assert not np.array_equal(plan.axes[0].first, plan.axes[1].first)
    first = [runs(ap.fractional(8, seed=s), 12)[0] for s in range(400)]
    assert abs(np.mean([len(r) for r in first]) - 1.5) < 0.1
    phases = [len(runs(ap.fractional(8, seed=s, sequence="pseudorandom"), 12)[0]) for s in range(400)]
    assert abs(np.mean(phases) - 4 / 3) < 0.1  # u in (0, 1): ⌈12u⌉ is one of 12, of which 4 give 2


@pytest.mark.parametrize("name", [*FOLDS, "median", "mode"])
def test_every_reduction_sees_its_windows(name: str) -> None:
    x = np.random.default_rng(1).normal(size=(3, 20))
    kind, reduction = ap.fractional((13,), seed=2), FOLDS.get(name, name)
    want = np.stack([ap.pool(x[:, list(r)], ap.whole(), reduction, axes=1)[:, 0] for r in runs(kind, 20)], 1)
    if "arg" in name:  # places are counted in the whole axis
        want = want + [r.start for r in runs(kind, 20)]
    np.testing.assert_allclose(ap.pool(x, kind, reduction), want, rtol=1e-12)


def test_median_by_hand_gradients_and_ratio() -> None:
    x = np.random.default_rng(1).normal(size=(2, 30))
    kind = ap.fractional((11,), overlapping=True, seed=3)
    want = np.stack([np.median(x[:, list(r)], 1) for r in runs(kind, 30)], 1)
    np.testing.assert_allclose(ap.pool(x, kind, "median"), want)
    t = torch.tensor(x, requires_grad=True)
    for reduction in ("max", "mean", "softpool", "median", ap.Lp(3)):
        assert torch.autograd.gradcheck(lambda t, r=reduction: ap.pool(t, kind, r), t)
    half = ap.fractional(output_ratio=(0.7,), seed=1)
    assert half.output_shape((2, 50)) == (2, 35) == tuple(ap.pool(np.ones((2, 50)), half).shape)
    assert ap.fractional((None, 3), seed=0).output_shape((4, 9)) == (4, 3)
    assert "Fractional(size=(7,)" in repr(ap.fractional((7,), seed=1)) and "seed=1" in repr(ap.fractional((7,), seed=1))
    assert ap.explain(np.ones(30), kind, "max").out_shape == (11,)


def test_compiled() -> None:
    torch._dynamo.reset()
    kind = ap.fractional((5, None), seed=3)
    x = torch.randn(2, 3, 9, 9)
    compiled = torch.compile(lambda x: ap.pool(x, kind, "max"), fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(x), ap.pool(x, kind, "max"))
    u = torch.rand(2, 3, 2)
    call = torch.compile(
        lambda x: F.fractional_max_pool2d(x, 2, 5, _random_samples=u), fullgraph=True, backend="aot_eager"
    )
    torch.testing.assert_close(call(x), torch.nn.functional.fractional_max_pool2d(x, 2, 5, _random_samples=u))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", ["fractional_max_pool2d", "fractional_max_pool3d"])
def test_opinfo_samples(name: str, dtype: torch.dtype) -> None:
    seen = 0
    for s in INFOS[name].sample_inputs("cpu", dtype, requires_grad=True):
        x, x2 = (s.input.detach().clone().requires_grad_() for _ in range(2))
        torch.manual_seed(seen)  # without samples both draw the same
        want = getattr(torch.nn.functional, name)(x, *s.args, **s.kwargs)
        torch.manual_seed(seen)
        got = getattr(F, name)(x2, *s.args, **s.kwargs)
        if isinstance(want, tuple):
            assert torch.equal(got[1], want[1])
            want, got = want[0], got[0]
        assert torch.equal(got, want)
        g = torch.randn_like(want)
        ours, theirs = torch.autograd.grad(got, x2, g)[0], torch.autograd.grad(want, x, g)[0]
        half = {"rtol": 1e-2, "atol": 1e-2} if dtype.itemsize == 2 else {}  # torch adds halves in another order
        torch.testing.assert_close(ours, theirs, **half)
        seen += 1
    assert seen


def test_ties_nan_infinity_and_layouts() -> None:
    x = torch.randint(0, 3, (2, 3, 12, 11)).float()
    x[0, 0, 3, 4] = x[1, 2, 3, 3] = x[1, 2, 3, 4] = float("nan")
    x[0, 1] = -float("inf")
    for view in (x, x.contiguous(memory_format=torch.channels_last), x.transpose(2, 3), x[0]):
        u = torch.rand(*(view.shape[:2] if view.ndim == 4 else (1, 3)), 2)
        call = {"output_ratio": (0.6, 0.6), "_random_samples": u}
        want = torch.nn.functional.fractional_max_pool2d_with_indices(view, (2, 3), **call)
        got = F.fractional_max_pool2d_with_indices(view, (2, 3), **call)
        assert torch.equal(got[1], want[1])
        torch.testing.assert_close(got[0], want[0], rtol=0, atol=0, equal_nan=True)


def test_gradcheck_and_layers() -> None:
    x = torch.randn(2, 2, 7, 6, dtype=torch.float64, requires_grad=True)
    u = torch.rand(2, 2, 2, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: F.fractional_max_pool2d(x, 2, (4, 5), _random_samples=u), x)
    assert torch.autograd.gradgradcheck(lambda x: F.fractional_max_pool2d(x, 2, (4, 5), _random_samples=u), x)
    for rank in (2, 3):
        x = torch.randn(2, 3, *(9,) * rank)
        u = torch.rand(2, 3, rank)
        for args in ({"output_size": 5}, {"output_ratio": 0.5, "return_indices": True}):
            ours, theirs = (
                getattr(lib, f"FractionalMaxPool{rank}d")(2, **args, _random_samples=u) for lib in (ann, torch.nn)
            )
            assert isinstance(ours, type(theirs))
            for a, b in zip(ours(x), theirs(x), strict=True):
                assert torch.equal(a, b)


def _torch(**options: Any) -> Any:
    return lambda: F.fractional_max_pool2d(torch.ones(1, 2, 5, 5), **options)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: ap.pool(np.ones(5), ap.fractional(6), axes=0), "from 1 to 5"),
        (lambda: ap.pool(np.ones(5), ap.fractional(output_ratio=0.1), axes=0), "0 fractional windows"),
        (lambda: ap.pool(np.ones((5, 5)), ap.fractional(3)), "axes"),
        (lambda: ap.pool(np.ones((5, 5)), ap.fractional((3, 3, 3))), "3 axes"),
        (lambda: ap.fractional(), "either a size"),
        (lambda: ap.fractional(3, output_ratio=0.5), "not both"),
        (lambda: ap.fractional(0), "at least 1"),
        (lambda: ap.fractional(2.5), "integer"),
        (lambda: ap.fractional(()), "one entry"),
        (lambda: ap.fractional(output_ratio=1.5), "at most 1"),
        (lambda: ap.fractional(3, sequence="sorted"), "'random'"),
        (lambda: ap.fractional(3, convention="caffe"), "'graham'"),
        (lambda: ap.fractional(3, overlapping="no"), "True or False"),
        (lambda: ap.fractional(3, seed=-1), "at least 0"),
        (lambda: ap.fractional(3, seed=0.5), "integer"),
        (lambda: ap.fractional(3, samples=0.5), "shuffle"),
        (lambda: ap.fractional(3, sequence="pseudorandom", samples=1.0), "1 excluded"),
        (lambda: ap.fractional(3, sequence="pseudorandom", samples=float("nan")), "1 excluded"),
        (lambda: ap.fractional(3, convention="torch"), "kernel_size"),
        (lambda: ap.fractional(3, kernel_size=2), "belongs to"),
        (lambda: ap.fractional(3, convention="torch", kernel_size=2, overlapping=True), "neither"),
        (lambda: ap.pool(np.ones(5), ap.fractional((4,), convention="torch", kernel_size=3)), "at most 3"),
        (_torch(kernel_size=2), "output_size or output_ratio"),
        (_torch(kernel_size=3, output_size=4), "≤ 5"),
        (_torch(kernel_size=2, output_ratio=2.0), "between 0 and 1"),
        (_torch(kernel_size=(2, 2, 2), output_size=2), "3 entries for 2 axes"),
        (_torch(kernel_size=2, output_size=2, _random_samples=torch.rand(1, 2, 3)), r"shape \(1, 2, 2\)"),
        (_torch(kernel_size=2, output_size=2, _random_samples=torch.full((1, 2, 2), torch.nan)), "NaN"),
        (lambda: F.fractional_max_pool2d(torch.ones(1, 1, 5, 5, dtype=torch.int64), 2, 2), "floats"),
        (lambda: F.fractional_max_pool3d(torch.ones(5, 5), 2, 2), "axes"),
    ],
)
def test_bad_input(call: Any, says: str) -> None:
    with pytest.raises(ap.PoolingError, match=says):
        call()
