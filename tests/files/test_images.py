"""Images on the command line: orientation, depth, palettes, frames, metadata, invalid files."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import refused, said
from two_by_two import blocks

imagecodecs: Any = pytest.importorskip("imagecodecs")
Image: Any = pytest.importorskip("PIL.Image")
ImageOps: Any = pytest.importorskip("PIL.ImageOps")

HALF = ("--windows", "sliding((2, 2))", "--reduce")
RANDOM = np.random.default_rng(0)


def opened(path: Path) -> Any:
    """Pillow's image of a file that stays open no longer."""
    return Image.open(io.BytesIO(path.read_bytes()))


def rounded_means(x: Any) -> Any:
    return np.rint(blocks(x.astype(float)).mean((1, 3))).astype(x.dtype)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
def test_a_photograph_is_upright_and_turned_once(tmp_path: Path, suffix: str) -> None:
    """Every EXIF orientation: pooled as it is seen, and the result says no orientation."""
    x = np.kron(RANDOM.integers(0, 256, (3, 5, 3), np.uint8), np.ones((8, 8, 1), np.uint8))
    for code in range(1, 9):
        exif = Image.Exif()
        exif[0x0112], exif[0x010F] = code, "maker"
        Image.fromarray(x).save(tmp_path / f"in.{suffix}", exif=exif, **({"quality": 100} if suffix == "jpg" else {}))
        stored = opened(tmp_path / f"in.{suffix}")
        seen = np.asarray((stored if suffix == "tif" else ImageOps.exif_transpose(stored)).convert("RGB"))
        if suffix == "tif":  # Pillow turns a TIFF as it reads it
            assert seen.shape[:2] == ((40, 24) if code > 4 else (24, 40))
        said("pool", tmp_path / f"in.{suffix}", tmp_path / "out.png", *HALF, "max")
        out = opened(tmp_path / "out.png")
        np.testing.assert_array_equal(np.asarray(out), blocks(seen).max((1, 3)))
        assert 0x0112 not in out.getexif()
        if suffix != "tif":
            assert out.getexif()[0x010F] == "maker"


def test_colours_of_16_bits_stay_16_bits(tmp_path: Path) -> None:
    for channels in (1, 2, 3, 4):
        x = RANDOM.integers(0, 65536, (6, 8, channels), np.uint16)
        (tmp_path / "x.png").write_bytes(imagecodecs.png_encode(x if channels > 1 else x[..., 0]))
        said("pool", tmp_path / "x.png", tmp_path / "y.png", *HALF, "max")
        y = imagecodecs.png_decode((tmp_path / "y.png").read_bytes())
        assert y.dtype == np.uint16
        np.testing.assert_array_equal(y.reshape(3, 4, channels), blocks(x).max((1, 3)))
        said("pool", tmp_path / "x.png", tmp_path / "y.tif", *HALF, "mean")
        said("pool", tmp_path / "y.tif", tmp_path / "z.png", "--windows", "sliding((1, 1))", "--reduce", "max")
        z = imagecodecs.png_decode((tmp_path / "z.png").read_bytes())
        np.testing.assert_array_equal(z.reshape(3, 4, channels), rounded_means(x))


