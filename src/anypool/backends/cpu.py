"""The compiled core, called through its C ABI; without the library it refuses and the reference answers."""

from __future__ import annotations

import ctypes
import os
import sysconfig
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import PoolingError
from ..plan import Axis, Grid, Job
from ..reductions import Fold, Max, Mean, Min, SplitMax, SplitMin, Sum

name = "cpu"
FOLDS: dict[type[Fold], int] = {Sum: 0, Mean: 1, Max: 2, SplitMax: 2, Min: 3, SplitMin: 3}
DTYPES = {"float32": 0, "float64": 1}


class Level(ctypes.Structure):
    """One level of the array in memory order; the twin of anypool_level."""

    _fields_ = [
        (n, ctypes.c_int64)
        for n in ("size", "windows", "places", "step", "affine", "start", "stride", "first", "length", "count")
    ]


class Call(ctypes.Structure):
    """One call; the twin of anypool_job."""

    _fields_ = [
        ("x", ctypes.c_int64),
        ("y", ctypes.c_int64),
        ("levels", ctypes.c_int64),
        ("level", ctypes.c_int64),
        ("inner", ctypes.c_int64),
        ("kernel", ctypes.c_int64),
        ("empty", ctypes.c_double),
        ("divisor", ctypes.c_double),
        ("threads", ctypes.c_int64),
    ]


class Prepared:
    """A job met an array's memory order: what remains is two addresses."""

    def __init__(self, library: Any, job: Job, order: tuple[int, ...]) -> None:
        grid = job.grid
        self.grid = grid
        self.order = order
        self.shape = tuple(grid.out_shape[a] for a in order)
        self.back = tuple(int(i) for i in np.argsort(order))
        self.levels, inner, self.held = _levels(grid, order)
        reduction: Any = job.reduction
        empty = job.empty if job.empty is not None else reduction.empty
        divisor = 0.0 if isinstance(grid.divisor, str) else float(grid.divisor)
        kernel = DTYPES[job.dtype] * 4 + FOLDS[type(reduction)]
        table = ctypes.addressof(self.levels)
        self.call = Call(0, 0, len(self.levels), table, inner, kernel, float(empty), divisor, 0)
        self.run = library.anypool_forward

    def forward(self, x: int, y: int) -> None:
        """Fold the array at address x into the one at y."""
        call = Call.from_buffer_copy(self.call)
        call.x, call.y = x, y
        if self.run(ctypes.byref(call)):
            raise PoolingError("the compiled core ran out of memory for its rows; free some, or pool in parts")


def refuses(job: Job) -> str | None:
    """A sentence, or None if the compiled core serves the job."""
    if library() is None:
        return f"cpu: the compiled library is not there ({_missing()})"
    reduction, grid = job.reduction, job.grid
    if job.device != "cpu":
        return f"cpu: x is on {job.device}"
    if type(reduction) not in FOLDS:
        return f"cpu: no compiled {getattr(reduction, 'name', '') or type(reduction).__name__!r} yet"
    if job.dtype not in DTYPES:
        return f"cpu: no compiled {reduction.name!r} for {job.dtype} yet"
    if job.weights is not None or job.omit_nan or grid.taps is not None:
        return "cpu: weights, taps and nan='omit' are not compiled yet"
    if any(a.source is not None for a in grid.axes):
        return "cpu: borders other than 'absent' are not compiled yet"
    if 0 in grid.shape:
        return "cpu: x is empty"
    return None


def prepare(job: Job, strides: Sequence[int]) -> Prepared | None:
    """The job for an array of these strides (in elements); None where its memory is not one dense block."""
    order = _dense_order(job.grid.shape, tuple(strides))
    return None if order is None else _prepared(job.grid, type(job.reduction), job.dtype, job.empty, order, job)


_PREPARED: dict[Any, Prepared] = {}


def _prepared(grid: Grid, kind: type, dtype: str, empty: float | None, order: tuple[int, ...], job: Job) -> Prepared:
    key = (id(grid), kind, dtype, empty, order)
    found = _PREPARED.get(key)
    if found is None or found.grid is not grid:
        if len(_PREPARED) > 1024:
            _PREPARED.clear()
        found = Prepared(library(), job, order)
        _PREPARED[key] = found
    return found


@lru_cache(maxsize=4096)
def _dense_order(shape: tuple[int, ...], strides: tuple[int, ...]) -> tuple[int, ...] | None:
    """The axes from the outermost to the innermost in memory, or None if they leave gaps or overlap."""
    long = [a for a in range(len(shape)) if shape[a] != 1]
    order = sorted(long, key=lambda a: -strides[a])
    expected = 1
    for a in reversed(order):
        if strides[a] != expected:
            return None
        expected *= shape[a]
    return tuple([a for a in range(len(shape)) if shape[a] == 1] + order)


