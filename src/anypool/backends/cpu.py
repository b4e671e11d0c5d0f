"""The compiled core, called through its C ABI; without the library it refuses and the reference answers."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from ..errors import PoolingError
from ..orders import Order
from ..plan import Axis, Grid, Job
from ..reductions import Sum
from . import orders_cpu
from .library import Call, Level, get_num_threads, library, missing, set_num_threads
from .recipes import FINISHES, FLOATS, LIFTS, MERGES, RECIPES, TYPES, Recipe, recipe

name = "cpu"
NO_MEMORY, DECLINED = 1, 2
__all__ = [
    "Places",
    "Prepared",
    "forward_all",
    "get_num_threads",
    "places",
    "plane_of",
    "prepare",
    "refuses",
    "set_num_threads",
    "status",
    "total",
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
        self.order = order = _order(grid, strides, w, made.places is not None)
        self.shape = tuple(grid.out_shape[a] for a in order)
        self.back = _back(order)
        self.levels, inner, self.held = _levels(grid, order, strides, w)
        reduction: Any = job.reduction
        empty = job.empty if job.empty is not None else reduction.empty
        call = Call()
        call.levels, call.level = len(self.levels), ctypes.addressof(self.levels)
        call.inner, call.x_inner, call.w_inner = inner
        call.x_type, call.y_type, call.plane_type = _type(job.dtype), _type(made.result), _type(made.plane)
        call.w_type = _type(w_type) if w_strides is not None else 0
        call.place_type = _type(made.places) if made.places else 0
        call.lift, call.finish = LIFTS.index(made.lift), FINISHES.index(made.finish)
        call.merge0 = MERGES.index(made.merges[0])
        call.merge1 = MERGES.index(made.merges[1]) if len(made.merges) > 1 else -1
        direct = made.lift == "value" and _type(made.plane) == call.x_type and w_strides is None
        borders = any(a.source is not None for a in grid.axes)
        call.staged = int(not direct or borders or not _dense(grid.shape, strides, order))
        call.omit, call.min, call.last = int(job.omit_nan), int(made.minimum), int(made.last)
        call.fill = 0 if grid.fill is None else _bits(grid.fill, job.dtype)
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
        return _done(self.run(self.address, x, w, y, place))

    def at(self, x: int, w: int, y: int, place: int) -> Call:
        """The call as a record, for `forward_all`."""
        call = Call.from_buffer_copy(self.call)
        call.x, call.w, call.y, call.place = x, w, y, place
        return call


def forward_all(calls: Sequence[Call]) -> bool:
    """Several folds of one array, which is read once; False where the numbers need the reference."""
    table = (Call * len(calls))(*calls)
    return _done(library().anypool_forward_all(ctypes.addressof(table), len(calls)))


def _done(outcome: int) -> bool:
    if outcome == NO_MEMORY:
        raise PoolingError("the compiled core ran out of memory for its rows; free some, or pool in parts")
    return outcome != DECLINED


def refuses(job: Job, places: bool = False) -> str | None:
    """A sentence, or None if the compiled core serves the job (with the places of a selection)."""
    if isinstance(job.reduction, Order):
        return orders_cpu.refuses(job)
    if library() is None:
        return f"cpu: the compiled library is not there ({missing()})"
    grid = job.grid
    if job.device != "cpu":
        return f"cpu: x is on {job.device}"
    if grid.taps is not None:
        return "cpu: taps are not compiled yet"
    if 0 in grid.shape or 0 in grid.out_shape:
        return "cpu: x or the result is empty"
    made = recipe(job, places)
    if isinstance(made, str):
        return f"cpu: {made}"
    if grid.fill is not None and _bits(grid.fill, job.dtype) is None:
        return f"cpu: the border {grid.fill} is no {job.dtype}"
    if made.result not in FLOATS and made.places is None and grid.has_empty:
        empty = job.empty if job.empty is not None else job.reduction.empty
        if empty is None or not float(empty).is_integer():
            return "cpu: an empty window has no integer answer"
    return None


def plane_of(job: Job) -> str:
    """The type of number that a job's weights are multiplied in."""
    made = recipe(job)
    assert isinstance(made, Recipe)
    return made.plane


_PREPARED: dict[Any, Any] = {}


def _kept(key: Any, grid: Grid, make: Callable[[], Any]) -> Any:
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
    return _kept(key, job.grid, lambda: Prepared(job, given, strides, w_strides, w_type))


