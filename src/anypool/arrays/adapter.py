"""The operations of an array library, and the adapter that provides them for an array."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol, TypeGuard

import numpy as np
from numpy.typing import NDArray

from ..errors import PoolingError
from .foreign import follows_standard
from .numpy_ops import ADAPTER as _NUMPY

Array = Any


class Adapter(Protocol):
    """The operations of an array library; none of them depends on pooling.

    Arrays have NumPy's operators, `shape`, `ndim`, `dtype`, `reshape`, `sum`, `any`, `all` and
    basic indices. Index tables are NumPy's arrays of integers. Element types are named as NumPy
    names them.
    """

    NAME: str
    mixes: bool  # arithmetic takes arrays of NumPy too
    maths: Any  # exp log sqrt abs sign isinf floor sin cos frexp, elementwise

    def dtype_name(self, x: Array) -> str:
        """NumPy's name of the element type."""
        ...

    def cast(self, x: Array, dtype: str) -> Array:
        """x in another element type; floats outside its range become infinities."""
        ...

    def meet(self, x: Array, like: Array) -> Array:
        """x in the type of `like`, if the library does not compute products of two types in the
        wider one."""
        ...

    def wide(self, dtype: str) -> str:
        """The element type of a sum of integers."""
        ...

    def widest(self, x: Array) -> str:
        """The widest type of floats on x's device."""
        ...

    def empty(self, shape: Sequence[int], dtype: str, like: Array | None = None) -> Array:
        """An uninitialised array on the device of `like`, or on the CPU."""
        ...

    def full(self, shape: Sequence[int], value: Any, dtype: str, like: Array) -> Array:
        """An array filled with a number, on the device of `like`."""
        ...

    def full_like(self, x: Array, value: Any, dtype: str | None = None) -> Array:
        """An array in the shape of x, filled with a number."""
        ...

    def asarray(self, table: Any, like: Array | None = None) -> Array:
        """A NumPy array, or an array of the library, on the device of `like`, or on the CPU."""
        ...

    def view(self, x: Array) -> NDArray[Any] | None:
        """x's memory as a NumPy array; None on another device, or if a tool must record each
        step."""
        ...

    def numbers(self, x: Array) -> NDArray[Any]:
        """The values of x as a NumPy array, without a gradient; a copy if necessary."""
        ...

    def where(self, condition: Array, a: Array, b: Array) -> Array:
        """a where the condition is true, else b."""
        ...

    def power(self, x: Array, p: Array) -> Array:
        """x to the power p; one of them may be a number."""
        ...

    def maximum(self, a: Array, b: Array) -> Array:
        """The larger of two, one of which may be a number; NaN if either is NaN."""
        ...

    def minimum(self, a: Array, b: Array) -> Array:
        """The smaller of two, one of which may be a number; NaN if either is NaN."""
        ...

    def broadcast(self, x: Array, shape: Sequence[int]) -> Array:
        """x broadcast to a shape, without a copy."""
        ...

    def permute(self, x: Array, order: Sequence[int]) -> Array:
        """x with its axes in this order."""
        ...

    def moveaxis(self, x: Array, source: Sequence[int], to: Sequence[int]) -> Array:
        """x with the axes `source` at the positions `to`."""
        ...

    def concatenate(self, parts: Sequence[Array], axis: int) -> Array:
        """Arrays concatenated along an axis."""
        ...

    def stack(self, parts: Sequence[Array], axis: int) -> Array:
        """Arrays stacked on a new axis."""
        ...

    def flip(self, x: Array) -> Array:
        """x in reverse order along the last axis."""
        ...

    def take(self, x: Array, index: NDArray[Any], axis: int) -> Array:
        """x at these positions of one axis, which is replaced by the axes of the index."""
        ...

    def take_along(self, x: Array, index: Array) -> Array:
        """x[…, index[…, j]] for each j of the last axis; the index is an array of the library."""
        ...

    def put(self, x: Array, index: NDArray[Any], values: Array, axis: int) -> Array:
        """x with other values at these positions of one axis; x may be written to."""
        ...

    def extend(self, x: Array, shape: Sequence[int], value: float) -> Array:
        """x padded at the end of its axes with a number."""
        ...

    def difference(self, high: Array, low: Array, dtype: str) -> Array:
        """high − low for integers of one narrow type, high ≥ low, in a wide type; high may be
        written to."""
        ...

    def sort(self, x: Array, indexed: bool) -> tuple[Array, Array]:
        """x sorted along the last axis, NaN last, stable; and the order (None unless `indexed`)."""
        ...

    def argsort(self, x: Array) -> Array:
        """The stable order of x along the last axis."""
        ...

    def argmax(self, x: Array) -> Array:
        """The index of the first largest element along the last axis."""
        ...

    def cumsum(self, x: Array, axis: int) -> Array:
        """Cumulative sums."""
        ...

    def cummax(self, x: Array) -> Array:
        """Cumulative maxima along the last axis."""
        ...

    def smallest(self, x: Array, axis: int | None = None) -> Array:
        """The smallest element of all, or along an axis; NaN if one is NaN."""
        ...

    def greatest(self, x: Array, axis: int | None = None) -> Array:
        """The largest element of all, or along an axis; NaN if one is NaN."""
        ...

    def ends(self, x: Array) -> tuple[Array, Array]:
        """The smallest and the largest of all elements, in one pass if possible."""
        ...

    def copy(self, x: Array) -> Array:
        """A copy of x in row-major order."""
        ...

    def contiguous(self, x: Array) -> Array:
        """x, or a copy in row-major order."""
        ...

    def apart(self, y: Array, x: Array) -> Array:
        """y, or a copy if it shares x's memory and has no gradient."""
        ...

    def owned(self, x: Array) -> Array:
        """x, or a copy if elements share memory or x is read-only."""
        ...

    def stop(self, x: Array) -> Array:
        """The same values without a gradient."""
        ...

    def differentiates(self, *values: Any) -> bool:
        """Whether one of these values needs a gradient."""
        ...

    def concrete(self) -> bool:
        """Whether values may be read: False while a function is mapped over them, or they are
        fake."""
        ...

    def watched(self) -> bool:
        """Whether a tool records each step: vmap, or forward-mode differentiation."""
        ...

    def device(self, x: Array) -> str:
        """The device of x."""
        ...

    def strides(self, x: Array) -> tuple[int, ...]:
        """The strides of x in elements."""
        ...

    def address(self, x: Array) -> int:
        """The address of the first element."""
        ...

    def enter(self, argument: Any, name: str) -> Array:
        """A caller's array in the form that the engines read. Raises PoolingError for unsupported
        types."""
        ...

    def leave(self, y: Array) -> Any:
        """A result as an array of the caller's library."""
        ...


