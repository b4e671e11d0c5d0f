"""`python -m bench.by_size`: the time of a median by window size, and of rivals; rows for a
figure."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

import anypool as ap

SIZES = (3, 5, 7, 9, 11, 15, 21, 31, 45, 63, 101)
SIDE = 1024
PATIENCE = 20.0  # seconds a call may take: a slower one ends its line
ROWS = Path(__file__).parent / "results" / "median-by-size.json"
#: whose calls are made on fewer rows, and counted by output
SMALLER = {"scipy": 96, "torch unfold + median": 48, "scikit-image": 256}


def main() -> None:
    """Measure every line, and write the rows whole or not at all."""
    random = np.random.default_rng(0)
    rows: list[dict[str, Any]] = []
    for dtype in ("float32", "uint8"):
        x = random.integers(0, 256, (SIDE, SIDE)).astype(np.uint8)
        x = x if dtype == "uint8" else random.normal(size=x.shape).astype(np.float32)
        for name, make in RIVALS.items():
            for size in SIZES:
                high = min(SIDE, max(SMALLER.get(name, SIDE), 1) + size - 1)
                call = make(x[:high], size)
                if call is None:
                    break
                seconds, first, outputs = _best(call)
                rows.append({"dtype": dtype, "by": name, "size": size, "ns": round(seconds / outputs * 1e9, 3)})
                print(f"{dtype:8} {name:22} {size:4} {rows[-1]['ns']:12.2f} ns an output", flush=True)
                if first > PATIENCE:
                    break
    made = ROWS.with_suffix(".part")
    made.write_text(json.dumps({"threads": ap.get_num_threads(), "side": SIDE, "rows": rows}, indent=0) + "\n")
    made.replace(ROWS)


def _best(call: Callable[[], Any]) -> tuple[float, float, int]:
    """The least seconds of a few calls, those of the first, and how many numbers came back."""
    begin = time.perf_counter()
    outputs = np.asarray(call()).size
    first = best = time.perf_counter() - begin
    for _ in range(3 if first < 1 else 0):
        begin = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - begin)
    return best, first, outputs


def _ours(x: Any, size: int) -> Callable[[], Any] | None:
    windows = ap.sliding((size, size), 1)
    if ap.explain(x, windows, "median").backend != "cpu":
        return None  # the reference sorts every window: hours
    return lambda: ap.pool(x, windows, "median")


def _opencv(x: Any, size: int) -> Callable[[], Any] | None:
    import cv2 as opencv

    cv: Any = opencv
    cv.setNumThreads(ap.get_num_threads())
    return None if size > 5 and x.dtype != np.uint8 else lambda: cv.medianBlur(x, size)


def _scipy(x: Any, size: int) -> Callable[[], Any]:
    from scipy import ndimage

    return lambda: ndimage.median_filter(x, size)


def _skimage(x: Any, size: int) -> Callable[[], Any] | None:
    try:
        from skimage.filters import rank
    except ImportError:
        return None
    return (lambda: rank.median(x, np.ones((size, size), np.uint8))) if x.dtype == np.uint8 else None


def _unfold(x: Any, size: int) -> Callable[[], Any]:
    torch.set_num_threads(ap.get_num_threads())
    given = torch.as_tensor(np.ascontiguousarray(x))
    return lambda: given.unfold(0, size, 1).unfold(1, size, 1).flatten(2).median(-1).values


def _ours_along(x: Any, size: int) -> Callable[[], Any]:
    windows = ap.sliding((size,), 1)
    return lambda: ap.pool(x.ravel(), windows, "median")


def _bottleneck(x: Any, size: int) -> Callable[[], Any] | None:
    import bottleneck

    signal = x.ravel()
    return (lambda: bottleneck.move_median(signal, size)) if x.dtype == np.float32 else None


RIVALS: dict[str, Callable[[Any, int], Callable[[], Any] | None]] = {
    "anypool": _ours,
    "OpenCV": _opencv,
    "scipy": _scipy,
    "scikit-image": _skimage,
    "torch unfold + median": _unfold,
    "anypool, 1-D": _ours_along,
    "bottleneck, 1-D": _bottleneck,
}

if __name__ == "__main__":
    main()
