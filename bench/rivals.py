"""The rivals: each only where it does the same thing, else a sentence that says why not."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from .cases import Case
from .data import numpy_of
from .ours import Call, gradient_call
from .rivals_onnx import onnxruntime_rival

Rival = dict[str, Call] | str  # "new": makes its result, "out": writes into memory that is there; or why not
Tried = tuple[dict[str, Call], Any, float]  # its calls, what the first gave, and in how many seconds


def rivals_of(case: Case, x: torch.Tensor, threads: int) -> dict[str, Tried | str]:
    """Every rival tried once on a case, or its reason; small calls are held to torch alone."""
    makers: dict[str, Callable[[Case, Any, int], Rival]] = {
        "torch": lambda case, x, threads: torch_rival(case, x),
        "torch composed": lambda case, x, threads: composed_rival(case, x),
        "onnxruntime": onnxruntime_rival,
        "opencv": opencv_rival,
        "scipy": scipy_rival,
        "numpy": numpy_rival,
    }
    if case.rivals is not None:
        makers = case.rivals
    if case.group == "small":
        makers = {"torch": makers["torch"]}
    found: dict[str, Tried | str] = {}
    for name, make in makers.items():
        try:
            rival = make(case, x, threads)
            found[name] = rival if isinstance(rival, str) else _try(rival)
        except Exception as error:  # a dtype or a shape that it cannot do
            found[name] = f"{type(error).__name__}: {str(error).strip().splitlines()[0][:110]}"
    return found


def _try(calls: dict[str, Call]) -> Tried:
    check = calls.pop("check", None)
    begin = time.perf_counter()
    result = next(iter(calls.values()))()
    seconds = time.perf_counter() - begin
    return calls, check() if check else result, seconds


def torch_rival(case: Case, x: torch.Tensor) -> Rival:
    """torch.nn.functional's own name for it."""
    forward = _torch_forward(case)
    if isinstance(forward, str):
        return forward
    if case.direction != "forward":
        return {"new": gradient_call(case, x, forward)}
    return {"new": lambda: forward(x)}


def _torch_forward(case: Case) -> Callable[[torch.Tensor], Any] | str:
    functional: Any = torch.nn.functional
    where, reduction = case.where, case.reduction
    if where.kind == "segments":
        lengths = torch.tensor(where.lengths)
        return lambda t: torch.segment_reduce(t, str(reduction), lengths=lengths, axis=0, unsafe=True)
    if where.kind == "whole":
        pooled: Any = {"mean": torch.mean, "max": torch.amax}.get(str(reduction))
        return (lambda t: pooled(t, case.axes, keepdim=True)) if pooled else "torch has no such pooling"
    rank = len(where.size)
    if reduction in ("max", ("max", "argmax")):
        pool = getattr(functional, f"max_pool{rank}d")
        options: dict[str, Any] = {"dilation": where.dilation, "return_indices": reduction != "max"}
    elif reduction == "mean":
        if where.dilation > 1:
            return "torch's average pooling has no dilation"
        pool, options = getattr(functional, f"avg_pool{rank}d"), {}
    else:
        return "torch has no such pooling; see torch composed"
    lead = max(rank + 1, 3)
    return lambda t: _ranked(pool, t, lead, where.size, where.stride, where.padding, **options)


def _ranked(pool: Any, t: Any, rank: int, *args: Any, **options: Any) -> Any:
    """torch's pooling of a tensor that may lack its channel axis."""
    if t.ndim >= rank:
        return pool(t, *args, **options)
    return pool(t[(None,) * (rank - t.ndim)], *args, **options)[(0,) * (rank - t.ndim)]


def composed_rival(case: Case, x: torch.Tensor) -> Rival:
    """What torch lacks, from what it has: exp, products and average pooling."""
    where = case.where
    if where.kind != "sliding" or case.reduction not in ("var", "softpool", "logsumexp"):
        return "torch has it, or it cannot be composed of its poolings"

    def mean(t: Any) -> Any:
        return torch.nn.functional.avg_pool2d(t, where.size, where.stride, where.padding, count_include_pad=False)

    def total(t: Any) -> Any:
        return torch.nn.functional.avg_pool2d(t, where.size, where.stride, where.padding, divisor_override=1)

    def forward(t: Any) -> Any:
        if case.reduction == "var":
            return mean(t * t) - mean(t) ** 2
        lifted = torch.exp(t - t.max())
        return total(lifted).log() + t.max() if case.reduction == "logsumexp" else total(lifted * t) / total(lifted)

    return {"new": lambda: forward(x)}


