"""The number of Python functions that a call runs: the cost of a small call, without a clock."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import numpy as np
import pytest
import torch

import anypool as ap
from anypool.engines.native.library import library
from anypool.nn import functional as F

pytestmark = pytest.mark.skipif(library() is None, reason="the compiled library is not there")
X = np.random.default_rng(0).random((32, 32), np.float32)
T = torch.from_numpy(X).reshape(1, 4, 16, 16)
PADDED = ap.sliding((3, 3), 1, 1)
MASK = X > 0.3
BOXES = ap.boxes(np.array([[0, 1.0, 2.0, 9.0, 8.0], [0, 0.0, 3.0, 12.0, 15.5]]), 2, reading="sampled")
REPEATED: dict[str, tuple[Callable[[], Any], int]] = {
    "torch, max_pool2d": (lambda: F.max_pool2d(T, 2), 19),
    "torch, avg_pool2d": (lambda: F.avg_pool2d(T, 2), 22),
    "torch, median": (lambda: ap.pool(T, PADDED, "median"), 40),
    "torch, RoIAlign": (lambda: ap.pool(T, BOXES, "mean"), 60),
    "NumPy, max": (lambda: ap.pool(X, PADDED, "max"), 15),
    "NumPy, median": (lambda: ap.pool(X, PADDED, "median"), 40),
    "NumPy, masked max": (lambda: ap.pool(X, PADDED, "max", weights=MASK), 40),
}


def functions_called(call: Callable[[], Any]) -> list[str]:
    """The Python functions that a call enters, without its own lambda."""
    names: list[str] = []

    def note(frame: FrameType, event: str, argument: object) -> None:
        if event == "call":
            names.append(frame.f_code.co_name)

    sys.setprofile(note)
    try:
        call()
    finally:
        sys.setprofile(None)
    return names[1:]


@pytest.mark.parametrize("name", list(REPEATED))
def test_a_repeated_call(name: str) -> None:
    call, most = REPEATED[name]
    with torch.no_grad():
        call()
        call()
        names = functions_called(call)
    assert 1 < len(names) <= most, names
