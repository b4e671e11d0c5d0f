"""Listed windows whose elements are masked, weighed or left out: what is absent made neutral, weights multiplied in, the rest compiled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from types import ModuleType
from typing import Any, NamedTuple

from ...arrays.adapter import adapter_of
from ...arrays.ops import greatest, inf, smallest, stop, typical, where, zeros
from ...arrays.shape_ops import accumulator, broadcast, cast, dtype_name, filled, is_floating, result_of
from ...plan import IndexedWindows, Job
from ...reductions import ArgMax, ArgMin, Count, Fold, Max, Mean, Min, Prod, Range, Sum
from ..folds.linear_forms import WindowSums, answer, answers
from . import native as lists_cpu
from .linear_forms import anew, least_of, lifted, wide_of

SAID = "what is masked made neutral, weights multiplied in, compiled as the rest"
One = Callable[[Any, IndexedWindows, Any], Any]  # a plain reduction of an array over windows
NEUTRAL: dict[type, float] = {Max: -inf, Min: inf, Prod: 1.0}
PLACES: dict[type, type] = {ArgMax: Max, ArgMin: Min}


def serves(job: Job) -> bool:
    """Whether the reduction can be made of plain ones over the same windows."""
    lists, r = job.grid, job.reduction
    if (
        (job.weights is None and not job.omit_nan)
        or lists.points_per_element > 1
        or not isinstance(r, Fold)
        or job.device != "cpu"
    ):
        return False
    if job.dtype.endswith("int64") or (r.gives != "value" and job.empty is not None) or r.ties != "first":
        return False
    if any(getattr(p.taps, "requires_grad", False) for p in lists.indices):
        return False
    whole = "float" not in job.dtype
    real = job.weights is not None and job.weights[1] != "bool"
    if type(r) in (Sum, Prod) and whole and not (type(r) is Sum and not real and exact(lists, job.dtype)):
        return False
    known = type(r) in (Sum, Mean, Max, Min, Prod, Count, Range, *PLACES)
    wide = _wide(job) if known else wide_of(job) if answers(r) else None
    inside = replace(lists, fill=0.0)
    return wide is not None and lists_cpu.refuses(Job(inside, Sum(), wide, job.library)) is None


def exact(lists: IndexedWindows, dtype: str) -> bool:
    """Whether float64 holds every sum of so many integers."""
    bits = 1 if dtype == "bool" else int(dtype.lstrip("uint"))
    return all(p.taps is None for p in lists.indices) and bits + lists.max_length.bit_length() < 53


def forward(library: ModuleType, x: Any, weights: Any, job: Job, one: One) -> Any:
    """The reduction of every window; None where it is not to be had this way for these numbers."""
    lists, r = job.grid, job.reduction
    keep, w = _present(x, weights, job)
    learns = [adapter_of(v).differentiates(v) for v in (x, w)]
    low = 0.0 if r.ignores_weight_value or weights is None or "bool" in str(weights.dtype) else float(smallest(stop(w)))
    if not (low >= 0 or r.signed_weights) or not float(greatest(stop(w))) < inf:
        return None  # no weights: the reference says so
    if (any(learns) and type(r) not in (Sum, Mean, Max, Min, Prod, Range)) or (
        learns[1] and type(r) not in (Sum, Mean)
    ):
        return None
    of = _over(lists, tuple(w.shape))
    there = cast(keep, _wide(job))
    if lists.outside:
        (x, lists_in), (w, of_in), (there, _) = lifted(x, lists), lifted(w, of), lifted(there, of)
        keep, lists, of = there != 0, lists_in, of_in
    held = one(there, of, Sum())
    none = held == 0
    v = cast(x, _wide(job) if type(r) in (*NEUTRAL, *PLACES, Sum, Mean, Count, Range) else wide_of(job) or "")
    v = where(keep, v, zeros(v))
    if type(r) is Count:
        return _spread(cast(held, "int64"), lists)
    w = cast(w, dtype_name(v))
    again = anew(library, v, replace(job, grid=lists, omit_nan=False), w)
    y = _value(v, _Present(keep, w, lists, of, one, none, again, least_of(job)), r)
    if y is None or r.gives != "value":
        return _unlifted(y, job.grid) if y is not None and r.gives == "position" and job.grid.outside else y
    y = cast(y, accumulator(x, r))
    if bool(none.any()):
        if not is_floating(y) and job.empty is None:
            return None  # an integer that is not there: the reference says so
        y = where(none, filled(y, r.empty if job.empty is None else job.empty), y)
    return result_of(y, x, r)


def _unlifted(y: Any, lists: IndexedWindows) -> Any:
    """Positions among lifted elements as positions in x; what lies outside has none."""
    place, beyond, inside, rest = zeros(y), y < 0, 1, y
    for p in reversed(lists.indices):
        rest, at = rest // (p.size + 1), rest % (p.size + 1)
        place, beyond, inside = place + at * inside, beyond | (at == p.size), inside * p.size
    return where(beyond, zeros(y) - 1, place)


class _Present(NamedTuple):
    keep: Any  # which elements are there
    w: Any  # what each counts, 0 where it is not
    lists: IndexedWindows
    of: IndexedWindows  # the same windows over arrays shaped as `w`
    one: One
    none: Any  # which windows hold nothing
    again: Any
    least: float  # what must be left of a sum


def _value(v: Any, there: _Present, r: Any) -> Any:
    keep, w, lists, of, one, none, again, least = there
    if type(r) is Range:
        top, low = (_value(v, there, end) for end in r.ends)
        return None if top is None or low is None else where(none, zeros(top), top - low)
    kind = PLACES.get(type(r), type(r))
    if kind in NEUTRAL:
        worst = NEUTRAL[kind]
        if kind is not Prod and bool((keep & (v == worst)).any()):
            return None  # what is there must win over what is not
        y = one(where(keep, v, zeros(v) + worst), lists, r)
        return y if r.gives != "position" else where(none, zeros(y) - 1, y)
    n = one(w, of, Sum())
    if kind in (Sum, Mean):
        total = one(v * w, lists, Sum())
        return total if kind is Sum else total / where(none, zeros(n) + 1, n)
    v = where(keep, v, zeros(v) + typical(v))

    def folded(u: Any, fold: Any) -> Any:
        if type(fold) is Sum:
            return one(u * w, lists, fold)
        return one(where(keep, u, zeros(u) + NEUTRAL[type(fold)]), lists, fold)

    n = where(none, zeros(n) + 1, n) if r.gives != "value" else n
    seen = WindowSums(n, n, folded, none if bool(none.any()) else None, again)
    seen.smallest_share = least
    return answer(r, v, seen)


def _present(x: Any, weights: Any, job: Job) -> tuple[Any, Any]:
    """Which elements are there, and what each counts; shapes that broadcast to x."""
    w = None if weights is None else weights.reshape((1,) * (x.ndim - weights.ndim) + tuple(weights.shape))
    keep = (x == x) if job.omit_nan else None
    if w is not None:
        keep = w != 0 if keep is None else keep & (w != 0)
    assert keep is not None
    real = w is not None and "bool" not in str(w.dtype) and not job.reduction.ignores_weight_value
    w = cast(keep, _wide(job)) if not real else cast(w, _wide(job)) * cast(keep, _wide(job))
    # every pooled axis whole, the others as they are
    shape = tuple(
        n if a in job.grid.pooled_dims else k for a, (n, k) in enumerate(zip(x.shape, keep.shape, strict=True))
    )
    keep, w = (broadcast(t, shape) for t in (keep, w))
    return keep, w


def _spread(y: Any, lists: IndexedWindows) -> Any:
    return adapter_of(y).copy(broadcast(y, lists.out_shape))


def _wide(job: Job) -> str:
    return "float32" if job.dtype in ("float16", "bfloat16", "float32") else "float64"


@lru_cache(maxsize=256)
def _over(lists: IndexedWindows, shape: tuple[int, ...]) -> IndexedWindows:
    """The same windows over weights of this shape; what lies outside weighs 1."""
    return replace(lists, shape=shape, fill=1.0)
