"""Calls whose pooled axes are flattened to one, before they are planned."""

from __future__ import annotations

from typing import Any

from .arrays.adapter import adapter_of
from .arrays.shape_ops import broadcast, moved
from .order_statistics import Order
from .validation import check_weights
from .windows import Flat, normal_axes


def flat_windows(windows: Any, shape: tuple[int, ...], axes: Any) -> Flat | None:
    """The windows on a flattened axis that compute a call, or None."""
    flat: Any = getattr(windows, "flat", None)
    if flat is None:
        return None
    result: Flat | None = flat(shape, normal_axes(axes, len(shape)))
    return result


def flattened(library: Any, x: Any, flat: Flat, options: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """x, and the options of the call, with the pooled axes flattened to the first of them."""
    changed = {**options, "axes": (min(flat.axes),)}
    for name in ("weights", "log_weights"):
        if options.get(name) is not None:
            w = library.as_weights(options[name], x, name)
            check_weights(w, tuple(x.shape), name)
            changed[name] = _joined(_with_all_axes(w, x, flat.axes), flat.axes)
    return _joined(x, flat.axes), changed


def in_order(y: Any, flat: Flat, reduction: Any) -> Any:
    """The result in the order of the caller's windows."""
    if flat.order is None:
        return y
    answers = reduction.answers() if isinstance(reduction, Order) else None
    before = int(answers is not None and answers[1] == 0)  # an axis of several answers is the first
    return adapter_of(y).take(y, flat.order, min(flat.axes) + before)


def _with_all_axes(w: Any, x: Any, axes: tuple[int, ...]) -> Any:
    """Weights with as many axes as x, whose axes `axes` are of length 1 or of full length."""
    w = w.reshape((1,) * (x.ndim - w.ndim) + tuple(w.shape))
    if all(w.shape[a] == 1 for a in axes):
        return w
    return broadcast(w, tuple(x.shape[a] if a in axes else n for a, n in enumerate(w.shape)))


def _joined(x: Any, axes: tuple[int, ...]) -> Any:
    """x with these axes flattened to the first of them, in this order."""
    if len(axes) == 1:
        return x
    at = min(axes)
    x = moved(x, axes, range(at, at + len(axes)))
    size = 1
    for n in x.shape[at : at + len(axes)]:
        size *= n
    return x.reshape(*x.shape[:at], size, *x.shape[at + len(axes) :])
