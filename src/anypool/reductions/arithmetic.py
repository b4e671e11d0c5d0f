"""Arithmetic that stays defined at 0 and infinity."""

from __future__ import annotations

from typing import Any

from ..arrays.ops import exp, inf, isinf, isnan, ones, power, smallest, sqrt, stop, where, zeros


def ratio(a: Any, b: Any) -> Any:
    """a / b, and 1 where both are 0 or the same infinity."""
    flat = (a == b) & ((b == 0) | isinf(b))
    return where(flat, ones(a), a) / where(flat | (b == 0), ones(b), b)


def power_of(x: Any, p: Any) -> Any:
    """x^p, exactly for p = 1 and 2."""
    if isinstance(p, float):
        if p == 1.0:
            return x
        if p == 2.0:
            return x * x
        if p == 0.0:
            return ones(x)
    return power(x, p)


def inverse_of(x: Any, p: Any) -> Any:
    """x^(−p) for numbers of at least 0, and 0 at 0."""
    made = power_of(x, -p)
    return made if smallest(x) > 0 else where(x == 0, 0.0, made)  # a choice costs thirty times the power


def root_of(x: Any, p: Any) -> Any:
    """x^(1/p), exactly for p = 1 and 2."""
    if isinstance(p, float):
        if p == 1.0:
            return x
        if p == 2.0:
            return sqrt(x)
    return power(x, 1.0 / p)


def joined(size: Any, unit: Any) -> Any:
    """size · unit, where a size of infinity or NaN decides."""
    plain = isinf(size) | isnan(size)
    return where(plain, size, where(plain, zeros(size) + 1, size) * unit)


def grown(z: Any) -> Any:
    """e^z in units of e^z: 1, with the gradient that e^z has."""
    finite = ~(isinf(z) | isnan(z))
    moved = where(finite, z, zeros(z))
    return exp(where(finite, moved - stop(moved), zeros(z)))


def fade(z: Any, top: Any, rate: Any = 1.0) -> Any:
    """e^{rate·(z − top)}, 1 where they are equal, infinities too."""
    same = z == top
    safe_z, safe_top = where(same, zeros(z), z), where(same, zeros(top), top)
    return exp((safe_z - safe_top) * rate)


def times(a: Any, b: Any) -> Any:
    """a · b, 0 where b is 0 even if a is infinite."""
    return where(b == 0, zeros(a), a) * b


def is_infinite(p: Any) -> bool:
    return isinstance(p, float) and p == inf
