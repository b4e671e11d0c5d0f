"""Docstrings and comments of Python files wrap at 100 columns."""

from __future__ import annotations

import ast
import io
import tokenize
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("src", "tests", "examples", "bench", "docs")
FILES = [p for folder in FOLDERS for p in sorted((ROOT / folder).rglob("*.py"))]
LIMIT = 100
# Other changes to these files are in progress; remove each from here when it wraps.


def docstring_lines(source: str) -> set[int]:
    """The lines of docstrings, without the code and the results of their examples."""
    lines, numbers = source.splitlines(), set[int]()
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        if ast.get_docstring(node) is None:
            continue
        text, in_example = node.body[0], False
        assert text.end_lineno is not None
        for number in range(text.lineno, text.end_lineno + 1):
            line = lines[number - 1].strip()
            in_example = line.startswith(">>>") or (in_example and line != "")
            if not in_example:
                numbers.add(number)
    return numbers


def comment_lines(source: str) -> set[int]:
    """The lines that are only a comment."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {t.start[0] for t in tokens if t.type == tokenize.COMMENT and t.line.strip() == t.string}


def wide_lines(source: str) -> list[int]:
    """The lines of prose above the limit."""
    lines = source.splitlines()
    return [n for n in sorted(docstring_lines(source) | comment_lines(source)) if len(lines[n - 1]) > LIMIT]


def test_docstrings_and_comments_wrap() -> None:
    wide = {str(p.relative_to(ROOT)): wide_lines(p.read_text(encoding="utf-8")) for p in FILES}
    assert len(FILES) > 300
    assert {name: lines for name, lines in wide.items() if lines} == {}


def test_a_wide_line_is_reported() -> None:
    wide = "w" * LIMIT
    assert wide_lines(f'"""A docstring.\n\n{wide}w\n"""\n# {wide}\nx = "{wide}"  # code\n') == [3, 5]
    assert wide_lines(f'"""An example.\n\n>>> x\n{wide}w\n\n{wide}w\n"""\n') == [6]
