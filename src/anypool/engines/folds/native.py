"""The compiled folds, called through the C ABI. Without the library, each job is refused."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...constants import fitted, is_double
from ...errors import PoolingError
from ...order_statistics import ORDERS, PARAMETRIC_ORDERS
from ...plan import Grid, Job
from ..native import footprints
from ..native.axis_order import inverse_order, is_dense, memory_order
from ..native.layout import levels_of
from ..native.library import get_num_threads, library, missing, out_of_memory, set_num_threads
from ..native.records import FoldRecord
from .coverage import reads_all
from .recipes import RECIPES, recipe
from .weighting import masked
from .words import EXACT_SQUARES, FINISHES, FLOATS, LIFTS, MERGES, TYPES, WEIGHTINGS, Recipe

NO_MEMORY, DECLINED, INVALID_WEIGHT = 1, 2, 3
FINITE, NOT_NEGATIVE = 1, 2  # which real weights are valid
__all__ = [
    "FoldCall",
    "InvalidWeight",
    "forward_all",
    "get_num_threads",
    "prepare",
    "reads",
    "refuses",
    "set_num_threads",
    "status",
    "weights_type",
]


class _Ones:
    """The mask of which all elements are present, read with strides of 0."""

    def __init__(self) -> None:
        self.table = np.ones(1, np.bool_)
        self.address = self.table.ctypes.data


class InvalidWeight(PoolingError):
    """The core read an invalid weight; the caller says which."""


class FoldCall:
    """A compiled fold for one job and one memory layout; a call passes addresses only."""

    own_weights = 0  # the address of the weights of a call without weights, 0 without them

    def __init__(
        self,
        job: Job,
        recipe: Recipe,
        strides: tuple[int, ...],
        w_strides: tuple[int, ...] | None,
        w_type: str,
        checks: bool = False,
    ) -> None:
        grid = job.grid
        self.grid = grid
        self.recipe = recipe
        w = w_strides or (0,) * len(strides)
        self.order = order = memory_order(grid, strides, w, recipe.position_dtype is not None)
        self.shape = tuple(grid.out_shape[a] for a in order)
        self.back = inverse_order(order)
        self.levels, inner, self.keep_alive = levels_of(grid, order, strides, w)
        reduction: Any = job.reduction
        empty = job.empty if job.empty is not None else reduction.empty
        call = FoldRecord()
        call.levels, call.level = len(self.levels), ctypes.addressof(self.levels)
        call.inner, call.x_inner, call.w_inner = inner
        call.x_type, call.y_type, call.plane_type = (
            type_number(job.dtype),
            type_number(recipe.result),
            type_number(recipe.plane),
        )
        call.w_type = type_number(w_type) if w_strides is not None else 0
        call.place_type = type_number(recipe.position_dtype) if recipe.position_dtype else 0
        call.lift, call.finish = LIFTS.index(recipe.lift), FINISHES.index(recipe.finish)
        call.merge0 = MERGES.index(recipe.merges[0])
        call.weighting = WEIGHTINGS.index(recipe.weighting)
        call.merge1 = MERGES.index(recipe.merges[1]) if len(recipe.merges) > 1 else -1
        is_masked = w_strides is not None or masked(job)
        direct = recipe.lift == "value" and type_number(recipe.plane) == call.x_type and not is_masked
        borders = any(a.source is not None for a in grid.axes)
        fills_empty = grid.has_empty and recipe.plane not in FLOATS  # the core writes their value after a lift
        call.staged = int(not direct or borders or fills_empty or not is_dense(grid.shape, strides, order))
        self.checks_weights = checks and w_strides is not None and w_type in FLOATS and reads_all(grid)
        signed = getattr(reduction, "signed_weights", False)
        call.logs, call.checks = int(job.logs), (FINITE if signed else NOT_NEGATIVE) if self.checks_weights else 0
        call.omit = int(job.omit_nan and job.dtype in FLOATS)
        call.min, call.last = int(recipe.minimum), int(recipe.last)
        call.fill = 0 if grid.fill is None else bits(grid.fill, job.dtype)
        lacks = recipe.weighting and recipe.result not in FLOATS and not _is_integer(empty)
        call.empty = math.nan if lacks else float(empty) if empty is not None else 0.0
        call.divisor = recipe.divisor or (0.0 if isinstance(grid.divisor, str) else float(grid.divisor))
        self.weights: Any = None
        if grid.taps is not None:
            taps: Any = footprints.taps_of(grid, reduction)
            pooled = [grid.pooled_dims.index(a) for a in order if a in grid.pooled_dims]
            self.keep_alive.append(footprints.write_runs(call, taps.transpose(pooled)))
            # A selection finds empty windows by a mask; exact pivots of doubles are those of a
            # mask.
            by_mask = recipe.finish == "select" and grid.has_empty
            by_mask |= recipe.lift == "shifted" and recipe.weighting != "" and job.dtype not in EXACT_SQUARES
            if w_strides is None and by_mask:
                call.w_type = type_number("bool")
                self.with_weights(_Ones())
        call.rate, call.ddof = recipe.rate, recipe.ddof
        self.call = call
        self.address = ctypes.addressof(call)
        self.run = library().anypool_forward

    def with_weights(self, table: Any) -> FoldCall:
        """Set the table of weights of calls without weights; this object keeps it alive."""
        self.weights, self.own_weights = table, table.address
        return self

    def forward(self, x: int, w: int, y: int, place: int) -> bool:
        """Fold the array at address x into y and place; False if the values need the reference."""
        return succeeded(self.run(self.address, x, w or self.own_weights, y, place))

    def record(self, x: int, w: int, y: int, place: int) -> FoldRecord:
        """The record of the call, for `forward_all`."""
        call = FoldRecord.from_buffer_copy(self.call)
        call.x, call.w, call.y, call.place = x, w or self.own_weights, y, place
        return call


def forward_all(calls: Sequence[FoldRecord]) -> bool:
    """Several folds of one array, which is read once; False if the values need the reference."""
    table = (FoldRecord * len(calls))(*calls)
    return succeeded(library().anypool_forward_all(ctypes.addressof(table), len(calls)))


def succeeded(outcome: int) -> bool:
    """Whether the core computed the call; False if the values need the reference, or hold a NaN.

    Raises InvalidWeight for weights that it checks.
    """
    if outcome == NO_MEMORY:
        raise out_of_memory("its rows")
    if outcome == INVALID_WEIGHT:
        raise InvalidWeight("a weight is not valid")
    return outcome != DECLINED


def refuses(job: Job, with_positions: bool = False) -> str | None:
    """The reason why the core does not compute the job (with the positions of a selection), or
    None."""
    if library() is None:
        return f"cpu: the compiled library is missing ({missing()})"
    grid = job.grid
    if job.device != "cpu":
        return f"cpu: x is on {job.device}"
    irregular = footprints.refuses(grid) if grid.weighted else None
    if irregular is not None:
        return f"cpu: {irregular}"
    if 0 in grid.shape or 0 in grid.out_shape:
        return "cpu: x or the result is empty"
    plan = recipe(job, with_positions)
    if isinstance(plan, str):
        return f"cpu: {plan}"
    if grid.fill is not None and bits(grid.fill, job.dtype) is None:
        return f"cpu: the border {grid.fill} is not representable in {job.dtype}"
    if plan.result not in FLOATS and plan.position_dtype is None and grid.has_empty:
        empty = job.empty if job.empty is not None else job.reduction.empty
        if not _is_integer(empty):
            return "cpu: an empty window has no integer result"
    if plan.result not in FLOATS and job.empty is not None and not is_double(job.empty):
        return f"cpu: the core reads empty={job.empty} as a double, which cannot represent it"
    return None


def reads(dtype: str, weights_type: str) -> bool:
    """Whether the core reads weights of this element type for a job that needs `weights_type`."""
    both_real = {"float32", "float64"} >= {dtype, weights_type}
    return dtype == weights_type or both_real


def _is_integer(empty: float | None) -> bool:
    return empty is not None and math.isfinite(empty) and empty % 1 == 0


def weights_type(job: Job) -> str:
    """The element type in which the core reads a job's weights: a mask, or the type of the planes
    that they multiply."""
    plan = recipe(job)
    assert isinstance(plan, Recipe)
    return "bool" if getattr(job.reduction, "ignores_weight_value", False) else plan.plane


_CACHE: dict[Any, Any] = {}


def cached_by_grid(key: Any, grid: Grid, make: Callable[[], Any]) -> Any:
    """The cached object of this key, if its `grid` is this object; else a new one, which is
    cached."""
    entry = _CACHE.get(key)
    if entry is None or entry.grid is not grid:
        if len(_CACHE) > 1024:
            _CACHE.clear()
        entry = _CACHE[key] = make()
    return entry


def prepare(
    job: Job,
    strides: tuple[int, ...],
    w_strides: tuple[int, ...] | None = None,
    w_type: str = "",
    with_positions: bool = False,
    checks: bool = False,
) -> FoldCall:
    """The compiled fold for arrays, and weights, of these strides (in elements).

    checks: whether it checks real weights, where it reads all of them (`checks_weights`).
    """
    plan = recipe(job, with_positions)
    assert isinstance(plan, Recipe)
    key = (id(job.grid), plan, job.dtype, job.omit_nan, job.empty, job.reduction.empty, strides, w_strides, w_type)
    key = (*key, checks, job.logs)
    return cached_by_grid(key, job.grid, lambda: FoldCall(job, plan, strides, w_strides, w_type, checks))


def type_number(dtype: str) -> int:
    return TYPES.index("uint8" if dtype == "bool" else dtype)


def bits(value: Any, dtype: str) -> Any:
    """The bits of a number of this type as an integer; None if the type cannot represent it, or for
    a tuple."""
    if isinstance(value, tuple):
        return None
    try:
        number = fitted(value, dtype, "")
    except PoolingError:
        return None
    if dtype == "bfloat16":
        return int(np.float32(number).view(np.uint32)) >> 16
    return int.from_bytes(np.array(number, dtype).tobytes(), "little")


def status() -> list[str]:
    """Lines for `anypool check`."""
    core = library()
    if core is None:
        return [f"cpu: not active: the compiled library is missing ({missing()})"]
    folds = ", ".join(sorted({str(k.name) for k in RECIPES}))
    orders = ", ".join([*ORDERS, *PARAMETRIC_ORDERS])
    return [
        f"cpu: active, instruction set {core.anypool_isa().decode()}, {get_num_threads()} threads",
        f"cpu: compiled folds {folds}",
        f"cpu: compiled order statistics {orders}",
        f"cpu: for {', '.join(TYPES)} where they have a meaning; the reference serves the rest, such as a reduction of your own",
    ]
