"""Cases beyond sliding windows: boxes and groups, each with its own oracle and rivals."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import anypool as ap

from .cases import TABLE, Case, Where, cases
from .orders import orders
from .weighted import weighted

BOXES = 1000
RIVALS = ("torch scatter_reduce", "torch segment_reduce")


def every() -> Iterator[Case]:
    """The common cases and those here."""
    yield from cases()
    yield from boxes()
    yield from groups()
    yield from divided()
    yield from orders()
    yield from weighted()


def boxes() -> Iterator[Case]:
    """1000 boxes of 16 to 300 pixels on two feature maps of a quarter of the image's size."""
    shape = (2, 256, 100, 152)
    rows = _rows(shape)
    readings = {"sampled": "mean", "exact": "mean", "quantised": "max"}
    for reading, reduction in readings.items():
        made = ap.boxes(rows, 7, scale=0.25, reading=reading, sampling=2, aligned=reading == "sampled")
        targets: dict[str, float] = {"onnxruntime": 3} if reading == "sampled" else {}
        truth = (
            (lambda x: _aligned(x, rows)) if reading == "sampled" else _pooled if reading == "quantised" else _integral
        )
        rivals: dict[str, Any] = {"onnxruntime": lambda case, x, threads: _roi_align(x, rows, threads)}
        yield Case(
            f"1000 boxes 7×7 {reading} {reduction}",
            "regions",
            shape,
            Where("boxes", (7, 7), axes=(0, 2, 3), made=made),
            reduction,
            targets=targets,
            truth=truth,
            rivals=rivals if reading == "sampled" else {},
        )


def groups() -> Iterator[Case]:
    """A million groups of one to eight elements, in order and shuffled."""
    random = np.random.default_rng(0)
    lengths = random.integers(1, 9, 10**6)
    sorted_index = np.repeat(np.arange(len(lengths)), lengths)
    for name, index in (("sorted", sorted_index), ("shuffled", random.permutation(sorted_index))):
        for wide in (1, 16):
            yield Case(
                f"10⁶ groups {name}, {wide} lanes, mean",
                "regions",
                (len(index), wide),
                Where("groups", axes=(0,), made=ap.groups(index, count=len(lengths))),
                "mean",
                targets={name: 5 for name in RIVALS if name != "torch segment_reduce" or index is sorted_index},
                truth=lambda x, index=index: _grouped(x, index),
                rivals={
                    "torch scatter_reduce": lambda case, x, threads, index=index: _scattered(x, index),
                    "torch segment_reduce": lambda case, x, threads, index=index: _segments(x, index),
                },
            )


def divided() -> Iterator[Case]:
    """Fractional windows and a spatial pyramid, and sliding windows of the same sizes over the same
    x."""
    kinds: dict[str, tuple[Any, list[Any]]] = {
        "fractional 56×56": (ap.fractional((56, 56), seed=0), [2]),
        "fractional 56×56 overlapping": (ap.fractional((56, 56), seed=0, overlapping=True), [(3, 2)]),
        "fractional 37×37": (ap.fractional((37, 37), seed=0), [3]),
        "pyramid 1, 2, 4, 8": (ap.pyramid([1, 2, 4, 8]), [112, 56, 28, 14]),
    }
    for name, (made, sizes) in kinds.items():
        plain = [
            ap.sliding((size, size), stride) for size, stride in (s if isinstance(s, tuple) else (s, s) for s in sizes)
        ]
        for reduction in ("max", "mean"):
            yield Case(
                f"{name} {reduction}",
                "regions",
                TABLE,
                Where("windows", axes=(2, 3), made=made),
                reduction,
                targets={"plain windows": 1 / 1.5},
                truth=lambda x, made=made, reduction=reduction: _by_axes(x, made, reduction),
                rivals={
                    "plain windows": lambda case, x, threads, made=made, plain=plain: {
                        "check": lambda: ap.pool(
                            x, made, case.reduction, axes=case.axes
                        ),  # other windows, other values
                        "new": lambda: [ap.pool(x, w, case.reduction) for w in plain],
                    }
                },
            )


def _rows(shape: tuple[int, ...]) -> Any:
    random = np.random.default_rng(0)
    room = np.array([shape[3] * 4, shape[2] * 4])
    corner = random.uniform(0, 0.8, (BOXES, 2)) * room
    size = np.exp(random.uniform(np.log(16), np.log(300), (BOXES, 2)))
    images = random.integers(0, shape[0], (BOXES, 1))
    return np.concatenate([images, corner, np.minimum(corner + size, room)], 1).astype(np.float32)


def _aligned(x: Any, rows: Any) -> tuple[Any, Any]:
    """RoIAlign from its definition, for a few boxes and channels."""
    made = np.zeros((5, 2, 7, 7))
    for k, (n, x1, y1, x2, y2) in enumerate(rows[:5].astype(float)):
        wide, high = (x2 - x1) / 4 / 7, (y2 - y1) / 4 / 7
        for i, j, s, t in np.ndindex(7, 7, 2, 2):
            v, u = y1 / 4 - 0.5 + (i + (s + 0.5) / 2) * high, x1 / 4 - 0.5 + (j + (t + 0.5) / 2) * wide
            if not (-1 <= v <= x.shape[2] and -1 <= u <= x.shape[3]):
                continue
            v, u = min(max(v, 0), x.shape[2] - 1), min(max(u, 0), x.shape[3] - 1)
            a, b = min(int(v), x.shape[2] - 2), min(int(u), x.shape[3] - 2)
            p, q = v - a, u - b
            part = np.asarray(x[int(n), :2, a : a + 2, b : b + 2], np.float64)
            made[k, :, i, j] += (part * np.outer([1 - p, p], [1 - q, q])).sum((1, 2)) / 4
    return (slice(0, 5), slice(0, 2)), made


