"""`function(f)`: a plain function with NumPy's signature as a reduction of gathered windows."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from ..arrays.adapter import adapter_named, adapter_of
from ..errors import PoolingError
from .order_statistic import Order

KINDS = "biuf"  # kinds of result: bool, integers, floats


class Function(Order):
    """The reduction that `function(f)` returns."""

    name, formula, nan_is_largest, gathers = "function", "f(x₁ … xₙ)", True, True
    accepts_weights = False

    def __init__(self, f: Callable[..., Any]) -> None:
        super().__init__()
        if not callable(f) or isinstance(f, type):
            raise PoolingError(f"function({f!r}): give a function f(array, axis=…), such as ap.function(np.ptp)")
        self.f, self.keyword, self.library = f, _axis_keyword(f), _library_of(f)
        self.differentiable = self.library != "numpy"  # NumPy's and SciPy's functions take NumPy arrays

    def __repr__(self) -> str:
        return f"function({_name_of(self.f)})"

    def __hash__(self) -> int:
        return hash((type(self), self.ties))

    def weights_only_select(self) -> bool:
        return True

    def of(self, windows: Any) -> Any:
        """f of windows of one length, (windows, elements) in row-major order: one number for
        each."""
        adapter = adapter_of(windows)
        argument = adapter.leave(windows)
        if self.library == "numpy":
            argument = adapter.numbers(windows)
        elif self.library not in (None, adapter.NAME):
            argument = adapter_named(self.library).asarray(adapter.numbers(windows))
        try:
            y = self.f(argument, **{self.keyword: -1})
        except (MemoryError, PoolingError):
            raise
        except Exception as error:
            raise PoolingError(
                f"{self!r} raised {type(error).__name__}: {error}. It was called on "
                f"{_describe(argument)} with {self.keyword}=-1"
            ) from error
        if tuple(getattr(y, "shape", (-1,))) != tuple(windows.shape[:-1]):
            raise PoolingError(
                f"{self!r} gave {_describe(y)} for {_describe(argument)} with {self.keyword}=-1: an array of shape "
                f"{tuple(windows.shape[:-1])} is needed, a number for each window"
            )
        return self._convert(y, windows)

    def _convert(self, y: Any, windows: Any) -> Any:
        """The result in the library of the windows, on their device."""
        source, adapter = adapter_of(y), adapter_of(windows)
        dtype = source.dtype_name(y)
        if "float" not in dtype and np.dtype(dtype).kind not in KINDS:
            raise PoolingError(f"{self!r} gave {y.dtype}: truth values, integers and floats are pooled")
        return source.enter(y, "the result") if source is adapter else adapter.asarray(source.numbers(y), windows)


def function(f: Callable[..., Any]) -> Function:
    """The reduction that calls f on each window: `f(array, axis=-1)`, or `dim=-1`.

    f has the signature of a reduction of NumPy or torch, and returns one number for each window. It
    receives arrays (windows, elements) of x's element type, a few million elements at a time. All
    windows of one array have the same length. Absent elements are left out; the others are in
    row-major order. The result has the element type that f returns. Tensors have a gradient if f
    uses torch's operations. Weights must be masks: bool, or 0 and 1. Raises PoolingError if f
    raises, or if it returns another shape.

    >>> import numpy as np, anypool as ap
    >>> ap.pool([3.0, 1.0, 4.0, 1.0, 5.0], ap.sliding((3,), 1), ap.function(np.ptp))
    array([3., 3., 4.])
    """
    return Function(f)


def _axis_keyword(f: Any) -> str:
    """The name of f's axis parameter."""
    try:
        names = inspect.signature(f).parameters
    except (TypeError, ValueError):  # functions written in C; torch's also accept NumPy's name
        return "axis"
    keyword = next((name for name in ("axis", "dim") if name in names), None)
    if keyword is None and any(p.kind is p.VAR_KEYWORD for p in names.values()):
        keyword = "axis"
    if keyword is None:
        raise PoolingError(
            f"function({_name_of(f)}): it takes neither axis= nor dim=; write such as "
            f"ap.function(lambda v, axis: np.max(v, axis) - np.median(v, axis))"
        )
    return keyword


def _library_of(f: Any) -> str | None:
    """The library whose arrays f takes, or None for functions that take both."""
    inner = f
    while hasattr(inner, "func"):  # functools.partial
        inner = inner.func
    owner = getattr(inner, "__self__", None)
    where = getattr(inner, "__module__", None) or type(owner).__module__
    root = str(where).partition(".")[0]
    return {"numpy": "numpy", "scipy": "numpy", "torch": "torch"}.get(root)


def _name_of(f: Any) -> str:
    return getattr(f, "__name__", None) or repr(f)


def _describe(value: Any) -> str:
    if hasattr(value, "shape"):
        return f"{value.dtype} of shape {tuple(value.shape)}"
    return "None" if value is None else f"a {type(value).__module__}.{type(value).__name__}".replace("builtins.", "")
