"""Small square windows, with columns folded in registers: all widths and borders against NumPy."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import warnings
from typing import Any

import numpy as np
import pytest
from backends import needs_core
from instruction_sets import require

import anypool as ap

pytestmark = needs_core
SIZES = [(2, 1, 0), (2, 2, 0), *((k, s, p) for k, s in ((3, 1), (3, 2), (5, 1), (7, 1)) for p in (0, k // 2))]
WIDTHS = [1, 2, 3, 7, 8, 15, 16, 17, 18, 30, 31, 32, 33, 34, 47, 48, 49, 50, 64, 65, 66, 79, 80, 81, 97, 112, 130]


def _windows(x: Any, k: int, stride: int, pad: int, fill: float, step: int = 1) -> Any:
    wide = np.pad(x, ((0, 0), (pad, pad), (pad, pad)), constant_values=fill)
    reach = (k - 1) * step + 1
    found = np.lib.stride_tricks.sliding_window_view(wide, (reach, reach), (1, 2))[:, ::stride, ::stride]
    return found[..., ::step, ::step]


def _x(height: int, width: int, dtype: str, broken: bool) -> Any:
    x = np.random.default_rng(width).normal(size=(3, height, width)).astype(dtype) + 4
    if broken:
        x.flat[:: max(x.size // 5, 1)] = np.nan
        x.flat[1 :: max(x.size // 3, 1)] = np.inf
        x.flat[2 :: max(x.size // 4, 1)] = -np.inf
    return x


def agrees(size: tuple[int, int, int], dtype: str) -> None:
    """Every width, two heights, with and without NaN and infinities."""
    k, stride, pad = size
    windows = ap.sliding((k, k), stride=stride, padding=pad)
    wide = {"float32": 1e-6, "float64": 1e-14}[dtype]
    for width in WIDTHS:
        for height, broken in ((k, False), (k + 9, True)):
            x = _x(height, width, dtype, broken)
            if min(height, width) + 2 * pad < k:
                continue
            said = f"{size} {dtype} {x.shape} {broken}"
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # infinities of both signs
                for name, fill in (("max", -np.inf), ("min", np.inf)):
                    want = getattr(_windows(x, k, stride, pad, fill), name)((3, 4))
                    np.testing.assert_array_equal(ap.pool(x, windows, name), want, f"{name} {said}")
                total = _windows(x.astype("float64"), k, stride, pad, 0).sum((3, 4))
                count = _windows(np.ones_like(x), k, stride, pad, 0).sum((3, 4))
                padded = ap.sliding((k, k), stride=stride, padding=pad, count="padded")
                other = ap.sliding((k, k), stride=stride, padding=pad, count=2.5)
                for w, name, n in (
                    (windows, "sum", 1),
                    (windows, "mean", count),
                    (padded, "mean", k * k),
                    (other, "mean", 2.5),
                ):
                    np.testing.assert_allclose(ap.pool(x, w, name), total / n, 20 * wide, 0, err_msg=f"{name} {said}")
                if not broken:
                    product = _windows(x.astype("float64"), k, stride, pad, 1).prod((3, 4))
                    np.testing.assert_allclose(ap.pool(x, windows, "prod"), product, 60 * wide, 0, err_msg=said)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_every_width(size: tuple[int, int, int], dtype: str) -> None:
    agrees(size, dtype)


def agrees_apart(pad: int, dtype: str) -> None:
    """3×3 windows of elements two apart."""
    windows = ap.sliding((3, 3), stride=1, padding=pad, dilation=2)
    for width, height in itertools.product(WIDTHS, (5, 12)):
        if width + 2 * pad < 5:
            continue
        x = _x(height, width, dtype, False)
        for name, fill in (("max", -np.inf), ("min", np.inf)):
            want = getattr(_windows(x, 3, 1, pad, fill, 2), name)((3, 4))
            np.testing.assert_array_equal(ap.pool(x, windows, name), want, f"{name} {x.shape}")
        total, count = (_windows(v.astype("float64"), 3, 1, pad, 0, 2).sum((3, 4)) for v in (x, np.ones_like(x)))
        np.testing.assert_allclose(ap.pool(x, windows, "mean"), total / count, 2e-5, 0, err_msg=str(x.shape))


def agrees_whole(size: tuple[int, int, int], dtype: str) -> None:
    """Integers: their ends are values like others."""
    k, stride, pad = size
    windows, ends = ap.sliding((k, k), stride=stride, padding=pad), np.iinfo(dtype)
    for width in [*WIDTHS, 128, 129, 190, 193, 260]:
        x = np.random.default_rng(width).integers(ends.min, ends.max, (2, k + 5, width), dtype, endpoint=True)
        x[0] = x[0] // 64 * 64
        if width + 2 * pad < k:
            continue
        for name, fill in (("max", ends.min), ("min", ends.max)):
            want = getattr(_windows(x, k, stride, pad, fill), name)((3, 4))
            got = ap.pool(x, windows, name, axes=(1, 2))
            np.testing.assert_array_equal(got, want, f"{name} {size} {dtype} {x.shape}")


LANES = [3, 4, 7, 8, 15, 16, 17, 31, 33, 48, 64, 65, 96, 128, 130]


def agrees_beside(size: tuple[int, int, int], dtype: str) -> None:
    """Channels last: each lane is pooled as it would be alone."""
    k, stride, pad = size
    for lanes, width in zip(LANES, itertools.cycle((k, k + 1, k + 6)), strict=False):
        x = _x(k + 4, width * lanes, dtype, True).reshape(3, k + 4, width, lanes)
        whole = np.random.default_rng(lanes).normal(size=x.shape).astype(dtype)
        alone, alone_whole = (np.moveaxis(v, 3, 1).reshape(3 * lanes, k + 4, width) for v in (x, whole))

        def back(v: Any, lanes: int = lanes) -> Any:
            return np.moveaxis(v.reshape(3, lanes, *v.shape[1:]), 1, 3)

        windows = ap.sliding((k, k), stride=stride, padding=pad)
        for name, fill in (("max", -np.inf), ("min", np.inf)):
            want = back(getattr(_windows(alone, k, stride, pad, fill), name)((3, 4)))
            np.testing.assert_array_equal(ap.pool(x, windows, name, axes=(1, 2)), want, f"{name} {size} {x.shape}")
        total, count = (
            back(_windows(v.astype("float64"), k, stride, pad, 0).sum((3, 4)))
            for v in (alone_whole, np.ones_like(alone_whole))
        )
        for counted, n in (("present", count), ("padded", k * k)):
            got = ap.pool(whole, ap.sliding((k, k), stride=stride, padding=pad, count=counted), "mean", axes=(1, 2))
            np.testing.assert_allclose(got, total / n, 1e-4, 1e-6, err_msg=f"{counted} {size} {x.shape}")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("pad", [0, 2])
def test_two_apart(pad: int, dtype: str) -> None:
    agrees_apart(pad, dtype)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int32", "int64"])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_integers(size: tuple[int, int, int], dtype: str) -> None:
    agrees_whole(size, dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [*SIZES, (3, 1, 2), (5, 1, 4), (3, 2, 2)], ids=str)
def test_channels_last(size: tuple[int, int, int], dtype: str) -> None:
    agrees_beside(size, dtype)


@pytest.mark.parametrize("k", range(1, 9))
def test_strides_and_dilations_of_no_kernel(k: int) -> None:
    """Far windows, which once were taken for others: 2×2 every 5 for 3×3 every 1."""
    x = _x(60, 61, "float32", False)
    for stride, step, pad in itertools.product(range(1, 12), range(1, 8), (0, k // 2)):
        if (stride > 1 and step > 1) or (k - 1) * step >= 60:
            continue
        windows, want = ap.sliding((k, k), stride, pad, step), _windows(x, k, stride, pad, -np.inf, step).max((3, 4))
        said = f"{k} {stride} {step} {pad}"
        np.testing.assert_array_equal(ap.pool(x, windows, "max"), want, said)
        value, place = ap.pool(x, windows, ("max", "argmax"))
        np.testing.assert_array_equal(value, want, said)
        np.testing.assert_array_equal(
            np.take_along_axis(x.reshape(3, -1), place.reshape(3, -1), 1), want.reshape(3, -1)
        )
        last = np.moveaxis(np.repeat(x[:, None], 16, 1), 1, 3)
        beside = ap.pool(last, windows, "max", axes=(1, 2))
        np.testing.assert_array_equal(beside, np.repeat(want[..., None], 16, 3), said)


@pytest.mark.slow
@pytest.mark.parametrize("isa", ["avx2", "baseline"])
def test_every_instruction_set(isa: str) -> None:
    require(isa)
    code = "import test_small_square_windows as t\nfor s in t.SIZES:\n for d in ('float32', 'float64'):\n  t.agrees(s, d)\n  t.agrees_beside(s, d)"
    code += "\n for d in ('uint8', 'int16'):\n  t.agrees_whole(s, d)\nfor p in (0, 2):\n t.agrees_apart(p, 'float32')"
    environment = {
        **os.environ,
        "ANYPOOL_ISA": isa,
        "PYTHONPATH": os.pathsep.join([os.path.dirname(__file__), *sys.path]),
    }
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize("reduction", ["argmax", "argmin"])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_positions_of_extremes(size: tuple[int, int, int], reduction: str) -> None:
    """The position of the first tied element, or of the last NaN; with values if both are
    requested."""
    k, stride, pad = size
    windows = ap.sliding((k, k), stride=stride, padding=pad)
    sign = 1 if reduction == "argmax" else -1
    for width, height, kind in itertools.product(WIDTHS[::2], (k, k + 9), ("ties", "infinite", "broken")):
        if min(width, height) + 2 * pad < k:
            continue
        x = _x(height, width, "float32", kind == "broken").round(0)
        if kind == "infinite":
            x[:, : k + pad] = -sign * np.inf
        at = np.broadcast_to(np.arange(height * width).reshape(1, height, width) + 1, x.shape)
        v = sign * _windows(x, k, stride, pad, 0)
        i = _windows(at, k, stride, pad, 0)
        v, i = v.reshape(*v.shape[:3], -1), i.reshape(*i.shape[:3], -1)
        key = np.where(i == 0, -2.0, np.where(np.isnan(v), 9e9 + i, np.nan_to_num(v, posinf=1e6, neginf=-1)))
        key = np.where((i > 0) & ~np.isnan(v), np.nan_to_num(v, posinf=1e6, neginf=-1e6) + 2e6, key)
        want = np.take_along_axis(i, key.argmax(-1)[..., None], -1)[..., 0] - 1
        value, place = ap.pool(x, windows, (reduction[3:], reduction))
        np.testing.assert_array_equal(place, want, f"{size} {x.shape} {kind}")
        np.testing.assert_array_equal(
            value.ravel(), np.take_along_axis(x.reshape(3, -1), want.reshape(3, -1), 1).ravel()
        )
        np.testing.assert_array_equal(ap.pool(x, windows, reduction), want)
