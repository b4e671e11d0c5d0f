"""torch's pooling layers on kernels of anypool, and Pool1d/2d/3d for any windows and reductions."""

from __future__ import annotations

from . import functional
from .accelerate import accelerate
from .accelerated import accelerated
from .fractional import FractionalMaxPool2d, FractionalMaxPool3d
from .layers import (
    AdaptiveAvgPool1d,
    AdaptiveAvgPool2d,
    AdaptiveAvgPool3d,
    AdaptiveMaxPool1d,
    AdaptiveMaxPool2d,
    AdaptiveMaxPool3d,
    AvgPool1d,
    AvgPool2d,
    AvgPool3d,
    LPPool1d,
    LPPool2d,
    LPPool3d,
    MaxPool1d,
    MaxPool2d,
    MaxPool3d,
)
from .pools import Pool1d, Pool2d, Pool3d, SpatialPyramid
from .regions import BoxPool, PSRoIAlign, PSRoIPool, RoIAlign, RoIPool
from .swap import swap
from .unpool import MaxUnpool1d, MaxUnpool2d, MaxUnpool3d

__all__ = [
    "AdaptiveAvgPool1d",
    "AdaptiveAvgPool2d",
    "AdaptiveAvgPool3d",
    "AdaptiveMaxPool1d",
    "AdaptiveMaxPool2d",
    "AdaptiveMaxPool3d",
    "AvgPool1d",
    "AvgPool2d",
    "AvgPool3d",
    "BoxPool",
    "FractionalMaxPool2d",
    "FractionalMaxPool3d",
    "LPPool1d",
    "LPPool2d",
    "LPPool3d",
    "MaxPool1d",
    "MaxPool2d",
    "MaxPool3d",
    "MaxUnpool1d",
    "MaxUnpool2d",
    "MaxUnpool3d",
    "PSRoIAlign",
    "PSRoIPool",
    "Pool1d",
    "Pool2d",
    "Pool3d",
    "RoIAlign",
    "RoIPool",
    "SpatialPyramid",
    "accelerate",
    "accelerated",
    "functional",
    "swap",
]
