"""Padding and borders of sliding windows: validated once, then resolved for the length of an
axis."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..arrays.ops import did_you_mean
from ..constants import constant, is_constant
from ..errors import PoolingError
from ..scalars import is_row, is_sequence
from .arguments import shown

BORDERS = ("absent", "reflect", "symmetric", "replicate", "circular")
OTHER_NAMES = {  # names in SciPy, OpenCV, NumPy and JAX
    "mirror": "reflect",
    "reflect101": "reflect",
    "nearest": "replicate",
    "edge": "replicate",
    "wrap": "circular",
    "grid-wrap": "circular",
    "periodic": "circular",
    "grid-mirror": "symmetric",
    "valid": "absent",
    "none": "absent",
}
PADDINGS = ("same", "SAME", "causal")
Padding = str | float | tuple[float, float]  # of one axis


def freeze_border(border: Any) -> Any:
    """A border's name or constant, or a tuple with one for each pooled axis."""
    if is_sequence(border):
        if not border:
            raise PoolingError("border=(): give one entry for each pooled axis")
        return tuple(_border(b) for b in border)
    return _border(border)


def _border(border: Any) -> str | int | float:
    if isinstance(border, str):
        if border in BORDERS:
            return border
        near = did_you_mean(border, BORDERS, OTHER_NAMES)
        near = " (for a constant border give the number, such as 0)" if border in ("constant", "zeros") else near
        raise PoolingError(f"border={border!r}: use one of {', '.join(map(repr, BORDERS))} or a number{near}")
    if not is_constant(border):
        raise PoolingError(
            f"border={border!r}: use one of {', '.join(map(repr, BORDERS))}, a number, or one of these for each axis"
        )
    return constant(border, "border")


def freeze_padding(padding: Any, number: Callable[[Any], Any]) -> Any:
    """One entry for all axes or a tuple of entries: a number, a pair (before, after) or a name.
    `number` validates numbers."""
    if not is_row(padding):
        return _entry(padding, number)
    row = tuple(_entry(e, number) for e in padding)
    if not row:
        raise PoolingError("padding=(): give one entry for each pooled axis")
    return row


def _entry(entry: Any, number: Callable[[Any], Any]) -> Any:
    if isinstance(entry, str):
        if entry not in PADDINGS:
            near = did_you_mean(entry, PADDINGS, {"valid": "0", "VALID": "0", "left": "causal"})
            raise PoolingError(
                f"padding={entry!r}: use an int, (before, after) pairs, 'same', 'SAME' or 'causal'{near}"
            )
        return entry
    if is_row(entry):
        pair = tuple(number(v) for v in entry)
        if len(pair) != 2:
            raise PoolingError(f"padding entry {pair}: a pair is (before, after)")
        return pair
    return number(entry)


def each_padding(padding: Padding | tuple[Padding, ...], rank: int) -> tuple[Any, ...]:
    """One entry for each pooled axis."""
    row: tuple[Any, ...] = padding if isinstance(padding, tuple) else (padding,) * rank
    if len(row) == 1:
        row = row * rank
    if len(row) != rank:
        raise PoolingError(
            f"padding={shown(row)} has {len(row)} entries for {rank} pooled axes; one axis with a pair is ((before, after),)"
        )
    return row


def pads_of(entry: Padding, n: Any, span: Any, stride: Any) -> tuple[Any, Any]:
    """The paddings before and after an axis of n elements, for windows that span `span` elements.
    Negative paddings crop.

    "same" (torch): span − 1 in total; an odd element goes after. "SAME" (TensorFlow): the fewest
    that give ⌈n / stride⌉ windows; an odd element goes after. "causal": span − 1 before.

    >>> pads_of("same", 10, 4, 2), pads_of("SAME", 10, 4, 2), pads_of("causal", 10, 4, 2), pads_of(-1, 10, 4, 2)
    ((1, 2), (1, 1), (3, 0), (-1, -1))
    """
    if entry == "same":
        return (span - 1) // 2, span - 1 - (span - 1) // 2
    if entry == "causal":
        return span - 1, 0
    if entry == "SAME":
        total = max((-(-n // stride) - 1) * stride + span - n, 0) if n else 0
        return total // 2, total - total // 2
    return entry if isinstance(entry, tuple) else (entry, entry)


def cropped(begin: Any, end: Any, pads: tuple[Any, Any]) -> tuple[Any, Any, tuple[Any, Any]]:
    """The run [begin, end) after negative paddings crop it, and the paddings without negative
    numbers."""
    before, after = pads
    if before < 0:
        begin, before = begin - before, 0
    if after < 0:
        end, after = end + after, 0
    return begin, end, (before, after)
