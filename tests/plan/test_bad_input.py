"""Whatever is given: a clear PoolingError or a right answer, never a crash, a hang or a runaway allocation."""

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
NO_INTEGERS = ["3", b"3", None, True, np.bool_(True), ("1",), {2: 3}, object(), float("nan"), 1j, [[2]], {}]
TOO_SMALL = [0, -1, -(2**62), (2, 0), (-3, 2), np.int64(-1), -(2**200)]
WRONG_LENGTHS = [(), [], (1, 1, 1), (2, 2, 2, 2)]


def pool(*args: Any, **options: Any) -> Any:
    return ap.pool(X, *args, **options)


def test_a_float_is_no_dilation() -> None:
    for bad in (2.0, [2.5]):
        with pytest.raises(ap.PoolingError, match="integer"):
            ap.sliding((2, 2), dilation=bad)


@pytest.mark.parametrize("name", ["size", "stride", "dilation"])
@pytest.mark.parametrize("bad", NO_INTEGERS + TOO_SMALL + WRONG_LENGTHS, ids=named)
def test_sizes_strides_dilations(name: str, bad: Any) -> None:
    if name == "stride" and bad is None:
        return
    with pytest.raises(ap.PoolingError) as caught:
        pool(ap.sliding(**{"size": (2, 2), name: bad}), "max", axes=(0, 1))
    assert len(str(caught.value)) > 15


@pytest.mark.parametrize(
    "bad",
    [
        1.0,
        "valid",
        b"same",
        None,
        True,
        -4,
        (-9, 0),
        ((1,), 0),
        ((1, 2, 3), 0),
        (1, 1, 1),
        (),
        ((0.5, 1), 0),
        "",
        object(),
    ],
    ids=named,
)
def test_paddings(bad: Any) -> None:
    with pytest.raises(ap.PoolingError):
        pool(ap.sliding((2, 2), padding=bad), "max")


@pytest.mark.parametrize(
    "bad", [-1, 1.5, "7", True, (2, 2, 2), (), (-1, 2), ("a", 1), 2**62, (2**41, 1), object()], ids=named
)
def test_adaptive_sizes(bad: Any) -> None:
    with pytest.raises(ap.PoolingError):
        pool(ap.adaptive(bad), "max", axes=(0, 1))


@pytest.mark.parametrize("bad", [2, -3, (0, 0), (0, -2), (), "x", 1.0, (None,), True, (0, 1, 2)], ids=named)
def test_axes(bad: Any) -> None:
    with pytest.raises(ap.PoolingError):
        pool(ap.sliding((2, 2)), "max", axes=bad)


@pytest.mark.parametrize(
    "options",
    [
        {"border": "zeros"},
        {"border": None},
        {"border": (1, 2, 3)},
        {"border": ()},
        {"border": (0, "edge")},
        {"border": (0, None)},
        {"border": np.zeros(2)},
        {"border": 10**400},
        {"count": 0},
        {"count": "all"},
        {"count": float("nan")},
        {"count": None},
        {"count": True},
        {"count": float("inf")},
        {"ceil_mode": 2},
        {"ceil_mode": "yes"},
        {"taps": [1.0, 2.0, 1.0]},
        {"taps": [[1.0, np.nan], [1, 1]]},
        {"taps": [[np.inf, 1], [1, 1]]},
        {"taps": np.ones((2, 3))},
        {"taps": "ab"},
        {"taps": ()},
        {"taps": [[1j, 1], [1, 1]]},
        {"taps": np.array([[None, 1], [1, 1]])},
        {"taps": (np.ones(2), np.ones(3))},
        {"taps": [[1, 2], [1]]},
        {"taps": 3.0},
    ],
    ids=str,
)
def test_window_options(options: dict[str, Any]) -> None:
    with pytest.raises(ap.PoolingError):
        pool(ap.sliding((2, 2), **options), "sum")


