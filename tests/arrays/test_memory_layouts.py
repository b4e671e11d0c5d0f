"""The memory layout of x, weights, `out` and tables changes no result, in cached calls too."""

from __future__ import annotations

import array
from typing import Any

import numpy as np
import odd_memory
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from PIL import Image

import anypool as ap

RANDOM = np.random.default_rng(7)
SQUARE = ap.sliding((3, 3), 1, 1)
TAPS = ap.sliding((3, 3), 1, taps=np.arange(9.0).reshape(3, 3))
WINDOWS: list[Any] = [
    (ap.sliding((2, 2)), None),
    (SQUARE, None),
    (TAPS, None),
    (ap.sliding((3, 3), 2, 1, border="reflect"), None),
    (ap.sliding((2.5, 1.5)), None),
    (ap.adaptive((3, 2)), None),
    (ap.pyramid([1, 2]), (0, 1)),
    (ap.segments([0, 2, 7]), 0),
    (ap.groups([1, 0, 1, 2, 0, 1, 1, 2]), 0),
    (ap.whole(), (0, 1)),
]
NAMES: list[Any] = ["sum", "mean", "max", "argmin", "std", "median", "mode", "softpool", ap.Quantile(0.3), ap.Lp(3)]
TRUE = ["sum", "mean", "max", "any", "all", "count", "argmax"]


def both(x: Any, other: Any, windows: Any, axes: Any, reduction: Any, **options: Any) -> None:
    """The same answer, whether the call is new or was seen before."""
    ap.pool(x.copy(), windows, reduction, axes=axes, **options)
    want = ap.pool(x.copy(), windows, reduction, axes=axes, **options)
    for _ in "ab":
        got = ap.pool(other, windows, reduction, axes=axes, **options)
        assert got.dtype == want.dtype and got.dtype.isnative
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("dtype", ["f8", "f4", "f2", "i8", "i2", "u4"])
@pytest.mark.parametrize("way", odd_memory.NUMBERS)
@pytest.mark.parametrize("windows,axes", WINDOWS)
def test_x(windows: Any, axes: Any, way: Any, dtype: str) -> None:
    x = RANDOM.integers(-9 if dtype[0] != "u" else 0, 9, (8, 5)).astype(dtype)
    for reduction in NAMES:
        both(x, way(x), windows, axes, reduction, empty=0)


@pytest.mark.parametrize("way", odd_memory.TRUTHS)
@pytest.mark.parametrize("windows,axes", WINDOWS)
def test_x_of_bools(windows: Any, axes: Any, way: Any) -> None:
    x = RANDOM.random((8, 5)) < 0.4
    for reduction in TRUE:
        both(x, way(x), windows, axes, reduction, empty=0)


@pytest.mark.parametrize("dtype", ["f8", "f4", "i4", "?"])
@pytest.mark.parametrize("windows,axes", WINDOWS)
def test_weights(windows: Any, axes: Any, dtype: str) -> None:
    x = RANDOM.standard_normal((8, 5))
    w = RANDOM.integers(0, 3, (8, 5)).astype(dtype)
    for reduction in ("sum", "mean", "max", "std", "median", "count"):
        want = ap.pool(x, windows, reduction, axes=axes, weights=w)
        for way in odd_memory.TRUTHS if dtype == "?" else odd_memory.NUMBERS:
            np.testing.assert_array_equal(ap.pool(x, windows, reduction, axes=axes, weights=way(w)), want)


@pytest.mark.parametrize("way", odd_memory.NUMBERS)
@pytest.mark.parametrize("reduction", ["max", "mean", "median", "softpool", "argmax", ap.Rank(0)])
def test_out(reduction: Any, way: Any) -> None:
    """Into packed, misaligned and swapped memory; the second call is one that was seen before."""
    x = RANDOM.standard_normal((8, 5))
    want = ap.pool(x, SQUARE, reduction)
    out = way(np.zeros_like(want))
    for _ in "ab":
        out[...] = -7
        assert ap.pool(x, SQUARE, reduction, out=out) is out
        np.testing.assert_array_equal(out, want)


