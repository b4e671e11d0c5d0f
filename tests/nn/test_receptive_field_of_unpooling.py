"""receptive_field through unpooling: against the inputs that change an output, and by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import anypool as ap


class Net(nn.Module):
    """Convolve, pool with places, convolve, unpool."""

    def __init__(self, kind: Any, size: int, stride: int, rank: int = 1) -> None:
        super().__init__()
        conv: Any = getattr(nn, f"Conv{rank}d")
        self.before, self.inside = conv(1, 1, 3, padding=1), conv(1, 1, 3, padding=1)
        self.pool = getattr(kind, f"MaxPool{rank}d")(size, stride, return_indices=True)
        self.unpool = getattr(nn, f"MaxUnpool{rank}d")(size, stride)

    def forward(self, x: Any) -> Any:
        y, places = self.pool(self.before(x))
        return self.unpool(self.inside(y), places, output_size=x.shape)


def seen(model: nn.Module, n: int, at: int) -> tuple[int, int]:
    """The first and last input that any of many inputs needs to change output `at`."""
    generator = torch.Generator().manual_seed(0)
    touched: set[int] = set()
    with torch.no_grad():
        for _ in range(120):
            x = torch.randn(1, 1, n, generator=generator)
            y = model(x)[0, 0, at]
            for i in range(n):
                for other in (-9.0, 9.0):
                    changed = x.clone()
                    changed[0, 0, i] = other
                    if float((model(changed)[0, 0, at] - y).abs()) > 0:
                        touched.add(i)
    return min(touched), max(touched)


@pytest.mark.parametrize("kind", [nn, ap.nn])
@pytest.mark.parametrize(("size", "stride"), [(2, 2), (3, 2)])
def test_the_receptive_field_is_the_set_of_inputs_that_change_an_output(size: int, stride: int, kind: Any) -> None:
    torch.manual_seed(0)
    model = Net(kind, size, stride)
    row = ap.receptive_field(model, (1, 1, 25))["unpool"]
    assert row.jump == (1,) and row.output == (1, 1, 25)
    widths = [b - a + 1 for a, b in (seen(model, 25, at) for at in (12, 13))]
    assert max(widths) == row.field[0]


@pytest.mark.parametrize("kind", [nn, ap.nn])
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_encoder_and_decoder(rank: int, kind: Any) -> None:
    """3 of the convolution, 4 of the pool, 8 of the inner one; the unpooling halves the jump."""
    table = ap.receptive_field(Net(kind, 2, 2, rank), (1, 1, *[16] * rank))
    assert [r.field for r in table] == [(n,) * rank for n in (3, 4, 8, 8)]
    assert [r.jump for r in table] == [(n,) * rank for n in (1, 2, 2, 1)]
    assert table["unpool"].output == (1, 1, *[16] * rank)


def test_unpooling_called_as_a_function() -> None:
    class Function(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(1, 1, 3, padding=1)

        def forward(self, x: Any) -> Any:
            y, places = nn.functional.max_pool2d(self.conv(x), 2, return_indices=True)
            return nn.functional.max_unpool2d(y, places, 2)

    table = ap.receptive_field(Function(), (1, 1, 12, 12))
    assert table[-1].field == (4, 4) and table[-1].jump == (1, 1) and table[-1].output == (1, 1, 12, 12)


def test_groups_see_everything_along_their_axes() -> None:
    labels = np.arange(64).reshape(8, 8) // 32
    net = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), ap.nn.Pool2d(ap.groups(labels), "mean"), nn.Linear(2, 3))
    table = ap.receptive_field(net, (2, 1, 8, 8))
    assert [layer.output for layer in table] == [(2, 2, 8, 8), (2, 2, 2), (2, 2, 3)]
    assert [layer.field for layer in table] == [(3, 3), (10, 10), (10, 10)]
    assert table["1"].flops == 2 * 2 * 64
