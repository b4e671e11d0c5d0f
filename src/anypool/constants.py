"""Constants of a call (a border, an empty value, an ignored label), and whether an element type can
represent them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .errors import PoolingError

INTEGER_RANGES: dict[str, tuple[int, int]] = {
    "bool": (0, 1),
    **{f"int{b}": (-(2 ** (b - 1)), 2 ** (b - 1) - 1) for b in (8, 16, 32, 64)},
    **{f"uint{b}": (0, 2**b - 1) for b in (8, 16, 32, 64)},
}
LARGEST: dict[str, float] = {  # the largest finite number of each float type
    "float16": 65504.0,
    "bfloat16": float.fromhex("0x1.fep127"),
    "float32": float.fromhex("0x1.fffffep127"),
    "float64": float.fromhex("0x1.fffffffffffffp1023"),
}


def is_constant(value: Any) -> bool:
    """Whether a value is a Python or NumPy number, including bool and NaN."""
    return isinstance(value, (int, float, np.integer, np.floating, np.bool_))


def constant(value: Any, name: str) -> int | float:
    """The number as a Python int or float. Integers stay integers.

    >>> constant(np.uint64(2**64 - 1), "border"), constant(True, "border"), constant(np.float32(0.5), "border")
    (18446744073709551615, 1, 0.5)
    """
    if not is_constant(value):
        raise PoolingError(f"{name}={value!r}: give a number")
    if isinstance(value, (int, np.integer, np.bool_)):
        return int(value)
    return math.nan if value != value else float(value)


def fitted(value: int | float, dtype: str, what: str, instead: str = "") -> int | float:
    """The number as an element of a type. Float types round it; other types must represent it
    exactly.

    what: the description of the number in the error. instead: an alternative, as the end of the
    error.
    Raises PoolingError if the number is out of range or no element of the type.

    >>> fitted(7.0, "uint8", "border=7.0"), fitted(2**63 - 1, "int64", "empty")
    (7, 9223372036854775807)
    """
    if dtype in LARGEST:
        if value != value or value in (math.inf, -math.inf):
            return float(value)
        rounded = _rounded(value, dtype)
        if abs(rounded) <= LARGEST[dtype]:
            return rounded
        largest = LARGEST[dtype]
        raise PoolingError(
            f"{what} does not fit {dtype}, which holds numbers from {-largest:g} to {largest:g}{instead}"
        )
    low, high = INTEGER_RANGES[dtype]
    if value == value and abs(value) != math.inf and low <= value <= high and value % 1 == 0:
        return int(value)
    raise PoolingError(f"{what} does not fit {dtype}, which holds whole numbers from {low} to {high}{instead}")


def is_double(value: int | float) -> bool:
    """Whether a float64 can represent the number exactly.

    >>> is_double(2**60), is_double(2**60 + 1)
    (True, False)
    """
    try:
        return value != value or float(value) == value
    except OverflowError:
        return False


def _rounded(value: int | float, dtype: str) -> float:
    """The nearest number of a float type; infinite beyond its range."""
    try:
        real = float(value)
    except OverflowError:
        return math.inf
    if dtype == "bfloat16":
        with np.errstate(over="ignore"):
            wide = int(np.float32(real).view(np.uint32))
        return float(np.uint32(((wide + 0x7FFF + ((wide >> 16) & 1)) >> 16) << 16).view(np.float32))
    with np.errstate(over="ignore"):
        return float(np.dtype(dtype).type(real))
