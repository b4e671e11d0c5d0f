"""torch's default device and dtype have no effect on results, scratch memory and tables."""

from __future__ import annotations

import ast
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sampling import spread
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import anypool as ap
import anypool.nn.functional as F
from anypool.order_statistics.quantiles import METHODS

MAKERS = frozenset(
    "arange as_tensor asarray empty empty_permuted empty_strided eye full linspace logspace ones rand randint randn "
    "randperm range scalar_tensor tensor zeros".split()
)
WORDS = {"torch", "module", "words"}  # names that torch goes by in the sources


def _is_torch(base: ast.expr) -> bool:
    if isinstance(base, ast.Call):
        return ast.unparse(base.func) in ("library", "library_of", "words_of")
    return ast.unparse(base) in WORDS or ast.unparse(base).endswith(".words")


@pytest.mark.parametrize("path", sorted(Path(ap.__file__).parent.rglob("*.py")), ids=lambda p: p.name)
def test_every_tensor_names_its_device_and_type(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in MAKERS):
            continue
        named = {k.arg for k in node.keywords}
        if _is_torch(node.func.value) and None not in named:
            wanted = {"device"} if node.func.attr in ("as_tensor", "asarray") else {"device", "dtype"}
            assert wanted <= named, f"line {node.lineno}: {ast.unparse(node)}"


@contextmanager
def _default_dtype(dtype: torch.dtype) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


DEFAULTS: dict[str, Any] = {
    "meta": lambda: torch.device("meta"),
    "float64": lambda: _default_dtype(torch.float64),
    "float16": lambda: _default_dtype(torch.float16),
}
BOXES = np.array([[0, 1, 1, 5, 5], [1, 0, 2, 6, 7.5]])
MOVED = np.linspace(-1, 1, 16).reshape(2, 2, 2, 2)
WINDOWS: dict[str, Any] = {
    "tiles": lambda: (ap.sliding((2, 2)), None),
    "overlapping": lambda: (ap.sliding((3, 3), 1, 1), None),
    "bordered": lambda: (ap.sliding((3, 3), 1, 1, border="reflect"), None),
    "constant": lambda: (ap.sliding((3, 3), 1, 1, border=1), None),
    "taps": lambda: (ap.sliding((3, 3), 1, taps=np.arange(9.0).reshape(3, 3)), None),
    "real": lambda: (ap.sliding((2.5, 1.5)), None),
    "large": lambda: (ap.sliding((7, 7), 1, 3), None),
    "adaptive": lambda: (ap.adaptive((3, 2)), None),
    "pyramid": lambda: (ap.pyramid([1, 2]), (2, 3)),
    "segments": lambda: (ap.segments([0, 2, 7]), 2),
    "groups": lambda: (ap.groups([1, 0, 1, 2, 0, 1, 1, 2]), 2),
    "boxes": lambda: (ap.boxes(BOXES, 2), None),
    "sampled": lambda: (ap.boxes(BOXES, 2, reading="sampled"), None),
    "deformed": lambda: (ap.boxes(torch.tensor(BOXES, device="cpu"), 2, reading="sampled", offsets=MOVED), None),
    "exact": lambda: (ap.boxes(BOXES, 2, reading="exact"), None),
    "regions": lambda: (ap.regions(2), None),
    "whole": lambda: (ap.whole(), (2, 3)),
}
REDUCTIONS: list[Any] = [
    *("sum", "mean", "max", "min", "prod", "any", "count", "argmax", "range", "rms", "var", "std", "logsumexp"),
    *("softpool", "median", "mode", "argmedian", ap.Lp(3), ap.PowerMean(3), ap.LogMeanExp(2), ap.Rank(0)),
    *(ap.Quantile([0.3, 0.5]), ap.Quantile(0.5, smooth=0.1), ap.TrimmedMean(0.2, 0.1), ap.TopKMean(2)),
    *(ap.Ordinal([0.75, 0.25]), ap.TopKMean(1)),
]


