"""softmax within windows, against SciPy's softmax of each window."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import softmax

import anypool as ap

RANDOM = np.random.default_rng(0)
GROUPS = np.array([1, 0, -1, 3, 0, 1, 3])


def test_segments_groups_and_padded_rows() -> None:
    a = RANDOM.normal(size=(7, 3)) * 300
    want = np.concatenate([softmax(a[:2], 0), softmax(a[2:], 0)])
    np.testing.assert_allclose(ap.softmax(a, ap.segments([0, 2, 2, 7]), axes=0), want)
    y = ap.softmax(a, ap.groups(GROUPS), axes=0)
    for k in (0, 1, 3):
        np.testing.assert_allclose(y[GROUPS == k], softmax(a[GROUPS == k], 0))
    assert not y[2].any()
    rows = RANDOM.normal(size=(2, 5, 3))
    for x, axes in ((rows, (0, 1)), (rows.swapaxes(0, 1), (1, 0))):
        y = np.moveaxis(ap.softmax(x, ap.padded([2, 0]), axes=axes), axes, (0, 1))
        np.testing.assert_allclose(y[0, :2], softmax(rows[0, :2], 0))
        assert not y[1].any() and not y[0, 2:].any()
    labels, plane = RANDOM.integers(0, 4, (4, 6)), RANDOM.normal(size=(4, 6))
    y = ap.softmax(plane, ap.groups(labels))
    np.testing.assert_allclose(y[labels == 2], softmax(plane[labels == 2]))
    np.testing.assert_allclose(ap.softmax(plane, ap.sliding((2, 3)))[2:, :3], softmax(plane[2:, :3]))
    np.testing.assert_allclose(ap.softmax(plane, ap.whole(), axes=1), softmax(plane, 1))
    np.testing.assert_allclose(ap.softmax(plane, ap.whole(), axes=(0, 1)), softmax(plane))


def test_weights_and_infinities() -> None:
    a, w = RANDOM.normal(size=(7, 3)), RANDOM.random((7, 1)) * (RANDOM.random((7, 1)) > 0.3)
    y = ap.softmax(a, ap.segments([0, 2, 7]), axes=0, weights=w)
    for part in (slice(2), slice(2, 7)):
        e = w[part] * np.exp(a[part])
        np.testing.assert_allclose(y[part], e / e.sum(0))
    nothing = ap.softmax(np.array([-np.inf, -np.inf, 1.0, -np.inf]), ap.segments([0, 2, 4]), axes=0)
    assert nothing.tolist() == [0, 0, 1, 0]
    assert ap.softmax(np.array([np.nan, 2.0, 2.0]), ap.whole(), axes=0, weights=[0, 1, 1]).tolist() == [0, 0.5, 0.5]
    some = ap.softmax(np.array([np.nan, 1.0, 1.0, 1.0]), ap.segments([0, 2, 4]), axes=0)
    assert np.isnan(some[:2]).all() and some[2:].tolist() == [0.5, 0.5]
    assert ap.softmax(np.zeros((0, 3)), ap.segments([0, 0]), axes=0).shape == (0, 3)
    half = ap.softmax(torch.randn(6, dtype=torch.bfloat16), ap.whole(), axes=0)
    assert half.dtype is torch.bfloat16 and abs(float(half.sum()) - 1) < 0.02


@pytest.mark.parametrize(
    "windows",
    [ap.segments([0, 2, 2, 7]), ap.whole(), ap.groups(GROUPS), ap.spans([4, 0], [7, 2])],
    ids=["segments", "whole", "groups", "spans"],
)
def test_gradients(windows: Any) -> None:
    a = torch.randn(7, 2, dtype=torch.float64, requires_grad=True)
    w = torch.rand(7, 1, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda a, w: ap.softmax(a, windows, axes=0, weights=w), (a, w))
    assert torch.autograd.gradgradcheck(lambda a: ap.softmax(a, windows, axes=0), a)


def test_wrong_arguments() -> None:
    with pytest.raises(ap.PoolingError, match="lies in several windows"):
        ap.softmax(np.ones(6), ap.sliding((3,), 1))
    with pytest.raises(ap.PoolingError, match="lies in several windows"):
        ap.softmax(np.ones(6), ap.spans([0, 1], [5, 3]))
    with pytest.raises(ap.PoolingError, match="give floats"):
        ap.softmax(np.ones(6, int), ap.whole(), axes=0)
    with pytest.raises(ap.PoolingError, match="do not broadcast"):
        ap.softmax(np.ones(6), ap.whole(), axes=0, weights=np.ones(4))
