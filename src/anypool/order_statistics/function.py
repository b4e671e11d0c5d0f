"""A plain function of NumPy's signature as a reduction: it is called on gathered windows."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from ..arrays.adapter import adapter_named, adapter_of
from ..errors import PoolingError
from .order_statistic import Order

KINDS = "biuf"  # what a result may be of: truth values, integers, floats


class Function(Order):
    """The reduction that `function(f)` makes."""

    name, formula, nan_is_largest, gathers = "function", "f(x₁ … xₙ)", True, True

    def __init__(self, f: Callable[..., Any]) -> None:
        super().__init__()
        if not callable(f) or isinstance(f, type):
            raise PoolingError(f"function({f!r}): give a function f(array, axis=…), such as ap.function(np.ptp)")
        self.f, self.word, self.home = f, _word(f), _home(f)
        self.differentiable = self.home != "numpy"  # NumPy's and SciPy's functions see arrays

    def __repr__(self) -> str:
        return f"function({_called(self.f)})"

    def __hash__(self) -> int:
        return hash((type(self), self.ties))

    def steps(self) -> bool:
        return True

    def of(self, windows: Any) -> Any:
        """f of windows of one length, (windows, elements) in their own order: a number each, in their library."""
        adapter = adapter_of(windows)
        given = adapter.leave(windows)
        if self.home == "numpy":
            given = adapter.numbers(windows)
        elif self.home not in (None, adapter.NAME):
            given = adapter_named(self.home).asarray(adapter.numbers(windows))
        try:
            made = self.f(given, **{self.word: -1})
        except (MemoryError, PoolingError):
            raise
        except Exception as error:
            raise PoolingError(
                f"{self!r} raised {type(error).__name__}: {error}. It was called on {_said(given)} with {self.word}=-1"
            ) from error
        if tuple(getattr(made, "shape", (-1,))) != tuple(windows.shape[:-1]):
            raise PoolingError(
                f"{self!r} gave {_said(made)} for {_said(given)} with {self.word}=-1: an array of shape "
                f"{tuple(windows.shape[:-1])} is needed, a number for each window"
            )
        return self._back(made, windows)

    def _back(self, made: Any, windows: Any) -> Any:
        """A result in the windows' library, on their device."""
        source, adapter = adapter_of(made), adapter_of(windows)
        dtype = source.dtype_name(made)
        if "float" not in dtype and np.dtype(dtype).kind not in KINDS:
            raise PoolingError(f"{self!r} gave {made.dtype}: truth values, integers and floats are pooled")
        return source.enter(made, "the result") if source is adapter else adapter.asarray(source.numbers(made), windows)


def function(f: Callable[..., Any]) -> Function:
    """The reduction that calls f on the windows: `f(array, axis=-1)`, or `dim=-1`, gives a number for each window.

    f: a function of NumPy's or torch's signature. It sees arrays (windows, elements) of x's element type, some
    millions of elements at a time: windows of one length each, elements that are absent left out, the others in
    row-major order. The result is of the type that f gives. A gradient passes where x is a tensor and f uses torch's
    operations. Weights are masks: bool, or 0 and 1. Raises PoolingError where f raises, or gives another shape.

    >>> import numpy as np, anypool as ap
    >>> ap.pool([3.0, 1.0, 4.0, 1.0, 5.0], ap.sliding((3,), 1), ap.function(np.ptp))
    array([3., 3., 4.])
    """
    return Function(f)


def _word(f: Any) -> str:
    """What f calls the axis."""
    try:
        names = inspect.signature(f).parameters
    except (TypeError, ValueError):  # written in C: torch's own take NumPy's word too
        return "axis"
    found = next((word for word in ("axis", "dim") if word in names), None)
    if found is None and any(p.kind is p.VAR_KEYWORD for p in names.values()):
        found = "axis"
    if found is None:
        raise PoolingError(
            f"function({_called(f)}): it takes neither axis= nor dim=; write such as "
            f"ap.function(lambda v, axis: np.max(v, axis) - np.median(v, axis))"
        )
    return found


def _home(f: Any) -> str | None:
    """The library whose arrays f takes; None for functions that take either."""
    inner = f
    while hasattr(inner, "func"):  # functools.partial
        inner = inner.func
    owner = getattr(inner, "__self__", None)
    where = getattr(inner, "__module__", None) or type(owner).__module__
    root = str(where).partition(".")[0]
    return {"numpy": "numpy", "scipy": "numpy", "torch": "torch"}.get(root)


def _called(f: Any) -> str:
    return getattr(f, "__name__", None) or repr(f)


def _said(given: Any) -> str:
    if hasattr(given, "shape"):
        return f"{given.dtype} of shape {tuple(given.shape)}"
    return "None" if given is None else f"a {type(given).__module__}.{type(given).__name__}".replace("builtins.", "")
