"""Jagged nested tensors are pooled as segments of their values."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import anypool as ap


def jagged(*lengths: int) -> Any:
    rows = [torch.randn(n, 3) for n in lengths]
    return torch.nested.nested_tensor(rows, layout=torch.jagged, requires_grad=True)


@pytest.mark.parametrize("name", ["mean", "max", "sum", "median", "first"])
def test_each_sequence_is_one_window(name: str) -> None:
    x = jagged(2, 0, 4)
    y = ap.pool(x, ap.whole(), name, axes=1, empty=0.0)
    assert type(y) is torch.Tensor
    torch.testing.assert_close(y, ap.pool(x.values(), ap.segments(x.offsets()), name, axes=0, empty=0.0))
    y.sum().backward()
    assert x.grad.is_nested and x.grad.values().shape == (6, 3)
    assert ap.pool(x, ap.whole(), name, axes=-2, keepdims=False, empty=0.0).shape == (3, 3)


def test_weights_and_gaps() -> None:
    x = jagged(2, 3)
    weights = torch.nested.nested_tensor_from_jagged(torch.rand(5, 1), x.offsets())
    y = ap.pool(x, ap.whole(), "mean", axes=1, weights=weights)
    w, v = weights.values()[:2], x.values()[:2]
    torch.testing.assert_close(y[0], (w * v).sum(0) / w.sum())
    gaps = torch.nested.nested_tensor_from_jagged(
        torch.arange(10.0).reshape(5, 2), torch.tensor([0, 3, 5]), torch.tensor([2, 1])
    )
    assert ap.pool(gaps, ap.whole(), "sum", axes=1).tolist() == [[2, 4], [6, 7]]


def test_what_is_refused() -> None:
    x = jagged(2, 3)
    for windows, axes in ((ap.whole(), 2), (ap.sliding((2,)), 1), (ap.whole(), (0, 1))):
        with pytest.raises(ap.PoolingError, match=r"whole\(\) over axes=1"):
            ap.pool(x, windows, "mean", axes=axes)
    with pytest.raises(ap.PoolingError, match="jagged tensor with the same offsets"):
        ap.pool(x, ap.whole(), "mean", axes=1, weights=torch.ones(2, 3, 3))
    with pytest.raises(ap.PoolingError, match="other offsets"):
        ap.pool(x, ap.whole(), "mean", axes=1, weights=jagged(1, 4))
    with pytest.raises(ap.PoolingError, match="second axis is not jagged"):
        ap.pool(x.transpose(1, 2), ap.whole(), "mean", axes=1)
