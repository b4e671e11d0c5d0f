"""Writing of TIFF: axes, colours, and tags that are scaled by the windows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import PoolingError
from . import lab
from .places import Place
from .raster import Raster
from .tiff import GDAL, KEYS, NODATA, PLACES, TEXTS, Tiff

IMAGEJ_AXES, OME_AXES = "TZCYXS", "TZCYXS"
IMAGEJ = ("spacing", "unit", "finterval", "fps", "mode", "min", "max", "loop", "Labels", "Ranges", "LUTs", "Info")
SIZES = {"PhysicalSizeX": "X", "PhysicalSizeY": "Y", "PhysicalSizeZ": "Z", "TimeIncrement": "T"}
SAMPLES = {"rgb": 3, "separated": 4, "cielab": 3, "icclab": 3}  # samples of one colour
Places = dict[int, Place] | None


def write_tiff(name: Path, raster: Raster, places: Places) -> tuple[list[str], list[str]]:
    """Write a TIFF with the axes of the raster; returns the copied and the omitted metadata."""
    import tifffile

    if raster.x.ndim < 2 or not raster.x.size:
        raise PoolingError(
            f"a TIFF holds rows and columns, and the result is of shape {tuple(raster.x.shape)}: use .npy or .npz"
        )
    source: Tiff | None = raster.tiff
    carried: list[str] = []
    lost = list(raster.lost)
    y, axes, options = _samples(raster)
    if raster.palette is not None and options["photometric"] != "palette":
        lost.append("palette")
    if raster.space in lab.SPACES and options["photometric"] not in SAMPLES:
        lost.append(f"{raster.space} colours, which have no {raster.x.dtype} numbers as in this result")
    kind = source.kind if source and axes else ""
    metadata: dict[str, Any] | None = {"axes": axes} if axes else {}
    along = _by_letter(raster.axes, places)
    if kind == "imagej" and not _imagej(y, axes, options["photometric"]):
        lost.append(f"ImageJ's metadata, which has no {y.dtype} of axes {axes}")
        kind = "shaped"
    elif kind == "ome" and (y.dtype.name in ("int64", "uint64", "float16") or set(axes) - set(OME_AXES)):
        lost.append(f"OME's metadata, which has no {y.dtype} of axes {axes}")
        kind = "shaped"
    if source and kind == "imagej":
        metadata |= {k: v for k, v in source.metadata.items() if k in IMAGEJ and _still(k, v, raster)}
        if along is not None and "Z" in along and "spacing" in metadata:
            metadata["spacing"] *= along["Z"].stride
        carried.append("ImageJ's metadata")
    elif source and kind == "ome":
        metadata |= _ome(source, along, lost)
        carried.append("OME's pixel sizes and channel names")
    elif source and kind == "generic" and set(axes) <= set("YXSIQT"):
        metadata = None
    if source:
        if source.description and metadata is None:
            options["description"] = source.description.encode()
            carried.append("description")
        _resolution(options, source, kind, along, carried, lost)
        _tags(options, source, along, carried, lost)
        if source.compression and y.dtype != bool:
            options["compression"] = source.compression
    if "dpi" in raster.metadata and "resolution" not in options:
        options.update(resolution=tuple(map(float, raster.metadata["dpi"])), resolutionunit="INCH")
        carried.append("DPI")
    if "icc_profile" in raster.metadata:
        options["iccprofile"] = raster.metadata["icc_profile"]
        carried.append("ICC profile")
    if raster.nodata is not None:
        options.setdefault("extratags", []).append((NODATA, "s", 0, f"{raster.nodata:.17g}", True))
        carried.append(f"the absent value {raster.nodata:.17g}")
    names = {"exif": "EXIF", "gamma": "gamma", "srgb": "sRGB mark", "chromaticity": "chromaticities"}
    lost += [name_in_note for k, name_in_note in names.items() if k in raster.metadata]
    lost += ["durations"] if "duration" in raster.metadata and len(raster.axes) > 2 and "T" in raster.axes else []
    tifffile.imwrite(
        name, y, metadata=metadata, software="anypool", imagej=kind == "imagej", ome=kind == "ome", **options
    )
    return carried, lost


def _samples(raster: Raster) -> tuple[NDArray[Any], str, dict[str, Any]]:
    """The array, its axes, and the options of tifffile that describe its samples."""
    y, axes, source = np.ascontiguousarray(raster.x), raster.axes, raster.tiff
    if not axes:
        return y, "", {"photometric": "minisblack"}
    if raster.palette is not None:
        bits = 8 * y.dtype.itemsize
        if y.dtype.name in ("uint8", "uint16") and len(raster.palette) <= 2**bits and raster.palette.shape[1] == 3:
            table = np.zeros((3, 2**bits), np.uint16)
            unit = 257 if raster.palette.dtype == np.uint8 else 1
            table[:, : len(raster.palette)] = raster.palette.T.astype(np.uint16) * unit
            return y, axes, {"photometric": "palette", "colormap": table}
        raster = raster.coloured() if int(y.max(initial=0)) < len(raster.palette) and y.dtype.kind == "u" else raster
        y, axes = raster.x, raster.axes
    samples = y.shape[axes.index("S")] if "S" in axes else 1
    if source is not None and "S" in axes:
        stored_as = source.photometric.lower()
        is_lab = raster.space in lab.SPACES
        stored = lab.encoded(y, axes.index("S"), raster.space) if is_lab else None
        keeps = stored_as in SAMPLES and samples >= SAMPLES[stored_as]
        keeps = keeps and (stored is not None or not stored_as.endswith("lab"))
        photometric, colours = (stored_as, SAMPLES[stored_as]) if keeps else ("minisblack", 1)
        y = y if stored is None else stored
        options: dict[str, Any] = {
            "photometric": photometric,
            "planarconfig": "separate" if source.planar else "contig",
        }
        if samples > colours:
            extra = source.extra[-(samples - colours) :] if len(source.extra) >= samples - colours else ()
            options["extrasamples"] = extra or (0,) * (samples - colours)
        return y, axes, options
    if "S" not in axes:
        white = source is not None and source.inverted
        return y, axes, {"photometric": "miniswhite" if white else "minisblack"}
    photometric = "separated" if raster.space == "CMYK" else "rgb" if samples >= 3 else "minisblack"
    options = {"photometric": photometric, "planarconfig": "contig"}
    if samples in (2, 4) and raster.space != "CMYK":
        options["extrasamples"] = ["unassalpha"]
    return y, axes, options


def _by_letter(axes: str, places: Places) -> dict[str, Place] | None:
    return None if places is None or not axes else {c: places[a] for a, c in enumerate(axes)}


def _imagej(y: NDArray[Any], axes: str, photometric: str) -> bool:
    """Whether ImageJ's format supports the array."""
    order = [IMAGEJ_AXES.find(c) for c in axes]
    fits = ("uint8",) if photometric == "rgb" else ("uint8", "uint16", "float32")
    return y.dtype.name in fits and -1 not in order and order == sorted(order) and y.nbytes < 2**32


