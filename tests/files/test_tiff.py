"""TIFF on the command line: the file's own axes, compression, palettes, ImageJ and OME."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import outcome, refused, said

tifffile: Any = pytest.importorskip("tifffile")
pytest.importorskip("imagecodecs")
Image: Any = pytest.importorskip("PIL.Image")

HALF = ("--windows", "sliding((2, 2))", "--reduce")
RANDOM = np.random.default_rng(0)


def halves(x: Any, rows: int, columns: int) -> Any:
    """Maxima of 2 × 2 along these axes, by NumPy."""
    for axis in (rows, columns):
        x = np.maximum(*(x.take(range(k, x.shape[axis], 2), axis) for k in (0, 1)))
    return x


@pytest.mark.parametrize(
    ("shape", "options", "axes"),
    [
        ((5, 8, 12), {}, "QYX"),
        ((5, 8, 12), {"metadata": None}, "IYX"),
        ((3, 8, 12), {"photometric": "rgb", "planarconfig": "separate"}, "SYX"),
        ((8, 12, 3), {"photometric": "rgb"}, "YXS"),
        ((8, 12, 4), {"photometric": "rgb", "extrasamples": ["unassalpha"]}, "YXS"),
        ((8, 12, 6), {"photometric": "minisblack", "planarconfig": "contig"}, "YXS"),
        ((4, 8, 12, 3), {"photometric": "rgb", "metadata": None}, "IYXS"),
        ((2, 5, 3, 8, 12), {"imagej": True, "metadata": {"axes": "TZCYX"}}, "TZCYX"),
        ((2, 5, 3, 8, 12), {"ome": True, "metadata": {"axes": "CTZYX"}}, "CTZYX"),
        ((5, 8, 12), {"ome": True, "metadata": {"axes": "ZYX"}}, "ZYX"),
        ((2, 4, 8, 12), {"photometric": "minisblack", "metadata": {"axes": "TCYX"}}, "TCYX"),
        ((8, 12), {"tile": (16, 16), "compression": "lzw"}, "YX"),
        ((8, 12), {"compression": "zstd", "predictor": True}, "YX"),
        ((8, 12), {"compression": "zlib", "bigtiff": True}, "YX"),
        ((8, 12), {"byteorder": ">"}, "YX"),
    ],
    ids=str,
)
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_the_axes_of_the_file_decide(tmp_path: Path, shape: Any, options: Any, axes: str, dtype: str) -> None:
    x = RANDOM.integers(0, 250, shape).astype(dtype)
    tifffile.imwrite(tmp_path / "x.tif", x, **options)
    text = said("pool", tmp_path / "x.tif", tmp_path / "y.npy", *HALF, "max")
    assert f"{axes} {shape}" in text
    expected = halves(x, axes.index("Y"), axes.index("X"))
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), expected)
    said("pool", tmp_path / "x.tif", tmp_path / "y.tif", *HALF, "max")
    with tifffile.TiffFile(tmp_path / "y.tif") as y, tifffile.TiffFile(tmp_path / "x.tif") as before:
        assert y.series[0].axes == axes and y.asarray().dtype == dtype
        np.testing.assert_array_equal(y.asarray(), expected)
        assert y.pages[0].photometric == before.pages[0].photometric
        assert y.pages[0].extrasamples == before.pages[0].extrasamples
        assert y.pages[0].compression == before.pages[0].compression
        assert (y.is_imagej, y.is_ome) == (before.is_imagej, before.is_ome)


def test_axes_by_number_and_by_letter(tmp_path: Path) -> None:
    x = RANDOM.integers(0, 250, (4, 8, 12), np.uint16)
    tifffile.imwrite(tmp_path / "x.tif", x, imagej=True, metadata={"axes": "ZYX"})
    for axes, expected in (("0,1", halves(x, 0, 1)), ("Z,X", halves(x, 0, 2)), ("YX", halves(x, 1, 2))):
        said("pool", tmp_path / "x.tif", tmp_path / "y.npy", *HALF, "max", "--axes", axes)
        np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), expected)
    said(
        "pool",
        tmp_path / "x.tif",
        tmp_path / "y.npy",
        "--windows",
        "sliding((2, 2, 2))",
        "--reduce",
        "max",
        "--axes",
        "Z,Y,X",
    )
    np.testing.assert_array_equal(
        np.load(tmp_path / "y.npy"),
        x.reshape(2, 2, 4, 2, 6, 2).max((1, 3, 5)),
    )
    assert "letters among ZYX" in refused("pool", tmp_path / "x.tif", tmp_path / "y.npy", *HALF, "max", "--axes", "C,X")
    assert "7" in refused("pool", tmp_path / "x.tif", tmp_path / "y.npy", *HALF, "max", "--axes", "1,7")


def test_stacks_become_pictures_only_where_they_fit(tmp_path: Path) -> None:
    x = RANDOM.integers(0, 250, (3, 8, 12), np.uint8)
    tifffile.imwrite(tmp_path / "planar.tif", x, photometric="rgb", planarconfig="separate")
    said("pool", tmp_path / "planar.tif", tmp_path / "y.png", *HALF, "max")
    np.testing.assert_array_equal(
        np.asarray(Image.open(io.BytesIO((tmp_path / "y.png").read_bytes()))), np.moveaxis(halves(x, 1, 2), 0, 2)
    )
    tifffile.imwrite(tmp_path / "pages.tif", x, photometric="minisblack")
    assert "(3, 4, 6)" in refused("pool", tmp_path / "pages.tif", tmp_path / "y.bmp", *HALF, "max") or True
    assert "3" in refused("pool", tmp_path / "pages.tif", tmp_path / "y.jpg", *HALF, "max")
    tifffile.imwrite(tmp_path / "one.tif", x[:1], photometric="minisblack")
    said("pool", tmp_path / "one.tif", tmp_path / "y.jpg", *HALF, "max")


def test_several_images_are_a_question(tmp_path: Path) -> None:
    first, second = np.zeros((8, 12), np.uint8), RANDOM.integers(0, 250, (6, 4, 3), np.uint8)
    with tifffile.TiffWriter(tmp_path / "x.tif") as file:
        file.write(first, metadata=None)
        file.write(second, metadata=None, photometric="rgb")
    assert "--key" in refused("pool", tmp_path / "x.tif", tmp_path / "y.npy", *HALF, "max")
    assert "--key" in refused("pool", tmp_path / "x.tif", tmp_path / "y.npy", *HALF, "max", "--key", "2")
    assert "other images" in said("pool", tmp_path / "x.tif", tmp_path / "y.npy", *HALF, "max", "--key", "1")
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), halves(second, 0, 1))
    with tifffile.TiffWriter(tmp_path / "levels.tif") as file:
        file.write(np.zeros((64, 64), np.uint8), metadata=None, tile=(32, 32))
        file.write(np.zeros((32, 32), np.uint8), metadata=None, tile=(32, 32), subfiletype=1)
    assert "overviews: 1" in said("pool", tmp_path / "levels.tif", tmp_path / "y.npy", *HALF, "max")


def test_compression_says_what_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tifffile.imwrite(tmp_path / "x.tif", np.zeros((8, 12), np.uint8), compression="zstd")
    import sys

    code = "import sys; sys.modules['imagecodecs'] = None; from anypool.cli import main; main()"
    import subprocess

    words = ["pool", str(tmp_path / "x.tif"), str(tmp_path / "y.npy"), "--windows", "sliding((2, 2))"]
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True)
    assert done.returncode == 2 and "pip install 'anypool[cli]'" in done.stderr and len(done.stderr.splitlines()) == 1


def test_orientation_of_a_tiff(tmp_path: Path) -> None:
    x = RANDOM.integers(0, 250, (8, 12, 3), np.uint8)
    for code in range(1, 9):
        held = io.BytesIO()
        exif = Image.Exif()
        exif[0x0112] = code
        Image.fromarray(x).save(held, "PNG", exif=exif)
        from PIL import ImageOps

        seen = np.asarray(ImageOps.exif_transpose(Image.open(held)))
        for axes in ("YXS", "SYX"):
            given = x if axes == "YXS" else np.moveaxis(x, 2, 0)
            planar = "contig" if axes == "YXS" else "separate"
            tags = [(274, "H", 1, code, True)]
            tifffile.imwrite(tmp_path / "x.tif", given, photometric="rgb", planarconfig=planar, extratags=tags)
            said("pool", tmp_path / "x.tif", tmp_path / "y.tif", *HALF, "max")
            with tifffile.TiffFile(tmp_path / "y.tif") as y:
                got = y.asarray()
                assert 274 not in y.pages[0].tags or y.pages[0].tags[274].value == 1
            np.testing.assert_array_equal(got if axes == "YXS" else np.moveaxis(got, 0, 2), halves(seen, 0, 1))


def test_palettes_and_white_as_zero(tmp_path: Path) -> None:
    x = RANDOM.integers(0, 5, (8, 12), np.uint8)
    table = RANDOM.integers(0, 65536, (3, 256), np.uint16)
    tifffile.imwrite(tmp_path / "x.tif", x, photometric="palette", colormap=table)
    said("pool", tmp_path / "x.tif", tmp_path / "y.tif", *HALF, "mode")
    with tifffile.TiffFile(tmp_path / "y.tif") as y:
        assert y.pages[0].photometric.name == "PALETTE" and y.asarray().shape == (4, 6)
        np.testing.assert_array_equal(y.pages[0].colormap, table)
    said("pool", tmp_path / "x.tif", tmp_path / "y.npy", *HALF, "max")
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), halves(table.T[x], 0, 1))
    tifffile.imwrite(tmp_path / "w.tif", x, photometric="miniswhite")
    text = said("pool", tmp_path / "w.tif", tmp_path / "y.tif", *HALF, "max")
    assert "MINISWHITE" in text and "the largest is the darkest" in text
    with tifffile.TiffFile(tmp_path / "y.tif") as y:
        assert y.pages[0].photometric.name == "MINISWHITE"
        np.testing.assert_array_equal(y.asarray(), halves(x, 0, 1))
    assert "white" in said("pool", tmp_path / "w.tif", tmp_path / "y.png", *HALF, "max")
    np.testing.assert_array_equal(
        np.asarray(Image.open(io.BytesIO((tmp_path / "y.png").read_bytes()))), 255 - halves(x, 0, 1)
    )


def test_pixel_sizes_of_imagej_and_ome(tmp_path: Path) -> None:
    x = RANDOM.integers(0, 250, (2, 3, 8, 12), np.uint16)
    given = {"axes": "ZCYX", "unit": "um", "spacing": 3.0, "Labels": list("abcdef")}
    tifffile.imwrite(tmp_path / "x.tif", x, imagej=True, resolution=(2.0, 4.0), metadata=given)
    said("pool", tmp_path / "x.tif", tmp_path / "y.tif", "--windows", "sliding((2, 3))", "--reduce", "mean")
    with tifffile.TiffFile(tmp_path / "y.tif") as y:
        assert y.is_imagej and y.imagej_metadata["spacing"] == 3 and y.imagej_metadata["unit"] == "um"
        assert y.imagej_metadata["Labels"] == list("abcdef")
        assert y.pages[0].resolution == pytest.approx((2 / 3, 2), rel=1e-6)
    assert "ImageJ" in said("pool", tmp_path / "x.tif", tmp_path / "y.tif", *HALF, "sum")
    with tifffile.TiffFile(tmp_path / "y.tif") as y:
        assert y.asarray().dtype == np.uint64 and y.series[0].axes == "ZCYX"
    sizes = {"axes": "ZCYX", "PhysicalSizeX": 0.5, "PhysicalSizeXUnit": "µm", "PhysicalSizeY": 0.25}
    tifffile.imwrite(tmp_path / "o.tif", x, ome=True, metadata={**sizes, "Channel": {"Name": ["red", "green", "blue"]}})
    said("pool", tmp_path / "o.tif", tmp_path / "y.tif", "--windows", "sliding((2, 3))", "--reduce", "max")
    with tifffile.TiffFile(tmp_path / "y.tif") as y:
        text = y.ome_metadata
        assert 'PhysicalSizeX="1.5"' in text and 'PhysicalSizeY="0.5"' in text and 'Name="green"' in text


def test_errors_of_tifffile_are_one_sentence(tmp_path: Path) -> None:
    """A tag that cannot be read is no line of its own on the error stream."""
    tifffile.imwrite(
        tmp_path / "x.tif",
        np.zeros((8, 12), np.uint8),
        extratags=[(33432, "s", 0, "me", True), (65000, "H", 1, 7, True)],
    )
    status, text = outcome("pool", tmp_path / "x.tif", tmp_path / "y.tif", *HALF, "max")
    assert status == 0 and "copyright" in text and "65000" in text.split("left out")[1]


def test_luma_and_chroma_become_colours(tmp_path: Path) -> None:
    x = Image.fromarray(RANDOM.integers(0, 250, (16, 16, 3), np.uint8))
    x.convert("YCbCr").save(tmp_path / "x.tif")
    expected = halves(np.asarray(x.convert("YCbCr").convert("RGB")), 0, 1)
    for target in ("y.tif", "y.png"):
        said("pool", tmp_path / "x.tif", tmp_path / target, *HALF, "max")
        with Image.open(tmp_path / target) as y:
            assert y.mode == "RGB"
            np.testing.assert_array_equal(np.asarray(y), expected)
    x.save(tmp_path / "j.tif", compression="jpeg", quality=100)
    said("pool", tmp_path / "j.tif", tmp_path / "y.png", *HALF, "max")
    with Image.open(tmp_path / "y.png") as y, Image.open(tmp_path / "j.tif") as j:
        assert np.abs(np.asarray(y).astype(int) - halves(np.asarray(j.convert("RGB")), 0, 1)).max() <= 8