def _pooled(x: Any) -> tuple[Any, Any]:
    """RoIPool from its definition."""
    rows, made = _rows(x.shape), np.zeros((5, 2, 7, 7))
    for k, (n, *corners) in enumerate(rows[:5].astype(float)):
        left, top, right, bottom = (int(np.floor(c * 0.25 + 0.5)) for c in corners)
        high, wide = max(bottom - top + 1, 1) / 7, max(right - left + 1, 1) / 7
        for i, j in np.ndindex(7, 7):
            v = slice(top + int(i * high), min(top + int(np.ceil((i + 1) * high)), x.shape[2]))
            u = slice(left + int(j * wide), min(left + int(np.ceil((j + 1) * wide)), x.shape[3]))
            made[k, :, i, j] = x[int(n), :2, v, u].max((1, 2), initial=-np.inf)
    return (slice(0, 5), slice(0, 2)), made


def _integral(x: Any) -> tuple[Any, Any]:
    """PrRoI: the hat of each element integrated over a bin by Simpson's rule between knots:
    exact."""
    rows, made = _rows(x.shape), np.zeros((2, 1, 7, 7))
    for k, (n, x1, y1, x2, y2) in enumerate(rows[:2].astype(float) * [1, 0.25, 0.25, 0.25, 0.25]):
        shares = [
            np.array([_hats(lo + (hi - lo) * o / 7, lo + (hi - lo) * (o + 1) / 7, m) for o in range(7)])
            for lo, hi, m in ((y1, y2, x.shape[2]), (x1, x2, x.shape[3]))
        ]
        area = (y2 - y1) * (x2 - x1) / 49
        made[k, 0] = shares[0] @ np.asarray(x[int(n), 0], np.float64) @ shares[1].T / area
    return (slice(0, 2), slice(0, 1)), made


def _hats(a: float, b: float, length: int) -> Any:
    knots = np.unique(np.clip(np.concatenate([[a, b], np.arange(-1, length + 1)]), a, b))
    at = np.arange(length)
    hat = [np.maximum(0, 1 - np.abs(p[:, None] - at)) for p in (knots[:-1], (knots[:-1] + knots[1:]) / 2, knots[1:])]
    return ((hat[0] + 4 * hat[1] + hat[2]) * np.diff(knots)[:, None] / 6).sum(0)


def _grouped(x: Any, index: Any) -> tuple[Any, Any]:
    return slice(0, 20), np.stack([np.asarray(x[index == g], np.float64).mean(0) for g in range(20)])


def _by_axes(x: Any, made: Any, reduction: str) -> tuple[Any, Any]:
    """A few planes, window by window, from the edges that the plan says."""
    part = np.asarray(x[:1, :2], np.float64)
    found = [
        getattr(part[..., r : r + m, c : c + n], reduction)((2, 3))
        for grid in made.plan(tuple(x.shape), (2, 3)).grids
        for r, m in zip(grid.axes[0].first, grid.axes[0].length, strict=True)
        for c, n in zip(grid.axes[1].first, grid.axes[1].length, strict=True)
    ]
    shape = (1, 2, *made.output_shape(x.shape, (2, 3))[2:])
    return (slice(0, 1), slice(0, 2)), np.stack(found, -1).reshape(shape)


def _roi_align(x: Any, rows: Any, threads: int) -> dict[str, Callable[[], Any]]:
    import onnx
    import onnxruntime

    runtime: Any = onnxruntime
    helper: Any = onnx.helper
    float_type, int_type = onnx.TensorProto.FLOAT, onnx.TensorProto.INT64
    node = helper.make_node(
        "RoiAlign",
        ["x", "rois", "images"],
        ["y"],
        spatial_scale=0.25,
        output_height=7,
        output_width=7,
        sampling_ratio=2,
    )
    given = [
        helper.make_tensor_value_info(n, t, None)
        for n, t in (("x", float_type), ("rois", float_type), ("images", int_type))
    ]
    graph = helper.make_graph([node], "pool", given, [helper.make_tensor_value_info("y", float_type, None)])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)
    options = runtime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = threads, 4
    session = runtime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    feed = {"x": x.numpy(), "rois": np.ascontiguousarray(rows[:, 1:]), "images": rows[:, 0].astype(np.int64)}
    return {"new": lambda: session.run(None, feed)[0]}


def _scattered(x: Any, index: Any) -> dict[str, Callable[[], Any]]:
    import torch

    at = torch.as_tensor(index)[:, None].expand(-1, x.shape[1])
    total = int(index.max()) + 1
    return {"new": lambda: torch.zeros(total, x.shape[1]).scatter_reduce_(0, at, x, "mean", include_self=False)}


def _segments(x: Any, index: Any) -> Any:
    import torch

    if bool((np.diff(index) < 0).any()):
        return "its segments lie side by side"
    lengths = torch.as_tensor(np.bincount(index))
    return {"new": lambda: torch.segment_reduce(x, "mean", lengths=lengths, axis=0, unsafe=True)}
