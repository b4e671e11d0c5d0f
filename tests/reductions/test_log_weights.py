"""`log_weights=`: every fold of every window kind against one window at a time, for logits of every
size."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from fold_cases import FOLDS
from log_weighted import DEPEND_ON_SCALE, one_window, pooled
from sampling import spread
from windows_cases import CASES, SHAPE

import anypool as ap

SIZES = {"small": 1.0, "beyond float32": 50.0, "beyond float64": 1e4}


def drawn(seed: int, scale: float, holes: bool = True) -> tuple[Any, Any]:
    """x and its log-weights; a few are −∞, and some differ little at any scale."""
    random = np.random.default_rng(seed)
    x = random.standard_normal(SHAPE) + 0.3
    a = random.integers(-2, 3, SHAPE) * scale + random.standard_normal(SHAPE)
    if holes:
        a[random.random(SHAPE) < 0.3] = -np.inf
    return x, a


def agree(got: Any, want: Any, near: float, said: str) -> None:
    np.testing.assert_allclose(got.astype(float), want.astype(float), near, near * 20, err_msg=said)


@pytest.mark.parametrize("backend", [None, "reference"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", FOLDS)
def test_folds(name: str, size: str, backend: str | None) -> None:
    scale, depends = SIZES[size], name in DEPEND_ON_SCALE
    if depends and size == "beyond float64":
        pytest.skip("e^a itself overflows")
    x, a = drawn(len(name), scale)
    for key, case in spread(CASES.items(), 4, name, size, backend):
        scaled = depends or case.options.get("count", "present") != "present"
        if scaled and size == "beyond float64":
            continue
        for dtype, near in (("float64", 1e-9), ("float32", 2e-4)):
            if scaled and dtype == "float32" and size != "small":
                continue
            values, logs = x.astype(dtype), a.astype(dtype)
            got = ap.pool(values, case.windows, FOLDS[name], axes=case.axes, log_weights=logs, backend=backend)
            want = pooled(name, values, logs.astype(float), case)
            if "float" in str(got.dtype):
                assert got.dtype == dtype
            agree(
                got, want, near * (1 + (scale if "xp" in name or "sum" in name else 0)), f"{name} {key} {dtype} {size}"
            )


@pytest.mark.parametrize("size", SIZES)
def test_weights_multiply_and_nan_is_left_out(size: str) -> None:
    x, a = drawn(3, SIZES[size])
    random = np.random.default_rng(4)
    x[random.random(SHAPE) < 0.1] = np.nan
    weights = random.random(SHAPE) * (random.random(SHAPE) < 0.8)
    top = np.where((weights == 0) | np.isnan(x), 3e4, a)  # an absent element is not the greatest of its window
    for key, case in spread(CASES.items(), 2, size):
        if case.options.get("count", "present") != "present":
            continue
        got = ap.pool(x, case.windows, "mean", axes=case.axes, log_weights=top, weights=weights, nan="omit")
        agree(got, pooled("mean", x, top, case, weights, True), 1e-9, key)


@pytest.mark.parametrize("size", SIZES)
def test_groups_boxes_and_points(size: str) -> None:
    random = np.random.default_rng(5)
    x, a = random.standard_normal((2, 3, 9, 8)), random.integers(-2, 3, (2, 3, 9, 8)) * SIZES[size]
    a[random.random(a.shape) < 0.2] = -np.inf
    labels = random.integers(-1, 5, (9, 8))
    got = ap.pool(x, ap.groups(labels, count=6), "mean", axes=(2, 3), log_weights=a)
    for g in range(6):
        for i in np.ndindex(2, 3):
            here = (labels == g) & (a[i] > -np.inf)
            want = (
                one_window("mean", x[i][here], a[i][here], np.ones(here.sum()), np.flatnonzero(here))
                if here.any()
                else np.nan
            )
            np.testing.assert_allclose(got[i][g], want, 1e-10, 1e-12)


@pytest.mark.parametrize("reading", ["quantised", "exact", "sampled"])
@pytest.mark.parametrize("name", ["mean", "std", "softpool", ap.Median("lower"), ap.Quantile(0.3), "sum", "logsumexp"])
def test_boxes_far_apart_in_scale(name: Any, reading: str) -> None:
    """Each box lies where a has one large offset, which must not matter; without it, a is a plain
    weight."""
    random = np.random.default_rng(6)
    x, near = random.standard_normal((2, 3, 12, 12)), random.standard_normal((2, 3, 12, 12))
    far = near + np.repeat([[-1e4], [1e4]], 6, 0) * (name not in ("sum", "logsumexp"))
    rows = np.array([[0, 1, 0.5, 7, 4.5], [1, 2, 7.2, 9.9, 10.2], [1, 3, 8.5, 4.5, 9.5]])
    try:
        windows = ap.boxes(rows, 2, reading=reading)
    except ap.PoolingError:
        pytest.skip("no such reading")
    axes = (0, 2, 3)
    want = ap.pool(x, windows, name, axes=axes, weights=np.exp(near))
    np.testing.assert_allclose(ap.pool(x, windows, name, axes=axes, log_weights=far), want, 1e-9, 1e-12)


ORDERS = [
    ap.Median(),
    ap.Quantile(0.3),
    ap.Quantile([0.2, 0.9], "inverted_cdf"),
    ap.TrimmedMean(0.2),
    ap.Mode(),
    ap.Range(),
]
SIZED = [ap.Rank(0), ap.TopKMean(2), ap.KMax(2), ap.Ordinal([1.0] * 30)]


@pytest.mark.parametrize("order", [*ORDERS, *SIZED, ap.Place(ap.Median("lower"))], ids=str)
def test_order_statistics(order: Any) -> None:
    """Small a are the weights e^a; each window has its own scale, and a large a selects its
    element."""
    x, a = drawn(8, 1.0)
    for key, case in spread(CASES.items(), 2, str(order)):
        try:
            want = ap.pool(x, case.windows, order, axes=case.axes, weights=np.exp(a))
        except ap.PoolingError:
            continue  # k is larger than the windows
        got = ap.pool(x, case.windows, order, axes=case.axes, log_weights=a)
        np.testing.assert_allclose(got, want, 1e-9, 1e-12, err_msg=key)
    if any(order is o for o in SIZED):
        return
    rank = np.random.default_rng(9).permutation(x.size).reshape(SHAPE) * 1e3
    case = CASES["3x3/1 pad 1"]
    got = ap.pool(x, case.windows, order, axes=case.axes, log_weights=rank)
    if isinstance(order, ap.Place):
        heaviest = ap.pool(rank, case.windows, "argmax", axes=case.axes)
        assert np.array_equal(got, heaviest)
    elif not isinstance(order, ap.Range):
        want = pooled("mean", x, rank, case)
        np.testing.assert_allclose(got, np.broadcast_to(want.astype(float), got.shape), 1e-9)


def test_masks_and_several_reductions_of_one_call() -> None:
    x, a = drawn(10, 1e4)
    names = ("max", "mean", "count", "logsumexp", "std", "argmax", "any")
    case = CASES["3x3/1 pad 1"]
    results = ap.pool(x, case.windows, names, axes=case.axes, log_weights=a)
    for name, got in zip(names, results, strict=True):
        agree(got, pooled(name, x, a, case), 1e-9, name)
        assert np.array_equal(got, ap.pool(x, case.windows, name, axes=case.axes, log_weights=a), equal_nan=True)


def test_min_count_keepdims_empty_and_out() -> None:
    x, a = drawn(11, 1e4)
    case = CASES["3x3/1 pad 1"]
    n = pooled("count", x, a, case)
    want = pooled("mean", x, a, case).astype(float)
    got = ap.pool(x, case.windows, axes=case.axes, log_weights=a, min_count=5, empty=7.0)
    np.testing.assert_allclose(got, np.where(n < 5, 7.0, want), 1e-9)
    a[0] = -np.inf
    y = ap.pool(x, ap.whole(), axes=(1, 2, 3), log_weights=a, keepdims=False, empty=-2.0)
    assert y.shape == (2,) and y[0] == -2.0
    for kind in ("float64", "float32"):
        out = np.empty(want.shape, kind)
        values, logs = x.astype(kind), a.astype(kind)
        assert ap.pool(values, case.windows, axes=case.axes, log_weights=logs, out=out) is out
        assert np.array_equal(out, ap.pool(values, case.windows, axes=case.axes, log_weights=logs), equal_nan=True)


@pytest.mark.parametrize("name", ["var", "std"])
def test_small_weights_beside_large_ones_lose_no_digits(name: str) -> None:
    """Windows whose weights are e^−38 times those of their neighbours."""
    random = np.random.default_rng(12)
    x = random.standard_normal((1, 1, 64, 64)).astype("float32")
    a = np.where(np.arange(64) < 32, -38.0, 0.0).astype("float32") + random.random(x.shape).astype("float32")
    for windows in (ap.sliding((3, 3), 1), ap.sliding((15, 15), 1), ap.adaptive(2)):
        for reduction in (name, "mean"):
            got = ap.pool(x, windows, reduction, axes=(2, 3), log_weights=a)
            want = ap.pool(x.astype(float), windows, reduction, axes=(2, 3), weights=np.exp(a.astype(float)))
            np.testing.assert_allclose(got, want, 1e-4, 1e-5)


def test_one_array_for_many_channels() -> None:
    random = np.random.default_rng(13)
    x, a = random.standard_normal((3, 40, 2, 5)).astype("float32"), random.standard_normal((3, 40, 2, 1)) * 1e3
    share = np.exp(a - a.max(1, keepdims=True))
    got = ap.pool(x, ap.whole(), axes=1, log_weights=a.astype("float32"))
    np.testing.assert_allclose(got, (x * share).sum(1, keepdims=True) / share.sum(1, keepdims=True), 1e-4, 1e-5)


BAD: list[tuple[Any, str]] = [
    (np.ones((5,)) * np.nan, "NaN"),
    (np.full((6, 5), np.inf), "infinity"),
    (np.ones((6, 5), bool), "weights="),
    (np.ones((4, 5)), "do not broadcast"),
    (np.ones((1, 2, 2, 6, 5)), "do not broadcast"),
    (np.ones((6, 5), complex), "dtype"),
    ([["a"]], "log_weights"),
]


@pytest.mark.parametrize(("a", "said"), BAD, ids=str)
def test_refused(a: Any, said: str) -> None:
    with pytest.raises(ap.PoolingError, match=said):
        ap.pool(np.ones(SHAPE), ap.sliding((2, 2)), log_weights=a)


def test_documented_answers_at_the_limits() -> None:
    x = np.arange(6.0)
    assert np.isnan(ap.pool(x, ap.whole(), axes=0, log_weights=np.full(6, -np.inf))[0])
    assert ap.pool(x, ap.whole(), "sum", axes=0, log_weights=np.full(6, -np.inf))[0] == 0
    assert ap.pool(x, ap.whole(), "count", axes=0, log_weights=np.full(6, -1e4))[0] == 6
    assert ap.pool(x, ap.whole(), axes=0, log_weights=np.full(6, -1e4))[0] == 2.5
    assert ap.pool(x, ap.whole(), axes=0, log_weights=[0, 1, 0, 0, 0, 0])[0] == pytest.approx((14 + np.e) / (5 + np.e))
    assert ap.pool(np.ones((2, 0)), ap.whole(), "sum", axes=1, log_weights=np.ones((2, 0))).tolist() == [[0], [0]]
    assert ap.pool(np.ones((0, 4)), ap.sliding((2,)), log_weights=np.ones((0, 4))).shape == (0, 2)
    x[0] = np.nan
    assert np.isnan(ap.pool(x, ap.whole(), "mean", axes=0, log_weights=[-1e4, 0, 0, 0, 0, 0])[0])  # present
    assert ap.pool(x, ap.whole(), "mean", axes=0, log_weights=[-np.inf, 0, 0, 0, 0, 0])[0] == 3
    assert ap.pool(x, ap.whole(), "mean", axes=0, log_weights=[1e4, 0, 0, 0, 0, 0], nan="omit")[0] == 3
    with pytest.raises(ap.PoolingError, match="overflows"):
        ap.pool(x, ap.whole(), "sum", axes=0, log_weights=np.full(6, 1e4))
    with pytest.raises(ap.PoolingError, match="mask"):
        ap.pool(x, ap.whole(), ap.function(np.ptp), axes=0, log_weights=np.full(6, 0.5))


@pytest.mark.parametrize("border", ["absent", 3.0])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_weights_that_powers_of_e_outweigh(dtype: str, border: Any) -> None:
    """e^(a + x) decides, where neither e^a nor e^x is a number beside the others."""
    random = np.random.default_rng(14)
    x = (random.integers(-3, 4, 30) * 1e3 + random.standard_normal(30)).astype(dtype)
    a = (random.standard_normal(30) - x).astype(dtype)
    for windows in (ap.sliding((5,), 1, 2, border=border), ap.whole(), ap.sliding((5,))):
        for reduction in (ap.SoftPool(), ap.LogMeanExp(), "logsumexp"):
            got = ap.pool(x, windows, reduction, log_weights=a, axes=0)
            case = windows.plan((30,), (0,)).axes[0]
            for o in range(case.out):
                at = case.first[o] + np.arange(case.length[o])
                at = at if case.source is None else case.source[at]
                v = np.where(at < 0, 3.0, x[at]).astype(np.longdouble)
                b = np.where(at < 0, 0.0, a[at]).astype(np.longdouble)
                both = np.exp(v + b)
                soft = (both * v).sum() / both.sum()
                log_sum = np.log(both.sum())
                log_mean = log_sum - np.log(np.exp(b).sum())
                want = {"softpool": soft, "logsumexp": log_sum, "logmeanexp": log_mean}
                name = reduction if isinstance(reduction, str) else reduction.name
                near = 1e-9 if dtype == "float64" else 1e-3
                np.testing.assert_allclose(got[o], float(want[name]), near, near, err_msg=f"{name} {windows} {o}")


def test_integers_of_x() -> None:
    x, a = np.arange(12).reshape(3, 4), np.log(np.arange(1, 13.0).reshape(3, 4))
    weights = np.arange(1, 13).reshape(3, 4)
    for name in ("mean", "sum", "max", "argmax", ap.Median("lower"), "logsumexp"):
        got = ap.pool(x, ap.sliding((2, 2), 1), name, log_weights=a)
        want = ap.pool(x, ap.sliding((2, 2), 1), name, weights=weights.astype(float))
        assert got.dtype == want.dtype
        np.testing.assert_allclose(got, want, 1e-12)


class Doubled(type(ap.REDUCTIONS["mean"]())):  # type: ignore[misc]
    """A fold of a user: its class changes the result, so that it inherits no fact about weights."""

    name = "doubled"

    def finish(self, state: Any, n: Any) -> Any:
        return state[0] / n**2


def test_folds_of_users_get_the_weights_themselves() -> None:
    x, a = drawn(15, 1.0)
    got = ap.pool(x, ap.sliding((2, 2)), Doubled(), log_weights=a)
    np.testing.assert_allclose(got, ap.pool(x, ap.sliding((2, 2)), Doubled(), weights=np.exp(a)), 1e-12)


def test_arrays_of_the_standard() -> None:
    xp = pytest.importorskip("array_api_strict")
    x, a = drawn(16, 1e4)
    for windows in (ap.sliding((3, 3), 1, 1), ap.whole()):
        got = ap.pool(xp.asarray(x), windows, ("mean", "max"), axes=(2, 3), log_weights=xp.asarray(a))
        for y, want in zip(got, ap.pool(x, windows, ("mean", "max"), axes=(2, 3), log_weights=a), strict=True):
            np.testing.assert_allclose(np.asarray(y), want, 1e-12)


def test_explain_says_how() -> None:
    x, a = drawn(17, 1.0, holes=False)
    small = ap.explain(x, ap.sliding((3, 3), 1), ("mean", "max", "logsumexp"), log_weights=a)
    assert "greatest a" in small.log_weights and "added to x" in small.log_weights and small.backend == "cpu"
    mean = ap.explain(x, ap.sliding((3, 3), 1), "mean", log_weights=a * 1e4)
    assert "as x is read" in mean.log_weights and mean.backend == "cpu"
    large = ap.explain(x, ap.sliding((3, 3), 1), ap.Median(), log_weights=a * 1e4)
    assert "gathered" in str(large) and large.backend == "reference" and large.out_shape == (2, 2, 4, 3)
