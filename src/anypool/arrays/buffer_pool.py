"""Large results' memory: asked for in huge pages, and kept for the next result when it is let go."""

from __future__ import annotations

import math
import os
from threading import RLock
from typing import Any

import numpy as np

from ..errors import PoolingError
from ..scalars import is_integer

LARGE = (
    1 << 22
)  # bytes from which memory is kept: fresh pages cost more than most folds (51 MB: 4 ms and more, a fold 1.5 to 4)
DEFAULT = 1 << 28
_LINE = 64  # bytes of a cache line


def _asked() -> int:
    given = os.environ.get("ANYPOOL_CACHE_BYTES", "")
    return int(given) if given.isdecimal() else DEFAULT


_most = _asked()
_kept: list[Any] = []  # blocks that nobody uses, the oldest first
_lock = RLock()  # a block may come back while another is looked for: the garbage collector runs where it likes


def set_cache_bytes(n: Any) -> None:
    """How many bytes of large results that were let go are kept for the next ones, at least 0 (keep nothing); 256 MiB at first.

    Memory that is used again needs no new pages, which cost more than most poolings. `ANYPOOL_CACHE_BYTES` says the
    same for a whole process. Raises PoolingError for anything but an integer of at least 0.

    >>> import anypool as ap
    >>> ap.set_cache_bytes(1 << 28)
    """
    global _most
    if not is_integer(n) or n < 0:
        raise PoolingError(f"set_cache_bytes({n!r}): give a number of bytes, an integer of at least 0")
    with _lock:
        _most = int(n)
        _shrink(_most)


def get_cache_bytes() -> int:
    """How many bytes of large results that were let go are kept at most.

    >>> import anypool as ap
    >>> ap.get_cache_bytes() >= 0
    True
    """
    return _most


def _shrink(most: int) -> None:
    while _kept and sum(b.nbytes for b in _kept) > most:
        _kept.pop(0)


def _give_back(block: Any) -> None:
    with _lock:
        if block.nbytes <= _most:
            _shrink(_most - block.nbytes)
            _kept.append(block)


def _take(size: int) -> Any:
    with _lock:
        for i in range(len(_kept) - 1, -1, -1):
            if i < len(_kept) and size <= _kept[i].nbytes <= size + size // 4:
                block = _kept.pop(i)
                if block.nbytes >= size:
                    return block
    return np.empty(size, np.uint8)


class _Lease:
    """A block that somebody uses: NumPy holds it as the base of an array, and lets it go with the last view."""

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

    def __del__(self, back: Any = _give_back) -> None:
        back(self.block)


def bytes_of(size: int) -> Any:
    """So many bytes, at the beginning of a cache line."""
    if size < LARGE:
        raw = np.empty(size + _LINE, np.uint8)
        begin = -raw.__array_interface__["data"][0] % _LINE
        return raw[begin : begin + size]
    return np.asarray(_Lease(_take(size + _LINE), size))


def empty(shape: Any, dtype: Any) -> Any:
    """An array whose elements are still to be written."""
    dtype = np.dtype(dtype)
    size = math.prod(shape) * dtype.itemsize
    return np.empty(shape, dtype) if size < LARGE else bytes_of(size).view(dtype).reshape(shape)
