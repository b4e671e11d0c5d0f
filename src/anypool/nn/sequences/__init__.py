"""Pooling layers of sequences: padded batches with masks or lengths, and flat batches with
offsets."""

from __future__ import annotations

from .attention_pool import AttentionPool
from .fixed_length import fixed_length
from .local_pool import LocallyWeightedPool
from .sequence_pool import SequencePool
from .set_attention import PMA
from .sim_pool import SimPool
from .statistics_pool import AttentiveStatisticsPool, StatisticsPool

__all__ = [
    "PMA",
    "AttentionPool",
    "AttentiveStatisticsPool",
    "LocallyWeightedPool",
    "SequencePool",
    "SimPool",
    "StatisticsPool",
    "fixed_length",
]
