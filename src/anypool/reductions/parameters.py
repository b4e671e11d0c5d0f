"""Validation of parameters: numbers, or arrays and tensors, which may require gradients."""

from __future__ import annotations

import math
from typing import Any

from ..arrays.foreign import refuse
from ..arrays.incoming import array_of
from ..errors import PoolingError
from ..scalars import NUMBERS, number

REAL = ("float", "bfloat", "int", "uint")


def number_or_array(value: Any, name: str) -> Any:
    """A number as a float, or an array or tensor of real numbers; anything else raises
    PoolingError."""
    if isinstance(value, NUMBERS):  # before the others: symbols of torch.compile
        return number(value, name)
    if hasattr(value, "detach"):
        refuse(value, name)
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        value = value if hasattr(value, "detach") else array_of(value, name)
        if str(value.dtype).rpartition(".")[2].startswith(REAL):
            return value
    raise PoolingError(f"{name}={value!r}: use a number or an array of numbers")


def positive(value: Any, name: str) -> Any:
    """A number above 0, or an array."""
    value = number_or_array(value, name)
    if isinstance(value, float) and not value > 0:
        raise PoolingError(f"{name}: {value} must be above 0")
    return value


def nonzero(value: Any, name: str) -> Any:
    """A finite number other than 0, or an array."""
    value = number_or_array(value, name)
    if isinstance(value, float) and (value == 0.0 or abs(value) == math.inf):
        raise PoolingError(f"{name}: {value} must be finite and other than 0 (its limits are the mean, max and min)")
    return value


def at_least_zero(value: Any, name: str) -> float:
    """A finite number of at least 0; no array."""
    value = number_or_array(value, name)
    if not isinstance(value, float) or not 0 <= value < math.inf:
        raise PoolingError(f"{name}: {value!r} must be a finite number of at least 0")
    return value


def positive_number(value: Any, name: str) -> float:
    """A finite number above 0; no array."""
    value = number_or_array(value, name)
    if not isinstance(value, float) or not 0 < value < math.inf:
        raise PoolingError(f"{name}: {value!r} must be a finite number above 0")
    return value


def finite(value: Any, name: str) -> Any:
    """A finite number, or an array."""
    value = number_or_array(value, name)
    if isinstance(value, float) and abs(value) == math.inf:
        raise PoolingError(f"{name}: {value} must be finite (its limits are the maximum and the minimum)")
    return value