def _levels(grid: Grid, order: tuple[int, ...]) -> tuple[Any, int, list[Any]]:
    """The array's axes in memory order, neighbours joined where that changes nothing; and the lanes under them."""
    pooled: dict[int, Axis] = dict(zip(grid.at, grid.axes, strict=True))
    rows: list[tuple[int, Axis | None, Any]] = []
    for a in order:
        axis = pooled.get(a)
        if axis is None:
            if rows and rows[-1][1] is None:
                rows[-1] = (rows[-1][0] * grid.shape[a], None, None)
            else:
                rows.append((grid.shape[a], None, None))
            continue
        count = (axis.padded if grid.divisor == "padded" else axis.length).astype(np.float64)
        if rows and rows[-1][1] is not None and _is_whole(rows[-1][1]) and _is_whole(axis):
            size = rows[-1][0] * axis.size
            zero, full = np.zeros(1, np.int64), np.array([size])
            rows[-1] = (size, Axis(size, zero, full, 1, zero, full, None, size), rows[-1][2] * count)
        else:
            rows.append((axis.size, axis, count))
    inner = rows.pop()[0] if rows[-1][1] is None else 1
    held: list[Any] = []
    table = (Level * len(rows))()
    for level, (size, axis, count) in zip(table, rows, strict=True):
        if axis is None:
            level.size = size
            continue
        first, length, count = (np.ascontiguousarray(t) for t in (axis.first, axis.length, count))
        held += [first, length, count]
        start = _affine_start(axis)
        level.size, level.windows, level.places, level.step = size, axis.out, axis.places, axis.step
        level.affine, level.start, level.stride = int(start is not None), start or 0, axis.stride
        level.first, level.length, level.count = first.ctypes.data, length.ctypes.data, count.ctypes.data
    return table, inner, held


def _is_whole(axis: Axis) -> bool:
    return axis.out == 1 and int(axis.length[0]) == axis.size and axis.step == 1


def _affine_start(axis: Axis) -> int | None:
    """Where window 0 begins before it is clipped, if every window is a clipped copy of one, `stride` apart."""
    low, high = axis.regular
    if high <= low or axis.places * axis.step >= 2**31 or axis.stride >= 2**31:
        return None
    start = int(axis.first[low]) - low * axis.stride
    at = start + np.arange(axis.out) * axis.stride
    skip = np.maximum(-(at // axis.step), 0)
    until = np.clip(-((at - axis.size) // axis.step), 0, axis.places)
    same = np.array_equal(np.maximum(until - skip, 0), axis.length)
    held = axis.length > 0
    return start if same and np.array_equal((at + skip * axis.step)[held], axis.first[held]) else None


# ---- the library ---------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def library() -> Any:
    """The loaded library, or None."""
    path = _path()
    if path is None:
        return None
    try:
        loaded = ctypes.CDLL(str(path))
    except OSError:
        return None
    loaded.anypool_isa.restype = ctypes.c_char_p
    loaded.anypool_get_threads.restype = ctypes.c_int64
    loaded.anypool_set_threads.argtypes = [ctypes.c_int64]
    loaded.anypool_set_threads.restype = None
    loaded.anypool_forward.argtypes = [ctypes.c_void_p]
    return loaded


def _path() -> Path | None:
    asked = os.environ.get("ANYPOOL_LIBRARY")
    if asked:
        return Path(asked)
    folders = [Path(__file__).parent.parent, Path(sysconfig.get_path("platlib")) / "anypool"]
    found = [f / f"_native{suffix}" for f in folders for suffix in (".so", ".dylib", ".dll")]
    return next((p for p in found if p.exists()), None)


def _missing() -> str:
    path = _path()
    return "it was not built; install with a C++20 compiler" if path is None else f"{path.name} does not load"


def status() -> list[str]:
    """Lines for `anypool check`."""
    loaded = library()
    if loaded is None:
        return [f"cpu: not active: the compiled library is not there ({_missing()})"]
    kinds = ", ".join(sorted({str(k.name) for k in FOLDS}))
    return [
        f"cpu: active, instruction set {loaded.anypool_isa().decode()}, {get_num_threads()} threads",
        f"cpu: compiled {kinds} for {', '.join(DTYPES)}; the reference serves the rest",
    ]


def set_num_threads(n: int) -> None:
    """How many threads the compiled core may use, at least 1."""
    if type(n) is bool or not float(n).is_integer() or n < 1:
        raise PoolingError(f"set_num_threads({n!r}): give an integer of at least 1")
    loaded = library()
    if loaded is not None:
        loaded.anypool_set_threads(int(n))


def get_num_threads() -> int:
    """How many threads the compiled core uses; 1 without it."""
    loaded = library()
    return 1 if loaded is None else int(loaded.anypool_get_threads())
