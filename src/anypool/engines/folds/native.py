"""The compiled core, called through its C ABI; without the library it refuses and the reference answers."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from ...constants import fitted, is_double
from ...errors import PoolingError
from ...order_statistics import ORDERS, PARAMETRIC_ORDERS
from ...plan import Grid, Job
from ..native.layout import levels_of
from ..native.library import Call, get_num_threads, library, missing, set_num_threads
from .recipes import FINISHES, FLOATS, LIFTS, MERGES, RECIPES, TYPES, Recipe, recipe

NO_MEMORY, DECLINED = 1, 2
__all__ = [
    "Prepared",
    "forward_all",
    "get_num_threads",
    "plane_of",
    "prepare",
    "refuses",
    "set_num_threads",
    "status",
]


class Prepared:
    """A job met an array's strides: what remains is addresses."""

    def __init__(
        self, job: Job, made: Recipe, strides: tuple[int, ...], w_strides: tuple[int, ...] | None, w_type: str
    ) -> None:
        grid = job.grid
        self.grid = grid
        self.recipe = made
        w = w_strides or (0,) * len(strides)
        self.order = order = memory_order(grid, strides, w, made.places is not None)
        self.shape = tuple(grid.out_shape[a] for a in order)
        self.back = way_back(order)
        self.levels, inner, self.held = levels_of(grid, order, strides, w)
        reduction: Any = job.reduction
        empty = job.empty if job.empty is not None else reduction.empty
        call = Call()
        call.levels, call.level = len(self.levels), ctypes.addressof(self.levels)
        call.inner, call.x_inner, call.w_inner = inner
        call.x_type, call.y_type, call.plane_type = (
            type_number(job.dtype),
            type_number(made.result),
            type_number(made.plane),
        )
        call.w_type = type_number(w_type) if w_strides is not None else 0
        call.place_type = type_number(made.places) if made.places else 0
        call.lift, call.finish = LIFTS.index(made.lift), FINISHES.index(made.finish)
        call.merge0 = MERGES.index(made.merges[0])
        call.merge1 = MERGES.index(made.merges[1]) if len(made.merges) > 1 else -1
        direct = made.lift == "value" and type_number(made.plane) == call.x_type and w_strides is None
        borders = any(a.source is not None for a in grid.axes)
        call.staged = int(not direct or borders or not _dense(grid.shape, strides, order))
        call.omit, call.min, call.last = int(job.omit_nan), int(made.minimum), int(made.last)
        call.fill = 0 if grid.fill is None else bits(grid.fill, job.dtype)
        call.empty = float(empty) if empty is not None else 0.0
        call.divisor = made.divisor or (0.0 if isinstance(grid.divisor, str) else float(grid.divisor))
        self.weights: Any = None
        call.rate, call.ddof = made.rate, made.ddof
        self.call = call
        self.address = ctypes.addressof(call)
        self.run = library().anypool_forward

    def weighing(self, table: Any) -> Prepared:
        """This, with a table of weights that it keeps alive."""
        self.weights = table
        return self

    def forward(self, x: int, w: int, y: int, place: int) -> bool:
        """Fold the array at address x into those at y and place; False where the numbers need the reference."""
        w = w or (0 if self.weights is None else self.weights.address)
        return was_done(self.run(self.address, x, w, y, place))

    def at(self, x: int, w: int, y: int, place: int) -> Call:
        """The call as a record, for `forward_all`."""
        call = Call.from_buffer_copy(self.call)
        call.x, call.w, call.y, call.place = x, w, y, place
        return call


def forward_all(calls: Sequence[Call]) -> bool:
    """Several folds of one array, which is read once; False where the numbers need the reference."""
    table = (Call * len(calls))(*calls)
    return was_done(library().anypool_forward_all(ctypes.addressof(table), len(calls)))


def was_done(outcome: int) -> bool:
    if outcome == NO_MEMORY:
        raise PoolingError("the compiled core ran out of memory for its rows; free some, or pool in parts")
    return outcome != DECLINED


def refuses(job: Job, places: bool = False) -> str | None:
    """A sentence, or None if the compiled core serves the job (with the places of a selection)."""
    if library() is None:
        return f"cpu: the compiled library is not there ({missing()})"
    grid = job.grid
    if job.device != "cpu":
        return f"cpu: x is on {job.device}"
    if grid.weighted:
        how = "taps" if grid.taps is not None else "real-valued windows of a reduction that weighs"
        return f"cpu: {how} are not compiled yet"
    if 0 in grid.shape or 0 in grid.out_shape:
        return "cpu: x or the result is empty"
    made = recipe(job, places)
    if isinstance(made, str):
        return f"cpu: {made}"
    if grid.fill is not None and bits(grid.fill, job.dtype) is None:
        return f"cpu: the border {grid.fill} is no {job.dtype}"
    if made.result not in FLOATS and made.places is None and grid.has_empty:
        empty = job.empty if job.empty is not None else job.reduction.empty
        if empty is None or not math.isfinite(empty) or empty % 1:
            return "cpu: an empty window has no integer answer"
        if not is_double(empty):
            return f"cpu: the core reads empty={empty} as a double, which does not hold it"
    return None