class Places:
    """The gradient of a selection, for arrays dense in `order`: what remains is addresses."""

    def __init__(self, grid: Grid, x: tuple[int, ...], dtype: str, places: str) -> None:
        self.grid = grid
        self.order = order = _order(grid, x, (0,) * len(x), True)
        self.back = _back(order)
        self.shape = tuple(grid.shape[a] for a in order)
        dense = _strides(self.shape)
        strides = [dense[order.index(a)] for a in range(len(order))]
        self.levels, inner, self.held = _levels(grid, order, strides, (0,) * len(order))
        call = Call()
        call.levels, call.level = len(self.levels), ctypes.addressof(self.levels)
        call.inner, call.x_inner, call.w_inner = inner
        call.x_type, call.w_type = _type(dtype), _type(places)
        self.call = call
        self.run = library().anypool_places

    def gather(self, g: int, place: int, y: int) -> None:
        """Each element at y takes what the windows that chose it give."""
        _done(self.run(ctypes.addressof(self.call), g, place, y))


def places(grid: Grid, strides: tuple[int, ...], dtype: str, kind: str) -> Places | None:
    """The gradient of a selection from x of these strides; None where it is not compiled."""
    real = dtype in FLOATS and kind in ("uint8", "int32")
    if library() is None or not real or any(a.source is not None for a in grid.axes) or 0 in grid.out_shape:
        return None
    return _kept((id(grid), strides, dtype, kind), grid, lambda: Places(grid, strides, dtype, kind))


def total(grid: Grid, dtype: str, strides: tuple[int, ...], library_name: str, divided: bool) -> Prepared | None:
    """A sum's or mean's gradient: the windowed sum of the windows' gradients over the axes read the other way."""
    if library() is None or grid.adjoint is None or dtype not in FLOATS or 0 in grid.shape or 0 in grid.out_shape:
        return None
    key = (id(grid), dtype, strides, library_name, divided)
    return _kept(key, grid, lambda: _Total(grid, dtype, strides, library_name, divided)).prepared


class _Total:
    def __init__(self, grid: Grid, dtype: str, strides: tuple[int, ...], library_name: str, divided: bool) -> None:
        self.grid = grid
        adjoint, counts = grid.adjoint, grid.counts
        assert adjoint is not None
        plane = "float32" if dtype in ("float16", "bfloat16") else dtype
        job = Job(adjoint, Sum(), dtype, library_name)
        if not divided:
            made = Recipe("value", ("sum",), "plain", plane, dtype)
        elif bool((counts == counts.flat[0]).all()):
            made = Recipe("value", ("sum",), "divide", plane, dtype, divisor=float(counts.flat[0]))
        else:
            table = _Counts(grid, plane)
            share = Recipe("share", ("sum",), "plain", plane, dtype)
            self.prepared = Prepared(job, share, strides, table.strides, plane).weighing(table)
            return
        self.prepared = Prepared(job, made, strides, None, "")


