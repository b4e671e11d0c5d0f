"""Reading of TIFF by tifffile: axes, palette, orientation, "no value" and tags."""

from __future__ import annotations

import logging
import re
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import PoolingError
from ..scalars import number_in
from ..windows import MEMORY
from . import lab
from .raster import Raster

ORIENTATION, DESCRIPTION, COLOURS, PROFILE, NODATA = 274, 270, 320, 34675, 42113
TEXTS = {306: "date", 315: "artist", 33432: "copyright"}  # copied unchanged
PLACES = (33550, 33922, 34264)  # pixel scale, tie points, transformation: scaled by the windows
KEYS = {34735: "H", 34736: "d", 34737: "s"}  # of GeoTIFF: the coordinate system
GDAL = 42112
LAYOUT = {
    *(254, 256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 280, 281, 282, 283, 284, 296, 317, 322, 323, 324, 325),
    *(338, 339, 347, 530, 531, 532, 297, 305, 32997, 50838, 50839, 65420, 65426, 65427, 65428),
}  # the storage of the numbers, which the writer sets


@dataclass(frozen=True)
class Tiff:
    """The metadata of a TIFF for the writer."""

    kind: str  # imagej, ome, shaped or another of tifffile's
    photometric: str
    planar: bool
    extra: tuple[int, ...]
    compression: str  # "" or a lossless one
    resolution: tuple[float, float] | None
    unit: int  # of the resolution: 1 none, 2 inch, 3 centimetre
    description: str
    metadata: dict[str, Any] = field(default_factory=dict[str, Any])
    tags: dict[int, Any] = field(default_factory=dict[int, Any])

    @property
    def inverted(self) -> bool:
        """Whether 0 is white."""
        return self.photometric == "MINISWHITE"


def read_tiff(path: Path, key: str = "") -> Raster:
    """One series of a TIFF with the axes of the file; `key` is its number if the file has
    several.
    """
    import tifffile

    with _log_messages() as messages, tifffile.TiffFile(path) as file:
        series = file.series
        if not series or not len(file.pages):
            raise PoolingError(f"{path} holds no pages")
        shapes = ", ".join(f"{i}: {s.axes} {tuple(s.shape)}" for i, s in enumerate(series[:9]))
        if key and not (key.isdecimal() and int(key) < len(series)):
            raise PoolingError(f"{path} has no image {key!r}; it holds {shapes}: give a number with --key")
        if not key and len(series) > 1:
            raise PoolingError(
                f"{path} holds {len(series)} images of different shapes ({shapes}): say which with --key"
            )
        chosen = series[int(key or 0)]
        if chosen.nbytes > MEMORY:
            raise PoolingError(f"{path} holds {chosen.nbytes:,} bytes of numbers, which do not fit in memory")
        if "Y" not in chosen.axes or "X" not in chosen.axes or not chosen.size:
            raise PoolingError(f"{path} holds no picture: its axes are {chosen.axes} {tuple(chosen.shape)}")
        if chosen.keyframe.photometric.name == "ITULAB":
            raise PoolingError(f"{path}: its ITULAB colours cannot be read; {lab.TO_RGB}")
        try:
            x = chosen.asarray()
        except (ValueError, ImportError) as error:
            if "imagecodecs" not in str(error):
                raise
            raise PoolingError(
                f"{path} is compressed in a way that needs imagecodecs: pip install 'anypool[cli]' ({error})"
            ) from None
        page = chosen.keyframe
        tiff = _facts(file, page)
        used = sum(len(level.pages) for level in chosen.levels)
        lost = [f"overviews: {len(chosen.levels) - 1}"] if len(chosen.levels) > 1 else []
        lost += [f"other images of the file: {len(series) - 1}"] if len(series) > 1 else []
        lost += ["further pages"] if len(series) == 1 and used < len(file.pages) and file.is_shaped is None else []
        lost += _others(page, tiff)
        orientation, nodata = number_in(str(_tag(page, ORIENTATION))), number_in(str(_tag(page, NODATA)))
        colours = _colours(page) if tiff.photometric == "PALETTE" else None
    if colours is not None and (x.dtype.kind != "u" or int(x.max(initial=0)) >= len(colours)):
        colours = None
    x = x.astype(x.dtype.newbyteorder("="), copy=False)
    metadata: dict[str, Any] = {}
    if page.iccprofile:
        metadata["icc_profile"] = bytes(page.iccprofile)
    if tiff.unit == 2 and tiff.resolution and min(tiff.resolution) > 1 and tiff.kind not in ("imagej", "ome"):
        metadata["dpi"] = tiff.resolution
    samples = x.shape[chosen.axes.index("S")] if "S" in chosen.axes else 1
    space = "CMYK" if tiff.photometric == "SEPARATED" and samples == 4 else ""
    if tiff.photometric == "YCBCR":
        x, tiff = _from_ycbcr(x, chosen.axes, page), replace(tiff, photometric="RGB")
    if tiff.photometric in lab.SPACES and samples >= 3:
        space = tiff.photometric
        x = lab.decoded(x, chosen.axes.index("S"), space)
    if tiff.inverted:
        messages.append("0 is white (MINISWHITE), and numbers are pooled as stored: the largest is the darkest")
    raster = Raster(x, chosen.axes, colours, space, metadata, tuple(lost), tiff, nodata, tuple(messages))
    return raster.oriented(int(orientation or 1))


