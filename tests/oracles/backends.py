"""One call by the compiled core and by the reference: equal types, shapes, numbers, gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import anypool as ap
from anypool.engines.native.library import library

needs_core = pytest.mark.skipif(library() is None, reason="the compiled core is not built")
BACKENDS = [None, "reference"]


def agrees(x: np.ndarray, windows: Any, reduction: Any, tolerance: float = 0, **options: Any) -> None:
    """The core serves this call and equals the reference: bit for bit where no tolerance is set."""
    if library() is None:
        pytest.skip("the compiled core is not built")
    refusal = ap.explain(x, windows, reduction, **options).refusals["cpu"]
    assert refusal is None, refusal
    got, want = (ap.pool(x, windows, reduction, backend=b, **options) for b in ("cpu", "reference"))
    assert got.dtype == want.dtype and got.shape == want.shape
    if tolerance:
        np.testing.assert_allclose(got, want, rtol=tolerance, atol=4 * tolerance)
    else:
        np.testing.assert_array_equal(got, want)


def derivatives(
    x: torch.Tensor, windows: Any, reduction: Any, backend: str | None, weights: torch.Tensor | None, **options: Any
) -> list[torch.Tensor | None]:
    """The result, and the gradients of x and of learned weights for a different gradient per
    window."""
    leaf = x.detach().clone(memory_format=torch.preserve_format).requires_grad_()
    learns = weights is not None and weights.requires_grad
    mass = weights.detach().clone().requires_grad_() if weights is not None and learns else weights
    y = ap.pool(leaf, windows, reduction, weights=mass, backend=backend, **options)
    g = (torch.arange(y.numel()).reshape(y.shape) % 7 + 1).to(y.dtype)
    return [y.detach(), *torch.autograd.grad(y, [leaf, mass] if learns else [leaf], g, allow_unused=learns)]


def gradients_agree(
    x: torch.Tensor, windows: Any, reduction: Any, tolerance: float, weights: torch.Tensor | None = None, **options: Any
) -> list[torch.Tensor | None]:
    """The best backend's result and gradients, which are the reference's."""
    got, want = (derivatives(x, windows, reduction, b, weights, **options) for b in BACKENDS)
    for one, other in zip(got, want, strict=True):
        assert (one is None) == (other is None)
        if one is not None:
            torch.testing.assert_close(one, other, rtol=tolerance, atol=tolerance, equal_nan=True)
    return got
