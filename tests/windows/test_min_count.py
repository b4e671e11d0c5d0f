"""`min_count=`: windows with fewer present elements count as empty; `keepdims=False` removes
axes."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from brute import FORMULAS, Meant, pooled
from fold_cases import FOLDS
from sampling import spread
from windows_cases import CASES, SHAPE

import anypool as ap

torch = pytest.importorskip("torch")
BACKENDS = [None, "reference"]
X = np.random.default_rng(0).standard_normal(SHAPE)
MASK = np.random.default_rng(1).random(SHAPE) < 0.6
MASSES = np.where(MASK, np.random.default_rng(2).random(SHAPE) + 0.5, 0.0)
HOLES = np.where(np.random.default_rng(3).random(SHAPE) < 0.3, np.nan, X)
COUNT = Meant(lambda v, w, n, at: len(v), 0, "number", True)
WAYS: dict[str, tuple[np.ndarray, dict[str, Any]]] = {
    "plain": (X, {}),
    "mask": (X, {"weights": MASK}),
    "masses": (X, {"weights": MASSES}),
    "a mask a row": (X, {"weights": MASK[:, :1, :1]}),
    "omitted": (HOLES, {"nan": "omit"}),
    "omitted and masked": (HOLES, {"nan": "omit", "weights": MASK}),
}


def held(case: Any, x: np.ndarray, options: dict[str, Any]) -> np.ndarray:
    """How many elements each window holds, by hand."""
    kinds = {k: v for k, v in case.options.items() if k != "count"}
    omit = options.get("nan") == "omit"
    return pooled(x, case.lines, case.at, COUNT, weights=options.get("weights"), omit=omit, **kinds).astype(int)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("key", CASES)
def test_every_window_kind(key: str, way: str) -> None:
    """Where enough is there the result is that of the call without it; else that of nothing."""
    case, (x, options) = CASES[key], WAYS[way]
    many = held(case, x, options)
    least = max(int(np.sort(many.reshape(-1))[many.size // 2]), 1)
    for name in ("sum", "max", "argmax", "median", "any"):
        plain = ap.pool(x, case.windows, name, axes=case.axes, **options)
        nothing = {"sum": 0, "max": -np.inf, "argmax": -1, "median": np.nan, "any": 0}[name]
        want = np.where(many < least, nothing, plain).astype(plain.dtype)
        for backend in BACKENDS:
            got = ap.pool(x, case.windows, name, axes=case.axes, backend=backend, min_count=least, **options)
            np.testing.assert_allclose(got, want, err_msg=f"{name} {backend}", rtol=1e-9)
            assert got.dtype == plain.dtype
        more = {k: torch.as_tensor(v) if k == "weights" else v for k, v in options.items()}
        got = ap.pool(torch.tensor(x), case.windows, name, axes=case.axes, min_count=least, empty=1, **more)
        np.testing.assert_allclose(got.numpy(), np.where(many < least, 1, plain).astype(plain.dtype), rtol=1e-9)


@pytest.mark.parametrize("name", FOLDS)
def test_every_reduction(name: str) -> None:
    case, reduction = CASES["3x3/1 pad 1"], FOLDS[name]
    for x, options in (WAYS["plain"], WAYS["mask"], WAYS["omitted"]):
        many = held(case, x, options)
        plain = ap.pool(x, case.windows, reduction, **options)
        got = ap.pool(x, case.windows, reduction, min_count=5, **options)
        np.testing.assert_array_equal(got[many >= 5], plain[many >= 5])
        nothing = np.asarray(FORMULAS[name].empty, plain.dtype)
        np.testing.assert_array_equal(got[many < 5], np.full((many < 5).sum(), nothing))
        both = ap.pool(x, case.windows, (reduction, "count"), min_count=5, **options)
        np.testing.assert_array_equal(both[0], got)
        np.testing.assert_array_equal(both[1], np.where(many < 5, 0, many))


def test_several_answers_and_indexed_windows() -> None:
    index = np.array([0, 2, 2, 0, 3, 2, 0, 0])
    x = np.arange(16.0).reshape(2, 8)
    few = np.array([False, True, False, True])  # groups of 4, 0, 3 and 1
    for order in (ap.Quantile([0.2, 0.6]), ap.KMax(2), ap.Place(ap.KMax(2))):
        for windows, given in ((ap.groups(index), x), (ap.segments(lengths=[4, 0, 3, 1]), np.sort(x))):
            plain = ap.pool(given, windows, order, axes=1)
            got = ap.pool(given, windows, order, axes=1, min_count=2)
            at = np.moveaxis(got, 0, -1) if isinstance(order, ap.Quantile) else got
            kept = np.moveaxis(plain, 0, -1) if isinstance(order, ap.Quantile) else plain
            np.testing.assert_array_equal(at[:, ~few], kept[:, ~few])
            assert np.isnan(at[:, few]).all() or (at[:, few] == -1).all()
    weights = np.array([1, 1, 0, 1, 1, 1, 0, 0])
    got = ap.pool(x, ap.groups(index), "sum", axes=1, weights=weights, min_count=2, empty=-1)
    np.testing.assert_array_equal(got, [[3, -1, 6, -1], [19, -1, 22, -1]])
    boxes = ap.boxes([[0, 0, 0, 1, 1], [0, 0, 0, 3, 3]], 1)
    image = np.arange(16.0).reshape(1, 1, 4, 4)
    got = ap.pool(image, boxes, ("mean", "max", "median"), min_count=5)
    assert np.isnan(got[0][0]).all() and got[1][0] == -np.inf and np.isnan(got[2][0]).all()
    assert got[0][1] == got[2][1] == 7.5 and got[1][1] == 15
    hidden = np.ones((1, 1, 4, 4), bool)
    hidden[..., 1:] = False
    got = ap.pool(image, boxes, "max", weights=hidden, min_count=3)
    assert got.reshape(-1).tolist() == [-np.inf, 12.0]
    levels = ap.pool(x, ap.pyramid([1, 2, 4]), "sum", axes=1, min_count=3, empty=-1)
    np.testing.assert_array_equal(levels[0], [28, 6, 22, -1, -1, -1, -1])
    levels = ap.pool(x, ap.pyramid([1, 2]), "sum", axes=1, weights=np.arange(8) < 5, min_count=3, empty=-1)
    np.testing.assert_array_equal(levels[0], [10, 6, -1])


def test_integers_need_a_value() -> None:
    for x in (np.arange(6), np.arange(6, dtype=np.uint8), torch.arange(6), torch.arange(6).to(torch.uint16)):
        windows = ap.sliding(3, 1, "causal")
        for reduction in ("max", "mode", ap.Rank(0), "range"):
            with pytest.raises(ap.PoolingError, match=r"min_count=3.*empty="):
                ap.pool(x, windows, reduction, axes=0, min_count=3)
            got = ap.pool(x, windows, reduction, axes=0, min_count=3, empty=7)
            assert got[:2].tolist() == [7, 7] and got.dtype == ap.pool(x, windows, reduction, axes=0).dtype
        assert ap.pool(x, windows, "sum", axes=0, min_count=3).tolist() == [0, 0, 3, 6, 9, 12]
        assert ap.pool(x, ap.sliding(3), "max", axes=0, min_count=3).tolist() == [2, 5]
    big = ap.pool(np.arange(4), ap.sliding(2, 1, "causal"), "max", min_count=2, empty=2**63 - 1)
    assert big.tolist() == [2**63 - 1, 1, 2, 3]


@pytest.mark.parametrize(
    "name", ["sum", "mean", "max", "range", "std", "logsumexp", "softpool", "rms", "median", "prod"]
)
def test_windows_with_too_few_elements_pass_no_gradient(name: str) -> None:
    """Not even a NaN: windows that count as empty are constants, whatever they hold."""
    t = torch.tensor([1.0, 1.0, np.nan, 2.0, 5.0, 3.0, 4.0], dtype=torch.float64, requires_grad=True)
    windows = ap.segments([0, 2, 3, 7])
    y = ap.pool(t, windows, name, min_count=3, empty=9.0)
    y.sum().backward()
    assert y[:2].tolist() == [9, 9] and t.grad is not None
    assert t.grad[:3].tolist() == [0, 0, 0] and bool(t.grad[3:].isfinite().all()) and bool((t.grad[3:] != 0).any())
    mask = torch.tensor([True, True, False, True, True, True, False])
    x = torch.randn(2, 7, dtype=torch.float64, requires_grad=True)

    def call(v: Any) -> Any:
        return ap.pool(v, ap.sliding(3, 1, 1), name, axes=1, weights=mask, min_count=2, empty=0.5)

    assert torch.autograd.gradcheck(call, x)
    if name not in ("max", "median", "range"):
        assert torch.autograd.gradgradcheck(call, x)


def test_weights_that_learn() -> None:
    x = torch.randn(3, 6, dtype=torch.float64)
    w = torch.rand(3, 6, dtype=torch.float64) + 0.5
    w[:, ::2] = 0

    def call(v: Any) -> Any:
        return ap.pool(
            x, ap.sliding(3, 1, 1), "mean", axes=1, weights=torch.where(w != 0, v, 0.0), min_count=2, empty=0
        )

    assert torch.autograd.gradcheck(call, w.clone().requires_grad_())


def test_out_and_bad_input() -> None:
    x = np.arange(8.0).reshape(2, 4)
    for given in (x, torch.tensor(x)):
        out = ap.pool(given, ap.whole(keepdims=False), "sum", axes=1) * 0
        back = ap.pool(given, ap.whole(), "sum", axes=1, keepdims=False, min_count=5, empty=-2, out=out)
        assert back is out and out.tolist() == [-2, -2]
        with pytest.raises(ap.PoolingError, match="out"):
            ap.pool(given, ap.whole(), "sum", axes=1, keepdims=False, out=out[:, None])
        for bad in (-1, 1.5, "2", True, [1], np.nan):
            with pytest.raises(ap.PoolingError, match="min_count"):
                ap.pool(given, ap.whole(), "sum", axes=1, min_count=bad)
            with pytest.raises(ap.PoolingError, match="min_count"):
                ap.explain(given, ap.whole(), "sum", axes=1, min_count=bad)
        for bad in (None, 2, "no", [False]):
            with pytest.raises(ap.PoolingError, match="keepdims"):
                ap.pool(given, ap.whole(), "sum", axes=1, keepdims=bad)
        for windows in (ap.sliding(2), ap.segments([0, 1, 4]), ap.adaptive(2), ap.pyramid([1, 2])):
            with pytest.raises(ap.PoolingError, match="windows lie on axis 1"):
                ap.pool(given, windows, "sum", axes=1, keepdims=False)
            with pytest.raises(ap.PoolingError, match="windows lie on axis 1"):
                ap.explain(given, windows, "sum", axes=1, keepdims=False)
    with pytest.raises(ap.PoolingError, match="keepdims"):
        ap.whole(keepdims=2)  # type: ignore[arg-type]
    assert ap.pool(x, ap.whole(), "sum", axes=1, min_count=0).tolist() == [[6], [22]]


def test_whole_axes_go() -> None:
    """As NumPy's reductions without keepdims."""
    x = np.random.default_rng(5).standard_normal((2, 3, 4, 5))
    functions = {"mean": np.mean, "max": np.max, "sum": np.sum, "std": np.std, "median": np.median}
    for n in (1, 2, 3, 4):
        for axes in itertools.combinations(range(4), n):
            for name, f in functions.items():
                want = f(x, axis=axes)
                for given in (x, torch.tensor(x)):
                    for windows, more in ((ap.whole(), {"keepdims": False}), (ap.whole(keepdims=False), {})):
                        got = ap.pool(given, windows, name, axes=axes, **more)
                        assert tuple(got.shape) == want.shape
                        np.testing.assert_allclose(np.asarray(got), want)
                        assert ap.explain(given, windows, name, axes=axes, **more).out_shape == want.shape
                        if not more:
                            assert windows.output_shape(x.shape, axes) == want.shape
    got = ap.pool(x, ap.whole(keepdims=False), ("max", ap.Quantile([0.1, 0.9]), ap.KMax(3), "argmax"), axes=(1, 2))
    assert [g.shape for g in got] == [(2, 5), (2, 2, 5), (2, 5, 3), (2, 5)]
    np.testing.assert_allclose(got[1], np.quantile(x, [0.1, 0.9], axis=(1, 2)))
    assert ap.pool(x, ap.sliding((4, 5)), "max", keepdims=False).shape == (2, 3)
    assert ap.pool(x, ap.adaptive((1, 1)), "max", keepdims=False).shape == (2, 3)
    assert ap.pool(x, ap.groups(np.zeros(5, int)), "max", axes=3, keepdims=False).shape == (2, 3, 4)
    assert ap.pool(x, ap.pyramid([1]), "max", axes=(2, 3), keepdims=False).shape == (2, 3)
    box = ap.boxes([[0, 0, 0, 2, 2]], 1)
    assert ap.pool(x, box, "max", keepdims=False).shape == (3,)
    t = torch.tensor(x, requires_grad=True)
    ap.pool(t, ap.whole(), "mean", axes=(2, 3), keepdims=False).sum().backward()
    torch.testing.assert_close(t.grad, torch.full_like(t, 1 / 20))


