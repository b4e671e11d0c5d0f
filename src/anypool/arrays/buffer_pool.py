"""The buffer pool: memory of large results is reused, since new pages cost more than most
poolings."""

from __future__ import annotations

import math
import os
from threading import RLock
from typing import Any

import numpy as np

from ..errors import PoolingError
from ..scalars import is_integer

LARGE = 1 << 22  # minimum bytes of a reused block: 51 MB of new pages take 4 ms and more, a fold 1.5 to 4 ms
DEFAULT = 1 << 28
_LINE = 64  # bytes of a cache line


def _initial_limit() -> int:
    value = os.environ.get("ANYPOOL_CACHE_BYTES", "")
    return int(value) if value.isdecimal() else DEFAULT


_limit = _initial_limit()
_free: list[Any] = []  # unused blocks, the oldest first
_lock = RLock()  # reentrant, since the garbage collector may release a block during a search


def set_cache_bytes(n: Any) -> None:
    """Set the limit of the buffer pool in bytes, at least 0; 0 disables it. The default is 256 MiB.

    Freed result buffers of 4 MiB or more are reused. New pages cost more than most poolings. The
    environment variable `ANYPOOL_CACHE_BYTES` sets the limit for a process. Raises PoolingError for
    anything but an integer of at least 0.

    >>> import anypool as ap
    >>> ap.set_cache_bytes(1 << 28)
    """
    global _limit
    if not is_integer(n) or n < 0:
        raise PoolingError(f"set_cache_bytes({n!r}): give a number of bytes, an integer of at least 0")
    with _lock:
        _limit = int(n)
        _shrink(_limit)


def get_cache_bytes() -> int:
    """The limit of the buffer pool in bytes.

    >>> import anypool as ap
    >>> ap.get_cache_bytes() >= 0
    True
    """
    return _limit


def _shrink(most: int) -> None:
    while _free and sum(b.nbytes for b in _free) > most:
        _free.pop(0)


def _release(block: Any) -> None:
    with _lock:
        if block.nbytes <= _limit:
            _shrink(_limit - block.nbytes)
            _free.append(block)


def _take(size: int) -> Any:
    with _lock:
        for i in range(len(_free) - 1, -1, -1):
            if i < len(_free) and size <= _free[i].nbytes <= size + size // 4:
                block = _free.pop(i)
                if block.nbytes >= size:
                    return block
    return np.empty(size, np.uint8)


class _Lease:
    """A block in use: it is the base of a NumPy array, and returns to the pool with the last
    view."""

    __slots__ = ("__array_interface__", "block")

    def __init__(self, block: Any, size: int) -> None:
        self.block = block
        address = block.__array_interface__["data"][0]
        self.__array_interface__ = {
            "version": 3,
            "shape": (size,),
            "typestr": "|u1",
            "data": (address + -address % _LINE, False),
        }

    def __del__(self, back: Any = _release) -> None:
        back(self.block)


def bytes_of(size: int) -> Any:
    """A buffer of this size, aligned to a cache line."""
    if size < LARGE:
        raw = np.empty(size + _LINE, np.uint8)
        begin = -raw.__array_interface__["data"][0] % _LINE
        return raw[begin : begin + size]
    return np.asarray(_Lease(_take(size + _LINE), size))


def empty(shape: Any, dtype: Any) -> Any:
    """An uninitialised array."""
    dtype = np.dtype(dtype)
    size = math.prod(shape) * dtype.itemsize
    return np.empty(shape, dtype) if size < LARGE else bytes_of(size).view(dtype).reshape(shape)
