"""Other pooling in a model: swap, receptive_field."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch
from torch import nn

import anypool as ap


class Block(nn.Module):
    """A residual block with pooling as a module and as a function."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.pool = nn.MaxPool2d(3, 2, 1)
        self.left = nn.Conv2d(8, 8, 3, padding=1)
        self.right = nn.Conv2d(8, 8, 5, padding=2)
        self.head = nn.Linear(8, 2)

    def forward(self, x: Any) -> Any:
        x = self.pool(self.down(x))
        x = torch.relu(self.left(x)) + self.right(x)
        x = nn.functional.avg_pool2d(x, 2)
        return self.head(x.mean((2, 3)))


def net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.MaxPool2d(2), nn.ReLU(), nn.Sequential(nn.AvgPool2d(3, 1, 1)))


def test_rules_by_type_name_pattern_and_function(capsys: Any) -> None:
    model, x = net(), torch.randn(2, 3, 10, 10)
    weights = model[0].weight
    made = ap.nn.swap(model, {nn.MaxPool2d: "mean", "3.0": ap.Lp(3)})
    assert made is model and model[0].weight is weights
    assert model[1].reduction == ap.REDUCTIONS["mean"]() and model[3][0].reduction == ap.Lp(3)
    assert "MaxPool2d" in capsys.readouterr().out
    torch.testing.assert_close(model[1](x), nn.functional.avg_pool2d(x, 2))
    windows = ap.sliding((3, 3), 2, 1)
    assert ap.nn.swap(net(), {"?": (windows, "max")}, quiet=True)[1].windows == windows
    assert isinstance(ap.nn.swap(net(), {re.compile(r"3\.0"): lambda old: nn.Identity()})[3][0], nn.Identity)
    ours = ap.nn.swap(net(), {lambda m: getattr(m, "kernel_size", 0) == 2: "max"}, quiet=True)
    assert isinstance(ours[1], ap.nn.Pool2d) and isinstance(ours[3][0], nn.AvgPool2d)
    with pytest.raises(ap.PoolingError, match="neither pooling"):
        ap.nn.swap(net(), {"2": "max"})


def test_a_strided_convolution_keeps_its_weights_and_names() -> None:
    torch.manual_seed(0)
    model = Block()
    names, shape = list(model.state_dict()), model(torch.ones(1, 3, 33, 32)).shape
    ap.nn.swap(model, {nn.Conv2d: "max"}, sample=torch.ones(1, 3, 33, 32), quiet=True)
    assert list(model.state_dict()) == names and model.down.stride == (1, 1) and model.left.stride == (1, 1)
    assert type(model.left) is nn.Conv2d and model(torch.ones(1, 3, 33, 32)).shape == shape
    assert model.down(torch.ones(1, 3, 33, 32)).shape == (1, 8, 17, 16)


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        ({nn.MaxPool3d: "mean"}, "matches nothing"),
        ({"layer9": "mean"}, "matches nothing"),
        ({nn.MaxPool2d: "best"}, "unknown reduction"),
        ({nn.MaxPool2d: ("max", "mean")}, "pair"),
        ({nn.MaxPool2d: (ap.sliding((2, 2, 2)), "max")}, "axes"),
        ({nn.MaxPool2d: lambda old: 3}, "returned int"),
        ({3: "mean"}, "dotted name"),
        ({}, "empty"),
    ],
)
def test_bad_rules_change_nothing(rules: Any, says: str) -> None:
    model = net()
    before = list(model.modules())
    with pytest.raises(ap.PoolingError, match=says):
        ap.nn.swap(model, rules)
    assert list(model.modules()) == before


def test_a_sample_that_no_longer_fits_brings_the_old_modules_back() -> None:
    model = nn.Sequential(nn.MaxPool2d(2), nn.Flatten(), nn.Linear(4, 2))
    with pytest.raises(ap.PoolingError, match="refuses the sample"):
        ap.nn.swap(model, {"0": lambda old: nn.Identity()}, sample=torch.ones(1, 1, 4, 4))
    assert isinstance(model[0], nn.MaxPool2d)
    with pytest.raises(ap.PoolingError, match="indices"):
        ap.nn.swap(nn.Sequential(nn.MaxPool2d(2, return_indices=True)), {nn.MaxPool2d: "mean"})


def test_receptive_field_of_branches_functions_and_pools() -> None:
    table = ap.receptive_field(Block(), (1, 3, 64, 64))
    assert table["down"].field == (3, 3) and table["down"].jump == (2, 2)
    assert table["pool"].field == (7, 7) and table["pool"].jump == (4, 4)
    assert table["right"].field == (23, 23) and table["pool"].output == (1, 8, 16, 16)
    by_kind = {r.name: r for r in table}
    assert by_kind["avg_pool2d()"].field == (27, 27) and by_kind["avg_pool2d()"].jump == (8, 8)
    assert by_kind["head"].flops >= 2 * 8 * 2 and by_kind["head"].jump == (0, 0)
    assert table["left"].flops == 2 * 8 * 16 * 16 * 8 * 9
    assert table["pool"].flops == 8 * 47 * 47  # windows at the edge hold two, not three
    assert "receptive" not in str(table) and "down" in str(table) and "<table>" in table._repr_html_()
    assert table.parameters == sum(p.numel() for p in Block().parameters())


def test_receptive_field_by_the_books() -> None:
    convs = [nn.Conv2d(1, 1, 3, padding=1) for _ in range(4)]
    pools = nn.Sequential(convs[0], convs[1], nn.MaxPool2d(2), convs[2], nn.MaxPool2d(2), convs[3])
    assert ap.receptive_field(nn.Sequential(*convs), (1, 1, 32, 32))[-1].field == (9, 9)
    assert ap.receptive_field(pools, (1, 1, 32, 32))[-1].field == (20, 20)
    assert ap.receptive_field(pools, (1, 32, 32))[-1].jump == (4, 4)
    ours = nn.Sequential(convs[0], ap.nn.Pool2d(ap.sliding((3, 3), 1, 1, 4), "mean"), nn.AdaptiveAvgPool2d(1))
    table = ap.receptive_field(ours, (1, 1, 32, 32))
    assert table[1].field == (11, 11) and table[2].output == (1, 1, 1, 1)
    line = nn.Sequential(
        nn.Conv1d(2, 3, 5), nn.MaxPool1d(2), nn.ConvTranspose1d(3, 2, 4, 2, 1), nn.Flatten(), nn.Linear(32, 2)
    )
    table = ap.receptive_field(line, (1, 2, 20))
    assert [r.field for r in table][:2] == [(5,), (6,)] and table[2].jump == (1,)
    assert table[2].output == (1, 2, 16) and table[4].jump == (0,)
    with pytest.raises(ap.PoolingError, match="does not accept"):
        ap.receptive_field(nn.Sequential(nn.Linear(3, 2)), (1, 2, 20))
