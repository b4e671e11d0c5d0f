"""Recipes: each fold as a lift, a merge of one or two planes, and a finish of the compiled core."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ...plan import Axis, Job
from ...reductions import (
    AllOf,
    AnyOf,
    ArgMax,
    ArgMin,
    Count,
    Fold,
    LogMeanExp,
    LogSumExp,
    Lp,
    Max,
    Mean,
    Min,
    Prod,
    Range,
    Rms,
    SoftPool,
    SplitMax,
    SplitMin,
    Std,
    Sum,
    Var,
)
from ..native.footprints import has_unit_taps, taps_of
from .weighting import (
    averaged,
    check_taps,
    counts_elements,
    divided_by_taps,
    masked,
    may_be_empty,
    weighted,
    with_weights,
)
from .words import EXACT_SQUARES, FLOATS, HALVES, SCALE_FREE, Recipe, Refusal

# Variances merge the elements of a window one by one up to these sizes; longer windows use sums of
# squares.
FEW = 8  # elements along each axis, for regular windows
OFTEN = 64  # visits of an element, if squares are not exact: then the reference takes as long
SOME = 32  # elements along each axis, for irregular windows: 10^6 elements in 10^5 groups 371 -> 27 ms


def recipe(job: Job, with_positions: bool = False) -> Recipe | str:
    """The recipe of the job, or the reason why there is none."""
    make = RECIPES.get(job.reduction.__class__)
    if make is None:
        name = getattr(job.reduction, "name", "") or type(job.reduction).__name__
        return f"{name!r} is not compiled"
    try:
        plan = make(job, job.reduction)
        if job.grid.taps is not None:
            check_taps(job, plan)
        if job.logs and job.grid.taps is not None:
            return "weights e^a of footprints are not compiled"
        if job.logs and not (plan.weighting == "total" and plan.finish in SCALE_FREE and plan.ddof == 0):
            return f"weights e^a are not compiled for {job.reduction.name!r}"
        return _with_positions(job, plan) if with_positions and plan.merges[0] in ("max", "min") else plan
    except Refusal as refusal:
        return str(refusal)


def _element_plane(job: Job) -> str:
    """The plane type that represents the elements."""
    return "float32" if job.dtype in HALVES else "uint8" if job.dtype == "bool" else job.dtype


def _mean_plane(job: Job) -> str:
    """The plane type of a mean."""
    return _element_plane(job) if job.dtype in FLOATS else "float64"


def _sum_plane(job: Job) -> str:
    """The plane type of a sum, as NumPy widens it."""
    if job.dtype in FLOATS:
        return _element_plane(job)
    if job.grid.taps is not None and not job.grid.is_footprint and not job.reduction.ignores_weight_value:
        return "float64"
    if job.dtype.startswith("uint") and job.library == "numpy":  # torch has no unsigned sums
        return "uint64"
    return "int64"


def _result_dtype(job: Job, plane: str) -> str:
    return job.dtype if job.dtype in FLOATS else plane


def _sum(job: Job, fold: Any) -> Recipe:
    plane = _sum_plane(job)
    plain = Recipe("value", ("sum",), "plain", plane, _result_dtype(job, plane))
    return with_weights(job, plain, "" if job.empty is None else "presence")


def _mean(job: Job, fold: Any) -> Recipe:
    plane = _mean_plane(job)
    plain = Recipe("value", ("sum",), "divide", plane, _result_dtype(job, plane))
    return averaged(job, plain)


def _extreme(job: Job, fold: Any) -> Recipe:
    merge = "min" if isinstance(fold, (Min, SplitMin)) else "max"
    plain = Recipe(
        "value", (merge,), "plain", _element_plane(job), job.dtype, minimum=merge == "min", last=fold.ties == "last"
    )
    return with_weights(job, plain, "presence")


def _with_positions(job: Job, values: Recipe) -> Recipe:
    """A selection with positions: order key and position share one 64-bit number."""
    if may_be_empty(job) and job.dtype in ("int32", "uint32"):
        raise Refusal(f"masked positions in {job.dtype} are not compiled: every key is an element's")
    if job.reduction.ties == "split":
        raise Refusal("ties='split' is not compiled with a gradient")
    if isinstance(job.reduction, Range):
        raise Refusal("the two positions of a range are not compiled")
    if job.grid.has_empty and (job.empty is not None or not isinstance(job.reduction, (ArgMax, ArgMin))):
        raise Refusal("the value of an empty window is not compiled with positions")
    if may_be_empty(job) and job.empty is not None and isinstance(job.reduction, (ArgMax, ArgMin)):
        raise Refusal("empty= of masked positions is not compiled")
    if job.dtype in ("float64", "int64", "uint64"):
        raise Refusal(f"positions in {job.dtype} are not compiled: order key and position share 64 bits")
    bits = sum(max(axis.extent - 1, 1).bit_length() for axis in job.grid.axes)
    if bits > 31:
        raise Refusal("the pooled axes are too long for compiled positions, which have 31 bits")
    kind = "uint8" if job.grid.max_length <= 255 else "int32"  # 255 and -1 are windows without an element
    return replace(
        values, lift="place", merges=("max",), finish="select", plane="int64", position_dtype=kind, weighting=""
    )


def _arg(job: Job, fold: Any) -> Recipe:
    least = isinstance(fold, Min)
    plain = Recipe("value", ("max",), "select", "int64", job.dtype, minimum=least, last=fold.ties == "last")
    return replace(_with_positions(job, plain), values=False, position_dtype="int64")


def _range(job: Job, fold: Any) -> Recipe:
    plane = _sum_plane(job)  # the difference may need one bit more than the elements
    plain = Recipe("value", ("max", "min"), "difference", plane, _result_dtype(job, plane))
    return with_weights(job, plain, "presence")


def _prod(job: Job, fold: Any) -> Recipe:
    plane = _sum_plane(job)
    return with_weights(job, Recipe("value", ("prod",), "plain", plane, _result_dtype(job, plane)), "presence")


def _truth(job: Job, fold: Any) -> Recipe:
    plain = Recipe("truth", ("max" if isinstance(fold, AnyOf) else "min",), "plain", "uint8", "bool")
    return with_weights(job, plain, "presence")


def _norm(job: Job, fold: Any) -> Recipe:
    p = fold.parameters["p"]
    plane = _mean_plane(job)
    if not isinstance(p, float) or p not in (1.0, 2.0, float("inf")):
        raise Refusal(f"Lp({p!r}) is not compiled: p must be 1, 2 or inf")
    if isinstance(fold, Rms):
        return averaged(job, Recipe("square", ("sum",), "divide_root", plane, _result_dtype(job, plane)))
    if p == 2.0:
        return with_weights(job, Recipe("square", ("sum",), "root", plane, _result_dtype(job, plane)), "total")
    plain = Recipe("magnitude", ("sum" if p == 1.0 else "max",), "plain", plane, _result_dtype(job, plane))
    return with_weights(job, plain, "total")


def _log_sum(job: Job, fold: Any) -> Recipe:
    rate = fold.parameters["r"]
    if not isinstance(rate, float):
        raise Refusal("a log-sum-exp whose r is an array is not compiled")
    plane = _mean_plane(job)
    finish = "divide_log" if isinstance(fold, LogMeanExp) else "log"
    plain = Recipe("exp", ("sum",), finish, plane, _result_dtype(job, plane), rate=rate)
    return averaged(job, plain) if isinstance(fold, LogMeanExp) else with_weights(job, plain, "total")


def _soft(job: Job, fold: Any) -> Recipe:
    rate = fold.parameters["beta"]
    if not isinstance(rate, float):
        raise Refusal("a SoftPool whose beta is an array is not compiled")
    plane = _mean_plane(job)
    if job.logs:  # the mean with the weights e^(a + βx)
        return averaged(job, Recipe("value", ("sum",), "divide", plane, _result_dtype(job, plane), rate=rate))
    plain = Recipe("exp_value", ("sum", "sum"), "ratio", plane, _result_dtype(job, plane), rate=rate)
    return with_weights(job, plain, "total")


def _is_regular(axis: Axis) -> bool:
    """Whether most windows are copies of one at a fixed stride."""
    low, high = axis.regular
    return 2 * (high - low) >= axis.out


def _merges_elements(axis: Axis, squares_exact: bool) -> bool:
    """Whether a variance merges the elements of each window one by one.

    It does so for short windows, and for windows that visit an element about once. If sums of
    squares are exact (`squares_exact`), long regular windows use these instead.
    """
    alike = _is_regular(axis)
    visited_once = int(axis.length.sum()) <= (2 if squares_exact else OFTEN) * axis.size
    return axis.max_length <= (FEW if alike else SOME) or (visited_once and not (alike and squares_exact))


def _moment(job: Job, fold: Any) -> Recipe:
    if job.grid.divisor != "present":
        raise Refusal(f"{fold.name} with count= is not compiled")
    finish = "std" if isinstance(fold, Std) else "var"
    squares = job.dtype in EXACT_SQUARES
    taps = None if job.grid.taps is None else taps_of(job.grid, fold)
    if (
        taps is None and not counts_elements(job) and all(_merges_elements(axis, squares) for axis in job.grid.axes)
    ):  # the moments of runs are merged
        plane = _mean_plane(job)
        return Recipe("value", ("moments",), finish, plane, _result_dtype(job, plane), ddof=fold.parameters["ddof"])
    if not squares and taps is None and not masked(job):
        raise Refusal(f"{fold.name} of {job.dtype} is not compiled: its squares need more than 64 bits")
    sums = Recipe(
        "shifted", ("sum", "sum"), finish, "float64", _result_dtype(job, "float64"), ddof=fold.parameters["ddof"]
    )
    if taps is None and not masked(job):
        return sums
    constant = taps is not None and squares and not counts_elements(job) and has_unit_taps(taps)
    return divided_by_taps(job, sums) if constant else weighted(job, sums, "total")


def _count(job: Job, fold: Any) -> Recipe:
    if job.dtype == "float64":
        raise Refusal("count of float64 is not compiled: its planes are 64-bit integers")
    if job.empty is not None:
        raise Refusal("count with empty= is not compiled")
    return Recipe("present", ("sum",), "plain", "int64", "int64")


RECIPES: dict[type[Fold], Callable[[Job, Any], Recipe]] = {
    Sum: _sum,
    Mean: _mean,
    Max: _extreme,
    Min: _extreme,
    SplitMax: _extreme,
    SplitMin: _extreme,
    ArgMax: _arg,
    ArgMin: _arg,
    Count: _count,
    Range: _range,
    Prod: _prod,
    AnyOf: _truth,
    AllOf: _truth,
    Lp: _norm,
    Rms: _norm,
    LogSumExp: _log_sum,
    LogMeanExp: _log_sum,
    SoftPool: _soft,
    Var: _moment,
    Std: _moment,
}
