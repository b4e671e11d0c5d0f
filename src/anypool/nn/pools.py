"""Pool1d/2d/3d: any windows × any reduction as a layer."""

from __future__ import annotations

import inspect
from typing import Any

import torch

from .. import windows as kinds
from ..api import pool
from ..errors import PoolingError
from ..reductions import Max, Mean, reduction_of
from ..scalars import entries
from ..torch.recorders import recorder, refuse
from . import layers
from .layer_tensors import Reducing

OPTIONS = frozenset(inspect.signature(pool).parameters) - {"x", "windows", "reduction", "axes", "out"}


class _Pool(Reducing):
    rank = 0

    def __init__(
        self,
        windows: Any,
        reduction: Any = "mean",
        *,
        weights: Any = None,
        log_weights: Any = None,
        nan: str = "propagate",
        ties: str = "first",
        empty: float | None = None,
        backend: str | None = None,
        **more: Any,
    ) -> None:
        super().__init__()
        if isinstance(windows, (int, tuple, list)):
            row = (windows,) * self.rank if isinstance(windows, int) else tuple(windows)
            windows = kinds.sliding(row)
        if not callable(getattr(windows, "plan", None)):
            raise PoolingError(f"windows={windows!r}: give a size or a window kind such as anypool.sliding((3, 3))")
        self.windows = windows
        if not set(more) <= OPTIONS:
            raise PoolingError(
                f"{type(self).__name__} takes {', '.join(sorted(OPTIONS))}; not {', '.join(set(more) - OPTIONS)}"
            )
        usual = inspect.signature(pool).parameters
        arguments = {"weights": weights, "log_weights": log_weights, "nan": nan, "ties": ties, "empty": empty}
        arguments |= {"backend": backend, **more}
        self.hold(reduction, {k: v for k, v in arguments.items() if not _is(v, usual[k].default)})

    def forward(self, x: torch.Tensor) -> Any:
        """Pool the last axes of x."""
        tool = recorder(x)
        if tool is not None:
            if (theirs := self.drop_in()) is not None:
                return theirs.forward(x)  # not called: torch.fx asks for a module of the model
            refuse(type(self).__name__, tool, self.reduction)
        axes = tuple(range(-self.rank, 0))
        reduction = self.bound() if self._held else self.reduction
        return pool(x, self.windows, reduction, axes=axes, **self.call_options())

    def drop_in(self) -> Any:
        """The torch layer with equal numbers; None if there is none."""
        return None if self.options or self._held else torchs(self.rank, self.windows, self.reduction)

    def __prepare_scriptable__(self) -> Any:
        return self.drop_in() or super().__prepare_scriptable__()

    def extra_repr(self) -> str:
        """The description of the layer."""
        return f"{self.windows!r}, {self.reduction!r}"


def _is(value: Any, usual: Any) -> bool:
    """Whether an option equals its default."""
    return value is usual or (isinstance(value, str) and value == usual)


def torchs(rank: int, windows: Any, reduction: Any) -> Any:
    """The torch layer that pools the last axes over these windows; None if there is none."""
    if isinstance(reduction, (tuple, list)) or not isinstance(reduction_of(reduction), (Max, Mean)):
        return None
    kind = "Max" if isinstance(reduction_of(reduction), Max) else "Avg"
    if isinstance(windows, (kinds.Adaptive, kinds.Whole)):
        size = windows.output_size if isinstance(windows, kinds.Adaptive) else 1
        return getattr(layers, f"Adaptive{kind}Pool{rank}d")(size)
    if (
        not isinstance(windows, kinds.Sliding)
        or windows.real
        or windows.taps is not None
        or windows.offsets is not None
    ):
        return None
    size, pads, gaps = (entries(getattr(windows, n), rank, n) for n in ("size", "padding", "dilation"))
    plain = windows.border == "absent" and all(type(p) is int and p <= k // 2 for p, k in zip(pads, size, strict=True))
    count, rule = windows.count, type(windows.count)
    if not plain or (kind == "Avg" and (set(gaps) != {1} or rule not in (str, int) or (rule is int and rank == 1))):
        return None
    step = None if windows.stride is None else entries(windows.stride, rank, "stride")
    if kind == "Max":
        return getattr(layers, f"MaxPool{rank}d")(size, step, pads, gaps, ceil_mode=windows.ceil_mode)
    more = {"divisor_override": count} if rule is int else {"count_include_pad": count == "padded"}
    return getattr(layers, f"AvgPool{rank}d")(size, step, pads, windows.ceil_mode, **more)


class Pool1d(_Pool):
    """Any windows × any reduction over the last axis; the arguments are those of Pool2d.

    >>> import torch, anypool as ap
    >>> Pool1d(2, "max")(torch.tensor([[1.0, 3.0, 2.0, 5.0]]))
    tensor([[3., 5.]])
    """

    rank = 1


class Pool2d(_Pool):
    """Any windows × any reduction over the last two axes.

    windows: a window kind, or a size (an int, or one for each axis) for adjacent windows.
    reduction: a name, an object, or a tuple of them (several results). Options of `anypool.pool`:
    weights (broadcast to x; bool is a mask), log_weights (logarithms of weights), nan ("propagate"
    or "omit"), ties ("first", "last" or "split": which element has the gradient), empty (the value
    of an empty window), backend. A tensor in the reduction or of weights is a parameter of the
    layer if it requires a gradient, else a buffer. Raises PoolingError.

    >>> import torch, anypool as ap
    >>> Pool2d(ap.sliding((3, 3), 1, 1), ap.Lp(2))(torch.ones(1, 1, 4, 4)).shape
    torch.Size([1, 1, 4, 4])
    """

    rank = 2


class Pool3d(_Pool):
    """Any windows × any reduction over the last three axes; the arguments are those of Pool2d.

    >>> import torch, anypool as ap
    >>> Pool3d(ap.adaptive((1, 1, 1)))(torch.ones(2, 3, 4, 4, 4)).shape
    torch.Size([2, 3, 1, 1, 1])
    """

    rank = 3


class SpatialPyramid(Pool2d):
    """A pyramid over the last two axes: (N, C, H, W) gives (N, C, bins), for any H and W; see
    `anypool.pyramid`.

    >>> import torch
    >>> SpatialPyramid([1, 2, 4])(torch.ones(2, 3, 13, 9)).shape
    torch.Size([2, 3, 21])
    """

    def __init__(self, levels: Any, reduction: Any = "max", **options: Any) -> None:
        super().__init__(kinds.pyramid(levels), reduction, **options)