def test_colours_of_16_bits_say_what_they_need(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.png").write_bytes(imagecodecs.png_encode(np.zeros((6, 8, 3), np.uint16)))
    np.save(tmp_path / "x.npy", np.zeros((6, 8, 3), np.uint16))
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    for source, target in (("x.png", "y.npy"), ("x.npy", "y.png")):
        words = ("pool", tmp_path / source, tmp_path / target, *HALF, "max", "--axes", "0,1")
        assert "pip install 'anypool[cli]'" in refused(*words)


def test_metadata_of_a_png_of_16_bits_is_kept(tmp_path: Path) -> None:
    plain = imagecodecs.png_encode(RANDOM.integers(0, 65536, (6, 8, 3), np.uint16))
    small = io.BytesIO()
    Image.new("RGB", (1, 1)).save(small, "PNG", dpi=(300, 300), icc_profile=b"a profile")
    beside = small.getvalue()[33 : small.getvalue().index(b"IDAT") - 4]
    (tmp_path / "x.png").write_bytes(plain[:33] + beside + plain[33:])
    text = said("pool", tmp_path / "x.png", tmp_path / "y.png", *HALF, "max")
    assert "ICC profile" in text and "DPI" in text
    y = opened(tmp_path / "y.png")
    assert y.info["icc_profile"] == b"a profile" and y.info["dpi"][0] == pytest.approx(300, abs=0.1)


def test_other_modes(tmp_path: Path) -> None:
    """1 bit, grey, grey with transparency, 16 and 32 bits: the numbers that the file encodes."""
    bits = RANDOM.random((6, 8)) > 0.5
    gray = RANDOM.integers(0, 256, (6, 8), np.uint8)
    cases: list[tuple[Any, str, Any]] = [
        (Image.fromarray(bits), "png", bits),
        (Image.fromarray(bits), "tif", bits),
        (Image.fromarray(gray), "png", gray),
        (Image.fromarray(gray), "bmp", gray),
        (Image.fromarray(np.stack([gray, gray[::-1]], -1)), "png", np.stack([gray, gray[::-1]], -1)),
        (Image.fromarray(gray.astype(np.uint16) * 200), "png", gray.astype(np.uint16) * 200),
        (Image.fromarray(gray.astype(np.uint16) * 200), "pgm", gray.astype(np.uint16) * 200),
        (Image.fromarray(gray.astype(np.int32) - 99), "tif", gray.astype(np.int32) - 99),
        (Image.fromarray(gray.astype(np.float32) / 7), "tif", gray.astype(np.float32) / 7),
    ]
    for image, suffix, x in cases:
        image.save(tmp_path / f"x.{suffix}")
        said("pool", tmp_path / f"x.{suffix}", tmp_path / "y.npy", *HALF, "mean,max")
        np.testing.assert_allclose(np.load(tmp_path / "y-mean.npy"), blocks(x.astype(float)).mean((1, 3)), rtol=1e-6)
        y = np.load(tmp_path / "y-max.npy")
        assert y.dtype == x.dtype
        np.testing.assert_array_equal(y, blocks(x).max((1, 3)))
    said("pool", tmp_path / "x.tif", tmp_path / "y.tif", *HALF, "mean")
    assert np.asarray(opened(tmp_path / "y.tif")).dtype == np.float32


def test_bits_become_bits_or_grey(tmp_path: Path) -> None:
    bits = RANDOM.random((6, 8)) > 0.5
    Image.fromarray(bits).save(tmp_path / "x.png")
    said("pool", tmp_path / "x.png", tmp_path / "y.png", *HALF, "max")
    y = opened(tmp_path / "y.png")
    assert y.mode == "1"
    np.testing.assert_array_equal(np.asarray(y), blocks(bits).max((1, 3)))
    for suffix, near in (("png", 0), ("webp", 0), ("jpg", 12)):
        said("pool", tmp_path / "x.png", tmp_path / f"z.{suffix}", *HALF, "mean")
        z = np.asarray(opened(tmp_path / f"z.{suffix}").convert("L")).astype(int)
        assert np.abs(z - np.rint(255 * blocks(bits).mean((1, 3)))).max() <= near
    said("pool", tmp_path / "x.png", tmp_path / "w.jpg", *HALF, "max")
    assert np.asarray(opened(tmp_path / "w.jpg")).max() > 200


def palette_image(clear: bool = False) -> tuple[Any, Any, Any]:
    """An image of 5 labels, its numbers and its colours."""
    numbers = RANDOM.integers(0, 5, (6, 8), np.uint8)
    colours = RANDOM.integers(0, 256, (5, 3), np.uint8)
    image = Image.fromarray(numbers)
    image.putpalette(colours.tobytes(), "RGB")
    if clear:
        image.info["transparency"] = 2
    return image, numbers, colours


def votes(x: Any) -> Any:
    flat = np.moveaxis(blocks(x), 1, 2).reshape(3, 4, 4)
    return np.array([[np.bincount(cell).argmax() for cell in row] for row in flat])


@pytest.mark.parametrize("suffix", ["png", "gif", "bmp", "tif"])
def test_a_vote_pools_the_labels_of_a_palette(tmp_path: Path, suffix: str) -> None:
    image, numbers, colours = palette_image()
    image.save(tmp_path / f"x.{suffix}")
    shown = np.asarray(opened(tmp_path / f"x.{suffix}").convert("RGB"))
    np.testing.assert_array_equal(shown, colours[numbers])
    held = np.asarray(opened(tmp_path / f"x.{suffix}"))  # a GIF may number its colours anew
    for reduction in ("mode", "Mode(ignore=255)"):
        said("pool", tmp_path / f"x.{suffix}", tmp_path / f"y.{suffix}", *HALF, reduction)
        y = opened(tmp_path / f"y.{suffix}")
        assert y.mode == "P"
        table = np.zeros((256, 3), np.uint8)
        table[held.ravel()] = shown.reshape(-1, 3)
        np.testing.assert_array_equal(np.asarray(y.convert("RGB")), table[votes(held)])
    said("pool", tmp_path / f"x.{suffix}", tmp_path / "y.png", *HALF, "mean")
    y = opened(tmp_path / "y.png")
    assert y.mode == "RGB"
    np.testing.assert_array_equal(np.asarray(y), rounded_means(shown))
    said("pool", tmp_path / f"x.{suffix}", tmp_path / "y.npy", *HALF, "mode,max")
    np.testing.assert_array_equal(np.load(tmp_path / "y-mode.npy"), votes(held))
    np.testing.assert_array_equal(np.load(tmp_path / "y-max.npy"), blocks(shown).max((1, 3)))
    said("pool", tmp_path / f"x.{suffix}", tmp_path / f"y.{suffix}", *HALF, "max", "--labels")
    y = opened(tmp_path / f"y.{suffix}")
    assert y.mode == "P"
    np.testing.assert_array_equal(np.asarray(y.convert("RGB")), table[blocks(held).max((1, 3))])
    text = said("pool", tmp_path / f"x.{suffix}", tmp_path / "y.jpg", *HALF, "mode")
    assert "palette" in text and opened(tmp_path / "y.jpg").mode == "RGB"


def test_a_transparent_colour_of_a_palette(tmp_path: Path) -> None:
    image, numbers, colours = palette_image()
    four = np.concatenate([colours, np.full((5, 1), 255, np.uint8)], 1)
    four[2, 3] = 0
    image.save(tmp_path / "x.png", transparency=2)
    said("pool", tmp_path / "x.png", tmp_path / "y.png", *HALF, "mode")
    y = opened(tmp_path / "y.png")
    assert y.mode == "P"
    np.testing.assert_array_equal(np.asarray(y.convert("RGBA")), four[votes(numbers)])
    said("pool", tmp_path / "x.png", tmp_path / "y.png", *HALF, "max")
    np.testing.assert_array_equal(np.asarray(opened(tmp_path / "y.png")), blocks(four[numbers]).max((1, 3)))


@pytest.mark.parametrize("suffix", ["gif", "webp", "png"])
def test_frames_are_no_rows(tmp_path: Path, suffix: str) -> None:
    x = np.kron(RANDOM.integers(0, 3, (4, 3, 4, 1), np.uint8) * 120, np.ones((1, 2, 2, 3), np.uint8))
    first, *rest = [Image.fromarray(f) for f in x]
    more = {"lossless": True} if suffix == "webp" else {}
    first.save(tmp_path / f"x.{suffix}", save_all=True, append_images=rest, duration=70, loop=3, **more)
    said("pool", tmp_path / f"x.{suffix}", tmp_path / "y.npy", *HALF, "max")
    expected = np.stack([blocks(f).max((1, 3)) for f in x])
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), expected)
    text = said("pool", tmp_path / f"x.{suffix}", tmp_path / f"y.{suffix}", *HALF, "max")
    assert "durations" in text
    y = opened(tmp_path / f"y.{suffix}")
    assert y.n_frames == 4
    for n in range(4):
        y.seek(n)
        np.testing.assert_array_equal(np.asarray(y.convert("RGB")), expected[n])
        assert y.info["duration"] == 70
    said("pool", tmp_path / f"x.{suffix}", tmp_path / "y.tif", *HALF, "max")
    assert "4" in refused("pool", tmp_path / f"x.{suffix}", tmp_path / "y.jpg", *HALF, "max")
    said("pool", tmp_path / f"x.{suffix}", tmp_path / f"m.{suffix}", *HALF, "mode")
    y = opened(tmp_path / f"m.{suffix}")
    np.testing.assert_array_equal(np.asarray(y.convert("RGB")), expected[0])


