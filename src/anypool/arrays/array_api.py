"""The adapter for arrays of the Array API standard, by array-api-compat."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from array_api_compat import array_namespace
from numpy.typing import NDArray

from ..errors import PoolingError
from .foreign import refusal, unsupported_type
from .numpy_ops import NumpyArrays
from .standard_array import NAMES, Namespace, Standard, filled, kind_of, met

Array = Any


class StandardArrays(NumpyArrays):
    """The operations of `Adapter` for arrays of the standard; those equal to NumPy's are
    inherited."""

    NAME: str = "array_api"
    maths: Any = Namespace()

    def dtype_name(self, x: Array) -> str:
        return x.name if isinstance(x, Standard) else self.enter(x, "an array").name

    def cast(self, x: Array, dtype: str) -> Array:
        return x if x.name == dtype else x.of(x.to(dtype))

    def empty(self, shape: Sequence[int], dtype: str, like: Array | None = None) -> Array:
        return self.full(shape, 0, dtype, like)

    def full(self, shape: Sequence[int], value: Any, dtype: str, like: Array) -> Array:
        return like.of(filled(tuple(shape), value, dtype, like))

    def full_like(self, x: Array, value: Any, dtype: str | None = None) -> Array:
        return x.of(filled(x.shape, value, dtype or x.name, x))

    def asarray(self, table: Any, like: Array | None = None) -> Array:
        if isinstance(table, Standard):
            return table
        assert like is not None
        return like.of(like.xp.asarray(np.ascontiguousarray(table), device=like.raw.device))

    def view(self, x: Array) -> NDArray[Any] | None:
        return None

    def numbers(self, x: Array) -> NDArray[Any]:
        x = self.enter(x, "an array")
        try:
            values: NDArray[Any] = np.from_dlpack(x.to("uint8" if x.name == "bool" else x.name))
        except (BufferError, RuntimeError, TypeError) as error:
            raise PoolingError(f"an array of {x.xp.__name__} that NumPy cannot read: {error}") from error
        return values.astype(x.name, copy=False)

    def where(self, condition: Array, a: Array, b: Array) -> Array:
        like = next(v for v in (condition, a, b) if isinstance(v, Standard))
        a, b = (v if isinstance(v, Standard) else self.full((), v, kind_of(v, like.name), like) for v in (a, b))
        a, b, _ = met(a, b)
        return like.of(like.xp.where(self.asarray(condition, like).raw, a, b))

    def power(self, x: Array, p: Array) -> Array:
        return x**p

    def maximum(self, a: Array, b: Array) -> Array:
        a, b, like = met(a, b)
        return like.of(like.xp.maximum(a, b))

    def minimum(self, a: Array, b: Array) -> Array:
        a, b, like = met(a, b)
        return like.of(like.xp.minimum(a, b))

    def broadcast(self, x: Array, shape: Sequence[int]) -> Array:
        return x.of(x.xp.broadcast_to(x.raw, tuple(shape)))

    def permute(self, x: Array, order: Sequence[int]) -> Array:
        return x.of(x.xp.permute_dims(x.raw, tuple(order)))

    def moveaxis(self, x: Array, source: Sequence[int], to: Sequence[int]) -> Array:
        return x.of(x.xp.moveaxis(x.raw, tuple(source), tuple(to)))

    def concatenate(self, parts: Sequence[Array], axis: int) -> Array:
        name = np.result_type(*(p.name for p in parts)).name
        return parts[0].of(parts[0].xp.concat([p.to(name) for p in parts], axis=axis))

    def stack(self, parts: Sequence[Array], axis: int) -> Array:
        return parts[0].of(parts[0].xp.stack([p.raw for p in parts], axis=axis))

    def flip(self, x: Array) -> Array:
        return x.of(x.xp.flip(x.raw, axis=-1))

    def take(self, x: Array, index: NDArray[Any], axis: int) -> Array:
        axis = axis % x.ndim
        flat = x.xp.take(x.raw, self.asarray(index.reshape(-1), x).raw, axis=axis)
        return x.of(flat).reshape(*x.shape[:axis], *index.shape, *x.shape[axis + 1 :])

    def take_along(self, x: Array, index: Array) -> Array:
        return x.of(x.xp.take_along_axis(x.raw, index.raw, axis=-1))

    def put(self, x: Array, index: NDArray[Any], values: Array, axis: int) -> Array:
        """The standard cannot assign by index: each position takes its last value, or keeps its
        own."""
        size = x.shape[axis]
        source = np.full(size, -1)
        source[index] = np.arange(len(index))
        along = [size if a == axis else 1 for a in range(x.ndim)]
        written = self.asarray((source >= 0).reshape(along), x)
        return x if not len(index) else self.where(written, self.take(values, np.maximum(source, 0), axis), x)

    def extend(self, x: Array, shape: Sequence[int], value: float) -> Array:
        for axis, n in enumerate(shape):
            more = [n - m if a == axis else m for a, m in enumerate(x.shape)]
            x = self.concatenate([x, self.full(more, value, x.name, x)], axis)
        return x

    def difference(self, high: Array, low: Array, dtype: str) -> Array:
        return self.cast(high, dtype) - low

    def sort(self, x: Array, indexed: bool) -> tuple[Array, Array]:
        index = self.argsort(x)
        return self.take_along(x, index), index

    def argsort(self, x: Array) -> Array:
        if "float" not in x.name:
            return x.of(x.xp.argsort(x.to("uint8" if x.name == "bool" else x.name), axis=-1, stable=True))
        absent = x != x  # the standard does not specify the order of NaN
        by_value = x.of(x.xp.argsort(self.where(absent, np.inf, x).raw, axis=-1, stable=True))
        return self.take_along(by_value, self.argsort(self.take_along(absent, by_value)))

    def argmax(self, x: Array) -> Array:
        return x.of(x.xp.argmax(x.raw, axis=-1))

    def cumsum(self, x: Array, axis: int) -> Array:
        return x.of(x.xp.cumulative_sum(x.raw, axis=axis))

    def cummax(self, x: Array) -> Array:
        step = 1
        while step < x.shape[-1]:
            x = self.concatenate([x[..., :step], self.maximum(x[..., step:], x[..., :-step])], -1)
            step *= 2
        return x

    def smallest(self, x: Array, axis: int | None = None) -> Array:
        return x.of(x.xp.min(x.raw, axis=axis))

    def greatest(self, x: Array, axis: int | None = None) -> Array:
        return x.of(x.xp.max(x.raw, axis=axis))

    def ends(self, x: Array) -> tuple[Array, Array]:
        return self.smallest(x), self.greatest(x)

    def copy(self, x: Array) -> Array:
        return x.of(x.xp.asarray(x.raw, copy=True))

    def contiguous(self, x: Array) -> Array:
        return x

    def apart(self, y: Array, x: Array) -> Array:
        return self.copy(y)

    def owned(self, x: Array) -> Array:
        return x

    def device(self, x: Array) -> str:
        return f"a device of {x.xp.__name__}, which the compiled core does not read"

    def strides(self, x: Array) -> tuple[int, ...]:
        raise PoolingError(f"an array of {x.xp.__name__} tells nothing of its memory: use backend='reference'")

    address: Any = strides

    def enter(self, argument: Any, name: str) -> Array:
        if isinstance(argument, Standard):
            return argument
        try:
            xp = array_namespace(argument)
        except Exception as error:
            raise PoolingError(refusal(argument, name) or f"{name} is no array of the standard") from error
        array = Standard(argument, xp)
        if not array.name:
            raise unsupported_type(name, argument.dtype, NAMES)
        return array

    def leave(self, y: Array) -> Any:
        return y.raw


ADAPTER = StandardArrays()
