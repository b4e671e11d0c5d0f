"""Arrays of the Array API standard with NumPy's operators and NumPy's type promotion."""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

NAMES = "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float32 float64".split()
Number = (bool, int, float, np.generic)


class Standard:
    """An array of the standard with NumPy's methods and type promotion."""

    __slots__ = ("name", "raw", "xp")
    __array_ufunc__ = None  # NumPy leaves operators to this class
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, raw: Any, xp: Any) -> None:
        self.raw, self.xp = raw, xp
        self.name = next((n for n in NAMES if raw.dtype == getattr(xp, n)), "")

    def __array_namespace__(self, api_version: str | None = None) -> Any:
        return Namespace(self.xp)

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.raw.shape)

    @property
    def ndim(self) -> int:
        return self.raw.ndim

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(self.name)

    def of(self, raw: Any) -> Standard:
        """Another array of the same library."""
        return Standard(raw, self.xp)

    def to(self, name: str) -> Any:
        """The library's own array in another element type."""
        return self.raw if name == self.name else self.xp.astype(self.raw, getattr(self.xp, name))

    def reshape(self, *shape: Any) -> Standard:
        return self.of(self.xp.reshape(self.raw, tuple(shape[0]) if isinstance(shape[0], (tuple, list)) else shape))

    def sum(self, axis: int | None = None) -> Standard:
        return self.of(self.xp.sum(self.to("int64" if self.name == "bool" else self.name), axis=axis))

    def any(self, axis: int | None = None) -> Standard:
        return self.of(self.xp.any(self.raw, axis=axis))

    def all(self, axis: int | None = None) -> Standard:
        return self.of(self.xp.all(self.raw, axis=axis))

    def __getitem__(self, key: Any) -> Standard:
        if isinstance(key, Standard) and key.name != "bool":
            flat = self.xp.take(self.raw, self.xp.reshape(key.raw, (-1,)), axis=0)
            return self.of(self.xp.reshape(flat, (*key.shape, *self.shape[1:])))
        key = key if isinstance(key, tuple) else (key,)
        rest = self.ndim - sum(k is not None and k is not Ellipsis for k in key)
        at = key.index(Ellipsis) if Ellipsis in key else len(key)
        full = [*key[:at], *[slice(None)] * rest, *key[at + 1 :]]
        sizes = iter(self.shape)
        return self.of(self.raw[tuple(k if k is None else _inside(k, next(sizes)) for k in full)])

    def __len__(self) -> int:
        return self.shape[0]

    def __bool__(self) -> bool:
        return bool(self.raw)

    def __int__(self) -> int:
        return int(self.raw)

    def __float__(self) -> float:
        return float(self.raw)

    def __neg__(self) -> Standard:
        return self.of(-self.raw)

    def __invert__(self) -> Standard:
        return self.of(~self.raw)

    def __abs__(self) -> Standard:
        return self.of(abs(self.raw))


def _inside(key: Any, size: int) -> Any:
    """A slice within the axis, as the standard requires."""
    return slice(*key.indices(size)) if isinstance(key, slice) else key


@lru_cache(maxsize=1024)
def _common(a: str, b: str) -> str:
    return np.result_type(a, b).name


def met(a: Any, b: Any, function: str = "") -> tuple[Any, Any, Standard]:
    """Two operands in NumPy's common type; at least one is a `Standard`, and numbers take the
    other's type."""
    like: Standard = a if isinstance(a, Standard) else b
    kinds = [kind_of(v, like.name) for v in (a, b)]
    name = _common(*kinds)
    if function == "truediv" and "float" not in name:
        name = "float64"
    if function in ("lt", "le", "gt", "ge") and name == "bool":
        name = "uint8"
    a, b = (v.to(name) if isinstance(v, Standard) else _raw(v, name, like) for v in (a, b))
    return a, b, like


def kind_of(value: Any, other: str) -> str:
    if isinstance(value, Standard):
        return value.name
    if not isinstance(value, Number):
        return value.dtype.name
    kind = "bool" if isinstance(value, (bool, np.bool_)) else "int" if isinstance(value, (int, np.integer)) else "float"
    if kind == "bool" or "float" in other or (kind == "int" and "int" in other):
        return other
    return "int64" if kind == "int" else "float64"


def _raw(value: Any, name: str, like: Standard) -> Any:
    return like.xp.asarray(np.asarray(value, name), device=like.raw.device)


def _operator(name: str) -> None:
    function: Callable[[Any, Any], Any] = getattr(operator, name)

    def left(self: Standard, other: Any) -> Standard:
        a, b, like = met(self, other, name)
        return like.of(function(a, b))

    def right(self: Standard, other: Any) -> Standard:
        a, b, like = met(other, self, name)
        return like.of(function(a, b))

    plain = name.strip("_")
    setattr(Standard, f"__{plain}__", left)
    if plain not in ("lt", "le", "gt", "ge", "eq", "ne"):
        setattr(Standard, f"__r{plain}__", right)


for _name in "add sub mul truediv floordiv mod pow and_ or_ xor lt le gt ge eq ne".split():
    _operator(_name)


class Namespace:
    """The library's functions for arrays of this class."""

    def __init__(self, xp: Any = None) -> None:
        self.xp = xp

    def __getattr__(self, name: str) -> Any:
        def function_of_raw(x: Any, *args: Any, **options: Any) -> Any:
            function: Any = getattr(x.xp, name)
            y = function(x.raw, *(getattr(a, "raw", a) for a in args), **options)
            return x.of(y)

        return function_of_raw

    def isinf(self, x: Any) -> Any:
        """Whether x is an infinity; False for integers."""
        return x.of(x.xp.isinf(x.raw)) if "float" in x.name else x != x

    def frexp(self, x: Any) -> tuple[Any, Any]:
        """The fraction and the exponent of x = fraction · 2^exponent."""
        size = abs(x)
        safe = size.of(x.xp.where((size > 0).raw, size.raw, x.xp.ones_like(size.raw)))
        exponent = x.of(x.xp.floor(x.xp.log2(safe.raw))) + 1
        return x / x.of(x.xp.pow((exponent * 0 + 2).raw, exponent.raw)), exponent


def filled(shape: tuple[int, ...], value: Any, dtype: str, like: Standard) -> Any:
    kind: Any = bool if dtype == "bool" else float if "float" in dtype else int
    return like.xp.full(shape, kind(value), dtype=getattr(like.xp, dtype), device=like.raw.device)
