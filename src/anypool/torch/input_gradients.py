"""Gradients of a function of one NumPy array by torch: of the sum of its results, or of each
result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

Function = Callable[[Any], Any]


def gradient_of_sum(function: Function, x: NDArray[Any]) -> NDArray[np.float64] | None:
    """Σ over results of ∂y/∂x for each input; None if there is no gradient."""
    v, y = _evaluate(function, x)
    return torch.autograd.grad(y.sum(), v)[0].numpy() if _differentiable(y) else None


def gradient_of_each(function: Function, x: NDArray[Any], most: int) -> dict[tuple[int, ...], NDArray[np.float64]]:
    """∂y/∂x of each result by its index; empty if there is no gradient, or if there are more than
    `most` results."""
    v, y = _evaluate(function, x)
    if not _differentiable(y) or y.numel() > most:
        return {}
    return {at: torch.autograd.grad(y[at], v, retain_graph=True)[0].numpy() for at in np.ndindex(*y.shape)}


def _evaluate(function: Function, x: NDArray[Any]) -> tuple[Any, Any]:
    v = torch.tensor(np.asarray(x, np.float64), dtype=torch.float64, device="cpu", requires_grad=True)
    return v, function(v)


def _differentiable(y: Any) -> bool:
    return y.requires_grad and y.is_floating_point()
