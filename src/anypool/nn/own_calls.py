"""The calls of torch that `anypool bench` measures: a pooling and a copy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as T


def set_threads(n: int) -> None:
    """Set the number of torch's threads."""
    torch.set_num_threads(n)


def pooling(name: str, x: Any, size: int, stride: int, padding: int) -> Callable[[], Any]:
    """torch's max or mean pooling of a NumPy array with square windows."""
    function, tensor = T.max_pool2d if name == "max" else T.avg_pool2d, torch.from_numpy(x)
    return lambda: function(tensor, size, stride, padding)


def copying(source: Any, target: Any) -> Callable[[], Any]:
    """torch's copy of a NumPy array, which uses all threads; on a busy machine one thread may be
    faster.
    """
    from_tensor, to_tensor = torch.from_numpy(source), torch.from_numpy(target)
    return lambda: to_tensor.copy_(from_tensor)
