"""Arrays of everyday sizes in any memory layout, between pages that nobody may touch."""

from __future__ import annotations

import ctypes
import mmap
from typing import Any

import numpy as np

LAYOUTS = ["plain", "plain", "plain", "turned", "reversed", "strided", "offset", "fortran", "expanded", "packed"]


def fenced(count: int, dtype: Any, behind: bool) -> np.ndarray:
    """Memory for `count` elements that ends (or begins) where a forbidden page begins (or ends)."""
    dtype, page = np.dtype(dtype), mmap.PAGESIZE
    size = count * dtype.itemsize
    inner = max(-(-size // page), 1) * page
    held = mmap.mmap(-1, inner + 2 * page)
    begin = np.frombuffer(held, np.uint8).ctypes.data
    guard = ctypes.CDLL(None, use_errno=True).mprotect
    for at in (begin, begin + page + inner):
        if guard(ctypes.c_void_p(at), ctypes.c_size_t(page), 0):
            raise OSError(ctypes.get_errno(), "mprotect")
    return np.frombuffer(held, dtype, count, page + (inner - size if behind else 0))


def laid(x: np.ndarray, layout: str, random: np.random.Generator, behind: bool) -> np.ndarray:
    """The numbers of x in another layout, in fenced memory."""
    if layout == "packed":  # a field of a record whose size is no multiple of the element's
        record = np.dtype([("id", "u1"), ("value", x.dtype)])
        view = fenced(x.size, record, behind).reshape(x.shape)["value"]
        view[...] = x
        return view[::-1] if x.ndim and random.random() < 0.3 else view
    shape, steps, begin = list(x.shape), [1] * x.ndim, [0] * x.ndim
    order = list(range(x.ndim))
    if layout in ("turned", "strided", "offset"):
        order = [int(a) for a in random.permutation(x.ndim)] if layout == "turned" or random.random() < 0.3 else order
    if layout == "fortran":
        order = order[::-1]
    if layout == "expanded":
        axis = int(random.integers(x.ndim))
        one = x.take([0], axis)
        return np.broadcast_to(laid(one, "plain", random, behind), x.shape)
    if layout == "reversed":
        steps = [int(random.choice([1, -1])) for _ in shape]
    if layout == "strided":
        steps[int(random.integers(x.ndim))] = int(random.choice([2, 2, 3, -2]))
    if layout == "offset":
        begin = [int(random.integers(3)) for _ in shape]
    room = [(n - 1) * abs(s) + 1 + b for n, s, b in zip(shape, steps, begin, strict=True)]
    base = fenced(int(np.prod(room)), x.dtype, behind).reshape([room[a] for a in order]).transpose(np.argsort(order))
    view = base[tuple(slice(b, None, abs(s)) for b, s in zip(begin, steps, strict=True))]
    view = view[tuple(slice(None, None, 1 if s > 0 else -1) for s in steps)]
    view[...] = x
    return view


def numbers(shape: tuple[int, ...], dtype: str, random: np.random.Generator) -> np.ndarray:
    """Elements of this type: small or of the full range, some with ties, NaN and infinities."""
    kind = np.dtype(dtype).kind
    if kind == "b":
        return random.random(shape) < random.choice([0.02, 0.4, 0.9])
    if kind in "iu":
        least, most = (int(getattr(np.iinfo(dtype), end)) for end in ("min", "max"))
        low, high = (least, most) if random.random() < 0.3 else (max(least, -20), 100)
        return random.integers(low, high, shape, dtype, endpoint=True)
    x = random.standard_normal(shape, dtype="float32").astype(dtype)
    x *= random.choice([1, 1, 20, 0.01])
    if random.random() < 0.4:
        x = np.floor(x * 4).astype(dtype) / np.dtype(dtype).type(4)
    for rare, chance in ((np.nan, 0.15), (np.inf, 0.05), (-np.inf, 0.05)):
        if random.random() < chance:
            x.flat[random.integers(0, x.size, int(random.choice([1, 3, max(x.size // 500, 1)])))] = rare
    return x


def odd_truths(x: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """The same truths, true ones held as any number but 0."""
    return np.where(x, random.integers(1, 256, x.shape), 0).astype(np.uint8).view(bool)


def truths(x: np.ndarray) -> np.ndarray:
    """A plain copy of x, whose truths are 0 and 1."""
    plain = np.array(x)
    return plain.view(np.uint8) != 0 if x.dtype == bool else plain
