"""Arrays of each element type, and when a result equals its oracle."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
from windows_cases import SHAPE

DTYPES = "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 bfloat16".split()
TOLERANCE = {"float16": 2e-3, "bfloat16": 1.6e-2, "float32": 3e-6, "float64": 1e-12}
FOR_BOOL = {"any", "all", "max", "min", "count", "sum", "mean", "argmax", "argmin", "first", "last"}


def dtype_of(name: str) -> Any:
    return np.dtype(ml_dtypes.bfloat16 if name == "bfloat16" else name)


def data(dtype: str, seed: int = 0, shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    random = np.random.default_rng(seed)
    if dtype == "bool":
        return random.random(shape) < 0.4
    if "int" in dtype:
        return random.integers(0 if dtype[0] == "u" else -9, 10, shape).astype(dtype)
    return (random.integers(-24, 25, shape) / 8).astype(dtype_of(dtype))


def agree(got: Any, want: np.ndarray, dtype: Any, what: str, power: int = 1) -> None:
    """Same type, shape and numbers, within a few steps of the element type.

    A root is steep where its sum cancels: powers are compared, within a few steps of the largest.
    """
    assert got.dtype == dtype, f"{what}: {got.dtype} for {dtype}"
    assert got.shape == want.shape, f"{what}: {got.shape} for {want.shape}"
    if got.dtype.kind in "iu":
        modulus = 2 ** (8 * got.dtype.itemsize)  # integers wrap as NumPy's do
        same = [int(g) % modulus == int(w) % modulus for g, w in zip(got.ravel(), want.ravel(), strict=True)]
        assert all(same), f"{what}: {got} for {want}"
        return
    tolerance = TOLERANCE.get(got.dtype.name, 0)
    with np.errstate(over="ignore"):
        rounded = want.astype(float).astype(dtype).astype(float)
    pair = got.astype(float) ** power, rounded**power
    largest = np.abs(pair[1][np.isfinite(pair[1])]).max(initial=1.0) if power > 1 else 1.0
    np.testing.assert_allclose(*pair, rtol=tolerance * power, atol=tolerance * 4 * largest, err_msg=what)
