"""Padded windows of small arrays in each memory layout: edges are compiled calls into y."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from numpy.lib.stride_tricks import sliding_window_view

import anypool as ap

CASES = [
    ((3, 3), (1, 1), ((1, 1), (1, 1))),
    ((4, 2), (2, 1), ((0, 2), (1, 0))),
    ((5, 5), (1, 1), ((2, 2), (2, 2))),
    ((2, 2), (2, 2), ((1, 1), (0, 1))),
    ((3, 5), (3, 2), ((2, 0), (1, 3))),
]


def expected(x: np.ndarray, size: Any, stride: Any, padding: Any, q: float) -> np.ndarray:
    """NumPy's quantile of what each window contains."""
    padded = np.pad(x.astype(float), ((0, 0), (0, 0), *padding), constant_values=np.nan)
    windows = sliding_window_view(padded, size, (2, 3))[:, :, :: stride[0], :: stride[1]]
    return np.nanquantile(windows, q, axis=(4, 5))


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "float64"])
@pytest.mark.parametrize("size,stride,padding", CASES, ids=str)
def test_every_order_of_axes(size: Any, stride: Any, padding: Any, dtype: str) -> None:
    x = np.random.default_rng(0).integers(0, 99, (2, 3, 19, 17)).astype(dtype)
    windows = ap.sliding(size, stride, padding)
    wanted = [(r, expected(x, size, stride, padding, q)) for r, q in (("median", 0.5), (ap.Quantile(0.3), 0.3))]
    for order in itertools.permutations(range(4)):
        laid_out = np.ascontiguousarray(x.transpose(order)).transpose(np.argsort(order))
        for reduction, want in wanted:
            for result in (None, np.full(want.shape, -1.0)):
                if result is not None and ap.pool(laid_out, windows, reduction).dtype != result.dtype:
                    continue
                got = ap.pool(laid_out, windows, reduction, out=result)
                np.testing.assert_allclose(got, want, 1e-6, err_msg=f"{order} {reduction}")
    last = torch.from_numpy(x).contiguous(memory_format=torch.channels_last)
    for _ in "ab":
        np.testing.assert_allclose(ap.pool(last, windows, "median").numpy(), wanted[0][1], 1e-6)
