"""The README: its tables are what exists, its code runs, its beginning says the essential."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from anypool.cli import registry_tables
from anypool.errors import PoolingError
from anypool.reductions import PARAMETRIC, REDUCTIONS

README = Path(__file__).parents[2] / "README.md"
TEXT = README.read_text(encoding="utf-8")


def test_tables_are_current() -> None:
    assert registry_tables.updated(TEXT) == TEXT, "update them: anypool list --into README.md"
    for name in (*REDUCTIONS, *PARAMETRIC):
        assert registry_tables.reductions().count(f"{name}") >= 1
        assert f"{name}" in registry_tables.summary()


def test_the_first_lines_say_the_essential() -> None:
    lines = TEXT.splitlines()
    for needed in ("WHERE", "WHAT", "HOW MUCH", "make demo", "make test", "pip install", "import numpy", "torch"):
        assert needed in "\n".join(lines[:30])
    for needed in ("SciPy", "OpenCV", "threads", "bench/results/", "| windows |"):
        assert needed in "\n".join(lines[:70])


def test_the_times_are_measured() -> None:
    name = re.search(r"bench/results/[\w-]+\.jsonl", TEXT)
    assert name is not None
    rows = {r["case"]: r for r in map(json.loads, (README.parent / name[0]).read_text(encoding="utf-8").splitlines())}
    said = {
        "max 3×3, stride 1": ("max 3×3/1", ("torch", "opencv", "scipy")),
        "median 3×3, stride 1": ("float32 median 3×3/1", (None, "opencv", "scipy")),
        "mean of 20,000 ragged rows": ("tokens, sentences (Zipf) mean", ("torch", None, None)),
        "*slower:* global max": ("max global", ("torch", None, None)),
        "*slower:* max 2×2": ("small torch call, training", ("torch", None, None)),
    }
    for begin, (case, rivals) in said.items():
        line = next(line for line in TEXT.splitlines() if line.startswith(f"| {begin}"))
        times = [rows[case]["ours_ms"]["torch new"]]
        times += [min(rows[case]["rivals_ms"][rival].values()) if rival else None for rival in rivals]
        for cell, ms in zip(line.split("|")[2:6], times, strict=True):
            assert cell.strip() == "–" if ms is None else float(cell) == pytest.approx(ms, rel=0.05), line


def test_the_code_runs() -> None:
    pytest.importorskip("torch")
    code = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    assert len(code) == 1 and len([line for line in code[0].splitlines() if line]) == 8
    space: dict[str, Any] = {}
    exec(compile(code[0], str(README), "exec"), space)
    assert space["x"].grad is not None and space["p"].grad is not None


def test_a_file_is_updated(tmp_path: Path) -> None:
    file = tmp_path / "page.md"
    file.write_text("a\n<!-- made by: anypool list --markdown summary -->\nold\n<!-- end -->\nb\n", encoding="utf-8")
    assert registry_tables.update(file) and not registry_tables.update(file)
    text = file.read_text(encoding="utf-8")
    assert "softpool" in text and "old" not in text and text.startswith("a\n") and text.endswith("b\n")
    assert [p.name for p in tmp_path.iterdir()] == ["page.md"]


@pytest.mark.parametrize("text", ["no markers", "<!-- made by: anypool list --markdown moods -->\n<!-- end -->"])
def test_a_file_without_known_tables_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "page.md"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(PoolingError):
        registry_tables.update(file)
    assert file.read_text(encoding="utf-8") == text
