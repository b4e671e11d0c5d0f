"""`anypool pool`: the command line of files in, files out."""

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
from .absent import absent_value, mask_for, present
from .chunked import pool_in_chunks
from .places import places_of

NO_VALUES = ("count", "any", "all", "argmax", "argmin")  # an absent value of x is none of theirs


def pool(
    source: Annotated[Path, argument(help="an image, .npy or .npz; a TIFF where 0 is white is pooled as stored")],
    target: Annotated[
        Path,
        argument(help="the result; of several reductions one .npz, or a file each: out.png becomes out-max.png …"),
    ],
    windows: Annotated[str, option(help="such as 'sliding((5, 5), stride=2, border=\"reflect\")'")] = "",
    reduce: Annotated[
        list[str] | None, option(help="a reduction, such as max or 'Lp(3)'; several with commas, or given again")
    ] = None,
    axes: Annotated[
        str, option(help="which axes are pooled: numbers, or letters of an image's own, such as Z,Y,X")
    ] = "",
    key: Annotated[str, option(help="which array of an .npz, or which image of a TIFF")] = "",
    mask: Annotated[Path | None, option(help="an image or array: where it is 0 an element does not count")] = None,
    nodata: Annotated[
        str, option(help="the number that stands for no value, here and in the result; none: there is none")
    ] = "",
    nan: Annotated[str, option(help="propagate, or omit: NaN does not count")] = "propagate",
    empty: Annotated[str, option(help="the result of windows that hold nothing")] = "",
    min_count: Annotated[int, option(help="windows with fewer elements that count hold nothing")] = 0,
    quality: Annotated[
        int | None, option(help="of a JPEG (95 if not given) or WebP (without loss if not given), 1 to 100")
    ] = None,
    labels: Annotated[
        bool, option("--labels", help="pool the numbers of a palette, whatever the reduction; a vote always does")
    ] = False,
    pixels: Annotated[int, option(help="the most pixels that a picture may hold")] = PIXELS,
) -> None:
    """Pool an image, .npy or .npz; every file is written whole or not at all, and what it leaves out is said."""
    from ..expressions import reduction_from, windows_from

    if not windows:
        raise PoolingError("--windows is missing: such as --windows 'sliding((2, 2))'")
    check_target(target)
    texts = [part for text in reduce or ["mean"] for part in parts_of(text)]
    if len(set(texts)) < len(texts) or not texts:
        raise PoolingError(f"--reduce {', '.join(texts)}: name each reduction once")
    chosen, reductions = windows_from(windows), [reduction_from(t) for t in texts]
    held = read(source, key, pixels)
    value = absent_value(nodata, held)
    options: dict[str, Any] = {"nan": nan}
    if min_count:
        options["min_count"] = min_count
    results: list[tuple[Raster, Raster, Any]] = []
    for reduction in reductions:
        seen = held if labels or _of_labels(reduction) else held.coloured()
        at = seen.pooled_axes(axes)
        weights = present(seen, value, mask_for(seen, at, mask, pixels))
        nothing = _nothing(empty, value, reduction)
        said = options if nothing is None else {**options, "empty": nothing}
        y = np.asarray(pool_in_chunks(seen.x, chosen, reduction, at, weights=weights, **said))
        plan = chosen.plan(tuple(seen.x.shape), _positive(at, seen.x.ndim))
        same = isinstance(plan, Grid) and plan.out_shape == y.shape
        kept = value if not _no_value(reduction) else None
        results.append((seen, _result(seen, y, same, kept), places_of(chosen, plan, at) if same else None))
    _write(source, target, texts, results, quality)


def parts_of(text: str) -> list[str]:
    """A text cut at the commas that no bracket or quotation mark holds.

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
    """Whether numbers are only told apart, so that those of a palette may be pooled: a vote."""
    rule = reduction_of(reduction)
    return isinstance(rule.order if isinstance(rule, Place) else rule, Mode)


def _no_value(reduction: Any) -> bool:
    rule = reduction_of(reduction)
    return isinstance(rule, Place) or rule.name in NO_VALUES


def _nothing(empty: str, value: float | None, reduction: Any) -> float | None:
    """What a window of nothing gives: as asked, or the value that stands for no value."""
    if not empty:
        return None if value is None or _no_value(reduction) else value
    from .absent import number_of

    return number_of(empty, "--empty")


def _positive(at: tuple[int, ...] | None, rank: int) -> tuple[int, ...] | None:
    return None if at is None else tuple(a % rank for a in at)


def _result(seen: Raster, y: Any, same: bool, value: float | None) -> Raster:
    """A result with what it has of the image that was read."""
    if not seen.image:
        return Raster(y)
    holds = value is not None and seen.x.dtype.kind in "iuf"
    # numbers that are no labels, such as counts and places, have no colours
    palette = seen.palette if y.dtype == seen.x.dtype else None
    lost = seen.lost if seen.palette is None or palette is not None else (*seen.lost, "palette")
    return replace(
        seen, x=y, axes=seen.axes if same else "", palette=palette, lost=lost, nodata=value if holds else None
    )


def _write(
    source: Path,
    target: Path,
    texts: list[str],
    results: list[tuple[Raster, Raster, Any]],
    quality: int | None,
) -> None:
    """One file, a file for each reduction, or one .npz of all."""
    first = results[0][0]
    begin = f"{source} {f'{first.axes} ' if first.image else ''}{tuple(first.x.shape)}"
    if len(results) > 1 and target.suffix.lower() == ".npz":
        lost = write_arrays(target, {t: r.x for t, (_, r, _) in zip(texts, results, strict=True)}, results[0][1])
        shapes = ", ".join(f"{t} {tuple(r.x.shape)}" for t, (_, r, _) in zip(texts, results, strict=True))
        print(f"{begin} -> {target}: {shapes}")
        _say(lost, first.notes)
        return
    for text, (seen, result, places) in zip(texts, results, strict=True):
        name = re.sub(r"[^\w.-]+", "_", text).strip("_")
        path = target if len(results) == 1 else target.with_name(f"{target.stem}-{name}{target.suffix}")
        said = write(path, result, seen.x.dtype if seen.image else None, places, quality)
        print(f"{begin} -> {path} {tuple(result.x.shape)}")
        _say(said, seen.notes)


def _say(said: str, notes: tuple[str, ...]) -> None:
    if said:
        print(f"  {said}")
    for note in notes:
        print(f"  the file: {note}")
