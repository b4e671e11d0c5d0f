"""Writing of images by Pillow: the element types and the metadata of each format."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import PoolingError
from . import lab
from .raster import Raster

BYTES = "uint8"
LONGEST = 655350  # milliseconds that a frame of a GIF may last
HOLDS: dict[str, tuple[str, dict[str, tuple[int, ...]]]] = {  # samples a pixel, by element type
    ".png": (
        "bits, bytes in 1 to 4 channels, or 16 bits in 1 to 4",
        {"bool": (1,), BYTES: (1, 2, 3, 4), "uint16": (1, 2, 3, 4)},
    ),
    ".jpg": ("bytes in 1 or 3 channels", {BYTES: (1, 3)}),
    ".bmp": ("bits, or bytes in 1 or 3 channels", {"bool": (1,), BYTES: (1, 3)}),
    ".gif": ("bytes in 1, 3 or 4 channels", {BYTES: (1, 3, 4)}),
    ".webp": ("bytes in 1 to 4 channels", {BYTES: (1, 2, 3, 4)}),
    ".ppm": ("bytes in 3 channels", {BYTES: (3,)}),
    ".pgm": ("bytes or 16 bits in 1 channel", {BYTES: (1,), "uint16": (1,)}),
    ".pbm": ("bits", {"bool": (1,)}),
    ".pnm": ("bits, bytes in 1 or 3 channels, or 16 bits in 1", {"bool": (1,), BYTES: (1, 3), "uint16": (1,)}),
}
SAME = {".jpeg": ".jpg", ".jfif": ".jpg"}
ANIMATED = (".gif", ".png", ".webp")
METADATA = {  # that Pillow writes, by format
    ".png": ("icc_profile", "dpi", "exif", "gamma", "srgb", "chromaticity", "duration", "loop"),
    ".jpg": ("icc_profile", "dpi", "exif"),
    ".bmp": ("dpi",),
    ".gif": ("duration", "loop"),
    ".webp": ("icc_profile", "exif", "duration", "loop"),
}
NAMES = {
    "icc_profile": "ICC profile",
    "dpi": "DPI",
    "exif": "EXIF",
    "gamma": "gamma",
    "srgb": "sRGB mark",
    "chromaticity": "chromaticities",
    "duration": "durations",
    "loop": "loops",
}


def write_image(path: Path, name: Path, raster: Raster, quality: int | None) -> tuple[list[str], list[str]]:
    """Write an image to `name` in the format of `path`; returns the copied and the omitted
    metadata.
    """
    kind = SAME.get(path.suffix.lower(), path.suffix.lower())
    cmyk = raster.space == "CMYK" and raster.x.dtype == np.uint8
    frames, palette, changed = _pictures(path, kind, raster, cmyk)
    options: dict[str, Any] = {}
    if kind == ".jpg":
        options["quality"] = 95 if quality is None else quality
    elif kind == ".webp":
        options.update({"lossless": True} if quality is None else {"quality": quality})
    elif quality is not None:
        raise PoolingError(f"--quality {quality}: {path} has no quality; it is one of .jpg and .webp")
    metadata = {
        k: v
        for k, v in raster.metadata.items()
        if k in METADATA.get(kind, ()) and (len(frames) > 1 or k not in ("duration", "loop"))
    }
    still = {"duration", "loop"} if len(frames) == 1 else set[str]()
    lost = [NAMES[k] for k in raster.metadata if k not in metadata and k not in still]
    options.update(_saved(metadata))
    if kind == ".gif" and max(options.get("duration", [0])) > LONGEST:
        options["duration"] = [min(n, LONGEST) for n in options["duration"]]
        lost.append(f"durations beyond {LONGEST / 1000} s")
    if kind == ".png" and frames.dtype == np.uint16 and frames.shape[-1] > 1:
        name.write_bytes(_png16(path, frames, options))
    else:
        first, *rest = [_image(f, palette, kind, options, cmyk) for f in frames]
        if rest:
            options.update(save_all=True, append_images=rest)
        first.save(name, **options)
    return [NAMES[k] for k in metadata], [*changed, *lost, *raster.lost]


def _pictures(path: Path, kind: str, raster: Raster, cmyk: bool) -> tuple[NDArray[Any], Any, list[str]]:
    """(frames, rows, columns, samples) for the format, the palette, and descriptions of the
    changes.
    """
    says, possible = HOLDS[kind]
    changed: list[str] = []
    palette = raster.palette
    if raster.space in lab.SPACES:
        raise PoolingError(
            f"{path}: a {path.suffix[1:].upper()} holds no {raster.space} colours: use .tif, .npy or "
            f".npz, or {lab.TO_RGB}"
        )
    if palette is not None and (
        kind not in (".png", ".gif", ".bmp")
        or len(palette) > 256
        or (kind == ".bmp" and palette.shape[1] == 4)
        or palette.dtype != np.uint8
    ):
        raster, palette, changed = raster.coloured(), None, ["palette, now colours"]
    elif palette is not None and (raster.x.dtype.kind not in "iu" or int(raster.x.max(initial=0)) >= len(palette)):
        palette, changed = None, ["palette, which has no colour for such numbers"]
    try:
        frames = raster.pictures() if raster.image else _plain(raster.x)
    except PoolingError:
        frames = None
    if frames is not None and raster.tiff is not None and raster.tiff.inverted and palette is None:
        frames, changed = _inverted(frames), [*changed, "white as 0, now white as the largest number"]
    if frames is not None and palette is not None:
        frames = frames.astype(np.uint8)
    if frames is not None and frames.dtype == bool and "bool" not in possible:
        frames = np.where(frames, 255, 0).astype(np.uint8)
    if cmyk and frames is not None and kind != ".jpg":
        frames, changed = _from_cmyk(frames), [*changed, "CMYK, now RGB"]
    fits = (
        frames is not None
        and frames.size
        and frames.shape[-1] in possible.get(frames.dtype.name, ()) + ((4,) if cmyk and kind == ".jpg" else ())
    )
    if not fits:
        raise PoolingError(
            f"{path}: a {path.suffix[1:].upper()} holds {says}, and the result is {raster.x.dtype} "
            f"{tuple(raster.x.shape)}; "
            "use .npy, .npz or .tif"
        )
    assert frames is not None
    if len(frames) > 1 and kind not in ANIMATED:
        raise PoolingError(
            f"{path}: a {path.suffix[1:].upper()} holds one picture, and the result has {len(frames)}; use .tif, .npy, .npz, "
            f"{', '.join(ANIMATED)}"
        )
    if len(frames) > 1 and frames.dtype != np.uint8:
        raise PoolingError(f"{path}: its {len(frames)} frames hold bytes, and the result is {frames.dtype}; use .tif")
    if kind == ".gif" and palette is None and frames.shape[-1] > 1:
        changed = [*changed, *_beyond_gif(frames)]
    return frames, palette, changed


def _beyond_gif(frames: NDArray[Any]) -> list[str]:
    """Descriptions of the changes to these frames by the palettes of a GIF."""
    from PIL import Image

    if frames.shape[-1] == 4:
        partial = ["opacity between 0 and 255"] if np.isin(frames[..., 3], (0, 255), invert=True).any() else []
        return [*partial, "exact colours, which Pillow rounds in a GIF with opacity"]
    many = any(Image.fromarray(np.ascontiguousarray(frame)).getcolors(256) is None for frame in frames)
    return ["colours beyond 256 a frame"] if many else []


def _plain(y: NDArray[Any]) -> NDArray[Any]:
    """A plain array (rows, columns) or (rows, columns, samples) as one frame."""
    if y.ndim not in (2, 3):
        raise PoolingError(f"an array of shape {y.shape} is no picture")
    return y[None, ..., None] if y.ndim == 2 else y[None]


def _inverted(frames: NDArray[Any]) -> NDArray[Any]:
    if frames.dtype == bool:
        return ~frames
    return np.iinfo(frames.dtype).max - frames if frames.dtype.kind == "u" else frames


def _from_cmyk(frames: NDArray[Any]) -> NDArray[Any]:
    from PIL import Image

    return np.stack([np.asarray(Image.fromarray(f, "CMYK").convert("RGB")) for f in frames])


def _image(frame: NDArray[Any], palette: Any, kind: str, options: dict[str, Any], cmyk: bool) -> Any:
    """One frame as an image of Pillow."""
    from PIL import Image

    flat = np.ascontiguousarray(frame[..., 0] if frame.shape[-1] == 1 else frame)
    if cmyk and kind == ".jpg":
        return Image.frombytes("CMYK", flat.shape[1::-1], flat.tobytes())
    image = Image.fromarray(flat)
    if palette is not None:
        image.putpalette(np.ascontiguousarray(palette[:, :3]).tobytes(), "RGB")
        if palette.shape[1] == 4:
            clear = palette[:, 3]
            options["transparency"] = clear.tobytes() if kind == ".png" else int(np.argmin(clear))
    return image


def _saved(metadata: dict[str, Any]) -> dict[str, Any]:
    """Pillow's arguments for the metadata."""
    options = {k: v for k, v in metadata.items() if k not in ("gamma", "srgb", "chromaticity")}
    chunks = {
        b"gAMA": struct.pack(">I", round(metadata["gamma"] * 1e5)) if "gamma" in metadata else b"",
        b"sRGB": bytes([metadata["srgb"]]) if "srgb" in metadata else b"",
        b"cHRM": struct.pack(">8I", *(round(v * 1e5) for v in metadata["chromaticity"]))
        if "chromaticity" in metadata
        else b"",
    }
    if any(chunks.values()):
        from PIL.PngImagePlugin import PngInfo

        options["pnginfo"] = info = PngInfo()
        for name, data in chunks.items():
            if data:
                info.add(name, data)
    return options