def test_against_numpy() -> None:
    """The library's own answers are no witness: NumPy's."""
    table = np.zeros((9, 4), [("id", "<i4"), ("value", "<f8")])
    table["value"] = RANDOM.standard_normal((9, 4))
    v = table["value"]
    windows = sliding_window_view(v.copy(), (3, 2))
    for x in (v, odd_memory.swapped(v), odd_memory.misaligned(v), v[::-1, ::-1][::-1, ::-1]):
        np.testing.assert_array_equal(ap.pool(x, ap.sliding((3, 2), 1), "max"), windows.max((2, 3)))
        np.testing.assert_allclose(ap.pool(x, ap.sliding((3, 2), 1), "mean"), windows.mean((2, 3)), 1e-12)
        np.testing.assert_array_equal(ap.pool(x, ap.sliding((3, 2), 1), "median"), np.median(windows, (2, 3)))
    ones = np.ones(8)
    for w in (np.full(8, 2.0, ">f8"), np.full(8, 2.0, ">f4"), np.full(8, 2, ">i2"), np.full(8, 2, ">u8")):
        assert ap.pool(ones, ap.sliding((8,)), "sum", weights=w).tolist() == [16.0]
    mask = np.array([255, 0, 2, 1, 0, 0, 3, 128], np.uint8).view(bool)
    assert ap.pool(mask, ap.sliding((4,)), "sum").tolist() == [3, 2]
    assert ap.pool(mask, ap.sliding((4,)), "mean").tolist() == [0.75, 0.5]
    assert ap.pool(ones, ap.sliding((4,)), "sum", weights=mask).tolist() == [3.0, 2.0]
    assert ap.pool(np.arange(8.0), ap.sliding((4,)), "median", weights=mask).tolist() == [2.0, 6.5]
    assert ap.pool(mask, ap.groups([0, 1] * 4), "sum", axes=0).tolist() == [3, 2]


def test_a_large_mask_is_looked_through() -> None:
    """More bools than are looked at as bytes; the odd one is the last, or lies in what repeats."""
    for n in (500, 5000):
        mask = np.ones(n, bool)
        mask.view(np.uint8)[-1] = 7
        assert ap.pool(mask, ap.whole(), "sum", axes=0).tolist() == [n]


@pytest.mark.parametrize(
    "row", [np.array([3, 0], np.uint8).view(bool), np.array([1, 2], ">f8")], ids=["bool", "swapped"]
)
def test_repeated_elements_are_read_once(row: Any) -> None:
    """Read whole, or copied, it would take 34 GB and more."""
    from anypool.arrays import incoming

    wide = np.broadcast_to(row, (1 << 34, 2))
    made = incoming.readable(wide)
    assert made.shape == wide.shape and made.strides[0] == 0 and made.dtype.isnative
    assert ap.pool(wide[:600], ap.sliding((600, 2)), "sum").tolist() == [[600 * row.sum()]]


def test_pictures_of_one_bit() -> None:
    truth = np.eye(4, dtype=bool)
    for picture in (Image.fromarray(truth), np.asarray(Image.fromarray(truth))):
        assert ap.pool(picture, ap.sliding((2, 2)), "sum").tolist() == [[2, 0], [0, 2]]
        assert ap.pool(np.ones((4, 4)), ap.sliding((2, 2)), "sum", weights=picture).tolist() == [[2, 0], [0, 2]]


