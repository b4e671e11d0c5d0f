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
from .sequences import (
    PMA,
    AttentionPool,
    AttentiveStatisticsPool,
    LocallyWeightedPool,
    SequencePool,
    SimPool,
    StatisticsPool,
    fixed_length,
)
from .swap import swap
from .unpool import MaxUnpool1d, MaxUnpool2d, MaxUnpool3d

__all__ = [
    "PMA",
    "AdaptiveAvgPool1d",
    "AdaptiveAvgPool2d",
    "AdaptiveAvgPool3d",
    "AdaptiveMaxPool1d",
    "AdaptiveMaxPool2d",
    "AdaptiveMaxPool3d",
    "AttentionPool",
    "AttentiveStatisticsPool",
    "AvgPool1d",
    "AvgPool2d",
    "AvgPool3d",
    "BoxPool",
    "FractionalMaxPool2d",
    "FractionalMaxPool3d",
    "LPPool1d",
    "LPPool2d",
    "LPPool3d",
    "LocallyWeightedPool",
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
    "SequencePool",
    "SimPool",
    "SpatialPyramid",
    "StatisticsPool",
    "accelerate",
    "accelerated",
    "fixed_length",
    "functional",
    "swap",
]
