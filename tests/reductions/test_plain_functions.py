"""A plain function as a reduction: NumPy on explicit windows, all kinds, masks, gradients,
errors."""

from __future__ import annotations

import functools
import tracemalloc
from typing import Any

import numpy as np
import pytest
import scipy.stats
import torch
from brute import Meant, pooled
from windows_cases import CASES, SHAPE, Case

import anypool as ap


def first_less_last(v: Any, axis: int) -> Any:
    """What depends on the order of the elements."""
    assert axis == -1
    return v[..., 0] - 2 * v[..., -1]


FUNCTIONS: dict[str, Any] = {
    "ptp": np.ptp,
    "first less last": first_less_last,
    "trapezoid": np.trapezoid if hasattr(np, "trapezoid") else np.trapz,
    "partial": functools.partial(np.quantile, q=0.3),
    "reduce": np.subtract.reduce,
}
KINDS = {k: c for k, c in CASES.items() if not k.startswith("real") and "taps" not in k}


def by_hand(f: Any, v: np.ndarray) -> float:
    return float(f(v[None].astype(float), axis=-1)[0])


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("key", KINDS)
def test_every_window_kind(key: str, name: str) -> None:
    case: Case = KINDS[key]
    f, random = FUNCTIONS[name], np.random.default_rng(0)
    x = random.normal(size=SHAPE)
    mask = random.random(SHAPE) < 0.7
    x[random.random(SHAPE) < 0.1] = np.nan
    kinds = {k: v for k, v in case.options.items() if k != "count"}
    for more in ({"weights": mask, "nan": "omit"}, {"nan": "omit"}, {}):
        y = np.nan_to_num(x) if not more else x
        meant = Meant(lambda v, w, n, at, f=f: by_hand(f, v))
        want = pooled(y, case.lines, case.at, meant, weights=more.get("weights"), omit="nan" in more, **kinds)
        got = ap.pool(y, case.windows, ap.function(f), axes=case.axes, **more)
        np.testing.assert_allclose(got, want.astype(float), rtol=1e-12, atol=1e-12)
        if "weights" in more:
            more = {**more, "weights": torch.tensor(mask)}
        twin = ap.pool(torch.tensor(y), case.windows, ap.function(f), axes=case.axes, **more)
        np.testing.assert_allclose(twin.numpy(), got, rtol=1e-12, atol=1e-12)


def test_boxes_groups_pyramids_and_tuples() -> None:
    random = np.random.default_rng(1)
    x = random.normal(size=(2, 3, 9, 12))
    rows = [[0, 1.0, 2.0, 9.0, 8.0], [1, 0.0, 0.0, 12.0, 9.0]]
    label = random.integers(-1, 5, (9, 12))
    for windows in (ap.boxes(rows, (2, 2), reading="quantised"), ap.boxes(rows, (2, 2), reading="sampled", sampling=2)):
        want = ap.pool(x, windows, "max")
        np.testing.assert_allclose(ap.pool(x, windows, ap.function(np.max)), want)
        np.testing.assert_allclose(ap.pool(torch.tensor(x), windows, ap.function(torch.amax)), want)
    for windows in (ap.groups(label), ap.pyramid((1, 2)), ap.whole(), ap.fractional((3, 4), seed=0)):
        most, got = ap.pool(x, windows, ("max", ap.function(np.max)), axes=(2, 3))
        np.testing.assert_array_equal(got, most)
    disc = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]])
    got = ap.pool(x, ap.sliding((3, 3), 1, taps=disc), ap.function(np.median))
    np.testing.assert_array_equal(got, ap.pool(x, ap.sliding((3, 3), 1, taps=disc), "median"))
    out = np.empty((2, 3, 3, 4))
    assert ap.pool(x, ap.sliding((3, 3)), ap.function(np.ptp), out=out) is out
    np.testing.assert_array_equal(out, ap.pool(x, ap.sliding((3, 3)), "range"))


