"""accelerate and accelerated: torch's numbers and gradients, faster layers only, and the report."""

from __future__ import annotations

import re
import sys
import threading
import time
from typing import Any

import pytest
import torch
from backends import needs_core
from torch import nn

import anypool as ap
from anypool.nn import layers
from anypool.timing import in_turns, ratio

T = nn.functional
ACCELERATE: Any = sys.modules["anypool.nn.accelerate"]
X1, X2, X3 = (
    torch.randn(2, 3, *shape, generator=torch.Generator().manual_seed(0)) for shape in ((12,), (9, 8), (6, 7, 8))
)


class Net(nn.Module):
    """Pooling as layers, and as functions; a normalisation that must not notice the measuring."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.norm = nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.first, self.second = nn.MaxPool2d(2), nn.AvgPool2d(3, 1, 1)

    def forward(self, x: Any) -> Any:
        x = self.second(self.first(self.norm(self.conv(x))))
        return T.avg_pool2d(T.max_pool2d(x, 3, 1, 1), 2)


@pytest.fixture
def brief(monkeypatch: Any) -> None:
    """A tenth of the measuring."""
    monkeypatch.setattr(ACCELERATE, "LAYER", 0.01)
    monkeypatch.setattr(ACCELERATE, "MODEL", 0.1)


def slow(monkeypatch: Any, kind: str, seconds: float) -> None:
    """A layer of that class, torch's or ours, takes longer."""
    where: Any = getattr(layers if kind.startswith("ap.") else nn, kind.removeprefix("ap."))
    quick = where.forward

    def forward(self: Any, x: Any) -> Any:
        if type(self) is where:
            time.sleep(seconds)
        return quick(self, x)

    monkeypatch.setattr(where, "forward", forward)


def ours(module: Any) -> bool:
    return type(module).__module__ == "anypool.nn.layers"


@pytest.mark.usefixtures("brief")
def test_only_faster_layers_are_replaced(monkeypatch: Any, capsys: Any) -> None:
    slow(monkeypatch, "MaxPool2d", 0.01)  # so torch's maximum is slower, and our mean
    slow(monkeypatch, "ap.AvgPool2d", 0.01)
    model, x = Net().train(), torch.randn(2, 3, 20, 20)
    state = {k: v.clone() for k, v in model.state_dict().items()}
    wanted = model.eval()(x)
    assert ap.nn.accelerate(model.train(), x) is model
    said = capsys.readouterr().out
    assert ours(model.first) and not ours(model.second) and model.training and model.norm.training
    assert all(torch.equal(v, state[k]) for k, v in model.state_dict().items())
    torch.testing.assert_close(model.eval()(x), wanted)
    number = r"\d+\.\d\d"
    each = rf"first: MaxPool2d on \(2, 4, 20, 20\): torch .* ms, anypool .* ms, {number} times as fast \({number} to {number}\)\n"
    assert re.search(each, said)
    assert "second: AvgPool2d" in said and said.count("; torch stays") == 1
    assert re.search(
        rf"the whole model: .* before, .* after, {number} times as fast \({number} to {number}\), \d+ rounds", said
    )
    assert "1 layers replaced" in said
    assert "avg_pool2d 1 times, max_pool2d 1 times; `with anypool.nn.accelerated():` reaches it" in said


@pytest.mark.usefixtures("brief")
def test_a_whole_model_that_is_not_faster_stays(monkeypatch: Any, capsys: Any) -> None:
    """Though each layer alone seemed so."""
    monkeypatch.setattr(ACCELERATE, "_compare", lambda old, new, x: ("seems faster", True))
    slow(monkeypatch, "ap.MaxPool2d", 0.01)
    model, x = Net(), torch.randn(2, 3, 20, 20)
    before = list(model.modules())
    ap.nn.accelerate(model, x)
    assert list(model.modules()) == before and "not faster, so nothing was replaced" in capsys.readouterr().out
    ap.nn.accelerate(model, x, only_faster=False, quiet=True)
    assert ours(model.first) and ours(model.second) and capsys.readouterr().out == ""


