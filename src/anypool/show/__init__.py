"""Pictures and reports. The module is callable: `anypool.show(x, windows, reduction)` draws one call."""

from __future__ import annotations

import sys
import types
from typing import Any


class _Callable(types.ModuleType):
    def __call__(self, *args: Any, **options: Any) -> Any:
        """See `anypool.show.picture.show`."""
        from .picture import show

        return show(*args, **options)


sys.modules[__name__].__class__ = _Callable
