"""Numbers that torch.compile sees as symbols: operands of the call, put back into its description when the graph runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.fx.experimental.symbolic_shapes import guard_scalar, has_static_value


class Symbol(NamedTuple):
    """Stands in a description for a number that varies from call to call."""

    whole: bool
    at: int


def taken(value: Any, numbers: list[Tensor], sizes: list[int]) -> Any:
    """The description without its symbols, which join the operands: one graph for all their values."""
    if isinstance(value, (tuple, list)):
        return tuple([taken(v, numbers, sizes) for v in value])
    if not _is_number(value) or has_static_value(value):
        return value
    if isinstance(
        value, (float, torch.SymFloat)
    ):  # of a float operand torch makes a constant, of a product with a tensor it does not
        numbers.append(torch.ones((), dtype=torch.float64, device="cpu").mul(value))
        return Symbol(False, len(numbers) - 1)
    sizes.append(value)
    return Symbol(True, len(sizes) - 1)


def fixed(value: Any) -> Any:
    """The description with every symbol read: a graph for each value."""
    if isinstance(value, (tuple, list)):
        return tuple([fixed(v) for v in value])
    return guard_scalar(value) if _is_number(value) else value


def filled(value: Any, numbers: Sequence[float], sizes: Sequence[int]) -> Any:
    """The description with its numbers."""
    if isinstance(value, Symbol):
        return sizes[value.at] if value.whole else numbers[value.at]
    return tuple([filled(v, numbers, sizes) for v in value]) if isinstance(value, tuple) else value


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, torch.SymInt, torch.SymFloat)) and not isinstance(value, bool)