def _kept_length(case: Case) -> str | None:
    where = case.where
    if case.direction != "forward":
        return "it has no gradients"
    if where.kind != "sliding" or where.stride != 1 or where.dilation != 1:
        return "it pools sliding windows of stride 1 only"
    if any(2 * where.padding != n - 1 for n in where.size):
        return "it keeps the length; this case does not"
    if case.reduction not in ("max", "mean"):
        return "it has no such reduction"
    if case.dtype == "bfloat16":
        return "it has no bfloat16"
    return None


def opencv_rival(case: Case, x: torch.Tensor, threads: int) -> Rival:
    """dilate and blur, plane by plane; channels-last images whole."""
    import cv2 as opencv

    cv: Any = opencv
    refusal = _kept_length(case) or (None if len(case.where.size) == 2 else "it pools two axes")
    if refusal:
        return refusal
    if case.reduction == "mean" and case.dtype == "uint8":
        return "its mean of bytes is rounded to bytes"
    cv.setNumThreads(threads)
    array, out = numpy_of(x), np.empty_like(numpy_of(x))
    if case.layout == "channels-last":
        pairs = [(a.transpose(1, 2, 0), b.transpose(1, 2, 0)) for a, b in zip(array, out, strict=True)]
    else:
        planes = array.reshape(-1, *array.shape[-2:]), out.reshape(-1, *array.shape[-2:])
        pairs = list(zip(*planes, strict=True))
    kernel = np.ones(case.where.size, np.uint8)

    def run() -> Any:
        for a, b in pairs:
            if case.reduction == "max":
                cv.dilate(a, kernel, dst=b)
            else:
                cv.blur(a, case.where.size, dst=b, borderType=cv.BORDER_CONSTANT)
        return out

    return {"out": run}


def scipy_rival(case: Case, x: torch.Tensor, threads: int) -> Rival:
    """maximum_filter and uniform_filter."""
    from scipy import ndimage

    refusal = _kept_length(case)
    if refusal:
        return refusal
    if case.reduction == "mean" and case.dtype == "uint8":
        return "its mean of bytes is rounded to bytes"
    array, out = numpy_of(x), np.empty_like(numpy_of(x))
    size = (1,) * (array.ndim - len(case.where.size)) + case.where.size
    least = 0 if case.dtype == "uint8" else -np.inf
    if case.reduction == "max":
        return {"out": lambda: (ndimage.maximum_filter(array, size, output=out, mode="constant", cval=least), out)[1]}
    return {"out": lambda: (ndimage.uniform_filter(array, size, output=out, mode="constant"), out)[1]}


def numpy_rival(case: Case, x: torch.Tensor, threads: int) -> Rival:
    """reduceat for segments, mean and max over axes for `whole`, a reshape for disjoint windows."""
    if case.direction != "forward" or case.dtype == "bfloat16" or not isinstance(case.reduction, str):
        return "no one call does it"
    array, where = numpy_of(x), case.where
    fold: Any = {"mean": np.mean, "max": np.max, "sum": np.sum}.get(case.reduction)
    if fold is None:
        return "no one call does it"
    if where.kind == "whole":
        return {"new": lambda: fold(array, axis=case.axes, keepdims=True)}
    if where.kind == "segments":
        starts = np.cumsum((0, *where.lengths[:-1]))
        lengths = np.array(where.lengths, np.float32)[:, None]
        ufunc: Any = np.maximum if case.reduction == "max" else np.add
        if case.reduction == "mean":
            return {"new": lambda: ufunc.reduceat(array, starts, axis=0) / lengths}
        return {"new": lambda: ufunc.reduceat(array, starts, axis=0)}
    rank, size = len(where.size), where.size
    apart = where.stride == size[0] and not where.padding and where.dilation == 1
    if not apart or any(n % k for n, k in zip(array.shape[-rank:], size, strict=True)):
        return "windows overlap, or do not tile the axes"
    cut: list[int] = list(array.shape[:-rank])
    for n, k in zip(array.shape[-rank:], size, strict=True):
        cut += [n // k, k]
    inside = tuple(range(array.ndim - rank + 1, array.ndim + rank, 2))
    return {"new": lambda: fold(array.reshape(cut), axis=inside)}
