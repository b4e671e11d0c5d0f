"""Files that are no images, claim a huge size, are truncated, or have a wrong extension."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import refused, said

imagecodecs: Any = pytest.importorskip("imagecodecs")
Image: Any = pytest.importorskip("PIL.Image")

HALF = ("--windows", "sliding((2, 2))", "--reduce")
RANDOM = np.random.default_rng(0)


def huge(width: int, height: int) -> bytes:
    """A PNG whose header claims this size."""
    parts = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)), (b"IDAT", zlib.compress(b"\0" * 100))]
    body = b"".join(
        struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in [*parts, (b"IEND", b"")]
    )
    return b"\x89PNG\r\n\x1a\n" + body


def test_hostile_files(tmp_path: Path) -> None:
    """One sentence each, and nothing is left beside them."""
    good: dict[str, bytes] = {}
    for suffix in ("png", "jpg", "gif", "webp", "bmp", "tif"):
        held = io.BytesIO()
        kind = {"jpg": "JPEG", "tif": "TIFF"}.get(suffix, suffix)
        Image.fromarray(RANDOM.integers(0, 256, (60, 80, 3), np.uint8)).save(held, kind)
        good[suffix] = held.getvalue()
    deep = imagecodecs.png_encode(RANDOM.integers(0, 65536, (60, 80, 3), np.uint16))
    files = {f"cut.{s}": d[: len(d) * 2 // 3] for s, d in good.items() if s != "gif"}
    files |= {f"head.{s}": d[:20] for s, d in good.items()}
    files |= {f"empty.{s}": b"" for s in (*good, "npy", "npz")}
    files |= {f"text.{s}": b"these are words\n" * 9 for s in (*good, "npy", "npz")}
    files |= {"deep.png": deep[: len(deep) // 2], "bomb.png": huge(60000, 60000), "none.png": huge(0, 5)}
    files |= {"pages.tif": b"II*\0\0\0\0\0", "far.tif": b"II*\0\xff\xff\xff\x7f"}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "words.xyz").write_text("words")
    for name in [*files, "folder.png", "words.xyz"]:
        text = refused("pool", tmp_path / name, tmp_path / "y.npy", *HALF, "max")
        assert name in text, text
    assert "--pixels" in refused("pool", tmp_path / "bomb.png", tmp_path / "y.npy", *HALF, "max")
    assert "it begins with b'these are wo" in refused("pool", tmp_path / "text.png", tmp_path / "y.npy", *HALF, "max")
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([*files, "folder.png", "words.xyz"])


def test_a_large_picture_is_no_bomb(tmp_path: Path) -> None:
    """More pixels than those of which Pillow warns."""
    Image.new("1", (10000, 9500)).save(tmp_path / "x.png")
    text = said("pool", tmp_path / "x.png", tmp_path / "y.npy", "--windows", "whole()", "--reduce", "any")
    assert "Warning" not in text
    assert "--pixels 95000000" in refused(
        "pool", tmp_path / "x.png", tmp_path / "y.npy", "--windows", "whole()", "--pixels", 90_000_000
    )


def test_frames_that_last_too_long(tmp_path: Path) -> None:
    first, second = (Image.new("RGB", (8, 6), (n, 0, 0)) for n in (9, 200))
    first.save(tmp_path / "x.webp", save_all=True, append_images=[second], duration=[10, 900000])
    assert "durations beyond" in said("pool", tmp_path / "x.webp", tmp_path / "y.gif", *HALF, "max")


def test_a_file_is_read_by_its_content(tmp_path: Path) -> None:
    x = RANDOM.integers(0, 256, (6, 8, 3), np.uint8)
    for kind, suffix in (("PNG", "tif"), ("TIFF", "png"), ("PNG", "jpg")):
        Image.fromarray(x).save(tmp_path / f"x.{suffix}", kind)
        said("pool", tmp_path / f"x.{suffix}", tmp_path / "y.npy", *HALF, "max")
        np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), x.reshape(3, 2, 4, 2, 3).max((1, 3)))


def test_a_study_sees_photographs_upright_and_in_full(tmp_path: Path) -> None:
    """Folders of images: turned ones, and 16 bits, are what they mean."""
    from anypool.study.data import load

    x = RANDOM.integers(0, 65536, (6, 8), np.uint16)
    for i in range(12):
        folder = tmp_path / ("turned", "deep")[i % 2]
        folder.mkdir(exist_ok=True)
        exif = Image.Exif()
        exif[0x0112] = 3
        Image.fromarray((x // 256).astype(np.uint8) if i % 2 == 0 else x).save(
            folder / f"{i}.png", exif=exif if i % 2 == 0 else b""
        )
    found = load(str(tmp_path))
    np.testing.assert_array_equal(found.x[-1, 0], (x // 256)[::-1, ::-1])
    np.testing.assert_array_equal(found.x[0, 0], x)