def test_metadata_that_is_kept_or_dropped_is_named(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x0110] = 6, "camera"
    exif.get_ifd(0x8769)[0xA002] = 40
    x = Image.fromarray(RANDOM.integers(0, 256, (20, 40, 3), np.uint8))
    x.save(tmp_path / "x.jpg", exif=exif, icc_profile=b"profile", dpi=(200, 200), comment=b"words")
    text = said("pool", tmp_path / "x.jpg", tmp_path / "y.jpg", *HALF, "max")
    assert "carried over: ICC profile, DPI, EXIF" in text and "left out: comments" in text
    y = opened(tmp_path / "y.jpg")
    assert y.size == (10, 20) and y.info["icc_profile"] == b"profile" and y.info["dpi"] == (200, 200)
    assert dict(y.getexif())[0x0110] == "camera" and 0xA002 not in y.getexif().get_ifd(0x8769)
    assert "left out: DPI, EXIF" in said("pool", tmp_path / "x.jpg", tmp_path / "y.gif", *HALF, "max").replace(
        "ICC profile, ", ""
    ).replace("colours beyond 256 a frame, ", "")
    text = said("pool", tmp_path / "x.jpg", tmp_path / "y.npy", *HALF, "max")
    assert "left out: ICC profile, DPI, EXIF, comments" in text


