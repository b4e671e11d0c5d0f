"""The command line as a user meets it: files in, files out, one sentence for an error."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from command_line import refused, said
from PIL import Image


def anypool(*words: object, ok: bool = True) -> str:
    """What a command says in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", "from anypool.cli import main; main()", *map(str, words)], capture_output=True, text=True
    )
    assert (done.returncode == 0) is ok, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout if ok else done.stderr


def test_list_check_explain() -> None:
    assert "softpool" in anypool("list")
    table = said("list", "--markdown")
    assert "| `sliding`" in table and "SoftPool" in table
    assert "reference" in said("check")
    assert "(16, 64, 56, 56)" in said(
        "explain", "--shape", "16,64,112,112", "--windows", "sliding((3, 3), stride=2, padding=1)", "--reduce", "max"
    )


def test_pool_files(tmp_path: Path) -> None:
    x = np.arange(48, dtype=np.uint8).reshape(6, 8)
    np.save(tmp_path / "x.npy", x)
    np.savez(tmp_path / "x.npz", a=x, b=x + 1)
    Image.fromarray(x).save(tmp_path / "x.png")
    anypool("pool", tmp_path / "x.npy", tmp_path / "y.npy", "--windows", "sliding((2, 2))", "--reduce", "max")
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), x.reshape(3, 2, 4, 2).max((1, 3)))
    said(
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
    said("pool", tmp_path / "x.png", tmp_path / "y.png", "--windows", "sliding((2, 2))")
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
    refused("pool", tmp_path / source, tmp_path / target, *rest)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x.npy"]


def test_an_error_in_a_process_of_its_own(tmp_path: Path) -> None:
    error = anypool("pool", tmp_path / "nothing.npy", tmp_path / "y.npy", "--windows", "whole()", ok=False)
    assert error.startswith("anypool:") and len(error.strip().splitlines()) == 1


def test_errors_name_what_is_wrong(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    photo = random.integers(0, 256, (12, 10, 4), np.uint8)
    Image.fromarray(photo, "RGBA").save(tmp_path / "a.png")
    Image.fromarray(photo[..., 0]).save(tmp_path / "g.png")
    np.save(tmp_path / "f.npy", random.random((4, 6)))
    (tmp_path / "text.npy").write_bytes(b"xx")
    kept = sorted(p.name for p in tmp_path.iterdir())
    tile = ("--windows", "sliding((2, 2))", "--reduce")
    pooled = [
        ("f.npy", "y.png", *tile, "mean", "float64"),
        ("a.png", "y.jpg", *tile, "mean", "1 or 3 channels"),
        ("a.png", "y.png", *tile, "argmax", "int64"),
        ("g.png", "y.png", *tile, "sum", "uint64"),
        ("a.png", "y.png", *tile, "KMax(2)", "(6, 5, 4, 2)"),
        ("text.npy", "y.npy", *tile, "mean", "no plain numbers"),
        ("f.npy", "y.npy", "--windows", "segments([0, 2]).slide(2)", "--reduce", "max", "use a call of"),
        ("f.npy", "none/y.npy", *tile, "mean", "the folder"),
    ]
    for source, target, *rest, told in pooled:
        assert told in refused("pool", tmp_path / source, tmp_path / target, *rest)
    assert sorted(p.name for p in tmp_path.iterdir()) == kept
    explained = [("-3,4", "float32"), ("99999999999,99999999999", "float32"), ("3,4", "foo"), ("3,x", "float32")]
    for shape, dtype in explained:
        refused("explain", "--shape", shape, "--dtype", dtype, "--windows", "sliding((2, 2))")
    refused("list", "--into", tmp_path / "a.png")


def test_a_result_has_the_permissions_of_its_source(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.arange(24.0).reshape(6, 4))
    tall = ("--windows", "segments([0, 3, 6]).sliding(2)", "--axes", "0", "--reduce", "Place(Rank(-1))")
    said("pool", tmp_path / "x.npy", tmp_path / "y.npy", *tall)
    assert (tmp_path / "y.npy").stat().st_mode == (tmp_path / "x.npy").stat().st_mode
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy")[:, 0], [1, 4])


def test_pooling_in_chunks_gives_the_same_result(monkeypatch: pytest.MonkeyPatch) -> None:
    import anypool as ap
    from anypool.files import chunked

    x = np.random.default_rng(0).standard_normal((3, 7, 12, 10)).astype(np.float32)
    monkeypatch.setattr(chunked, "LARGE", 1)
    monkeypatch.setattr(chunked, "CHUNK", x.nbytes // 5)
    calls = [
        (ap.sliding((3, 3), 2, 1), "mean", None),
        (ap.sliding((3, 3)), "argmax", (0, 2)),
        (ap.segments([0, 2, 2, 9]), "sum", (-1,)),
        (ap.whole(), "logsumexp", (0, 1, 2, 3)),
        (ap.adaptive((2, 2)), ap.Lp(3), (1, 0)),
        (ap.sliding((2, 2)), ap.KMax(2), None),
        (ap.sliding((2, 2)), ap.Quantile([0.1, 0.9]), None),
        (ap.groups(np.arange(21).reshape(3, 7) % 4), "median", (0, 1)),
        (ap.pyramid([1, 2]), "max", (0, 1)),
    ]
    for windows, reduction, axes in calls:
        y = chunked.pool_in_chunks(x, windows, reduction, axes)
        np.testing.assert_array_equal(y, ap.pool(x, windows, reduction, axes=axes))
        assert y.dtype == np.asarray(ap.pool(x, windows, reduction, axes=axes)).dtype


def test_bench_prints_a_table(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from anypool.cli import commands, quick_bench

    rows = quick_bench.speeds((1, 2, 12, 12))
    assert len(rows) == 10 and all(r.ours > 0 and r.copy > 0 for r in rows)
    monkeypatch.setattr(quick_bench, "speeds", lambda **_: rows)
    commands.bench()
    table = capsys.readouterr().out
    assert "15×15/1" in table and "make bench" in table


@pytest.mark.parametrize("module", ["anypool", "anypool.cli"])
def test_the_package_runs_as_a_module(module: str) -> None:
    done = subprocess.run([sys.executable, "-m", module, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == said("--version")