def answers(windows: Any, x: Any, w: Any, reductions: list[Any]) -> list[Any]:
    """Values and gradients of each reduction: plain, weighted, without NaN; or its PoolingError."""
    made: list[Any] = []
    (kind, axes), learns = windows(), x.is_floating_point()
    for reduction in reductions:
        for options in ({}, {"weights": w}, {"nan": "omit"}, {"backend": "reference"}):
            leaf = x.clone().requires_grad_(learns)
            try:
                y = ap.pool(leaf, kind, reduction, axes=axes, empty=0, **options)
            except ap.PoolingError as error:
                made.append(str(error))
                continue
            made.append(y.detach())
            if y.requires_grad:
                made.append(torch.autograd.grad(y.sum(), leaf)[0])
    return made


@pytest.mark.parametrize("default", list(DEFAULTS))
@pytest.mark.parametrize("dtype", [torch.float32, torch.int16])
@pytest.mark.parametrize("name", list(WINDOWS))
def test_pool(name: str, dtype: torch.dtype, default: str) -> None:
    """First under the default, while nothing is remembered; then without it."""
    random, channels = torch.Generator().manual_seed(1), 2 + list(DEFAULTS).index(default)
    x = (torch.rand((2, channels, 8, 8), generator=random) * 9).to(dtype)
    w = torch.randint(0, 3, (2, channels, 8, 8), generator=random).float()
    reductions = spread(REDUCTIONS, 3, name)
    with DEFAULTS[default]():
        got = answers(WINDOWS[name], x, w, reductions)
    for a, b in zip(got, answers(WINDOWS[name], x, w, reductions), strict=True):
        assert isinstance(a, str) == isinstance(b, str), (a, b)
        if not isinstance(a, str):
            assert (a.device.type, a.dtype) == ("cpu", b.dtype)
            torch.testing.assert_close(a, b, rtol=0, atol=0, equal_nan=True)


