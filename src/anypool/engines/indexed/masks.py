"""IndexedWindows with masks, weights or omitted NaN: absent elements become identity elements,
weights are multiplied in."""

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
from ...reductions import Fold, Sum, fact
from ..folds.linear_forms import WindowSums, fold_by_sums, has_sums_form, sum_dtype
from . import native as native_indexed
from .linear_forms import recompute_windows, smallest_share, wide_of, with_outside

TEXT = "absent elements replaced by the identity element, weights multiplied in, then compiled reductions"
One = Callable[[Any, IndexedWindows, Any], Any]  # a plain reduction of an array over windows
IDENTITY = {"max": -inf, "min": inf, "prod": 1.0}  # identity elements by `merges_with`


def serves(job: Job) -> bool:
    """Whether plain reductions over the same windows give the result."""
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
    is_integer = "float" not in job.dtype
    real = job.weights is not None and job.weights[1] != "bool"
    merge = fact(r, "merges_with")
    is_sum = merge == "sum" and r.gives == "value" and not fact(r, "divides")
    if is_integer and (merge == "prod" or (is_sum and (real or not exact(lists, job.dtype)))):
        return False
    wide = _sum_dtype(job) if _is_direct(r) else wide_of(job) if has_sums_form(r) else None
    inside = replace(lists, fill=0.0)
    return wide is not None and native_indexed.refuses(Job(inside, Sum(), wide, job.library)) is None


def _is_direct(r: Any) -> bool:
    """Whether the result is compiled reductions of x with identity elements, or their
    difference."""
    return fact(r, "merges_with") != "" or fact(r, "difference_of") is not None


def exact(lists: IndexedWindows, dtype: str) -> bool:
    """Whether float64 represents every sum of that many integers."""
    bits = 1 if dtype == "bool" else int(dtype.lstrip("uint"))
    return all(p.taps is None for p in lists.indices) and bits + lists.max_length.bit_length() < 53


def forward(library: ModuleType, x: Any, weights: Any, job: Job, one: One) -> Any:
    """The reduction of every window; None if these values need another engine."""
    lists, r = job.grid, job.reduction
    keep, w = _present(x, weights, job)
    has_gradient = [adapter_of(v).differentiates(v) for v in (x, w)]
    smallest_weight = (
        0.0 if r.ignores_weight_value or weights is None or "bool" in str(weights.dtype) else float(smallest(stop(w)))
    )
    if not (smallest_weight >= 0 or r.signed_weights) or not float(greatest(stop(w))) < inf:
        return None  # invalid weights: the reference raises the error
    merge = fact(r, "merges_with")
    is_sum = merge == "sum" and r.gives == "value"
    if (any(has_gradient) and not (_is_direct(r) and r.gives == "value")) or (has_gradient[1] and not is_sum):
        return None
    windows_of_w = _windows_over(lists, tuple(w.shape))
    is_present = cast(keep, _sum_dtype(job))
    if lists.outside:
        is_present, _ = with_outside(is_present, windows_of_w)
        keep = is_present != 0
        x, lists = with_outside(x, lists)
        w, windows_of_w = with_outside(w, windows_of_w)
    counts = one(is_present, windows_of_w, Sum())
    is_empty = counts == 0
    v = cast(x, _sum_dtype(job) if _is_direct(r) else wide_of(job) or "")
    v = where(keep, v, zeros(v))
    if merge == "sum" and r.gives == "count":
        return _broadcast_counts(cast(counts, "int64"), lists)
    w = cast(w, dtype_name(v))
    recompute = recompute_windows(library, v, replace(job, grid=lists, omit_nan=False), w)
    y = _reduce(v, _Present(keep, w, lists, windows_of_w, one, is_empty, recompute, smallest_share(job)), r)
    if y is None or r.gives != "value":
        return _positions_in_x(y, job.grid) if y is not None and r.gives == "position" and job.grid.outside else y
    y = cast(y, accumulator(x, r))
    if bool(is_empty.any()):
        if not is_floating(y) and job.empty is None:
            return None  # an undefined integer: the reference raises the error
        y = where(is_empty, filled(y, r.empty if job.empty is None else job.empty), y)
    return result_of(y, x, r)