@pytest.mark.usefixtures("brief")
def test_a_layer_with_other_numbers_is_not_replaced(capsys: Any) -> None:
    model = nn.Sequential(nn.LPPool2d(3, 2), nn.LPPool2d(2, 2))
    ap.nn.accelerate(model, torch.randn(1, 2, 8, 8), only_faster=False)
    assert not ours(model[0]) and ours(model[1]) and "the numbers differ by" in capsys.readouterr().out
    alone = ap.nn.accelerate(nn.MaxPool2d(2), (torch.randn(1, 2, 8, 8),), only_faster=False, quiet=True)
    assert ours(alone)
    ap.nn.accelerate(nn.Sequential(nn.MaxPool2d(2)), only_faster=False)
    assert "the whole model was not measured: give a sample" in capsys.readouterr().out
    ap.nn.accelerate(nn.Sequential(nn.ReLU()), torch.ones(1))
    assert "no pooling layer of torch's" in capsys.readouterr().out


def test_layers_are_timed_alternately() -> None:
    seen: list[int] = []
    times = in_turns([lambda: seen.append(0), lambda: seen.append(1)], 0.0, least=4)
    assert [len(t) for t in times] == [4, 4] and seen[2:] == [0, 1, 1, 0, 0, 1, 1, 0]
    found = ratio([2.0, 4.0, 6.0, 8.0, 10.0], [1.0] * 5)
    assert (found.middle, found.low, found.high, found.rounds) == (6.0, 4.0, 8.0, 5)


CALLS: dict[str, Any] = {
    **{f"max_pool{r}d": (lambda x, r=r: getattr(T, f"max_pool{r}d")(x, 2), x) for r, x in ((1, X1), (2, X2), (3, X3))},
    **{
        f"avg_pool{r}d": (lambda x, r=r: getattr(T, f"avg_pool{r}d")(x, 3, 2, 1), x)
        for r, x in ((1, X1), (2, X2), (3, X3))
    },
    **{f"lp_pool{r}d": (lambda x, r=r: getattr(T, f"lp_pool{r}d")(x, 2, 2), x) for r, x in ((1, X1), (2, X2), (3, X3))},
    **{
        f"adaptive_avg_pool{r}d": (lambda x, r=r: getattr(T, f"adaptive_avg_pool{r}d")(x, 4), x)
        for r, x in ((1, X1), (2, X2), (3, X3))
    },
    **{
        f"adaptive_max_pool{r}d": (lambda x, r=r: getattr(T, f"adaptive_max_pool{r}d")(x, 4), x)
        for r, x in ((1, X1), (2, X2), (3, X3))
    },
    "torch.max_pool2d": (lambda x: torch.max_pool2d(x, 2, padding=1), X2),
    "torch.avg_pool1d": (lambda x: torch.avg_pool1d(x, 2), X1),
    "torch.adaptive_avg_pool1d": (lambda x: torch.adaptive_avg_pool1d(x, 5), X1),
    "keywords": (lambda x: T.avg_pool2d(input=x, kernel_size=2, count_include_pad=False, divisor_override=3), X2),
    "layer": (nn.MaxPool2d(3, 2, 1, ceil_mode=True), X2),
    "channels last": (nn.AvgPool2d(2), X2.contiguous(memory_format=torch.channels_last)),
}
PAIRED: dict[str, Any] = {
    "max": (lambda x: T.max_pool2d(x, 2, return_indices=True), X2),
    "with indices": (lambda x: T.max_pool1d_with_indices(x, 3), X1),
    "torch.max_pool1d_with_indices": (lambda x: torch.max_pool1d_with_indices(x, 3), X1),
    "torch.adaptive_max_pool1d": (lambda x: torch.adaptive_max_pool1d(x, 3), X1),
    "adaptive": (lambda x: T.adaptive_max_pool3d(x, 2, return_indices=True), X3),
}


@needs_core
@pytest.mark.parametrize("name", [*CALLS, *PAIRED])
def test_functions_are_ours_with_torchs_numbers_and_gradients(name: str) -> None:
    call, x = {**CALLS, **PAIRED}[name]
    found: list[Any] = []
    for inside in (False, True):
        leaf = x.clone(memory_format=torch.preserve_format).requires_grad_()
        if inside:
            with ap.nn.accelerated(), ap.nn.accelerated():
                y = call(leaf)
                with torch.no_grad():
                    assert torch.equal(flat(call(leaf))[0], flat(y)[0])
        else:
            y = call(leaf)
        y, *places = y if isinstance(y, tuple) else (y,)
        assert (type(y.grad_fn).__module__ == "torch.autograd.function") == inside  # a function of ours
        share = torch.arange(1.0, y.numel() + 1).reshape(y.shape)
        found.append((y, *places, torch.autograd.grad((y * share).sum(), leaf)[0]))
        assert y.is_contiguous(memory_format=torch.channels_last) or name != "channels last"
    torch.testing.assert_close(found[1], found[0])


