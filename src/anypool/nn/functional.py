"""torch.nn.functional's pooling names, signatures and numbers; every other name is torch's own.

`lp_pool` differs on purpose: it is the norm (Σ|x|^p)^(1/p). torch sums x^p without the magnitude.
For odd p, signs cancel there and the result may be NaN. With ceil_mode, torch also scales windows
that overhang.

Under torch.jit.trace, torch.jit.script, torch.fx and torch.onnx.export, each function is torch's
operation.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import torch

from ..api import pool
from ..arrays.foreign import refuse
from ..arrays.torch import is_compiling, tracing_state
from ..errors import PoolingError
from ..evaluation import evaluate
from ..reductions import Lp
from ..scalars import entries
from ..torch import calls
from ..torch.recorders import recorder
from ..windows import Windows, adaptive, sliding
from ..windows.fractional_area import is_real
from .fractional import fractional_max_pool2d as fractional_max_pool2d
from .fractional import fractional_max_pool2d_with_indices as fractional_max_pool2d_with_indices
from .fractional import fractional_max_pool3d as fractional_max_pool3d
from .fractional import fractional_max_pool3d_with_indices as fractional_max_pool3d_with_indices
from .regions import ps_roi_align as ps_roi_align
from .regions import ps_roi_pool as ps_roi_pool
from .regions import pyramid_boxes as pyramid_boxes
from .regions import roi_align as roi_align
from .regions import roi_pool as roi_pool
from .scripted import scriptable, twin
from .unpool import max_unpool1d as max_unpool1d
from .unpool import max_unpool2d as max_unpool2d
from .unpool import max_unpool3d as max_unpool3d

KNOWN = frozenset((torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.uint8, torch.int32, torch.int64))

LEAST = float("-inf")


def _may_be_recorded(x: Any) -> bool:
    """Whether a tool may record operations on x, or x is a subclass of Tensor."""
    return type(x) is not torch.Tensor or tracing_state() is not None or is_compiling()


def _check(x: Any, rank: int, name: str) -> None:
    if not isinstance(x, torch.Tensor):
        raise PoolingError(f"{name} takes a torch tensor, not {type(x).__name__}; use anypool.pool for other arrays")
    if (type(x) is not torch.Tensor or x.dtype not in KNOWN or x.layout is not torch.strided or x.is_nested) and not (
        torch.compiler.is_compiling()
    ):
        refuse(x, "x")
    if x.ndim not in (rank + 1, rank + 2):
        raise PoolingError(
            f"{name} takes {rank + 1} axes (one sample) or {rank + 2} (a batch), not shape {tuple(x.shape)}"
        )
    if x.dtype is torch.bool:
        raise PoolingError(f"{name} of bool: torch has none; use x.to(torch.uint8), or anypool.pool(x, windows, 'any')")


def _windows(
    recorded: bool,
    rank: int,
    kernel_size: Any,
    stride: Any,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    count: Any = "present",
) -> Windows:
    if recorded:  # a cache would hide the construction from torch.compile
        return _built(rank, kernel_size, stride, padding, dilation, ceil_mode, count)
    try:
        return _cached_windows(rank, kernel_size, stride, padding, dilation, ceil_mode, count)
    except TypeError:  # a list is not hashable
        return _built(rank, kernel_size, stride, padding, dilation, ceil_mode, count)


def _built(
    rank: int, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool, count: Any
) -> Windows:
    size = entries(kernel_size, rank, "kernel_size")
    if is_real(size, stride):
        raise PoolingError(
            f"kernel_size={kernel_size!r}, stride={stride!r}: use integers; anypool.sliding takes real numbers"
        )
    step = (
        size
        if stride is None or (isinstance(stride, (tuple, list)) and not stride)
        else entries(stride, rank, "stride")
    )
    return sliding(
        size,
        step,
        entries(padding, rank, "padding"),
        entries(dilation, rank, "dilation"),
        ceil_mode=bool(ceil_mode),
        count=count,
    )


_cached_windows = lru_cache(maxsize=1024, typed=True)(_built)


def _max(x: Any, windows: Windows, indices: bool) -> Any:
    empty = float("-inf") if x.is_floating_point() or x.is_complex() else torch.iinfo(x.dtype).min
    y = pool(x, windows, "max", empty=empty)
    return (y, pool(x.detach(), windows, "argmax")) if indices else y


def _max_pool(rank: int, indexed: bool = False) -> Callable[..., Any]:
    name = f"max_pool{rank}d" + "_with_indices" * indexed
    torchs = twin(name)

    def max_pool(
        input: Any,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> Any:
        recorded = _may_be_recorded(input)
        if recorded and recorder(input) is not None:
            return torchs(input, kernel_size, stride, padding, dilation, ceil_mode, indexed or return_indices)
        _check(input, rank, name)
        windows = _windows(recorded, rank, kernel_size, stride, padding, dilation, ceil_mode)
        if recorded or indexed or return_indices or not input.is_floating_point():
            return _max(input, windows, indexed or return_indices)
        return evaluate(input, windows, "max", empty=LEAST, library=calls)

    also = "and its flat index in the plane" if indexed else "with return_indices also its flat index in the plane"
    return _named(max_pool, name, f"The greatest element of each window{' ' if indexed else '; '}{also}.")


def _avg_pool(rank: int) -> Callable[..., Any]:
    name = f"avg_pool{rank}d"
    torchs = twin(name)

    def avg_pool(
        input: Any,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> Any:
        recorded = _may_be_recorded(input)
        if recorded and recorder(input) is not None:
            size = entries(kernel_size, rank, "kernel_size")
            step, pads = entries(stride, rank, "stride") if stride else size, entries(padding, rank, "padding")
            more = (divisor_override,) if rank > 1 else ()
            return torchs(input, size, step, pads, ceil_mode, count_include_pad, *more)
        _check(input, rank, name)
        count = divisor_override if divisor_override is not None else "padded" if count_include_pad else "present"
        windows = _windows(recorded, rank, kernel_size, stride, padding, 1, ceil_mode, count)
        y = pool(input, windows, "mean") if recorded else evaluate(input, windows, "mean", library=calls)
        return y if input.is_floating_point() else torch.trunc(y).to(input.dtype)

    return _named(avg_pool, name, "The mean of each window; a mean of integers is rounded towards zero, as in torch.")


def _lp_pool(rank: int) -> Callable[..., Any]:
    name = f"lp_pool{rank}d"
    torchs = twin(name)

    def lp_pool(input: Any, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Any:
        recorded = _may_be_recorded(input)
        if recorded and recorder(input) is not None:
            size = entries(kernel_size, rank, "kernel_size")
            return torchs(input, float(norm_type), size, entries(stride, rank, "stride") if stride else size, ceil_mode)
        _check(input, rank, name)
        return pool(input, _windows(recorded, rank, kernel_size, stride, 0, 1, ceil_mode), Lp(norm_type))

    return _named(lp_pool, name, "The p-norm (Σ|x|^p)^(1/p) of each window; unlike torch's it is a norm for odd p.")


def _adaptive(rank: int, output_size: Any) -> Windows:
    return adaptive(entries(output_size, rank, "output_size"))


def _adaptive_avg_pool(rank: int) -> Callable[..., Any]:
    name = f"adaptive_avg_pool{rank}d"
    torchs = twin(name)

    def adaptive_avg_pool(input: Any, output_size: Any) -> Any:
        if recorder(input) is not None:
            return torchs(input, output_size)
        _check(input, rank, name)
        return pool(input, _adaptive(rank, output_size), "mean")

    return _named(adaptive_avg_pool, name, "The mean of each of output_size windows; None keeps the length of an axis.")


def _adaptive_max_pool(rank: int, indexed: bool = False) -> Callable[..., Any]:
    name = f"adaptive_max_pool{rank}d" + "_with_indices" * indexed
    torchs = twin(name)

    def adaptive_max_pool(input: Any, output_size: Any, return_indices: bool = False) -> Any:
        if recorder(input) is not None:
            return torchs(input, output_size, indexed or return_indices)
        _check(input, rank, name)
        return _max(input, _adaptive(rank, output_size), indexed or return_indices)

    also = ", and their flat indices in the plane" if indexed else ""
    return _named(adaptive_max_pool, name, f"The maximum of each of output_size windows{also}.")


def _named(function: Callable[..., Any], name: str, says: str) -> Callable[..., Any]:
    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"{says}\n\nShapes, arguments and defaults as torch.nn.functional.{name}. Raises PoolingError."
    return function


max_pool1d, max_pool2d, max_pool3d = (_max_pool(r) for r in (1, 2, 3))
max_pool1d_with_indices, max_pool2d_with_indices, max_pool3d_with_indices = (
    _max_pool(r, indexed=True) for r in (1, 2, 3)
)
avg_pool1d, avg_pool2d, avg_pool3d = (_avg_pool(r) for r in (1, 2, 3))
lp_pool1d, lp_pool2d, lp_pool3d = (_lp_pool(r) for r in (1, 2, 3))
adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d = (_adaptive_avg_pool(r) for r in (1, 2, 3))
adaptive_max_pool1d, adaptive_max_pool2d, adaptive_max_pool3d = (_adaptive_max_pool(r) for r in (1, 2, 3))
adaptive_max_pool1d_with_indices, adaptive_max_pool2d_with_indices, adaptive_max_pool3d_with_indices = (
    _adaptive_max_pool(r, indexed=True) for r in (1, 2, 3)
)
for _pooling in ("max_pool", "avg_pool", "lp_pool", "adaptive_avg_pool", "adaptive_max_pool"):
    for _rank in (1, 2, 3):
        scriptable(globals()[f"{_pooling}{_rank}d"])


def __getattr__(name: str) -> Any:
    """Every other name is that of torch.nn.functional."""
    return getattr(torch.nn.functional, name)