def _still(name: str, value: Any, raster: Raster) -> bool:
    """Whether a list of ImageJ's metadata still has an entry for each page."""
    if name != "Labels":
        return True
    pages = int(np.prod([n for n, c in zip(raster.x.shape, raster.axes, strict=True) if c not in "YXS"]))
    return len(value) == pages


def _ome(source: Tiff, along: dict[str, Place] | None, lost: list[str]) -> dict[str, Any]:
    """The metadata of an OME-TIFF, with pixel sizes times the stride of the windows."""
    metadata = dict(source.metadata)
    for name, letter in SIZES.items():
        if name not in metadata:
            continue
        if along is None:
            metadata.pop(name)
            metadata.pop(f"{name}Unit", None)
            lost.append(name)
        elif letter in along:
            metadata[name] *= along[letter].stride
    return metadata


def _resolution(
    options: dict[str, Any],
    source: Tiff,
    kind: str,
    along: dict[str, Place] | None,
    carried: list[str],
    lost: list[str],
) -> None:
    """Set the resolution: dots per inch are unchanged, other units are divided by the stride."""
    if source.resolution is None or source.resolution in ((1.0, 1.0), (0.0, 0.0)):
        return
    by_inch = source.unit == 2 and kind != "imagej"
    if by_inch:
        options.update(resolution=source.resolution, resolutionunit="INCH")
        carried.append("DPI")
    elif along is None:
        lost.append("resolution")
    else:
        across, down = source.resolution
        options["resolution"] = (across / along["X"].stride, down / along["Y"].stride)
        options["resolutionunit"] = source.unit
        carried.append("resolution divided by the stride of the windows")


