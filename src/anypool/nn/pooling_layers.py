"""The pooling layers of a model: which modules are pooling layers, and their windows."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from torch import nn

from .. import windows as kinds
from ..scalars import entries
from .pools import Pool1d, Pool2d, Pool3d

SLIDING = tuple(getattr(nn, f"{kind}Pool{r}d") for kind in ("Max", "Avg", "LP") for r in (1, 2, 3))
ADAPTIVE = tuple(getattr(nn, f"Adaptive{kind}Pool{r}d") for kind in ("Max", "Avg") for r in (1, 2, 3))
OURS: tuple[Any, ...] = (Pool1d, Pool2d, Pool3d)
UNPOOLING: tuple[Any, ...] = (nn.MaxUnpool1d, nn.MaxUnpool2d, nn.MaxUnpool3d)
CONVOLUTIONS: tuple[Any, ...] = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
LAYERS: dict[int, Any] = {1: Pool1d, 2: Pool2d, 3: Pool3d}


def is_pooling(module: nn.Module) -> bool:
    """Whether the module is a pooling layer of torch or of anypool."""
    return isinstance(module, (*SLIDING, *ADAPTIVE, *OURS))


def is_strided(module: Any) -> bool:
    """Whether the module is a convolution with a stride above 1."""
    return isinstance(module, CONVOLUTIONS) and max(module.stride) > 1


def rank_of(module: Any) -> int:
    """The number of axes that the module pools or convolves."""
    if isinstance(module, OURS):
        return module.rank
    return next(int(k.__name__[-2]) for k in (*SLIDING, *ADAPTIVE, *CONVOLUTIONS) if isinstance(module, k))


def windows_of(module: Any) -> Any:
    """The windows of a pooling layer, or those that give the output shape of a strided convolution.

    >>> windows_of(nn.MaxPool2d(3, 2, 1)).output_shape((1, 8, 8))
    (1, 4, 4)
    """
    rank = rank_of(module)
    if isinstance(module, OURS):
        return module.windows
    if isinstance(module, ADAPTIVE):
        return kinds.adaptive(entries(module.output_size, rank, "output_size"))
    if isinstance(module, CONVOLUTIONS):  # ⌈m/s⌉ windows, as a strided convolution
        return kinds.sliding(tuple(module.stride), ceil_mode=True)
    size = entries(module.kernel_size, rank, "kernel_size")
    stride = size if module.stride in (None, ()) else entries(module.stride, rank, "stride")
    return kinds.sliding(
        size,
        stride,
        entries(getattr(module, "padding", 0), rank, "padding"),
        entries(getattr(module, "dilation", 1), rank, "dilation"),
        ceil_mode=bool(module.ceil_mode),
        count=_count(module),
    )


@contextmanager
def evaluating(model: nn.Module) -> Generator[None]:
    """Run the block with every module in evaluation mode, then restore the modes."""
    modes = [(m, m.training) for m in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


def _count(module: Any) -> Any:
    if not isinstance(module, (nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d)):
        return "present"
    divisor = getattr(module, "divisor_override", None)
    return divisor if divisor is not None else "padded" if module.count_include_pad else "present"
