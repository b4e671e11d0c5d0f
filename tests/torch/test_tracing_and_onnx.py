"""Layers in torch.jit, torch.fx, ONNX exporters and torch.export, against torch and onnxruntime."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from sampling import spread
from torch import nn

import anypool as ap

F, T = ap.nn.functional, nn.functional
X1, X2, X3 = (
    torch.randn(2, 3, *shape, generator=torch.Generator().manual_seed(0)) for shape in ((12,), (9, 8), (6, 7, 8))
)
ROWS = torch.tensor([[0.0, 1, 1, 5, 5]])
SERVED: dict[str, tuple[nn.Module, torch.Tensor]] = {
    **{f"MaxPool{r}d": (getattr(ap.nn, f"MaxPool{r}d")(3, 2, 1), x) for r, x in ((1, X1), (2, X2), (3, X3))},
    **{f"AvgPool{r}d": (getattr(ap.nn, f"AvgPool{r}d")(3, 2, 1), x) for r, x in ((1, X1), (2, X2), (3, X3))},
    **{f"LPPool{r}d": (getattr(ap.nn, f"LPPool{r}d")(3, 2), x) for r, x in ((1, X1), (2, X2), (3, X3))},
    **{f"AdaptiveAvgPool{r}d": (getattr(ap.nn, f"AdaptiveAvgPool{r}d")(1), x) for r, x in ((1, X1), (2, X2), (3, X3))},
    **{f"AdaptiveMaxPool{r}d": (getattr(ap.nn, f"AdaptiveMaxPool{r}d")(1), x) for r, x in ((1, X1), (2, X2), (3, X3))},
    "indices": (ap.nn.MaxPool2d(2, return_indices=True), X2),
    "ceiling": (ap.nn.MaxPool2d((3, 2), 2, 1, ceil_mode=True), X2),
    "dilated": (ap.nn.MaxPool2d(3, 1, 1, 2), X2),
    "present": (ap.nn.AvgPool2d(3, 2, 1, count_include_pad=False), X2),
    "divisor": (ap.nn.AvgPool2d(3, 2, 1, ceil_mode=True, divisor_override=5), X2),
    "infinite norm": (ap.nn.LPPool2d(float("inf"), 2), X2),
    "overhanging norm": (ap.nn.LPPool2d(3, 2, ceil_mode=True), X2),
    "adaptive": (ap.nn.AdaptiveAvgPool2d((3, 4)), X2),
    "adaptive indices": (ap.nn.AdaptiveMaxPool2d((3, 4), return_indices=True), X2),
    "Pool2d max": (ap.nn.Pool2d(2, "max"), X2),
    "Pool2d mean": (ap.nn.Pool2d(ap.sliding((3, 3), 2, 1, count="padded"), "mean"), X2),
    "Pool2d whole": (ap.nn.Pool2d(ap.whole(), "mean"), X2),
    "Pool1d": (ap.nn.Pool1d(ap.adaptive((4,)), "max"), X1),
}
OTHERS: dict[str, tuple[nn.Module, tuple[torch.Tensor, ...]]] = {
    "median": (ap.nn.Pool2d(2, "median"), (X2,)),
    "softpool": (ap.nn.Pool1d(2, "softpool"), (X1,)),
    "GeM": (ap.nn.Pool2d(2, ap.PowerMean(torch.tensor(3.0, requires_grad=True))), (X2,)),
    "tuple": (ap.nn.Pool2d(2, ("max", "mean")), (X2,)),
    "mirrored": (ap.nn.Pool2d(ap.sliding((3, 3), 1, 1, border="reflect"), "max"), (X2,)),
    "masked": (ap.nn.Pool2d(2, "max", weights=X2[0, 0] > 0, empty=0.0), (X2,)),
    "pyramid": (ap.nn.SpatialPyramid([1, 2]), (X2,)),
    "RoIAlign": (ap.nn.RoIAlign(2), (X2, ROWS)),
    "RoIPool": (ap.nn.RoIPool(2), (X2, ROWS)),
    "PSRoIAlign": (ap.nn.PSRoIAlign(1), (X2, ROWS)),
    "PSRoIPool": (ap.nn.PSRoIPool(1), (X2, ROWS)),
    "BoxPool": (ap.nn.BoxPool((2, 2), "std", reading="exact"), (X2, ROWS)),
}


def traced(model: nn.Module, args: Any) -> Any:
    return torch.jit.trace(model, args)


def scripted(model: nn.Module, args: Any) -> Any:
    return torch.jit.script(model)


def fx(model: nn.Module, args: Any) -> Any:
    return torch.fx.symbolic_trace(model)


def exported(model: nn.Module, args: Any) -> Any:
    return torch.export.export(model, args).module()


def onnx_old(model: nn.Module, args: Any) -> Any:
    pytest.importorskip("onnxscript")
    file = io.BytesIO()
    with warnings.catch_warnings():  # torch's exporter warns of what it does not fold
        warnings.filterwarnings("ignore", "Constant folding", UserWarning)
        torch.onnx.export(model, args, file, dynamo=False)
    return session(file.getvalue())


def onnx_new(model: nn.Module, args: Any) -> Any:
    pytest.importorskip("onnxscript")
    program = torch.onnx.export(model, args, dynamo=True, verbose=False)
    assert program is not None
    return session(program.model_proto.SerializeToString())


def session(model: bytes) -> Callable[..., list[torch.Tensor]]:
    """A call of the model by onnxruntime."""
    runtime = pytest.importorskip("onnxruntime")
    made = runtime.InferenceSession(model, providers=["CPUExecutionProvider"])
    names = [i.name for i in made.get_inputs()]
    return lambda *args: [
        torch.from_numpy(v) for v in made.run(None, {n: a.numpy() for n, a in zip(names, args, strict=True)})
    ]


WAYS = {"trace": traced, "script": scripted, "fx": fx, "export": exported, "old ONNX": onnx_old, "ONNX": onnx_new}


@pytest.fixture(autouse=True)
def deprecations() -> Any:
    """Both are old, and torch says so."""
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", ".*(torch.jit|TorchScript|legacy|deprecat|will be removed)", DeprecationWarning
        )
        warnings.filterwarnings("ignore", ".*(deprecat|legacy)", FutureWarning)
        yield


def flat(y: Any) -> list[torch.Tensor]:
    return list(y) if isinstance(y, (tuple, list)) else [y]


class Layers(nn.Module):
    """Layers of every rank in one model, which is exported once for all of them: each on the input
    of its rank."""

    def __init__(self, names: list[str]) -> None:
        super().__init__()
        self.each = nn.ModuleDict({name: nn.Sequential(nn.Identity(), SERVED[name][0]) for name in names})

    def forward(self, x1: torch.Tensor, x2: torch.Tensor, x3: torch.Tensor) -> tuple[torch.Tensor, ...]:
        inputs = (x1, x2, x3)
        return tuple(y for name, layer in self.each.items() for y in flat(layer(inputs[SERVED[name][1].ndim - 3])))


@pytest.mark.parametrize("way", ["trace", "script", "fx"])
@pytest.mark.parametrize("name", spread(SERVED, 2, "served"))
def test_layers_with_torchs_numbers_are_recorded(name: str, way: str) -> None:
    """With the numbers that they have here, for another input than the one recorded too."""
    layer, x = SERVED[name]
    model = nn.Sequential(nn.Identity(), layer).eval()
    left = WAYS[way](model, (x,))
    for given in (x, x.flip(0)):
        for ours, theirs in zip(flat(model(given)), flat(left(given)), strict=True):
            torch.testing.assert_close(theirs, ours, rtol=1e-5, atol=1e-5)
    assert model[1] is layer or way == "script"  # which takes the layer with torch's name


@pytest.mark.parametrize("way", ["export", "old ONNX", "ONNX"])
def test_layers_with_torchs_numbers_are_exported(way: str) -> None:
    """With the numbers that they have here, for other inputs than the ones recorded too."""
    names = spread(SERVED, 2, "served")
    model, args = Layers(names).eval(), (X1, X2, X3)
    left = WAYS[way](model, args)
    for given in (args, tuple(x.flip(0) for x in args)):
        ours, theirs = flat(model(*given)), flat(left(*given))
        assert len(ours) == len(theirs) >= len(names)
        for k, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            torch.testing.assert_close(other, one, rtol=1e-5, atol=1e-5, msg=lambda text, k=k: f"output {k}: {text}")
    assert all(model.each[name][1] is SERVED[name][0] for name in names)  # type: ignore[index]


@pytest.mark.parametrize("name", spread(SERVED, 2, "served"))
def test_exported_operators_are_torchs_own(name: str) -> None:
    layer, x = SERVED[name]
    assert "anypool" not in torch.fx.symbolic_trace(nn.Sequential(layer)).code
    graph = torch.jit.trace(nn.Sequential(layer), x)
    assert "PythonOp" not in str(graph.inlined_graph) and "pool" in str(graph.inlined_graph)
    file = io.BytesIO()
    torch.jit.save(torch.jit.script(nn.Sequential(layer)), file)
    file.seek(0)
    other = x.flip(0)
    again = torch.jit.load(file)(other)
    for a, b in zip(flat(layer(other)), flat(again), strict=True):
        torch.testing.assert_close(b, a)
    for a, b in zip(flat(layer(other)), flat(graph(other)), strict=True):
        torch.testing.assert_close(b, a)


@pytest.mark.parametrize("way", ["trace", "script", "fx", "old ONNX", "ONNX"])
@pytest.mark.parametrize("name", spread(OTHERS, 2, "others"))
def test_layers_that_cannot_be_exported_say_what_works(name: str, way: str) -> None:
    layer, args = OTHERS[name]
    model: nn.Module = (layer if len(args) > 1 else nn.Sequential(layer)).eval()
    kind: Any = Exception if way == "ONNX" else ap.PoolingError  # the newer exporter puts ours in an error of its own
    with pytest.raises(kind, match=r"PoolingError|records operations") as raised:
        WAYS[way](model, args)
    assert "torch.export.export(model, args) works" in str(raised.value)


@pytest.mark.parametrize("name", spread(OTHERS, 2, "others"))
def test_what_the_errors_say_works(name: str) -> None:
    layer, args = OTHERS[name]
    model: nn.Module = (layer if len(args) > 1 else nn.Sequential(layer)).eval()
    for ours, left in zip(flat(model(*args)), flat(exported(model, args)(*args)), strict=True):
        torch.testing.assert_close(left, ours)


@pytest.mark.parametrize("way", ["trace", "fx", "script"])
def test_functions_called_in_forward(way: str) -> None:
    class Net(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            a = F.max_pool2d(x, 3, 1, 1) + F.avg_pool2d(x, 3, 1, 1) + F.lp_pool2d(x, 3.0, 3, 1).mean()
            a, places = F.max_pool2d(a, 2, return_indices=True)
            return F.adaptive_avg_pool2d(a, [2, 2]) + F.adaptive_max_pool2d(a, 2) + places.sum() * 0

    model = Net()
    left = WAYS[way](model, (X2,))
    torch.testing.assert_close(left(X2), model(X2))
    torch.testing.assert_close(left(X2.flip(0)), model(X2.flip(0)))


def test_region_functions_and_pool_in_forward() -> None:
    class Net(nn.Module):
        def __init__(self, call: Any) -> None:
            super().__init__()
            self.call = call

        def forward(self, x: Any) -> Any:
            return self.call(x)

    calls = (
        lambda x: F.roi_align(x, ROWS, 2),
        lambda x: F.pyramid_boxes([x], ROWS, 2, [1.0]),
        lambda x: ap.pool(x, ap.sliding((2, 2)), "median"),
    )
    for call in calls:
        for way in (traced, fx):
            with pytest.raises(ap.PoolingError, match=r"torch\.export\.export\(model, args\) works"):
                way(Net(call), (X2,))


def test_a_repeated_call_is_recorded_as_operators() -> None:
    """torch.jit.trace would keep memory that nobody filled."""
    window = ap.sliding((2, 2))
    for _ in range(3):
        ap.pool(X2, window, "sum")
    with pytest.raises(ap.PoolingError, match=r"torch\.jit\.trace records"):
        torch.jit.trace(lambda x: ap.pool(x, window, "sum"), X2)
    with pytest.raises(ap.PoolingError, match=r"torch\.jit\.trace records"):
        torch.jit.trace(lambda x: ap.pool(x, window, "sum", out=torch.empty(2, 3, 4, 4)), X2)
    torch.testing.assert_close(ap.pool(X2, window, "sum"), T.avg_pool2d(X2, 2) * 4)


def test_lengths_may_change_after_recording(tmp_path: Path) -> None:
    model = nn.Sequential(ap.nn.LPPool2d(3, 3, 2, ceil_mode=True), ap.nn.MaxPool2d(2)).eval()
    x = torch.randn(1, 2, 17, 14)
    file = io.BytesIO()
    pytest.importorskip("onnxscript")
    torch.onnx.export(
        model, (X2,), file, dynamo=False, input_names=["x"], dynamic_axes={"x": {0: "n", 1: "c", 2: "h", 3: "w"}}
    )
    for left in (torch.jit.script(model), torch.jit.trace(model, X2), session(file.getvalue())):
        for value in flat(left(x)):
            torch.testing.assert_close(value, model(x), rtol=1e-5, atol=1e-5)


def test_gradients_of_exported_layers() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), ap.nn.AvgPool2d(2), ap.nn.MaxPool2d(2))
    wanted = torch.autograd.grad(model(X2).sum(), list(model.parameters()))
    for left in (torch.jit.script(model), torch.jit.trace(model, X2), torch.fx.symbolic_trace(model)):
        torch.testing.assert_close(torch.autograd.grad(left(X2).sum(), list(left.parameters())), wanted)


def test_an_exported_program_is_no_way_to_onnx() -> None:
    pytest.importorskip("onnxscript")
    program = torch.export.export(nn.Sequential(ap.nn.Pool2d(2, "median")).eval(), (X2,))
    with pytest.raises(Exception, match=r"torch\.export\.export\(model, args\) works"):
        torch.onnx.export(program, (X2,), dynamo=True, verbose=False)


def test_fractional_windows_leave_but_for_onnx() -> None:
    layer = ap.nn.FractionalMaxPool2d(2, 3, _random_samples=torch.rand(2, 3, 2))
    for way in (traced, scripted, fx, exported):
        torch.testing.assert_close(way(layer, (X2,))(X2), layer(X2))
    with pytest.raises(ap.PoolingError, match="ONNX has no operator"):
        onnx_old(layer, (X2,))
    with pytest.raises(ap.PoolingError, match=r"torch\.jit\.script.*None"):
        torch.jit.script(ap.nn.AdaptiveAvgPool2d((2, None)))


@pytest.mark.parametrize("name", ["max_pool2d", "avg_pool2d", "adaptive_max_pool2d", "adaptive_avg_pool2d"])
def test_bool_has_one_error(name: str) -> None:
    with pytest.raises(NotImplementedError):
        getattr(T, name)(X2 > 0, 2)
    with pytest.raises(ap.PoolingError, match="of bool: torch has none"):
        getattr(F, name)(X2 > 0, 2)
