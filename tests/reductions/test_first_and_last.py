"""First and last elements of every kind of windows, with masks, gradients and empty windows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import anypool as ap

WINDOWS: dict[str, tuple[Any, list[list[int]]]] = {
    "segments": (ap.segments([0, 2, 2, 7]), [[0, 1], [], [2, 3, 4, 5, 6]]),
    "groups": (ap.groups([1, 0, 1, 3, 0, 1, 3]), [[1, 4], [0, 2, 5], [], [3, 6]]),
    "whole": (ap.whole(), [[0, 1, 2, 3, 4, 5, 6]]),
    "sliding": (ap.sliding((3,), 2, 1), [[0, 1], [1, 2, 3], [3, 4, 5], [5, 6]]),
    "spans": (ap.spans([3, 0], [5, 7]), [[3, 4], [0, 1, 2, 3, 4, 5, 6]]),
}
RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize("name", ["first", "last"])
@pytest.mark.parametrize("kind", ["all", "mask", "row", "omit", "weights"])
@pytest.mark.parametrize("windows", WINDOWS)
def test_elements_and_gradients(windows: str, kind: str, name: str) -> None:
    x, keep, options = RANDOM.normal(size=(7, 3)).astype(np.float32), np.ones((7, 3), bool), {}
    if kind in ("mask", "weights"):
        keep = RANDOM.random((7, 3)) > 0.5
        options = {"weights": keep if kind == "mask" else keep * 0.25}
    elif kind == "row":
        row = RANDOM.random((7, 1)) > 0.5
        keep, options = np.repeat(row, 3, 1), {"weights": row}
    elif kind == "omit":
        x[RANDOM.random((7, 3)) > 0.5] = np.nan
        keep, options = x == x, {"nan": "omit"}
    here, lists = WINDOWS[windows]
    want, gradient = np.full((len(lists), 3), np.nan, np.float32), np.zeros((7, 3), np.float32)
    for i, elements in enumerate(lists):
        for d in range(3):
            present = [p for p in elements if keep[p, d]]
            if present:
                at = present[0 if name == "first" else -1], d
                want[i, d], gradient[at] = x[at], gradient[at] + 1
    for backend in (None, "reference"):
        np.testing.assert_array_equal(ap.pool(x, here, name, axes=0, backend=backend, **options), want)
        leaf = torch.tensor(x, requires_grad=True)
        tensors = {k: torch.tensor(v) if k == "weights" else v for k, v in options.items()}
        y = ap.pool(leaf, here, name, axes=0, backend=backend, empty=0.0, **tensors)
        np.testing.assert_array_equal(y.detach().numpy(), np.nan_to_num(want))
        y.sum().backward()
        np.testing.assert_array_equal(leaf.grad.numpy(), gradient)


def test_a_nan_elsewhere_does_not_matter() -> None:
    x = np.array([1.0, np.nan, 3.0])
    assert ap.pool(x, ap.whole(), ("first", "last"), axes=0) == (1, 3)
    assert np.isnan(ap.pool(x[1:], ap.whole(), "first", axes=0))


def test_planes_and_integers() -> None:
    x = RANDOM.integers(0, 99, (2, 6, 4)).astype(np.int16)
    first, last = ap.pool(x, ap.sliding((3, 2)), ("first", "last"))
    np.testing.assert_array_equal(first, x[:, ::3, ::2])
    np.testing.assert_array_equal(last, x[:, 2::3, 1::2])
    mask = RANDOM.random((2, 6, 4)) > 0.7
    mask[:, 2::3, 1::2] = True
    got = ap.pool(x, ap.sliding((3, 2)), "first", weights=mask)
    for i, r, c in np.ndindex(got.shape):
        here = np.s_[i, 3 * r : 3 * r + 3, 2 * c : 2 * c + 2]
        assert got[i, r, c] == x[here][mask[here]][0]
    for name in ("first", "last"):
        with pytest.raises(ap.PoolingError, match="empty="):
            ap.pool(x, ap.segments([0, 0, 2]), name, axes=1)
        assert ap.pool(x, ap.segments([0, 0, 2]), name, axes=1, empty=7)[0, 0].tolist() == [7] * 4
    boxes = ap.boxes([[0, 0.0, 0.0, 3.0, 2.0], [1, 1.0, 2.0, 3.0, 5.0]], (1, 1), reading="quantised")
    got = ap.pool(x.astype(float)[:, None], boxes, "last", axes=(0, 2, 3))
    assert got.reshape(-1).tolist() == [x[0, 2, 3], x[1, 5, 3]]
