"""A program: it pools arrays next to forbidden pages, and prints the next call.

An access before the beginning or after the end of x, weights, `out` or a gradient ends the
program; the last printed line is the call. Arguments: "values" or "gradients", calls, seed.
"""

from __future__ import annotations

import ctypes
import faulthandler
import mmap
import random
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

import anypool as ap

WIDTHS = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 47, 63, 64, 65, 66, 100, 129, 131, 200]
DTYPES = ["float32", "float32", "float64", "float16", "uint8", "int8", "uint16", "int16", "int32", "uint64", "bool"]
REDUCTIONS: list[Any] = [
    *("sum", "mean", "max", "min", "prod", "any", "all", "count", "argmax", "argmin", "range", "rms", "var", "std"),
    *("logsumexp", "softpool", "median", "median", "mode", ap.Lp(3), ap.PowerMean(3), ap.Rank(0), ap.Rank(-1)),
    *(ap.Quantile(0.3), ap.Quantile([0.1, 0.9]), ap.TrimmedMean(0.2, 0.1), ap.TopKMean(2), ap.KMax(1)),
    *(ap.Median("lower"), "argmedian", ap.Place(ap.Rank(1)), ("max", "argmax"), ("mean", "std"), ("min", "max", "sum")),
]
BOXES = np.array([[0, 0.4, 0.2, 3.7, 4.1], [1, -2.0, 1.0, 2.5, 9.0], [0, 1.0, 1.0, 1.0, 1.0]])


class Page:
    """Memory between two pages that may not be touched."""

    size = 1 << 21

    def __init__(self) -> None:
        self.held = mmap.mmap(-1, self.size + 2 * mmap.PAGESIZE)
        begin = np.frombuffer(self.held, np.uint8).ctypes.data
        guard = ctypes.CDLL(None, use_errno=True).mprotect
        for at in (begin, begin + mmap.PAGESIZE + self.size):
            if guard(ctypes.c_void_p(at), ctypes.c_size_t(mmap.PAGESIZE), 0):
                raise OSError(ctypes.get_errno(), "mprotect")

    def place(self, x: np.ndarray, behind: bool) -> np.ndarray:
        """A copy of x in its memory order that ends (or begins) next to the forbidden page."""
        order = sorted(range(x.ndim), key=lambda a: -abs(x.strides[a]))
        dense = np.ascontiguousarray(x.transpose(order))
        at = mmap.PAGESIZE + (self.size - dense.nbytes if behind else 0)
        made = np.frombuffer(self.held, dense.dtype, dense.size, at).reshape(dense.shape)
        made[...] = dense
        return made.transpose(np.argsort(order))


