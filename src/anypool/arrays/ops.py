"""Mathematical functions for reductions, in the array library of their arguments."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .adapter import adapter_of

Array = Any
inf = float("inf")


def among(value: Any, options: Any) -> bool:
    """Whether a value is one of a few options; an array is none of them.

    >>> among("a", ("a", "b")), among(np.ones(2), ("a", "b")), among([], {"a": 1})
    (True, False, False)
    """
    return getattr(value, "ndim", 0) == 0 and value in tuple(options)


def exp(x: Array) -> Array:
    """e to the power x."""
    return adapter_of(x).maths.exp(x)


def log(x: Array) -> Array:
    """The natural logarithm."""
    return adapter_of(x).maths.log(x)


def sqrt(x: Array) -> Array:
    """The square root."""
    return adapter_of(x).maths.sqrt(x)


def sin(x: Array) -> Array:
    """The sine of an angle in radians."""
    return adapter_of(x).maths.sin(x)


def cos(x: Array) -> Array:
    """The cosine of an angle in radians."""
    return adapter_of(x).maths.cos(x)


def power(x: Array, p: Array) -> Array:
    """x to the power p, elementwise."""
    return adapter_of(x, p).power(x, p)


def absolute(x: Array) -> Array:
    """The magnitude."""
    return adapter_of(x).maths.abs(x)


def sign(x: Array) -> Array:
    """-1, 0 or 1."""
    return adapter_of(x).maths.sign(x)


def clip(x: Array, low: float, high: float) -> Array:
    """x clipped to [low, high]."""
    return adapter_of(x).maths.clip(x, low, high)


def maximum(a: Array, b: Array) -> Array:
    """The larger of two, NaN if either is NaN."""
    return adapter_of(a, b).maximum(a, b)


def minimum(a: Array, b: Array) -> Array:
    """The smaller of two, NaN if either is NaN."""
    return adapter_of(a, b).minimum(a, b)


def where(condition: Array, a: Array, b: Array) -> Array:
    """a where the condition is true, else b."""
    return adapter_of(condition, a, b).where(condition, a, b)


def greatest(x: Array, axis: int | None = None) -> Array:
    """The largest of all elements, or along an axis; NaN if one is NaN."""
    return adapter_of(x).greatest(x, axis)


def smallest(x: Array, axis: int | None = None) -> Array:
    """The smallest of all elements, or along an axis; NaN if one is NaN."""
    return adapter_of(x).smallest(x, axis)


def middle(x: Array) -> Array:
    """The mean of the smallest and the largest element."""
    return x.min() * 0.5 + x.max() * 0.5


def typical(x: Array) -> Array:
    """The median of about 63 elements, which is robust against outliers."""
    some = x.reshape(-1)[:: max(math.prod(x.shape) // 63, 1)]
    return adapter_of(x).maths.median(some)


def isnan(x: Array) -> Array:
    """Whether x is not a number; False for integers."""
    return x != x


def isinf(x: Array) -> Array:
    """Whether x is plus or minus infinity."""
    return adapter_of(x).maths.isinf(x)


def stop(x: Array) -> Array:
    """The same values without a gradient."""
    return adapter_of(x).stop(x)


def lowest(like: Array) -> Array:
    """An array like `like`, filled with −inf or the smallest integer."""
    return adapter_of(like).full_like(like, _end(like, -1))


def highest(like: Array) -> Array:
    """An array like `like`, filled with +inf or the largest integer."""
    return adapter_of(like).full_like(like, _end(like, 1))


def ones(like: Array) -> Array:
    """Ones in the shape of `like`."""
    return adapter_of(like).full_like(like, 1)


def zeros(like: Array) -> Array:
    """Zeros in the shape of `like`."""
    return adapter_of(like).full_like(like, 0)


def nowhere(like: Array) -> Array:
    """An int64 array in the shape of `like`, filled with −1: no position."""
    return adapter_of(like).full_like(like, -1, "int64")


def _end(like: Array, sign: int) -> Any:
    """The smallest or largest value of an element type."""
    name = adapter_of(like).dtype_name(like)
    if "float" in name:
        return sign * inf
    if name == "bool":
        return sign > 0
    info = np.iinfo(name)
    return int(info.max if sign > 0 else info.min)


def did_you_mean(word: str, options: Any, others: dict[str, str] | None = None) -> str:
    """The words "; did you mean …" for a name close to an option or to a synonym; else an empty
    text.

    >>> did_you_mean("maxx", ["max", "mean"]), did_you_mean("?", ["max"])
    ("; did you mean 'max'?", '')
    >>> did_you_mean("avg", ["mean"], {"avg": "mean"})
    "; did you mean 'mean'?"
    """
    import difflib

    by_lower_case = {str(o).lower(): str(o) for o in options}
    nearest = (others or {}).get(word.lower()) or next(
        iter(difflib.get_close_matches(word.lower(), by_lower_case, 1, 0.6)), None
    )
    return "" if nearest is None else f"; did you mean {by_lower_case.get(nearest, nearest)!r}?"