def _positions_in_x(y: Any, lists: IndexedWindows) -> Any:
    """Positions in arrays from `with_outside` as positions in x; −1 for the outside."""
    position, outside, inside, rest = zeros(y), y < 0, 1, y
    for p in reversed(lists.indices):
        rest, index = rest // (p.size + 1), rest % (p.size + 1)
        position, outside, inside = position + index * inside, outside | (index == p.size), inside * p.size
    return where(outside, zeros(y) - 1, position)


class _Present(NamedTuple):
    keep: Any  # which elements are present
    w: Any  # the weight of each element, 0 if it is absent
    lists: IndexedWindows
    windows_of_w: IndexedWindows  # the same windows over arrays of the shape of `w`
    one: One
    is_empty: Any  # which windows are empty
    recompute: Any
    least: float  # the smallest part of a sum that may remain


def _reduce(v: Any, present: _Present, r: Any) -> Any:
    keep, w, lists, windows_of_w, one, is_empty, recompute, least = present
    if fact(r, "difference_of") is not None:
        top, low = (_reduce(v, present, end) for end in r.difference_of)
        return None if top is None or low is None else where(is_empty, zeros(top), top - low)
    merge = fact(r, "merges_with")
    if merge in IDENTITY:
        identity = IDENTITY[merge]
        if merge != "prod" and bool((keep & (v == identity)).any()):
            return None  # a present element must win over absent ones
        y = one(where(keep, v, zeros(v) + identity), lists, r)
        return y if r.gives != "position" else where(is_empty, zeros(y) - 1, y)
    n = one(w, windows_of_w, Sum())
    if merge == "sum":
        total = one(v * w, lists, Sum())
        return total / where(is_empty, zeros(n) + 1, n) if fact(r, "divides") else total
    v = where(keep, v, zeros(v) + typical(v))

    def folded(u: Any, fold: Any) -> Any:
        identity = IDENTITY.get(fold.merges_with)
        return one(u * w if identity is None else where(keep, u, zeros(u) + identity), lists, fold)

    n = where(is_empty, zeros(n) + 1, n) if r.gives != "value" else n
    sums = WindowSums(n, n, folded, is_empty if bool(is_empty.any()) else None, recompute)
    sums.smallest_share = least
    return fold_by_sums(r, v, sums)


def _present(x: Any, weights: Any, job: Job) -> tuple[Any, Any]:
    """Which elements are present, and the weight of each; both broadcast to x."""
    w = None if weights is None else weights.reshape((1,) * (x.ndim - weights.ndim) + tuple(weights.shape))
    keep = (x == x) if job.omit_nan else None
    if w is not None:
        keep = w != 0 if keep is None else keep & (w != 0)
    assert keep is not None
    real = w is not None and "bool" not in str(w.dtype) and not job.reduction.ignores_weight_value
    w = cast(keep, _sum_dtype(job)) if not real else cast(w, _sum_dtype(job)) * cast(keep, _sum_dtype(job))
    # Pooled axes in full length, the others unchanged.
    shape = tuple(
        n if a in job.grid.pooled_dims else k for a, (n, k) in enumerate(zip(x.shape, keep.shape, strict=True))
    )
    keep, w = (broadcast(t, shape) for t in (keep, w))
    return keep, w


def _broadcast_counts(y: Any, lists: IndexedWindows) -> Any:
    return adapter_of(y).copy(broadcast(y, lists.out_shape))


def _sum_dtype(job: Job) -> str:
    return sum_dtype(Sum(), job.dtype) or "float64"


@lru_cache(maxsize=256)
def _windows_over(lists: IndexedWindows, shape: tuple[int, ...]) -> IndexedWindows:
    """The same windows over weights of this shape; the outside has weight 1."""
    return replace(lists, shape=shape, fill=1.0)
