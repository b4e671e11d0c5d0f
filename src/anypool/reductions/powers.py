"""Norms and power means. The state is scaled, so that powers neither overflow nor underflow."""

from __future__ import annotations

from typing import Any

from ..arrays.ops import absolute, among, exp, isnan, log, maximum, sign, stop, where, zeros
from ..errors import PoolingError
from .arithmetic import inverse_of, is_infinite, power_of, ratio, root_of, scaled
from .fold import Fold, Pairs, State
from .parameters import number_or_array, positive, positive_number


class Lp(Fold):
    """The p-norm (Σ w·|x|^p)^(1/p), for p > 0; p = inf is the maximum of |x|. Powers neither
    overflow nor underflow."""

    name, formula, source, empty = "Lp", "(Σ wᵢ |xᵢ|ᵖ)^(1/p)", "Sermanet, Chintala & LeCun 2012", 0.0
    accepts_bool = False

    def __init__(self, p: Any) -> None:
        super().__init__()
        self.parameters = {"p": positive(p, "Lp(p)")}

    def averaged(self, total: Any, n: Any) -> Any:
        """The argument of the root."""
        return total

    def init(self, zero: Any) -> State:
        return zero, zero

    def step(self, state: State, x: Any, w: Any, at: Any) -> State:
        return self.merge(state, (stop(absolute(x)), self.unit(x) * w))

    def unit(self, x: Any) -> Any:
        """|x|^p divided by its constant value: 1, with the gradient of |x|^p."""
        size = absolute(x)
        top = stop(size)
        p = self.parameters["p"]
        return ratio(size, top) if is_infinite(p) else power_of(ratio(size, top), p)

    def merge(self, a: State, b: State) -> State:
        top = where((b[0] > a[0]) | isnan(b[0]), b[0], a[0])
        p = self.parameters["p"]
        return top, a[1] * power_of(ratio(a[0], top), p) + b[1] * power_of(ratio(b[0], top), p)

    def finish(self, state: State, n: Any) -> Any:
        p = self.parameters["p"]
        if is_infinite(p):  # state[1] counts tied elements, which share the gradient
            return scaled(state[0], ratio(state[1], stop(state[1])))
        mean = self.averaged(state[1], n)
        root = where(mean > 0, root_of(where(mean > 0, mean, zeros(mean) + 1), p), mean)
        return scaled(state[0], root)

    def from_sums(self, x: Any, sums: Any) -> Any:
        p = self.parameters["p"]
        if not isinstance(p, float) or is_infinite(p):
            return None
        return root_of(self.averaged(sums.mass(power_of(absolute(x), p), x != 0), sums.n), p)

    def save_for_backward(self, state: State) -> State:
        return (state[1],) if is_infinite(self.parameters["p"]) else ()

    def local_gradient(self, x: Any, w: Any, at: Any, y: Any, saved: State, n: Any) -> Any:
        p = self.parameters["p"]
        if is_infinite(p):
            return sign(x) * where(absolute(x) == y, w / saved[0], zeros(saved[0]))
        share = power_of(ratio(absolute(x), y), p - 1)
        share = where((y == 0) | (x == 0), zeros(share), share)  # p < 1: the infinite slope at 0 is replaced by 0
        return sign(x) * self.averaged(share * w, n)

    def gradient_terms(self, x: Any, y: Any, sums: Any) -> Pairs | None:
        p = self.parameters["p"]
        if not isinstance(p, float) or is_infinite(p):
            return None
        slope = power_slope(x, p) if p >= 1 else where(x == 0, zeros(x), power_slope(x, p))
        return ((slope, self.averaged(inverse_of(y, p - 1), sums.n)),)

    def weight_terms(self, x: Any, y: Any, sums: Any) -> Pairs | None:
        p = self.parameters["p"]
        if not isinstance(p, float) or is_infinite(p):
            return None
        return ((power_of(absolute(x), p), self.averaged(inverse_of(y, p - 1), sums.n) / p),)


class Rms(Lp):
    """The square root of the mean square."""

    name, formula, source, empty = "rms", "√(Σ wᵢ xᵢ² / n)", "", float("nan")
    scale_free_weights = True

    def __init__(self) -> None:
        super().__init__(2)
        self.parameters = {"p": 2.0}

    def __repr__(self) -> str:
        return "Rms()"

    def averaged(self, total: Any, n: Any) -> Any:
        return total / n

    def weight_terms(self, x: Any, y: Any, sums: Any) -> Pairs | None:
        terms = super().weight_terms(x, y, sums)
        return None if terms is None else (*terms, (-1.0, y / (2.0 * sums.n)))


