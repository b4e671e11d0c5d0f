"""One self-contained page: a photograph pooled by every reduction and several windows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import anypool as ap
from anypool.atomic_write import write_text
from anypool.cli.quick_bench import Speed, speeds
from anypool.engines.folds import native as cpu
from anypool.errors import PoolingError
from anypool.order_statistics import ORDERS
from anypool.reductions import PARAMETRIC, REDUCTIONS, reduction_of
from anypool.timing import load, machine

from .order_statistics import by_noise, by_size, chart, samples
from .pictures import bytes_of, drawn_result, drawn_windows, ends, gray, mapped, png
from .regions import by_boxes, by_levels, by_shift

PARAMETERS = {"LogSumExp": 10, "LogMeanExp": 10, "SoftPool": 20, "Var": 1, "Std": 1}  # else 3
BRIGHT = 0.6
STRIDE, PADDING = 3, 2


def make_page(out: Path) -> tuple[list[Speed], Path]:
    """Write the page under `out`; returns the speed rows and the page's path."""
    import jinja2
    from sklearn.datasets import load_sample_images

    target = _folder(out) / "index.html"
    photo: Any = np.asarray(load_sample_images().images[0])
    light = photo.astype(np.float32).mean(-1) / 255
    rows = speeds()
    template = Path(__file__).with_name("page.html").read_text(encoding="utf-8")
    text = (
        jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
        .from_string(template)
        .render(
            version=ap.__version__,
            photo=png(photo),
            shape=photo.shape,
            hand=by_hand(light),
            what=by_reduction(light),
            where=by_windows(photo),
            before=png(_region(photo)),
            how_much=by_weights(photo),
            noise=by_noise(light[100:300, 200:440]),
            sizes=chart(by_size()),
            shift=by_shift(light),
            boxes=by_boxes(photo),
            levels=by_levels(photo),
            rows=rows,
            has_torch=any(r.torch for r in rows),
            slowest=max([r.torch or r.ours for r in rows]),
            machine=machine(),
            load=load(),
            core=cpu.status()[0],
        )
    )
    write_text(target, text)
    return rows, target


def by_hand(light: Any) -> dict[str, Any]:
    """A few pixels as numbers, and their maxima and means in 2×2 windows."""
    block = np.rint(light[176:182, 232:240] * 255).astype(np.uint8)
    windows = ap.sliding((2, 2))
    corner = [int(v) for v in block[:2, :2].ravel()]
    return {
        "pixels": block.tolist(),
        "results": [
            ("max", ap.pool(block, windows, "max").tolist()),
            ("mean", np.asarray(ap.pool(block, windows, "mean")).round(1).tolist()),
        ],
        "sum": f"max({', '.join(map(str, corner))}) = {max(corner)}; ({' + '.join(map(str, corner))}) / 4 = {sum(corner) / 4:g}",
    }


def by_reduction(light: Any) -> list[dict[str, str]]:
    """Every reduction of the registry over the same windows of the same picture."""
    windows = ap.sliding((7, 7), STRIDE, PADDING)
    reductions: list[tuple[str, Any]] = [(f'"{name}"', name) for name in REDUCTIONS]
    for name, kind in PARAMETRIC.items():
        make: Any = kind
        reductions.append((f"ap.{name}({PARAMETERS.get(name, 3)})", make(PARAMETERS.get(name, 3))))
    reductions += [(f'"{name}"', name) for name in ORDERS] + samples(49)
    return [{"name": label, **_reduced(light, windows, reduction)} for label, reduction in reductions]


def _reduced(light: Any, windows: Any, reduction: Any) -> dict[str, str]:
    rule = reduction_of(reduction)
    name, formula = rule.name, str(rule.formula)
    of, x, weights = "x", light, None
    if name in ("any", "all"):
        of, x = f"x > {BRIGHT}", light > BRIGHT
    elif name == "count":
        of, weights = f"where x > {BRIGHT}", light > BRIGHT
    elif name == "mode":
        of, x = "of 16 grays", np.rint(light * 15).astype(np.uint8)
    y = np.asarray(ap.pool(x, windows, reduction, weights=weights))
    if name == "mode":
        y = y / 15
    elif isinstance(rule, ap.Place) or getattr(rule, "gives", "") == "position":  # in the image: would be a gradient
        of = "its column in the window"
        y = y % light.shape[1] - np.arange(y.shape[1]) * STRIDE + PADDING
    elif isinstance(rule, ap.KMax):
        of = "as red, green, blue"
    # if the average of one value is that value, the result is a picture like x, else another map
    like_x = y.dtype == bool or bool(np.allclose(ap.pool(np.full((7, 7), 0.5), ap.sliding((7, 7)), reduction), 0.5))
    return {
        "of": of,
        "formula": formula,
        "picture": png(gray(y) if like_x else mapped(y)),
        "ends": ends(y),
        "like": "picture" if like_x else "map",
    }


