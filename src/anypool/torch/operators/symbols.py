"""Symbolic numbers of torch.compile: operands of the call, and their values when the graph runs."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ...expressions.describing import Symbol


def symbol(value: Any, numbers: list[Tensor], sizes: list[int]) -> Any:
    """The placeholder of a value in the description. A symbol becomes an operand: one graph for all
    its values."""
    from torch.fx.experimental.symbolic_shapes import (
        has_static_value,  # imported here, since it loads sympy, which `import torch` does not
    )

    if not _is_number(value) or has_static_value(value):
        return value
    if isinstance(
        value, (float, torch.SymFloat)
    ):  # of a float operand torch makes a constant, of a product with a tensor it does not
        numbers.append(torch.ones((), dtype=torch.float64, device="cpu").mul(value))
        return (Symbol, "number", len(numbers) - 1)
    sizes.append(value)
    return (Symbol, "size", len(sizes) - 1)


def fixed(value: Any) -> Any:
    """The description with the value of each symbol: one graph for each value."""
    from torch.fx.experimental.symbolic_shapes import guard_scalar  # imported here, since it loads sympy

    if isinstance(value, (tuple, list)):
        return tuple([fixed(v) for v in value])
    return guard_scalar(value) if _is_number(value) else value


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, torch.SymInt, torch.SymFloat)) and not isinstance(value, bool)
