"""Smooth maxima: log-sum-exp, log-mean-exp and the softmax-weighted mean."""

from __future__ import annotations

from typing import Any

from ..arrays.ops import exp, greatest, inf, isnan, log, stop, where, zeros
from .arithmetic import exp_difference, product_or_zero, unit_exp
from .fold import Fold, Pairs, State
from .parameters import finite, nonzero


class LogSumExp(Fold):
    """(1/r)·log Σ w·e^{r·x}: a smooth maximum (r → −∞: minimum)."""

    name, formula, source, empty = "logsumexp", "(1/r) log Σ wᵢ e^{r xᵢ}", "Boyd & Vandenberghe §3.1.5", -inf
    accepts_bool = False

    def __init__(self, r: Any = 1.0) -> None:
        super().__init__()
        self.parameters = {"r": nonzero(r, f"{type(self).__name__}(r)")}

    def averaged(self, total: Any, n: Any) -> Any:
        """The argument of the logarithm."""
        return total

    def with_log_weights(self, x: Any, a: Any) -> Any:
        """x + a / r, since e^{a + r·x} = e^{r·(x + a/r)}."""
        return x + a / self.parameters["r"]

    def init(self, zero: Any) -> State:
        return zero - inf, zero

    def step(self, state: State, x: Any, w: Any, at: Any) -> State:
        z = x * self.parameters["r"]
        return self.merge(state, (stop(z), unit_exp(z) * w))

    def merge(self, a: State, b: State) -> State:
        top = where((b[0] > a[0]) | isnan(b[0]), b[0], a[0])
        return top, a[1] * exp_difference(a[0], top) + b[1] * exp_difference(b[0], top)

    def finish(self, state: State, n: Any) -> Any:
        total = self.averaged(state[1], n)
        defined = total > 0
        return (
            where(
                defined | isnan(total), log(where(defined | isnan(total), total, zeros(total) + 1)) + state[0], state[0]
            )
            / self.parameters["r"]
        )

    def from_sums(self, x: Any, sums: Any) -> Any:
        r = self.parameters["r"]
        if not isinstance(r, float):
            return None
        z = x * r
        top = greatest(z)
        return (log(self.averaged(sums.mass(exp(z - top)), sums.n)) + top) / r

    def local_gradient(self, x: Any, w: Any, at: Any, y: Any, saved: State, n: Any) -> Any:
        return self.averaged(exp_difference(x, y, self.parameters["r"]) * w, n)

    def gradient_terms(self, x: Any, y: Any, sums: Any) -> Pairs | None:
        r = self.parameters["r"]
        if not isinstance(r, float):
            return None
        z = x * r
        top = greatest(z)
        return ((exp(z - top), self.averaged(exp(top - y * r), sums.n)),)

    def weight_terms(self, x: Any, y: Any, sums: Any) -> Pairs | None:
        r = self.parameters["r"]
        terms = self.gradient_terms(x, y, sums)
        return None if terms is None else tuple((a, b / r) for a, b in terms)


class LogMeanExp(LogSumExp):
    """(1/r)·log(Σ w·e^{r·x} / n): between the mean (r → 0) and the maximum (r → ∞)."""

    name, formula, source, empty = (
        "logmeanexp",
        "(1/r) log(Σ wᵢ e^{r xᵢ} / n)",
        "Pinheiro & Collobert 2015",
        float("nan"),
    )
    with_log_weights = LogSumExp.with_log_weights
    scale_free_weights = True

    def averaged(self, total: Any, n: Any) -> Any:
        return total / n

    def weight_terms(self, x: Any, y: Any, sums: Any) -> Pairs | None:
        terms = super().weight_terms(x, y, sums)
        return None if terms is None else (*terms, (-1.0, zeros(y) + 1.0 / (self.parameters["r"] * sums.n)))


class SoftPool(Fold):
    """Σ w·e^{βx}·x / Σ w·e^{βx}: the softmax-weighted mean. Its exact gradient can be negative."""

    name, formula, source = "softpool", "Σ wᵢ e^{βxᵢ} xᵢ / Σ wᵢ e^{βxᵢ}", "Stergiou, Poppe & Kalliatakis 2021"
    scale_free_weights = True
    accepts_bool = False

    def __init__(self, beta: Any = 1.0) -> None:
        super().__init__()
        self.parameters = {"beta": finite(beta, "SoftPool(beta)")}

    def as_mean(self, x: Any) -> Any:
        """βx, since the weights of the mean are e^{βx}."""
        return x * self.parameters["beta"]

    def init(self, zero: Any) -> State:
        return zero - inf, zero, zero

    def step(self, state: State, x: Any, w: Any, at: Any) -> State:
        z = x * self.parameters["beta"]
        one = unit_exp(z) * w
        return self.merge(state, (stop(z), one, one * x))

    def merge(self, a: State, b: State) -> State:
        top = where((b[0] > a[0]) | isnan(b[0]), b[0], a[0])
        fa, fb = exp_difference(a[0], top), exp_difference(b[0], top)
        return top, a[1] * fa + b[1] * fb, product_or_zero(a[2], fa) + product_or_zero(b[2], fb)

    def finish(self, state: State, n: Any) -> Any:
        return state[2] / state[1]

    def from_sums(self, x: Any, sums: Any) -> Any:
        beta = self.parameters["beta"]
        if not isinstance(beta, float):
            return None
        z = x * beta
        e = exp(z - greatest(z))
        return sums.total(product_or_zero(x, e)) / sums.mass(e)

    def save_for_backward(self, state: State) -> State:
        return (state[0] + log(where(state[1] > 0, state[1], zeros(state[1]) + 1)),)

    def local_gradient(self, x: Any, w: Any, at: Any, y: Any, saved: State, n: Any) -> Any:
        beta = self.parameters["beta"]
        return w * exp_difference(x * beta, saved[0]) * (1.0 + beta * (x - y))

    def gradient_terms(self, x: Any, y: Any, sums: Any) -> Pairs | None:
        beta = self.parameters["beta"]
        if not isinstance(beta, float):
            return None
        z = x * beta
        top = greatest(z)
        z = z - top
        e = exp(z)
        scale = 1.0 / sums.total(e)
        return ((e * (z + 1.0), scale), (e, (top - y * beta) * scale))

    def weight_terms(self, x: Any, y: Any, sums: Any) -> Pairs | None:
        beta = self.parameters["beta"]
        if not isinstance(beta, float):
            return None
        z = x * beta
        e = exp(z - greatest(z))
        scale = 1.0 / sums.total(e)
        return (e * x, scale), (e, -y * scale)
