"""Invalid windows raise PoolingError: sizes, strides, paddings, borders, taps, offsets, boxes."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import torch

import anypool as ap
import anypool.nn.functional as F


def named(value: Any) -> str:
    """A name without an address, so that workers agree on it."""
    return re.sub(r" at 0x\w+", "", repr(value))


X = np.arange(24.0).reshape(4, 6)
NO_INTEGERS = ["3", b"3", None, True, np.bool_(True), ("1",), {2: 3}, object(), float("nan"), 1j, [[2]], {}]
TOO_SMALL = [0, -1, -(2**62), (2, 0), (-3, 2), np.int64(-1), -(2**200)]
WRONG_LENGTHS = [(), [], (1, 1, 1), (2, 2, 2, 2)]
PLANE = np.arange(2 * 3 * 8 * 9, dtype=float).reshape(2, 3, 8, 9)


def pool(*args: Any, **options: Any) -> Any:
    return ap.pool(X, *args, **options)


def test_float_dilations() -> None:
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


def test_segment_lengths_and_axes() -> None:
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


@pytest.mark.parametrize("bad", [3, "2x2", None, (2, 2), object(), ap.sliding], ids=named)
def test_objects_that_are_no_windows(bad: Any) -> None:
    with pytest.raises(ap.PoolingError, match="sliding"):
        pool(bad, "max")


def test_region_levels() -> None:
    for bad in (101, 2**63):
        with pytest.raises(ap.PoolingError, match="levels"):
            ap.regions(bad)


def test_image_indices() -> None:
    for bad in (2**63, float("inf"), -1, 2, 0.5):
        with pytest.raises(ap.PoolingError):
            ap.pool(PLANE, ap.boxes([[bad, 1, 1, 5, 5]], 2))


def test_offsets_as_bytes() -> None:
    with pytest.raises(ap.PoolingError):
        ap.pool(PLANE, ap.adaptive(b"a"))  # type: ignore[arg-type]


def test_region_functions() -> None:
    x, rows = torch.rand(2, 4, 8, 9), torch.tensor([[0, 1.0, 1, 5, 5]])
    for function in (F.roi_align, F.roi_pool, F.ps_roi_align, F.ps_roi_pool):
        for bad in (None, True, 1.5, {}, object(), np.array("a"), [[1, 2], [3]]):
            with pytest.raises(ap.PoolingError):
                function(x, bad, 2)
        for bad in (None, 1.5, float("nan"), object(), np.array("a"), "a"):
            with pytest.raises(ap.PoolingError):
                function(x, rows, bad)
