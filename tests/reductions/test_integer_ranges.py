"""Ranges of integers are as wide as sums: no greatest less smallest overflows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import anypool as ap

torch = pytest.importorskip("torch")
BACKENDS = [None, "reference"]
INTEGERS = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"]


def ends(dtype: str) -> tuple[int, int]:
    return int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)


def both(x: np.ndarray) -> list[Any]:
    """The array, and a tensor of it where torch pools such elements."""
    return [x] if x.dtype.name in ("uint16", "uint32", "uint64") else [x, torch.from_numpy(x)]


RANGED = {
    "sliding": (ap.sliding((2,), 1), {}),
    "segments": (ap.segments([0, 2, 4]), {"axes": 0}),
    "groups": (ap.groups([1, 0, 1, 0]), {"axes": 0}),
    "mask": (ap.sliding((2,), 1), {"weights": np.array([True, True, True, True])}),
    "masked groups": (ap.groups([1, 0, 1, 0]), {"axes": 0, "weights": np.array([True, True, True, True])}),
    "pyramid": (ap.pyramid([1, 2]), {"axes": 0}),
    "taps": (ap.sliding((2,), 1, taps=[1.0, 1.0]), {}),
    "real": (ap.sliding((1.5,), 1), {}),
    "reflected": (ap.sliding((3,), 1, 1, border="reflect"), {}),
}


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("name", RANGED)
def test_a_range_is_as_wide_as_a_sum(name: str, dtype: str) -> None:
    """127 − (−128) is 255."""
    low, high = ends(dtype)
    windows, options = RANGED[name]
    x = np.array([low, high, high, low], dtype)
    x = x if not name.endswith("groups") else np.array([low, low, high, high], dtype)
    for given in both(x):
        for backend in BACKENDS:
            kind = np.asarray(ap.pool(given, windows, "sum", **({"axes": 0} | options))).dtype
            y = np.asarray(ap.pool(given, windows, "range", backend=backend, **options))
            kind = kind if name not in ("taps", "real") else np.uint64 if dtype[0] == "u" and given is x else np.int64
            assert y.dtype == kind, backend
            if dtype != "int64":
                assert y.max() == high - low, backend
    if name in ("sliding", "reflected"):
        large = np.random.default_rng(0).integers(low, high, (300, 99), dtype, endpoint=True)
        views = np.lib.stride_tricks.sliding_window_view(large[:, :98].astype(object), 2, axis=1)[:, ::2]
        for given in both(large):
            got = ap.pool(given, ap.sliding((1, 2)), ("range", "max"))
            if dtype != "int64":
                np.testing.assert_array_equal(np.asarray(got[0]), (views.max(-1) - views.min(-1)).astype(kind))
            np.testing.assert_array_equal(np.asarray(got[1]), views.max(-1).astype(dtype))
            assert bool((ap.pool(given, ap.sliding((1, 2)), "range", out=got[0] * 0) == got[0]).all())
    box = np.array([low, high, high, low], dtype).reshape(1, 1, 2, 2)
    y = ap.pool(box, ap.boxes([[0, 0, 0, 1, 1]], 1), "range")
    assert dtype == "int64" or int(y.reshape(-1)[0]) == high - low
    for order in (ap.Range(), ap.Range(0, 1)) if name not in ("taps", "real") else ():
        y = ap.pool(x, windows, order, **options)
        np.testing.assert_allclose(y.max(), float(high - low), rtol=1e-15)


@pytest.mark.parametrize(("name", "function"), [("range", np.ptp), ("sum", np.sum), ("prod", np.prod)])
@pytest.mark.parametrize("dtype", ["int64", "uint64"])
def test_integers_of_64_bits_wrap_as_in_numpy(name: str, function: Any, dtype: str) -> None:
    low, high = ends(dtype)
    x = np.array([low, high, high, 5], dtype)
    for given in both(x) if dtype == "int64" else (x,):
        for backend in BACKENDS:
            y = np.asarray(ap.pool(given, ap.whole(), name, axes=0, backend=backend))
            np.testing.assert_array_equal(y, [function(x)], err_msg=str(backend))