@pytest.mark.parametrize("way", odd_memory.NUMBERS)
def test_tables_of_windows(way: Any) -> None:
    x = RANDOM.standard_normal((2, 3, 8, 8))
    boxes = np.array([[0, 1, 1, 5, 5], [1, 0, 2, 6, 7.5]])
    for reading in ("quantised", "sampled", "exact"):
        want = ap.pool(x, ap.boxes(boxes, 2, reading=reading), "mean")
        np.testing.assert_array_equal(ap.pool(x, ap.boxes(way(boxes), 2, reading=reading), "mean"), want)
        each = [way(boxes[:1, 1:].copy()), way(boxes[1:, 1:].copy())]
        np.testing.assert_array_equal(ap.pool(x, ap.boxes(each, 2, reading=reading), "mean"), want)
    moved = RANDOM.standard_normal((2, 2, 2, 2))
    want = ap.pool(x, ap.boxes(boxes, 2, reading="sampled", offsets=moved), "mean")
    np.testing.assert_array_equal(ap.pool(x, ap.boxes(boxes, 2, reading="sampled", offsets=way(moved)), "mean"), want)
    v = np.arange(6.0)
    index, offsets, taps = np.array([0, 2, 2, 0, 1, -1]), np.array([0, 2, 2, 6]), np.array([1.0, 0.5, 2.0])
    assert ap.pool(v, ap.groups(way(index)), "sum", axes=0).tolist() == [3.0, 4.0, 3.0]
    assert ap.pool(v, ap.segments(way(offsets)), "sum", axes=0).tolist() == [1.0, 0.0, 14.0]
    assert ap.pool(v, ap.segments(lengths=way(np.diff(offsets))), "sum", axes=0).tolist() == [1.0, 0.0, 14.0]
    want = np.correlate(v, taps)
    np.testing.assert_allclose(ap.pool(v, ap.sliding((3,), 1, taps=way(taps)), "sum"), want, 1e-12)
    np.testing.assert_allclose(ap.pool(v, ap.sliding((3,), 1, taps=(way(taps),)), "sum"), want, 1e-12)
    square = np.stack([taps, taps])
    np.testing.assert_array_equal(
        ap.pool(x, ap.sliding((2, 3), 1, taps=way(square)), "sum"),
        ap.pool(x, ap.sliding((2, 3), 1, taps=square), "sum"),
    )


def test_footprints_of_odd_bools() -> None:
    ball = np.array([[0, 255, 0], [2, 1, 255], [0, 128, 0]], np.uint8).view(bool)
    x = RANDOM.standard_normal((6, 6))
    cross = sliding_window_view(x, (3, 3)) * np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]])
    np.testing.assert_allclose(ap.pool(x, ap.sliding((3, 3), 1, taps=ball), "sum"), cross.sum((2, 3)), 1e-12, 1e-14)


@pytest.mark.parametrize("way", odd_memory.NUMBERS)
def test_parameters(way: Any) -> None:
    x = RANDOM.random((3, 8)) + 0.1
    p = np.array([[1.0], [2.0], [3.0]])
    want = np.stack([((row**k).reshape(-1, 2).mean(1)) ** (1 / k) for row, k in zip(x, p[:, 0], strict=True)])
    np.testing.assert_allclose(ap.pool(x, ap.sliding((2,)), ap.PowerMean(way(p))), want, 1e-12)
    np.testing.assert_array_equal(
        ap.pool(x, ap.sliding((2,)), ap.Ordinal(way(np.array([0.75, 0.25])))),
        ap.pool(x, ap.sliding((2,)), ap.Ordinal([0.75, 0.25])),
    )
    np.testing.assert_array_equal(
        ap.pool(x, ap.sliding((4,)), ap.Quantile(way(np.array([0.25, 0.5])))),
        ap.pool(x, ap.sliding((4,)), ap.Quantile([0.25, 0.5])),
    )


@pytest.mark.filterwarnings("ignore:the matrix subclass")
def test_kinds_of_arrays_that_stay() -> None:
    """Subclasses, files in memory, buffers, rows, scalars: what NumPy reads without loss."""
    v = np.arange(6.0)
    locked = v.copy()
    locked.flags.writeable = False
    given: list[Any] = [locked, v.tolist(), tuple(v.tolist()), array.array("d", v), memoryview(v), bytearray(range(6))]
    given += [range(6), np.matrix(v).A1, v.view(type("Mine", (np.ndarray,), {})), [np.float32(i) for i in v]]
    for x in given:
        got = ap.pool(x, ap.sliding((2,)), "sum")
        assert type(got) is np.ndarray and got.tolist() == [1, 5, 9], x
        weighed = ap.pool(v, ap.sliding((2,)), "sum", weights=x)
        assert weighed.tolist() == [1, 13, 41], x
    assert type(ap.pool(np.matrix(v), ap.sliding((1, 2)), "max")) is np.ndarray


def test_files_in_memory(tmp_path: Any) -> None:
    np.save(tmp_path / "x.npy", np.arange(6.0))
    x = np.load(tmp_path / "x.npy", mmap_mode="r")
    assert ap.pool(x, ap.sliding((2,)), "sum").tolist() == [1.0, 5.0, 9.0]


def test_explain_reads_what_pool_reads() -> None:
    x = odd_memory.swapped(np.ones((4, 4), "f4"))
    assert ap.explain(x, SQUARE, "sum", weights=x).dtype == "float32"
