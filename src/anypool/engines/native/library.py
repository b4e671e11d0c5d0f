"""The compiled library: its file, its records, its number of threads."""

from __future__ import annotations

import ctypes
import os
import sysconfig
from functools import lru_cache
from pathlib import Path
from typing import Any

from ...errors import PoolingError
from ...scalars import is_integer


def _record(name: str, doc: str, kinds: dict[Any, str]) -> Any:
    fields = [(field, kind) for kind, names in kinds.items() for field in names.split()]
    return type(name, (ctypes.Structure,), {"_fields_": fields, "__doc__": doc})


_INT, _REAL = ctypes.c_int64, ctypes.c_double
Level: Any = _record(
    "Level",
    "One level of the array in memory order; the C++ struct is anypool_level.",
    {_INT: "size windows places step affine start stride x_stride w_stride real first length count source"},
)


class FoldRecord(ctypes.Structure):
    """The arguments of one fold; the C++ struct is anypool_job."""

    _fields_ = [
        *((n, _INT) for n in "x w y place g levels level inner x_inner w_inner".split()),
        *((n, _INT) for n in "x_type w_type y_type place_type plane_type".split()),
        *((n, _INT) for n in "lift merge0 merge1 weighting finish staged omit logs checks min last fill".split()),
        *((n, _REAL) for n in "empty divisor rate ddof".split()),
        *((n, _INT) for n in "threads runs run".split()),
    ]


class Run(ctypes.Structure):
    """Adjacent places of a window's row with one weight; the C++ struct is anypool_run."""

    _fields_ = [("row", _INT), ("first", _INT), ("length", _INT), ("weight", _REAL)]


class WeightedRecord(ctypes.Structure):
    """The gradient of a weighted sum or mean; the C++ struct is anypool_weighted."""

    _fields_ = [(n, _INT) for n in "total adjoint x w g y gx gw items elements windows type w_type logs".split()]


class Pick(ctypes.Structure):
    """The indices along one axis; the C++ struct is anypool_pick."""

    _fields_ = [(n, ctypes.c_int64) for n in "out size stride offsets index taps".split()]


@lru_cache(maxsize=1)
def library() -> Any:
    """The loaded library, or None."""
    path = _path()
    if path is None:
        return None
    try:
        core = ctypes.CDLL(str(path))
        core.anypool_isa.restype = ctypes.c_char_p
        core.anypool_get_threads.restype = ctypes.c_int64
        core.anypool_set_threads.argtypes = [ctypes.c_int64]
        core.anypool_set_threads.restype = None
        core.anypool_forward.argtypes = [ctypes.c_void_p] * 5
        core.anypool_forward_all.argtypes = [ctypes.c_void_p, ctypes.c_int64]
        core.anypool_forward_orders_all.argtypes = [*[ctypes.c_void_p] * 2, ctypes.c_int64, *[ctypes.c_void_p] * 2]
        core.anypool_places.argtypes = [ctypes.c_void_p] * 4
        core.anypool_owners.argtypes = [ctypes.c_void_p] * 6
        core.anypool_find.argtypes = [ctypes.c_void_p] * 5
        core.anypool_weighted_run.argtypes = [ctypes.c_void_p]
        core.anypool_weighted_rows.argtypes = [ctypes.c_void_p] * 7
        core.anypool_lists_run.argtypes = [ctypes.c_void_p, ctypes.c_int64, *[ctypes.c_void_p] * 3]
        core.anypool_lists_weights.argtypes = [ctypes.c_void_p] * 6
        core.anypool_lists_order.argtypes = [ctypes.c_void_p] * 3
        core.anypool_lists_sort.argtypes = [ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p]
        core.anypool_sort_windows.argtypes = [ctypes.c_void_p, ctypes.c_int64]
        core.anypool_select_ranks.argtypes = [ctypes.c_void_p]
    except (OSError, AttributeError):  # there is no library, or its version differs
        return None
    return core if core.anypool_isa() else None  # an empty name: the processor supports none of its instruction sets


def _path() -> Path | None:
    configured = os.environ.get("ANYPOOL_LIBRARY")
    if configured:
        return Path(configured)
    folders = [Path(__file__).parents[2], Path(sysconfig.get_path("platlib")) / "anypool"]
    candidates = [f / f"_native{suffix}" for f in folders for suffix in (".so", ".dylib", ".dll")]
    return next((p for p in candidates if p.exists()), None)


def out_of_memory(what: str) -> PoolingError:
    """The error of a call for which the core got no memory."""
    return PoolingError(f"the compiled core ran out of memory for {what}; free some, or pool in parts")


def missing() -> str:
    """The reason why there is no library."""
    path = _path()
    return (
        "it was not built; install with a C++20 compiler"
        if path is None
        else f"{path.name} does not load, is of another version, or was built for another processor"
    )


def set_num_threads(n: Any) -> None:
    """Set the maximum number of threads of the compiled core, at least 1."""
    if not is_integer(n) or not 1 <= n < 2**31:
        raise PoolingError(f"set_num_threads({n!r}): give an integer of at least 1")
    core = library()
    if core is not None:
        core.anypool_set_threads(int(n))


def get_num_threads() -> int:
    """The number of threads of the compiled core; 1 without it."""
    core = library()
    return 1 if core is None else int(core.anypool_get_threads())
