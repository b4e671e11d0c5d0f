"""The compiled library: its file, its version, its number of threads."""

from __future__ import annotations

import ctypes
import os
import sysconfig
from functools import lru_cache
from pathlib import Path
from typing import Any

from ...errors import PoolingError
from ...scalars import is_integer
from .records import EXPECTED


@lru_cache(maxsize=1)
def library() -> Any:
    """The loaded library, or None."""
    return _loaded()[0]


@lru_cache(maxsize=1)
def _loaded() -> tuple[Any, str]:
    """The library of the installation, or None and the reason why there is none."""
    path = _path()
    return (None, "it was not built; install with a C++20 compiler") if path is None else opened(path)


def opened(path: Path) -> tuple[Any, str]:
    """The library in the file, or None and the reason why it cannot be used."""
    try:
        core = ctypes.CDLL(str(path))
    except OSError as error:
        return None, f"{path.name} does not load: {error}"
    differs = f"{path.name} is of another version than the package ({{}}); build it again with `make`"
    try:
        core.anypool_abi.argtypes = [ctypes.c_char_p]
        core.anypool_abi.restype = ctypes.c_int64
        for name, expected in EXPECTED.items():
            actual = core.anypool_abi(name.encode())
            if actual != expected:
                return None, differs.format(f"{name} is {actual}, expected {expected}")
        _declare(core)
    except AttributeError as error:
        return None, differs.format(f"it has no function {str(error).split()[-1]}")
    # An empty name: the processor supports none of the library's instruction sets.
    return (core, "") if core.anypool_isa() else (None, f"{path.name} was built for another processor")


def _declare(core: Any) -> None:
    """Declare the types of the library's functions."""
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
    return _loaded()[1]


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
