"""Programs of torch.export load after imports of torch and anypool, and run nothing but pooling."""

from __future__ import annotations

import ast
import base64
import importlib
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from registered_names import forgotten
from sampling import spread

import anypool as ap
import anypool.nn as ann
import anypool.nn.functional as F
from anypool.expressions import names

X = torch.randn(2, 4, 12, 13, generator=torch.Generator().manual_seed(0)).abs() + 0.1
ROWS = torch.tensor([[0, 1.0, 1, 7.5, 8], [1, 2, 3, 9.2, 9], [0, 0.2, 0.1, 4, 4.3]])
LABELS = torch.randint(-1, 5, (12, 13), generator=torch.Generator().manual_seed(2))
TAPS = np.array([[1, 2, 3], [0, 1e-320, 0], [-0.0, 1, 1 / 3]])
MADE = ap.boxes(ROWS.numpy(), 3, reading="sampled")
GROUPS = ap.groups(np.arange(12) // 3)
MANY = torch.export.Dim("many", min=3, max=64)
BATCH = torch.export.Dim("batch", min=2, max=64)
HEIGHT = torch.export.Dim("height", min=6, max=64)


class Model(torch.nn.Module):
    """A function as a model."""

    def __init__(self, call: Any) -> None:
        super().__init__()
        self.call = call

    def forward(self, *args: Any) -> Any:
        return self.call(*args)


def gem() -> torch.nn.Module:
    return ann.Pool2d(ap.sliding((3, 3), 2, 1), ap.PowerMean(torch.nn.Parameter(torch.tensor(3.0))))


def weighted() -> torch.nn.Module:
    return ann.Pool2d(ap.sliding((2, 2)), ap.Ordinal(torch.nn.Parameter(torch.tensor([0.5, 0.3, 0.2, 0.0]))))


# A model, what it is given, and which lengths vary.
CASES: dict[str, tuple[Any, tuple[Any, ...], Any]] = {
    "GeM": (gem(), (X,), ({0: BATCH, 2: HEIGHT},)),
    "ordinal weights": (weighted(), (X,), ({0: BATCH, 2: HEIGHT},)),
    "a layer of torch's": (ann.MaxPool2d(2, return_indices=True), (X,), ({0: BATCH, 2: HEIGHT},)),
    "several": (Model(lambda x: ap.pool(x, ap.whole(), ("max", ap.Std(1)), axes=(2, 3), empty=0.0)), (X,), None),
    "taps": (Model(lambda x: ap.pool(x, ap.sliding((3, 3), 1, 1, taps=TAPS), "sum")), (X,), None),
    "borders": (Model(lambda x: ap.pool(x, ap.sliding((3, 3), 1, 1, border=(-0.0, "circular")), "mean")), (X,), None),
    "an option of each": (
        Model(lambda x: ap.pool(x, ap.sliding((5, 5)), "mean", nan="omit", min_count=3, empty=-1.0)),
        (torch.where(X > 1, X, torch.nan),),
        None,
    ),
    "without axes": (Model(lambda x: ap.pool(x, ap.whole(), "sum", axes=(2, 3), keepdims=False)), (X,), None),
    "places": (
        Model(lambda x: ap.pool(x, ap.sliding((3, 3), 1), ap.Place(ap.Quantile((0.1, 0.5), "lower")))),
        (X,),
        ({0: BATCH, 2: HEIGHT},),
    ),
    "boxes": (Model(lambda x, b: ap.pool(x, ap.boxes(b, (3, 2), reading="exact"))), (X, ROWS), (None, {0: MANY})),
    "boxes made outside": (Model(lambda x: ap.pool(x, MADE, "max")), (X,), ({2: HEIGHT},)),
    "position-sensitive": (Model(lambda x, b: F.ps_roi_pool(x, b, 2)), (X, ROWS), (None, {0: MANY})),
    "groups": (Model(lambda x, i: ap.pool(x, ap.groups(i, count=5), "std", empty=0.0)), (X, LABELS), None),
    "groups nobody counted": (Model(lambda x, i: ap.pool(x, ap.groups(i), "mean")), (X, LABELS), None),
    "groups made outside": (Model(lambda x: ap.pool(x, GROUPS, "max", axes=2)), (X,), ({0: BATCH},)),
    "segments": (
        Model(lambda x, o: ap.pool(x, ap.segments(o), "sum", axes=2)),
        (X, torch.tensor([0, 3, 3, 9])),
        None,
    ),
    "sliding in segments": (
        Model(lambda x, o: ap.pool(x, ap.segments(o).sliding(2, 1), "max", axes=2)),
        (X, torch.tensor([0, 3, 3, 9])),
        None,
    ),
    "sliding in known segments": (
        Model(lambda x: ap.pool(x, ap.segments([0, 3, 3, 9]).sliding(2, 1), "max", axes=2)),
        (X,),
        ({0: BATCH},),
    ),
    "weights": (Model(lambda x, w: ap.pool(x, ap.sliding((3, 3)), "mean", weights=w, empty=0.0)), (X, X > 0.5), None),
}

LOAD = """
import sys
import {first}
assert {first!r} == "torch" or "torch" not in sys.modules
import {second}
for path in sys.argv[1:]:
    given, want, gradients = torch.load(path + ".want")
    model = torch.export.load(path).module()
    got = model(*given)
    torch.testing.assert_close(got, want, msg=path)
    learn = list(model.parameters())
    if learn:
        found = torch.autograd.grad((got * torch.arange(got.numel()).view(got.shape)).sum(), learn)
        torch.testing.assert_close(list(found), gradients, msg=path)
        with torch.no_grad():
            learn[0].mul_(1.5)
        assert not torch.equal(model(*given), want), path
print("all", len(sys.argv) - 1)
"""


@pytest.mark.slow
def test_saved_programs_load_in_a_new_process(tmp_path: Path) -> None:
    paths: list[str] = []
    for k, (model, given, lengths) in enumerate(spread(CASES.values(), 3, "saved")):
        shapes = (lengths,) if lengths is not None and isinstance(model, Model) else lengths
        program = torch.export.export(model, given, dynamic_shapes=shapes)
        paths.append(str(tmp_path / f"{k}.pt2"))
        torch.export.save(program, paths[-1])
        want, gradients = model(*given), []
        if list(model.parameters()):
            seen = (want * torch.arange(want.numel()).view(want.shape)).sum()
            gradients = list(torch.autograd.grad(seen, list(model.parameters())))
            want = want.detach()
        torch.save((given, want, gradients), paths[-1] + ".want")
    for first, second in (("torch", "anypool"), ("anypool", "torch")):
        code = LOAD.replace("{first!r}", repr(first)).replace("{first}", first).replace("{second}", second)
        said = subprocess.check_output([sys.executable, "-c", code, *paths], timeout=300, text=True)
        assert said.strip() == f"all {len(paths)}"


@pytest.mark.parametrize("name", ["GeM", "boxes", "groups", "taps"])
def test_strict_export_is_the_same(name: str, tmp_path: Path) -> None:
    torch._dynamo.reset()
    given = CASES[name][1]
    taps = ap.sliding((3, 3), 1, 1, taps=TAPS)  # made outside, since Dynamo knows no NumPy arrays as constants
    model = Model(lambda x: ap.pool(x, taps, "sum")) if name == "taps" else CASES[name][0]
    torch.export.save(torch.export.export(model, given, strict=True), tmp_path / "a.pt2")
    torch.testing.assert_close(torch.export.load(tmp_path / "a.pt2").module()(*given), model(*given))


def test_strict_export_of_arrays_is_refused() -> None:
    """torch keeps a tensor without numbers in place of them."""
    for windows, axes in ((GROUPS, 2), (MADE, None), (ap.boxes(ROWS, 2), None)):
        torch._dynamo.reset()
        with pytest.raises(ap.PoolingError, match="strict=False"):
            torch.export.export(Model(lambda x, w=windows, a=axes: ap.pool(x, w, axes=a)), (X,), strict=True)


@pytest.mark.parametrize("before", ["", "import torch.nn; ", "sys.modules['torch'] = None; "])
def test_torch_is_left_as_it_is(before: str) -> None:
    """Its loader, its finders and its absence; anypool imports no torch, whoever looks for it."""
    code = f"import sys; {before}before = list(sys.meta_path)\n"
    code += "import anypool, importlib.util\n"
    if "None" in before:
        code += "print(sys.modules['torch'])"
    else:
        code += "loaded = 'torch' in sys.modules\nassert importlib.util.find_spec('torch').origin\n"
        code += f"assert loaded is {bool(before)} and ('torch' in sys.modules) is loaded\n"
        code += "import torch\nassert sys.meta_path == before, sys.meta_path\n"
        code += "assert torch.__loader__ is torch.__spec__.loader\n"
        code += "assert 'anypool' not in type(torch.__loader__).__module__\n"
        code += "import inspect; assert inspect.getsource(torch)\n"
        code += "assert 'anypool.nn' not in sys.modules and 'sympy' not in sys.modules\n"
        code += "torch.ops.anypool.forward.default, torch.ops.anypool.backward.default"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


class Payload:
    """What a pickle would run."""

    def __reduce__(self) -> Any:
        return (exec, ("raise SystemExit('a pickle was run')",))


OLD = base64.b85encode(pickle.dumps((Payload(), (), "max", None, (None, "propagate", "first", None, None)))).decode()
CALL = "anypool/1 pool("
WRONG = {
    OLD: ("no call of anypool", "a pickle, which is never read", "export the program again"),
    "": ("no call of anypool",),
    "pool(whole(), 'max')": ("no call of anypool",),
    "Anypool/1 pool(whole(), 'max')": ("no call of anypool",),
    "anypool/2 pool(whole(), 'max')": ("of format 2, this version reads 1", "install a version that reads it"),
    "anypool/0 pool(whole(), 'max')": ("of format 0",),
    "anypool/1 whole()": ("pool is needed",),
    CALL + "whole(), 'max'": ("the end", "character 30"),
    CALL + "whole(), 'max', axes=0, new=1)": ("no argument 'new'",),
    CALL + "'max', 'max')": ("windows are needed",),
    CALL + "whole(), 3)": ("a reduction is needed",),
    CALL + "whole(), 'maximal', axes=0)": ("unknown reduction 'maximal'",),
    CALL + "hole(), 'max')": ("'hole'", "did you mean 'whole'"),
    CALL + "sliding((0, 3)), 'max')": ("size=0",),
    CALL + "sliding((size(0), 3)), 'max')": ("asks anypool::forward for size(0)", "damaged"),
    CALL + "boxes(table(3), 2), 'max')": ("table(3)", "damaged"),
    CALL + "sliding((2, 2)), Lp(learned(0)))": ("learned(0)", "damaged"),
    CALL + "sliding((2, 2)), Lp(table('a')))": ("number of an operand",),
    CALL + "__import__('os'), 'max')": ("'__import__'",),
    CALL + "whole(), __builtins__.eval('1'), axes=0)": ("'__builtins__.eval'",),
    CALL + "whole(), mine.Spread(1), axes=0)": ("'mine.Spread'",),
    CALL + "whole(), unregistered.p12.n0.Spread(1))": ("'Spread' was not registered", "ap.register(Spread)"),
    CALL + "(" * 10**5: ("brackets",),
    CALL + " " * 2**24: ("at most 16777216",),
}


@pytest.mark.parametrize("text", WRONG, ids=range(len(WRONG)))
def test_a_wrong_text_is_one_error(text: str) -> None:
    with pytest.raises(ap.PoolingError) as stop:
        torch.ops.anypool.forward(X, None, None, [], [], [], text)
    assert all(word in str(stop.value) for word in WRONG[text]), str(stop.value)
    with pytest.raises(ap.PoolingError):
        torch.ops.anypool.backward(X, X, None, None, [], [], [], text, [True, False, False])
    with torch._subclasses.FakeTensorMode() as mode, pytest.raises(ap.PoolingError):
        torch.ops.anypool.forward(mode.from_tensor(X), None, None, [], [], [], text)


class Spread(ap.Order):
    """A reduction of a user's own."""

    def __init__(self, share: float = 1.0, *, high: Any = None) -> None:
        super().__init__()
        self.parameters = {"share": share, "high": high}

    def finish(self, window: Any, n: Any) -> Any:
        high = 0.0 if self.parameters["high"] is None else self.parameters["high"]
        return (window.at(n - 1) - window.at(0)) * self.parameters["share"] + high


def test_an_own_reduction_is_registered_to_be_exported(tmp_path: Path) -> None:
    model = Model(lambda x: ap.pool(x, ap.sliding((3, 3)), Spread(0.5)))
    with forgotten():
        compiled = torch.compile(model, fullgraph=True, backend="aot_eager")  # in this process no name is needed
        torch.testing.assert_close(compiled(X), model(X))
        with pytest.raises(ap.PoolingError, match=r"Spread is not registered.*ap\.register\(Spread\)"):
            torch.export.export(model, (X,))
        ap.register(Spread, "tests.Spread")
        program = torch.export.export(model, (X,))
        assert "tests.Spread(share=0.5)" in str(program.graph)
        torch.export.save(program, tmp_path / "a.pt2")
        torch.testing.assert_close(torch.export.load(tmp_path / "a.pt2").module()(X), model(X))
    for forget in names.CHANGED:
        forget()
    with pytest.raises(ap.PoolingError, match=r"no 'tests.Spread'"):
        torch.export.load(tmp_path / "a.pt2").module()(X)


def test_each_tensor_of_a_reduction_is_its_own() -> None:
    torch._dynamo.reset()
    two = [torch.tensor(2.0, requires_grad=True), torch.tensor(5.0, requires_grad=True)]

    def call(x: Any, a: Any, b: Any) -> Any:
        return ap.pool(x, ap.sliding((3, 3)), Spread(a, high=b)).sum()

    eager = torch.autograd.grad(call(X, *two), two)
    traced = torch.autograd.grad(torch.compile(call, fullgraph=True, backend="aot_eager")(X, *two), two)
    torch.testing.assert_close(traced, eager)


def reached(module: str, found: set[Path]) -> set[Path]:
    """The files of the package that a module imports, wherever it does so."""
    path = Path(importlib.import_module(module).__file__ or "")
    if path in found:
        return found
    found.add(path)
    parts = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = ".".join([*parts[: len(parts) - node.level + 1], *filter(None, [node.module])])
            for name in (base, *(f"{base}.{alias.name}" for alias in node.names)):
                root = Path(ap.__file__).parent.parent.joinpath(*name.split("."))
                if name != "anypool" and (root.with_suffix(".py").exists() or (root / "__init__.py").exists()):
                    reached(name, found)
    return found


def test_operators_reach_no_code_that_runs_data() -> None:
    files = reached("anypool.torch.operators.compile", set()) | reached("anypool.expressions", set())
    assert len(files) > 60 and not {p.parent.name for p in files} & {"nn", "study", "show", "files"}
    barred = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "runpy", "subprocess", "code", "yaml"}
    called = {"eval", "exec", "__import__", "import_module", "loads", "load", "unpickle", "system", "popen"}
    for path in files:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            where = f"{path}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                modules = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""]
                assert not {m.partition(".")[0] for m in modules} & barred, where
            if isinstance(node, ast.Call):
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                assert name not in called and getattr(node.func, "id", "") != "compile", f"{where} calls {name}"