def window(draw: random.Random, rows: int, width: int) -> tuple[Any, tuple[int, ...]]:
    """A window kind and the axes that it is for."""
    sizes = [(2, 2), (3, 3), (5, 5), (7, 7), (1, 3), (3, 1), (4, 2), (1, 11), (12, 12), (17, 17), (2, 9), (3, 40)]
    strides = [1, 1, 2, 3, (2, 1), (1, 4), (5, 7)]
    borders = ["absent", "absent", "replicate", "reflect", "symmetric", "circular", 1.0, ("symmetric", "absent")]
    kind = draw.choice(["sliding"] * 8 + ["line"] * 3 + ["adaptive", "whole", "segments", "inside", "boxes", "groups"])
    if kind == "sliding":
        size = draw.choice(sizes)
        most = [min(k // 2, n - 1) if n > 1 else 0 for k, n in zip(size, (rows, width), strict=True)]
        padding = tuple((draw.randint(0, m), draw.randint(0, m)) for m in most)
        dilation = draw.choice([1, 1, 1, 2, (1, 3)])
        options = {"border": draw.choice(borders), "ceil_mode": draw.random() < 0.3}
        return ap.sliding(size, draw.choice(strides), padding, dilation, **options), (-2, -1)
    if kind == "line":
        return ap.sliding((draw.choice([2, 3, 5, 9, 33, 65, 101]),), draw.choice([1, 1, 2, 3])), (
            draw.choice([-1, -2]),
        )
    if kind == "adaptive":
        return ap.adaptive((draw.randint(1, rows), draw.randint(1, width))), (-2, -1)
    if kind == "segments":
        ends = sorted(draw.randint(0, width) for _ in range(draw.choice([4, 40])))
        return ap.segments([0, *ends, width]), (-1,)
    if kind == "inside":
        return ap.segments([0, width // 3, width // 3, width]).sliding(3, draw.choice([1, 2])), (-1,)
    if kind == "boxes":
        return ap.boxes(BOXES, (2, 3), reading=draw.choice(["quantised", "sampled", "exact"])), (-2, -1)
    if kind == "groups":
        return ap.groups([draw.randint(-1, 4) for _ in range(width)], count=5), (-1,)
    return ap.whole(), draw.choice([(-2, -1), (-1,), (-2,)])


def layouts(x: np.ndarray) -> dict[str, np.ndarray]:
    """The same numbers in three memory orders."""
    last = np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    return {"contiguous": x, "channels-last": last, "turned": np.asfortranarray(x)}


def calls(draw: random.Random) -> Iterator[tuple[str, np.ndarray, Any, dict[str, Any]]]:
    """Calls without end: what they are, x, the reduction and the rest."""
    numbers = np.random.default_rng(draw.randrange(1 << 30))
    while True:
        rows, width = draw.choice([1, 2, 3, 5, 8, 19]), draw.choice(WIDTHS)
        shape = (2, draw.choice([1, 3, 4, 17]), rows, width)
        dtype, reduction = draw.choice(DTYPES), draw.choice(REDUCTIONS)
        windows, axes = window(draw, rows, width)
        x = (numbers.standard_normal(shape) * 4 if "float" in dtype else numbers.integers(0, 100, shape)).astype(dtype)
        if "float" in dtype and draw.random() < 0.2:
            x[numbers.random(shape) < 0.05] = np.nan
        layout = draw.choice(["contiguous", "contiguous", "channels-last", "turned"])
        options: dict[str, Any] = {"axes": axes}
        if draw.random() < 0.2:
            options["weights"] = layouts(numbers.random(shape) < 0.7)[layout]
        if draw.random() < 0.2:
            options["nan"] = "omit"
        name = f"{dtype} {shape} {layout} {windows} {reduction} {options.keys()} {options.get('nan')}"
        yield name, layouts(x)[layout], reduction, {"windows": windows, **options}


def main(count: int, seed: int = 20) -> None:
    """As many calls as asked for whose answer exists: it is the same beside a forbidden page."""
    faulthandler.enable()
    sources, masks, answers = Page(), Page(), Page()
    done = 0
    for name, x, reduction, options in calls(random.Random(seed)):
        if done == count:
            return
        print(name, flush=True)
        try:
            want = ap.pool(x, reduction=reduction, **options)
        except ap.PoolingError:
            continue
        for behind in (False, True):
            given, rest = sources.place(x, behind), dict(options)
            if "weights" in rest:
                rest["weights"] = masks.place(rest["weights"], behind)
            if isinstance(reduction, tuple):
                got = ap.pool(given, reduction=reduction, **rest)
            else:
                got = answers.place(np.zeros_like(want), behind)
                ap.pool(given, reduction=reduction, out=got, **rest)
            for one, other in zip(*((v if isinstance(v, tuple) else (v,)) for v in (got, want)), strict=True):
                np.testing.assert_array_equal(one, other)
        done += 1


def gradients(count: int, seed: int = 20) -> None:
    """As `main`, for the gradient of x: elements, weights and gradients lie next to forbidden
    pages."""
    import torch

    faulthandler.enable()
    sources, masks, incoming = Page(), Page(), Page()
    done = 0
    for name, x, reduction, options in calls(random.Random(seed)):
        if done == count:
            return
        if x.dtype.kind != "f" or isinstance(reduction, tuple) or np.isnan(x).any():
            continue
        print("gradient of", name, flush=True)
        found: list[torch.Tensor] = []
        for behind in (None, False, True):
            rest = dict(options)
            if "weights" in rest:
                rest["weights"] = torch.from_numpy(
                    rest["weights"] if behind is None else masks.place(rest["weights"], behind)
                )
            t = torch.from_numpy(x.copy("K") if behind is None else sources.place(x, behind)).requires_grad_()
            try:
                y = ap.pool(t, reduction=reduction, **rest)
            except ap.PoolingError:
                break
            if not y.requires_grad:
                break
            g = np.arange(y.numel(), dtype=x.dtype).reshape(tuple(y.shape)) % 7
            y.backward(torch.from_numpy(g if behind is None else incoming.place(g, behind)))
            assert t.grad is not None
            found.append(t.grad)
        for other in found[1:]:
            torch.testing.assert_close(other, found[0], rtol=0, atol=0, equal_nan=True)
        done += len(found) == 3


if __name__ == "__main__":
    {"values": main, "gradients": gradients}[sys.argv[1]](*map(int, sys.argv[2:]))