def test_types_are_what_the_function_gives() -> None:
    x = np.array([3, 1, 4, 1, 5, 9], np.uint8)
    for f, dtype in (
        (np.ptp, "uint8"),
        (np.mean, "float64"),
        (np.argmax, "int64"),
        (np.any, "bool"),
        (np.sum, "uint64"),
    ):
        got = ap.pool(x, ap.sliding((3,)), ap.function(f))
        assert got.dtype == dtype and got.tolist() == f(x.reshape(2, 3), axis=-1).tolist()
    y = ap.pool(torch.tensor(x.astype("float32")).half(), ap.sliding((3,)), ap.function(torch.amax))
    assert y.dtype is torch.float16 and y.tolist() == [4.0, 9.0]
    both = ap.pool(x.astype("float32"), ap.sliding((3,)), ap.function(torch.logsumexp))
    assert isinstance(both, np.ndarray) and both.dtype == np.float32
    flags = ap.pool(x > 2, ap.sliding((3,)), ap.function(np.all))
    assert flags.dtype == bool and flags.tolist() == [False, False]
    assert ap.pool(x * 1.0, ap.sliding((3,)), ap.function(scipy.stats.gmean)).tolist() == pytest.approx(
        [12 ** (1 / 3), 45 ** (1 / 3)]
    )


def test_empty_windows() -> None:
    x, cuts = np.array([3.0, 1.0, 4.0]), ap.segments([0, 0, 3])
    np.testing.assert_array_equal(ap.pool(x, cuts, ap.function(np.ptp), axes=0), [np.nan, 3.0])
    np.testing.assert_array_equal(ap.pool(x, cuts, ap.function(np.ptp), axes=0, empty=-1.0), [-1.0, 3.0])
    with pytest.raises(ap.PoolingError, match="empty="):
        ap.pool(x.astype(int), cuts, ap.function(np.ptp), axes=0)
    assert ap.pool(x.astype(int), cuts, ap.function(np.ptp), axes=0, empty=7).tolist() == [7, 3]
    with pytest.raises(ap.PoolingError, match="whole numbers"):
        ap.pool(x.astype(int), cuts, ap.function(np.ptp), axes=0, empty=0.5)
    none = ap.pool(x, ap.whole(), ap.function(np.ptp), axes=0, weights=np.zeros(3, bool))
    assert np.isnan(none).all()
    assert ap.pool(np.ones((0, 4)), ap.sliding((2,)), ap.function(np.ptp), axes=1).shape == (0, 2)


def test_gradients_where_torch_sees_every_step() -> None:
    made = torch.Generator().manual_seed(0)
    x = torch.randn(2, 6, 7, generator=made, dtype=torch.float64).requires_grad_()
    mask = torch.rand(2, 6, 7, generator=made) < 0.7
    for f in (torch.logsumexp, lambda v, dim: (v[..., :1] * v).sum(dim), torch.linalg.vector_norm):
        for more in ({}, {"weights": mask}):
            for windows in (ap.sliding((3, 2), 2, 1), ap.adaptive((2, 3))):
                call = lambda x, f=f, more=more, w=windows: ap.pool(x, w, ap.function(f), empty=0.0, **more)  # noqa: E731
                assert torch.autograd.gradcheck(call, (x,))
    assert torch.autograd.gradgradcheck(lambda x: ap.pool(x, ap.sliding((3, 3)), ap.function(torch.logsumexp)), (x,))
    want = torch.stack([ap.pool(v, ap.sliding((3, 3), 2, 1), ap.function(torch.amax)) for v in x])
    assert torch.equal(torch.vmap(lambda v: ap.pool(v, ap.sliding((3, 3), 2, 1), ap.function(torch.amax)))(x), want)
    assert not ap.pool(x, ap.sliding((3, 3)), ap.function(np.ptp)).requires_grad
    assert not ap.pool(x, ap.sliding((3, 3)), ap.function(torch.argmax)).requires_grad
    layer = ap.nn.Pool2d(ap.sliding((3, 3)), ap.function(torch.amax))
    assert torch.equal(layer(x), ap.pool(x, ap.sliding((3, 3)), "max"))


def test_memory_is_bounded() -> None:
    x = np.zeros((1200, 1200), np.float32)
    tracemalloc.start()
    ap.pool(x, ap.sliding((7, 7), 1), ap.function(np.max))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 150e6  # all windows take 280 MB, and as many positions 560


X = np.arange(24.0).reshape(4, 6)


