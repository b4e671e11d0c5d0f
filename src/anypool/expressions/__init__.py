"""Windows and reductions as text, in both directions. Reading parses public names; it never
evaluates code."""

from __future__ import annotations

import re
from typing import Any

from ..errors import PoolingError
from ..order_statistics import ORDERS
from ..reductions import REDUCTIONS, reduction_of
from .names import FOLDS, KINDS, REGISTERED, nearest
from .names import register as register
from .reading import Reader
from .syntax import Source, Word, parsed
from .writing import text_of as text_of

SIZES = re.compile(r"[(\[]?\s*(\d+(?:\.\d+)?(?:\s*[x×*, ]\s*\d+(?:\.\d+)?)*)\s*,?\s*[)\]]?")


def windows_from(text: Any) -> Any:
    """The windows of a call such as "sliding((3, 3), stride=2)".

    Raises PoolingError with the position of the fault and what is possible.

    >>> windows_from("adaptive((7, 7))").output_shape((3, 20, 30))
    (3, 7, 7)
    >>> windows_from("segments([0, 4, 9]).sliding(2)").output_shape((9,), axes=0)
    (4,)
    """
    example = "sliding((3, 3), stride=2)"
    sizes = SIZES.fullmatch(text.strip()) if isinstance(text, str) else None
    if sizes and len(text) < 100:
        row = [v for v in re.split(r"[^0-9.]+", sizes[1]) if v]
        example = f"sliding(({', '.join(row if len(row) > 1 else row * 2)}))"
    source = Source(text, "windows", f"a call of {', '.join(KINDS)}", example)
    return _read(source, {**KINDS, **REGISTERED}, "plan", "windows")


def reduction_from(text: Any) -> Any:
    """A reduction's name, or the object of a call such as "Lp(3)".

    Raises PoolingError with the position of the fault and what is possible.

    >>> reduction_from("Lp(3)")
    Lp(p=3.0)
    >>> reduction_from("Place(Rank(-2))")
    Place(order=Rank(k=-2))
    """
    named = (*REDUCTIONS, *ORDERS)
    if isinstance(text, str) and text.strip() in named:
        return text.strip()
    if isinstance(text, str) and text.strip().isidentifier() and text.strip() not in {**FOLDS, **REGISTERED}:
        near = nearest(text.strip(), (*named, *FOLDS))
        if not near:
            return reduction_of(text.strip())  # its error lists all names
    calls = ", ".join(name for name in FOLDS if name[0].isupper())
    source = Source(text, "reduction", f"{', '.join(named)}, or a call of {calls}", "Lp(3)")
    return _read(source, {**FOLDS, **REGISTERED}, "finish", "a reduction")


def integers(text: str, name: str) -> tuple[int, ...]:
    """Integers separated by commas, as a tuple."""
    try:
        return tuple(int(part) for part in text.split(",") if part.strip())
    except ValueError:
        raise PoolingError(f"{name} {text!r}: give integers separated by commas") from None


def _read(source: Source, names: Any, has: str, needed: str) -> Any:
    tree = parsed(source)
    if not isinstance(tree, Word):
        source.fail(f"a call that makes {needed} is needed", 0, listing=True)
    result = Reader(source, names).construct(tree)
    if not callable(getattr(result, has, None)) or isinstance(result, type):
        source.fail(f"{tree.name} does not make {needed}, in the call", tree.at)
    return result
