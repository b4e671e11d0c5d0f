"""Invalid weights and log-weights at any position, which the compiled core finds as it reads
them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import anypool as ap

SHAPE = (3, 4, 33, 29)
WINDOWS = {
    "3x3/1": (ap.sliding((3, 3), 1, 1), (2, 3)),
    "2x2/2, a row and a column beyond": (ap.sliding((2, 2), 2), (2, 3)),
    "2x2/5, gaps": (ap.sliding((2, 2), 5), (2, 3)),
    "dilated": (ap.sliding((3, 3), 1, 0, dilation=4), (2, 3)),
    "reflect": (ap.sliding((3, 3), 1, 1, border="reflect"), (2, 3)),
    "whole": (ap.whole(), (2, 3)),
    "rows": (ap.whole(), 1),
}
FOLDS = ("sum", "mean", "std", "rms", "softpool", "max", ap.PowerMean(3.0))
VALUES = {"NaN": np.nan, "infinity": np.inf, "as low as -2": -2.0}


@pytest.mark.parametrize("library", ["numpy", "torch", "torch learns"])
@pytest.mark.parametrize("key", WINDOWS)
@pytest.mark.parametrize("said", VALUES)
def test_real_weights(said: str, key: str, library: str) -> None:
    random = np.random.default_rng(len(key))
    x, good = random.standard_normal(SHAPE).astype("f"), random.random(SHAPE, np.float32) + np.float32(0.1)
    windows, axes = WINDOWS[key]
    for fold in FOLDS:
        for _ in range(2):  # the second call repeats a cached one
            assert np.isfinite(_pooled(library, x, windows, fold, axes, weights=good)).all()
            w = good.copy()
            w[tuple(random.integers(0, n) for n in SHAPE)] = VALUES[said]
            if said.startswith("as low") and fold in ("sum", "mean"):
                assert np.isfinite(_pooled(library, x, windows, fold, axes, weights=w)).all()
                continue
            with pytest.raises(ap.PoolingError, match=said if said != "NaN" else "NaN or an infinity"):
                _pooled(library, x, windows, fold, axes, weights=w)


@pytest.mark.parametrize("library", ["numpy", "torch", "torch learns"])
@pytest.mark.parametrize("key", WINDOWS)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_log_weights(value: float, key: str, library: str) -> None:
    random = np.random.default_rng(len(key))
    x, good = random.standard_normal(SHAPE).astype("f"), random.standard_normal(SHAPE).astype("f")
    windows, axes = WINDOWS[key]
    for fold in FOLDS:
        assert np.isfinite(_pooled(library, x, windows, fold, axes, log_weights=good)).all()
        a = good.copy()
        a[tuple(random.integers(0, n) for n in SHAPE)] = value
        with pytest.raises(ap.PoolingError, match=r"log_weights hold a NaN or \+infinity"):
            _pooled(library, x, windows, fold, axes, log_weights=a)


def test_one_weight_for_rows_of_lanes() -> None:
    x = np.ones((2, 9, 64), "f")
    for value in (np.nan, np.inf):
        a = np.zeros((2, 9, 1), "f")
        a[1, 4] = value
        for name in ("weights", "log_weights"):
            with pytest.raises(ap.PoolingError, match="NaN or"):
                ap.pool(x, ap.whole(), "mean", axes=1, **{name: a})


def _pooled(library: str, x: Any, windows: Any, fold: Any, axes: Any, **weights: Any) -> Any:
    if library == "numpy":
        return ap.pool(x, windows, fold, axes=axes, **weights)
    torch = pytest.importorskip("torch")
    (name, w), learns = next(iter(weights.items())), library.endswith("learns")
    w = torch.from_numpy(w).requires_grad_(learns)
    return ap.pool(torch.from_numpy(x), windows, fold, axes=axes, **{name: w}).detach().numpy()
