"""Real-valued sliding windows: area resizes, weights by hand, laws, gradients, refusals."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from fold_cases import FOLDS
from hypothesis import given
from hypothesis import strategies as st
from sampling import spread

import anypool as ap
import anypool.nn as ann
import anypool.nn.functional as F


def area_matrix(n: int, out: int) -> np.ndarray:
    """How much of element i lies in cell o of `out` equal cells."""
    edges = np.arange(out + 1) * n / out
    low, high = edges[:-1, None], edges[1:, None]
    i = np.arange(n)
    return np.clip(np.minimum(high, i + 1) - np.maximum(low, i), 0, None)


@pytest.mark.parametrize(("rows", "columns"), [(4, 7), (3, 5), (13, 17), (5, 16)])
def test_the_mean_is_an_area_resize(rows: int, columns: int) -> None:
    x = np.random.default_rng(0).normal(size=(2, 13, 17))
    a, b = area_matrix(13, rows), area_matrix(17, columns)
    kind = ap.sliding((13 / rows, 17 / columns))
    total = np.einsum("ri,nij,cj->nrc", a, x, b)
    np.testing.assert_allclose(ap.pool(x, kind, "sum"), total, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(ap.pool(x, kind), total / (13 * 17 / rows / columns), rtol=1e-12, atol=1e-12)
    t = torch.tensor(x, requires_grad=True)
    g = torch.randn(2, rows, columns, dtype=torch.float64)
    (gx,) = torch.autograd.grad(ap.pool(t, kind, "sum"), t, g)
    np.testing.assert_allclose(gx.numpy(), np.einsum("ri,nrc,cj->nij", a, g.numpy(), b), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_interpolate_by_area(dtype: torch.dtype) -> None:
    x = torch.randn(2, 3, 12, 18).to(dtype)
    want = torch.nn.functional.interpolate(x, size=(4, 9), mode="area")
    torch.testing.assert_close(ap.pool(x, ap.sliding((3.0, 2.0))), want)


@pytest.mark.parametrize("size", [(5, 7), (8, 11), (12, 16)])
def test_opencvs_area_resize(size: tuple[int, int]) -> None:
    opencv: Any = pytest.importorskip("cv2")
    x = np.random.default_rng(1).random((13, 17)).astype(np.float32)
    want = opencv.resize(x, size[::-1], interpolation=opencv.INTER_AREA)
    got = ap.pool(x, ap.sliding((13 / size[0], 17 / size[1])))
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5)


def test_as_many_windows_as_the_fraction_says() -> None:
    pairs = [(n, out) for n in range(1, 130) for out in range(1, n + 1)]
    for n, out in spread(pairs, 7):
        kind = ap.sliding((n / out,))
        assert kind.output_shape((n,)) == (out,), (n, out)
        axis = kind.plan((n,), (0,)).axes[0]
        assert axis.first[0] == 0 and axis.first[-1] + axis.length[-1] == n
    assert ap.sliding((0.1,)).output_shape((10**5,)) == (10**6,)
    assert ap.sliding((Fraction(7, 3),)) == ap.sliding((7 / 3,))
    assert ap.sliding((np.float32(2.5),)).output_shape((10,)) == (4,)
    assert ap.sliding((np.pi,)).output_shape((100,)) == (31,)


@pytest.mark.parametrize("name", FOLDS)
def test_whole_numbers_as_floats_are_the_same_windows(name: str) -> None:
    x = np.random.default_rng(1).normal(size=(3, 9, 8))
    for args, more in (
        (((3, 2), (2, 1), 1), {}),
        (((4, 4), (3, 3), ((1, 2), (0, 1))), {"ceil_mode": True, "count": "padded"}),
    ):
        want = ap.pool(x, ap.sliding(*args, **more), FOLDS[name])
        real = ap.sliding(tuple(map(float, args[0])), *args[1:], **more)
        np.testing.assert_allclose(ap.pool(x, real, FOLDS[name]), want, rtol=1e-12, atol=1e-12)


def test_2_and_2_0_are_different_sizes() -> None:
    """Equal numbers, but whole windows keep integers' types and real ones weigh."""
    x = np.arange(8)
    for _ in range(2):
        assert ap.pool(x, ap.sliding((2,)), "sum").dtype == np.int64
        assert ap.pool(x, ap.sliding((2.0,)), "sum").dtype == np.float64
    assert ap.sliding((2,)) != ap.sliding((2.0,)) and ap.sliding((2.0, 3)) == ap.sliding((2, 3.0))