class Library(NamedTuple):
    """An array library: its name, a test of array classes, and its adapter."""

    name: str
    serves: Callable[[type], bool]
    provide: Callable[[], Adapter]


def _is_tensor(kind: type) -> bool:
    torch = sys.modules.get("torch")  # if there is a tensor, torch is imported
    return torch is not None and issubclass(kind, torch.Tensor)


def _torch() -> Adapter:
    from .torch_ops import ADAPTER  # torch is optional

    return ADAPTER


def _array_api() -> Adapter:
    try:
        from .array_api import ADAPTER  # array-api-compat is optional
    except ModuleNotFoundError as error:
        raise PoolingError(
            "x follows the Array API standard, for which array-api-compat is needed: pip install 'anypool[array-api]', "
            "or pass numpy.asarray(x)"
        ) from error
    return ADAPTER


# The first library that accepts a class provides its adapter. NumPy is the default.
LIBRARIES: list[Library] = [
    Library("torch", _is_tensor, _torch),
    Library("array_api", follows_standard, _array_api),
]
_known: dict[type, Any] = {}


def register(library: Library) -> None:
    """Add an array library, which takes precedence over the others."""
    LIBRARIES.insert(0, library)
    _known.clear()


def adapter_of(*values: Any) -> Adapter:
    """The adapter of the first value that is no NumPy array or number; else NumPy's."""
    for v in values:
        kind = type(v)
        if kind is not np.ndarray:
            adapter = _known.get(kind)
            if adapter is None:
                adapter = _find(kind)
            if adapter is not _NUMPY:
                return adapter
    return _NUMPY


def _find(kind: type) -> Any:
    library = next((lib for lib in LIBRARIES if lib.serves(kind)), None)
    adapter: Any = _NUMPY if library is None else library.provide()
    _known[kind] = adapter
    return adapter


def adapter_named(name: str) -> Adapter:
    """The adapter of a library, which is imported if necessary."""
    return next((lib.provide() for lib in LIBRARIES if lib.name == name), _NUMPY)


def is_numpy(value: Any) -> TypeGuard[NDArray[Any]]:
    """Whether a value is a NumPy array."""
    return isinstance(value, np.ndarray)
