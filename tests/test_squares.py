"""Small square windows, whose columns are folded in registers: every width, border and size against NumPy's own windows."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import warnings
from typing import Any

import numpy as np
import pytest

import anypool as ap
from anypool.backends.library import library

pytestmark = pytest.mark.skipif(library() is None, reason="the compiled library is not there")
SIZES = [(2, 1, 0), (2, 2, 0), *((k, s, p) for k, s in ((3, 1), (3, 2), (5, 1), (7, 1)) for p in (0, k // 2))]
WIDTHS = [1, 2, 3, 7, 8, 15, 16, 17, 18, 30, 31, 32, 33, 34, 47, 48, 49, 50, 64, 65, 66, 79, 80, 81, 97, 112, 130]


def _windows(x: Any, k: int, stride: int, pad: int, fill: float) -> Any:
    wide = np.pad(x, ((0, 0), (pad, pad), (pad, pad)), constant_values=fill)
    return np.lib.stride_tricks.sliding_window_view(wide, (k, k), (1, 2))[:, ::stride, ::stride]


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


@pytest.mark.parametrize("isa", ["avx2", "baseline"])
def test_every_instruction_set(isa: str) -> None:
    code = "import test_squares as t\nfor s in t.SIZES:\n for d in ('float32', 'float64'):\n  t.agrees(s, d)"
    environment = {**os.environ, "ANYPOOL_ISA": isa, "PYTHONPATH": os.path.dirname(__file__)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize("reduction", ["argmax", "argmin"])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_places(size: tuple[int, int, int], reduction: str) -> None:
    """Of the first of those that tie, or of the last NaN, on the axes; values too, where both are asked for."""
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
