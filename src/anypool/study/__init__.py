"""Which pooling? One model, one data set, many poolings, paired seeds, and a plain verdict.

The module is callable: `anypool.study(...)` is `anypool.study.run(...)`.
"""

from __future__ import annotations

import sys
import types
from typing import Any

from .run import Study, run

__all__ = ["Study", "run"]


class _Callable(types.ModuleType):
    def __call__(self, *args: Any, **options: Any) -> Study:
        return run(*args, **options)


sys.modules[__name__].__class__ = _Callable
