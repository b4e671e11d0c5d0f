"""Reading of images by Pillow: modes, palettes, frames and metadata."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import PoolingError
from .deep import deep_colours
from .raster import Raster

ANIMATED = ("GIF", "PNG", "WEBP", "AVIF")  # formats whose images are frames of one picture
PIXELS = 2 * 89_478_485  # Pillow's own limit: a small file may claim any size
ORIENTATION, WIDTH, HEIGHT, DETAILS = 0x0112, 0xA002, 0xA003, 0x8769  # tags of EXIF
CARRIED = ("icc_profile", "dpi", "gamma", "srgb", "chromaticity", "loop")
NOT_READ = {"xmp": "XMP", "XML:com.adobe.xmp": "XMP", "comment": "comments", "photoshop": "Photoshop's blocks"}


def read_image(path: Path, most: int = PIXELS) -> Raster:
    """The upright image; its frames are on an axis T."""
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
            metadata, lost, orientation = _beside(image)
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
    metadata |= raster.metadata
    return replace(raster, metadata=metadata, lost=raster.lost + lost).oriented(orientation)


def _single(image: Any, path: Path) -> Raster:
    """The one image of a file."""
    mode = image.mode
    lost = ("the transparent colour",) if "transparency" in image.info else ()
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
    """All frames. The frames of a GIF become labels of one palette, so that a mode has labels."""
    colour_frames: list[Any] = []
    lasts: list[int] = []
    for n in range(frames):
        image.seek(n)
        colour_frames.append(np.asarray(image.convert("RGBA")))
        lasts.append(int(image.info.get("duration", 0)))
    x: Any = np.stack(colour_frames)
    metadata = {"duration": lasts} if any(lasts) else {}
    if (x[..., 3] == 255).all():
        x = x[..., :3]
    if image.format != "GIF":
        return Raster(x, "TYXS", metadata=metadata)
    packed = np.ascontiguousarray(with_opacity(x)).view(np.uint32)[..., 0]
    packed_colours, numbers = np.unique(packed, return_inverse=True)
    colours = packed_colours.view(np.uint8).reshape(-1, 4)[:, : x.shape[-1]]
    small = np.uint8 if len(colours) <= 256 else np.uint16 if len(colours) <= 65536 else np.uint32
    return Raster(numbers.reshape(x.shape[:-1]).astype(small), "TYX", colours, metadata=metadata)


def with_opacity(x: Any) -> Any:
    """Red, green, blue and opacity."""
    return x if x.shape[-1] == 4 else np.concatenate([x, np.full((*x.shape[:-1], 1), 255, np.uint8)], -1)


def _palette(image: Any) -> Any:
    """(n, 3) colours, or (n, 4) if some are transparent."""
    colours = np.zeros((256, 4), np.uint8)
    colours[:, 3] = 255
    entries = np.asarray(image.getpalette("RGBA") or [], np.uint8).reshape(-1, 4)
    colours[: len(entries)] = entries
    clear = image.info.get("transparency")
    if isinstance(clear, int):
        colours[clear, 3] = 0
    elif clear is not None:
        colours[: len(clear), 3] = np.frombuffer(bytes(clear), np.uint8)
    colours = colours[: max(len(entries), int(np.asarray(image).max(initial=0)) + 1)]
    return colours if (colours[:, 3] < 255).any() else colours[:, :3]


def _beside(image: Any) -> tuple[dict[str, Any], tuple[str, ...], int]:
    """The metadata that a result copies, the names of the other metadata, and the orientation."""
    metadata = {name: image.info[name] for name in CARRIED if image.info.get(name) not in (None, "", b"")}
    lost = [name_in_note for name, name_in_note in NOT_READ.items() if name in image.info]
    lost += ["text"] if getattr(image, "text", None) else []
    orientation = 1
    try:
        exif = image.getexif()
        orientation = int(exif.pop(ORIENTATION, 1))
        details = exif.get_ifd(DETAILS)
        for tag in (WIDTH, HEIGHT):  # sizes that the result no longer has
            details.pop(tag, None)
        if len(exif):
            metadata["exif"] = exif.tobytes()
    except (SyntaxError, ValueError, TypeError, KeyError, struct.error, OSError):
        lost.append("EXIF, which cannot be read")
    return metadata, tuple(dict.fromkeys(lost)), orientation
