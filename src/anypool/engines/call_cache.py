"""The call cache: bound plans by key, so that a repeated call needs no decision."""

from __future__ import annotations

from typing import Any

MOST = 1024


class CallCache(dict[Any, Any]):
    """A dictionary with a maximum size; it is cleared when it is full."""

    def __setitem__(self, key: Any, value: Any) -> None:
        if len(self) >= MOST:
            self.clear()
        super().__setitem__(key, value)
