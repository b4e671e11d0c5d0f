"""Maximum, minimum and range: values, positions and ties."""

from __future__ import annotations

from typing import Any

from ..arrays.ops import highest, inf, isnan, lowest, nowhere, where, zeros
from ..arrays.shape_ops import floats
from .fold import Fold, State


class Max(Fold):
    """The largest element. NaN is larger than every number."""

    name, formula, accumulates, selects, ignores_weight_value, empty = "max", "max xᵢ", "same", True, True, -inf
    merges_with = "max"

    def __init__(self, ties: str = "first") -> None:
        super().__init__()
        self.ties = ties

    def beats(self, new: Any, old: Any) -> Any:
        """Whether a new value replaces an old one."""
        return new >= old if self.ties == "last" else new > old

    def identity(self, zero: Any) -> Any:
        """The identity element."""
        return lowest(zero)

    def init(self, zero: Any) -> State:
        return self.identity(zero), nowhere(zero)

    def step(self, state: State, x: Any, w: Any, at: Any) -> State:
        take = self.beats(x, state[0]) | isnan(x) | (state[1] < 0)
        return where(take, x, state[0]), where(take, at, state[1])

    def merge(self, a: State, b: State) -> State:
        take = (b[1] >= 0) & (self.beats(b[0], a[0]) | isnan(b[0]) | (a[1] < 0))
        return where(take, b[0], a[0]), where(take, b[1], a[1])

    def save_for_backward(self, state: State) -> State:
        return (state[1],)

    def local_gradient(self, x: Any, w: Any, at: Any, y: Any, saved: State, n: Any) -> Any:
        return floats(saved[0] == at)


class Min(Max):
    """The smallest element. NaN is smaller than every number."""

    name, formula, empty, merges_with = "min", "min xᵢ", inf, "min"

    def beats(self, new: Any, old: Any) -> Any:
        return new <= old if self.ties == "last" else new < old

    def identity(self, zero: Any) -> Any:
        return highest(zero)


class SplitMax(Fold):
    """The largest element. Tied elements share the gradient equally."""

    name, formula, accumulates, ignores_weight_value, empty, ties = "max", "max xᵢ", "same", True, -inf, "split"

    def beats(self, new: Any, old: Any) -> Any:
        """Whether a new value replaces an old one."""
        return (new > old) | (isnan(new) & ~isnan(old))

    def identity(self, zero: Any) -> Any:
        """The identity element."""
        return lowest(zero)

    def init(self, zero: Any) -> State:
        return self.identity(zero), nowhere(zero) + 1

    def step(self, state: State, x: Any, w: Any, at: Any) -> State:
        return self.merge(state, (x, nowhere(x) + 2))

    def merge(self, a: State, b: State) -> State:
        later = ((b[1] > 0) & self.beats(b[0], a[0])) | (a[1] == 0)
        tie = ~later & (b[1] > 0) & ~self.beats(a[0], b[0])
        return where(later, b[0], a[0]), where(later, b[1], where(tie, a[1] + b[1], a[1]))

    def save_for_backward(self, state: State) -> State:
        return (state[1],)

    def local_gradient(self, x: Any, w: Any, at: Any, y: Any, saved: State, n: Any) -> Any:
        return where((x == y) | (isnan(x) & isnan(y)), 1.0 / saved[0], zeros(saved[0]))


class SplitMin(SplitMax):
    """The smallest element. Tied elements share the gradient equally."""

    name, formula, empty = "min", "min xᵢ", inf

    def beats(self, new: Any, old: Any) -> Any:
        return (new < old) | (isnan(new) & ~isnan(old))

    def identity(self, zero: Any) -> Any:
        return highest(zero)


class ArgMax(Max):
    """The flat position of the largest element in the pooled axes; −1 for an empty window."""

    name, formula, gives, empty = "argmax", "argmax xᵢ", "position", -1.0
    merges_with = "max"
    local_gradient: Any = None

    def finish(self, state: State, n: Any) -> Any:
        return state[1]


class ArgMin(Min):
    """The flat position of the smallest element in the pooled axes; −1 for an empty window."""

    name, formula, gives, empty = "argmin", "argmin xᵢ", "position", -1.0
    merges_with = "min"
    local_gradient: Any = None

    def finish(self, state: State, n: Any) -> Any:
        return state[1]


class Range(Fold):
    """The largest minus the smallest element. Integers are widened as in a sum, so that 127 −
    (−128) is 255."""

    name, formula, accumulates, selects, ignores_weight_value = "range", "max xᵢ − min xᵢ", "wide", True, True
    accepts_bool = False

    def __init__(self, ties: str = "first") -> None:
        super().__init__()
        self.ties = ties

    @property
    def difference_of(self) -> tuple[Any, Any]:
        """The maximum and the minimum."""
        return (Max(self.ties), Min(self.ties)) if self.ties != "split" else (SplitMax(), SplitMin())

    def init(self, zero: Any) -> State:
        return (*self.difference_of[0].init(zero), *self.difference_of[1].init(zero))

    def step(self, state: State, x: Any, w: Any, at: Any) -> State:
        return (*self.difference_of[0].step(state[:2], x, w, at), *self.difference_of[1].step(state[2:], x, w, at))

    def merge(self, a: State, b: State) -> State:
        return (*self.difference_of[0].merge(a[:2], b[:2]), *self.difference_of[1].merge(a[2:], b[2:]))

    def finish(self, state: State, n: Any) -> Any:
        return state[0] - state[2]

    def save_for_backward(self, state: State) -> State:
        return state[1], state[3]

    def local_gradient(self, x: Any, w: Any, at: Any, y: Any, saved: State, n: Any) -> Any:
        return floats(saved[0] == at) - floats(saved[1] == at)
