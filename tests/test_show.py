"""Pictures of one call: what they say is true, every format is written, images and rows work."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import anypool as ap

pytest.importorskip("matplotlib")

from anypool.show.parts import arithmetic, coverage, gradient_share, members, sources

X = np.random.default_rng(0).permutation(49).reshape(7, 7).astype(float)


def test_members_coverage_shares_and_sources_are_what_pooling_does() -> None:
    windows = ap.sliding((3, 3), 2, 1, border="reflect")
    grid = windows.plan((7, 7), None)
    y = ap.pool(X, windows, "max")
    for w in np.ndindex(*grid.windows_shape):
        assert max(m.value for m in members(X, grid, w)) == y[w]
    seen = coverage(ap.sliding((3, 3), 1).plan((7, 7), None))
    assert seen.sum() == 25 * 9 and seen[0, 0] == 1 and seen[3, 3] == 9
    share: Any = gradient_share(X, ap.sliding((3, 3), 2), "max")
    assert share.sum() == 9
    for out, places in sources(X, ap.sliding((3, 3), 2), "max").items():
        assert [X[p] for p in places] == [ap.pool(X, ap.sliding((3, 3), 2), "max")[out]]
    assert sources(X, ap.sliding((3, 3), 2), "mean") == {}
    tapped = ap.sliding((2, 2), taps=[[1, 2], [3, 4]])
    assert "·2" in arithmetic(X, tapped.plan((7, 7), None), (0, 0), "sum", 1.0)


@pytest.mark.parametrize(
    ("x", "windows", "reduction", "axes"),
    [
        (X, ap.sliding((3, 3), 2), "max", None),
        (X[0], ap.sliding((3,), 1, 0, 2), "mean", None),
        (np.stack([X, X]), ap.adaptive((3, 3)), "softpool", None),
        (np.random.default_rng(0).integers(0, 255, (40, 60, 3), np.uint8), ap.sliding((4, 4)), "min", (0, 1)),
        (X > 20, ap.sliding((2, 2)), "any", None),
        (X, ap.sliding((1, 3)), "argmax", None),
        (np.ones((5, 5)), ap.sliding((3, 3), 1, 1, border=0), "mean", None),
    ],
)
def test_every_kind_is_drawn(x: Any, windows: Any, reduction: Any, axes: Any) -> None:
    picture = ap.show(x, windows, reduction, axes=axes)
    assert picture._repr_html_().startswith("<svg") and picture._repr_png_()[:4] == b"\x89PNG" and "=" in str(picture)


def test_files_and_errors(tmp_path: Path) -> None:
    picture = ap.show(X, ap.sliding((2, 2)), "max", window=(1, 2))
    for kind in ("png", "svg", "html"):
        assert picture.save(tmp_path / f"p.{kind}").stat().st_size > 1000
    assert picture.save(tmp_path / "q.svg").read_bytes() == (tmp_path / "p.svg").read_bytes()
    for call, says in (
        (lambda: picture.save(tmp_path / "p.gif"), "use .png"),
        (lambda: ap.show(X, ap.sliding((2, 2)), "max", window=(9, 9)), "counted from 0"),
        (lambda: ap.show(np.array(1.0), ap.sliding((2,)), "max"), "single number"),
        (lambda: ap.show(X, ap.sliding((2, 2)), ("max", "min")), "one reduction"),
    ):
        with pytest.raises(ap.PoolingError, match=says):
            call()
    assert len(list(tmp_path.iterdir())) == 4


def test_explain_on_the_command_line(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", X)
    words = [
        "explain",
        str(tmp_path / "x.npy"),
        "--windows",
        "sliding((3, 3), 2)",
        "--reduce",
        "max",
        "--out",
        str(tmp_path / "p.png"),
    ]
    done = subprocess.run(
        [sys.executable, "-c", "from anypool.cli import main; main()", *words], capture_output=True, text=True
    )
    assert done.returncode == 0 and "window (1, 1): max of" in done.stdout and (tmp_path / "p.png").exists(), (
        done.stderr
    )
