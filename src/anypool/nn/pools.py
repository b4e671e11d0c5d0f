"""Pool1d/2d/3d: any windows × any reduction as a layer."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from .. import windows as kinds
from ..api import pool
from ..errors import PoolingError


class _Pool(nn.Module):
    """Any windows × any reduction over the last axes, as a layer.

    windows: a window kind, or a size (an int or one an axis) for sliding windows. reduction and options as
    `anypool.pool`. Parameters of the reduction that are nn.Parameter learn.
    """

    rank = 0

    def __init__(self, windows: Any, reduction: Any = "mean", **options: Any) -> None:
        super().__init__()
        if isinstance(windows, (int, tuple, list)):
            row = (windows,) * self.rank if isinstance(windows, int) else tuple(windows)
            windows = kinds.sliding(row)
        if not callable(getattr(windows, "plan", None)):
            raise PoolingError(f"windows={windows!r}: give a size or a window kind such as anypool.sliding((3, 3))")
        self.windows, self.reduction, self.options = windows, reduction, options
        for name, value in getattr(reduction, "parameters", {}).items():
            if isinstance(value, nn.Parameter):
                self.register_parameter(name, value)

    def forward(self, x: torch.Tensor) -> Any:
        """Pool the last axes of x."""
        axes = tuple(range(-self.rank, 0))
        return pool(x, self.windows, self.reduction, axes=axes, **self.options)

    def extra_repr(self) -> str:
        """What the layer does."""
        return f"{self.windows!r}, {self.reduction!r}"


class Pool1d(_Pool):
    """Any windows × any reduction over the last axis.

    >>> import torch, anypool as ap
    >>> Pool1d(2, "max")(torch.tensor([[1.0, 3.0, 2.0, 5.0]]))
    tensor([[3., 5.]])
    """

    rank = 1


class Pool2d(_Pool):
    """Any windows × any reduction over the last two axes.

    >>> import torch, anypool as ap
    >>> Pool2d(ap.sliding((3, 3), 1, 1), ap.Lp(2))(torch.ones(1, 1, 4, 4)).shape
    torch.Size([1, 1, 4, 4])
    """

    rank = 2


class Pool3d(_Pool):
    """Any windows × any reduction over the last three axes.

    >>> import torch, anypool as ap
    >>> Pool3d(ap.adaptive((1, 1, 1)))(torch.ones(2, 3, 4, 4, 4)).shape
    torch.Size([2, 3, 1, 1, 1])
    """

    rank = 3


class SpatialPyramid(Pool2d):
    """A pyramid over the last two axes: (N, C, H, W) gives (N, C, bins), for any H and W; see `anypool.pyramid`.

    >>> import torch
    >>> SpatialPyramid([1, 2, 4])(torch.ones(2, 3, 13, 9)).shape
    torch.Size([2, 3, 21])
    """

    def __init__(self, levels: Any, reduction: Any = "max", **options: Any) -> None:
        super().__init__(kinds.pyramid(levels), reduction, **options)
