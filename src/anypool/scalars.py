"""Checks of scalar arguments and of one entry for each axis; each error says what is possible."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable
from typing import Any, TypeGuard, TypeVar

import numpy as np

from .errors import PoolingError

NUMBERS = (int, float, np.integer, np.floating)
T = TypeVar("T")


def is_integer(value: Any) -> TypeGuard[int]:
    """Whether a value is an integer of Python or NumPy; a bool is not."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def is_number(value: Any) -> TypeGuard[float]:
    """Whether a value is a number of Python or NumPy; a bool and NaN are not."""
    return isinstance(value, NUMBERS) and not isinstance(value, bool) and value == value


def is_row(value: Any) -> TypeGuard[Iterable[Any]]:
    """Whether a value has entries; a text and an array without axes have none."""
    return isinstance(value, Iterable) and not isinstance(value, (str, bytes)) and getattr(value, "ndim", 1) != 0


def is_sequence(value: Any) -> TypeGuard[tuple[Any, ...] | list[Any]]:
    """Whether a value is a tuple or a list."""
    return isinstance(value, (tuple, list))


def integer(value: Any, name: str, least: int | None = None) -> int:
    """An integer as an int; a bool, a text, a float, and an integer below `least` raise
    PoolingError.

    >>> integer(np.int8(3), "size")
    3
    """
    if isinstance(value, (bool, np.bool_)) or isinstance(value, (str, bytes)):
        raise PoolingError(f"{name}={value!r}: use an integer")
    if (
        type(value) is not int and type(value).__name__ != "SymInt"
    ):  # operator.index would fix a symbol of torch.compile
        try:
            value = operator.index(value)
        except TypeError:
            raise PoolingError(f"{name}={value!r}: use an integer (a {type(value).__name__} is not one)") from None
    if least is not None and value < least:
        raise PoolingError(f"{name}={value}: must be at least {least}")
    return value


def number(value: Any, name: str) -> float:
    """A number as a float; a bool and NaN raise PoolingError.

    >>> number(2, "p")
    2.0
    """
    if not is_number(value):
        raise PoolingError(f"{name}={value!r}: use a number")
    return float(value)


def number_in(text: str) -> float | None:
    """The number that a text writes; an integer stays exact. None if it writes none, or one too
    large for a float.

    >>> number_in("9007199254740993"), number_in("-inf"), number_in("1e400")
    (9007199254740993, -inf, None)
    """
    try:
        value = float(text)
    except ValueError:
        return None
    if math.isinf(value) and "inf" not in text.lower():
        return None
    try:
        return int(text)
    except ValueError:
        return value


def fraction(value: Any, name: str) -> float:
    """A number from 0 to 1."""
    if not is_number(value):
        raise PoolingError(f"{name}={value!r}: use a number from 0 to 1")
    if not 0 <= value <= 1:
        raise PoolingError(f"{name}={float(value)} lies outside 0 … 1; a percentage is divided by 100")
    return float(value)


def entries(value: T | tuple[T, ...] | list[T], rank: int, name: str) -> tuple[T, ...]:
    """One entry for each of `rank` axes, from one value for all of them, or from a row of 1 or
    `rank` entries.

    >>> entries(3, 2, "size"), entries((3, 5), 2, "size")
    ((3, 3), (3, 5))
    """
    if not isinstance(value, (tuple, list)):
        return (value,) * rank
    row: tuple[T, ...] = tuple(value)
    if len(row) == 1 and rank > 1:
        return row * rank
    if len(row) != rank:
        raise PoolingError(f"{name}={row} has {len(row)} entries for {rank} axes; give {rank}, or one for all")
    return row
