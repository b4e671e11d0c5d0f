"""The command line as a user meets it: files in, files out, one sentence for an error."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


def anypool(*words: object, ok: bool = True) -> str:
    done = subprocess.run(
        [sys.executable, "-c", "from anypool.cli import main; main()", *map(str, words)], capture_output=True, text=True
    )
    assert (done.returncode == 0) is ok, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout if ok else done.stderr


def test_list_check_explain() -> None:
    assert "softpool" in anypool("list")
    assert "reference" in anypool("check")
    assert "(16, 64, 56, 56)" in anypool(
        "explain", "--shape", "16,64,112,112", "--windows", "sliding((3, 3), stride=2, padding=1)", "--reduce", "max"
    )


def test_pool_files(tmp_path: Path) -> None:
    x = np.arange(48, dtype=np.uint8).reshape(6, 8)
    np.save(tmp_path / "x.npy", x)
    np.savez(tmp_path / "x.npz", a=x, b=x + 1)
    Image.fromarray(x).save(tmp_path / "x.png")
    anypool("pool", tmp_path / "x.npy", tmp_path / "y.npy", "--windows", "sliding((2, 2))", "--reduce", "max")
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), x.reshape(3, 2, 4, 2).max((1, 3)))
    anypool(
        "pool",
        tmp_path / "x.npz",
        tmp_path / "y.npz",
        "--key",
        "b",
        "--windows",
        "whole()",
        "--axes",
        "0,1",
        "--reduce",
        "sum",
    )
    assert np.load(tmp_path / "y.npz")["y"].item() == int((x + 1).sum())
    anypool("pool", tmp_path / "x.png", tmp_path / "y.png", "--windows", "sliding((2, 2))")
    assert np.asarray(Image.open(tmp_path / "y.png")).shape == (3, 4)


@pytest.mark.parametrize(
    "words",
    [
        ("nothing.npy", "y.npy", "--windows", "whole()"),
        ("x.npy", "y.npy", "--windows", "__import__('os')"),
        ("x.npy", "y.npy", "--windows", "sliding(2)"),
        ("x.npy", "y.npy", "--windows", "sliding((2, 2))", "--reduce", "best"),
        ("x.npy", "y.gif", "--windows", "sliding((2, 2))"),
    ],
)
def test_errors_are_one_sentence_and_leave_nothing(tmp_path: Path, words: tuple[str, ...]) -> None:
    np.save(tmp_path / "x.npy", np.ones((4, 4)))
    source, target, *rest = words
    said = anypool("pool", tmp_path / source, tmp_path / target, *rest, ok=False)
    assert said.startswith("anypool:") and len(said.strip().splitlines()) == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x.npy"]


@pytest.mark.slow
def test_demo_writes_a_page(tmp_path: Path) -> None:
    anypool("demo", "--out", tmp_path / "page")
    page = (tmp_path / "page" / "index.html").read_text()
    assert page.count("data:image/png") > 20 and "http" not in page