def _png16(path: Path, frames: NDArray[Any], options: dict[str, Any]) -> bytes:
    """A PNG with several samples of 16 bits, and the chunks that Pillow writes for these
    options.
    """
    try:
        import imagecodecs
    except ImportError:
        raise PoolingError(
            f"{path}: Pillow writes no colours of 16 bits; pip install 'anypool[cli]' brings imagecodecs, or use .tif"
        ) from None
    from PIL import Image

    data = bytes(imagecodecs.png_encode(np.ascontiguousarray(frames[0])))
    small = io.BytesIO()
    Image.new("RGB", (1, 1)).save(small, "PNG", **options)
    beside = b"".join(c for k, c in _chunks(small.getvalue()) if k not in (b"IHDR", b"IDAT", b"IEND"))
    (_, header), *rest = _chunks(data)
    return data[:8] + header + beside + b"".join(c for _, c in rest)


def _chunks(png: bytes) -> list[tuple[bytes, bytes]]:
    """The name and the bytes of each chunk of a PNG."""
    chunks: list[tuple[bytes, bytes]] = []
    at = 8
    while at < len(png):
        end = at + 12 + int.from_bytes(png[at : at + 4], "big")
        chunks.append((png[at + 4 : at + 8], png[at:end]))
        at = end
    return chunks