def plane_of(job: Job) -> str:
    """The type of number that a job's weights are multiplied in."""
    made = recipe(job)
    assert isinstance(made, Recipe)
    return made.plane


_PREPARED: dict[Any, Any] = {}


def remembered(key: Any, grid: Grid, make: Callable[[], Any]) -> Any:
    """What was prepared for this key, as long as the grid that it names by identity is the same one."""
    found = _PREPARED.get(key)
    if found is None or found.grid is not grid:
        if len(_PREPARED) > 1024:
            _PREPARED.clear()
        found = _PREPARED[key] = make()
    return found


def prepare(
    job: Job,
    strides: tuple[int, ...],
    w_strides: tuple[int, ...] | None = None,
    w_type: str = "",
    places: bool = False,
) -> Prepared:
    """The job for an array, and weights, of these strides (in elements)."""
    given = recipe(job, places)
    assert isinstance(given, Recipe)
    key = (id(job.grid), given, job.dtype, job.omit_nan, job.empty, job.reduction.empty, strides, w_strides, w_type)
    return remembered(key, job.grid, lambda: Prepared(job, given, strides, w_strides, w_type))


def type_number(dtype: str) -> int:
    return TYPES.index("uint8" if dtype == "bool" else dtype)


def bits(value: Any, dtype: str) -> Any:
    """The bits of a number in this type, as an integer; None where the type has no such number, or there are several."""
    if isinstance(value, tuple):
        return None
    try:
        held = fitted(value, dtype, "")
    except PoolingError:
        return None
    if dtype == "bfloat16":
        return int(np.float32(held).view(np.uint32)) >> 16
    return int.from_bytes(np.array(held, dtype).tobytes(), "little")


def way_back(order: tuple[int, ...]) -> tuple[int, ...] | None:
    """How to put the axes back into their own order; None where they are in it."""
    return None if order == tuple(range(len(order))) else tuple(int(i) for i in np.argsort(order))


def dense_strides(shape: Sequence[int]) -> list[int]:
    """Strides of a dense array."""
    return [int(np.prod(shape[a + 1 :], dtype=np.int64)) for a in range(len(shape))]


def memory_order(grid: Grid, x: Sequence[int], w: Sequence[int], ascending: bool) -> tuple[int, ...]:
    """The axes from the outermost to the innermost in memory; pooled axes keep their order where places count."""
    rank = range(len(grid.shape))
    far = [(0 if grid.shape[a] == 1 else 1, -abs(x[a]) if x[a] else -(2**62)) for a in rank]
    order = sorted(rank, key=lambda a: far[a])
    pooled = [a for a in order if a in grid.pooled_dims]
    if ascending and pooled != sorted(pooled):
        order = list(rank)
    # under the last pooled axis lies one row of lanes: an axis that cannot join it is put outermost
    end = max(order.index(a) for a in grid.pooled_dims) + 1
    lanes = order[end:]
    joined, apart = lanes[-1:], list[int]()
    for a in reversed(lanes[:-1]):
        inner = joined[0]
        nests = x[a] == x[inner] * grid.shape[inner] and w[a] == w[inner] * grid.shape[inner]
        (joined if nests else apart).insert(0, a)
    return (*apart, *order[:end], *joined)


@lru_cache(maxsize=4096)
def _dense(shape: tuple[int, ...], strides: tuple[int, ...], order: tuple[int, ...]) -> bool:
    """Whether the elements lie side by side in this order."""
    expected = 1
    for a in reversed(order):
        if shape[a] != 1 and strides[a] != expected:
            return False
        expected *= shape[a]
    return True


def status() -> list[str]:
    """Lines for `anypool check`."""
    loaded = library()
    if loaded is None:
        return [f"cpu: not active: the compiled library is not there ({missing()})"]
    folds = ", ".join(sorted({str(k.name) for k in RECIPES}))
    orders = ", ".join([*ORDERS, *PARAMETRIC_ORDERS])
    return [
        f"cpu: active, instruction set {loaded.anypool_isa().decode()}, {get_num_threads()} threads",
        f"cpu: compiled folds {folds}",
        f"cpu: compiled order statistics {orders}",
        f"cpu: for {', '.join(TYPES)} where they have a meaning; the reference serves the rest, such as a reduction of your own",
    ]
