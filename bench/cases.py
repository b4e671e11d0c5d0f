"""The cases: named real shapes, the rows of the table, small calls; each with its target times."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

import anypool as ap

TABLE = (16, 64, 112, 112)
NAMES = {"logsumexp": "LogSumExp", "softpool": "SoftPool"}


@dataclass(frozen=True)
class Where:
    """The windows of a case, in terms that every rival reads: on the last axes, one for each
    `size`."""

    kind: str  # "sliding", "whole", "segments", or another with `made`
    size: tuple[int, ...] = ()
    stride: int = 1
    padding: int = 0
    dilation: int = 1
    axes: tuple[int, ...] = ()
    lengths: tuple[int, ...] = ()
    made: Any = field(default=None, compare=False)  # windows of another kind, ready

    def windows(self, count: str = "present") -> Any:
        """The same in anypool's words."""
        if self.made is not None:
            return self.made
        if self.kind == "whole":
            return ap.whole()
        if self.kind == "segments":
            return ap.segments(lengths=self.lengths)
        return ap.sliding(self.size, self.stride, self.padding, self.dilation, count=count)

    def __str__(self) -> str:
        if self.made is not None:
            return repr(self.made)
        if self.kind != "sliding":
            return "global" if self.kind == "whole" else f"{len(self.lengths)} segments"
        dilated = f" dilation {self.dilation}" if self.dilation > 1 else ""
        return "×".join(map(str, self.size)) + f"/{self.stride}{dilated}"


