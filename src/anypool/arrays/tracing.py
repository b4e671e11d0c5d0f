"""Functions for windows while torch.compile traces: arrays become tensors of the graph."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np


def compiling() -> bool:
    """Whether torch.compile or torch.export traces."""
    torch = sys.modules.get("torch")
    return torch is not None and torch.compiler.is_compiling()


def strictly_exporting() -> bool | None:
    """Whether torch.export traces strictly; None if dynamo does not trace, or torch cannot tell."""
    torch: Any = sys.modules["torch"]
    known = torch.compiler.is_dynamo_compiling() and hasattr(torch.compiler, "is_exporting")
    return torch.compiler.is_exporting() if known else None


def is_table(value: Any) -> bool:
    """Whether a value is a NumPy array or a tensor; torch is imported."""
    torch: Any = sys.modules["torch"]
    return isinstance(value, (torch.Tensor, np.ndarray))


def as_tensor(value: Any) -> Any:
    """A NumPy array as a tensor of the graph."""
    torch: Any = sys.modules["torch"]
    return torch.as_tensor(value, device="cpu")


def beside(parts: list[Any], axis: int) -> Any:
    """Tensors concatenated along an axis."""
    torch: Any = sys.modules["torch"]
    return torch.cat(parts, axis)
