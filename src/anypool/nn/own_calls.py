"""torch's own calls that `anypool bench` times beside ours: a pooling, and a copy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as T


def set_threads(n: int) -> None:
    """How many threads torch uses."""
    torch.set_num_threads(n)


def pooling(name: str, x: Any, size: int, stride: int, padding: int) -> Callable[[], Any]:
    """torch's max or mean over squares of a NumPy array."""
    function, tensor = T.max_pool2d if name == "max" else T.avg_pool2d, torch.from_numpy(x)
    return lambda: function(tensor, size, stride, padding)


def copying(source: Any, target: Any) -> Callable[[], Any]:
    """torch's copy of a NumPy array, which uses every thread; on a busy machine one thread alone can be faster."""
    here, there = torch.from_numpy(source), torch.from_numpy(target)
    return lambda: there.copy_(here)