@dataclass(frozen=True)
class Case:
    """One benchmark: an input, a call, and what it is held to."""

    name: str
    group: str  # "regions", "orders", "weighted", "table", "shapes", "layout", "types", "backward" or "small"
    shape: tuple[int, ...]
    where: Where
    reduction: Any  # a name, several, or an object with parameters
    dtype: str = "float32"
    layout: str = "contiguous"
    direction: str = "forward"  # or "backward", "forward+backward"
    library: str = "torch"  # whose arrays a small call, or one of a type that torch lacks, is made with
    options: dict[str, Any] = field(default_factory=dict[str, Any], compare=False)  # weights, nan
    labels: int = 1 << 32  # of integers: how many there are
    learns: bool = False  # the tensor requires a gradient: the forward of a training step
    targets: dict[str, float] = field(
        default_factory=dict[str, float]
    )  # copy, read, plain, us: at most; rivals: at least
    truth: Any = field(default=None, compare=False)  # its own oracle: x -> an index into the result, what stands there
    ours: Any = field(default=None, compare=False)  # its own calls of anypool: (case, x) -> calls
    rivals: Any = field(default=None, compare=False)  # its own rivals: name -> (case, x, threads) -> calls
    loose: float | None = None  # how far results may differ; None: as the element type needs
    patience: float = 1.0  # seconds of a call, all rounds together

    @property
    def axes(self) -> tuple[int, ...]:
        """The pooled axes."""
        return self.where.axes or tuple(range(-len(self.where.size), 0))

    @property
    def windows(self) -> Any:
        """Where, in anypool's words; a mean divides as torch's default does."""
        return self.where.windows("padded" if self.reduction == "mean" else "present")

    def smaller(self) -> Case:
        """The same case with fewer images, for a quick look."""
        if self.group == "small":
            return self
        if self.where.made is not None:
            return replace(self, targets={})
        if self.where.kind == "segments":
            lengths = self.where.lengths[: max(len(self.where.lengths) // 16, 1)]
            return replace(
                self, shape=(sum(lengths), *self.shape[1:]), where=replace(self.where, lengths=lengths), targets={}
            )
        return replace(self, shape=(max(self.shape[0] // 16, 1), *self.shape[1:]), targets={})


def square(size: int, stride: int, dilation: int = 1, rank: int = 2) -> Where:
    """Windows of one size on every axis, padded so that stride 1 keeps the length."""
    padding = dilation * (size - 1) // 2 if size % 2 else 0
    return Where("sliding", (size,) * rank, stride, padding, dilation)


def cases() -> Iterator[Case]:
    """Every case, the table of targets first."""
    yield from table()
    yield from layouts()
    yield from element_types()
    yield from whole_and_ragged()
    yield from backward()
    yield from shapes()
    yield from small()


def table() -> Iterator[Case]:
    """The float32 rows of the table of targets, and the same with dilation, which costs no more."""
    limits: dict[tuple[int, int], dict[str, float]] = {
        (2, 2): {"copy": 1.5, "torch": 10, "onnxruntime": 2},
        (3, 2): {"copy": 1.5, "torch": 10, "onnxruntime": 2},
        (3, 1): {"copy": 1.5, "torch": 25, "onnxruntime": 2.3},
        (5, 1): {"copy": 1.5, "torch": 25, "onnxruntime": 2.3},
        (7, 1): {"copy": 2, "torch": 50, "onnxruntime": 3.5},
        (15, 1): {"copy": 2.5, "torch": 150, "onnxruntime": 12},
        (31, 1): {"copy": 2.5, "torch": 500, "onnxruntime": 40},
    }
    for (size, stride), limit in limits.items():
        for reduction in ("max", "mean"):
            targets = {**limit, "copy": 3.5} if size > 7 and reduction == "mean" else limit
            yield _table(square(size, stride), reduction, targets)
    yield _table(square(3, 1), ("max", "argmax"), {"copy": 2})
    yield _table(square(3, 1), "var", {"copy": 2})
    for reduction in ("softpool", "logsumexp"):
        yield _table(square(3, 1), reduction, {"copy": 3.5, "torch composed": 10})
    for reduction in ("max", "mean"):
        yield _table(square(3, 1, dilation=2), reduction, {"copy": 1.5})


def layouts() -> Iterator[Case]:
    """Channels-last."""
    for channels in (64, 256):
        shape = (16, channels, 112, 112) if channels == 64 else (16, channels, 56, 56)
        for where, copy, torch in ((square(2, 2), 1.5, 1.3), (square(3, 1), 2, 12)):
            for reduction in ("max", "mean"):
                name = f"channels-last C={channels} {reduction} {where}"
                targets = {"copy": copy, "torch": torch}
                yield Case(name, "layout", shape, where, reduction, layout="channels-last", targets=targets)


def element_types() -> Iterator[Case]:
    """Bytes and half floats."""
    where = square(3, 1)
    yield _table(where, "max", {"copy": 2.2, "torch": 50, "opencv": 3}, dtype="uint8", group="types")
    yield _table(where, "mean", {"copy": 5, "torch": 15}, dtype="bfloat16", group="types")
    yield _table(where, "max", {}, dtype="bfloat16", group="types")
    yield _table(square(2, 2), "max", {}, dtype="uint8", group="types")
    yield _table(square(2, 2), "mean", {}, dtype="uint8", group="types")
    yield _table(square(2, 2), "mean", {}, dtype="bfloat16", group="types")


def whole_and_ragged() -> Iterator[Case]:
    """Global pooling and ragged token batches."""
    for reduction in ("mean", "max"):
        where = Where("whole", axes=(-2, -1))
        yield _table(where, reduction, {"read": 1.2, "torch": 1})
        yield Case(f"ResNet head {reduction}", "shapes", (256, 2048, 7, 7), where, reduction)
    random = np.random.default_rng(0)
    kinds = {
        "length 8": np.full(32768, 8),
        "length 64": np.full(4096, 64),
        "sentences (Zipf)": np.minimum(random.zipf(1.5, 20000), 512),
        "4 documents": np.full(4, 65536),
    }
    for name, lengths in kinds.items():
        where = Where("segments", axes=(0,), lengths=tuple(int(n) for n in lengths))
        for reduction in ("mean", "max", "sum") if name == "length 64" else ("mean",):
            targets: dict[str, float] = {"copy": 1.3, "torch": 5}
            yield Case(
                f"tokens, {name} {reduction}", "table", (sum(where.lengths), 64), where, reduction, targets=targets
            )


def backward() -> Iterator[Case]:
    """The table of backward targets; the gradient alone."""
    for size, stride, limit in ((2, 2, 2.0), (3, 2, 4.5), (3, 1, 4.5), (7, 1, 4.5), (15, 1, 4.5), (31, 1, 4.5)):
        yield _table(square(size, stride), "mean", {"copy": limit, "torch": 10}, direction="backward", group="backward")
    limits: dict[tuple[int, int], dict[str, float]] = {
        (2, 2): {"copy": 1.5, "torch": 5},
        (3, 2): {"torch": 1},
        (3, 1): {"copy": 2.5, "torch": 1},
        (5, 1): {"torch": 1},
        (15, 1): {"torch": 1},
    }
    for (size, stride), targets in limits.items():
        yield _table(square(size, stride), "max", targets, direction="backward", group="backward")


def shapes() -> Iterator[Case]:
    """Layers and signals as they are met, forward and with the gradient."""
    nets: list[tuple[str, tuple[int, ...], Where, str]] = [
        ("ResNet stem", (16, 64, 112, 112), square(3, 2), "max"),
        ("VGG stage 1", (4, 64, 224, 224), square(2, 2), "max"),
        ("VGG stage 3", (16, 256, 56, 56), square(2, 2), "max"),
        ("VGG stage 5", (16, 512, 14, 14), square(2, 2), "max"),
        ("Inception branch", (16, 192, 35, 35), square(3, 1), "mean"),
        ("YOLO SPPF", (16, 256, 20, 20), square(5, 1), "max"),
        ("large window", (4, 64, 112, 112), square(31, 1), "max"),
        ("audio 1-D 4/4", (16, 64, 16000), Where("sliding", (4,), 4), "max"),
        ("audio 1-D 25 ms mean", (16, 1, 480000), Where("sliding", (400,), 160), "mean"),
        ("volume 3-D 2×2×2/2", (2, 32, 64, 64, 64), square(2, 2, rank=3), "max"),
        ("volume 3-D 3×3×3/1", (2, 32, 32, 64, 64), square(3, 1, rank=3), "max"),
        ("volume 3-D 3×3×3/1 mean", (2, 32, 32, 64, 64), square(3, 1, rank=3), "mean"),
    ]
    for name, shape, where, reduction in nets:
        yield Case(name, "shapes", shape, where, reduction)
        yield Case(f"{name}, training", "shapes", shape, where, reduction, direction="forward+backward")
    for size in (3, 15):
        for reduction in ("max", "mean"):
            name = f"image 2048² {reduction} {size}×{size}/1"
            yield Case(name, "shapes", (2048, 2048), square(size, 1), reduction)
    yield Case("photo 2048² RGB max 2×2/2", "shapes", (1, 3, 2048, 2048), square(2, 2), "max", "uint8", "channels-last")
    yield Case("photo 2048² RGB max 5×5/1", "shapes", (1, 3, 2048, 2048), square(5, 1), "max", "uint8", "channels-last")


def small() -> Iterator[Case]:
    """Calls whose cost is the call."""
    tiny = ((1, 16, 16, 16), square(2, 2), "max")
    yield Case("small NumPy call", "small", *tiny, library="numpy", targets={"us": 8})
    yield Case("small torch call", "small", *tiny, targets={"torch": 1 / 1.5})
    yield Case("small torch call, training", "small", *tiny, direction="forward+backward", targets={"torch": 1 / 2})


def _table(
    where: Where,
    reduction: str | tuple[str, ...],
    targets: dict[str, float],
    dtype: str = "float32",
    direction: str = "forward",
    group: str = "table",
) -> Case:
    words = NAMES.get(reduction, reduction) if isinstance(reduction, str) else "max with place"
    name = " ".join([*([dtype] if dtype != "float32" else []), words, str(where)])
    if direction == "backward":
        name += " backward"
    return Case(name, group, TABLE, where, reduction, dtype, direction=direction, targets=dict(targets))
