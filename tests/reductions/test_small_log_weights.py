"""Log-weights far below 0, for reductions that depend on the scale of their weights."""

from __future__ import annotations

import numpy as np
import pytest

import anypool as ap


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("a", [-200.0, -400.0, -700.0])
def test_small_weights_of_reductions_that_depend_on_their_scale(a: float, dtype: str) -> None:
    """e^a keeps its digits as far as float64 has normal numbers."""
    x, logs = np.array([1.0, 3.0], dtype), np.array([a, a], dtype)
    y = ap.pool(x, ap.whole(), ap.Lp(20), axes=0, log_weights=logs)
    expected = np.exp((a + np.log1p(3.0**20)) / 20)
    np.testing.assert_allclose(y, [expected], rtol=1e-5 if dtype == "float32" else 1e-10)
    large = ap.pool(np.array([1e200, 2e200]), ap.whole(), "sum", axes=0, log_weights=np.array([a, a]))
    np.testing.assert_allclose(large, [np.exp(a + np.log(3e200))], rtol=1e-10)
