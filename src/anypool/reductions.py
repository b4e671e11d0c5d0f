"""WHAT: one small class per reduction, in words that every array library speaks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from .errors import PoolingError
from .words import absolute, exp, highest, inf, isinf, isnan, log, lowest, nowhere, ones, power, sign, sqrt, stop, where

State = tuple[Any, ...]
TIES = ("first", "last", "split")


class Fold:
    """A reduction that can take in elements one at a time and join two partial results.

    `init(zero)` is the state of nothing, `step(state, x, w, at)` takes in one element of weight w at
    position `at`, `merge(a, b)` joins two states (a lies before b), `finish(state, n)` answers, n being
    what a mean divides by. `keep(state)` is what the gradient needs besides x and y, and
    `pull(x, w, at, y, kept, n)` is the local gradient ∂y/∂x of one element.
    """

    name: ClassVar[str] = ""
    formula: ClassVar[str] = ""
    source: ClassVar[str] = ""
    accumulates: ClassVar[str] = "float"  # integers in: "same", "wide" (NumPy's sum) or "float"
    gives: ClassVar[str] = "value"  # "value", "position", "count" or "truth"
    selects: ClassVar[bool] = False  # keeps places instead of values
    linear: ClassVar[bool] = False  # pull depends on neither x nor y
    idempotent: ClassVar[bool] = False  # merge(a, a) is a
    masks: ClassVar[bool] = False  # a weight only says whether an element is there
    signed_weights: ClassVar[bool] = False  # negative weights mean something
    empty: ClassVar[float | None] = float("nan")  # of a window that holds nothing
    ties: str = "first"
    parameters: dict[str, Any]

    def __init__(self) -> None:
        self.parameters = {}

    def __repr__(self) -> str:
        inside = ", ".join(f"{k}={v!r}" for k, v in self.parameters.items())
        return f"{type(self).__name__}({inside})"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        plain = tuple(v if isinstance(v, (int, float, str)) else id(v) for v in self.parameters.values())
        return hash((type(self), plain, self.ties))

    def init(self, zero: Any) -> State:
        """The state of nothing, shaped as `zero`."""
        raise NotImplementedError(type(self).__name__)

    def step(self, state: State, x: Any, w: Any, at: Any) -> State:
        """The state after one more element."""
        raise NotImplementedError(type(self).__name__)

    def merge(self, a: State, b: State) -> State:
        """The state of both."""
        raise NotImplementedError(type(self).__name__)

    def finish(self, state: State, n: Any) -> Any:
        """The answer."""
        return state[0]

    def keep(self, state: State) -> State:
        """What `pull` needs besides x and y."""
        return ()

    #: The local gradient of one element; None where there is no gradient.
    pull: Any = None


class Sum(Fold):
    """Σ w·x."""

    name, formula, accumulates, linear, empty, signed_weights = "sum", "Σ wᵢ xᵢ", "wide", True, 0.0, True

    def init(self, zero: Any) -> State:
        return (zero,)

    def step(self, state: State, x: Any, w: Any, at: Any) -> State:
        return (state[0] + x * w,)

    def merge(self, a: State, b: State) -> State:
        return (a[0] + b[0],)

    def pull(self, x: Any, w: Any, at: Any, y: Any, kept: State, n: Any) -> Any:
        return w


class Mean(Sum):
    """Σ w·x / Σ w, or by the count that the windows give."""

    name, formula, accumulates, empty = "mean", "Σ wᵢ xᵢ / n", "float", float("nan")

    def finish(self, state: State, n: Any) -> Any:
        return state[0] / n

    def pull(self, x: Any, w: Any, at: Any, y: Any, kept: State, n: Any) -> Any:
        return w / n


class Max(Fold):
    """The greatest element; a NaN beats all."""

    name, formula, accumulates, selects, idempotent, masks, empty = "max", "max xᵢ", "same", True, True, True, -inf

    def __init__(self, ties: str = "first") -> None:
        super().__init__()
        self.ties = ties

    def beats(self, new: Any, old: Any) -> Any:
        """Whether a later element replaces an earlier one."""
        return new >= old if self.ties == "last" else new > old

    def worst(self, zero: Any) -> Any:
        """What loses to everything."""
        return lowest(zero)

    def init(self, zero: Any) -> State:
        return self.worst(zero), nowhere(zero)

    def step(self, state: State, x: Any, w: Any, at: Any) -> State:
        take = self.beats(x, state[0]) | isnan(x) | (state[1] < 0)
        return where(take, x, state[0]), where(take, at, state[1])

    def merge(self, a: State, b: State) -> State:
        take = (b[1] >= 0) & (self.beats(b[0], a[0]) | isnan(b[0]) | (a[1] < 0))
        return where(take, b[0], a[0]), where(take, b[1], a[1])

    def keep(self, state: State) -> State:
        return (state[1],)

    def pull(self, x: Any, w: Any, at: Any, y: Any, kept: State, n: Any) -> Any:
        return (kept[0] == at) * 1.0


class Min(Max):
    """The smallest element; a NaN beats all."""

    name, formula, empty = "min", "min xᵢ", inf

    def beats(self, new: Any, old: Any) -> Any:
        return new <= old if self.ties == "last" else new < old

    def worst(self, zero: Any) -> Any:
        return highest(zero)


class SplitMax(Fold):
    """The greatest element; those that tie share the gradient."""

    name, formula, accumulates, idempotent, masks, empty, ties = "max", "max xᵢ", "same", True, True, -inf, "split"

    def beats(self, new: Any, old: Any) -> Any:
        """Whether one value is better than another."""
        return (new > old) | (isnan(new) & ~isnan(old))

    def worst(self, zero: Any) -> Any:
        """What loses to everything."""
        return lowest(zero)

    def init(self, zero: Any) -> State:
        return self.worst(zero), nowhere(zero) + 1

    def step(self, state: State, x: Any, w: Any, at: Any) -> State:
        return self.merge(state, (x, nowhere(x) + 2))

    def merge(self, a: State, b: State) -> State:
        later = ((b[1] > 0) & self.beats(b[0], a[0])) | (a[1] == 0)
        tie = ~later & (b[1] > 0) & ~self.beats(a[0], b[0])
        return where(later, b[0], a[0]), where(later, b[1], where(tie, a[1] + b[1], a[1]))

    def keep(self, state: State) -> State:
        return (state[1],)

    def pull(self, x: Any, w: Any, at: Any, y: Any, kept: State, n: Any) -> Any:
        return where((x == y) | (isnan(x) & isnan(y)), 1.0 / kept[0], kept[0] * 0.0)


class SplitMin(SplitMax):
    """The smallest element; those that tie share the gradient."""

    name, formula, empty = "min", "min xᵢ", inf

    def beats(self, new: Any, old: Any) -> Any:
        return (new < old) | (isnan(new) & ~isnan(old))

    def worst(self, zero: Any) -> Any:
        return highest(zero)


class ArgMax(Max):
    """Where the greatest element is: its flat position in the pooled axes, −1 for an empty window."""

    name, formula, gives, empty = "argmax", "argmax xᵢ", "position", -1.0
    pull: Any = None

    def finish(self, state: State, n: Any) -> Any:
        return state[1]


class ArgMin(Min):
    """Where the smallest element is: its flat position in the pooled axes, −1 for an empty window."""

    name, formula, gives, empty = "argmin", "argmin xᵢ", "position", -1.0
    pull: Any = None

    def finish(self, state: State, n: Any) -> Any:
        return state[1]


class Range(Fold):
    """The greatest less the smallest element."""

    name, formula, accumulates, selects, idempotent, masks = "range", "max xᵢ − min xᵢ", "same", True, True, True

    def __init__(self, ties: str = "first") -> None:
        super().__init__()
        self.ties = ties
        self.ends = (Max(ties), Min(ties)) if ties != "split" else (SplitMax(), SplitMin())

    def init(self, zero: Any) -> State:
        return (*self.ends[0].init(zero), *self.ends[1].init(zero))

    def step(self, state: State, x: Any, w: Any, at: Any) -> State:
        return (*self.ends[0].step(state[:2], x, w, at), *self.ends[1].step(state[2:], x, w, at))

    def merge(self, a: State, b: State) -> State:
        return (*self.ends[0].merge(a[:2], b[:2]), *self.ends[1].merge(a[2:], b[2:]))

    def finish(self, state: State, n: Any) -> Any:
        return state[0] - state[2]

    def keep(self, state: State) -> State:
        return state[1], state[3]

    def pull(self, x: Any, w: Any, at: Any, y: Any, kept: State, n: Any) -> Any:
        return (kept[0] == at) * 1.0 - (kept[1] == at) * 1.0


class Prod(Fold):
    """Π x."""

    name, formula, accumulates, masks, empty = "prod", "Π xᵢ", "wide", True, 1.0

    def init(self, zero: Any) -> State:
        return zero + 1, zero

    def step(self, state: State, x: Any, w: Any, at: Any) -> State:
        return state[0] * where(x == 0, state[0] * 0 + 1, x), state[1] + (x == 0)

    def merge(self, a: State, b: State) -> State:
        return a[0] * b[0], a[1] + b[1]

    def finish(self, state: State, n: Any) -> Any:
        return where(state[1] > 0, state[0] * 0, state[0])

    def keep(self, state: State) -> State:
        return state

    def pull(self, x: Any, w: Any, at: Any, y: Any, kept: State, n: Any) -> Any:
        others = kept[0] / where(x == 0, x * 0 + 1, x)
        zeros_elsewhere = kept[1] - (x == 0) * 1
        return where(zeros_elsewhere > 0, others * 0, others)


class AnyOf(Fold):
    """Whether any element is other than zero."""

    name, formula, accumulates, gives, idempotent, masks, empty = "any", "∃ xᵢ ≠ 0", "same", "truth", True, True, 0.0

    def init(self, zero: Any) -> State:
        return (zero != zero,)

    def step(self, state: State, x: Any, w: Any, at: Any) -> State:
        return (state[0] | (x != 0),)

    def merge(self, a: State, b: State) -> State:
        return (a[0] | b[0],)


class AllOf(Fold):
    """Whether every element is other than zero."""

    name, formula, accumulates, gives, idempotent, masks, empty = "all", "∀ xᵢ ≠ 0", "same", "truth", True, True, 1.0

    def init(self, zero: Any) -> State:
        return (zero == zero,)

    def step(self, state: State, x: Any, w: Any, at: Any) -> State:
        return (state[0] & (x != 0),)

    def merge(self, a: State, b: State) -> State:
        return (a[0] & b[0],)


class Count(Fold):
    """How many elements are present."""

    name, formula, accumulates, gives, masks, empty = "count", "|window|", "same", "count", True, 0.0

    def init(self, zero: Any) -> State:
        return (nowhere(zero) + 1,)

    def step(self, state: State, x: Any, w: Any, at: Any) -> State:
        return (state[0] + 1,)

    def merge(self, a: State, b: State) -> State:
        return (a[0] + b[0],)


class Lp(Fold):
    """The p-norm (Σ w·|x|^p)^(1/p), scaled so that it neither overflows nor underflows; p > 0, inf for the maximum."""

    name, formula, source, empty = "Lp", "(Σ wᵢ |xᵢ|ᵖ)^(1/p)", "Sermanet, Chintala & LeCun 2012", 0.0

    def __init__(self, p: Any) -> None:
        super().__init__()
        self.parameters = {"p": _positive(p, "Lp(p)")}

    def averaged(self, total: Any, n: Any) -> Any:
        """What stands under the root."""
        return total

    def init(self, zero: Any) -> State:
        return zero, zero

    def step(self, state: State, x: Any, w: Any, at: Any) -> State:
        return self.merge(state, (stop(absolute(x)), self.unit(x) * w))

    def unit(self, x: Any) -> Any:
        """|x|^p in units of |x|: 1, with the gradient that |x|^p has."""
        size = absolute(x)
        top = stop(size)
        return _power_of(_ratio(size, top), self.parameters["p"])

    def merge(self, a: State, b: State) -> State:
        top = where((b[0] > a[0]) | isnan(b[0]), b[0], a[0])
        p = self.parameters["p"]
        return top, a[1] * _power_of(_ratio(a[0], top), p) + b[1] * _power_of(_ratio(b[0], top), p)

    def finish(self, state: State, n: Any) -> Any:
        p = self.parameters["p"]
        if _is_inf(p):
            return _joined(state[0], state[1])
        mean = self.averaged(state[1], n)
        root = where(mean > 0, _root_of(where(mean > 0, mean, mean * 0 + 1), p), mean)
        return _joined(state[0], root)

    def keep(self, state: State) -> State:
        return ()

    def pull(self, x: Any, w: Any, at: Any, y: Any, kept: State, n: Any) -> Any:
        p = self.parameters["p"]
        share = _power_of(_ratio(absolute(x), y), p - 1) if not _is_inf(p) else (absolute(x) == y) * 1.0
        share = where((y == 0) | (x == 0) & (y == 0), share * 0, share)
        return sign(x) * self.averaged(share * w, n)


class Rms(Lp):
    """The root of the mean square."""

    name, formula, source, empty = "rms", "√(Σ wᵢ xᵢ² / n)", "", float("nan")

    def __init__(self) -> None:
        super().__init__(2)
        self.parameters = {"p": 2.0}

    def __repr__(self) -> str:
        return "Rms()"

    def averaged(self, total: Any, n: Any) -> Any:
        return total / n


class PowerMean(Fold):
    """The power mean (Σ w·f(x)^p / n)^(1/p); GeM with form="clamped".

    `form` says what negative numbers become: "clamped" to eps (Radenović 2018), "signed" (roots keep the
    sign of the mean of sign(x)·|x|^p) or "magnitude". p may be an array or tensor that broadcasts to x
    with length 1 on the pooled axes, and learns. p = 0 is the geometric mean of the clamped form.
    """

    name, formula, source = "PowerMean", "(Σ wᵢ f(xᵢ)ᵖ / n)^(1/p)", "Radenović, Tolias & Chum 2018 (GeM)"

    def __init__(self, p: Any, *, form: str = "clamped", eps: float = 1e-6) -> None:
        super().__init__()
        if form not in ("clamped", "signed", "magnitude"):
            raise PoolingError(f"PowerMean(form={form!r}): use 'clamped', 'signed' or 'magnitude'")
        if not eps > 0:
            raise PoolingError(f"PowerMean(eps={eps!r}): must be above 0")
        self.parameters = {
            "p": _number(p, "PowerMean(p)") if form == "clamped" else _positive(p, f"PowerMean(p, form={form!r})")
        }
        self.form, self.eps = form, float(eps)

    def __repr__(self) -> str:
        return f"PowerMean({self.parameters['p']!r}, form={self.form!r}, eps={self.eps!r})"

    def lifted(self, x: Any) -> State:
        """One element: its size, f(x)^p in units of that size, and ln f(x) for the geometric mean."""
        if self.form == "clamped":
            x = where(x < self.eps, x * 0 + self.eps, x)
        size = absolute(x)
        unit = _power_of(_ratio(size, stop(size)), self.parameters["p"])
        return (
            stop(size),
            sign(x) * unit if self.form == "signed" else unit,
            log(size) if self.form == "clamped" else unit * 0,
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
            else (((b[0] > a[0]) & (p + a[0] * 0 >= 0)) | ((b[0] < a[0]) & (p + a[0] * 0 < 0)))
        )
        take = (b[0] >= 0) & (larger | (a[0] < 0)) | isnan(b[0])
        top = where(take, b[0], a[0])
        safe = where(top < 0, top * 0 + 1, top)
        parts = [s[1] * _power_of(_ratio(where(s[0] < 0, safe, s[0]), safe), p) for s in (a, b)]
        return top, parts[0] + parts[1], a[2] + b[2]

    def finish(self, state: State, n: Any) -> Any:
        p = self.parameters["p"]
        mean = state[1] / n
        size = absolute(mean)
        zero = p == 0
        nonzero = where(zero, p * 0 + 1, p) if not isinstance(p, float) else (1.0 if p == 0.0 else p)
        root = where(size > 0, _root_of(where(size > 0, size, size * 0 + 1), nonzero), size)
        y = _joined(state[0], sign(mean) * root if self.form == "signed" else root)
        if isinstance(p, float):
            return exp(state[2] / n) if zero else y
        return where(zero | (y != y) & zero, exp(state[2] / n), y)

    def pull(self, x: Any, w: Any, at: Any, y: Any, kept: State, n: Any) -> Any:
        p = self.parameters["p"]
        alive = x >= self.eps if self.form == "clamped" else (x == x)
        share = _power_of(_ratio(absolute(where(alive, x, y)), absolute(y)), p - 1)
        share = where((y == 0) | ~alive, share * 0, share)
        return (sign(x) if self.form == "magnitude" else 1.0) * share * w / n


class LogSumExp(Fold):
    """(1/r)·log Σ w·e^{r·x}: a smooth maximum (r → −∞: minimum)."""

    name, formula, source, empty = "logsumexp", "(1/r) log Σ wᵢ e^{r xᵢ}", "Boyd & Vandenberghe §3.1.5", -inf

    def __init__(self, r: Any = 1.0) -> None:
        super().__init__()
        self.parameters = {"r": _nonzero(r, f"{type(self).__name__}(r)")}

    def averaged(self, total: Any, n: Any) -> Any:
        """What stands under the logarithm."""
        return total

    def init(self, zero: Any) -> State:
        return zero - inf, zero

    def step(self, state: State, x: Any, w: Any, at: Any) -> State:
        z = x * self.parameters["r"]
        return self.merge(state, (stop(z), _grown(z) * w))

    def merge(self, a: State, b: State) -> State:
        top = where((b[0] > a[0]) | isnan(b[0]), b[0], a[0])
        return top, a[1] * _fade(a[0], top) + b[1] * _fade(b[0], top)

    def finish(self, state: State, n: Any) -> Any:
        total = self.averaged(state[1], n)
        some = total > 0
        return (
            where(some | isnan(total), log(where(some | isnan(total), total, total * 0 + 1)) + state[0], state[0])
            / self.parameters["r"]
        )

    def pull(self, x: Any, w: Any, at: Any, y: Any, kept: State, n: Any) -> Any:
        return self.averaged(_fade(x, y, self.parameters["r"]) * w, n)


class LogMeanExp(LogSumExp):
    """(1/r)·log(Σ w·e^{r·x} / n): between the mean (r → 0) and the maximum (r → ∞)."""

    name, formula, source, empty = (
        "logmeanexp",
        "(1/r) log(Σ wᵢ e^{r xᵢ} / n)",
        "Pinheiro & Collobert 2015",
        float("nan"),
    )

    def averaged(self, total: Any, n: Any) -> Any:
        return total / n


class SoftPool(Fold):
    """Σ w·e^{βx}·x / Σ w·e^{βx}: the softmax-weighted mean; its exact gradient may be negative."""

    name, formula, source = "softpool", "Σ wᵢ e^{βxᵢ} xᵢ / Σ wᵢ e^{βxᵢ}", "Stergiou, Poppe & Kalliatakis 2021"

    def __init__(self, beta: Any = 1.0) -> None:
        super().__init__()
        self.parameters = {"beta": _number(beta, "SoftPool(beta)")}

    def init(self, zero: Any) -> State:
        return zero - inf, zero, zero

    def step(self, state: State, x: Any, w: Any, at: Any) -> State:
        z = x * self.parameters["beta"]
        one = _grown(z) * w
        return self.merge(state, (stop(z), one, one * x))

    def merge(self, a: State, b: State) -> State:
        top = where((b[0] > a[0]) | isnan(b[0]), b[0], a[0])
        fa, fb = _fade(a[0], top), _fade(b[0], top)
        return top, a[1] * fa + b[1] * fb, _times(a[2], fa) + _times(b[2], fb)

    def finish(self, state: State, n: Any) -> Any:
        return state[2] / state[1]

    def keep(self, state: State) -> State:
        return (state[0] + log(where(state[1] > 0, state[1], state[1] * 0 + 1)),)

    def pull(self, x: Any, w: Any, at: Any, y: Any, kept: State, n: Any) -> Any:
        beta = self.parameters["beta"]
        return w * _fade(x * beta, kept[0]) * (1.0 + beta * (x - y))


class Var(Fold):
    """Σ w·(x − mean)² / (n − ddof), by merging partial means: no cancellation."""

    name, formula, source = "var", "Σ wᵢ (xᵢ − x̄)² / (n − ddof)", "Chan, Golub & LeVeque 1983"

    def __init__(self, ddof: float = 0) -> None:
        super().__init__()
        self.parameters = {"ddof": _at_least_zero(ddof, f"{type(self).__name__}(ddof)")}

    def init(self, zero: Any) -> State:
        return zero, zero, zero

    def step(self, state: State, x: Any, w: Any, at: Any) -> State:
        return self.merge(state, (x * 0 + w, x, x * 0))

    def merge(self, a: State, b: State) -> State:
        seen = a[0] + b[0]
        some = where(seen == 0, seen * 0 + 1, seen)
        apart = where((a[0] == 0) | (b[0] == 0), a[1] * 0, b[1] - a[1])
        mean = where(a[0] == 0, b[1], a[1]) + apart * (b[0] / some)
        return seen, mean, a[2] + b[2] + apart * apart * (a[0] * b[0] / some)

    def finish(self, state: State, n: Any) -> Any:
        rest = n - self.parameters["ddof"]
        return where(rest > 0, state[2] / where(rest > 0, rest, rest * 0 + 1), state[2] * 0 + float("nan"))

    def keep(self, state: State) -> State:
        return (state[1],)

    def pull(self, x: Any, w: Any, at: Any, y: Any, kept: State, n: Any) -> Any:
        return 2.0 * w * (x - kept[0]) / (n - self.parameters["ddof"])


class Std(Var):
    """The root of the variance; 0 with a zero gradient where all are equal."""

    name, formula = "std", "√var"

    def finish(self, state: State, n: Any) -> Any:
        var = super().finish(state, n)
        flat = var == 0
        return where(flat, var * 0, sqrt(where(flat, var * 0 + 1, var)))

    def pull(self, x: Any, w: Any, at: Any, y: Any, kept: State, n: Any) -> Any:
        flat = y == 0
        return where(flat, y * 0, w * (x - kept[0]) / ((n - self.parameters["ddof"]) * where(flat, y * 0 + 1, y)))


REDUCTIONS: dict[str, Callable[[], Fold]] = {
    "sum": Sum,
    "mean": Mean,
    "max": Max,
    "min": Min,
    "prod": Prod,
    "any": AnyOf,
    "all": AllOf,
    "count": Count,
    "argmax": ArgMax,
    "argmin": ArgMin,
    "range": Range,
    "rms": Rms,
    "var": Var,
    "std": Std,
    "logsumexp": LogSumExp,
    "softpool": SoftPool,
}
PARAMETRIC: dict[str, type[Fold]] = {
    "Lp": Lp,
    "PowerMean": PowerMean,
    "LogSumExp": LogSumExp,
    "LogMeanExp": LogMeanExp,
    "SoftPool": SoftPool,
    "Var": Var,
    "Std": Std,
}
TIED: dict[str, dict[type[Fold], Callable[[], Fold]]] = {
    "first": {},
    "last": {c: (lambda c=c: c("last")) for c in (Max, Min, ArgMax, ArgMin, Range)},
    "split": {Max: SplitMax, Min: SplitMin},
}
REQUIRED = ("init", "step", "finish")


def reduction_of(given: Any, ties: str = "first") -> Any:
    """The reduction object for a name, an object or a class; unknown names list what exists."""
    if ties not in TIES:
        raise PoolingError(f"ties={ties!r}: use one of {', '.join(map(repr, TIES))}")
    if isinstance(given, str):
        if given not in REDUCTIONS:
            raise PoolingError(
                f"unknown reduction {given!r}: use one of {', '.join(REDUCTIONS)}, or an object such as ap.Lp(3)"
            )
        given = REDUCTIONS[given]()
    elif isinstance(given, type) and issubclass(given, Fold):
        try:
            given = given()
        except TypeError:
            raise PoolingError(
                f"{given.__name__} needs its parameters: pass an object such as ap.{given.__name__}(2)"
            ) from None
    missing = [name for name in REQUIRED if not callable(getattr(given, name, None))]
    if missing:
        raise PoolingError(
            f"{given!r} is no reduction: it lacks {', '.join(missing)} (a reduction has init, step, merge, finish; see ap.Fold)"
        )
    if ties == "split" and isinstance(given, Range):
        raise PoolingError("ties='split' is not possible for 'range': pool max and min apart")
    kind: Any = type(given)
    return TIED[ties].get(kind, lambda: given)()


# ---- arithmetic that stays defined at 0 and infinity ---------------------------------------------


def _ratio(a: Any, b: Any) -> Any:
    """a / b, and 1 where both are 0 or the same infinity."""
    flat = (a == b) & ((b == 0) | isinf(b))
    return where(flat, ones(a), a) / where(flat | (b == 0), ones(b), b)


def _power_of(x: Any, p: Any) -> Any:
    """x^p, exactly for p = 1 and 2."""
    if isinstance(p, float):
        if p == 1.0:
            return x
        if p == 2.0:
            return x * x
        if p == 0.0:
            return ones(x)
    return power(x, p)


def _root_of(x: Any, p: Any) -> Any:
    """x^(1/p), exactly for p = 1 and 2."""
    if isinstance(p, float):
        if p == 1.0:
            return x
        if p == 2.0:
            return sqrt(x)
    return power(x, 1.0 / p)


def _joined(size: Any, unit: Any) -> Any:
    """size · unit, where a size of infinity or NaN decides."""
    plain = isinf(size) | isnan(size)
    return where(plain, size, where(plain, size * 0 + 1, size) * unit)


def _grown(z: Any) -> Any:
    """e^z in units of e^z: 1, with the gradient that e^z has."""
    finite = ~(isinf(z) | isnan(z))
    moved = where(finite, z, z * 0)
    return exp(where(finite, moved - stop(moved), ones(z) * 0))


def _fade(z: Any, top: Any, rate: Any = 1.0) -> Any:
    """e^{rate·(z − top)}, 1 where they are equal, infinities too."""
    same = z == top
    safe_z, safe_top = where(same, ones(z) * 0, z), where(same, ones(top) * 0, top)
    return exp((safe_z - safe_top) * rate)


def _times(a: Any, b: Any) -> Any:
    """a · b, 0 where b is 0 even if a is infinite."""
    return where(b == 0, ones(a) * 0, a) * b


# ---- reading parameters --------------------------------------------------------------------------


def _number(value: Any, name: str) -> Any:
    if isinstance(value, (bool, str)) or value is None:
        raise PoolingError(f"{name}: {value!r} is no number")
    if isinstance(value, (int, float, np.integer, np.floating)):
        if np.isnan(value):
            raise PoolingError(f"{name}: NaN is not possible")
        return float(value)
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        return value
    raise PoolingError(f"{name}: {value!r} is neither a number nor an array")


def _positive(value: Any, name: str) -> Any:
    value = _number(value, name)
    if isinstance(value, float) and not value > 0:
        raise PoolingError(f"{name}: {value} must be above 0")
    return value


def _nonzero(value: Any, name: str) -> Any:
    value = _number(value, name)
    if isinstance(value, float) and (value == 0.0 or np.isinf(value)):
        raise PoolingError(f"{name}: {value} must be finite and other than 0 (its limits are the mean, max and min)")
    return value


def _at_least_zero(value: Any, name: str) -> float:
    value = _number(value, name)
    if not isinstance(value, float) or value < 0:
        raise PoolingError(f"{name}: {value!r} must be a number of at least 0")
    return value


def _is_inf(p: Any) -> bool:
    return isinstance(p, float) and p == inf