def test_layers_and_the_compiler() -> None:
    x = torch.randn(2, 3, 6, 7)
    layer = ap.nn.Pool2d(ap.whole(), "mean", keepdims=False)
    assert layer(x).shape == (2, 3)
    counting = ap.nn.Pool2d(ap.sliding((3, 3), 1, 1, border=("symmetric", "absent")), "mean", min_count=7, empty=0.0)
    torch.testing.assert_close(counting(x)[..., 0], torch.zeros(2, 3, 6))
    weights = torch.rand(2, 1, 6, 7) > 0.4
    calls: list[Any] = [
        lambda v: ap.pool(v, ap.sliding((3, 3), 2, "SAME", border="symmetric"), "max"),
        lambda v: ap.pool(v, ap.sliding((3, 3), 1, ("causal", (-1, 1)), border=("reflect", 0.5)), "mean"),
        lambda v: ap.pool(v, ap.sliding((3, 3), 1, 1), ("mean", "median"), weights=weights, min_count=5, empty=-1.0),
        lambda v: ap.pool(v, ap.whole(), ("mean", ap.Quantile([0.2, 0.4])), axes=(2, 3), keepdims=False),
        lambda v: ap.pool(v, ap.whole(keepdims=False), "max", axes=(-1, -2), min_count=2),
        lambda v: ap.pool(v, ap.boxes(torch.tensor([[0.0, 0, 0, 1, 1], [1, 0, 0, 4, 4]]), 2), "mean", min_count=2),
    ]
    for call in spread(calls, 3, "min_count"):
        torch._dynamo.reset()
        a, b = x.clone().requires_grad_(), x.clone().requires_grad_()
        compiled = torch.compile(call, backend="aot_eager", fullgraph=True, dynamic=True)
        got, want = compiled(a), call(b)
        many = zip(got, want, strict=True) if isinstance(want, tuple) else [(got, want)]
        total: Any = 0
        for g, w in many:
            torch.testing.assert_close(g, w, equal_nan=True)
            total = total + (g - w.detach()).nan_to_num().square().sum() + g.nan_to_num().sum() + w.nan_to_num().sum()
        total.backward()
        torch.testing.assert_close(a.grad, b.grad)

    def least(v: Any, n: int) -> Any:
        return ap.pool(v, ap.sliding((3, 3), 1, 1), "mean", min_count=n, empty=0.0)

    torch._dynamo.reset()
    counter = torch._dynamo.testing.CompileCounterWithBackend("aot_eager")
    compiled = torch.compile(least, backend=counter, fullgraph=True, dynamic=True)
    for n in (3, 5, 7, 9):
        torch.testing.assert_close(compiled(x, n), least(x, n))
    assert counter.frame_count <= 2
    with pytest.raises(Exception, match="keepdims=False"):
        torch.compile(lambda v: ap.pool(v, ap.sliding((2, 2)), "max", keepdims=False), backend="aot_eager")(x)