class PowerMean(Fold):
    """The power mean (Σ w·f(x)^p / n)^(1/p); GeM with form="clamped".

    `form` says how to treat negative numbers. "clamped" raises all numbers below eps to eps
    (Radenović 2018). "signed" means sign(x)·|x|^p and gives the root the sign of that mean.
    "magnitude" means |x|^p. p may be an array or a tensor that broadcasts to x with length 1 on the
    pooled axes; it may require gradients. p = 0 is the geometric mean, for "clamped" alone."""

    name, formula, source = "PowerMean", "(Σ wᵢ f(xᵢ)ᵖ / n)^(1/p)", "Radenović, Tolias & Chum 2018 (GeM)"
    scale_free_weights = True
    accepts_bool = False

    def __init__(self, p: Any, *, form: str = "clamped", eps: float = 1e-6) -> None:
        super().__init__()
        if not among(form, ("clamped", "signed", "magnitude")):
            raise PoolingError(f"PowerMean(form={form!r}): use 'clamped', 'signed' or 'magnitude'")
        self.parameters = {
            "p": number_or_array(p, "PowerMean(p)")
            if form == "clamped"
            else positive(p, f"PowerMean(p, form={form!r})")
        }
        self.form, self.eps = form, positive_number(eps, "PowerMean(eps)")

    def __repr__(self) -> str:
        return f"PowerMean({self.parameters['p']!r}, form={self.form!r}, eps={self.eps!r})"

    def lifted(self, x: Any) -> State:
        """The state of one element: |f(x)|, f(x)^p divided by |f(x)|^p, and ln f(x) for the
        geometric mean."""
        if self.form == "clamped":
            x = where(x < self.eps, zeros(x) + self.eps, x)
        size = absolute(x)
        unit = power_of(ratio(size, stop(size)), self.parameters["p"])
        return (
            stop(size),
            sign(x) * unit if self.form == "signed" else unit,
            log(size) if self.form == "clamped" else zeros(unit),
        )

    def init(self, zero: Any) -> State:
        return zero - 1, zero, zero

    def step(self, state: State, x: Any, w: Any, at: Any) -> State:
        size, unit, ln = self.lifted(x)
        return self.merge(state, (size, unit * w, ln * w))

    def merge(self, a: State, b: State) -> State:
        p = self.parameters["p"]
        larger = (
            (b[0] > a[0])
            if self.form != "clamped"
            else (((b[0] > a[0]) & (p + zeros(a[0]) >= 0)) | ((b[0] < a[0]) & (p + zeros(a[0]) < 0)))
        )
        take = (b[0] >= 0) & (larger | (a[0] < 0)) | isnan(b[0])
        top = where(take, b[0], a[0])
        safe = where(top < 0, zeros(top) + 1, top)
        parts = [s[1] * power_of(ratio(where(s[0] < 0, safe, s[0]), safe), p) for s in (a, b)]
        return top, parts[0] + parts[1], a[2] + b[2]

    def finish(self, state: State, n: Any) -> Any:
        p = self.parameters["p"]
        mean = state[1] / n
        size = absolute(mean)
        zero = p == 0
        nonzero = where(zero, zeros(p) + 1, p) if not isinstance(p, float) else (1.0 if p == 0.0 else p)
        root = where(size > 0, root_of(where(size > 0, size, zeros(size) + 1), nonzero), size)
        y = scaled(state[0], sign(mean) * root if self.form == "signed" else root)
        if isinstance(p, float):
            return exp(state[2] / n) if zero else y
        return where(zero | (y != y) & zero, exp(state[2] / n), y)

    def from_sums(self, x: Any, sums: Any) -> Any:
        p = self.parameters["p"]
        if not isinstance(p, float) or p == 0.0:
            return None
        there = x != 0 if self.form != "clamped" else True
        raised = power_of(absolute(x) if self.form != "clamped" else maximum(x, self.eps), p)
        total = sums.mass(sign(x) * raised if self.form == "signed" else raised, there)
        root = root_of(absolute(total / sums.n), p)
        return sign(total) * root if self.form == "signed" else root

    def local_gradient(self, x: Any, w: Any, at: Any, y: Any, saved: State, n: Any) -> Any:
        p = self.parameters["p"]
        unclamped = x >= self.eps if self.form == "clamped" else (x == x)
        share = power_of(ratio(absolute(where(unclamped, x, y)), absolute(y)), p - 1)
        share = where((y == 0) | ~unclamped, zeros(share), share)
        return (sign(x) if self.form == "magnitude" else 1.0) * share * w / n

    def gradient_terms(self, x: Any, y: Any, sums: Any) -> Pairs | None:
        p = self.parameters["p"]
        if not isinstance(p, float):
            return None
        if self.form == "magnitude":
            slope = power_slope(x, p)
        elif self.form == "clamped":
            slope = power_of(maximum(x, self.eps), p - 1) * (x >= self.eps)
        else:
            slope = power_of(absolute(x), p - 1)
        return ((slope, inverse_of(absolute(y), p - 1) / sums.n),)

    def weight_terms(self, x: Any, y: Any, sums: Any) -> Pairs | None:
        p = self.parameters["p"]
        if not isinstance(p, float) or p == 0.0:
            return None
        size = maximum(x, self.eps) if self.form == "clamped" else absolute(x)
        raised = sign(x) * power_of(size, p) if self.form == "signed" else power_of(size, p)
        return (raised, inverse_of(absolute(y), p - 1) / (p * sums.n)), (-1.0, y / (p * sums.n))


def power_slope(x: Any, p: float) -> Any:
    """The slope of |x|^p / p."""
    return x if p == 2.0 else sign(x) * power_of(absolute(x), p - 1)
