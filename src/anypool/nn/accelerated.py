"""accelerated(): replaces torch's pooling functions while a with-block runs, wherever they are
called.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as T
from torch.overrides import TorchFunctionMode

from ..arrays.torch import transformed
from ..engines.native.library import library
from ..errors import PoolingError
from ..scalars import entries
from ..torch.recorders import recorder
from . import functional as F

TYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


def _pairs() -> dict[Any, Callable[..., Any]]:
    """torch's functions, and anypool's with equal numbers."""
    table: dict[Any, Callable[..., Any]] = {}
    for rank in (1, 2, 3):
        for name in ("max_pool", "avg_pool", "adaptive_avg_pool", "adaptive_max_pool"):
            for whole in (f"{name}{rank}d", f"{name}{rank}d_with_indices"):
                if "max" in name or "with" not in whole:
                    ours = getattr(F, whole)
                    table[getattr(T, whole)] = ours if "adaptive" in name else _strict(ours, rank)
        table[getattr(T, f"lp_pool{rank}d")] = _even(getattr(F, f"lp_pool{rank}d"), rank)
        table[getattr(torch, f"max_pool{rank}d")] = table[getattr(T, f"max_pool{rank}d")]
    table |= {torch.avg_pool1d: table[T.avg_pool1d], torch.adaptive_avg_pool1d: F.adaptive_avg_pool1d}
    table |= {torch.adaptive_max_pool1d: F.adaptive_max_pool1d_with_indices}
    return table | {torch.max_pool1d_with_indices: table[T.max_pool1d_with_indices]}


def _strict(ours: Callable[..., Any], rank: int) -> Callable[..., Any]:
    """A pooling within torch's limits: windows no longer than the axis, paddings of at most half a
    window."""

    def strict(input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, *rest: Any, **more: Any) -> Any:
        gaps = rest[0] if rest and "max" in ours.__name__ else more.get("dilation", 1)
        every = zip(
            input.shape[-rank:],
            entries(kernel_size, rank, "kernel_size"),
            entries(padding, rank, "padding"),
            entries(gaps, rank, "dilation"),
            strict=False,
        )
        if any(2 * p > k or (k - 1) * d >= n + 2 * p for n, k, p, d in every):
            raise PoolingError(f"kernel_size={kernel_size!r}, padding={padding!r}: torch refuses it")
        return ours(input, kernel_size, stride, padding, *rest, **more)

    return strict


def _even(ours: Callable[..., Any], rank: int) -> Callable[..., Any]:
    """A norm that equals torch's: even powers, in windows that do not overhang."""

    def norm(input: Any, norm_type: Any, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Any:
        fits = all(k <= n for n, k in zip(input.shape[-rank:], entries(kernel_size, rank, "kernel_size"), strict=False))
        if norm_type % 2 or ceil_mode or not fits:
            raise PoolingError(f"norm_type={norm_type!r}, ceil_mode={ceil_mode!r}: torch's numbers are others")
        return ours(input, norm_type, kernel_size, stride, ceil_mode)

    return norm


PAIRS = _pairs()


def name_of(function: Any) -> str | None:
    """The name of a pooling function of torch; None for others."""
    ours = PAIRS.get(function) if callable(function) else None
    return None if ours is None else str(function.__name__)


class _Mode(TorchFunctionMode):
    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        ours = None if torch.compiler.is_compiling() else PAIRS.get(func)
        if ours is not None and _served(args[0] if args else kwargs.get("input")):
            try:
                return ours(*args, **kwargs)
            except (PoolingError, TypeError):  # torch's own result or error follows
                pass
        return func(*args, **kwargs)


def _served(x: Any) -> bool:
    """Whether anypool has torch's numbers for x, and compiles the call."""
    plain = type(x) in (torch.Tensor, torch.nn.Parameter) and x.is_cpu and x.layout is torch.strided
    return (
        plain
        and x.dtype in TYPES
        and x.numel() > 0
        and library() is not None
        and not transformed()
        and recorder(x) is None
    )


@contextmanager
def accelerated() -> Generator[None]:
    """Replace torch's pooling functions and layers in the block, with equal numbers and gradients;
    also a decorator.

    It affects the thread that entered the block. Calls that anypool does not support (other devices
    and types, torch.func, recording tools, an lp_pool of odd power) stay torch's. So do calls that
    torch refuses.


    >>> import torch
    >>> with accelerated():
    ...     y = torch.nn.functional.max_pool2d(torch.ones(1, 1, 4, 4), 2)
    >>> y.shape
    torch.Size([1, 1, 2, 2])
    """
    with _Mode():
        yield
