"""`anypool pool`: pools a file and writes the result to a file."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from ..command_line import argument, option
from ..errors import PoolingError
from ..order_statistics import Mode, Place
from ..plan import Grid
from ..reductions import reduction_of
from . import PIXELS, Raster, check_target, read, write, write_arrays
from .absent import absent_value, mask_for, number_of, present
from .chunked import pool_in_chunks
from .places import places_of

NO_VALUES = ("count", "any", "all", "argmax", "argmin")  # results that cannot contain the number for "no value"


def pool(
    source: Annotated[Path, argument(help="an image, .npy or .npz; a TIFF where 0 is white is pooled as stored")],
    target: Annotated[
        Path,
        argument(help="the result; several reductions are written to one .npz, or to one file each: out-max.png …"),
    ],
    windows: Annotated[str, option(help="the windows, such as 'sliding((5, 5), stride=2, border=\"reflect\")'")] = "",
    reduce: Annotated[
        list[str] | None,
        option(help="a reduction, such as max or 'Lp(3)'; separate several by commas, or repeat the option"),
    ] = None,
    axes: Annotated[
        str, option(help="the pooled axes: numbers, or letters of the axes of an image, such as Z,Y,X")
    ] = "",
    key: Annotated[str, option(help="the array of an .npz, or the image of a TIFF")] = "",
    mask: Annotated[Path | None, option(help="an image or array; elements where it is 0 are absent")] = None,
    nodata: Annotated[
        str, option(help="the number that means no value, in x and in the result; none: no number does")
    ] = "",
    nan: Annotated[str, option(help="propagate, or omit: NaN is absent")] = "propagate",
    empty: Annotated[str, option(help="the value of an empty window")] = "",
    min_count: Annotated[int, option(help="a window with fewer present elements counts as empty")] = 0,
    quality: Annotated[
        int | None, option(help="quality of a JPEG (default 95) or WebP (default lossless), 1 to 100")
    ] = None,
    labels: Annotated[
        bool, option("--labels", help="pool the labels of a palette, not its colours; a mode always does")
    ] = False,
    pixels: Annotated[int, option(help="refuse images with more pixels")] = PIXELS,
) -> None:
    """Pool an image, .npy or .npz, and print which metadata the result leaves out."""
    from ..expressions import reduction_from, windows_from

    if not windows:
        raise PoolingError("--windows is missing: such as --windows 'sliding((2, 2))'")
    check_target(target)
    texts = [part for text in reduce or ["mean"] for part in parts_of(text)]
    if len(set(texts)) < len(texts) or not texts:
        raise PoolingError(f"--reduce {', '.join(texts)}: name each reduction once")
    chosen, reductions = windows_from(windows), [reduction_from(t) for t in texts]
    raster = read(source, key, pixels)
    value = absent_value(nodata, raster)
    options: dict[str, Any] = {"nan": nan}
    if min_count:
        options["min_count"] = min_count
    results: list[tuple[Raster, Raster, Any]] = []
    for reduction in reductions:
        pooled = raster if labels or _of_labels(reduction) else raster.coloured()
        at = pooled.pooled_axes(axes)
        weights = present(pooled, value, mask_for(pooled, at, mask, pixels))
        nothing = _nothing(empty, value, reduction)
        call_options = options if nothing is None else {**options, "empty": nothing}
        y = np.asarray(pool_in_chunks(pooled.x, chosen, reduction, at, weights=weights, **call_options))
        plan = chosen.plan(tuple(pooled.x.shape), _positive(at, pooled.x.ndim))
        same = isinstance(plan, Grid) and plan.out_shape == y.shape
        result_nodata = value if not _no_value(reduction) else None
        results.append((pooled, _result(pooled, y, same, result_nodata), places_of(chosen, plan, at) if same else None))
    _write(source, target, texts, results, quality)


def parts_of(text: str) -> list[str]:
    """A text split at the commas outside brackets and quotation marks.

    >>> parts_of("max, Quantile(0.5, method='hazen'),min")
    ['max', "Quantile(0.5, method='hazen')", 'min']
    """
    pieces = re.findall(r"'[^']*'|\"[^\"]*\"|.", text, re.DOTALL)
    parts, depth = [""], 0
    for piece in pieces:
        depth += (piece in "([{") - (piece in ")]}") if len(piece) == 1 else 0
        if piece == "," and not depth:
            parts.append("")
        else:
            parts[-1] += piece
    return [p.strip() for p in parts if p.strip()]


def _of_labels(reduction: Any) -> bool:
    """Whether the reduction only compares for equality, so that it may pool the labels of a
    palette.
    """
    rule = reduction_of(reduction)
    return isinstance(rule.order if isinstance(rule, Place) else rule, Mode)


def _no_value(reduction: Any) -> bool:
    rule = reduction_of(reduction)
    return isinstance(rule, Place) or rule.name in NO_VALUES


def _nothing(empty: str, value: float | None, reduction: Any) -> float | None:
    """The value of an empty window: that of --empty, else the number that means "no value"."""
    if not empty:
        return None if value is None or _no_value(reduction) else value
    return number_of(empty, "--empty")


def _positive(at: tuple[int, ...] | None, rank: int) -> tuple[int, ...] | None:
    return None if at is None else tuple(a % rank for a in at)


def _result(raster: Raster, y: Any, same: bool, value: float | None) -> Raster:
    """The result with the metadata of its source."""
    if not raster.image:
        return Raster(y)
    holds = value is not None and raster.x.dtype.kind in "iuf"
    # counts and positions are no labels, so they have no colours
    palette = raster.palette if y.dtype == raster.x.dtype else None
    lost = raster.lost if raster.palette is None or palette is not None else (*raster.lost, "palette")
    return replace(
        raster, x=y, axes=raster.axes if same else "", palette=palette, lost=lost, nodata=value if holds else None
    )


def _write(
    source: Path,
    target: Path,
    texts: list[str],
    results: list[tuple[Raster, Raster, Any]],
    quality: int | None,
) -> None:
    """Write one file, a file for each reduction, or one .npz of all."""
    first = results[0][0]
    begin = f"{source} {f'{first.axes} ' if first.image else ''}{tuple(first.x.shape)}"
    if len(results) > 1 and target.suffix.lower() == ".npz":
        lost = write_arrays(target, {t: r.x for t, (_, r, _) in zip(texts, results, strict=True)}, results[0][1])
        shapes = ", ".join(f"{t} {tuple(r.x.shape)}" for t, (_, r, _) in zip(texts, results, strict=True))
        print(f"{begin} -> {target}: {shapes}")
        _print_notes(lost, first.notes)
        return
    for text, (raster, result, places) in zip(texts, results, strict=True):
        name = re.sub(r"[^\w.-]+", "_", text).strip("_")
        path = target if len(results) == 1 else target.with_name(f"{target.stem}-{name}{target.suffix}")
        left_out = write(path, result, raster.x.dtype if raster.image else None, places, quality)
        print(f"{begin} -> {path} {tuple(result.x.shape)}")
        _print_notes(left_out, raster.notes)


def _print_notes(left_out: str, notes: tuple[str, ...]) -> None:
    if left_out:
        print(f"  {left_out}")
    for note in notes:
        print(f"  the file: {note}")