def flat(y: Any) -> list[Any]:
    return list(y) if isinstance(y, (tuple, list)) else [y]


@pytest.mark.parametrize(
    ("call", "x"),
    [
        (lambda x: T.lp_pool2d(x, 3.0, 2), X2.abs()),
        (lambda x: T.lp_pool2d(x, 2.0, 2, ceil_mode=True), X2),
        (lambda x: T.max_pool2d(x, 2), (X2 * 9).long()),
        (lambda x: T.max_pool2d(x, 2), X2.to("meta")),
        (lambda x: torch.func.vmap(lambda v: T.max_pool2d(v, 2))(x), X2),
        (lambda x: torch.func.jvp(lambda v: T.avg_pool2d(v, 2), (x,), (x,))[1], X2),
        (lambda x: T.fractional_max_pool2d(x, 2, 3, _random_samples=torch.full((2, 3, 2), 0.3)), X2),
        (lambda x: T.interpolate(x, 3), X2),
    ],
)
def test_calls_without_an_equal_stay_torchs(call: Any, x: Any) -> None:
    wanted = call(x)
    with ap.nn.accelerated():
        found = call(x)
    assert found.dtype == wanted.dtype and found.device == wanted.device
    assert wanted.is_meta or torch.equal(found, wanted)


@pytest.mark.parametrize(
    "call",
    [
        lambda: T.max_pool2d(X2, 2, padding=5),
        lambda: T.avg_pool2d(X2, 0),
        lambda: T.avg_pool2d(X2, 10),
        lambda: T.max_pool2d(X2, 3, 1, 1, 6),
        lambda: T.lp_pool2d(X2, 2, 10),
        lambda: T.max_pool1d(X1, (13,)),
        lambda: T.max_pool2d(X2[0, 0, 0], 2),
        lambda: T.avg_pool2d(X2, 2, nonsense=1),  # type: ignore[call-arg]
        lambda: T.adaptive_avg_pool2d(X2, (2, 3, 4)),
    ],
)
def test_torchs_errors_stay_torchs(call: Any) -> None:
    with pytest.raises((RuntimeError, TypeError, ValueError)) as outside:
        call()
    with pytest.raises(type(outside.value)) as inside, ap.nn.accelerated():
        call()
    assert not isinstance(inside.value, ap.PoolingError) and str(inside.value) == str(outside.value)


@needs_core
def test_a_thread_enters_for_itself() -> None:
    found: dict[str, bool] = {}

    def is_ours() -> bool:
        return type(T.max_pool2d(X2.clone().requires_grad_(), 2).grad_fn).__module__ == "torch.autograd.function"

    def other() -> None:
        found["outside"] = is_ours()
        with ap.nn.accelerated():
            found["inside"] = is_ours()

    with ap.nn.accelerated():
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        found["here"] = is_ours()
    found["after"] = is_ours()
    found["decorated"] = ap.nn.accelerated()(is_ours)()
    assert found == {"outside": False, "inside": True, "here": True, "after": False, "decorated": True}
    with pytest.raises(ZeroDivisionError), ap.nn.accelerated():
        _ = 1 / 0
    assert not is_ours()


@needs_core
def test_second_gradients_and_export_inside_accelerate() -> None:
    with ap.nn.accelerated():
        compiled = torch.compile(lambda v: T.max_pool2d(v, 2), backend="eager", fullgraph=True)
        torch.testing.assert_close(compiled(X2), T.max_pool2d(X2, 2))
    x = X2[:1, :1].double().requires_grad_()
    with ap.nn.accelerated():
        assert torch.autograd.gradgradcheck(lambda v: T.avg_pool2d(v, 2) ** 2, x)
        assert "max_pool2d" in str(torch.fx.symbolic_trace(lambda v: T.max_pool2d(v, 2)).graph)
        torch.testing.assert_close(torch.export.export(nn.MaxPool2d(2), (X2,)).module()(X2), T.max_pool2d(X2, 2))
