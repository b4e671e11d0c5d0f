"""The dozen maths words that a reduction may use; each answers in the array library of its arguments."""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np

Array = Any
inf = float("inf")


def library(*values: Array) -> Any:
    """The module that the first non-NumPy value belongs to: NumPy unless torch is loaded and used."""
    torch = sys.modules.get("torch")
    if torch is not None and any(isinstance(v, torch.Tensor) for v in values):
        return torch
    return np


def among(value: Any, options: Any) -> bool:
    """Whether a value is one of a few words; an array is none of them.

    >>> among("a", ("a", "b")), among(np.ones(2), ("a", "b")), among([], {"a": 1})
    (True, False, False)
    """
    return getattr(value, "ndim", 0) == 0 and value in tuple(options)


def _both(module: Any, a: Array, b: Array) -> tuple[Array, Array]:
    if module is np:
        return a, b
    like = a if isinstance(a, module.Tensor) else b
    return tuple(
        v if isinstance(v, module.Tensor) else module.as_tensor(v, dtype=like.dtype, device=like.device) for v in (a, b)
    )  # type: ignore[return-value]


def exp(x: Array) -> Array:
    """e to the power x."""
    return library(x).exp(x)


def log(x: Array) -> Array:
    """The natural logarithm."""
    return library(x).log(x)


def sqrt(x: Array) -> Array:
    """The square root."""
    return library(x).sqrt(x)


def power(x: Array, p: Array) -> Array:
    """x to the power p, elementwise."""
    module = library(x, p)
    if module is np:
        return np.power(x, p)
    return (
        module.pow(x, p) if isinstance(p, float) else module.pow(*_both(module, x, p))
    )  # a number: a sixteenth of the time


def absolute(x: Array) -> Array:
    """The magnitude."""
    return library(x).abs(x)


def sign(x: Array) -> Array:
    """-1, 0 or 1."""
    return library(x).sign(x)


def maximum(a: Array, b: Array) -> Array:
    """The greater of two, NaN if either is."""
    module = library(a, b)
    return module.maximum(*_both(module, a, b))


def minimum(a: Array, b: Array) -> Array:
    """The smaller of two, NaN if either is."""
    module = library(a, b)
    return module.minimum(*_both(module, a, b))


def where(condition: Array, a: Array, b: Array) -> Array:
    """a where the condition holds, else b."""
    module = library(condition, a, b)
    return module.where(condition, a, b)


def greatest(x: Array) -> Array:
    """The greatest of all the numbers; NaN if one is."""
    return x.max()


def smallest(x: Array) -> Array:
    """The smallest of all the numbers; NaN if one is."""
    return x.min()


def middle(x: Array) -> Array:
    """Half way between the smallest and the greatest of all the numbers."""
    return x.min() * 0.5 + x.max() * 0.5


def typical(x: Array) -> Array:
    """A number in the midst of the others, whatever a few of them are: the median of some."""
    some = x.reshape(-1)[:: max(math.prod(x.shape) // 63, 1)]
    return library(x).median(some)


def isnan(x: Array) -> Array:
    """Whether x is not a number; False for integers."""
    return x != x


def isinf(x: Array) -> Array:
    """Whether x is plus or minus infinity."""
    return library(x).isinf(x)


def stop(x: Array) -> Array:
    """The same values, through which no gradient flows."""
    return x.detach() if library(x) is not np else x


def lowest(like: Array) -> Array:
    """An array as `like`, filled with what loses to every value: -inf, or the smallest integer."""
    return _filled(like, -inf, lambda info: info.min)


def highest(like: Array) -> Array:
    """An array as `like`, filled with what every value beats from below: +inf, or the largest integer."""
    return _filled(like, inf, lambda info: info.max)


def ones(like: Array) -> Array:
    """Ones, shaped as `like`."""
    return library(like).ones_like(like)


def zeros(like: Array) -> Array:
    """Zeros, shaped as `like`, whatever it holds."""
    return library(like).zeros_like(like)


def nowhere(like: Array) -> Array:
    """An int64 array shaped as `like`, filled with -1: no position."""
    module = library(like)
    return module.full_like(like, -1, dtype=module.int64)


def _filled(like: Array, infinity: float, end: Any) -> Array:
    module = library(like)
    if module is np:
        if like.dtype.kind in "bui":
            return np.full_like(
                like, bool(end(np.iinfo(np.int8)) > 0) if like.dtype.kind == "b" else end(np.iinfo(like.dtype))
            )
        return np.full_like(like, infinity)
    if like.dtype.is_floating_point:
        return module.full_like(like, infinity)
    return module.full_like(like, infinity > 0 if like.dtype is module.bool else end(module.iinfo(like.dtype)))


def meant(given: str, options: Any, others: dict[str, str] | None = None) -> str:
    """The words "did you mean …" for a name that is near to one of the options or another word for it; else nothing.

    >>> meant("maxx", ["max", "mean"]), meant("avg", ["mean"], {"avg": "mean"}), meant("?", ["max"])
    ("; did you mean 'max'?", "; did you mean 'mean'?", '')
    """
    import difflib

    lower = {str(o).lower(): str(o) for o in options}
    near = (others or {}).get(given.lower()) or next(
        iter(difflib.get_close_matches(given.lower(), lower, 1, 0.6)), None
    )
    return "" if near is None else f"; did you mean {lower.get(near, near)!r}?"
