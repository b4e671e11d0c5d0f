"""Small words for either array library, NumPy or torch."""

from __future__ import annotations

from typing import Any

import numpy as np

from .ops import library


def take(x: Any, index: Any, dim: int) -> Any:
    """x at these positions of one axis."""
    if library(x) is np:
        return np.take(x, index, axis=dim) if x.shape[dim] != 1 or len(index) != 1 else x
    if x.shape[dim] == 1 and len(index) == 1:
        return x
    torch = library(x)
    return (
        x.index_select(dim, torch.as_tensor(np.ascontiguousarray(index), device=x.device))
        if x.shape[dim] > 1
        else x.expand([len(index) if d == dim else s for d, s in enumerate(x.shape)])
    )


def take_flat(table: Any, index: Any) -> Any:
    """table[index] for an array of indices."""
    if library(index) is np:
        return table[index]
    return library(index).as_tensor(table, device=index.device)[index]


def narrow(x: Any, dim: int, begin: int, length: int) -> Any:
    return x[(slice(None),) * dim + (slice(begin, begin + max(length, 0)),)]


def accumulator(x: Any, reduction: Any) -> str:
    given = dtype_name(x)
    kind = getattr(reduction, "accumulates", "float")
    if getattr(reduction, "sums_need_double", False) and getattr(getattr(x, "device", None), "type", "cpu") != "mps":
        return "float64"
    if given in ("float16", "bfloat16"):
        return "float32" if kind != "same" else given if given == "bfloat16" or library(x) is not np else "float16"
    if given in ("float32", "float64"):
        return given
    if kind == "same":
        return given
    if kind == "wide":
        return "uint64" if given.startswith("uint") and library(x) is np else "int64"
    return "float64"


def result_of(y: Any, x: Any, reduction: Any) -> Any:
    """The result in the type it shall have, in memory of its own."""
    given = dtype_name(x)
    if getattr(reduction, "gives", "value") == "value" and given in ("float16", "bfloat16", "float32", "float64"):
        y = cast(y, given)
    if library(y) is np:
        return y if y.flags.writeable else y.copy()
    return y.clone() if 0 in y.stride() and y.numel() > 1 else y


def dtype_name(x: Any) -> str:
    return str(x.dtype).removeprefix("torch.")


def cast(x: Any, dtype: str) -> Any:
    if dtype_name(x) == dtype:
        return x
    module = library(x)
    if module is not np:
        return x.to(getattr(module, dtype))
    with np.errstate(all="ignore"):  # a result beyond float16 is an infinity, not a warning
        return x.astype(np.dtype(dtype))


def is_bool(x: Any) -> bool:
    return dtype_name(x) == "bool"


def is_floating(x: Any) -> bool:
    return "float" in dtype_name(x)


def is_one(w: Any) -> bool:
    return isinstance(w, (int, float))


def ones_like(x: Any) -> Any:
    return library(x).ones_like(x)


def zeros_of(x: Any, shape: Any, dtype: str | None = None) -> Any:
    module = library(x)
    if module is np:
        return np.zeros(tuple(shape), x.dtype if dtype is None else dtype)
    return module.zeros(tuple(shape), dtype=x.dtype if dtype is None else getattr(module, dtype), device=x.device)


def filled(x: Any, value: Any) -> Any:
    """An array as x of one number, which x's type holds; integers are exact."""
    return library(x).full_like(x, float(value) if is_floating(x) else int(value))


def real(value: float, like: Any) -> Any:
    """A number that makes float64 of integers in both libraries; torch's own rule is its default type."""
    module = library(like)
    plain = module is np or is_floating(like) or like.device.type == "mps"
    return value if plain else module.tensor(value, dtype=module.float64, device=like.device)


def expanded(n: Any, y: Any) -> Any:
    return n.expand(y.shape) if library(y) is not np else np.broadcast_to(n, y.shape)


def nothing_like(value: Any, like: Any, shape: Any = None) -> Any:
    """The state of nothing, shaped as `like` or as said."""
    shape = like.shape if shape is None else shape
    if isinstance(value, (int, float)):
        return zeros_of(like, shape)
    if 0 in tuple(value.shape):
        return zeros_of(like, shape)
    flat = value.reshape(-1)[:1].reshape((1,) * like.ndim)
    if library(like) is np:
        return np.broadcast_to(flat, tuple(shape))
    return flat.expand(tuple(shape))


def as_like(table: Any, x: Any, exact: bool = False) -> Any:
    """A NumPy table in x's library and device, in x's float type unless `exact`."""
    module = library(x)
    if module is np:
        return table if exact or not is_floating(x) else table.astype(x.dtype)
    made = module.as_tensor(np.ascontiguousarray(table), device=x.device)
    return made if exact or not is_floating(x) else made.to(x.dtype)


def moved(x: Any, source: tuple[int, ...], to: tuple[int, ...]) -> Any:
    """x with the axes `source` at the positions `to`."""
    return library(x).moveaxis(x, source, to)


def contiguous(x: Any) -> Any:
    """x, or a copy of it whose memory is in the order of its axes."""
    return np.ascontiguousarray(x) if library(x) is np else x.contiguous()


def concatenated(parts: list[Any], axis: int) -> Any:
    """Arrays of one library, one after the other along an axis."""
    return library(parts[0]).concatenate(parts, axis)