def _from_ycbcr(x: Any, axes: str, page: Any) -> Any:
    """Red, green and blue of luma and chroma; the JPEG codec has converted them already."""
    if "JPEG" in page.compression.name or x.dtype != np.uint8 or "S" not in axes:
        return x
    from PIL import Image

    samples = axes.index("S")
    last = np.ascontiguousarray(np.moveaxis(x, samples, -1))
    image = Image.frombytes("YCbCr", (last.size // 3, 1), last.tobytes())
    return np.moveaxis(np.asarray(image.convert("RGB")).reshape(last.shape), -1, samples)


def _facts(file: Any, page: Any) -> Tiff:
    """The metadata of a page."""
    kind = "imagej" if file.is_imagej else "ome" if file.is_ome else "shaped" if file.is_shaped else "generic"
    name = page.compression.name
    same = {"ADOBE_DEFLATE": "zlib", "DEFLATE": "zlib", "LZW": "lzw", "ZSTD": "zstd", "PACKBITS": "packbits"}
    lossy = "" if name == "NONE" or name.startswith("CCITT") else "zlib"
    tags = {t: v for t in (*TEXTS, *PLACES, *KEYS, GDAL) if (v := _tag(page, t)) is not None}
    if GDAL in tags:
        tags[GDAL] = re.sub(r"\s*<Item name=\"STATISTICS_[^<]*</Item>", "", str(tags[GDAL]))
    resolution = None if _tag(page, 282) is None else tuple(map(float, page.resolution))
    plain = kind == "generic" and isinstance(page.description, str)
    metadata = dict(file.imagej_metadata or {}) if kind == "imagej" else _ome(file) if kind == "ome" else {}
    return Tiff(
        kind,
        getattr(page.photometric, "name", "MINISBLACK"),
        int(page.planarconfig or 1) == 2,
        tuple(int(e) for e in page.extrasamples or ()),
        same.get(name, lossy),
        resolution,  # type: ignore[arg-type]
        int(page.resolutionunit or 1),
        page.description if plain else "",
        metadata,
        tags,
    )


def _ome(file: Any) -> dict[str, Any]:
    """Pixel sizes and the channels' names of an OME-TIFF, as tifffile writes them."""
    text = str(file.ome_metadata or "")
    pixels = re.search(r"<Pixels\b[^>]*>", text)
    attributes = dict(re.findall(r'(\w+)="([^"]*)"', pixels[0])) if pixels else {}
    metadata: dict[str, Any] = {}
    for name in ("PhysicalSizeX", "PhysicalSizeY", "PhysicalSizeZ", "TimeIncrement"):
        if number_in(attributes.get(name, "")) is not None:
            metadata[name] = float(attributes[name])
            if f"{name}Unit" in attributes:
                metadata[f"{name}Unit"] = attributes[f"{name}Unit"]
    names = re.findall(r'<Channel\b[^>]*\bName="([^"]*)"', text)
    if names:
        metadata["Channel"] = {"Name": names}
    return metadata


def _others(page: Any, tiff: Tiff) -> list[str]:
    """The names of the tags that no result copies."""
    known = {*LAYOUT, *tiff.tags, ORIENTATION, PROFILE, NODATA, COLOURS, 50839}
    known |= {DESCRIPTION} if tiff.description or tiff.kind != "generic" else set()
    names = [tag.name for tag in page.tags if tag.code not in known]
    lost = [f"tags {', '.join(names[:6])}{' …' if len(names) > 6 else ''}"] if names else []
    if tiff.kind == "imagej" and any(n in tiff.metadata for n in ("ROI", "Overlays")):
        lost.append("ImageJ's regions and overlays")
    return [*lost, *(["OME's other metadata"] if tiff.kind == "ome" else [])]


def _colours(page: Any) -> Any:
    """(n, 3) colours of a palette; bytes if no colour needs 16 bits."""
    table = np.asarray(page.colormap).T
    if not (table % 257).any():
        return (table // 257).astype(np.uint8)
    return (table >> 8).astype(np.uint8) if not (table & 255).any() else table.astype(np.uint16)


def _tag(page: Any, code: int) -> Any:
    """A tag's value, None without one."""
    tag = page.tags.get(code)
    return None if tag is None else tag.value


@contextmanager
def _log_messages() -> Generator[list[str]]:
    """The warnings that tifffile logs inside the block, instead of lines on the error stream."""
    messages: list[str] = []

    class MessageHandler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            text = re.sub(r"<tifffile\.[^>]*>\s*", "", record.getMessage()).splitlines()[0]
            if "GDAL_NODATA" not in text:  # read here, because tifffile cannot cast it to every type
                messages.append(text)

    logger = logging.getLogger("tifffile")
    propagate, handler = logger.propagate, MessageHandler(logging.WARNING)
    logger.propagate = False
    logger.addHandler(handler)
    try:
        yield messages
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagate
