"""Pictures of one call: what they say is true, every format is written, images and rows work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import said

import anypool as ap

pytest.importorskip("matplotlib")

from anypool.show.irregular import coverage_weights, window_weights, windows_shape
from anypool.show.subject import subject_of
from anypool.show.window_info import arithmetic, coverage, gradient_share, members, sources

X = np.random.default_rng(0).permutation(49).reshape(7, 7).astype(float)


def test_members_coverage_shares_and_sources_match_pool() -> None:
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


@pytest.mark.parametrize("border", ["reflect", "symmetric", 3, (1, 2), ("circular", 5), (-1, "replicate")])
def test_what_a_window_sees_beyond_the_edge(border: Any) -> None:
    windows = ap.sliding((3, 3), 2, 1, border=border)
    grid = windows.plan((7, 7), None)
    y = ap.pool(X, windows, "sum")
    for w in np.ndindex(*grid.windows_shape):
        assert sum(m.value for m in members(X, grid, w)) == y[w]


def test_files_and_errors(tmp_path: Path) -> None:
    picture = ap.show(X, ap.sliding((2, 2)), "max", window=(1, 2))
    for kind in ("png", "svg", "html"):
        assert picture.save(tmp_path / f"p.{kind}").stat().st_size > 1000
    assert picture.save(tmp_path / "q.svg").read_bytes() == (tmp_path / "p.svg").read_bytes()
    for call, says in (
        (lambda: picture.save(tmp_path / "p.gif"), "use .png"),
        (lambda: ap.show(X, ap.sliding((2, 2)), "max", window=(9, 9)), "counted from 0"),
        (lambda: ap.show(np.array(1.0), ap.sliding((2,)), "max"), "single number"),
        (lambda: ap.show(X, ap.sliding((2, 2)), ()), "at least one"),
        (lambda: ap.show(X, ap.sliding((2, 2)), ap.KMax(2)), "one number for each window"),
        (lambda: ap.show(X, ap.sliding((2, 2)), weights=np.ones(3)), "broadcast"),
        (lambda: ap.show(X, ap.groups(np.zeros((7, 7), int)), axes=(0, 1), window=(5,)), "counted from 0"),
    ):
        with pytest.raises(ap.PoolingError, match=says):
            call()
    assert len(list(tmp_path.iterdir())) == 4


BOXES = ap.boxes([[0, 0.0, 0.0, 6.0, 6.0], [1, 1.0, 2.0, 5.0, 6.5]], (2, 2))
LABELS = np.arange(49).reshape(7, 7) // 13
IRREGULAR: list[tuple[Any, Any, Any]] = [
    (X, ap.groups(LABELS), (0, 1)),
    (X[0], ap.groups(LABELS[:, 0]), 0),
    (X, ap.pyramid([1, 2, 3]), (0, 1)),
    (np.stack([X, X + 1])[:, None], BOXES, None),
    (np.stack([X, X]), ap.regions(2), None),
    (
        np.random.default_rng(0).integers(0, 255, (40, 60, 3), np.uint8),
        ap.groups(np.arange(2400).reshape(40, 60) // 700),
        (0, 1),
    ),
]


@pytest.mark.parametrize(("x", "windows", "axes"), IRREGULAR)
def test_irregular_windows_are_drawn_with_their_elements(x: Any, windows: Any, axes: Any) -> None:
    """What a window holds is the gradient of its sum, and the written result is the pooled one."""
    torch = pytest.importorskip("torch")
    subject = subject_of(x, windows, axes, None, {})
    v = torch.tensor(subject.x, requires_grad=True)
    y = ap.pool(v, windows, "sum", axes=subject.axes).reshape(-1)
    total = 0
    for n in range(len(y)):
        slope = torch.autograd.grad(y[n], v, retain_graph=True)[0].numpy()
        np.testing.assert_allclose(np.broadcast_to(window_weights(subject.plan, n), subject.x.shape), slope)
        total = total + slope
    np.testing.assert_allclose(np.broadcast_to(coverage_weights(subject.plan), subject.x.shape), total)
    picture = ap.show(x, windows, ("max", "mean"), axes=axes)
    assert picture._repr_png_()[:4] == b"\x89PNG"
    last = str(ap.show(x, windows, "sum", axes=axes)).splitlines()[-1]
    middle = int(np.ravel_multi_index([(n - 1) // 2 for n in windows_shape(subject.plan)], windows_shape(subject.plan)))
    assert f"= {y[middle].item():.4g}" in last


def test_weights_and_several_reductions() -> None:
    weights = np.ones((7, 7))
    weights[0, 0], weights[0, 1] = 0, 0.5
    text = str(ap.show(X, ap.sliding((2, 2)), ("sum", "max"), weights=weights, window=(0, 0)))
    first, second, third = text.splitlines()
    cell = X[:2, :2] * weights[:2, :2]
    assert first == "7 × 7 → 3 × 3, sum, max" and f"= {cell.sum():.4g}" in second and f"{X[0, 1]:.4g}·0.5" in second
    assert f"= {X[:2, :2].ravel()[1:].max():.4g}" in third and f"{{{X[0, 0]:.4g}," not in second
    absent = X.copy()
    absent[0, 0] = np.nan
    assert "= nan" not in str(ap.show(absent, ap.sliding((2, 2)), "mean", nan="omit", window=(0, 0)))
    mask = np.ones((7, 7), bool)
    mask[:2, :2] = False
    text = str(ap.show(X, ap.sliding((2, 2)), "mean", weights=mask, empty=-1.0, window=(0, 0)))
    assert "of {nothing} = -1" in text


def test_images_are_drawn_upright(tmp_path: Path) -> None:
    Image: Any = pytest.importorskip("PIL.Image")
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 20), (200, 100, 0)).save(tmp_path / "x.jpg", exif=exif)
    assert str(ap.show(tmp_path / "x.jpg", ap.sliding((4, 4)), "max")).startswith("40 × 20 → 10 × 5, max")
    deep = np.full((12, 12, 3), 65535, np.uint16)
    assert subject_of(deep, ap.sliding((2, 2)), (0, 1), None, {}).shown().max() == 1


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
    assert "window (1, 1): max of" in said(*words) and (tmp_path / "p.png").exists()