class OfDefaultType(TorchDispatchMode):
    """The operations that make float16 of tensors that are not, and where they are called."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[tuple[str, str]] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        y = func(*args, **(kwargs or {}))
        given, made = (
            [t.dtype for t in tree_leaves(tree) if isinstance(t, torch.Tensor)] for tree in ((args, kwargs), y)
        )
        if torch.float16 in made and torch.float16 not in given:
            calls = [f for f in traceback.extract_stack() if "anypool" in f.filename]
            self.found.add((str(func), str(calls[-1].line)))
        return y


@pytest.mark.parametrize("reduction", [*REDUCTIONS, *(ap.Quantile(0.3, m) for m in METHODS), ap.KMax(2)], ids=repr)
def test_no_number_is_of_the_default_type(reduction: Any) -> None:
    """A count times a Python float would be: 2049 is no float16, and 2**24 + 1 is no float32."""
    random = torch.Generator().manual_seed(1)
    x = torch.rand((2, 2, 8, 8), generator=random) - 0.5
    mask = torch.rand((2, 2, 8, 8), generator=random) > 0.3
    each: list[dict[str, Any]] = [{}, {"nan": "omit"}, {"weights": mask}, {"weights": mask * torch.rand((8, 8))}]
    watch = OfDefaultType()
    with _default_dtype(torch.float16):
        for name in ("overlapping", "taps", "real", "groups", "exact", "whole"):
            windows, axes = WINDOWS[name]()
            for options in (*each, *({**o, "backend": "reference"} for o in each)):
                leaf = x.clone().requires_grad_()
                try:
                    with watch:
                        y = ap.pool(leaf, windows, reduction, axes=axes, empty=0, **options)
                        if y.requires_grad:
                            y.sum().backward()
                except ap.PoolingError as error:
                    assert "give a weight for each" in str(error) or "point is no element" in str(error)
    assert not watch.found


@pytest.mark.parametrize("default", list(DEFAULTS))
def test_layers_boxes_that_learn_large_results_and_higher_derivatives(default: str) -> None:
    random = torch.Generator().manual_seed(1)
    x = torch.rand((2, 3, 8, 8), generator=random)
    boxes = torch.tensor(BOXES, dtype=torch.float32)
    large = torch.rand((4, 8, 256, 256), generator=random)
    p = torch.tensor([1.0, 2.0, 3.0]).reshape(3, 1, 1)
    samples = torch.rand((2, 3, 2), generator=random)

    def made() -> list[Any]:
        leaf, corners, power = (t.clone().requires_grad_() for t in (x, boxes, p))
        y = ap.pool(leaf, ap.boxes(corners, 2, reading="exact"), "mean")
        g = ap.pool(leaf, ap.sliding((2, 2)), ap.PowerMean(power))
        first = torch.autograd.grad(g.sum(), (leaf, power), create_graph=True)
        second = torch.autograd.grad((first[0] ** 2).sum(), leaf)
        found = [*torch.autograd.grad(y.sum(), (leaf, corners)), first[1].detach(), *second]
        found += [ap.pool(large, ap.sliding((3, 3), 1, 1), r) for r in ("max", "mean", "median", "std")]
        found += [F.max_pool2d(x, 2), F.avg_pool2d(x, 3, 1, 1), F.lp_pool2d(x, 3.0, 2), F.adaptive_avg_pool2d(x, 3)]
        found += [F.fractional_max_pool2d(x, 2, 3, _random_samples=samples), F.roi_align(x, boxes, 2)]
        found += [*F.max_pool2d(x, 2, return_indices=True), ap.nn.Pool2d((2, 2), "median")(x)]
        found += [torch.vmap(lambda v: ap.pool(v, ap.sliding((2, 2)), "softpool"))(x)]
        found += [torch.func.jvp(lambda v: ap.pool(v, ap.sliding((2, 2)), "std"), (x,), (x,))[1]]
        found += [
            ap.pool(x, ap.sliding((2, 2)), "mean", weights=[1.0] * 8),
            ap.pool(x, ap.sliding((2, 2)), r, out=x[..., ::2, ::2] * 1),
        ]
        return found

    r = "max"
    with DEFAULTS[default]():
        got = made()
    for a, b in zip(got, made(), strict=True):
        assert (a.device.type, a.dtype) == ("cpu", b.dtype)
        torch.testing.assert_close(a, b, rtol=0, atol=0)


@pytest.mark.parametrize("default", ["meta", "float64"])
def test_compiled_calls(default: str) -> None:
    x, boxes = torch.rand(2, 3, 8, 8), torch.tensor(BOXES, dtype=torch.float32)

    def call(v: Any, rows: Any) -> Any:
        a = ap.pool(v, ap.boxes(rows, 2, reading="exact"), "mean")
        return a, ap.pool(v, ap.sliding((2, 2)), ap.Lp(3)), ap.pool(v, ap.groups([0, 1] * 4), "sum", axes=2)

    want = call(x, boxes)
    torch.compiler.reset()
    with DEFAULTS[default]():
        got = torch.compile(call, backend="eager", fullgraph=True)(x, boxes)
    torch.compiler.reset()
    for a, b in zip(got, want, strict=True):
        assert (a.device.type, a.dtype) == ("cpu", b.dtype)
        torch.testing.assert_close(a, b, rtol=0, atol=0)


@pytest.mark.parametrize("default", ["meta", "float64"])
def test_receptive_field(default: str) -> None:
    """A model without parameters says nothing of a device: it is looked at on the CPU."""
    with DEFAULTS[default]():
        net = torch.nn.Sequential(torch.nn.MaxPool2d(2), torch.nn.AvgPool2d(2))
        fields = [layer.field for layer in ap.receptive_field(net, (1, 1, 16, 16))]
    assert fields[-1] == (4, 4)
