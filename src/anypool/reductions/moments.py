"""Variance and standard deviation, by merging partial means."""

from __future__ import annotations

from typing import Any

from ..arrays.ops import middle, sqrt, typical, where, zeros
from .arithmetic import inverse_of
from .fold import Fold, Pairs, State
from .parameters import at_least_zero


class Var(Fold):
    """Σ w·(x − mean)² / (n − ddof), by merging partial means: no cancellation."""

    name, formula, source = "var", "Σ wᵢ (xᵢ − x̄)² / (n − ddof)", "Chan, Golub & LeVeque 1983"
    of_truth = False
    doubles = True

    def __init__(self, ddof: float = 0) -> None:
        super().__init__()
        self.parameters = {"ddof": at_least_zero(ddof, f"{type(self).__name__}(ddof)")}

    def init(self, zero: Any) -> State:
        return zero, zero, zero

    def step(self, state: State, x: Any, w: Any, at: Any) -> State:
        return self.merge(state, (zeros(x) + w, x, zeros(x)))

    def merge(self, a: State, b: State) -> State:
        seen = a[0] + b[0]
        some = where(seen == 0, zeros(seen) + 1, seen)
        apart = where((a[0] == 0) | (b[0] == 0), zeros(a[1]), b[1] - a[1])
        mean = where(a[0] == 0, b[1], a[1]) + apart * (b[0] / some)
        return seen, mean, a[2] + b[2] + apart * apart * (a[0] * b[0] / some)

    def finish(self, state: State, n: Any) -> Any:
        rest = n - self.parameters["ddof"]
        spread = state[2] + (state[1] - state[1])  # NaN where an element is infinite
        return where(rest > 0, spread / where(rest > 0, rest, zeros(rest) + 1), zeros(state[2]) + float("nan"))

    def by_sums(self, x: Any, seen: Any) -> Any:
        x = x - typical(x)
        total, size = seen.total(x), seen.mass(x * x, False)
        squares = size - total * total / seen.held
        lost = squares < size * seen.least  # all but the rounding cancels
        if bool(lost.any()):
            flat = seen.flat(x)
            lost = lost & ~flat
            squares = where(flat, zeros(squares), squares)
        y = self.finish((zeros(squares), zeros(squares), squares), seen.n)
        return seen.again(y, lost) if bool(lost.any()) else y

    def keep(self, state: State) -> State:
        return (state[1],)

    def pull(self, x: Any, w: Any, at: Any, y: Any, kept: State, n: Any) -> Any:
        return 2.0 * w * (x - kept[0]) / (n - self.parameters["ddof"])

    def factors(self, x: Any, y: Any, seen: Any) -> Pairs | None:
        return self.about(x, seen, 2.0 / (zeros(y) + (seen.n - self.parameters["ddof"])))

    def about(self, x: Any, seen: Any, slope: Any) -> Pairs:
        """(x − mean) · slope."""
        x = x - middle(x)  # the products cancel less
        return (x, slope), (-1.0, slope * (seen.total(x) / seen.held))


class Std(Var):
    """The root of the variance; 0 with a zero gradient where all are equal."""

    name, formula = "std", "√var"
    by_sums = Var.by_sums

    def finish(self, state: State, n: Any) -> Any:
        var = super().finish(state, n)
        flat = var == 0
        return where(flat, zeros(var), sqrt(where(flat, zeros(var) + 1, var)))

    def pull(self, x: Any, w: Any, at: Any, y: Any, kept: State, n: Any) -> Any:
        flat = y == 0
        return where(flat, zeros(y), w * (x - kept[0]) / ((n - self.parameters["ddof"]) * where(flat, zeros(y) + 1, y)))

    def factors(self, x: Any, y: Any, seen: Any) -> Pairs | None:
        return self.about(x, seen, inverse_of(y, 1.0) / (seen.n - self.parameters["ddof"]))
