"""spread() while torch.compile traces: the same sums, as calls of the operator anypool::forward."""

from __future__ import annotations

from typing import Any

from ..api import pool
from ..arrays.adapter import adapter_of
from ..arrays.ops import where, zeros
from ..arrays.shape_ops import broadcast, cast, dtype_name, is_floating
from ..errors import PoolingError
from ..expressions import register
from ..scalars import is_row
from ..windows import normal_axes
from .holders import Holders

register(Holders, "holders")  # the name of the transposed windows in the text of a call


def spread(y: Any, windows: Any, shape: Any, reduction: str, axes: Any, w: Any, empty: Any) -> Any:
    """The result of `spread` by operators of the graph."""
    if reduction == "last":
        raise PoolingError('spread(reduction="last") while torch.compile traces: call it outside the graph')
    if not windows.symbolic():
        raise PoolingError(
            f"spread over {windows!r} while torch.compile traces: only sliding windows of integers, adaptive and "
            "fractional windows are operators of a graph; call it outside the graph"
        )
    whole = _shape_of_x(windows, tuple(shape) if is_row(shape) else (shape,), axes, tuple(y.shape))
    if reduction in ("mean", "average") and not is_floating(y):
        y = cast(y, "float64")
    dtype = dtype_name(y)
    half = dtype in ("float16", "bfloat16")
    named = normal_axes(axes, len(whole))
    v = cast(y, "float32") if half and reduction not in ("max", "min") else y
    if reduction == "mean":
        v = v / _divisors(v, windows, whole, named, w)
    rule = reduction if reduction in ("max", "min") else "sum"
    result = pool(v, Holders(windows, whole, named, rule == "sum"), rule, empty=0)
    counts = pool(zeros(v) + 1, Holders(windows, whole, named, False), "sum")
    if reduction == "average":
        total = pool(zeros(v) + 1, Holders(windows, whole, named), "sum")
        result = result / where(counts == 0, zeros(total) + 1, total)
    absent = counts == 0
    if w is not None:
        absent = absent | (w == 0)
        if reduction in ("sum", "mean"):
            result = where(w == 0, zeros(result), result) * w
    return cast(where(absent, zeros(result) + empty, result), dtype if half else dtype_name(result))


def _divisors(v: Any, windows: Any, whole: tuple[Any, ...], axes: Any, w: Any) -> Any:
    """The divisor of each window of a mean; 1 where it is 0."""
    if w is not None:
        n = pool(broadcast(cast(w, dtype_name(v)), whole), windows, "sum", axes=axes)
        return where(n == 0, zeros(n) + 1, n)
    ones = adapter_of(v).full(whole, 1, dtype_name(v), v)
    total, mean = (pool(ones, windows, r, axes=axes, empty=0) for r in ("sum", "mean"))
    return where(mean == 0, zeros(mean) + 1, total / where(mean == 0, zeros(mean) + 1, mean))


def _shape_of_x(windows: Any, row: tuple[Any, ...], axes: Any, y: tuple[Any, ...]) -> tuple[Any, ...]:
    """The shape of x, from the whole shape, or from the lengths of pooled axes that the result has
    too."""
    named = None if axes is None else normal_axes(axes, len(y))
    at = tuple(range(len(y) - len(row), len(y))) if named is None else named
    if len(at) == len(row) < len(y):
        lengths = dict(zip(at, row, strict=True))
        whole = tuple(lengths.get(a, n) for a, n in enumerate(y))
    else:
        whole = row
    result = tuple(windows.result_shape(whole, normal_axes(axes, len(whole))))
    if len(result) != len(whole) or len(result) != len(y) or any(a != b for a, b in zip(result, y, strict=True)):
        raise PoolingError(
            f"y of shape {y} is no result of these windows: x of shape {whole} gives {result}; "
            "while torch.compile traces, windows keep the axes of x"
        )
    return whole
