"""Modules that are called, and names that load when they are asked for: dir() and help() know them all the same."""

from __future__ import annotations

import importlib
import inspect
import sys
import types
from importlib.util import find_spec
from typing import Any


def there(module: str) -> bool:
    """Whether a module can be imported; it is not."""
    if module in sys.modules:
        return sys.modules[module] is not None  # type: ignore[comparison-overlap]
    return find_spec(module) is not None


def callable_module(name: str, source: str, *names: str, needs: str = "") -> None:
    """Make a package callable: it is the first of the names, which all lie in its module `source`.

    needs: a module without which `source` cannot be loaded, so that dir() leaves the names out.
    """

    def loaded(wanted: str) -> Any:
        return getattr(importlib.import_module(f".{source}", name), wanted)

    class Callable(types.ModuleType):
        def __call__(self, *args: Any, **options: Any) -> Any:
            return loaded(names[0])(*args, **options)

        def __getattr__(self, wanted: str) -> Any:
            if wanted in names:
                return loaded(wanted)
            raise AttributeError(f"module {name!r} has no attribute {wanted!r}")

        def __dir__(self) -> list[str]:
            return sorted({*self.__dict__, *(names if not needs or there(needs) else ())})

        @property
        def __signature__(self) -> inspect.Signature:
            return inspect.signature(loaded(names[0]), eval_str=False)

    module: Any = sys.modules[name]
    module.__class__ = Callable
    module.__all__ = list(names)
