"""Colours on the command line: CIELAB in a TIFF, and the palettes of a GIF."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import refused, said
from two_by_two import blocks

tifffile: Any = pytest.importorskip("tifffile")
pytest.importorskip("imagecodecs")
Image: Any = pytest.importorskip("PIL.Image")

HALF = ("--windows", "sliding((2, 2))", "--reduce")
RANDOM = np.random.default_rng(0)


def lightness_and_signed(image: Any) -> Any:
    """L*, a* and b* by Pillow, which has a* + 128 and b* + 128 in its channels."""
    channels = [np.asarray(image.getchannel(name)).astype(int) for name in "LAB"]
    return np.stack([channels[0], channels[1] - 128, channels[2] - 128], -1)


def test_cielab_as_pillow_writes_it(tmp_path: Path) -> None:
    """a* and b* are signed; the file that is written has the encoding of the file that was read."""
    image = Image.frombytes("LAB", (8, 6), RANDOM.integers(0, 256, (6, 8, 3), np.uint8).tobytes())
    image.save(tmp_path / "x.tif")
    x = lightness_and_signed(image)
    assert x[..., 1:].min() < 0 < x[..., 1:].max()
    for reduction, expected in (
        ("mean", blocks(x).mean((1, 3))),
        ("max", blocks(x).max((1, 3))),
        ("min", blocks(x).min((1, 3))),
    ):
        said("pool", tmp_path / "x.tif", tmp_path / "y.npy", *HALF, reduction)
        np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), expected)
        assert "left out" not in said("pool", tmp_path / "x.tif", tmp_path / "y.tif", *HALF, reduction)
        with Image.open(tmp_path / "y.tif") as y:
            assert y.mode == "LAB"
            np.testing.assert_array_equal(lightness_and_signed(y), np.rint(expected))
    text = refused("pool", tmp_path / "x.tif", tmp_path / "y.png", *HALF, "max")
    assert "CIELAB" in text and "ICC" not in text and "RGB" in text
    for reduction in ("sum", "count"):  # no colours of a CIELAB TIFF
        assert "CIELAB colours" in said("pool", tmp_path / "x.tif", tmp_path / "y.tif", *HALF, reduction)
        with tifffile.TiffFile(tmp_path / "y.tif") as y:
            assert y.pages[0].photometric.name == "MINISBLACK"
            np.testing.assert_array_equal(
                y.asarray(), blocks(x).sum((1, 3)) if reduction == "sum" else np.full((3, 4, 3), 4)
            )


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("space", ["CIELAB", "ICCLAB"])
def test_encodings_of_lab(tmp_path: Path, dtype: str, planar: bool, alpha: bool, space: str) -> None:
    """ICCLAB adds half of the range to a* and b*, CIELAB stores their two's complement."""
    span = 2 ** (8 * np.dtype(dtype).itemsize)
    x = RANDOM.integers(0, span, (6, 8, 3 + alpha)).astype(np.int64)
    x[..., 1:3] -= span // 2
    stored = x.copy()
    stored[..., 1:3] = x[..., 1:3] % span if space == "CIELAB" else x[..., 1:3] + span // 2
    given = np.moveaxis(stored, 2, 0) if planar else stored
    options = {"extrasamples": ["unassalpha"]} if alpha else {}
    tifffile.imwrite(
        tmp_path / "x.tif",
        given.astype(dtype),
        photometric=space.lower(),
        planarconfig="separate" if planar else "contig",
        **options,
    )
    expected = blocks(x).mean((1, 3))
    said("pool", tmp_path / "x.tif", tmp_path / "y.npy", *HALF, "mean")
    got = np.load(tmp_path / "y.npy")
    np.testing.assert_array_equal(np.moveaxis(got, 0, 2) if planar else got, expected)
    said("pool", tmp_path / "x.tif", tmp_path / "y.tif", *HALF, "mean")
    with tifffile.TiffFile(tmp_path / "y.tif") as y:
        assert y.pages[0].photometric.name == space and y.asarray().dtype == dtype
        assert len(y.pages[0].extrasamples) == alpha
        got = np.moveaxis(y.asarray(), 0, 2) if planar else y.asarray()
    colours = got.astype(np.int64)
    if space == "CIELAB":
        colours[..., 1:3] = (colours[..., 1:3] + span // 2) % span - span // 2
    else:
        colours[..., 1:3] -= span // 2
    np.testing.assert_array_equal(colours, np.rint(expected))


def test_lightness_alone_is_grey_and_itulab_is_refused(tmp_path: Path) -> None:
    x = RANDOM.integers(0, 256, (8, 12), np.uint8)
    for code in (8, 10):
        tifffile.imwrite(tmp_path / "x.tif", x, photometric="minisblack", metadata=None)
        with tifffile.TiffFile(tmp_path / "x.tif", mode="r+") as file:
            file.pages[0].tags[262].overwrite(code)
        if code == 10:
            text = refused("pool", tmp_path / "x.tif", tmp_path / "y.png", *HALF, "max")
            assert "ITULAB" in text and "RGB" in text
        else:
            said("pool", tmp_path / "x.tif", tmp_path / "y.png", *HALF, "max")
            with Image.open(tmp_path / "y.png") as y:
                np.testing.assert_array_equal(np.asarray(y), x.reshape(4, 2, 6, 2).max((1, 3)))


def test_a_gif_says_which_colours_it_loses(tmp_path: Path) -> None:
    """Up to 256 colours in a frame are exact, and nothing is said of them."""
    grey = RANDOM.integers(0, 256, (40, 40), np.uint8)
    few = RANDOM.integers(0, 256, (256, 3), np.uint8)[RANDOM.integers(0, 256, (40, 40))]
    for name, image, x in (("grey", grey, np.stack([grey] * 3, -1)), ("few", few, few)):
        Image.fromarray(image).save(tmp_path / f"{name}.gif")
        for reduction, expected in (("max", blocks(x).max((1, 3))), ("mean", np.rint(blocks(x).mean((1, 3))))):
            text = said("pool", tmp_path / f"{name}.gif", tmp_path / "y.gif", *HALF, reduction)
            exact = len(np.unique(expected.reshape(-1, 3), axis=0)) <= 256
            assert ("left out: colours beyond 256" in text) != exact
            if exact:
                with Image.open(tmp_path / "y.gif") as y:
                    np.testing.assert_array_equal(np.asarray(y.convert("RGB")), expected)
    Image.fromarray(RANDOM.integers(0, 256, (40, 40, 3), np.uint8)).save(tmp_path / "many.png")
    assert "colours beyond 256" in said("pool", tmp_path / "many.png", tmp_path / "y.gif", *HALF, "mean")
    Image.fromarray(RANDOM.integers(0, 256, (40, 40, 4), np.uint8)).save(tmp_path / "clear.png")
    text = said("pool", tmp_path / "clear.png", tmp_path / "y.gif", *HALF, "mean")
    assert "opacity between 0 and 255" in text and "Pillow rounds" in text
