"""torchvision's region pooling, with its names, signatures and numbers; boxes on feature
pyramids."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from ..api import pool
from ..arrays.torch import plain
from ..engines.call_cache import CallCache
from ..errors import PoolingError
from ..scalars import integer
from ..torch.recorders import recorder, refuse
from ..windows import boxes as boxes_of
from ..windows.deferred import numbered
from .layer_tensors import Reducing

MOST_CACHED = 1 << 10  # numbers of the boxes whose windows are cached
_WINDOWS: dict[Any, Any] = CallCache()  # the windows of boxes that were pooled before


def roi_align(
    input: Any,
    boxes: Any,
    output_size: Any,
    spatial_scale: float = 1.0,
    sampling_ratio: int = -1,
    aligned: bool = False,
) -> Any:
    """The mean of interpolated points in each bin of each box (He 2017): (K, C, *output_size).

    Arguments and numbers are those of torchvision.ops.roi_align. It also accepts every floating
    type, and has gradients for the boxes and second derivatives. Raises PoolingError, also for NaN
    or infinite corners.

    >>> import torch
    >>> roi_align(torch.ones(1, 2, 8, 8), torch.tensor([[0.0, 1, 1, 5, 5]]), 2).shape
    torch.Size([1, 2, 2, 2])
    """
    windows = _boxes(input, boxes, output_size, spatial_scale, "sampled", sampling_ratio, aligned)
    return pool(input, windows, "mean", empty=0.0)


def roi_pool(input: Any, boxes: Any, output_size: Any, spatial_scale: float = 1.0) -> Any:
    """The largest element in each bin of each box (Girshick 2015), 0 if a bin is outside: (K, C,
    *output_size).

    Arguments and numbers are those of torchvision.ops.roi_pool, but a NaN in a bin is its maximum,
    as in all of anypool. Raises PoolingError.

    >>> import torch
    >>> roi_pool(torch.arange(16.0).reshape(1, 1, 4, 4), torch.tensor([[0.0, 0, 0, 3, 3]]), 2)
    tensor([[[[ 5.,  7.],
              [13., 15.]]]])
    """
    return pool(input, _boxes(input, boxes, output_size, spatial_scale, "quantised", 0, False), "max", empty=0.0)


def ps_roi_align(input: Any, boxes: Any, output_size: Any, spatial_scale: float = 1.0, sampling_ratio: int = -1) -> Any:
    """Position-sensitive `roi_align` (Dai 2016): one channel for each bin: (K, C / bins,
    *output_size).

    Arguments and numbers are those of torchvision.ops.ps_roi_align. Raises PoolingError.

    >>> import torch
    >>> ps_roi_align(torch.ones(1, 8, 8, 8), torch.tensor([[0.0, 1, 1, 5, 5]]), 2).shape
    torch.Size([1, 2, 2, 2])
    """
    windows = _boxes(input, boxes, output_size, spatial_scale, "sampled", sampling_ratio, True, True)
    return pool(input, windows, "mean", empty=0.0)


def ps_roi_pool(input: Any, boxes: Any, output_size: Any, spatial_scale: float = 1.0) -> Any:
    """Position-sensitive mean of whole elements (Dai 2016): (K, C / bins, *output_size).

    Arguments and numbers are those of torchvision.ops.ps_roi_pool, whose bins leave out the last
    row and column. An empty bin is 0. Raises PoolingError.

    >>> import torch
    >>> ps_roi_pool(torch.ones(1, 4, 8, 8), torch.tensor([[0.0, 1, 1, 5, 5]]), 2).shape
    torch.Size([1, 1, 2, 2])
    """
    windows = _boxes(input, boxes, output_size, spatial_scale, "quantised", 0, False, True)
    return pool(input, windows.exclusive(), "mean", empty=0.0)


def pyramid_boxes(
    features: Sequence[Any],
    boxes: Any,
    size: Any,
    scales: Sequence[float],
    reduction: Any = "mean",
    *,
    canonical_size: float = 224.0,
    canonical_level: int = 4,
    empty: float | None = None,
    **options: Any,
) -> Any:
    """Boxes on a feature pyramid, each pooled from the level of its size (FPN, Lin 2017, eq. 1).

    features: tensors (N, C, H_l, W_l), the finest first. scales: powers of two, such as (1/4, 1/8).
    The level of a box of area a is ⌊canonical_level + log2(√a / canonical_size)⌋, clipped to the
    levels of `features`. options: those of `anypool.boxes`. The result is (K, C, *size) in the
    order of the boxes. Raises PoolingError.

    >>> import torch
    >>> maps = [torch.ones(1, 3, 32, 32), torch.ones(1, 3, 16, 16)]
    >>> pyramid_boxes(maps, torch.tensor([[0.0, 0, 0, 20, 20]]), (3, 5), [1 / 4, 1 / 8], reading="exact").shape
    torch.Size([1, 3, 3, 5])
    """
    refuse("pyramid_boxes", recorder(_first(features)))
    if not features or len(features) != len(scales):
        raise PoolingError(f"{len(features)} feature maps and {len(scales)} scales: give one scale for each map")
    rows = _joined(boxes)
    first = round(-math.log2(scales[0]))
    if options.get("rotated") is not None:
        area = rows[:, 3] * rows[:, 4]
    else:
        half = (rows.shape[1] - 1) // 2
        area = (rows[:, 1 + half :] - rows[:, 1 : 1 + half]).clamp(min=0).prod(1) ** (2 / half)
    if not bool(torch.isfinite(area).all()):
        raise PoolingError("boxes have a NaN or an infinity: corners must be finite numbers")
    exact_level = torch.floor(canonical_level + torch.log2(area.sqrt() / canonical_size + 1e-6))
    level = (exact_level.clamp(first, first + len(features) - 1) - first).long()
    parts, order = [], []
    for k, (feature, scale) in enumerate(zip(features, scales, strict=True)):
        chosen = torch.nonzero(level == k).reshape(-1)
        order.append(chosen)
        parts.append(pool(feature, boxes_of(rows[chosen], size, scale=scale, **options), reduction, empty=empty))
    back = torch.argsort(torch.cat(order))
    return torch.cat(parts)[back]


def _boxes(
    input: Any,
    boxes: Any,
    output_size: Any,
    scale: float,
    reading: str,
    sampling: int,
    aligned: bool,
    position_sensitive: bool = False,
) -> Any:
    refuse("a region pooling of anypool", recorder(input))
    key = _key(boxes, input, output_size, scale, reading, sampling, aligned, position_sensitive)
    windows = None if key is None else _WINDOWS.get(key)
    if windows is not None:
        return windows
    size = tuple(output_size) if isinstance(output_size, (tuple, list, torch.Size)) else (output_size, output_size)
    if getattr(input, "ndim", 0) != 4:
        raise PoolingError(f"input of shape {tuple(getattr(input, 'shape', ()))}: give (N, C, H, W)")
    rows = _joined(boxes)
    if rows.shape[1] != 5:
        raise PoolingError(
            f"boxes of shape {tuple(rows.shape)}: give (K, 5) rows (image, x1, y1, x2, y2) or a list of (L, 4)"
        )
    windows = boxes_of(
        rows.clone() if key is not None else rows,  # the caller may write to its boxes later
        size,
        scale=scale,
        reading=reading,
        sampling=max(integer(sampling, "sampling_ratio"), 0),
        aligned=aligned,
        position_sensitive=position_sensitive,
    )
    if key is not None:
        _WINDOWS[key] = windows
    return windows


def _key(boxes: Any, input: Any, *options: Any) -> Any:
    """A key of these windows with the numbers of few constant boxes; None for other boxes."""
    if type(boxes) is not torch.Tensor or boxes.requires_grad or boxes.ndim != 2 or boxes.numel() > MOST_CACHED:
        return None
    if getattr(input, "ndim", 0) != 4 or not plain(boxes) or boxes.dtype not in (torch.float32, torch.float64):
        return None
    if not plain(input):
        return None
    values = [v for option in options for v in (option if isinstance(option, tuple) else (option,))]
    types = tuple(map(type, values))  # 1 is no flag, although it equals True
    key = (boxes.numpy().tobytes(), boxes.shape, boxes.dtype, types, *options)
    try:
        hash(key)
    except TypeError:
        return None
    return key


def _first(features: Any) -> Any:
    return features[0] if isinstance(features, (list, tuple)) and features else features


def _joined(boxes: Any) -> Any:
    """(K, 1 + columns) rows with the image index first."""
    if isinstance(boxes, torch.Tensor):
        if boxes.ndim != 2:
            raise PoolingError(
                f"boxes of shape {tuple(boxes.shape)}: give (K, 5) rows, or a list with one tensor an image"
            )
        return boxes
    parts = list(boxes) if isinstance(boxes, (tuple, list)) else []
    if not parts or any(not isinstance(b, torch.Tensor) or b.ndim != 2 for b in parts):
        raise PoolingError("boxes: give a tensor of (K, 5) rows, or a list with one (L, 4) tensor an image")
    return numbered(parts)


class _Region(nn.Module):
    """A region pooling function with its settings."""

    function: Callable[..., Any]
    names: tuple[str, ...] = ("output_size", "spatial_scale")

    def __init__(self, *settings: Any, **named: Any) -> None:
        super().__init__()
        if len(settings) > len(self.names) or not set(named) <= set(self.names[len(settings) :]):
            raise PoolingError(f"{type(self).__name__} takes {', '.join(self.names)}; got {settings} and {named}")
        self.settings = {**dict(zip(self.names, settings, strict=False)), **named}
        if "output_size" not in self.settings:
            raise PoolingError(f"{type(self).__name__} needs output_size")

    def forward(self, input: Any, rois: Any) -> Any:
        """Pool each box of `input`."""
        refuse(type(self).__name__, recorder(input))
        return type(self).function(input, rois, **self.settings)

    def __prepare_scriptable__(self) -> Any:
        """Raise PoolingError: torch.jit.script cannot read the layer."""
        refuse(type(self).__name__, "torch.jit.script")

    def extra_repr(self) -> str:
        """The settings."""
        return ", ".join(f"{k}={v}" for k, v in self.settings.items())


class RoIAlign(_Region):
    """`roi_align` as a layer, with the arguments of torchvision.ops.RoIAlign."""

    function = staticmethod(roi_align)
    names = ("output_size", "spatial_scale", "sampling_ratio", "aligned")


class RoIPool(_Region):
    """`roi_pool` as a layer: torchvision.ops.RoIPool(output_size, spatial_scale)."""

    function = staticmethod(roi_pool)


class PSRoIAlign(_Region):
    """`ps_roi_align` as a layer, with the arguments of torchvision.ops.PSRoIAlign."""

    function = staticmethod(ps_roi_align)
    names = ("output_size", "spatial_scale", "sampling_ratio")


class PSRoIPool(_Region):
    """`ps_roi_pool` as a layer: torchvision.ops.PSRoIPool(output_size, spatial_scale)."""

    function = staticmethod(ps_roi_pool)


class BoxPool(Reducing):
    """Boxes with any reduction as a layer; `options` are those of `anypool.boxes`.

    A tensor in the reduction is a parameter of the layer if it requires a gradient, else a buffer.
    features may be a feature pyramid: a list of maps, the finest first, with a list of scales.

    >>> import torch
    >>> BoxPool((2, 2), "median", reading="exact")(torch.ones(1, 3, 8, 8), torch.tensor([[0.0, 1, 1, 5, 5]])).shape
    torch.Size([1, 3, 2, 2])
    """

    def __init__(
        self, size: Any, reduction: Any = "mean", *, scale: Any = 1.0, empty: float | None = None, **options: Any
    ) -> None:
        super().__init__()
        self.size, self.scale, self.empty = size, scale, empty
        self.hold(reduction, options)

    def forward(self, features: Any, boxes: Any) -> Any:
        """(K, C, *size): a row for each box."""
        refuse(type(self).__name__, recorder(_first(features)), self.reduction)
        reduction = self.bound()
        if isinstance(features, (list, tuple)):
            return pyramid_boxes(features, boxes, self.size, self.scale, reduction, empty=self.empty, **self.options)
        windows = boxes_of(boxes, self.size, scale=self.scale, **self.options)
        return pool(features, windows, reduction, empty=self.empty)

    def extra_repr(self) -> str:
        """The settings of the layer."""
        return f"{self.size}, {self.reduction!r}, scale={self.scale}"
