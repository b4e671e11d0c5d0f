"""Variance and standard deviation, by merging partial means."""

from __future__ import annotations

from typing import Any

from ..arrays.ops import middle, sqrt, typical, where, zeros
from .arithmetic import inverse_of
from .fold import Fold, Pairs, State
from .parameters import at_least_zero


class Var(Fold):
    """Σ w·(x − mean)² / (n − ddof), by merging partial means, which avoids cancellation."""

    name, formula, source = "var", "Σ wᵢ (xᵢ − x̄)² / (n − ddof)", "Chan, Golub & LeVeque 1983"
    accepts_bool = False
    sums_need_double = True
    scale_free_weights = True  # of an object with ddof = 0

    def __init__(self, ddof: float = 0) -> None:
        super().__init__()
        self.parameters = {"ddof": at_least_zero(ddof, f"{type(self).__name__}(ddof)")}
        self.scale_free_weights = self.parameters["ddof"] == 0  # n − ddof depends on the scale

    def init(self, zero: Any) -> State:
        return zero, zero, zero

    def step(self, state: State, x: Any, w: Any, at: Any) -> State:
        return self.merge(state, (zeros(x) + w, x, zeros(x)))

    def merge(self, a: State, b: State) -> State:
        weight = a[0] + b[0]
        divisor = where(weight == 0, zeros(weight) + 1, weight)
        distance = where((a[0] == 0) | (b[0] == 0), zeros(a[1]), b[1] - a[1])
        mean = where(a[0] == 0, b[1], a[1]) + distance * (b[0] / divisor)
        return weight, mean, a[2] + b[2] + distance * distance * (a[0] * (b[0] / divisor))

    def finish(self, state: State, n: Any) -> Any:
        divisor = n - self.parameters["ddof"]
        spread = state[2] + (state[1] - state[1])  # NaN where an element is infinite
        return where(
            divisor > 0, spread / where(divisor > 0, divisor, zeros(divisor) + 1), zeros(state[2]) + float("nan")
        )

    def from_sums(self, x: Any, sums: Any) -> Any:
        x = x - typical(x)
        total, size = sums.total(x), sums.mass(x * x, False)
        squares = size - total * total / sums.count
        cancelled = squares < size * sums.smallest_share  # only rounding errors are left
        if bool(cancelled.any()):
            constant = sums.flat(x)
            cancelled = cancelled & ~constant
            squares = where(constant, zeros(squares), squares)
        y = self.finish((zeros(squares), zeros(squares), squares), sums.n)
        return sums.recompute(y, cancelled) if bool(cancelled.any()) else y

    def save_for_backward(self, state: State) -> State:
        return (state[1],)

    def local_gradient(self, x: Any, w: Any, at: Any, y: Any, saved: State, n: Any) -> Any:
        return 2.0 * w * (x - saved[0]) / (n - self.parameters["ddof"])

    def gradient_terms(self, x: Any, y: Any, sums: Any) -> Pairs | None:
        return self.centred_terms(x, sums, 2.0 / (zeros(y) + (sums.n - self.parameters["ddof"])))

    def weight_terms(self, x: Any, y: Any, sums: Any) -> Pairs | None:
        return self.squared_terms(x, y, sums, zeros(y) + 1.0 / (sums.n - self.parameters["ddof"]))

    def squared_terms(self, x: Any, var: Any, sums: Any, slope: Any) -> Pairs:
        """The terms of ((x − mean)² − var) · slope."""
        x = x - middle(x)
        mean = sums.total(x) / sums.count
        return (x * x, slope), (x, -2.0 * slope * mean), (1.0, (mean * mean - var) * slope)

    def centred_terms(self, x: Any, sums: Any, slope: Any) -> Pairs:
        """The terms of (x − mean) · slope."""
        x = x - middle(x)  # centred values cancel less
        return (x, slope), (-1.0, slope * (sums.total(x) / sums.count))


class Std(Var):
    """The square root of the variance. Its gradient is 0 where all elements are equal."""

    name, formula = "std", "√var"
    scale_free_weights = True  # of an object with ddof = 0
    from_sums = Var.from_sums

    def finish(self, state: State, n: Any) -> Any:
        var = super().finish(state, n)
        flat = var == 0
        return where(flat, zeros(var), sqrt(where(flat, zeros(var) + 1, var)))

    def local_gradient(self, x: Any, w: Any, at: Any, y: Any, saved: State, n: Any) -> Any:
        flat = y == 0
        return where(
            flat, zeros(y), w * (x - saved[0]) / ((n - self.parameters["ddof"]) * where(flat, zeros(y) + 1, y))
        )

    def gradient_terms(self, x: Any, y: Any, sums: Any) -> Pairs | None:
        return self.centred_terms(x, sums, inverse_of(y, 1.0) / (sums.n - self.parameters["ddof"]))

    def weight_terms(self, x: Any, y: Any, sums: Any) -> Pairs | None:
        slope = inverse_of(y, 1.0) / (2.0 * (sums.n - self.parameters["ddof"]))
        return self.squared_terms(x, y * y, sums, slope)
