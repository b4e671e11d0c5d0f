"""Typer's declarations of arguments and options; placeholders where Typer is not installed."""

from __future__ import annotations

from typing import Any

try:
    from typer import Argument as argument  # pyright: ignore[reportUnusedImport]
    from typer import Option as option  # pyright: ignore[reportUnusedImport]
except ImportError:  # `anypool` itself reports that typer is missing

    def argument(*words: Any, **options: Any) -> Any:
        return None

    def option(*words: Any, **options: Any) -> Any:
        return None
