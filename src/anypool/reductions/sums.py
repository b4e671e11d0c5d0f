"""Sum, mean, product, any, all and count."""

from __future__ import annotations

from typing import Any

from ..arrays.ops import nowhere, where, zeros
from ..arrays.shape_ops import floats
from .fold import Fold, Pairs, State


class Sum(Fold):
    """Σ w·x."""

    name, formula, accumulates, linear, empty, signed_weights = "sum", "Σ wᵢ xᵢ", "wide", True, 0.0, True
    merges_with = "sum"

    def init(self, zero: Any) -> State:
        return (zero,)

    def step(self, state: State, x: Any, w: Any, at: Any) -> State:
        return (state[0] + x * w,)

    def merge(self, a: State, b: State) -> State:
        return (a[0] + b[0],)

    def local_gradient(self, x: Any, w: Any, at: Any, y: Any, saved: State, n: Any) -> Any:
        return w

    def gradient_terms(self, x: Any, y: Any, sums: Any) -> Pairs | None:
        return ((1.0, zeros(y) + 1.0),)

    def weight_terms(self, x: Any, y: Any, sums: Any) -> Pairs | None:
        return ((x, zeros(y) + 1.0),)


class Mean(Sum):
    """Σ w·x / n. n is Σ w, or the divisor of the windows."""

    name, formula, accumulates, empty = "mean", "Σ wᵢ xᵢ / n", "float", float("nan")
    merges_with, divides = "sum", True
    scale_free_weights = True

    def finish(self, state: State, n: Any) -> Any:
        return state[0] / n

    def local_gradient(self, x: Any, w: Any, at: Any, y: Any, saved: State, n: Any) -> Any:
        return w / n

    def gradient_terms(self, x: Any, y: Any, sums: Any) -> Pairs | None:
        return ((1.0, zeros(y) + 1.0 / sums.n),)

    def weight_terms(self, x: Any, y: Any, sums: Any) -> Pairs | None:
        return (x, zeros(y) + 1.0 / sums.n), (-1.0, y / sums.n)


class Prod(Fold):
    """Π x."""

    name, formula, accumulates, ignores_weight_value, empty = "prod", "Π xᵢ", "wide", True, 1.0
    merges_with, accepts_bool = "prod", False

    def init(self, zero: Any) -> State:
        return zero + 1, zero + 1, zero

    def step(self, state: State, x: Any, w: Any, at: Any) -> State:
        return state[0] * x, state[1] * where(x == 0, zeros(x) + 1, x), state[2] + (x == 0)

    def merge(self, a: State, b: State) -> State:
        return a[0] * b[0], a[1] * b[1], a[2] + b[2]

    def save_for_backward(self, state: State) -> State:
        return state[1:]

    def local_gradient(self, x: Any, w: Any, at: Any, y: Any, saved: State, n: Any) -> Any:
        others = saved[0] / where(x == 0, zeros(x) + 1, x)
        zeros_elsewhere = saved[1] - (x == 0) * 1
        return where(zeros_elsewhere > 0, zeros(others), others)

    def gradient_terms(self, x: Any, y: Any, sums: Any) -> Pairs | None:
        return ((1.0 / x, y),)  # infinite if x is 0: the engine then declines


class AnyOf(Fold):
    """Whether some element is nonzero."""

    name, formula, accumulates, gives, ignores_weight_value, empty = "any", "∃ xᵢ ≠ 0", "same", "truth", True, 0.0

    def init(self, zero: Any) -> State:
        return (zero != zero,)

    def step(self, state: State, x: Any, w: Any, at: Any) -> State:
        return (state[0] | (x != 0),)

    def merge(self, a: State, b: State) -> State:
        return (a[0] | b[0],)

    def from_sums(self, x: Any, sums: Any) -> Any:
        return sums.total(floats(x != 0)) > 0


class AllOf(Fold):
    """Whether every element is nonzero."""

    name, formula, accumulates, gives, ignores_weight_value, empty = "all", "∀ xᵢ ≠ 0", "same", "truth", True, 1.0

    def init(self, zero: Any) -> State:
        return (zero == zero,)

    def step(self, state: State, x: Any, w: Any, at: Any) -> State:
        return (state[0] & (x != 0),)

    def merge(self, a: State, b: State) -> State:
        return (a[0] & b[0],)

    def from_sums(self, x: Any, sums: Any) -> Any:
        return sums.total(floats(x == 0)) == 0


class Count(Fold):
    """The number of present elements."""

    name, formula, accumulates, gives, ignores_weight_value, empty = "count", "|window|", "same", "count", True, 0.0
    merges_with = "sum"

    def init(self, zero: Any) -> State:
        return (nowhere(zero) + 1,)

    def step(self, state: State, x: Any, w: Any, at: Any) -> State:
        return (state[0] + 1,)

    def merge(self, a: State, b: State) -> State:
        return (a[0] + b[0],)
