"""The parts of a call with `log_weights`: calls with plain weights wherever numbers represent
e^a."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from math import inf
from typing import Any

from ..arguments import plan_of, reductions_of
from ..arrays.log_weights import (
    GREATEST,
    SMALLEST,
    SPREAD,
    TINY,
    Extremes,
    as_floats,
    at_owners,
    exponentials,
    extremes,
    readable,
    row_maxima,
    weight_type,
)
from ..arrays.ops import stop, where, zeros
from ..arrays.shape_ops import as_like, broadcast, cast, contiguous, dtype_name, filled, is_bool, is_floating, moved
from ..engines import execute, per_window
from ..engines.folds import native as native_folds
from ..errors import PoolingError
from ..order_statistics import Order
from ..plan import Grid, IndexedWindows, Job
from ..reductions import fact
from ..validation import check, check_border, check_weights

LIFTED = "weights e^(a − greatest a nearby), computed as x is read"
MASK, FACTORS, ADDED, RATIO, DOUBLE, GATHERED = (
    "presence only: the mask a > −∞",
    "weights e^(a − greatest a)",
    "log-weights added to x",
    "log-weights added to x, less the result for x = 0",
    "weights e^(a − greatest a) in float64",
    "windows gathered, each relative to its own greatest a",
)
OWN, PLAIN = "weights e^(a − greatest a of the window)", "weights e^a"


@dataclass(frozen=True)
class Part:
    """Some reductions of a call, and the call with plain weights that computes them."""

    indices: tuple[int, ...]
    reductions: tuple[Any, ...]
    x: Any
    weights: Any
    how: str
    log_weights: Any = None  # only of gathered windows, and of weights that are computed as x is read
    less: Any = None  # elements whose result is subtracted
    level: float = 0.0  # the result for `less` of equal elements


def scale_free(r: Any) -> bool:
    """Whether a factor of all weights changes nothing, where n is their sum."""
    return r.scale_free_weights if isinstance(r, Order) else fact(r, "scale_free_weights")


class LogWeighted:
    """The validated arguments of a call with `log_weights`."""

    def __init__(self, library: Any, x: Any, windows: Any, reduction: Any, weights: Any, a: Any, options: Any) -> None:
        shape, self.dtype = tuple(x.shape), library.dtype_name(x)
        self.library, self.x, self.omit = library, x, options["nan"] == "omit"
        self.backend = options.get("backend")
        self.windows, self.axes = windows, options["axes"]
        self.plan = plan_of(windows, shape, options["axes"])
        self.reductions, self.single = reductions_of(reduction, options["ties"], self.dtype)
        check(self.dtype, self.reductions, options["nan"])
        check_border(self.plan, self.dtype)
        a = library.as_weights(a, x, "log_weights")
        check_weights(a, shape, "log_weights")
        self.a = as_floats(a, len(shape))
        self.weights = None if weights is None else library.as_weights(weights, x)
        if weights is not None:
            check_weights(self.weights, shape)
            for r in self.reductions:
                library.check_weights(self.weights, r)
        self.type = weight_type(self.dtype)
        self.interpolates = any(getattr(g, "points_per_element", 1) > 1 for g in self.plan.grids)
        bins = isinstance(self.plan, IndexedWindows) and self.plan.split is not None
        self.dims = tuple(range(len(shape))) if bins else tuple(self.plan.pooled_dims)
        self.readable = readable(self.a) and readable(x)

    @cached_property
    def extremes(self) -> Extremes:
        """The extremes of the log-weights; raises PoolingError for invalid ones."""
        return extremes(self.a, self.dims) if self.readable else Extremes(None, inf, -inf, inf, True)

    def job(self, part: Part, i: int, empty: Any) -> Job:
        """The job of a reduction whose weights are computed as x is read."""
        a = part.log_weights
        job = execute.job_of(self.library, self.x, self.plan, self.reductions[i], a, self.omit, empty)
        return replace(job, logs=True)

    def _lifted(self, indices: list[int]) -> Part | None:
        """The reductions whose weights the compiled core computes as it reads x; None if there are
        none."""
        masked = self.weights is not None and is_bool(self.weights)
        if self.backend == "reference" or not self.readable or not (masked or self.weights is None):
            return None
        if not isinstance(self.plan, Grid):
            return None
        a = self.a
        if masked:  # a NaN stays one
            a = a + where(self.weights, zeros(a), zeros(a) - inf)
        part = self._part(indices, self.x, None, LIFTED, a)
        compiled = [i for i in indices if native_folds.refuses(self.job(part, i, None)) is None]
        return self._part(compiled, self.x, None, LIFTED, a) if compiled else None

    def parts(self, lifts: bool = True) -> list[Part]:
        """The calls that compute the reductions.

        lifts: whether the compiled core may compute the weights as it reads x.
        """
        masks, scaled, plain, parts = list[int](), list[int](), list[int](), list[Part]()
        for i, r in enumerate(self.reductions):
            if getattr(r, "ignores_weight_value", False):
                masks.append(i)
            elif self._is_scale_free(r):
                scaled.append(i)
            elif self._adds(r) and not scale_free(r):
                parts.append(self._part([i], r.with_log_weights(*self._added()), self.mask(), ADDED))
            else:
                plain.append(i)
        lifted = self._lifted(scaled) if scaled and lifts else None
        if lifted is not None:
            parts.append(lifted)
            scaled = [i for i in scaled if i not in lifted.indices]
        if scaled:
            part = self._scaled(scaled)
            if part.how in (OWN, GATHERED):
                apart = [self._without_products(i) for i in scaled]
                scaled = [i for i, one in zip(scaled, apart, strict=True) if one is None]
                parts += [one for one in apart if one is not None]
                part = self._part(scaled, part.x, part.weights, part.how, part.log_weights)
            elif part.how == FACTORS:
                part, masks = self._part(sorted([*scaled, *masks]), part.x, part.weights, part.how), []
            parts += [part] if scaled else []
        if masks:
            parts.append(self._part(masks, self.x, self.mask(), MASK))
        if plain:
            parts.append(self._plain(plain))
        return parts

    def _without_products(self, i: int) -> Part | None:
        """A reduction that multiplies e^a with powers of e, in a form without such products; None
        for others."""
        r, fill = self.reductions[i], _constant(self.plan)
        if fill is None or self.interpolates:
            return None
        if fact(r, "as_mean") is not None:
            z = r.as_mean(cast(self.x, "float64"))
            z = z - r.as_mean(filled(zeros(z), fill))
            a = cast(self.a, "float64") + where((z == z) & (z < inf), z, zeros(z))
            options = {"nan": "omit" if self.omit else "propagate", "axes": self.axes, "ties": "first"}
            mean = LogWeighted(self.library, self.x, self.windows, "mean", self.weights, a, options).parts(False)[0]
            return replace(mean, indices=(i,))
        if self._adds(r):
            x, a = (cast(v, "float64") for v in self._added())
            level = where(x == x, filled(x, fill), x)
            both = r.with_log_weights(x, a), r.with_log_weights(level, a)
            return replace(self._part([i], both[0], self.mask(), RATIO), less=both[1], level=fill)
        return None

    def _adds(self, r: Any) -> bool:
        """Whether log-weights are terms of x: interpolated points have interpolated weights, which
        are not."""
        return fact(r, "with_log_weights") is not None and not self.interpolates

    def _part(self, indices: list[int], x: Any, weights: Any, how: str, log_weights: Any = None) -> Part:
        return Part(tuple(indices), tuple(self.reductions[i] for i in indices), x, weights, how, log_weights)

    def _is_scale_free(self, r: Any) -> bool:
        """Whether a factor of all weights changes nothing: no divisor but the weights' own sum."""
        own = all(g.divisor == "present" for g in self.plan.grids if isinstance(g, Grid))
        return scale_free(r) and (own or isinstance(r, Order))

    def mask(self) -> Any:
        """The weights of a reduction for which e^a changes only presence; None if all elements are
        present."""
        if not self.extremes.has_absent:
            return self.weights
        there = self.a > -inf
        if self.weights is None:
            return there
        return there & self.weights if dtype_name(self.weights) == "bool" else self.weights * there

    def _added(self) -> tuple[Any, Any]:
        """x and a in one float type, with a = 0 where it is −inf."""
        a = where(self.a > -inf, self.a, zeros(self.a)) if self.extremes.has_absent else self.a
        return cast(self.x, self.type), cast(a, self.type)

    def _scaled(self, indices: list[int]) -> Part:
        """Reductions for which each window may have its own factor in all weights."""
        constant = _reads_constant(self.plan)  # a constant border has the weight 1
        a, of = self.a, self.extremes
        if self.readable and not _fits(of, constant, "float64"):
            a = self._counted()  # masked elements and omitted NaNs do not enter a maximum
            of = extremes(a, self.dims)
        shift = 0.0 if constant else of.top
        if self.readable and _fits(of, constant, self.type):
            return self._part(indices, self.x, self._times(exponentials(a, shift, self.type)), FACTORS)
        owner = None if constant else per_window.owner_of(self.plan)
        if owner is not None:
            sorts = any(isinstance(self.reductions[i], Order) for i in indices)
            e = self._relative(self._counted(), owner, sorts or self._odd())
            return self._part(indices, self.x, self._times(e), OWN)
        if self.readable and _fits(of, constant, "float64"):
            weights = self._times(exponentials(a, shift, "float64"), "float64")
            return self._part(indices, cast(self.x, "float64"), weights, DOUBLE)
        return self._part(indices, self.x, self.weights, GATHERED, self.a)

    def _counted(self) -> Any:
        """a, −inf where the element is absent for another reason."""
        there: Any = None
        if self.weights is not None:
            there = self.weights != 0
        if self.omit and is_floating(self.x):
            real = self.x == self.x
            there = real if there is None else there & real
        return self.a if there is None else where(there, self.a, filled(self.a, -inf))

    def _odd(self) -> Any:
        """Where x is NaN or infinite; False if it is so nowhere."""
        if not is_floating(self.x):
            return False
        if self.readable and abs(float(stop(self.x).sum())) < inf:
            return False
        return stop(self.x - self.x) != 0

    def _relative(self, a: Any, owner: Any, keep: Any) -> Any:
        """e^(a − m), m the greatest a of the only window that contains the element."""
        shape, pooled = tuple(self.x.shape), tuple(self.plan.pooled_dims)
        a = broadcast(a, tuple(n if d in pooled else k for d, (n, k) in enumerate(zip(shape, a.shape, strict=True))))
        if all(n == 1 for n in getattr(self.plan, "windows_shape", ())) and bool((owner == 0).all()):
            return exponentials(a, row_maxima(a, pooled), self.type, keep)
        maxima = per_window.window_maxima(self.library, self.plan, contiguous(stop(a)))
        maxima = where(maxima > -inf, maxima, zeros(maxima))
        lead = [n for d, n in enumerate(a.shape) if d not in pooled]
        shift = at_owners(maxima, owner).reshape(*lead, *(shape[d] for d in pooled))
        shift = moved(shift, tuple(range(len(lead), len(shape))), pooled)
        if (owner < 0).any():
            inside = (owner >= 0).reshape([n if d in pooled else 1 for d, n in enumerate(shape)])
            a = where(as_like(inside, a, exact=True), a, filled(a, -inf))
        return exponentials(a, shift, self.type, keep)

    def _plain(self, indices: list[int]) -> Part:
        """Reductions for which the scale of the weights matters: the weights are e^a itself."""
        dtype = self.type
        if self.readable and max(self.extremes.most, -self.extremes.least) > SPREAD[dtype]:
            dtype = "float64"
        if self.readable and self.extremes.most > GREATEST:
            name = self.reductions[indices[0]]
            raise PoolingError(
                f"log_weights as high as {self.extremes.most:g}: {getattr(name, 'name', '') or name!r} depends on the scale of its "
                "weights, and e^a overflows; subtract a constant from log_weights"
            )
        # Products with x need every digit of a weight: the type's smallest normal number is the
        # floor.
        keep = None if self.readable and self.extremes.least >= -SMALLEST[dtype] else True
        x = cast(self.x, "float64") if dtype != self.type else self.x
        return self._part(indices, x, self._times(exponentials(self.a, 0.0, dtype, keep, TINY[dtype]), dtype), PLAIN)

    def _times(self, e: Any, dtype: str = "") -> Any:
        """e times the weights of the call."""
        return e if self.weights is None else e * cast(self.weights, dtype or self.type)


def _fits(of: Extremes, constant: bool, dtype: str) -> bool:
    """Whether the weights are normal numbers, relative to 1 if a constant is read, else to the
    greatest of a row."""
    return (max(of.most, -of.least) if constant else of.spread) <= SPREAD[dtype]


def _reads_constant(plan: Any) -> bool:
    """Whether some window reads the constant of the border."""
    return any(
        grid.outside
        if isinstance(grid, IndexedWindows)
        else any(axis.source is not None and bool((axis.source < 0).any()) for axis in grid.axes)
        for grid in plan.grids
    )


def _constant(plan: Any) -> float | None:
    """The only constant that windows read, 0 if they read none; None if they read several."""
    fills = {f for g in plan.grids for f in (g.fills if isinstance(g, Grid) else (g.fill,)) if f is not None}
    return 0.0 if not _reads_constant(plan) else float(fills.pop()) if len(fills) == 1 else None
