"""The first and the last element of each window."""

from __future__ import annotations

from typing import Any

from ..arrays.ops import nowhere, where
from ..arrays.shape_ops import floats
from .fold import Fold, State


class First(Fold):
    """The first present element in row-major order."""

    name, formula, accumulates, selects, ignores_weight_value = "first", "x₁", "same", True, True

    def init(self, zero: Any) -> State:
        return zero, nowhere(zero)

    def step(self, state: State, x: Any, w: Any, at: Any) -> State:
        take = state[1] < 0
        return where(take, x, state[0]), where(take, at, state[1])

    def merge(self, a: State, b: State) -> State:
        take = a[1] < 0
        return where(take, b[0], a[0]), where(take, b[1], a[1])

    def save_for_backward(self, state: State) -> State:
        return (state[1],)

    def local_gradient(self, x: Any, w: Any, at: Any, y: Any, saved: State, n: Any) -> Any:
        return floats(saved[0] == at)


class Last(First):
    """The last present element in row-major order."""

    name, formula = "last", "xₙ"

    def step(self, state: State, x: Any, w: Any, at: Any) -> State:
        return where(at >= 0, x, state[0]), where(at >= 0, at, state[1])

    def merge(self, a: State, b: State) -> State:
        take = b[1] >= 0
        return where(take, b[0], a[0]), where(take, b[1], a[1])
