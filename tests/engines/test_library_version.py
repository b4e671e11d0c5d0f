"""A compiled library of another version is recognized by its records, and never called."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from ctypes.util import find_library
from pathlib import Path

import pytest

from anypool.engines.native import library, records

ROOT = Path(__file__).parents[2]
PATH = library._path()
needs_library = pytest.mark.skipif(library.library() is None, reason="needs the compiled library")


@needs_library
@pytest.mark.parametrize("name", ["version", *records.RECORDS])
def test_a_stale_record_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert PATH is not None and library.opened(PATH)[0] is not None
    actual = records.EXPECTED[name]
    monkeypatch.setitem(records.EXPECTED, name, actual + 8)
    core, reason = library.opened(PATH)
    assert core is None
    assert f"of another version than the package ({name} is {actual}, expected {actual + 8})" in reason
    assert "build it again with `make`" in reason


@needs_library
def test_a_library_without_versions_is_refused() -> None:
    """The C library: it loads, and is none of ours."""
    core, reason = library.opened(Path(find_library("c") or "libc.so.6"))
    assert core is None and "it has no function anypool_abi" in reason


def test_a_file_that_is_no_library_is_refused(tmp_path: Path) -> None:
    """Calls are served by the reference, which says why."""
    file = tmp_path / "_native.so"
    file.write_text("no library")
    code = (
        "import numpy as np, anypool as ap; x = np.arange(4.0)\n"
        "print(ap.pool(x, ap.sliding(2), 'max', axes=0), ap.explain(x, ap.sliding(2), 'max', axes=0))"
    )
    environment = {**os.environ, "ANYPOOL_LIBRARY": str(file)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "[1. 3.]" in done.stdout and "_native.so does not load" in done.stdout


@pytest.mark.parametrize("name", list(records.RECORDS))
def test_fields_are_those_of_the_header(name: str) -> None:
    """The same names in the same order: a size alone does not tell two fields apart."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "csrc/abi").glob("*.hpp"))
    found = re.search(rf"struct {name} {{(.*?)\n}};", re.sub(r"//[^\n]*", "", text), re.DOTALL)
    assert found is not None
    declared: list[str] = []
    for statement in found[1].split(";"):
        words = re.sub(r"\[\d+\]", "", statement).replace("*", " ").replace("const ", " ").split(None, 1)
        if len(words) == 2:
            declared += [field.strip() for field in words[1].split(",")]
    assert declared == [field[0] for field in records.RECORDS[name]._fields_]


def test_both_sides_name_one_version() -> None:
    header = (ROOT / "csrc/abi/version.hpp").read_text(encoding="utf-8")
    assert f"ANYPOOL_ABI_VERSION = {records.VERSION};" in header
