"""Which pooling? One model, one data set, many poolings, paired seeds, and a plain verdict.

The module is callable: `anypool.study(...)` is `anypool.study.run(...)`.
"""

from __future__ import annotations

import sys
import types
from typing import Any


class _Callable(types.ModuleType):
    def __call__(self, *args: Any, **options: Any) -> Any:
        """See `anypool.study.run`."""
        return _run(*args, **options)


def _run(*args: Any, **options: Any) -> Any:
    from .running import run

    return run(*args, **options)


def __getattr__(name: str) -> Any:
    if name in ("run", "Study"):  # they load torch, so only when asked for
        from . import running

        return getattr(running, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


sys.modules[__name__].__class__ = _Callable
