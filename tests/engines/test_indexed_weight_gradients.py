"""Compiled gradients of the corners of boxes: against the reference, and by gradcheck."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from backends import needs_core

import anypool as ap
from anypool.engines.reference import indexed as lists_reference

torch = pytest.importorskip("torch")
pytestmark = needs_core
RANDOM = np.random.default_rng(0)
BOXES = np.concatenate(
    [RANDOM.integers(0, 2, (9, 1)), np.sort(RANDOM.uniform(-3, 20, (9, 2, 2)), axis=1).reshape(9, 4)], 1
)
TURNED = np.concatenate([BOXES[:, :1], RANDOM.uniform(2, 9, (9, 4)), RANDOM.uniform(-90, 90, (9, 1))], 1)
READINGS: dict[str, tuple[Any, dict[str, Any]]] = {
    "points": (BOXES, {"reading": "sampled"}),
    "points by length": (BOXES, {"reading": "sampled", "sampling": 0}),
    "integrals": (BOXES, {"reading": "exact"}),
    "integrals inside": (BOXES, {"reading": "exact", "border": "absent"}),
    "integrals over a border": (BOXES, {"reading": "exact", "border": 2.0}),
    "turned": (TURNED, {"reading": "sampled", "rotated": "clockwise"}),
}


@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize("name", READINGS)
def test_both_gradients_are_the_references(name: str, reduction: str, monkeypatch: Any) -> None:
    rows, options = READINGS[name]
    heard, plain = list[int](), lists_reference.forward
    monkeypatch.setattr(lists_reference, "forward", lambda *args: (heard.append(1), plain(*args))[1])
    for channels, beside, dtype in ((1, 0, "float64"), (3, 0, "float32"), (20, 0, "float64"), (20, 1, "float32")):
        near = 1e-9 if dtype == "float64" else 2e-3
        found: list[Any] = []
        for backend in ("reference", None):
            x = torch.from_numpy(np.random.default_rng(1).standard_normal((2, channels, 17, 19)).astype(dtype))
            x = (x.contiguous(memory_format=torch.channels_last) if beside else x).requires_grad_()
            boxes = torch.from_numpy(rows.astype(dtype)).requires_grad_()
            heard.clear()
            y = ap.pool(x, ap.boxes(boxes, (3, 2), **options), reduction, backend=backend)
            g = torch.randn(y.shape, generator=torch.Generator().manual_seed(0), dtype=y.dtype)
            finite = torch.where(torch.isfinite(y), y, torch.zeros_like(y))
            found.append([y.detach(), *torch.autograd.grad(finite, (x, boxes), g)])
        assert not heard or name == "integrals over a border"
        for made, wanted in zip(found[1], found[0], strict=True):
            torch.testing.assert_close(made, wanted, rtol=near, atol=near, equal_nan=True)


@pytest.mark.parametrize("reading", ["sampled", "exact"])
def test_first_and_second_derivatives(reading: str) -> None:
    x = torch.from_numpy(RANDOM.standard_normal((1, 2, 9, 9))).requires_grad_()
    corners = torch.tensor([[1.3, 2.2, 6.6, 7.1], [0.2, 0.7, 3.3, 5.4]], dtype=torch.float64, requires_grad=True)

    def pooled(v: Any, c: Any) -> Any:
        return ap.pool(v, ap.boxes(torch.cat([c.detach()[:, :1] * 0, c], 1), (2, 2), reading=reading), "mean")

    assert torch.autograd.gradcheck(pooled, (x, corners))
    assert torch.autograd.gradgradcheck(pooled, (x, corners))
