"""Any window × any reduction × any array, differentiable.

Loaded when asked for: `nn` (PyTorch layers), `show` (a call as a picture), `study` (which pooling?), and
`receptive_field` (what each layer of a torch model sees).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .api import pool
from .arrays.buffer_pool import get_cache_bytes, set_cache_bytes
from .engines.folds.native import get_num_threads, set_num_threads
from .errors import PoolingError
from .explanation import explain
from .expressions import register
from .order_statistics import (
    KMax,
    Median,
    Mode,
    Order,
    Ordinal,
    Place,
    Quantile,
    Range,
    Rank,
    TopKMean,
    TrimmedMean,
    function,
)
from .reductions import REDUCTIONS, Fold, LogMeanExp, LogSumExp, Lp, PowerMean, SoftPool, Std, Var
from .torch.operators.registration import make_known
from .version import VERSION
from .windows import adaptive, boxes, fractional, groups, pyramid, regions, segments, sliding, whole

__version__ = VERSION
__all__ = [
    "REDUCTIONS",
    "Fold",
    "KMax",
    "LogMeanExp",
    "LogSumExp",
    "Lp",
    "Median",
    "Mode",
    "Order",
    "Ordinal",
    "Place",
    "PoolingError",
    "PowerMean",
    "Quantile",
    "Range",
    "Rank",
    "SoftPool",
    "Std",
    "TopKMean",
    "TrimmedMean",
    "Var",
    "adaptive",
    "boxes",
    "explain",
    "fractional",
    "function",
    "get_cache_bytes",
    "get_num_threads",
    "groups",
    "pool",
    "pyramid",
    "regions",
    "register",
    "segments",
    "set_cache_bytes",
    "set_num_threads",
    "sliding",
    "whole",
]


if TYPE_CHECKING:
    from . import nn as nn
    from . import show as show
    from . import study as study
    from .nn.field import receptive_field as receptive_field


def __dir__() -> list[str]:
    from .lazy import there

    torch = ("nn", "receptive_field") if there("torch") else ()
    return sorted({*globals(), "show", "study", *torch} - {"TYPE_CHECKING"})


def __getattr__(name: str) -> Any:
    if name in ("nn", "show", "study"):  # they load torch and more, so only when asked for
        import importlib

        return importlib.import_module(f".{name}", __name__)
    if name == "receptive_field":
        from .nn.field import receptive_field

        return receptive_field
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


make_known()
