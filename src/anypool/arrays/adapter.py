"""The operations that the package asks of an array library, and which library serves an array."""

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
    """An array library's operations; nothing here knows what pooling is.

    Arrays have NumPy's operators, `shape`, `ndim`, `dtype`, `reshape`, `sum`, `any`, `all` and basic indices.
    Index tables are NumPy's arrays of integers. Element types are named as NumPy names them.
    """

    NAME: str
    mixes: bool  # arithmetic takes arrays of NumPy too
    maths: Any  # exp log sqrt abs sign isinf floor sin cos frexp, elementwise

    def dtype_name(self, x: Array) -> str:
        """NumPy's name of the element type."""
        ...

    def cast(self, x: Array, dtype: str) -> Array:
        """x in another element type; floats beyond it become infinities."""
        ...

    def meet(self, x: Array, like: Array) -> Array:
        """x in the type of `like`, where products of two types would not be computed in the wider one."""
        ...

    def wide(self, dtype: str) -> str:
        """The element type of a sum of integers."""
        ...

    def widest(self, x: Array) -> str:
        """The widest type of floats on x's device."""
        ...

    def empty(self, shape: Sequence[int], dtype: str, like: Array | None = None) -> Array:
        """An array on the device of `like`, or the CPU, whose elements are not written yet."""
        ...

    def full(self, shape: Sequence[int], value: Any, dtype: str, like: Array) -> Array:
        """An array of one number on the device of `like`."""
        ...

    def full_like(self, x: Array, value: Any, dtype: str | None = None) -> Array:
        """An array shaped as x of one number."""
        ...

    def asarray(self, table: Any, like: Array | None = None) -> Array:
        """A NumPy array, or one of the library, on the device of `like`, or the CPU."""
        ...

    def view(self, x: Array) -> NDArray[Any] | None:
        """x's memory as a NumPy array; None where it lies elsewhere, or a tool must see each step."""
        ...

    def numbers(self, x: Array) -> NDArray[Any]:
        """x's numbers as a NumPy array, through which no gradient flows; a copy where one is needed."""
        ...

    def where(self, condition: Array, a: Array, b: Array) -> Array:
        """a where the condition holds, else b."""
        ...

    def power(self, x: Array, p: Array) -> Array:
        """x to the power p; one of the two may be a number."""
        ...

    def maximum(self, a: Array, b: Array) -> Array:
        """The greater of two, one of which may be a number; NaN if either is."""
        ...

    def minimum(self, a: Array, b: Array) -> Array:
        """The smaller of two, one of which may be a number; NaN if either is."""
        ...

    def broadcast(self, x: Array, shape: Sequence[int]) -> Array:
        """x as a larger array, which may read its memory again."""
        ...

    def permute(self, x: Array, order: Sequence[int]) -> Array:
        """x with its axes in this order."""
        ...

    def moveaxis(self, x: Array, source: Sequence[int], to: Sequence[int]) -> Array:
        """x with the axes `source` at the positions `to`."""
        ...

    def concatenate(self, parts: Sequence[Array], axis: int) -> Array:
        """Arrays one after the other along an axis."""
        ...

    def stack(self, parts: Sequence[Array], axis: int) -> Array:
        """Arrays side by side on a new axis."""
        ...

    def flip(self, x: Array) -> Array:
        """x in reverse along the last axis."""
        ...

    def take(self, x: Array, index: NDArray[Any], axis: int) -> Array:
        """x at these positions of one axis, which becomes the axes of the index."""
        ...

    def take_along(self, x: Array, index: Array) -> Array:
        """x[…, index[…, j]] for each j of the last axis; the index is an array of the library."""
        ...

    def put(self, x: Array, index: NDArray[Any], values: Array, axis: int) -> Array:
        """x with other values at these positions of one axis; x itself may be written to."""
        ...

    def extend(self, x: Array, shape: Sequence[int], value: float) -> Array:
        """x made larger at the end of its axes, with elements of one number."""
        ...

    def difference(self, high: Array, low: Array, dtype: str) -> Array:
        """high − low of integers of one narrow type, high ≥ low, in a type that holds it; high may be written to."""
        ...

    def sort(self, x: Array, indexed: bool) -> tuple[Array, Array]:
        """x sorted along the last axis, NaN last, and where each element was (None unless `indexed`); stable."""
        ...

    def argsort(self, x: Array) -> Array:
        """The stable order of x along the last axis."""
        ...

    def argmax(self, x: Array) -> Array:
        """Where the first of the greatest lies along the last axis."""
        ...

    def cumsum(self, x: Array, axis: int) -> Array:
        """Running sums."""
        ...

    def cummax(self, x: Array) -> Array:
        """Running maxima along the last axis."""
        ...

    def smallest(self, x: Array, axis: int | None = None) -> Array:
        """The smallest, of all or along an axis; NaN if one is."""
        ...

    def greatest(self, x: Array, axis: int | None = None) -> Array:
        """The greatest, of all or along an axis; NaN if one is."""
        ...

    def ends(self, x: Array) -> tuple[Array, Array]:
        """The smallest and the greatest of all, read once where the library can."""
        ...

    def copy(self, x: Array) -> Array:
        """x in memory of its own, its axes in order."""
        ...

    def contiguous(self, x: Array) -> Array:
        """x, or a copy whose memory is in the order of its axes."""
        ...

    def apart(self, y: Array, x: Array) -> Array:
        """y, or a copy where it is in x's memory and no gradient follows it."""
        ...

    def owned(self, x: Array) -> Array:
        """x, or a copy where it reads memory twice or must not be written to."""
        ...

    def stop(self, x: Array) -> Array:
        """The same values, through which no gradient flows."""
        ...

    def differentiates(self, *values: Any) -> bool:
        """Whether a gradient of one of these values may be asked for."""
        ...

    def concrete(self) -> bool:
        """Whether Python may look at numbers: not while a function is mapped over them."""
        ...

    def watched(self) -> bool:
        """Whether a tool follows every step: vmap, or forward-mode differentiation."""
        ...

    def device(self, x: Array) -> str:
        """Where x lies."""
        ...

    def strides(self, x: Array) -> tuple[int, ...]:
        """How many elements lie from one position of each axis to the next."""
        ...

    def address(self, x: Array) -> int:
        """Where its memory begins."""
        ...

    def enter(self, given: Any, name: str) -> Array:
        """A caller's array as the engines read it; PoolingError where it has no meaning."""
        ...

    def leave(self, y: Array) -> Any:
        """A result as the caller's kind of array."""
        ...


