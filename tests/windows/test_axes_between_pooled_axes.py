"""Pooled axes with another axis between them: the numbers of x with adjacent pooled axes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import anypool as ap

X = np.abs(np.random.default_rng(0).normal(size=(5, 3, 6)))
LABELS = np.arange(30).reshape(5, 6) % 3
WINDOWS: dict[str, Any] = {
    "real": ap.sliding((1.5, 1.5)),
    "real with a border": ap.sliding((2.5, 1.5), 1, border=2.0),
    "groups": ap.groups(LABELS, count=4),
    "pyramid": ap.pyramid([1, 2]),
    "taps": ap.sliding((2, 2), taps=[[1.0, 2], [0, 0.5]]),
}
NAMES = "sum mean max min argmax std var rms logsumexp softpool median mode range prod any count".split()
REDUCTIONS: list[Any] = [*NAMES, ap.Lp(3), ap.PowerMean(3.0), ap.KMax(2), ap.Quantile([0.2, 0.6])]


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64"])
@pytest.mark.parametrize("kind", list(WINDOWS))
def test_as_with_adjacent_axes(kind: str, dtype: str) -> None:
    x = (X * 9).astype(dtype)
    together = np.ascontiguousarray(x.transpose(1, 0, 2))
    for reduction in REDUCTIONS:
        for options in ({}, {"weights": x > 1}):
            weights = {k: w.transpose(1, 0, 2) for k, w in options.items()}
            wanted = ap.pool(together, WINDOWS[kind], reduction, axes=(1, 2), empty=1, backend="reference", **weights)
            several = np.ndim(wanted) > ap.pool(together, WINDOWS[kind], "count", axes=(1, 2)).ndim
            first = int(several and not isinstance(reduction, ap.KMax))
            wanted = np.swapaxes(wanted, first, first + 1)  # windows on one axis take the place of the first pooled one
            for given in (x, torch.from_numpy(x)):
                more = {k: torch.from_numpy(w) if isinstance(given, torch.Tensor) else w for k, w in options.items()}
                y = ap.pool(given, WINDOWS[kind], reduction, axes=(0, 2), empty=1, **more)
                np.testing.assert_allclose(
                    y, wanted, 1e-4 if dtype == "float32" else 1e-9, 1e-6, err_msg=repr(reduction)
                )


def test_a_standard_deviation_by_hand() -> None:
    y = ap.pool(X, ap.groups(LABELS), "std", axes=(0, 2))
    for group in range(3):
        rows = X.transpose(0, 2, 1)[LABELS == group]
        np.testing.assert_allclose(y[group], rows.std(0))


@pytest.mark.parametrize("reduction", ["mean", "max", "std", "logsumexp", "softpool", "median"])
@pytest.mark.parametrize("kind", ["real", "groups", "taps"])
def test_gradients(kind: str, reduction: str) -> None:
    leaf = torch.from_numpy(X[:4].copy()).requires_grad_()
    windows = WINDOWS[kind] if kind != "groups" else ap.groups(LABELS[:4], count=4)
    torch.autograd.gradcheck(lambda x: ap.pool(x, windows, reduction, axes=(0, 2), empty=1), leaf)


def test_an_output_size_for_each_axis() -> None:
    for size in ((2,), (2, 2, 2)):
        with pytest.raises(ap.PoolingError, match="entr"):
            ap.pool(np.ones((3, 4)), ap.adaptive(size), "max", axes=(0, 1))
