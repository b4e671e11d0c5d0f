"""Each fold as the compiled core sees it: a lift, a merge of one or two planes, a finish."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
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

TYPES: tuple[str, ...] = tuple(
    "float32 float64 float16 bfloat16 uint8 int8 uint16 int16 uint32 int32 uint64 int64".split()
)
MERGES: tuple[str, ...] = tuple("sum max min prod moments".split())
LIFTS: tuple[str, ...] = tuple(
    "value truth magnitude square power exp exp_value shifted share weighted masked place present".split()
)
FINISHES: tuple[str, ...] = tuple(
    "plain divide root divide_root log divide_log ratio difference var std average present select".split()
)
HALVES = ("float16", "bfloat16")
FLOATS = ("float32", "float64", *HALVES)
SMALL_INTS = ("uint8", "int8", "uint16", "int16", "bool")
FEW = 8  # elements along each axis, up to which variances of overlapping windows are walked: longer ones are sums of squares
OFTEN = 64  # times that an element is walked where squares do not serve: the reference takes as long
SOME = 32  # likewise where windows differ: 10^6 elements in 10^5 groups 371 -> 27 ms


@dataclass(frozen=True)
class Recipe:
    """Lift, merge, finish, and the types of planes and result."""

    lift: str
    merges: tuple[str, ...]
    finish: str
    plane: str
    result: str
    rate: float = 0.0
    ddof: float = 0.0
    divisor: float = 0.0  # overrides the counts where not 0
    minimum: bool = False
    last: bool = False
    values: bool = True  # the selected values are wanted
    places: str | None = None  # type of the places that are wanted


class Refusal(Exception):
    """Why a fold has no recipe for a job."""


def recipe(job: Job, places: bool = False) -> Recipe | str:
    """The job's recipe, or a sentence that says why there is none."""
    make = RECIPES.get(type(job.reduction))
    if make is None:
        shown = getattr(job.reduction, "name", "") or type(job.reduction).__name__
        return f"no compiled {shown!r} yet"
    try:
        made = make(job, job.reduction)
        return _placed(job, made) if places and made.merges[0] in ("max", "min") else made
    except Refusal as refusal:
        return str(refusal)


def _masked(job: Job) -> bool:
    return job.weights is not None or (job.omit_nan and job.dtype in FLOATS)


def _own(job: Job) -> str:
    """The plane type that holds the elements as they are."""
    return "float32" if job.dtype in HALVES else "uint8" if job.dtype == "bool" else job.dtype


def _real(job: Job) -> str:
    """The plane type of an average."""
    return _own(job) if job.dtype in FLOATS else "float64"


def _wide(job: Job) -> str:
    """The plane type of a total, as NumPy widens it."""
    if job.dtype in FLOATS:
        return _own(job)
    return (
        "uint64" if job.dtype.startswith("uint") and job.library == "numpy" else "int64"
    )  # torch has no unsigned sums


def _as_x(job: Job, plane: str) -> str:
    return job.dtype if job.dtype in FLOATS else plane


def _unweighted(job: Job, what: str) -> None:
    if _masked(job):
        raise Refusal(f"weights and nan='omit' are not compiled for {what} yet")


def _floats_only(job: Job, what: str) -> None:
    if job.dtype not in FLOATS:
        raise Refusal(f"{what} of {job.dtype} is not compiled with weights yet")


def _sum(job: Job, fold: Any) -> Recipe:
    plane = _wide(job)
    plain = Recipe("value", ("sum",), "plain", plane, _as_x(job, plane))
    if not _masked(job):
        return plain
    _floats_only(job, "sum")
    if job.empty is not None:
        raise Refusal("empty= of a weighted sum is not compiled yet")
    return replace(plain, lift="weighted")


def _mean(job: Job, fold: Any) -> Recipe:
    plane = _real(job)
    plain = Recipe("value", ("sum",), "divide", plane, _as_x(job, plane))
    if not _masked(job):
        return plain
    _floats_only(job, "mean")
    if job.grid.divisor != "present":
        raise Refusal("a weighted mean with count= is not compiled yet")
    return replace(plain, lift="weighted", merges=("sum", "sum"), finish="average")


def _extreme(job: Job, fold: Any) -> Recipe:
    merge = "min" if isinstance(fold, (Min, SplitMin)) else "max"
    plain = Recipe("value", (merge,), "plain", _own(job), job.dtype, minimum=merge == "min", last=fold.ties == "last")
    if not _masked(job):
        return plain
    _floats_only(job, merge)
    return replace(plain, lift="masked", merges=(merge, "max"), finish="present")