sizes = st.floats(0.3, 6).map(lambda v: round(v, 3))


@given(st.integers(1, 12), sizes, sizes, st.floats(0, 2), st.booleans(), st.integers(-8, 8))
def test_a_constant_stays(n: int, size: float, stride: float, pad: float, ceil: bool, value: int) -> None:
    x = np.full((2, n), float(value))
    kind = ap.sliding((size,), stride, round(pad, 2), ceil_mode=ceil)
    held = ap.pool(x, kind, "count") > 0
    for name in ("mean", "max", "median", "softpool"):
        y = ap.pool(x, kind, name)
        assert y.shape == kind.output_shape(x.shape)
        np.testing.assert_allclose(y[held], value, atol=1e-12)
    np.testing.assert_allclose(ap.pool(x, kind, "var")[held], 0, atol=1e-9)


@given(st.integers(1, 30), st.integers(1, 30))
def test_cells_sum_to_the_array(n: int, out: int) -> None:
    """Also with more cells than elements."""
    x = np.random.default_rng(n).normal(size=n)
    y = ap.pool(x, ap.sliding((n / out,)), "sum")
    assert y.shape == (out,)
    np.testing.assert_allclose(y.sum(), x.sum(), atol=1e-12)
    np.testing.assert_allclose(y, area_matrix(n, out) @ x, atol=1e-12)


def test_weighted_reductions_by_hand() -> None:
    x = np.array([1.0, 4.0, 2.0, 8.0, 3.0])
    kind, w = ap.sliding((2.5,)), [np.array([1, 1, 0.5]), np.array([0.5, 1, 1])]
    parts = [x[:3], x[2:]]
    np.testing.assert_allclose(
        ap.pool(x, kind, ap.Lp(3)), [(v @ p**3) ** (1 / 3) for v, p in zip(w, parts, strict=True)]
    )
    means = [v @ p / 2.5 for v, p in zip(w, parts, strict=True)]
    var = [v @ (p - m) ** 2 / 2.5 for v, p, m in zip(w, parts, means, strict=True)]
    np.testing.assert_allclose(ap.pool(x, kind, "var"), var)
    given_weights = np.array([1.0, 0, 2, 1, 1])
    want = [
        (v * g) @ p / (v * g).sum() for v, p, g in zip(w, parts, (given_weights[:3], given_weights[2:]), strict=True)
    ]
    np.testing.assert_allclose(ap.pool(x, kind, "mean", weights=given_weights), want)
    holed = np.array([1.0, np.nan, 2.0, 8.0, 3.0])
    np.testing.assert_allclose(ap.pool(holed, kind, "mean", nan="omit"), [(1 + 1) / 1.5, (1 + 8 + 3) / 2.5])
    assert ap.pool(x, kind, "max").tolist() == [4, 8] and ap.pool(x, kind, "argmax").tolist() == [1, 3]
    assert ap.pool(x, kind, "median").tolist() == [2, 3]  # half of the mass 2.5 lies up to 2, and up to 3
    far = np.array([np.inf, 1.0, 1.0, 1.0])
    assert ap.pool(far, ap.sliding((1.5,), 1.0, 0), "sum").tolist() == [np.inf, 1.5, 1.5]
    np.testing.assert_allclose(ap.pool(np.ones(4), ap.sliding((1.5,), 1.5, 0.5, count="padded")), [2 / 3, 1, 1])


@pytest.mark.parametrize("reduction", ["sum", "mean", "max", "var", "softpool", "median", "rms", ap.Lp(3), "prod"])
def test_gradients(reduction: Any) -> None:
    x = torch.rand(2, 5, 6, dtype=torch.float64, requires_grad=True)
    for kind in (ap.sliding((2.5, 1.5), (1.25, 2.0), 0.5), ap.sliding((1.5, 2.5), 1.5, 1, border="replicate")):
        assert torch.autograd.gradcheck(lambda x, k=kind: ap.pool(x, k, reduction), x)
    w = torch.rand(5, 6, dtype=torch.float64, requires_grad=True)
    if reduction in ("sum", "mean", "var"):
        call = lambda x, w: ap.pool(x, ap.sliding((2.5, 1.5)), reduction, weights=w)  # noqa: E731
        assert torch.autograd.gradcheck(call, (x, w))