def _tags(
    options: dict[str, Any],
    source: Tiff,
    along: dict[str, Place] | None,
    carried: list[str],
    lost: list[str],
) -> None:
    """Set the tags: those of GeoTIFF for pixels at the window centres, the others unchanged."""
    tags = dict(source.tags)
    extra_tags: list[Any] = [(t, "s", 0, str(tags[t]).encode(), True) for t in (*TEXTS, GDAL) if t in tags]
    carried += [name_in_note for t, name_in_note in TEXTS.items() if t in tags] + (
        ["GDAL's metadata"] if GDAL in tags else []
    )
    lengths = {t: len(np.ravel(tags[t])) for t in PLACES if t in tags}
    if any(n < 2 or (t == PLACES[1] and n % 6) or (t == PLACES[2] and n != 16) for t, n in lengths.items()):
        lost.append("GeoTIFF tags, which cannot be read")
        lengths, tags = {}, {t: v for t, v in tags.items() if t not in (*PLACES, *KEYS)}
    geo = list(lengths)
    if (geo or any(t in tags for t in KEYS)) and (along is None or "X" not in along):
        lost.append("GeoTIFF tags, because the windows are not equally spaced")
    elif along is not None and geo:
        point = _raster_is_point(tags)
        extra_tags += [
            (t, "d", len(v), v, True) for t, v in moved(tags, along["X"], along["Y"], 0.5 if point else 0.0).items()
        ]
        for t, kind in KEYS.items():
            if t in tags:
                value = tags[t]
                extra_tags.append((t, kind, 0 if kind == "s" else len(value), value, True))
        carried.append("GeoTIFF tags, with the transform of the window centres")
    if extra_tags:
        options["extratags"] = extra_tags


def _raster_is_point(tags: dict[int, Any]) -> bool:
    """Whether pixel numbers are those of centres: key 1025 of GeoTIFF is 2."""
    keys = np.asarray(tags.get(34735, ()), int).reshape(-1, 4)
    return any(k[0] == 1025 and k[1] == 0 and k[3] == 2 for k in keys)


def moved(tags: dict[int, Any], x: Place, y: Place, centre: float) -> dict[int, tuple[float, ...]]:
    """Pixel scale, tie points and transformation of the result; `centre` is 0.5 if pixel i is
    centred at i.

    >>> moved({33550: (10.0, 10.0, 0.0), 33922: (0, 0, 0, 500.0, 900.0, 0)}, Place(2), Place(2), 0.0)
    {33550: (20.0, 20.0, 0.0), 33922: (0.0, 0.0, 0.0, 500.0, 900.0, 0.0)}
    """
    x, y = (replace(p, shift=p.shift + (p.stride - 1) * centre) for p in (x, y))
    moved_tags: dict[int, tuple[float, ...]] = {}
    scale, ties, matrix = (tags.get(t) for t in PLACES)
    if scale is not None:
        moved_tags[PLACES[0]] = (float(scale[0]) * x.stride, float(scale[1]) * y.stride, *map(float, scale[2:]))
    if ties is not None:
        points = np.asarray(ties, float).reshape(-1, 6).copy()
        points[:, 0] = (points[:, 0] - x.shift) / x.stride
        points[:, 1] = (points[:, 1] - y.shift) / y.stride
        if scale is not None and len(points) == 1:  # the tie point stays the corner, because many readers expect (0, 0)
            points[0, 3] -= points[0, 0] * x.stride * float(scale[0])
            points[0, 4] += points[0, 1] * y.stride * float(scale[1])
            points[0, :2] = 0.0
        moved_tags[PLACES[1]] = tuple(points.ravel().tolist())
    if matrix is not None:
        step = np.eye(4)
        step[0, 0], step[0, 3], step[1, 1], step[1, 3] = x.stride, x.shift, y.stride, y.shift
        moved_tags[PLACES[2]] = tuple((np.asarray(matrix, float).reshape(4, 4) @ step).ravel().tolist())
    return moved_tags