def _placed(job: Job, plain: Recipe) -> Recipe:
    """A selection that also says where: order key and position in one 64-bit number."""
    _unweighted(job, "the places of a selection")
    if job.reduction.ties == "split":
        raise Refusal("ties='split' is not compiled with a gradient yet")
    if isinstance(job.reduction, Range):
        raise Refusal("the two places of a range are not compiled yet")
    if job.grid.has_empty and (job.empty is not None or not isinstance(job.reduction, (ArgMax, ArgMin))):
        raise Refusal("a selection's value where a window is empty is not compiled with places yet")
    if job.dtype in ("float64", "int64", "uint64"):
        raise Refusal(f"places of {job.dtype} are not compiled: order key and position share 64 bits")
    bits = sum(max(axis.extent - 1, 1).bit_length() for axis in job.grid.axes)
    if bits > 31:
        raise Refusal("the pooled axes are too long for compiled places: their positions need more than 31 bits")
    kind = "uint8" if job.grid.max_length <= 255 else "int32"
    return replace(plain, lift="place", merges=("max",), finish="select", plane="int64", places=kind)


def _arg(job: Job, fold: Any) -> Recipe:
    least = isinstance(fold, Min)
    plain = Recipe("value", ("max",), "select", "int64", job.dtype, minimum=least, last=fold.ties == "last")
    return replace(_placed(job, plain), values=False, places="int64")


def _range(job: Job, fold: Any) -> Recipe:
    _unweighted(job, "range")
    plane = _wide(job)  # the greatest less the smallest may need one bit more than either
    return Recipe("value", ("max", "min"), "difference", plane, _as_x(job, plane))


def _prod(job: Job, fold: Any) -> Recipe:
    _unweighted(job, "prod")
    plane = _wide(job)
    return Recipe("value", ("prod",), "plain", plane, _as_x(job, plane))


def _truth(job: Job, fold: Any) -> Recipe:
    _unweighted(job, fold.name)
    return Recipe("truth", ("max" if isinstance(fold, AnyOf) else "min",), "plain", "uint8", "bool")


def _norm(job: Job, fold: Any) -> Recipe:
    _unweighted(job, "Lp")
    p = fold.parameters["p"]
    plane = _real(job)
    if not isinstance(p, float) or p not in (1.0, 2.0, float("inf")):
        raise Refusal(f"Lp({p!r}) is not compiled yet: p = 1, 2 and inf are")
    if isinstance(fold, Rms):
        return Recipe("square", ("sum",), "divide_root", plane, _as_x(job, plane))
    if p == 2.0:
        return Recipe("square", ("sum",), "root", plane, _as_x(job, plane))
    return Recipe("magnitude", ("sum" if p == 1.0 else "max",), "plain", plane, _as_x(job, plane))


def _log_sum(job: Job, fold: Any) -> Recipe:
    _unweighted(job, fold.name)
    rate = fold.parameters["r"]
    if not isinstance(rate, float):
        raise Refusal("a log-sum-exp whose r is an array is not compiled yet")
    plane = _real(job)
    finish = "divide_log" if isinstance(fold, LogMeanExp) else "log"
    return Recipe("exp", ("sum",), finish, plane, _as_x(job, plane), rate=rate)


def _soft(job: Job, fold: Any) -> Recipe:
    _unweighted(job, "softpool")
    rate = fold.parameters["beta"]
    if not isinstance(rate, float):
        raise Refusal("a SoftPool whose beta is an array is not compiled yet")
    plane = _real(job)
    return Recipe("exp_value", ("sum", "sum"), "ratio", plane, _as_x(job, plane), rate=rate)


def _alike(axis: Axis) -> bool:
    """Whether most windows are copies of one, a fixed distance apart."""
    low, high = axis.regular
    return 2 * (high - low) >= axis.out


def _walked(axis: Axis, squares: bool) -> bool:
    """Whether each window is walked for a variance: short ones, and those that see an element about once; where sums of
    squares serve (`squares`), long windows that are copies of one are those; where they do not, an element may be seen often."""
    alike = _alike(axis)
    once = int(axis.length.sum()) <= (2 if squares else OFTEN) * axis.size
    return axis.max_length <= (FEW if alike else SOME) or (once and not (alike and squares))


def _moment(job: Job, fold: Any) -> Recipe:
    _unweighted(job, fold.name)
    if job.grid.divisor != "present":
        raise Refusal(f"{fold.name} with count= is not compiled")
    finish = "std" if isinstance(fold, Std) else "var"
    squares = job.dtype in ("float32", *HALVES, *SMALL_INTS)
    if all(_walked(axis, squares) for axis in job.grid.axes):  # means and spreads of runs join
        plane = _real(job)
        return Recipe("value", ("moments",), finish, plane, _as_x(job, plane), ddof=fold.parameters["ddof"])
    if not squares:
        raise Refusal(f"{fold.name} of {job.dtype} is not compiled: its squares need more than 64 bits")
    return Recipe(
        "shifted",
        ("sum", "sum"),
        finish,
        "float64",
        _as_x(job, "float64"),
        ddof=fold.parameters["ddof"],
    )


def _count(job: Job, fold: Any) -> Recipe:
    if job.dtype == "float64":
        raise Refusal("count of float64 is not compiled: its planes hold 64-bit integers")
    if job.weights is not None and job.weights[1] != "bool":
        raise Refusal("count with real weights is not compiled: with masks it is")
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