@pytest.mark.parametrize(
    ("f", "said"),
    [
        (lambda v, axis: v, r"gave .*float64 of shape \(6, 4\) for .*an array of shape \(6,\) is needed"),
        (lambda v, axis: None, r"gave None.*an array of shape \(6,\) is needed"),
        (lambda v, axis: v.sum(), r"an array of shape \(6,\) is needed"),
        (lambda v, axis: np.zeros(6, complex), "truth values, integers and floats are pooled"),
        (lambda v, axis: np.zeros(6, object), "truth values, integers and floats are pooled"),
        (lambda v, axis: 1 / 0, "raised ZeroDivisionError: division by zero.*axis=-1"),
        (lambda v, axis: v[99], "raised IndexError"),
        (torch.max, r"gave a torch.return_types.max"),
    ],
)
def test_errors_of_the_function_are_named(f: Any, said: str) -> None:
    for x in (X, torch.tensor(X)):
        with pytest.raises(ap.PoolingError, match=said):
            ap.pool(x, ap.sliding((2, 2)), ap.function(f))


@pytest.mark.parametrize("f", [lambda v: v, np.add, 3, None, "max", int])
def test_objects_that_are_no_functions(f: Any) -> None:
    with pytest.raises(ap.PoolingError, match=r"^function\("):
        ap.function(f)


@pytest.mark.parametrize("f", [np.ptp, lambda v, axis: v, torch.amax, np.add.reduce])
def test_a_bare_function_raises_an_error_that_names_function(f: Any) -> None:
    for x in (X, torch.tensor(X)):
        with pytest.raises(ap.PoolingError, match=r"ap\.function\("):
            ap.pool(x, ap.sliding((2, 2)), f)


def test_weights_are_masks() -> None:
    want = ap.pool(X, ap.sliding((2, 2)), ap.function(np.ptp), weights=X > 3)
    np.testing.assert_array_equal(ap.pool(X, ap.sliding((2, 2)), ap.function(np.ptp), weights=(X > 3) * 1), want)
    for options in ({"weights": X + 1.0}, {"windows": ap.sliding((2, 2), taps=np.array([[1.0, 0.5], [1, 1]]))}):
        with pytest.raises(ap.PoolingError, match="accepts no weights"):
            ap.pool(X, options.pop("windows", ap.sliding((2, 2))), ap.function(np.ptp), **options)
    with pytest.raises(ap.PoolingError, match="accepts no weights"):
        ap.pool(X, ap.sliding((1.5, 2.0)), ap.function(np.ptp))
    with pytest.raises(ap.PoolingError, match="ties"):
        ap.pool(X, ap.sliding((2, 2)), ap.function(np.ptp), ties="last")


def test_explain_and_equality() -> None:
    told = ap.explain(X, ap.sliding((2, 2)), ap.function(np.ptp))
    assert told.backend == "reference" and "function(ptp)" in told.reduction
    assert "plain function" in str(told.refusals["cpu"])
    with pytest.raises(ap.PoolingError, match="plain function"):
        ap.pool(X, ap.sliding((2, 2)), ap.function(np.ptp), backend="cpu")
    assert ap.function(np.ptp) == ap.function(np.ptp) != ap.function(np.max)
    assert hash(ap.function(np.ptp)) == hash(ap.function(np.ptp))


def test_a_cached_call_checks_its_weights() -> None:
    """Weights of 0 and 1 are a mask; others of that shape and type are refused, in cached calls
    too."""
    x, windows, reduction = np.arange(6.0), ap.sliding((3,)), ap.function(np.ptp)
    for _ in range(2):
        assert list(ap.pool(x, windows, reduction, weights=np.array([1.0, 0, 1, 1, 1, 1]))) == [2, 2]
    with pytest.raises(ap.PoolingError, match="accepts no weights"):
        ap.pool(x, windows, reduction, weights=np.full(6, 0.5))


def test_weights_inside_torch_func_are_checked() -> None:
    torch = pytest.importorskip("torch")
    x, windows = torch.arange(6.0), ap.sliding((3,))

    def total(v: Any, weights: Any) -> Any:
        return ap.pool(v, windows, ap.function(torch.amax), weights=weights).sum()

    with pytest.raises(ap.PoolingError, match="accepts no weights"):
        torch.func.grad(total)(x, torch.full((6,), 0.5))


def test_bfloat16_and_an_empty_value_that_does_not_fit() -> None:
    torch = pytest.importorskip("torch")
    x = torch.tensor([1.0, 4.0, 2.0, 8.0], dtype=torch.bfloat16)
    assert float(ap.pool(x, ap.whole(), ap.function(np.ptp), axes=0)) == 7
    with pytest.raises(ap.PoolingError, match="does not fit uint32"):
        nothing = np.array([False])
        ap.pool(np.ones(6, "u4"), ap.sliding((1,), 1), ap.function(np.std), weights=nothing, empty=-1, axes=0)
