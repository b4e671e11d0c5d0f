"""Every fold over every window kind against brute force."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from explicit import ORACLES, adaptive_positions, brute, positions
from rounded import tied

import anypool as ap

SLIDING = [
    (3, 1, 0, 0, 1, False),
    (3, 2, 1, 1, 1, False),
    (2, 2, 0, 0, 1, True),
    (3, 2, 1, 2, 2, False),
    (3, 2, 1, 1, 1, True),
    (5, 1, 2, 2, 1, False),
    (4, 3, 0, 1, 1, True),
]
DTYPES = ["float64", "float32", "float16", "int32", "uint8", "bool"]
FOR_BOOL = {"any", "all", "max", "min", "count", "sum", "mean"}


def close(got: np.ndarray, want: np.ndarray, dtype: str) -> None:
    tolerance = {"float16": 3e-3, "float32": 2e-5}.get(dtype, 1e-10)
    np.testing.assert_allclose(np.asarray(got, float), np.asarray(want, float), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", sorted(ORACLES))
def test_sliding(name: str, dtype: str) -> None:
    if dtype == "bool" and name not in FOR_BOOL:
        with pytest.raises(ap.PoolingError, match="bool"):
            ap.pool(tied((5, 5), dtype, most=7), ap.sliding((2, 2)), name)
        return
    for size, stride, before, after, dilation, ceil in SLIDING:
        x = tied((2, 9, 8), dtype, most=7)
        windows = ap.sliding((size, size), stride, ((before, after),), dilation, ceil_mode=ceil)
        got = ap.pool(x, windows, name)
        axes = [positions(n, size, stride, before, after, dilation, ceil) for n in (9, 8)]
        wide = x.astype(np.float64) if x.dtype.kind == "f" else x
        close(got, brute(wide, axes, ORACLES[name]), dtype)
        assert got.shape == windows.output_shape(x.shape)


@pytest.mark.parametrize("name", sorted(ORACLES))
@pytest.mark.parametrize("shape", [(7,), (3, 8), (2, 3, 4, 5)])
def test_adaptive_and_whole_any_rank(name: str, shape: tuple[int, ...]) -> None:
    x = tied(shape, "float64")
    for out in itertools.islice(itertools.product([1, 3, 9], repeat=min(len(shape), 3)), 9):
        axes = [adaptive_positions(n, o) for n, o in zip(shape[-len(out) :], out, strict=True)]
        close(ap.pool(x, ap.adaptive(out), name), brute(x, axes, ORACLES[name]), "float64")
    got = ap.pool(x, ap.whole(), name, axes=range(len(shape)))
    close(got.reshape(()), np.asarray(ORACLES[name](x.ravel())), "float64")


@pytest.mark.parametrize("name", sorted(set(ORACLES) - {"max", "min", "range"}))
def test_segments(name: str) -> None:
    x = tied((3, 10), "float64")
    offsets = [1, 3, 4, 9]
    got = ap.pool(x, ap.segments(offsets), name, axes=1)
    close(got, brute(x, [[list(range(a, b)) for a, b in itertools.pairwise(offsets)]], ORACLES[name]), "float64")


def test_empty_segments_have_their_own_value() -> None:
    x = np.ones((4, 2))
    windows = ap.segments([0, 2, 2, 4])
    for name, value in {
        "sum": 0,
        "prod": 1,
        "max": -np.inf,
        "min": np.inf,
        "mean": np.nan,
        "count": 0,
        "argmax": -1,
    }.items():
        np.testing.assert_array_equal(ap.pool(x, windows, name, axes=0)[1], np.full(2, value))
    np.testing.assert_array_equal(ap.pool(x, windows, "max", axes=0, empty=7)[1], [7, 7])
    with pytest.raises(ap.PoolingError, match="empty="):
        ap.pool(x.astype(int), windows, "max", axes=0)


def test_sliding_inside_segments_is_sliding_on_each_piece() -> None:
    x = tied((2, 12), "float64")
    offsets = [0, 5, 5, 6, 12]
    for size, stride, padding, dilation in [(2, 1, 0, 1), (3, 2, 1, 1), (2, 1, 1, 2)]:
        windows = ap.segments(offsets).sliding(size, stride, padding, dilation)
        pieces = [x[:, a:b] for a, b in itertools.pairwise(offsets)]
        want = [ap.pool(p, ap.sliding((size,), stride, padding, dilation), "sum") for p in pieces]
        np.testing.assert_allclose(ap.pool(x, windows, "sum", axes=1), np.concatenate(want, axis=1))


@pytest.mark.parametrize(
    "border,mode", [("reflect", "reflect"), ("replicate", "edge"), ("circular", "wrap"), (2.5, "constant")]
)
@pytest.mark.parametrize("name", ["max", "mean", "var", "softpool"])
def test_borders_equal_padding(border: object, mode: str, name: str) -> None:
    x = tied((2, 6, 7), "float64")
    more = {"constant_values": 2.5} if mode == "constant" else {}
    padded = np.pad(x, ((0, 0), (2, 3), (1, 2)), mode=mode, **more)
    got = ap.pool(x, ap.sliding((3, 2), 2, ((2, 3), (1, 2)), border=border), name)
    np.testing.assert_allclose(got, ap.pool(padded, ap.sliding((3, 2), 2), name), rtol=1e-12, atol=1e-12)


def test_weights_mask_and_nan() -> None:
    x = tied((6, 6), "float64")
    windows = ap.sliding((3, 3), 1, 1)
    w = np.random.default_rng(1).random((6, 6))
    mean = ap.pool(x, windows, "mean", weights=w)
    np.testing.assert_allclose(mean, ap.pool(x * w, windows, "sum") / ap.pool(w, windows, "sum"))
    holes = w < 0.5
    holed = np.where(holes, np.nan, x)
    for name in ORACLES:
        np.testing.assert_allclose(
            ap.pool(holed, windows, name, weights=~holes).astype(float),
            ap.pool(holed, windows, name, nan="omit").astype(float),
        )
        ones = np.ones((6, 6), bool)
        np.testing.assert_allclose(
            ap.pool(x, windows, name, weights=ones).astype(float), ap.pool(x, windows, name).astype(float), atol=1e-14
        )
    assert np.isnan(ap.pool(holed, windows, "max")[holes]).all()


def test_taps_are_weights_by_place() -> None:
    x = tied((7, 7), "float64")
    taps = np.array([1.0, 2.0, 1.0])
    got = ap.pool(x, ap.sliding((3, 3), 2, taps=(taps, taps)), "mean")
    kernel = np.outer(taps, taps) / 16
    view = np.lib.stride_tricks.sliding_window_view(x, (3, 3))[::2, ::2]
    np.testing.assert_allclose(got, (view * kernel).sum((-1, -2)))
    np.testing.assert_allclose(got, ap.pool(x, ap.sliding((3, 3), 2, taps=np.outer(taps, taps)), "mean"))


def test_argmax_is_flat_in_the_pooled_axes() -> None:
    x = tied((2, 6, 5), "float64")
    got = ap.pool(x, ap.sliding((3, 2), 2, 1), "argmax")
    flat = x.reshape(2, -1)
    np.testing.assert_array_equal(
        np.take_along_axis(flat, got.reshape(2, -1), 1).reshape(got.shape), ap.pool(x, ap.sliding((3, 2), 2, 1), "max")
    )
    equal = np.zeros((4, 4))
    assert ap.pool(equal, ap.whole(), "argmax", axes=(0, 1)).item() == 0
    assert ap.pool(equal, ap.whole(), "argmax", axes=(0, 1), ties="last").item() == 15


def test_lp_is_a_norm() -> None:
    x = tied((4, 9), "float64")
    for p in (1, 2, 3, 2.5, np.inf):
        got = ap.pool(x, ap.sliding((3,), 1), ap.Lp(p))
        view = np.lib.stride_tricks.sliding_window_view(x, 3, axis=1)
        np.testing.assert_allclose(got, np.linalg.norm(view, ord=p, axis=-1))
    assert np.isfinite(ap.pool(np.array([1e300, 1e300]), ap.whole(), ap.Lp(3), axes=0)).all()


def test_power_mean_limits_and_gem() -> None:
    x = np.abs(tied((4, 9), "float64")) + 0.1
    view = np.lib.stride_tricks.sliding_window_view(x, 3, axis=1)
    for p in (1.0, 3.0, -2.0, 0.5):
        np.testing.assert_allclose(ap.pool(x, ap.sliding((3,), 1), ap.PowerMean(p)), (view**p).mean(-1) ** (1 / p))
    np.testing.assert_allclose(ap.pool(x, ap.sliding((3,), 1), ap.PowerMean(0)), np.exp(np.log(view).mean(-1)))


def test_huge_numbers_are_safe() -> None:
    x = np.arange(6.0)
    np.testing.assert_array_equal(ap.pool(x, ap.sliding((2**62,), 2**62), "max"), [5])
    np.testing.assert_array_equal(ap.pool(x, ap.sliding((2,), 2**40, 0, 2**31), "max"), [0])
    np.testing.assert_array_equal(ap.pool(x, ap.sliding((3,), 2**62, ((2**62, 0),)), "sum"), [0, 3])
    with pytest.raises(ap.PoolingError, match="memory"):
        ap.pool(x, ap.sliding((3,), 1, 2**62), "max")


@pytest.mark.parametrize("bad", [0, -1, "3", None, True, (2, 0), (), [[2.5]]])
def test_bad_sizes(bad: object) -> None:
    with pytest.raises(ap.PoolingError):
        ap.pool(np.ones((4, 4)), ap.sliding(bad), "max", axes=(0, 1))  # type: ignore[arg-type]


def test_an_int_size_needs_axes() -> None:
    with pytest.raises(ap.PoolingError, match="axes"):
        ap.pool(np.ones((4, 4)), ap.sliding(2), "max")
    assert ap.pool(np.ones((4, 6)), ap.sliding(2), "max", axes=1).shape == (4, 3)


def test_several_reductions_and_strides() -> None:
    x = tied((5, 8), "float64")
    a, b = ap.pool(x[::-1, ::2], ap.sliding((2, 2)), ("max", "mean"))
    np.testing.assert_array_equal(a, ap.pool(x[::-1, ::2].copy(), ap.sliding((2, 2)), "max"))
    np.testing.assert_allclose(b, ap.pool(np.asfortranarray(x[::-1, ::2]), ap.sliding((2, 2)), "mean"), rtol=1e-12)


def test_a_users_own_fold() -> None:
    class Energy:
        def init(self, zero):
            return (zero,)

        def step(self, state, x, w, at):
            return (state[0] + w * x * x,)

        def merge(self, a, b):
            return (a[0] + b[0],)

        def finish(self, state, n):
            return state[0]

    x = tied((6,), "float64")
    np.testing.assert_allclose(ap.pool(x, ap.sliding((2,)), Energy()), (x**2).reshape(3, 2).sum(1))