class Library(NamedTuple):
    """An array library: its name, whether it serves a class of arrays, and what provides its adapter."""

    name: str
    serves: Callable[[type], bool]
    provide: Callable[[], Adapter]


def _is_tensor(kind: type) -> bool:
    torch = sys.modules.get("torch")  # whoever holds a tensor has imported it
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


# The first that serves a class has it; NumPy has what is left: its own arrays, numbers, and what it reads.
LIBRARIES: list[Library] = [
    Library("torch", _is_tensor, _torch),
    Library("array_api", follows_standard, _array_api),
]
_known: dict[type, Any] = {}


def register(library: Library) -> None:
    """Add an array library, which is asked before the others."""
    LIBRARIES.insert(0, library)
    _known.clear()


def adapter_of(*values: Any) -> Adapter:
    """The adapter of the first value that is an array of another library than NumPy; else NumPy's."""
    for v in values:
        kind = type(v)
        if kind is not np.ndarray:
            found = _known.get(kind)
            if found is None:
                found = _find(kind)
            if found is not _NUMPY:
                return found
    return _NUMPY


def _find(kind: type) -> Any:
    found = next((lib for lib in LIBRARIES if lib.serves(kind)), None)
    adapter: Any = _NUMPY if found is None else found.provide()
    _known[kind] = adapter
    return adapter


def adapter_named(name: str) -> Adapter:
    """The adapter of a library, which is imported for it."""
    return next((lib.provide() for lib in LIBRARIES if lib.name == name), _NUMPY)


def is_numpy(value: Any) -> TypeGuard[NDArray[Any]]:
    """Whether a value is an array of NumPy."""
    return isinstance(value, np.ndarray)
