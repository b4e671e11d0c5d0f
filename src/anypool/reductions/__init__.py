"""The folds, one class each, and their registry. They use only the array functions of
`arrays.ops`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from ..arrays.ops import among, did_you_mean
from ..errors import PoolingError
from ..order_statistics import ORDERS, Order, tied
from .ends import First, Last
from .exponentials import LogMeanExp, LogSumExp, SoftPool
from .extremes import ArgMax, ArgMin, Max, Min, Range, SplitMax, SplitMin
from .fold import Fold
from .fold import State as State
from .fold import fact as fact
from .moments import Std, Var
from .powers import Lp, PowerMean, Rms
from .sums import AllOf, AnyOf, Count, Mean, Prod, Sum

# What the package exports of this room.
__all__ = [
    "REDUCTIONS",
    "Fold",
    "LogMeanExp",
    "LogSumExp",
    "Lp",
    "PowerMean",
    "SoftPool",
    "Std",
    "Var",
]


TIES = ("first", "last", "split")


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
    "first": First,
    "last": Last,
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


OTHER_NAMES = {  # names of these reductions in other libraries
    "avg": "mean",
    "average": "mean",
    "amax": "max",
    "maximum": "max",
    "amin": "min",
    "minimum": "min",
    "product": "prod",
    "ptp": "range",
    "peak-to-peak": "range",
    "stdev": "std",
    "sd": "std",
    "variance": "var",
    "majority": "mode",
    "total": "sum",
    "add": "sum",
    "size": "count",
    "or": "any",
    "and": "all",
    "lse": "logsumexp",
    "rootmeansquare": "rms",
    "cls": "first",
    "lasttoken": "last",
}
OTHER_TIES = {"shared": "split", "share": "split", "mean": "split", "equal": "split"}


REQUIRED = ("init", "step", "finish")


def _is_reduction(kind: type[Any]) -> bool:
    """Whether a class is an order statistic or has the methods of a fold."""
    return issubclass(kind, Order) or all(hasattr(kind, name) for name in REQUIRED)


def reduction_of(value: Any, ties: str = "first") -> Any:
    """The reduction object for a name, a class or an object. The error for an unknown name lists
    all names."""
    if not among(ties, TIES):
        raise PoolingError(
            f"ties={ties!r}: use one of {', '.join(map(repr, TIES))}{did_you_mean(str(ties), TIES, OTHER_TIES)}"
        )
    if isinstance(value, str) and value in ORDERS:
        value = ORDERS[value]()
    if isinstance(value, str):
        if value not in REDUCTIONS:
            raise PoolingError(
                f"unknown reduction {value!r}: use one of {', '.join((*REDUCTIONS, *ORDERS))}, or an object such as ap.Lp(3)"
                f"{did_you_mean(value, (*REDUCTIONS, *ORDERS), OTHER_NAMES)}"
            )
        value = REDUCTIONS[value]()
    elif isinstance(value, type) and _is_reduction(value):
        try:
            value = value()
        except TypeError:
            raise PoolingError(
                f"{value.__name__} needs its parameters: pass an object such as ap.{value.__name__}(2)"
            ) from None
    if isinstance(value, Order):
        return tied(value, ties)
    value = cast(Any, value)
    missing = [name for name in REQUIRED if not callable(getattr(value, name, None))]
    if missing and callable(value):
        name = getattr(value, "__name__", "f")
        raise PoolingError(
            f"{value!r} is no reduction: pass a plain function as ap.function({name}), which calls it on each window"
        )
    if missing:
        raise PoolingError(
            f"{value!r} is no reduction: it lacks {', '.join(missing)} (a reduction has init, step, merge, finish; see ap.Fold)"
        )
    if ties == "split" and isinstance(value, Range):
        raise PoolingError("ties='split' is not possible for 'range': pool max and min apart")
    tied_variant = TIED[ties].get(cast("type[Fold]", type(value)))
    return value if tied_variant is None else tied_variant()
