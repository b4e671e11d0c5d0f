"""GeoTIFF on the command line: a result has the coordinates of its windows; absent stays absent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import refused, said

import anypool as ap
from anypool.files.places import Place, places_of

tifffile: Any = pytest.importorskip("tifffile")
pytest.importorskip("imagecodecs")

HALF = ("--windows", "sliding((2, 2))", "--reduce")
RANDOM = np.random.default_rng(0)
SCALE, TIES, MATRIX, KEYS, ABSENT = 33550, 33922, 34264, 34735, 42113


def geo(path: Path, x: Any, *, point: bool = False, matrix: bool = False, absent: str = "") -> None:
    """A GeoTIFF of 10 m pixels whose corner lies at (500, 900)."""
    keys = (1, 1, 0, 2, 1024, 0, 1, 1, 1025, 0, 1, 2 if point else 1)
    tags: list[Any] = [(KEYS, "H", len(keys), keys, True)]
    if matrix:
        tags.append((MATRIX, "d", 16, (10.0, 0, 0, 500, 0, -10.0, 0, 900, 0, 0, 0, 0, 0, 0, 0, 1), True))
    else:
        tags += [(SCALE, "d", 3, (10.0, 10.0, 0.0), True), (TIES, "d", 6, (0, 0, 0, 500.0, 900.0, 0), True)]
    tags += [(ABSENT, "s", 0, absent, True)] if absent else []
    tifffile.imwrite(path, x, extratags=tags, metadata=None)


def place(path: Path, row: float, column: float) -> tuple[float, float]:
    """Where a point of the raster lies, pixel (0, 0) spanning from 0 to 1."""
    with tifffile.TiffFile(path) as file:
        tags = {t.code: t.value for t in file.pages[0].tags}
    shift = 0.5 if tags[KEYS][-1] == 2 else 0.0
    row, column = row - shift, column - shift
    if MATRIX in tags:
        east, north, *_ = np.asarray(tags[MATRIX]).reshape(4, 4) @ (column, row, 0, 1)
        return float(east), float(north)
    scale, ties = tags[SCALE], tags[TIES]
    return ties[3] + (column - ties[0]) * scale[0], ties[4] - (row - ties[1]) * scale[1]


@pytest.mark.parametrize("point", [False, True])
@pytest.mark.parametrize("matrix", [False, True])
@pytest.mark.parametrize(
    "windows",
    [
        "sliding((2, 2))",
        "sliding((3, 5), (2, 1), 1)",
        "sliding((3, 3), 1, 'same', border='reflect')",
        "sliding((4, 4), 3, 2, border=0)",
        "sliding((3, 3), 2, 2, 2)",
        "sliding((3.0, 3.0), 1.5)",
        "adaptive((4, 6))",
        "sliding((2, 2), padding=((1, 0), (0, 1)))",
        "sliding((3, 3), 2, padding=-2)",
        "sliding((3, 3), 2, padding='SAME')",
        "sliding((3, 3), 1, 1, border=('symmetric', 'circular'))",
        "sliding((3.0, 3.0), 1.5, 'same')",
    ],
)
def test_a_result_lies_where_its_windows_lie(tmp_path: Path, windows: str, point: bool, matrix: bool) -> None:
    """The middle of each pixel of the result is the middle of its window on the ground."""
    x = RANDOM.integers(0, 250, (24, 30), np.uint8)
    geo(tmp_path / "x.tif", x, point=point, matrix=matrix)
    text = said("pool", tmp_path / "x.tif", tmp_path / "y.tif", "--windows", windows, "--reduce", "mean")
    assert "GeoTIFF" in text.split("carried over")[1]
    w = eval(f"ap.{windows}")
    rows, columns = np.meshgrid(np.arange(24) + 0.5, np.arange(30) + 0.5, indexing="ij")
    middles = [np.asarray(ap.pool(v, w, "mean")) for v in (rows, columns)]
    for o in ((2, 3), (3, 2), (2, 2)):  # windows that no edge cuts
        got = place(tmp_path / "y.tif", o[0] + 0.5, o[1] + 0.5)
        assert got == pytest.approx(place(tmp_path / "x.tif", middles[0][o], middles[1][o]), abs=1e-6)


def test_results_without_a_grid_have_no_georeference(tmp_path: Path) -> None:
    geo(tmp_path / "x.tif", np.zeros((24, 30), np.uint8))
    for windows in ("adaptive((7, 7))", "segments([0, 3, 24]).sliding(2)"):
        axes = ("--axes", "0") if "segments" in windows else ()
        text = said("pool", tmp_path / "x.tif", tmp_path / "y.tif", "--windows", windows, *axes)
        assert "GeoTIFF" in text.split("left out")[1]
        with tifffile.TiffFile(tmp_path / "y.tif") as y:
            assert not {SCALE, TIES, KEYS} & {t.code for t in y.pages[0].tags}
    assert places_of(ap.whole(), ap.whole().plan((9, 5), (0, 1)), (0, 1)) == {0: Place(9.0, 0.0), 1: Place(5.0, 0.0)}


def test_the_absent_value_of_a_file(tmp_path: Path) -> None:
    x = RANDOM.integers(0, 100, (8, 12)).astype(np.int16)
    x[:2, :2] = -9999
    x[3, 5] = -9999
    geo(tmp_path / "x.tif", x, absent="-9999")
    text = said("pool", tmp_path / "x.tif", tmp_path / "y.tif", *HALF, "mean")
    assert "-9999" in text
    cells = np.ma.masked_equal(x, -9999).reshape(4, 2, 6, 2).mean((1, 3))
    with tifffile.TiffFile(tmp_path / "y.tif") as y:
        np.testing.assert_array_equal(y.asarray(), np.rint(cells.filled(-9999)))
        assert y.pages[0].tags[ABSENT].value == "-9999"
    said("pool", tmp_path / "x.tif", tmp_path / "y.npy", *HALF, "mean", "--nodata", "none")
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), x.reshape(4, 2, 6, 2).mean((1, 3)))
    said("pool", tmp_path / "x.tif", tmp_path / "y.npy", *HALF, "count")
    assert np.load(tmp_path / "y.npy")[0, 0] == 0
    tifffile.imwrite(
        tmp_path / "f.tif",
        np.where(x < 0, np.float32(-3.4028235e38), x).astype(np.float32),
        extratags=[(ABSENT, "s", 0, "-3.40282347e+38", True)],
    )
    said("pool", tmp_path / "f.tif", tmp_path / "y.npy", *HALF, "max")
    got = np.load(tmp_path / "y.npy")
    assert got[0, 0] == np.float32(-3.4028235e38) and got[1, 2] >= 0


def test_tags_that_make_no_sense(tmp_path: Path) -> None:
    x = RANDOM.integers(0, 250, (8, 12), np.uint8)
    tags = [(SCALE, "d", 1, (1.0,), True), (TIES, "d", 4, (0, 0, 0, 1.0), True), (274, "H", 2, (6, 6), True)]
    tifffile.imwrite(tmp_path / "x.tif", x, extratags=tags)
    text = said("pool", tmp_path / "x.tif", tmp_path / "y.tif", *HALF, "max")
    assert "GeoTIFF tags, which cannot be read" in text
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "y.tif"), x.reshape(4, 2, 6, 2).max((1, 3)))
    assert "(1,)" in refused("pool", tmp_path / "x.tif", tmp_path / "z.tif", "--windows", "pyramid([1])")
