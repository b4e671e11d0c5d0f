"""The rules of DESIGN.md: the order of imports, short files, fast imports, each name in its
table."""

from __future__ import annotations

import ast
import inspect
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from brute import FORMULAS
from fold_cases import FOLDS
from package_files import FILES, PACKAGE
from windows_cases import CASES

import anypool as ap
from anypool.engines import BACKENDS, ENGINES
from anypool.reductions import PARAMETRIC

ROOT = Path(__file__).parents[2]
# A room may import the rooms before it. `engines` itself decides, so it stands after its own rooms.
ROOMS = """errors version lazy atomic_write timing scalars constants plan arrays order_statistics reductions
windows expressions engines.native engines.plan engines.call_cache engines.reference engines.folds
engines.ranks engines.indexed engines.large engines torch validation arguments flattening log_weights evaluation
torch.operators api spreading softmax explanation nn command_line files show study cli __init__ __main__""".split()
MOST_LATE_IMPORTS = 5  # inside functions, in the rooms that every call passes through


def room_of(module: str) -> str:
    """The room of a module, which is named without the package."""
    parts = module.split(".")
    inner = ".".join(parts[:2])
    return inner if inner in ROOMS else parts[0] or "__init__"


def module_of(path: Path) -> str:
    """The name of a file's module, without the package."""
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_of(path) for path in FILES}


