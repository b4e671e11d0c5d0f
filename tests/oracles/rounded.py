"""Random arrays with ties and the limits of their type, and the positions of their windows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from explicit import brute, positions


def tied(shape: tuple[int, ...], dtype: str, seed: int = 0, most: int = 9) -> np.ndarray:
    """Floats of one decimal, integers below `most`, or bools: many are equal."""
    random = np.random.default_rng(seed)
    if dtype == "bool":
        return random.random(shape) < 0.4
    if np.dtype(dtype).kind in "iu":
        return random.integers(0, most, shape).astype(dtype)
    return random.normal(size=shape).round(1).astype(dtype)


def tied_with_ends(shape: tuple[int, ...], dtype: str, seed: int = 0) -> np.ndarray:
    """The same with signed zeros, infinities or subnormal floats, and the limits of integer
    types."""
    random = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        x = random.normal(size=shape).round(1).astype(dtype)
        x.reshape(-1)[::17] = [-0.0, 0.0, np.inf, -np.inf, 5e-324 if dtype == "float64" else 1e-7][seed % 5]
        return x
    limits = np.iinfo(dtype)
    x = random.integers(0, 6, shape).astype(dtype)
    x.reshape(-1)[::13], x.reshape(-1)[::11] = limits.max, limits.min
    return x


def axes_of(x: np.ndarray, size: int = 3, stride: int = 1, pad: int = 0, step: int = 1) -> list[list[list[int]]]:
    """The positions of each window along the last two axes."""
    return [positions(n, size, stride, pad, pad, step, False) for n in x.shape[-2:]]


def per_window(x: np.ndarray, w: np.ndarray, axes: list[list[list[int]]], f: Callable[..., float]) -> np.ndarray:
    """f(elements, weights) over every window: the elements travel as positions."""
    flat = np.arange(x.size).reshape(x.shape)
    return brute(flat, axes, lambda at: f(x.reshape(-1)[at], w.reshape(-1)[at]))