def test_a_second_derivative() -> None:
    x = torch.rand(2, 5, 6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(lambda x: ap.pool(x, ap.sliding((2.5, 1.5)), "mean"), x)


def test_compiled_core_and_compile() -> None:
    x = np.ones((4, 16, 16), "float32")
    kind = ap.sliding((2.5, 2.5))
    for name in ("max", "min", "argmax", "any", "all"):
        assert ap.explain(x, kind, name).backend == "cpu", "a weight above 0 is all that these ask"
    assert ap.explain(x, kind, "mean").backend == "cpu" and "sums" in ap.explain(x, kind, "var").engine
    torch._dynamo.reset()
    t = torch.randn(2, 3, 11, 12)
    compiled = torch.compile(
        lambda x: ap.pool(x, ap.sliding((2.5, 7 / 3)), "mean"), fullgraph=True, dynamic=True, backend="aot_eager"
    )
    for n in (11, 13, 14):
        t = torch.randn(2, 3, n, n + 1)
        torch.testing.assert_close(compiled(t), ap.pool(t, ap.sliding((2.5, 7 / 3)), "mean"))
    layer = ann.Pool2d((2.5, 2.5), "mean")
    assert layer(t).shape == (2, 3, 5, 6)
    assert ap.receptive_field(torch.nn.Sequential(layer), (1, 3, 20, 20))[-1].field == (3, 3)
    assert "·0.5" in str(ap.show(np.arange(5.0), ap.sliding((2.5,)), "mean"))


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: ap.sliding(2.5, dilation=2), "dilation"),
        (lambda: ap.sliding((2.5, 2), taps=np.ones((2, 2))), "taps"),
        (lambda: ap.sliding(0.0), "above 0"),
        (lambda: ap.sliding(-1.5), "above 0"),
        (lambda: ap.sliding(float("nan")), "finite"),
        (lambda: ap.sliding(float("inf")), "finite"),
        (lambda: ap.sliding(2, float("inf")), "finite"),
        (lambda: ap.sliding(2.5, "1"), "integer"),
        (lambda: ap.sliding((2.5, (1.5,))), "one entry"),
        (lambda: ap.pool(np.ones(5), ap.sliding((2.5,), padding=-3.5)), "crops all"),
        (lambda: ap.sliding(2, padding=0.5), "integer"),
        (lambda: ap.pool(np.ones(5), ap.sliding((2.5,), padding=((1, 2, 3),))), "before, after"),
        (lambda: ap.pool(np.ones(5), ap.sliding((2.5,), padding=(1, 1))), "2 entries"),
        (lambda: ap.pool(np.ones(5), ap.sliding((2.5,), padding="valid")), "'same'"),
        (lambda: ap.pool(np.ones(5), ap.sliding((0.5,), padding="same")), "at least 1"),
        (lambda: ap.pool(np.ones(5), ap.sliding((9.5,), border=0.0)), "does not fit"),
        (lambda: ap.pool(np.ones(5), ap.sliding((1e-9,))), "cannot fit"),
        (lambda: ap.pool(np.ones((5, 5)), ap.sliding(2.5)), "axes"),
        (
            lambda: ap.pool(np.ones((5, 5)), ap.sliding((2.5, 2.5)), "argmax", backend="cpu", weights=np.ones((5, 5))),
            "refuses",
        ),
        (lambda: ap.segments([0, 2, 5]).sliding(1.5), "whole axes"),
        (lambda: F.max_pool2d(torch.ones(1, 1, 4, 4), 2.5), "integers"),
        (lambda: F.avg_pool1d(torch.ones(1, 1, 4), 2, 1.5), "integers"),
    ],
)
def test_bad_input(call: Any, says: str) -> None:
    with pytest.raises(ap.PoolingError, match=says):
        call()
