"""The memory of a call besides its result: the rise of the peak of the process, where known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def peak_of(call: Callable[[], Any]) -> tuple[Any, int]:
    """The result of the call, and the largest growth of the process in bytes; 0 where unknown."""
    try:
        RESET.write_text("5")  # the peak becomes what is held now
        before = _bytes("VmHWM")
    except OSError:
        return call(), 0
    result = call()
    return result, max(_bytes("VmHWM") - before, 0)


def _bytes(name: str) -> int:
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) * 1024
