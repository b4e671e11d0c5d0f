"""Only `arrays/` depends on array libraries: checked in the source of every file."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from package_files import FILES, PACKAGE, folder_of

TORCH_ROOMS = ("torch", "nn", "study")  # written with torch, and loaded only where it is there


def is_numpy_module(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id in ("np", "numpy")


def names(node: ast.AST) -> set[str]:
    """The attributes and texts inside an expression."""
    inside = list(ast.walk(node))
    attributes = {n.attr for n in inside if isinstance(n, ast.Attribute)}
    return attributes | {n.value for n in inside if isinstance(n, ast.Constant) and isinstance(n.value, str)}


def branches(tree: ast.AST) -> Iterator[str]:
    """Each place that asks which library an array is of."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in ("isinstance", "issubclass")
        ):
            if "ndarray" in names(node.args[1]):
                yield f"line {node.lineno}: {ast.unparse(node)}; use is_numpy or adapter_of"
        if isinstance(node, ast.Compare) and any(isinstance(op, (ast.Is, ast.IsNot)) for op in node.ops):
            if any(is_numpy_module(side) for side in (node.left, *node.comparators)):
                yield f"line {node.lineno}: {ast.unparse(node)}; use an operation of the adapter"


def looks_for_torch(tree: ast.AST) -> Iterator[str]:
    """Each look whether torch is loaded."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.Call, ast.Subscript, ast.Compare)):
            found = names(node)
            if "modules" in found and any(text.split(".")[0] == "torch" for text in found):
                yield f"line {node.lineno}: {ast.unparse(node)}"


def imports_of_torch(tree: ast.AST) -> Iterator[str]:
    """Each import of torch or of a module of it, inside functions too."""
    for node in ast.walk(tree):
        modules = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and not node.level:
            modules = [node.module or ""]
        if any(m.split(".")[0] == "torch" for m in modules):
            yield f"line {getattr(node, 'lineno', 0)}: {ast.unparse(node)}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_only_arrays_depends_on_array_libraries(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    room, name = folder_of(path), path.name
    if room != "arrays":
        assert not list(branches(tree))
    if room not in ("arrays", "torch"):
        assert not list(looks_for_torch(tree))
    if room not in TORCH_ROOMS and not (room == "arrays" and name.startswith("torch")):
        assert not list(imports_of_torch(tree))


@pytest.mark.parametrize(
    "source,finds",
    [
        ("isinstance(x, np.ndarray)", branches),
        ("isinstance(x, (int, np.ndarray))", branches),
        ("a if library(x) is np else b", branches),
        ("words is not np", branches),
        ("'torch' in sys.modules", looks_for_torch),
        ("sys.modules.get('torch')", looks_for_torch),
        ("sys.modules['torch']", looks_for_torch),
        ("def f():\n    import torch.nn", imports_of_torch),
        ("from torch import nn", imports_of_torch),
    ],
)
def test_each_is_found(source: str, finds: object) -> None:
    assert list(finds(ast.parse(source)))  # type: ignore[operator]
