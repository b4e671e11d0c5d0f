"""Pyramids: each level against torch or brute force, in one row; gradients, errors, compile."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from brute import FORMULAS, pooled, result_dtype
from element_types import agree, data
from fold_cases import FOLDS
from window_lists import divide
from windows_cases import SHAPE

import anypool as ap
import anypool.nn as ann

LEVELS: list[tuple[Any, int]] = [([1, 2, 4], 21), ([(1, None), (None, 1), (2, 3)], 5 + 6 + 6), ([(9, 2), 1], 19)]


def by_hand(x: np.ndarray, levels: Any, name: str, **options: Any) -> np.ndarray:
    """Each level by brute force, flattened and joined."""
    rows = []
    for level in levels:
        bins = (level, level) if isinstance(level, int) else level
        lines = [divide(n, n if b is None else b) for n, b in zip(x.shape[2:], bins, strict=True)]
        rows.append(pooled(x, lines, (2, 3), FORMULAS[name], **options).reshape(*x.shape[:2], -1))
    return np.concatenate(rows, 2)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "uint8"])
@pytest.mark.parametrize("name", FOLDS)
def test_every_reduction(name: str, dtype: str) -> None:
    x = data(dtype, 3)
    for levels, many in LEVELS:
        want = by_hand(x, levels, name)
        got = ap.pool(x, ap.pyramid(levels), FOLDS[name], axes=(-2, -1))
        assert got.shape == (*SHAPE[:2], many)
        agree(got, want, result_dtype(FORMULAS[name].kind, x, False), f"{name} of {levels}")
    if dtype == "float32":
        w = np.random.default_rng(0).integers(0, 3, SHAPE).astype("float32")
        got = ap.pool(x, ap.pyramid([2, 3]), FOLDS[name], axes=(-2, -1), weights=w)
        want = by_hand(x, [2, 3], name, weights=w)
        np.testing.assert_allclose(got.astype(float), want.astype(float), rtol=3e-6, atol=3e-5)


@pytest.mark.parametrize("size", [(5, 7), (13, 4), (1, 2)])
def test_against_torch_and_fixed_length(size: tuple[int, int]) -> None:
    x = torch.randn(3, 4, *size)
    for name, theirs in (
        ("mean", torch.nn.functional.adaptive_avg_pool2d),
        ("max", torch.nn.functional.adaptive_max_pool2d),
    ):
        want = torch.cat([theirs(x, n).flatten(2) for n in (4, 2, 1)], 2)
        torch.testing.assert_close(ap.pool(x, ap.pyramid((4, 2, 1)), name, axes=(-2, -1)), want)
    assert want.shape == (3, 4, 21)


def test_the_axis_stands_where_the_first_pooled_one_was() -> None:
    x = np.random.default_rng(0).normal(size=(6, 3, 5, 2))
    kind = ap.pyramid([(1, 2), (3, 1)])
    got = ap.pool(x, kind, "max", axes=(0, 2))
    assert got.shape == (5, 3, 2) == kind.output_shape(x.shape, (0, 2))
    assert np.array_equal(got[0], x[:, :, :3].max((0, 2))) and np.array_equal(got[3], x[2:4].max((0, 2)))
    backwards = ap.pool(x, ap.pyramid([(2, 1), (1, 3)]), "max", axes=(2, 0))
    assert np.array_equal(got, backwards)
    temporal = ap.pool(x[:, 0, :, 0], ap.pyramid([1, 2, 3]), "sum", axes=0)
    assert temporal.shape == (6, 5) and np.allclose(temporal[0], temporal[1:3].sum(0))


def test_several_reductions_answers_out_and_maps() -> None:
    x = np.random.default_rng(1).normal(size=(2, 7, 9))
    kind = ap.pyramid([1, (2, 3)])
    top, spread = ap.pool(x, kind, ("max", "range"))
    assert top.shape == spread.shape == (2, 7)
    q = ap.pool(x, kind, ap.Quantile([0.25, 0.5]))
    assert q.shape == (2, 2, 7)
    assert np.allclose(q[1], ap.pool(x, kind, "median")) and np.allclose(q[0, :, 0], np.quantile(x, 0.25, (1, 2)))
    kept = ap.pool(x, kind, ap.KMax(2))
    assert kept.shape == (2, 7, 2) and np.allclose(kept[:, 0, :].max(-1), x.max((1, 2)))
    out = np.empty((2, 7))
    assert ap.pool(x, kind, "max", out=out) is out and np.array_equal(out, top)
    held = torch.empty(2, 7, dtype=torch.float64)
    assert ap.pool(torch.tensor(x), kind, "max", out=held) is held and np.array_equal(held.numpy(), top)
    maps = [ap.pool(x, level, "max", axes=(-2, -1)) for level in kind.apart()]
    assert [m.shape for m in maps] == [(2, 1, 1), (2, 2, 3)]
    assert np.array_equal(np.concatenate([m.reshape(2, -1) for m in maps], 1), top)
    told = ap.explain(x, kind, "median")
    assert told.out_shape == (2, 7) and told.operations == 2 * sum(r * c for r, c in ((7, 9), (8, 9)))


def test_a_repeated_call_reads_its_own_array() -> None:
    kind = ap.pyramid([1, 2])
    for make in (np.asarray, torch.tensor):
        for seed in range(4):
            x = np.random.default_rng(seed).normal(size=(2, 6, 4)).astype("float32")
            got = np.asarray(ap.pool(make(x), kind, "mean", axes=(1, 2)))
            np.testing.assert_allclose(got[:, 0], x.mean((1, 2)), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("reduction", ["max", "mean", "softpool", "median", ap.Lp(3), ap.Quantile([0.2, 0.7])])
def test_gradients(reduction: Any) -> None:
    x = torch.randn(2, 5, 6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: ap.pool(x, ap.pyramid([1, (2, 4)]), reduction), x)


def test_compile_and_layer() -> None:
    torch._dynamo.reset()
    layer = ann.Pool2d(ap.pyramid([1, 2, (3, None)]), "max")
    compiled = torch.compile(layer, fullgraph=True, dynamic=True, backend="aot_eager")
    for n in (8, 9, 11):
        x = torch.randn(2, 3, n, n + 1, requires_grad=True)
        y = compiled(x)
        torch.testing.assert_close(y, layer(x))
        y.sum().backward()
        assert x.grad is not None and float(x.grad.sum()) == y.numel()
    assert ann.SpatialPyramid([1, 2], "mean")(x).shape == (2, 3, 5)
    assert torch.equal(ann.SpatialPyramid([1, 2, (3, None)])(x), layer(x))
    assert ap.receptive_field(torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), layer), (1, 3, 12, 12))


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: ap.pyramid([]), "at least one"),
        (lambda: ap.pyramid(3), "row of levels"),
        (lambda: ap.pyramid([0]), "at least 1"),
        (lambda: ap.pyramid([1.5]), "integer"),
        (lambda: ap.pyramid([None]), "integer"),
        (lambda: ap.pyramid([()]), "one entry"),
        (lambda: ap.pyramid([(1, 2), (1, 2, 3)]), "2 and 3 entries"),
        (lambda: ap.pool(np.ones((4, 4)), ap.pyramid([1, 2])), "axes"),
        (lambda: ap.pool(np.ones(4), ap.pyramid([(1, 2)])), "2 axes"),
        (lambda: ap.pool(np.ones((0, 4)), ap.pyramid([1]), axes=0), "length 0"),
        (lambda: ap.pool(np.ones((4, 4)), ap.pyramid([(1, 1)]), out=np.ones(3)), "out must"),
    ],
)
def test_bad_input(call: Any, says: str) -> None:
    with pytest.raises(ap.PoolingError, match=says):
        call()
