"""The demo's page is complete, needs no other file, and its errors are one sentence."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from sampling import spread

pytest.importorskip("jinja2")
pytest.importorskip("sklearn")

from anypool import REDUCTIONS
from anypool.cli.quick_bench import Speed
from anypool.order_statistics import ORDERS
from examples.demo import page
from examples.demo.__main__ import main

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_the_page_is_complete_and_needs_no_other_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    row = Speed("max 2×2/2", 1.0, 20.0, 0.5, "cpu")
    without = Speed("max 2×2/2", 1.0, None, 0.5, "reference")
    for rows in spread(([row], [without]), 2, "page"):
        monkeypatch.setattr(page, "speeds", lambda rows=rows: rows)
        main(["--out", str(tmp_path / "page")])
        assert "the page:" in capsys.readouterr().out
        text = (tmp_path / "page" / "index.html").read_text(encoding="utf-8")
        assert text.count("data:image/png") > len(REDUCTIONS) + 20
        assert "://" not in text and "<link" not in text and 'src="/' not in text
        assert all(f"&#34;{name}&#34;" in text for name in (*REDUCTIONS, *ORDERS))
        assert all(
            f"ap.{name}(" in text
            for name in ("Quantile", "Rank", "Range", "TrimmedMean", "TopKMean", "KMax", "Ordinal")
        )
        assert [p.name for p in (tmp_path / "page").iterdir()] == ["index.html"]


def test_a_folder_that_cannot_be_created_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit) as stop:
        main(["--out", str(tmp_path / "file" / "page")])
    error = capsys.readouterr().err
    assert stop.value.code == 2 and error.startswith("demo: the page cannot be written") and error.count("\n") == 1


# Each call of the speeds is made on a small batch, and measured in one round.
BRIEFLY = """
import runpy
from anypool.cli import quick_bench
fastest = quick_bench.fastest
quick_bench.speeds.__defaults__ = ((1, 4, 40, 40), 0)
quick_bench.fastest = lambda calls, rounds, patience: fastest(calls, 1, 0.01)
runpy.run_module("examples.demo", run_name="__main__", alter_sys=True)
"""


@pytest.mark.slow
def test_the_demo_runs_as_make_runs_it(tmp_path: Path) -> None:
    assert "$(PY) -m examples.demo" in (ROOT / "Makefile").read_text(encoding="utf-8")
    command = [sys.executable, "-c", BRIEFLY, "--out", str(tmp_path / "page")]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    text = (tmp_path / "page" / "index.html").read_text(encoding="utf-8")
    assert text.count("data:image/png") > 20 and "://" not in text