@pytest.mark.parametrize(
    "bad",
    [[], [0, 3, 2], [-1, 2], [0, 7], [3, 99], [[0, 1]], "ab", [0.0, 1.0], None, 5, [None, 1], [0, 2**63], [0, 1j], {}],
    ids=named,
)
def test_offsets(bad: Any) -> None:
    with pytest.raises(ap.PoolingError):
        pool(ap.segments(bad), "sum", axes=1)


def test_lengths_and_segments_elsewhere() -> None:
    for bad in ([-1, 3], [4, 3], [2**62, 2**62, 2**62], [1.5], "a"):
        with pytest.raises(ap.PoolingError):
            pool(ap.segments(lengths=bad), "sum", axes=1)
    for axes in (None, (0, 1)):
        with pytest.raises(ap.PoolingError, match="ax"):
            pool(ap.segments([0, 2]), "sum", axes=axes)
        with pytest.raises(ap.PoolingError, match="ax"):
            pool(ap.segments([0, 2]).sliding(2), "sum", axes=axes)
    with pytest.raises(ap.PoolingError):
        ap.segments([0, 2], lengths=[2])
    with pytest.raises(ap.PoolingError):
        pool(ap.segments([0, 4]).sliding((2, 2)), "sum", axes=1)


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


@pytest.mark.parametrize("bad", [3, "2x2", None, (2, 2), object(), ap.sliding], ids=named)
def test_windows_that_are_none(bad: Any) -> None:
    with pytest.raises(ap.PoolingError, match="sliding"):
        pool(bad, "max")


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
def test_element_types_without_meaning(x: Any) -> None:
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


def test_negative_weights_have_a_meaning_for_sums_and_means_only() -> None:
    windows, w = ap.sliding((2, 2)), np.array([-1.0, 3, 1, 1, -2, 0.5])
    tiles = (X * w).reshape(2, 2, 3, 2).sum((1, 3))
    np.testing.assert_allclose(pool(windows, "sum", weights=w), tiles)
    np.testing.assert_allclose(pool(windows, "mean", weights=w), tiles / (2 * w.reshape(3, 2).sum(1)))
    for name in set(ap.REDUCTIONS) - {"sum", "mean"}:
        for bad in (w, np.full(6, -1)):
            with pytest.raises(ap.PoolingError, match="weights"):
                pool(windows, name, weights=bad)


@pytest.mark.parametrize(
    "name", ["max", "sum", "mean", "var", "softpool", "count", "argmax", "prod", "any", "logsumexp"]
)
@pytest.mark.parametrize("shape", [(0, 6), (3, 0, 4), (0,), (2, 0), (0, 0), (3, 4, 0)])
def test_empty_batches_and_axes(name: str, shape: tuple[int, ...]) -> None:
    x = np.zeros(shape)
    last = shape[-1]
    got = ap.pool(x, ap.sliding((2,)), name, axes=-1)
    want_length = last // 2
    assert got.shape == (*shape[:-1], want_length)
    whole = ap.pool(x, ap.whole(), name, axes=-1)
    assert whole.shape == (*shape[:-1], 1)
    if whole.size:
        nothing = {"max": -np.inf, "sum": 0, "count": 0, "argmax": -1, "prod": 1, "any": False, "logsumexp": -np.inf}
        np.testing.assert_array_equal(whole, np.full(whole.shape, nothing.get(name, np.nan)))
    assert ap.pool(x, ap.segments([0, 0, 0]), name, axes=-1).shape == (*shape[:-1], 2)
    assert ap.pool(x, ap.segments([0]), name, axes=-1).shape == (*shape[:-1], 0)
    if last == 0:
        assert ap.pool(x, ap.adaptive((0,)), name).shape == shape
        assert ap.pool(x, ap.sliding((3,), 1, 2), name).shape[-1] == 2
        with pytest.raises(ap.PoolingError):
            ap.pool(x, ap.adaptive((2,)), name)
        with pytest.raises(ap.PoolingError):
            ap.pool(x, ap.sliding((2,), 1, 2, border="reflect"), name)
