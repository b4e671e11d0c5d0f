"""Registration of the operators once both torch and anypool are imported, in either order."""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


def make_known() -> None:
    """Register the operators now if torch is imported, else after its import. torch is not imported
    here.

    torch.export's programs need this: torch alone reads them and looks up the operators by name.

    """
    missing: Any = object()
    torch: Any = sys.modules.get("torch", missing)
    if torch is missing:
        sys.meta_path.insert(0, _Finder())
    elif torch is not None:  # None stands for a module that must not be imported
        _register(importlib.import_module("torch"))  # waits if another thread imports it


def _register(torch: Any) -> None:
    if not hasattr(getattr(torch, "library", None), "custom_op"):
        return  # torch before 2.4, or partly imported: the first traced call registers the operators
    try:
        importlib.import_module(".compile", __package__)
    except Exception as error:  # no error here may break `import torch`
        warnings.warn(f"anypool's operators are not known to torch: {error}", RuntimeWarning, stacklevel=2)


class _Finder:
    """A finder that finds torch through the other finders and wraps its loader."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != "torch":
            return None
        for finder in sys.meta_path:
            find = None if isinstance(finder, _Finder) else getattr(finder, "find_spec", None)
            spec = None if find is None else find(fullname, path, target)
            if spec is not None:
                if hasattr(spec.loader, "exec_module"):
                    spec.loader = _Loader(spec.loader)
                return spec
        return None


class _Loader:
    """torch's loader, followed by the registration."""

    def __init__(self, loader: Any) -> None:
        self.loader = loader

    def __getattr__(self, name: str) -> Any:
        return getattr(self.loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self.loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        module.__loader__ = self.loader  # the module keeps its own loader
        if module.__spec__ is not None:
            module.__spec__.loader = self.loader
        self.loader.exec_module(module)
        sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, _Finder)]
        _register(module)
