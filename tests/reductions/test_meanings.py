"""The table of meanings: NaN, ties, empty windows, integers, norms, stability; in all libraries."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

import anypool as ap
from anypool.engines import BACKENDS

NAN, INF = math.nan, math.inf
NAMES = list(BACKENDS)
FLOATS = ["float16", "float32", "float64"]
AVERAGES = ["mean", "rms", "softpool", ap.PowerMean(3), ap.PowerMean(-2), ap.PowerMean(0), ap.LogMeanExp(2.0)]


def every(x: Any, windows: Any, reduction: Any, **options: Any) -> list[tuple[str, np.ndarray]]:
    """The answers of each backend that serves it, in NumPy and in torch."""
    x = np.asarray(x)
    made: list[tuple[str, np.ndarray]] = []
    for backend in NAMES:
        try:
            made.append((backend, np.asarray(ap.pool(x, windows, reduction, backend=backend, **options))))
        except ap.PoolingError as error:
            assert "refuses" in str(error)
        if x.dtype.name not in ("uint16", "uint32", "uint64"):
            mask = {k: torch.from_numpy(v) if isinstance(v, np.ndarray) else v for k, v in options.items()}
            made.append((f"torch {backend}", ap.pool(torch.from_numpy(x.copy()), windows, reduction, **mask).numpy()))
    assert made
    return made


def same(x: Any, windows: Any, reduction: Any, want: Any, rtol: float = 0, **options: Any) -> None:
    for where, got in every(x, windows, reduction, **options):
        np.testing.assert_allclose(got, want, rtol=rtol, atol=0, err_msg=f"{reduction} {where}")


@pytest.mark.parametrize("dtype", FLOATS)
def test_nan(dtype: str) -> None:
    x = np.array([1, NAN, 3, NAN, NAN, 2], dtype)
    three = ap.sliding((3,))
    for name in ("max", "min", "sum", "mean", "prod", "range", "rms", "var", "std", "logsumexp", "softpool", ap.Lp(3)):
        same(x, three, name, [NAN, NAN])
    for name, want in {
        "max": [3, 2],
        "min": [1, 2],
        "sum": [4, 2],
        "mean": [2, 2],
        "prod": [3, 2],
        "range": [2, 0],
        "count": [2, 1],
        "argmax": [2, 5],
        "argmin": [0, 5],
        "var": [1, 0],
        "any": [True, True],
    }.items():
        same(x, three, name, want, nan="omit")
    same(x, three, "argmax", [1, 4])  # a NaN wins over all, and the last one says where
    same(x, three, "argmin", [1, 4])
    same(x, three, "count", [3, 3])
    same(np.array([NAN, NAN], dtype), ap.sliding((2,)), "max", [-INF], nan="omit")
    same(np.array([NAN, NAN], dtype), ap.sliding((2,)), "max", [7], nan="omit", empty=7)


@pytest.mark.parametrize("dtype", ["uint8", "int64", *FLOATS])
def test_ties(dtype: str) -> None:
    x = np.array([[2, 5, 5], [5, 1, 1]], dtype)
    both = {"axes": (0, 1)}
    same(x, ap.whole(), "argmax", [[1]], **both)
    same(x, ap.whole(), "argmin", [[4]], **both)
    same(x, ap.whole(), "argmax", [[3]], ties="last", **both)
    same(x, ap.whole(), "argmin", [[5]], ties="last", **both)
    for ties in ("first", "last", "split"):
        same(x, ap.whole(), "max", [[5]], ties=ties, **both)
        same(x, ap.whole(), "min", [[1]], ties=ties, **both)
    same(
        np.zeros((4, 5), dtype),
        ap.sliding((2, 2), 1, 1),
        "argmax",
        np.maximum(np.arange(5) - 1, 0)[:, None] * 5 + np.maximum(np.arange(6) - 1, 0),
    )


def test_signed_zeros_and_infinities_are_ordinary() -> None:
    low = np.full(4, -INF)
    same(low, ap.sliding((2,)), "max", [-INF, -INF])
    same(low, ap.sliding((2,)), "argmax", [0, 2])
    same(-low, ap.sliding((2,)), "argmin", [0, 2])
    same(low, ap.sliding((2,)), "logsumexp", [-INF, -INF])
    same([1.0, INF, 1.0, -INF], ap.sliding((2,)), "mean", [INF, -INF])
    same([1.0, INF, -INF, INF], ap.sliding((2,)), "sum", [INF, NAN])
    same([1.0, INF, 1.0, -INF], ap.sliding((2,)), "logsumexp", [INF, 1.0])
    same([0.0, INF, -INF, 3.0], ap.sliding((2,)), ap.Lp(2), [INF, INF])
    same([1.0, INF], ap.sliding((2,)), "range", [INF])
    same([1.0, INF], ap.sliding((2,)), "var", [NAN])


@pytest.mark.parametrize("how", ["segment", "mask", "padding", "zero weight"])
def test_empty_windows(how: str) -> None:
    x = np.array([1.0, 2.0, 3.0, 4.0])
    options: dict[str, Any] = {}
    windows: Any = ap.sliding((2,))
    if how == "segment":
        windows, options = ap.segments([0, 2, 2]), {"axes": 0}
    elif how == "mask":
        options = {"weights": np.array([True, True, False, False])}
    elif how == "zero weight":
        options = {"weights": np.array([1.0, 1.0, 0.0, 0.0])}
    else:
        windows = ap.sliding((2,), 2, ((0, 2),))
    want = {"sum": 0, "prod": 1, "count": 0, "max": -INF, "min": INF, "any": False, "all": True, "argmax": -1}
    want |= {"argmin": -1, "mean": NAN, "var": NAN, "std": NAN, "range": NAN, "rms": NAN, "softpool": NAN}
    want |= {"first": NAN, "last": NAN}
    want |= {"logsumexp": -INF}
    for name in ap.REDUCTIONS:
        for where, got in every(x, windows, name, **options):
            np.testing.assert_array_equal(got[-1], want[name], err_msg=f"{name} {where}")
        for where, got in every(x, windows, name, empty=1, **options):
            assert got[-1] == 1, (name, where)
            np.testing.assert_array_equal(got[0], ap.pool(x[:2], ap.whole(), name, axes=0, **_first(options))[0])
    for where, got in every(x, windows, ap.Lp(3), **options):
        assert got[-1] == 0, where
    whole = x.astype(np.int32)
    for name in ("max", "min", "range"):
        with pytest.raises(ap.PoolingError, match="empty="):
            ap.pool(whole, windows, name, **options)
        assert ap.pool(whole, windows, name, empty=-3, **options)[-1] == -3
        assert ap.pool(whole, windows, name, empty=-3, **options).dtype == (np.int64 if name == "range" else np.int32)
    for name in ("sum", "prod", "count"):
        assert ap.pool(whole, windows, name, **options)[-1] == want[name]


def _first(options: dict[str, Any]) -> dict[str, Any]:
    return {"weights": options["weights"][:2]} if "weights" in options else {}


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"])
def test_integers_are_exact(dtype: str) -> None:
    info = np.iinfo(dtype)
    x = np.array([info.min, info.max, info.max - 1, info.min + 1], dtype)
    same(x, ap.sliding((2,)), "max", np.array([info.max, info.max - 1], dtype))
    same(x, ap.sliding((2,)), "min", np.array([info.min, info.min + 1], dtype))
    same(x, ap.sliding((2,)), "argmax", [1, 2])
    same(x, ap.sliding((2,)), "argmin", [0, 3])
    for name, f in {"sum": np.sum, "prod": np.prod, "mean": np.mean}.items():
        for where, got in every(x[2:], ap.sliding((2,)), name):
            want = f(x[2:])
            assert got.dtype == want.dtype or where.startswith("torch"), (where, got.dtype)
            np.testing.assert_allclose(got[0], want, rtol=1e-15)


def test_half_types_accumulate_wide() -> None:
    """4,096 ones sum to 4,096, not to 2,048; a mean of large numbers does not overflow."""
    same(np.ones(4096, np.float16), ap.whole(), "sum", [4096], axes=0)
    same(np.full(100, 60000, np.float16), ap.whole(), "mean", [60000], axes=0, rtol=1e-3)
    same(np.full(100, 300, np.float16), ap.whole(), "rms", [300], axes=0, rtol=1e-3)
    same(np.full(3000, 4, np.float16), ap.whole(), "var", [0], axes=0)


def test_norms() -> None:
    x = np.array([3.0, -4.0, 0.0, 0.0])
    for p, want in {1: [7, 0], 2: [5, 0], INF: [4, 0], 3: [91 ** (1 / 3), 0], 0.5: [(3**0.5 + 2) ** 2, 0]}.items():
        same(x, ap.sliding((2,)), ap.Lp(p), want, rtol=1e-14)
    same([5.0, -5.0, 5.0], ap.sliding((3,)), ap.Lp(INF), [5])
    for scale in (1e300, 1e-300, 5e-324):
        for p in (2, 3, 7):
            same(
                np.full(4, scale),
                ap.whole(),
                ap.Lp(p),
                [scale * 4 ** (1 / p)] if scale > 1e-320 else [5e-324 * round(4 ** (1 / p))],
                rtol=1e-12,
                axes=0,
            )
        if scale > 1e-320:
            same(np.full(4, scale), ap.whole(), "rms", [scale], rtol=1e-12, axes=0)
            same(np.full(4, scale), ap.whole(), ap.PowerMean(5, form="magnitude"), [scale], rtol=1e-12, axes=0)


@pytest.mark.parametrize(
    "name", ["logsumexp", "softpool", ap.LogSumExp(-3.0), ap.LogMeanExp(2.0), ap.SoftPool(-2.0)], ids=str
)
@pytest.mark.parametrize("shift", [-1e4, 1e3, 1e5])
def test_soft_maxima_do_not_overflow(name: Any, shift: float) -> None:
    x = np.array([0.0, 1.0, 2.5, -3.0, 1000.0, -1000.0])
    want = [float(ap.pool(x[i : i + 2], ap.whole(), name, axes=0, backend="reference")[0]) + shift for i in (0, 2, 4)]
    assert np.isfinite(want).all()
    same(x + shift, ap.sliding((2,)), name, want, rtol=1e-11)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_variance_does_not_cancel(dtype: str) -> None:
    random = np.random.default_rng(0)
    for offset in (0.0, 1e4, -1e6):
        x = (offset + random.standard_normal(10_000)).astype(dtype)
        for windows, axes in ((ap.whole(), 0), (ap.sliding((100,)), None)):
            rows = x.astype(np.float64).reshape(1 if axes == 0 else 100, -1)
            same(x, windows, "var", rows.var(1), rtol=5e-2 if dtype == "float32" else 1e-9, axes=axes)
    same(np.full(7, 0.1), ap.whole(), "std", [0], axes=0)
    same([3.0], ap.sliding((1,)), "var", [0])
    for dtype in ("float16", "float32", "float64"):  # what is no number has no spread, alone too
        x = np.array([1, NAN, 3, INF, -INF, 5], dtype)
        same(x, ap.sliding((1,)), "var", [0, NAN, 0, NAN, NAN, 0])
        same(
            x[:, None] + np.zeros(20, dtype),
            ap.sliding((1,)),
            "std",
            np.outer([0, NAN, 0, NAN, NAN, 0], np.ones(20)),
            axes=0,
        )
        same(x, ap.segments([0, 1, 2, 3, 4, 6]), "var", [0, NAN, 0, NAN, NAN], axes=0)
    same([3.0], ap.sliding((1,)), ap.Var(1), [NAN])


@pytest.mark.parametrize("reduction", AVERAGES, ids=str)
def test_averages_lie_between_the_extremes(reduction: Any) -> None:
    x = np.abs(np.random.default_rng(3).standard_normal((3, 30))) + 0.01
    for windows in (ap.sliding((4,), 1), ap.sliding((5,), 3, 2), ap.adaptive((4,))):
        y, low, high = (ap.pool(x, windows, r) for r in (reduction, "min", "max"))
        assert np.all(y >= low * (1 - 1e-12)) and np.all(y <= high * (1 + 1e-12))


def test_padding_is_never_data() -> None:
    """Nothing lies beyond the edge: negative maxima stay, means of ones are ones."""
    same(-np.ones((5, 5)), ap.sliding((3, 3), 1, 2), "max", -np.ones((7, 7)))
    same(np.ones((5, 5)), ap.sliding((3, 3), 1, 2), "mean", np.ones((7, 7)))
    same(np.ones(5), ap.sliding((2,), 2, ceil_mode=True), "mean", np.ones(3))
    same([1.0, 2, 3, 4, 5], ap.sliding((2,), 2, ceil_mode=True, count="padded"), "mean", [1.5, 3.5, 5])
    same(np.ones(4), ap.sliding((3,), 1, 1, count="padded"), "mean", [2 / 3, 1, 1, 2 / 3])
    same(np.ones(4), ap.sliding((3,), 1, 1, count=5), "mean", [0.4, 0.6, 0.6, 0.4])
    same(np.ones((2, 2)), ap.sliding((3, 3), 1, 1, border=9.0), "max", np.full((2, 2), 9.0))


def test_a_tuple_gives_a_tuple_in_order() -> None:
    x = np.arange(8.0)
    got = ap.pool(x, ap.sliding((2,)), ("min", ap.Lp(1), "count", "argmax"))
    assert isinstance(got, tuple) and [g.tolist() for g in got] == [
        [0, 2, 4, 6],
        [1, 5, 9, 13],
        [2, 2, 2, 2],
        [1, 3, 5, 7],
    ]
    assert isinstance(ap.pool(x, ap.sliding((2,)), ("max",)), tuple)


@pytest.mark.parametrize("reduction", ["max", "min", "mode", ap.Rank(0), ap.Median("lower")])
@pytest.mark.parametrize("empty", [-7, 300, 2.5, np.nan, np.inf])
def test_empty_that_integers_do_not_hold(reduction: Any, empty: float) -> None:
    """No value is cut to fit, on any backend, the second time neither."""
    x = np.arange(30, dtype=np.uint8).reshape(5, 6)
    for backend in (None, "reference", None):
        with pytest.raises(ap.PoolingError, match=r"uint8|integers"):
            ap.pool(x, ap.sliding((2, 2)), reduction, weights=x < 3, empty=empty, backend=backend)
        with pytest.raises(ap.PoolingError, match="uint8"):
            ap.pool(x, ap.sliding((2, 2)), reduction, empty=2.5, backend=backend)
    assert ap.pool(x, ap.sliding((2, 2)), reduction, weights=x < 3, empty=7)[-1, -1] == 7
