"""Arrays of length 0 have results of length 0; windows without elements have the empty value."""

from __future__ import annotations

import numpy as np
import pytest

import anypool as ap


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
