"""Invalid arguments of pool and of reductions raise PoolingError, for NumPy arrays and tensors."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import anypool as ap


def named(value: Any) -> str:
    """A name without an address, so that workers agree on it."""
    return re.sub(r" at 0x\w+", "", repr(value))


X = np.arange(24.0).reshape(4, 6)


def pool(*args: Any, **options: Any) -> Any:
    return ap.pool(X, *args, **options)


@pytest.mark.parametrize("bad", [2, -3, (0, 0), (0, -2), (), "x", 1.0, (None,), True, (0, 1, 2)], ids=named)
def test_axes(bad: Any) -> None:
    with pytest.raises(ap.PoolingError):
        pool(ap.sliding((2, 2)), "max", axes=bad)


@pytest.mark.parametrize(
    "bad",
    ["maximum", "", None, 3, 2.5, object(), ap.Lp, (), [], ("max", "nothing"), print, {"max"}, ap.PowerMean, np.max],
    ids=named,
)
def test_reductions(bad: Any) -> None:
    with pytest.raises(ap.PoolingError):
        pool(ap.sliding((2, 2)), bad)


@pytest.mark.parametrize(
    "make",
    [
        lambda: ap.Lp(0),
        lambda: ap.Lp(-1),
        lambda: ap.Lp("2"),
        lambda: ap.Lp(None),
        lambda: ap.Lp(float("nan")),
        lambda: ap.Lp(True),
        lambda: ap.PowerMean(float("nan")),
        lambda: ap.PowerMean(2, form="odd"),
        lambda: ap.PowerMean(-1, form="signed"),
        lambda: ap.PowerMean(2, eps=0),
        lambda: ap.PowerMean(2, eps="x"),  # type: ignore[arg-type]
        lambda: ap.PowerMean(2, eps=float("nan")),
        lambda: ap.LogSumExp(0),
        lambda: ap.LogSumExp(float("inf")),
        lambda: ap.SoftPool("hot"),
        lambda: ap.SoftPool(float("inf")),
        lambda: ap.Var(-1),
        lambda: ap.Var("1"),  # type: ignore[arg-type]
        lambda: ap.Std(float("inf")),
        lambda: ap.Var(np.ones(3)),  # type: ignore[arg-type]
    ],
)
def test_parameters(make: Any) -> None:
    with pytest.raises(ap.PoolingError):
        make()


@pytest.mark.parametrize(
    "options",
    [
        {"nan": "skip"},
        {"nan": None},
        {"ties": "best"},
        {"ties": None},
        {"empty": "0"},
        {"empty": [1]},
        {"empty": 1j},
        {"backend": "gpu"},
        {"backend": 3},
        {"backend": "triton"},
    ],
    ids=str,
)
def test_options_of_pool(options: dict[str, Any]) -> None:
    with pytest.raises(ap.PoolingError):
        pool(ap.sliding((2, 2)), "max", **options)


@pytest.mark.parametrize(
    "x",
    [
        np.array([object(), None]),
        np.array(["a", "b"]),
        np.array([b"a", b"b"]),
        np.array([1j, 2]),
        np.array([1, 2], "datetime64[s]"),
        np.array([1, 2], "timedelta64[s]"),
        np.zeros(2, [("a", int)]),
        np.ma.masked_array([1.0, 2.0], [True, False]),
        np.ones(2, np.longdouble),
        np.ones(2, np.complex64),
        [[1, 2], [3]],
        "ab",
        None,
        {1, 2},
        [None, 1.0],
    ],
    ids=lambda x: str(getattr(x, "dtype", x)),
)
def test_element_types(x: Any) -> None:
    with pytest.raises(ap.PoolingError):
        ap.pool(x, ap.sliding((2,)), "max", axes=0)


@pytest.mark.parametrize(
    "w",
    [
        np.ones(4),
        np.ones((2, 4, 6)),
        np.ones((4, 7)),
        np.full(6, np.nan),
        np.full(6, np.inf),
        np.array(["a"] * 6),
        np.full(6, 1j),
        np.array([None] * 6),
        "mask",
        [[1, 2], [3]],
        np.ma.masked_array(np.ones(6), np.zeros(6)),
        np.ones(6, "datetime64[s]"),
    ],
    ids=lambda w: str(getattr(w, "dtype", w)) + str(np.shape(w) if isinstance(w, np.ndarray) else ""),
)
@pytest.mark.parametrize("name", ["mean", "max", "softpool"])
def test_weights(w: Any, name: str) -> None:
    with pytest.raises(ap.PoolingError):
        pool(ap.sliding((2, 2)), name, weights=w)


def test_negative_weights_are_for_sums_and_means() -> None:
    windows, w = ap.sliding((2, 2)), np.array([-1.0, 3, 1, 1, -2, 0.5])
    tiles = (X * w).reshape(2, 2, 3, 2).sum((1, 3))
    np.testing.assert_allclose(pool(windows, "sum", weights=w), tiles)
    np.testing.assert_allclose(pool(windows, "mean", weights=w), tiles / (2 * w.reshape(3, 2).sum(1)))
    for name in set(ap.REDUCTIONS) - {"sum", "mean"}:
        for bad in (w, np.full(6, -1)):
            with pytest.raises(ap.PoolingError, match="weights"):
                pool(windows, name, weights=bad)
