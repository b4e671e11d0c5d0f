"""Any window × any reduction × any array, differentiable.

Imported on first use: `nn` (PyTorch layers), `show` (a picture of a call), `study` (experiments),
`receptive_field` (of each layer of a torch model) and `merge_tokens` (ToMe).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import order_statistics, reductions, windows
from .api import pool
from .arrays.buffer_pool import get_cache_bytes, set_cache_bytes
from .engines.folds.native import get_num_threads, set_num_threads
from .errors import PoolingError
from .explanation import explain
from .expressions import register
from .order_statistics import *  # noqa: F403
from .reductions import *  # noqa: F403
from .softmax import softmax
from .spreading import spread
from .torch.operators.registration import make_known
from .version import VERSION
from .windows import *  # noqa: F403

__version__ = VERSION
__all__ = [
    "PoolingError",
    "explain",
    "get_cache_bytes",
    "get_num_threads",
    "pool",
    "register",
    "set_cache_bytes",
    "set_num_threads",
    "softmax",
    "spread",
]
__all__ += order_statistics.__all__  # each room lists its public names once
__all__ += reductions.__all__
__all__ += windows.__all__


if TYPE_CHECKING:
    from . import nn as nn
    from . import show as show
    from . import study as study
    from .nn.receptive_field import receptive_field as receptive_field
    from .nn.sequences.merging import merge_tokens as merge_tokens


def __dir__() -> list[str]:
    from .lazy import there

    torch = ("merge_tokens", "nn", "receptive_field") if there("torch") else ()
    return sorted({*globals(), "show", "study", *torch} - {"TYPE_CHECKING"})


def __getattr__(name: str) -> Any:
    if name in ("nn", "show", "study"):  # they import torch and more, so they are imported on first use
        import importlib

        return importlib.import_module(f".{name}", __name__)
    if name == "receptive_field":
        from .nn.receptive_field import receptive_field

        return receptive_field
    if name == "merge_tokens":
        from .nn.sequences.merging import merge_tokens

        return merge_tokens
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


make_known()
