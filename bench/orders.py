"""Order statistics: each row of the table of targets against other libraries, a copy and our
median."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import anypool as ap

from .cases import Case, Where

SIDE = 2048
LONG = 1 << 19
PLANES = (16, 64, 112, 112)
Calls = dict[str, Callable[[], Any]]


def orders() -> Iterator[Case]:
    """All of them; images keep their size, the edge repeated, as OpenCV and SciPy do."""
    yield from images()
    yield from apart()
    yield from moving()
    yield from ours()
    yield from votes()


def images() -> Iterator[Case]:
    """Medians of a 2048² image, and of a volume."""
    against: dict[tuple[str, int], dict[str, float]] = {
        ("float32", 3): {"opencv": 1.1},
        ("uint8", 3): {"opencv": 1.1},
        ("uint16", 3): {"opencv": 1.1},
        ("float32", 5): {"opencv": 2.5},
        ("uint8", 5): {"opencv": 3},
        ("uint16", 5): {"opencv": 1.8},
        ("float32", 7): {"scipy": 250},
        ("uint8", 7): {"opencv": 40},
        ("float32", 15): {"scipy": 200},
        ("uint8", 15): {"opencv": 10},
        ("float32", 31): {"scipy": 150},
        ("uint8", 31): {"opencv": 1.3},
    }
    for (dtype, size), targets in against.items():
        rivals = {
            "opencv": lambda case, x, threads, size=size: _opencv(x, size, threads),
            "scipy": lambda case, x, threads, size=size: _scipy(x, size),
        }
        if size == 3 or "scipy" in targets:
            wanted = rivals
        else:
            wanted = {"opencv": rivals["opencv"]}  # SciPy takes seconds and is no target here
        yield _image(f"{dtype} median {size}×{size}/1", "median", dtype, size, targets, wanted)
    shape, volume = (64, 128, 128), (3, 3, 3)
    yield Case(
        "float32 median 3×3×3/1",
        "orders",
        shape,
        Where("orders", volume, axes=(0, 1, 2), made=ap.sliding(volume, 1, "same", border="replicate")),
        "median",
        targets={"scipy": 200},
        truth=lambda x: _truth(x, volume, 1, np.median, corner=(4, 6, 20), border=True),
        rivals={"scipy": lambda case, x, threads: _scipy(x, 3)},
    )


def apart() -> Iterator[Case]:
    """Windows that do not overlap: a matter of memory."""
    for size in ((2, 2), (3, 3), (2, 2, 2)):
        yield _disjoint("median", "float32", size, 1.3, np.median)


def moving() -> Iterator[Case]:
    """Medians along one long row."""
    for width, least in ((31, 30), (101, 20), (201, 10), (1001, 1.8)):
        yield Case(
            f"moving median of {width}",
            "orders",
            (LONG,),
            Where("orders", (width,), axes=(0,), made=ap.sliding((width,), 1)),
            "median",
            targets={"bottleneck": least},
            truth=lambda x, width=width: _truth(x, (width,), 1, np.median, corner=(50,)),
            rivals={"bottleneck": lambda case, x, threads, width=width: _bottleneck(x, width)},
        )


def ours() -> Iterator[Case]:
    """Other order statistics against the median of the same windows: ranks, gaps, positions,
    lanes."""
    random = np.random.default_rng(0)
    mask = random.random((SIDE, SIDE)) >= 0.1
    for size in (3, 5, 7):
        rank = ap.Rank(size * size // 4)
        yield _image(f"another rank {size}×{size}/1", rank, "float32", size, {"our median": 1 / 1.05}, _plain(size))
        for name, options in (("masked", {"weights": mask}), ("omit", {"nan": "omit"})):
            yield _image(
                f"{name} median {size}×{size}/1",
                "median",
                "float32",
                size,
                {"our median": 1 / 2.8},
                _plain(size),
                **options,
            )
        yield _image(
            f"median {size}×{size}/1 that learns",
            "median",
            "float32",
            size,
            {"our median": 1 / 2},
            _plain(size),
            learns=True,
        )
    windows, shape = ap.sliding((3, 3), 1), (8, 16, 256, 256)
    yield Case(
        "channels-last median 3×3/1, C = 16",
        "orders",
        shape,
        Where("orders", (3, 3), axes=(2, 3), made=windows),
        "median",
        layout="channels-last",
        targets={"our median": 1},
        truth=lambda x: _truth(x, (3, 3), 1, np.median, corner=(8, 40)),
        rivals={"our median": lambda case, x, threads: _pooled(x.contiguous(), windows)},
    )


def votes() -> Iterator[Case]:
    """Modes of label maps."""
    inside = ap.sliding((3, 3), 1)
    yield Case(
        "uint8 mode 3×3/1",
        "orders",
        (SIDE, SIDE),
        Where("orders", (3, 3), axes=(0, 1), made=inside),
        "mode",
        "uint8",
        labels=20,
        targets={"scikit-image": 200},
        truth=lambda x: _truth(x, (3, 3), 1, _mode, corner=(8, 40)),
        rivals={"scikit-image": lambda case, x, threads: _skimage(x)},
    )
    for dtype in ("uint8", "uint32"):
        for size in ((2, 2), (2, 2, 2)):
            yield _disjoint("mode", dtype, size, 2.5, _mode, library="numpy", labels=20)


def _disjoint(reduction: str, dtype: str, size: tuple[int, ...], most: float, answer: Any, **more: Any) -> Case:
    """Windows side by side, whose time is held to `most` copies of x."""
    lead = len(size)
    return Case(
        f"{dtype} {reduction} {'×'.join(map(str, size))}/{size[0]}",
        "orders",
        PLANES,
        Where("orders", size, axes=tuple(range(4 - lead, 4)), made=ap.sliding(size)),
        reduction,
        dtype,
        targets={"copy of x": 1 / most},
        truth=lambda x: _truth(x, size, size[0], answer, corner=(4,) * lead),
        rivals={"copy of x": _copied},
        **more,
    )


def _image(name: str, reduction: Any, dtype: str, size: int, targets: Any, rivals: Any, **more: Any) -> Case:
    made = ap.sliding((size, size), 1, "same", border="replicate")
    options = {k: more.pop(k) for k in ("weights", "nan") if k in more}
    weights, k = options.get("weights"), reduction.parameters["k"] if isinstance(reduction, ap.Rank) else None

    def answer(v: Any, axis: int) -> Any:
        return np.nanmedian(v, axis) if k is None else np.sort(v, axis)[..., k]

    def truth(x: Any) -> Any:
        seen = x if weights is None else np.where(weights, x, np.nan)
        return _truth(seen, (size, size), 1, answer, corner=(8, 40), border=True)

    return Case(
        name,
        "orders",
        (SIDE, SIDE),
        Where("orders", (size, size), axes=(0, 1), made=made),
        reduction,
        dtype,
        library="numpy" if dtype in ("uint16", "uint32") else "torch",
        targets=targets,
        truth=truth,
        rivals=rivals,
        options=options,
        **more,
    )


def _truth(
    x: Any, size: tuple[int, ...], stride: int, answer: Any, corner: tuple[int, ...], border: bool = False
) -> Any:
    """The results of the first windows in explicit NumPy; a border repeats the edge before the
    first."""
    rank = len(size)
    lead = (slice(0, 1),) * (x.ndim - rank)
    part = x[(*lead, *(slice(0, n * stride + s) for n, s in zip(corner, size, strict=True)))]
    if border:
        part = np.pad(part, [(0, 0)] * len(lead) + [(s // 2, 0) for s in size], mode="edge")
    views = np.lib.stride_tricks.sliding_window_view(part, size, axis=tuple(range(len(lead), x.ndim)))
    views = views[(*lead, *(slice(0, n * stride, stride) for n in corner))]
    rows = views.reshape(*views.shape[:-rank], -1)
    return (*lead, *(slice(0, n) for n in corner)), answer(rows, -1)


def _mode(rows: Any, axis: int) -> Any:
    """The most frequent value of each row, the smallest of those that tie."""
    found = np.apply_along_axis(lambda v: np.bincount(v.astype(np.int64)).argmax(), axis, rows)
    return found.astype(rows.dtype)


def _pooled(x: Any, windows: Any) -> Calls:
    return {"new": lambda: ap.pool(x, windows, "median", axes=tuple(range(x.ndim))[-2:])}


def _plain(size: int) -> dict[str, Any]:
    """The median of the same windows: its results differ, so they are not compared with ours."""
    made = ap.sliding((size, size), 1, "same", border="replicate")

    def calls(case: Case, x: Any, threads: int) -> Calls:
        return {**_pooled(x, made), "check": lambda: ap.pool(x, made, case.reduction, axes=(0, 1), **case.options)}

    return {"our median": calls}


def _copied(case: Case, x: Any, threads: int) -> Calls:
    """The input copied into memory that is there, on all threads: a limit, not an answer."""
    array, out = x.numpy(), x.clone()
    check = lambda: ap.pool(array, case.windows, case.reduction, axes=case.axes)  # noqa: E731
    return {"out": lambda: out.copy_(x), "check": check}


def _opencv(x: Any, size: int, threads: int) -> Any:
    import cv2 as opencv

    cv: Any = opencv
    if size > 5 and x.numpy().dtype != np.uint8:
        return "its median of floats ends at 5×5"
    cv.setNumThreads(threads)
    array, out = x.numpy(), np.empty_like(x.numpy())
    return {"out": lambda: cv.medianBlur(array, size, out)}


def _scipy(x: Any, size: int) -> Calls:
    from scipy import ndimage

    array, out = x.numpy(), np.empty_like(x.numpy())
    return {"out": lambda: (ndimage.median_filter(array, size, output=out, mode="nearest"), out)[1]}


def _bottleneck(x: Any, width: int) -> Calls:
    import bottleneck

    array = x.numpy()
    return {"new": lambda: bottleneck.move_median(array, width)[width - 1 :]}


def _skimage(x: Any) -> Calls:
    from skimage.filters import rank

    array, around = x.numpy(), np.ones((3, 3), np.uint8)
    return {"new": lambda: rank.modal(array, around)[1:-1, 1:-1]}
