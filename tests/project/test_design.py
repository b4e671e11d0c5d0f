"""The design as a test: imports point one way, files are short, imports are light, every name has its row."""

from __future__ import annotations

import ast
import inspect
import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from brute import FORMULAS
from fold_cases import FOLDS
from windows_cases import CASES

import anypool as ap
from anypool.backends.library import library
from anypool.engines import BACKENDS, ENGINES
from anypool.reductions import PARAMETRIC

PACKAGE = Path(ap.__file__).parent
ROOT = Path(__file__).parents[2]
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "words": set(),
    "constants": {"errors"},
    "foreign": {"errors"},
    "incoming": {"foreign", "errors"},
    "plan": set(),
    "lazy": set(),
    "orders": {"constants", "words", "errors", "foreign"},
    "reductions": {"orders", "words", "errors", "incoming", "foreign"},
    "windows": {"constants", "plan", "words", "errors", "incoming", "foreign"},
    "expressions": {"windows", "reductions", "orders", "words", "errors"},
    "backends": {"reductions", "orders", "constants", "plan", "words", "errors"},
    "arrays": {
        "plan",
        "backends",
        "reductions",
        "orders",
        "errors",
        "windows",
        "expressions",
        "api",
        "words",
        "engines",
        "constants",
        "incoming",
        "foreign",
    },
    "engines": {"arrays", "plan", "backends", "reductions", "orders", "words", "errors"},
    "checks": {"windows", "orders", "constants", "plan", "reductions", "words", "errors"},
    "arguments": {"arrays", "checks", "engines", "reductions", "windows", "errors"},
    "api": {"arguments", "windows", "reductions", "orders", "arrays", "checks", "engines", "errors"},
    "explanation": {"arguments", "windows", "orders", "checks", "engines"},
}
ABOVE = {"nn", "study", "show", "cli", "__init__", "__main__", "files"}
BARRED = {room: {"nn", "study", "show", "cli"} for room in MAY_IMPORT}


def rooms_imported(path: Path) -> set[str]:
    """The rooms of the package that a file imports from, anywhere in it."""
    found: set[str] = set()
    depth = len(path.relative_to(PACKAGE).parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            if node.level == depth:
                found |= {node.module.split(".")[0]} if node.module else {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("anypool"):
            found.add((node.module or "").partition(".")[2].split(".")[0] or "__init__")
        elif isinstance(node, ast.Import):
            found |= {a.name.partition(".")[2].split(".")[0] for a in node.names if a.name.split(".")[0] == "anypool"}
    return found


FILES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_one_way(path: Path) -> None:
    room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if room in ABOVE:
        assert room in ("cli", "show", "__init__", "__main__") or "cli" not in rooms_imported(path)
        return
    assert room in MAY_IMPORT, f"{room} is a new room: say here what it may import"
    assert rooms_imported(path) - {room} <= MAY_IMPORT[room]


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_files_are_short_and_say_their_role(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 300
    doc = ast.get_docstring(ast.parse(text))
    assert doc, "the first line says the file's role in one sentence"


@pytest.mark.parametrize("path", sorted([*ROOT.glob("tests/**/*.py"), *ROOT.glob("csrc/*")]), ids=lambda p: p.name)
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
            m for m in modules if m.startswith(("anypool.nn", "anypool.cli", "anypool.show", "anypool.arrays.torch"))
        }


@pytest.mark.slow
def test_import_is_quick() -> None:
    """Far from the second and more that torch or Matplotlib take; 0.17 to 0.19 s on a loaded machine."""
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
    pool = "x windows reduction axes weights nan ties empty out backend min_count keepdims".split()
    assert list(inspect.signature(ap.pool).parameters) == pool == list(inspect.signature(ap.explain).parameters)
    sliding = "size stride padding dilation ceil_mode border count taps".split()
    assert list(inspect.signature(ap.sliding).parameters) == sliding
    defaults = {k: p.default for k, p in inspect.signature(ap.pool).parameters.items()}
    assert defaults["reduction"] == "mean" and defaults["nan"] == "propagate" and defaults["ties"] == "first"
    named = "sum mean max min prod any all count argmax argmin range rms var std logsumexp softpool".split()
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


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_make_says_which_compiler_is_missing() -> None:
    command = ["make", "-o", ".venv/ready", "arm64", "ARM64_CXX=no-such-compiler"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode and "no-such-compiler is not there: install it" in done.stderr


def test_check_names_the_instruction_set() -> None:
    """The least that every processor of a kind has: asked for by name, it is what is said."""
    if library() is None:
        pytest.skip("the core is not built")
    code = "from anypool.backends.cpu import status; print(status()[0])"
    environment = {**os.environ, "ANYPOOL_ISA": "baseline"}
    said = subprocess.check_output([sys.executable, "-c", code], env=environment, text=True, timeout=60)
    if "not active" in said and "ANYPOOL_LIBRARY" in os.environ:
        pytest.skip("this library was built without it (ANYPOOL_ISAS)")
    arm = platform.machine().lower() in ("aarch64", "arm64")
    assert f"instruction set {'neon' if arm else 'baseline'}," in said