class _Counts:
    """What a mean divides by, a number for each window, in the type that the core computes in."""

    def __init__(self, grid: Grid, plane: str) -> None:
        self.table = np.ascontiguousarray(grid.along(grid.counts), plane)
        item = self.table.itemsize
        wide = np.broadcast_to(self.table, grid.out_shape)
        self.strides = tuple(s // item for s in wide.strides)
        self.address = self.table.ctypes.data


def _type(dtype: str) -> int:
    return TYPES.index("uint8" if dtype == "bool" else dtype)


def _bits(value: float, dtype: str) -> Any:
    """The bits of a number in this type, as an integer; None where the type has no such number."""
    if dtype == "bfloat16":
        wide = int(np.float32(value).view(np.uint32))
        return (wide + 0x7FFF + ((wide >> 16) & 1)) >> 16 if value == value else 0x7FC0
    if dtype not in FLOATS:
        if not float(value).is_integer():
            return None
        if dtype == "bool":
            return int(value) if value in (0.0, 1.0) else None
        limits = np.iinfo(dtype)
        if not limits.min <= value <= limits.max:
            return None
    with np.errstate(over="ignore"):
        return int.from_bytes(np.array(value, dtype).tobytes(), "little")


def _back(order: tuple[int, ...]) -> tuple[int, ...] | None:
    """How to put the axes back into their own order; None where they are in it."""
    return None if order == tuple(range(len(order))) else tuple(int(i) for i in np.argsort(order))


def _strides(shape: Sequence[int]) -> list[int]:
    """Strides of a dense array."""
    return [int(np.prod(shape[a + 1 :], dtype=np.int64)) for a in range(len(shape))]


def _order(grid: Grid, x: Sequence[int], w: Sequence[int], ascending: bool) -> tuple[int, ...]:
    """The axes from the outermost to the innermost in memory; pooled axes keep their order where places count."""
    rank = range(len(grid.shape))
    far = [(0 if grid.shape[a] == 1 else 1, -abs(x[a]) if x[a] else -(2**62)) for a in rank]
    order = sorted(rank, key=lambda a: far[a])
    pooled = [a for a in order if a in grid.at]
    if ascending and pooled != sorted(pooled):
        order = list(rank)
    # under the last pooled axis lies one row of lanes: an axis that cannot join it is put outermost
    end = max(order.index(a) for a in grid.at) + 1
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


class _Row:
    """One level before it is written down: length, pooled axis, counts, and the strides of x and w."""

    def __init__(self, size: int, axis: Axis | None, count: Any, x: int, w: int) -> None:
        self.size, self.axis, self.count, self.x, self.w = size, axis, count, x, w

    def joins(self, inner: _Row) -> bool:
        """Whether this and the level under it are one in memory, and pooled alike."""
        nested = self.size == 1 or (self.x == inner.x * inner.size and self.w == inner.w * inner.size)
        alike = (self.axis is None and inner.axis is None) or (_is_whole(self.axis) and _is_whole(inner.axis))
        return nested and alike

    def joined(self, inner: _Row) -> _Row:
        size = self.size * inner.size
        axis, count = None, None
        if self.axis is not None:
            zero, full = np.zeros(1, np.int64), np.array([size])
            axis, count = Axis(size, zero, full, 1, zero, full, None, size), self.count * inner.count
        return _Row(size, axis, count, inner.x, inner.w)


def _levels(
    grid: Grid, order: tuple[int, ...], x: Sequence[int], w: Sequence[int]
) -> tuple[Any, tuple[int, int, int], list[Any]]:
    """The array's axes in memory order, neighbours joined where that changes nothing; and the lanes under them."""
    pooled: dict[int, Axis] = dict(zip(grid.at, grid.axes, strict=True))
    rows: list[_Row] = []
    for a in order:
        axis = pooled.get(a)
        count = None
        if axis is not None:
            count = (axis.padded if grid.divisor == "padded" else axis.length).astype(np.float64)
        new = _Row(grid.shape[a], axis, count, x[a], w[a])
        if rows and rows[-1].joins(new):
            rows[-1] = rows[-1].joined(new)
        else:
            rows.append(new)
    inner = (1, 1, 0)
    if rows[-1].axis is None:
        last = rows.pop()
        inner = (last.size, last.x, last.w)
    held: list[Any] = []
    table = (Level * len(rows))()
    for level, row in zip(table, rows, strict=True):
        level.size, level.x_stride, level.w_stride, level.real = row.size, row.x, row.w, row.size
        if row.axis is not None:
            held += _describe(level, row.axis, row.count)
    return table, inner, held


def _describe(level: Any, axis: Axis, count: Any) -> list[Any]:
    """Write a pooled axis down; the tables that must stay alive."""
    tables = [np.ascontiguousarray(t) for t in (axis.first, axis.length, count)]
    start = _affine_start(axis)
    level.size, level.windows, level.places, level.step = axis.extent, axis.out, axis.places, axis.step
    level.affine, level.start, level.stride = int(start is not None), start or 0, axis.stride
    level.first, level.length, level.count = (t.ctypes.data for t in tables)
    if axis.source is not None:
        tables.append(np.ascontiguousarray(axis.source))
        level.source = tables[-1].ctypes.data
    return tables


def _is_whole(axis: Axis | None) -> bool:
    return (
        axis is not None
        and axis.out == 1
        and int(axis.length[0]) == axis.size
        and axis.step == 1
        and axis.source is None
    )


def _affine_start(axis: Axis) -> int | None:
    """Where window 0 begins before it is clipped, if every window is a clipped copy of one, `stride` apart."""
    low, high = axis.regular
    if high <= low or axis.places * axis.step >= 2**31 or axis.stride >= 2**31:
        return None
    start = int(axis.first[low]) - low * axis.stride
    beyond = max(-start, 0) + max(start + (axis.out - 1) * axis.stride + axis.places * axis.step - axis.extent, 0)
    if beyond > 4 * axis.extent + 4096:  # rows would be mostly margin
        return None
    at = start + np.arange(axis.out) * axis.stride
    skip = np.maximum(-(at // axis.step), 0)
    until = np.clip(-((at - axis.extent) // axis.step), 0, axis.places)
    same = np.array_equal(np.maximum(until - skip, 0), axis.length)
    held = axis.length > 0
    return start if same and np.array_equal((at + skip * axis.step)[held], axis.first[held]) else None


def status() -> list[str]:
    """Lines for `anypool check`."""
    loaded = library()
    if loaded is None:
        return [f"cpu: not active: the compiled library is not there ({missing()})"]
    kinds = ", ".join(sorted({str(k.name) for k in RECIPES}))
    return [
        f"cpu: active, instruction set {loaded.anypool_isa().decode()}, {get_num_threads()} threads",
        f"cpu: compiled {kinds} for {', '.join(TYPES)} where they have a meaning; the reference serves the rest",
    ]
