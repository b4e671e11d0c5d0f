"""Images that Pillow reads: modes, palettes, frames, and what a result keeps."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import PoolingError
from .deep import deep_colours
from .raster import Raster

ANIMATED = ("GIF", "PNG", "WEBP", "AVIF")  # where several images are frames of one picture
PIXELS = 2 * 89_478_485  # more than Pillow opens unless told to: a small file may claim any size
TURNED, WIDTH, HEIGHT, DETAILS = 0x0112, 0xA002, 0xA003, 0x8769  # tags of EXIF
CARRIED = ("icc_profile", "dpi", "gamma", "srgb", "chromaticity", "loop")
SAID = {"xmp": "XMP", "XML:com.adobe.xmp": "XMP", "comment": "comments", "photoshop": "Photoshop's blocks"}


def read_image(path: Path, most: int = PIXELS) -> Raster:
    """The picture as it is to be seen: upright, its frames on an axis T."""
    from PIL import Image, UnidentifiedImageError

    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        with Image.open(path) as image:
            frames = getattr(image, "n_frames", 1) if image.format in ANIMATED else 1
            if image.width * image.height * frames > most:
                raise PoolingError(
                    f"{path} holds {image.width} × {image.height} pixels{f' in {frames} frames' if frames > 1 else ''}, "
                    f"more than {most}: if it is what you expect, allow them with --pixels {image.width * image.height * frames}"
                )
            if not image.width * image.height:
                raise PoolingError(f"{path} holds {image.width} × {image.height} pixels: there is nothing to pool")
            kept, lost, turned = _beside(image)
            raster = _frames(image, frames) if frames > 1 else _single(image, path)
    except UnidentifiedImageError:
        with path.open("rb") as file:
            begin = file.read(12)
        raise PoolingError(
            f"{path} holds no image that can be read: {f'it begins with {begin!r}' if begin else 'it is empty'}"
        ) from None
    finally:
        Image.MAX_IMAGE_PIXELS = limit
    further = getattr(image, "n_frames", 1) - frames
    lost += (f"further images of the file: {further}",) if further > 0 else ()
    kept |= raster.kept
    return replace(raster, kept=kept, lost=raster.lost + lost).oriented(turned)


def _single(image: Any, path: Path) -> Raster:
    """The one image of a file."""
    mode = image.mode
    lost = ("the colour that stands for nothing",) if "transparency" in image.info else ()
    x = deep_colours(path, image.format)
    if x is not None:
        return Raster(x, "YXS" if x.ndim == 3 else "YX", lost=lost)
    if mode == "P":
        return Raster(np.asarray(image), "YX", _palette(image))
    if mode == "1":
        return Raster(np.asarray(image.convert("L")) != 0, "YX", lost=lost)  # Pillow's True may be stored as 255
    if lost and mode in ("L", "RGB"):
        image, mode, lost = image.convert("RGBA" if mode == "RGB" else "LA"), "", ()
    elif mode == "I" and image.format in ("PNG", "PPM"):
        return Raster(np.asarray(image).astype(np.uint16), "YX", lost=lost)
    elif mode not in ("L", "LA", "RGB", "RGBA", "CMYK", "I", "F") and not mode.startswith("I;16"):
        image = image.convert("RGBA" if "A" in mode or "a" in mode else "RGB")
    x = np.asarray(image)
    x = x.astype(x.dtype.newbyteorder("="), copy=False)
    return Raster(x, "YXS" if x.ndim == 3 else "YX", space="CMYK" if mode == "CMYK" else "", lost=lost)


def _frames(image: Any, frames: int) -> Raster:
    """All frames: as numbers into one palette where they have few colours, so that a vote has labels."""
    held: list[Any] = []
    lasts: list[int] = []
    for n in range(frames):
        image.seek(n)
        held.append(np.asarray(image.convert("RGBA")))
        lasts.append(int(image.info.get("duration", 0)))
    x: Any = np.stack(held)
    kept = {"duration": lasts} if any(lasts) else {}
    if (x[..., 3] == 255).all():
        x = x[..., :3]
    if image.format != "GIF":
        return Raster(x, "TYXS", kept=kept)
    packed = np.ascontiguousarray(held_as_four(x)).view(np.uint32)[..., 0]
    found, numbers = np.unique(packed, return_inverse=True)
    colours = found.view(np.uint8).reshape(-1, 4)[:, : x.shape[-1]]
    small = np.uint8 if len(colours) <= 256 else np.uint16 if len(colours) <= 65536 else np.uint32
    return Raster(numbers.reshape(x.shape[:-1]).astype(small), "TYX", colours, kept=kept)


def held_as_four(x: Any) -> Any:
    """Red, green, blue and opacity."""
    return x if x.shape[-1] == 4 else np.concatenate([x, np.full((*x.shape[:-1], 1), 255, np.uint8)], -1)


def _palette(image: Any) -> Any:
    """(256, 3) colours, or (256, 4) where some are transparent."""
    colours = np.zeros((256, 4), np.uint8)
    colours[:, 3] = 255
    said = np.asarray(image.getpalette("RGBA") or [], np.uint8).reshape(-1, 4)
    colours[: len(said)] = said
    clear = image.info.get("transparency")
    if isinstance(clear, int):
        colours[clear, 3] = 0
    elif clear is not None:
        colours[: len(clear), 3] = np.frombuffer(bytes(clear), np.uint8)
    colours = colours[: max(len(said), int(np.asarray(image).max(initial=0)) + 1)]
    return colours if (colours[:, 3] < 255).any() else colours[:, :3]


def _beside(image: Any) -> tuple[dict[str, Any], tuple[str, ...], int]:
    """What the file says beside its pixels: what is kept, the names of what is not, and the orientation."""
    kept = {name: image.info[name] for name in CARRIED if image.info.get(name) not in (None, "", b"")}
    lost = [said for name, said in SAID.items() if name in image.info]
    lost += ["text"] if getattr(image, "text", None) else []
    turned = 1
    try:
        exif = image.getexif()
        turned = int(exif.pop(TURNED, 1))
        details = exif.get_ifd(DETAILS)
        for tag in (WIDTH, HEIGHT):  # sizes that the result no longer has
            details.pop(tag, None)
        if len(exif):
            kept["exif"] = exif.tobytes()
    except (SyntaxError, ValueError, TypeError, KeyError, struct.error, OSError):
        lost.append("EXIF, which cannot be read")
    return kept, tuple(dict.fromkeys(lost)), turned