def imports_of(path: Path) -> list[tuple[str, bool]]:
    """Each module of the package that a file imports, and whether a function imports it.

    Imports for annotations alone (`if TYPE_CHECKING`) are not run, so they are left out.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            node.body = [ast.Pass()]
    inside = {id(node) for f in ast.walk(tree) if isinstance(f, (ast.FunctionDef, ast.Lambda)) for node in ast.walk(f)}
    package = path.relative_to(PACKAGE).parent.parts
    imports: list[tuple[str, bool]] = []
    for node in ast.walk(tree):
        late = id(node) in inside
        if isinstance(node, ast.Import):
            imports += [(a.name.partition(".")[2], late) for a in node.names if a.name.split(".")[0] == "anypool"]
        if not isinstance(node, ast.ImportFrom):
            continue
        base = node.module or ""
        if node.level:
            base = ".".join((*package[: len(package) - node.level + 1], *filter(None, [node.module])))
        elif base.split(".")[0] == "anypool":
            base = base.partition(".")[2]
        else:
            continue
        for alias in node.names:
            full = f"{base}.{alias.name}".lstrip(".")
            function = full == "order_statistics.function" and alias.name == "function" and base == "order_statistics"
            imports.append((full if full in MODULES and not function else base, late))
    return imports


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_one_way(path: Path) -> None:
    room = room_of(module_of(path))
    assert room in ROOMS, f"{room} is a new room: give it its place in ROOMS"
    for module, late in imports_of(path):
        other = room_of(module)
        up = ROOMS.index(other) > ROOMS.index(room)
        allowed = late and (module_of(path), module) in UPWARD
        assert not up or allowed, f"{room} comes before {other}, and imports {module}"


# An engine whose plan consists of other plans reads ENGINES when it is called, not when it is
# built.
UPWARD = {("engines.plan", "engines")}


def test_no_circle_inside_a_room() -> None:
    edges = {module_of(p): {m for m, _ in imports_of(p)} for p in FILES}
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        if module in path:
            raise AssertionError("imports in a circle: " + " -> ".join((*path[path.index(module) :], module)))
        if module in done:
            return
        for other in edges.get(module, ()):
            if (module, other) not in UPWARD and room_of(other) == room_of(module) and other != module:
                visit(other, (*path, module))
        done.add(module)

    for module in edges:
        visit(module, ())


def test_few_imports_are_late() -> None:
    """An import inside a function hides a dependency; the applications load heavy modules late."""
    applications = ("cli", "files", "show", "study", "nn", "__init__", "lazy", "__main__")
    late = {
        f"{module_of(p)} imports {m}"
        for p in FILES
        if room_of(module_of(p)) not in applications
        for m, late in imports_of(p)
        if late
    }
    assert len(late) <= MOST_LATE_IMPORTS, sorted(late)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_files_are_written_by_one_helper(path: Path) -> None:
    """A temporary file is renamed in `atomic_write.py` alone."""
    renames = {"mkstemp", "NamedTemporaryFile", "replace", "rename"}
    tree = ast.parse(path.read_text(encoding="utf-8"))
    calls = {
        n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute) and ast.unparse(n.value) in ("os", "tempfile")
    }
    assert not calls & renames or path.name == "atomic_write.py"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_files_are_short_and_say_their_role(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 300
    doc = ast.get_docstring(ast.parse(text))
    assert doc, "the first line says the file's role in one sentence"


@pytest.mark.parametrize("path", sorted([*ROOT.glob("tests/**/*.py"), *ROOT.glob("csrc/*/*")]), ids=lambda p: p.name)
def test_tests_and_kernels_are_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300


def loaded_after(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", code + "\nimport sys, json; print(json.dumps(list(sys.modules)))"],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_import_is_light() -> None:
    """No torch, no command line, no plots: not even after a call on NumPy arrays."""
    call = "import anypool as ap, numpy as np; ap.pool(np.ones((4, 4)), ap.sliding((2, 2)), 'mean')"
    heavy = {
        "torch",
        "typer",
        "click",
        "rich",
        "matplotlib",
        "PIL",
        "scipy",
        "sklearn",
        "pandas",
        "ml_dtypes",
        "jinja2",
    }
    for code in ("import anypool", call):
        modules = loaded_after(code)
        assert not modules & heavy
        assert not {
            m
            for m in modules
            if m.startswith(
                ("anypool.nn", "anypool.cli", "anypool.show", "anypool.arrays.torch", "anypool.torch.calls")
            )
        }


@pytest.mark.slow
def test_import_is_quick() -> None:
    """Far below the second that torch or Matplotlib take; 0.17 to 0.19 s on a loaded machine."""
    code = "import time, numpy; t = time.process_time(); import anypool; print(time.process_time() - t)"
    runs = [float(subprocess.check_output([sys.executable, "-c", code], timeout=60)) for _ in range(5)]
    assert min(runs) < 0.5, runs


def test_torch_is_optional() -> None:
    """Everything but anypool.nn works where torch cannot be imported."""
    code = "import sys; sys.modules['torch'] = None\nimport anypool as ap, numpy as np\n"
    code += "print(ap.pool(np.ones((4, 4)), ap.sliding((2, 2)), 'mean').sum())"
    assert subprocess.check_output([sys.executable, "-c", code], timeout=60).decode().strip() == "4.0"


def test_every_reduction_is_in_the_product() -> None:
    assert set(ap.REDUCTIONS) <= set(FOLDS) and set(FOLDS) == set(FORMULAS)
    seen = {type(r).__name__ for r in FOLDS.values() if not isinstance(r, str)}
    assert set(PARAMETRIC) <= seen
    kinds = {type(c.windows).__name__ for c in CASES.values()}
    assert {k.capitalize() for k in KINDS} <= kinds


KINDS = {"sliding", "adaptive", "whole", "segments", "fractional"}


@pytest.mark.parametrize("name", sorted(set(ap.__all__) - {"REDUCTIONS"}))
def test_public_names_are_documented_and_typed(name: str) -> None:
    thing: Any = getattr(ap, name)
    assert inspect.getdoc(thing), f"{name} has no docstring"
    if inspect.isfunction(thing):
        signature = inspect.signature(thing)
        assert signature.return_annotation is not inspect.Signature.empty
        assert all(p.annotation is not inspect.Parameter.empty for p in signature.parameters.values())


def test_the_agreed_signatures() -> None:
    """The names that are fixed."""
    pool = "x windows reduction axes weights log_weights nan ties empty out backend min_count keepdims".split()
    assert list(inspect.signature(ap.pool).parameters) == pool == list(inspect.signature(ap.explain).parameters)
    sliding = "size stride padding dilation ceil_mode border count taps footprint".split()
    assert list(inspect.signature(ap.sliding).parameters) == sliding
    defaults = {k: p.default for k, p in inspect.signature(ap.pool).parameters.items()}
    assert defaults["reduction"] == "mean" and defaults["nan"] == "propagate" and defaults["ties"] == "first"
    named = "sum mean max min prod any all count argmax argmin range rms var std logsumexp softpool first last".split()
    assert list(ap.REDUCTIONS) == named
    assert issubclass(ap.PoolingError, ValueError)


def test_engines_have_names_and_state_their_backend() -> None:
    names = [engine.name for engine in ENGINES]
    assert len(set(names)) == len(names) and {engine.backend for engine in ENGINES} == set(BACKENDS)
    assert (PACKAGE / "py.typed").exists()


@pytest.mark.parametrize("name", list(FOLDS))
def test_windows_and_reductions_print_themselves(name: str) -> None:
    reduction = FOLDS[name]
    if not isinstance(reduction, str):
        again = eval(repr(reduction), {**{k: getattr(ap, k) for k in ap.__all__}, "inf": float("inf")})
        assert again == reduction and hash(again) == hash(reduction)


@pytest.mark.parametrize("key", list(CASES))
def test_output_shape_needs_no_data(key: str) -> None:
    case = CASES[key]
    import numpy as np
    from windows_cases import SHAPE

    got = ap.pool(np.ones(SHAPE), case.windows, "sum", axes=case.axes).shape
    assert case.windows.output_shape(SHAPE, case.axes) == got
    assert ap.explain(np.ones(SHAPE), case.windows, "sum", axes=case.axes).out_shape == got
