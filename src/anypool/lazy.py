"""Callable modules, and attributes that are imported on first access. dir() and help() list
them."""

from __future__ import annotations

import importlib
import inspect
import sys
import types
from importlib.util import find_spec
from typing import Any


def there(module: str) -> bool:
    """Whether a module can be imported, without importing it."""
    if module in sys.modules:
        return sys.modules[module] is not None  # type: ignore[comparison-overlap]
    return find_spec(module) is not None


def callable_module(name: str, source: str, *names: str, needs: str = "") -> None:
    """Make a package callable as the first of `names`. Its module `source` defines all of them.

    needs: a module that `source` imports. If it is not installed, dir() omits the names.
    """

    def loaded(attribute: str) -> Any:
        return getattr(importlib.import_module(f".{source}", name), attribute)

    class Callable(types.ModuleType):
        def __call__(self, *args: Any, **options: Any) -> Any:
            return loaded(names[0])(*args, **options)

        def __getattr__(self, attribute: str) -> Any:
            if attribute in names:
                return loaded(attribute)
            raise AttributeError(f"module {name!r} has no attribute {attribute!r}")

        def __dir__(self) -> list[str]:
            return sorted({*self.__dict__, *(names if not needs or there(needs) else ())})

        @property
        def __signature__(self) -> inspect.Signature:
            return inspect.signature(loaded(names[0]), eval_str=False)

    module: Any = sys.modules[name]
    module.__class__ = Callable
    module.__all__ = list(names)
