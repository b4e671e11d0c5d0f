"""Calls of everyday sizes, each drawn from one number."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from everyday_arrays import LAYOUTS, laid, numbers, odd_truths, truths

import anypool as ap
from anypool.arguments import plan_of

FLAGS = ("packed", "bools", "lazy", "device", "scales", "edges")
DTYPES = ["float32"] * 4 + ["float64"] * 2 + ["float16", "bfloat16", "uint8", "uint8", "int8", "uint16", "int16"]
DTYPES += ["int32", "uint32", "int64", "uint64", "bool"]
FOLDS: list[Any] = ["sum", "mean", "max", "min", "max", "mean", "any", "all", "count", "argmax", "argmin", "range"]
FOLDS += ["rms", "var", "std", "prod", "logsumexp", "softpool", ap.Lp(3), ap.Lp(1), ap.PowerMean(3), ap.LogMeanExp(2)]
ORDERS: list[Any] = ["median", "median", "mode", "argmedian", ap.Rank(0), ap.Rank(-1), ap.Rank(2), ap.Quantile(0.3)]
ORDERS += [
    ap.Quantile(0.7, "nearest"),
    ap.TrimmedMean(0.2, 0.1),
    ap.TopKMean(2),
    ap.Median("lower"),
    ap.Range(0.1, 0.9),
]
ORDERS += [ap.Place(ap.Rank(1)), ap.Quantile([0.1, 0.9]), ap.KMax(2)]
SEVERAL: list[Any] = [("max", "argmax"), ("mean", "std"), ("min", "max", "sum"), ("mean", "median")]
BORDERS: list[Any] = ["absent", "absent", "absent", "reflect", "symmetric", "replicate", "circular", 1]
SIDES = [7, 14, 28, 31, 56, 64, 96, 112, 127, 224, 256]
Random = np.random.Generator


@dataclass
class Call:
    """One call: what it is given, and the same numbers as a plain array."""

    seed: int
    x: Any = None
    plain: Any = None
    windows: Any = None
    reduction: Any = None
    axes: Any = None
    options: dict[str, Any] = field(default_factory=dict)
    plain_options: dict[str, Any] = field(default_factory=dict)
    threads: int = 1
    gradient: bool = False
    lazy_gradient: bool = False
    first_plain: bool = False  # the same call on a plain array comes first
    device: str | None = None
    said: str = ""
    sliding: dict[str, Any] | None = None  # the numbers of sliding windows

    def __str__(self) -> str:
        return self.said


def pick(random: Random, items: Any) -> Any:
    return items[int(random.integers(len(items)))]


def shape_of(random: Random, size: float) -> tuple[tuple[int, ...], tuple[int, ...], str]:
    """A shape of about so many elements, the axes to pool, and what it is like."""
    kind = pick(random, ["image"] * 5 + ["batch"] * 3 + ["last"] * 2 + ["colour", "line", "series", "volume", "tokens"])
    few = int(pick(random, [1, 2, 3, 4, 8]))
    if kind == "image":
        high = int(np.clip(math.sqrt(size) * math.exp(random.uniform(-0.7, 0.7)), 150, 4000))
        return (high, max(int(size / high), 64)), (0, 1), kind
    if kind == "colour":
        high = int(math.sqrt(size / few) * math.exp(random.uniform(-0.5, 0.5)))
        return (high, max(int(size / few / high), 16), few), (0, 1), kind
    if kind in ("batch", "last"):
        h, w = (
            (int(pick(random, SIDES)),) * 2 if random.random() < 0.6 else (int(n) for n in random.integers(5, 300, 2))
        )
        c = int(pick(random, [1, 3, 8, 16, 17, 24, 64]))
        n = max(int(size / (h * w * c)), 1)
        return ((n, c, h, w), (2, 3), kind) if kind == "batch" else ((n, h, w, c), (1, 2), kind)
    if kind == "line":
        return (int(size),), (0,), kind
    if kind == "series":
        return ((few, int(size / few)), (1,), kind) if random.random() < 0.6 else ((int(size / few), few), (0,), kind)
    if kind == "volume":
        sides = [max(int(size ** (1 / 3) * math.exp(random.uniform(-0.6, 0.6))), 5) for _ in "abc"]
        return (sides[0], sides[1], sides[2]), (0, 1, 2), kind
    t, d = int(pick(random, [64, 128, 500])), int(pick(random, [16, 64, 300]))
    return (max(int(size / t / d), 1), t, d), (1,), kind


def windows_of(random: Random, call: Call, sides: list[int], rank: int) -> Any:
    """Windows for axes of these lengths."""
    kind = pick(random, ["sliding"] * 12 + ["taps", "real", "adaptive", "adaptive", "whole", "fractional", "groups"])
    if rank == 1 and random.random() < 0.3:
        kind = pick(random, ["segments", "inside"])
    if rank == 2 and len(call.plain.shape) == 4 and call.axes == (2, 3) and random.random() < 0.1:
        kind = "boxes"
    same = random.random() < 0.8
    if kind == "adaptive":
        return ap.adaptive(tuple(int(pick(random, [1, 2, 7, n // 3 + 1, n // 2 + 1, n])) for n in sides))
    if kind == "whole":
        return ap.whole()
    if kind == "fractional":
        some = tuple(int(random.integers(1, n + 1)) for n in sides)
        return ap.fractional(some, seed=int(random.integers(99)), overlapping=bool(random.random() < 0.5))
    if kind == "groups":
        many = int(pick(random, [2, 50, 5000]))
        return ap.groups(random.integers(-1, many, tuple(sides)), count=many)
    if kind in ("segments", "inside"):
        cuts = np.unique(random.integers(0, sides[0] + 1, int(pick(random, [3, 50, sides[0] // 5 + 1]))))
        made = ap.segments([0, *cuts.tolist(), sides[0]])
        return made if kind == "segments" else made.sliding(int(random.integers(1, 6)), int(random.integers(1, 4)))
    if kind == "boxes":
        low = random.uniform(-5, max(sides), (20, 2))
        rows = np.concatenate(
            [random.integers(0, call.plain.shape[0], (20, 1)), low, low + random.uniform(-2, 60, low.shape)], 1
        )
        return ap.boxes(rows, int(random.integers(1, 8)), reading=str(pick(random, ["quantised", "sampled", "exact"])))
    common = [2, 3, 3, 3, 5, 5, 7, 4, 9, 11, 15, 17, 25, 31, 65, 101][: 16 if rank < 3 else 7]
    size = [int(pick(random, common))] * rank if same else [int(random.integers(1, 12)) for _ in sides]
    if rank == 1 and random.random() < 0.3:
        size = [int(pick(random, [101, 256, 1001, 2048]))]
    size = [min(k, n) for k, n in zip(size, sides, strict=True)]
    stride = [int(pick(random, [1, 1, 1, 2, 2, k, 3, k + 2])) for k in size]
    stride = [stride[0]] * rank if same and random.random() < 0.8 else stride
    border = pick(random, BORDERS)
    if "edges" in call.options["flags"] and random.random() < 0.2:
        border = edge(random, call.plain.dtype)
    if math.prod(size) > 121 and kind in ("taps", "real"):  # many reductions walk them place by place
        kind = "sliding"
    if kind == "real":
        some = [min(k + float(pick(random, [0, 0.5, 0.25])), float(n)) for k, n in zip(size, sides, strict=True)]
        return ap.sliding(tuple(some), tuple(float(s) for s in stride), border=border)
    step = int(pick(random, [2, 2, 3])) if random.random() < 0.15 else 1
    if any((k - 1) * step >= n for k, n in zip(size, sides, strict=True)):
        step = 1  # the window would not fit
    reach = [min((k - 1) * step, n - 1) for k, n in zip(size, sides, strict=True)]
    style = random.random()
    pads = [(0, 0) if style < 0.4 else (r // 2, r // 2) for r in reach]
    if style > 0.8:
        pads = [(int(random.integers(0, r + 1)), int(random.integers(0, r + 1))) for r in reach]
    ceil = bool(random.random() < 0.2)
    taps = tuple(random.integers(0, 4, k) / 2.0 for k in size) if kind == "taps" else None
    call.sliding = {"size": size, "stride": stride, "pads": pads, "step": step, "border": border, "taps": taps}
    return ap.sliding(tuple(size), tuple(stride), tuple(pads), step, ceil_mode=ceil, border=border, taps=taps)


def edge(random: Random, dtype: Any) -> Any:
    """A constant that the type just holds, or just does not."""
    if dtype.kind not in "iu":
        return pick(random, [0.5, -1e30, float("inf"), float("-inf"), 2**53 + 1])
    least, most = int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)
    return pick(random, [least, most, least, most, most - 1, most + 1, least - 1, 0.5, float("inf")])


def weights_of(random: Random, call: Call, behind: bool) -> tuple[np.ndarray, np.ndarray]:
    """Weights as they are given, and the same ones plain."""
    shape, flags = call.plain.shape, call.options["flags"]
    kind = pick(random, ["mask", "mask", "real", "few"])
    if kind == "mask":
        w: np.ndarray = random.random(shape) < 0.8
    elif kind == "few":
        w = random.integers(0, 3, shape).astype("float64")
    else:
        w = random.random(shape)
        if "scales" in flags:
            w = (
                w * 10.0 ** random.uniform(-30, 30)
                if random.random() < 0.6
                else np.full(shape, random.choice([0.1, 1 / 3]))
            )
    if kind == "mask" and "bools" in flags and random.random() < 0.5:
        w = odd_truths(w, random)
    given = laid(w, layout_of(random, flags), random, behind)
    return given, truths(given)


def layout_of(random: Random, flags: tuple[str, ...]) -> str:
    layout = str(pick(random, LAYOUTS))
    return "plain" if layout == "packed" and "packed" not in flags else layout


def draw(seed: int, most: float, flags: tuple[str, ...]) -> Call:
    """The call of this number: `most` bounds its elements."""
    random = np.random.default_rng(seed)
    call = Call(seed, options={"flags": flags})
    size = 10 ** random.uniform(5, math.log10(most))
    shape, call.axes, like = shape_of(random, size)
    dtype, behind = str(pick(random, DTYPES)), bool(random.random() < 0.7)
    tensor = dtype == "bfloat16" or random.random() < 0.25
    call.plain = numbers(shape, "float32" if dtype == "bfloat16" else dtype, random)
    rank = len(call.axes)
    call.windows = windows_of(random, call, [shape[a] for a in call.axes], rank)
    call.reduction = pick(random, FOLDS if random.random() < 0.65 else ORDERS)
    if random.random() < 0.08 and not tensor:
        call.reduction = pick(random, SEVERAL)
    x = call.plain
    if x.dtype == bool and "bools" in flags and random.random() < 0.5:
        x = odd_truths(x, random)
    layout = layout_of(random, flags)
    x = laid(x, layout, random, behind)
    call.plain = truths(x)
    call.options = {"flags": flags}
    more: dict[str, Any] = {"empty": 3.0}
    if "edges" in flags and random.random() < 0.2:
        more["empty"] = edge(random, call.plain.dtype)
    if "edges" in flags and call.reduction == "mode" and random.random() < 0.7:
        call.reduction = ap.Mode(ignore=edge(random, call.plain.dtype))
    if type(call.windows).__name__ != "Boxes":
        more["axes"] = call.axes
    if random.random() < 0.25:
        more["nan"] = "omit"
    if random.random() < 0.2:
        more["ties"] = str(pick(random, ["first", "last"]))
    given, clean = dict(more), dict(more)
    if random.random() < 0.2:
        given["weights"], clean["weights"] = weights_of(random, call, behind)
    call.reduction = within_reach(call, clean)
    call.threads = int(pick(random, [1, 2, 2, 8]))
    call.x, call.options, call.plain_options = x, given, clean
    if tensor:
        call.gradient = np.dtype(call.plain.dtype).kind == "f" and random.random() < 0.6
        as_tensors(call, dtype, random, flags)
        call.gradient = call.gradient and gradient_within_reach(call)
    facts = {
        k: (str(v.dtype), v.strides if hasattr(v, "strides") else v.stride()) if k == "weights" else v
        for k, v in given.items()
    }
    what = f"{'torch ' if tensor else ''}{dtype} {like} {shape}, {layout} ({'behind' if behind else 'before'})"
    call.said = f"seed {seed}: {call.threads} threads, {what}, {call.windows!r:.300}, {call.reduction!r}, {facts}"
    call.said += ", gradient" * call.gradient + f", device {call.device}" * bool(call.device)
    return call


def within_reach(call: Call, options: dict[str, Any]) -> Any:
    """The reduction of the call, or a fast one if sorting each window would take minutes."""
    name = repr(call.reduction)
    orders = isinstance(call.reduction, ap.Order) or any(word in name for word in ("median", "mode"))
    counted = name.startswith(("'median'", "Median", "Rank", "Quantile(q=0")) and not {"weights", "nan"} & set(options)
    if not orders or (counted and not (call.sliding and call.sliding["step"] > 1)):
        return call.reduction
    grid = plan_of(call.windows, tuple(call.plain.shape), options.get("axes"))
    return call.reduction if grid.total_count < 2e7 else "max"


def gradient_within_reach(call: Call) -> bool:
    """Whether the reference computes the gradient within seconds, for weights and omitted NaN."""
    if not {"weights", "nan"} & set(call.plain_options):
        return True
    grid = plan_of(call.windows, tuple(call.plain.shape), call.plain_options.get("axes"))
    return bool(grid.total_count < 2e8)


def as_tensors(call: Call, dtype: str, random: Random, flags: tuple[str, ...]) -> None:
    """The same call on tensors, where their library has such arrays."""
    import torch

    def tensor(a: np.ndarray) -> torch.Tensor:
        fits = all(s >= 0 and s % a.itemsize == 0 for s in a.strides)
        return torch.from_numpy(a if fits else np.array(a))

    def lazy(t: torch.Tensor) -> torch.Tensor:
        wanted = "lazy" in flags and t.dtype.is_floating_point and random.random() < 0.5
        return torch._neg_view(-t) if wanted else t

    kind = {"bfloat16": torch.bfloat16}.get(dtype)
    x, plain = tensor(call.x), torch.from_numpy(np.array(call.plain))
    if kind is not None:
        x, plain = x.to(kind), plain.to(kind)
    call.x, call.plain = lazy(x), plain
    if "weights" in call.options:
        call.options["weights"] = lazy(tensor(call.options["weights"]))
        call.plain_options["weights"] = torch.from_numpy(np.array(call.plain_options["weights"]))
    call.lazy_gradient = "lazy" in flags and bool(random.random() < 0.5)
    call.first_plain = bool(random.random() < 0.5)
    if "device" in flags and random.random() < 0.3:
        call.device = "meta"