def by_windows(photo: Any) -> list[dict[str, Any]]:
    """One reduction over several windows: on a crop, the result of the crop, and a larger part."""
    crop, region = photo[118:146, 284:324], _region(photo)
    choices: list[tuple[str, str, Any, tuple[int, ...], str]] = [
        ("sliding((4, 4))", "tiles: the stride is the size", ap.sliding((4, 4)), (0, 1), "max"),
        ("sliding((7, 7), stride=3)", "overlapping", ap.sliding((7, 7), 3), (0, 1), "mean"),
        (
            "sliding((7, 7), stride=2, padding='same')",
            "beyond the edge nothing is there: only present pixels count",
            ap.sliding((7, 7), 2, "same"),
            (0, 1),
            "max",
        ),
        (
            "sliding((3, 3), stride=2, dilation=3)",
            "dilated: nine pixels, three apart",
            ap.sliding((3, 3), 2, 0, 3),
            (0, 1),
            "min",
        ),
        (
            "adaptive((9, 13))",
            "any input to one output size; edges as torch's",
            ap.adaptive((9, 13)),
            (0, 1),
            "mean",
        ),
        ("sliding((1, 9), stride=(1, 3))", "long windows along one axis", ap.sliding((1, 9), (1, 3)), (0, 1), "max"),
    ]
    return [_windowed(crop, region, *choice) for choice in choices] + [_ragged(crop, region)]


def _windowed(
    crop: Any, region: Any, call: str, says: str, windows: Any, axes: tuple[int, ...], name: str
) -> dict[str, Any]:
    small, large = (bytes_of(ap.pool(a, windows, name, axes=axes)) for a in (crop, region))
    return {
        "call": f"ap.{call}",
        "says": says,
        "reduction": name,
        "drawn": drawn_windows(crop, windows, axes, 9),
        "result": drawn_result(small, 360, 252),
        "small": small.shape[:2],
        "crop": crop.shape[:2],
        "large": large.shape[:2],
        "picture": png(large),
    }


def _ragged(crop: Any, region: Any) -> dict[str, Any]:
    """Segments of the columns; their lengths increase."""

    def lengths(n: int, least: int) -> list[int]:
        result: list[int] = []
        while sum(result) < n:
            result.append(min(least + len(result), n - sum(result)))
        return result

    axes = (1,)
    runs = {n: ap.segments(lengths=lengths(n, least)) for n, least in ((crop.shape[1], 2), (region.shape[1], 1))}
    row = _windowed(
        crop, region, "segments(lengths=[2, 3, 4, …])", "ragged runs of one axis", runs[crop.shape[1]], axes, "mean"
    )
    large = bytes_of(ap.pool(region, runs[region.shape[1]], "mean", axes=axes))
    return {**row, "large": large.shape[:2], "picture": png(large)}


def by_weights(photo: Any) -> list[dict[str, str]]:
    """Four of five pixels lost: a mean of what is there, with the mask and without."""
    region = _region(photo)
    mask = np.random.default_rng(0).random(region.shape[:2]) < 0.2
    broken = region * mask[..., None].astype(np.uint8)
    windows = ap.sliding((7, 7), 1, "same")
    calls: list[tuple[str, str, Any]] = [
        ("x", "before: four of five pixels are lost", broken),
        (
            "ap.pool(x, w, 'mean')",
            "every pixel counts: the lost ones darken it",
            ap.pool(broken, windows, "mean", axes=(0, 1)),
        ),
        (
            "ap.pool(x, w, 'mean', weights=mask)",
            "only what is there counts",
            ap.pool(broken, windows, "mean", axes=(0, 1), weights=mask[..., None], empty=0.0),
        ),
    ]
    return [{"call": call, "says": says, "picture": png(bytes_of(y))} for call, says, y in calls]


def _region(photo: Any) -> Any:
    return photo[60:312, 150:510]


def _folder(out: Path) -> Path:
    """The folder of the page; an error is reported before the work starts."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PoolingError(f"the page cannot be written under {out}: {error}; give another folder with --out") from None
    return out