def test_quality(tmp_path: Path) -> None:
    Image.fromarray(RANDOM.integers(0, 256, (64, 64, 3), np.uint8)).save(tmp_path / "x.png")
    sizes: list[int] = []
    for quality in (10, 60, 95):
        said("pool", tmp_path / "x.png", tmp_path / "y.jpg", *HALF, "max", "--quality", quality)
        sizes.append((tmp_path / "y.jpg").stat().st_size)
    assert sizes == sorted(set(sizes))
    said("pool", tmp_path / "x.png", tmp_path / "z.jpg", *HALF, "max")
    assert (tmp_path / "z.jpg").read_bytes() == (tmp_path / "y.jpg").read_bytes()
    for target, quality in (("y.png", 50), ("y.jpg", 0), ("y.jpg", 101), ("y.npy", 50)):
        assert "--quality" in refused("pool", tmp_path / "x.png", tmp_path / target, *HALF, "max", "--quality", quality)


def test_cmyk(tmp_path: Path) -> None:
    image = Image.fromarray(np.kron(RANDOM.integers(0, 256, (2, 2, 3), np.uint8), np.ones((16, 16, 1), np.uint8)))
    image.convert("CMYK").save(tmp_path / "x.jpg", quality=100)
    seen = opened(tmp_path / "x.jpg")
    y = blocks(np.asarray(seen)).max((1, 3))
    said("pool", tmp_path / "x.jpg", tmp_path / "y.npy", *HALF, "max")
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), y)
    said("pool", tmp_path / "x.jpg", tmp_path / "y.jpg", *HALF, "max")
    again = opened(tmp_path / "y.jpg")
    assert again.mode == "CMYK" and np.abs(np.asarray(again).astype(int) - y).max() < 24
    assert "now RGB" in said("pool", tmp_path / "x.jpg", tmp_path / "y.png", *HALF, "max")
    expected = np.asarray(Image.frombytes("CMYK", y.shape[1::-1], y.tobytes()).convert("RGB"))
    np.testing.assert_array_equal(np.asarray(opened(tmp_path / "y.png")), expected)
    said("pool", tmp_path / "x.jpg", tmp_path / "y.tif", *HALF, "max")
    said("pool", tmp_path / "y.tif", tmp_path / "z.npy", "--windows", "sliding((1, 1))", "--reduce", "max")
    np.testing.assert_array_equal(np.load(tmp_path / "z.npy"), y)


def test_colours_of_16_bits_in_other_formats(tmp_path: Path) -> None:
    x = RANDOM.integers(0, 65536, (6, 8, 3), np.uint16)
    (tmp_path / "x.ppm").write_bytes(b"P6\n# words\n8 6\n65535\n" + x.astype(">u2").tobytes())
    (tmp_path / "x.jp2").write_bytes(imagecodecs.jpeg2k_encode(x, level=0, reversible=True))
    for name in ("x.ppm", "x.jp2"):
        said("pool", tmp_path / name, tmp_path / "y.npy", *HALF, "max")
        np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), blocks(x).max((1, 3)))
    (tmp_path / "cut.ppm").write_bytes((tmp_path / "x.ppm").read_bytes()[:99])
    assert "of 48 pixels" in refused("pool", tmp_path / "cut.ppm", tmp_path / "y.npy", *HALF, "max")


def test_colours_that_mean_absent(tmp_path: Path) -> None:
    """Opacity where Pillow has it; else it is said that they are left out."""
    x = RANDOM.integers(0, 4, (6, 8, 3), np.uint8)
    Image.fromarray(x).save(tmp_path / "x.png", transparency=(1, 2, 3))
    said("pool", tmp_path / "x.png", tmp_path / "y.npy", *HALF, "min")
    clear = np.where((x == [1, 2, 3]).all(-1), 0, 255).astype(np.uint8)
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy")[..., 3], blocks(clear).min((1, 3)))
    for plain in (x[..., 0].astype(np.uint16), x[..., 0] > 1):
        Image.fromarray(plain).save(tmp_path / "x.png", transparency=1)
        assert "the transparent colour" in said("pool", tmp_path / "x.png", tmp_path / "y.png", *HALF, "max")


def test_a_key_is_for_files_that_have_them(tmp_path: Path) -> None:
    Image.new("L", (8, 6)).save(tmp_path / "x.png")
    assert "--key" in refused("pool", tmp_path / "x.png", tmp_path / "y.npy", *HALF, "max", "--key", "a")
