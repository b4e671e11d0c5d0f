"""Windows and reductions written as text: parsed against the public names, never evaluated."""

from __future__ import annotations

import ast
from typing import Any

from . import windows as kinds
from .errors import PoolingError
from .orders import ORDERS, PARAMETRIC_ORDERS
from .reductions import PARAMETRIC, REDUCTIONS

KINDS = {
    name: getattr(kinds, name)
    for name in ("sliding", "adaptive", "whole", "segments", "groups", "boxes", "fractional", "pyramid", "regions")
}


def windows_from(text: str) -> Any:
    """The window kind that a call such as "sliding((3, 3), stride=2)" names.

    >>> windows_from("adaptive((7, 7))").output_shape((3, 20, 30))
    (3, 7, 7)
    >>> windows_from("segments([0, 4, 9]).sliding(2)").output_shape((9,), axes=0)
    (4,)
    """
    return _call(text, KINDS, "windows", example="'sliding((3, 3), stride=2)'")


def reduction_from(text: str) -> Any:
    """A reduction's name or a call such as "Lp(3)".

    >>> reduction_from("Lp(3)")
    Lp(p=3.0)
    >>> reduction_from("Place(Rank(-2))")
    Place(order=Rank(k=-2))
    """
    if text.strip() in REDUCTIONS or text.strip() in ORDERS:
        return text.strip()
    return _call(
        text, {**PARAMETRIC, **PARAMETRIC_ORDERS}, "reduction", f"{', '.join((*REDUCTIONS, *ORDERS))}, or ", "'Lp(3)'"
    )


def integers(text: str, name: str) -> tuple[int, ...]:
    """A row of integers separated by commas."""
    try:
        return tuple(int(part) for part in text.split(",") if part.strip())
    except ValueError:
        raise PoolingError(f"{name} {text!r}: give integers separated by commas") from None


def _call(text: str, names: Any, what: str, also: str = "", example: str = "") -> Any:
    possible = f"use {also}a call of {', '.join(names)}, with plain numbers, such as {example}"
    try:
        tree = ast.parse(text.strip().removeprefix("ap."), mode="eval").body
        if isinstance(tree, ast.Name):
            tree = ast.Call(tree, [], [])
        if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Attribute) and tree.func.attr == "sliding":
            inside = _call(ast.unparse(tree.func.value), names, what, also, example)  # segments(…).sliding(…)
            if hasattr(inside, "sliding"):
                return _given(inside.sliding, tree, names)
        if not isinstance(tree, ast.Call) or not isinstance(tree.func, ast.Name) or tree.func.id not in names:
            raise PoolingError(f"{what} {text!r}: {possible}")
        return _made(tree, tree.func.id, names)
    except (SyntaxError, TypeError) as error:
        raise PoolingError(f"{what} {text!r}: {error}; {possible}") from None
    except ValueError as error:
        if isinstance(error, PoolingError):
            raise
        raise PoolingError(f"{what} {text!r}: {possible}") from None


def _made(tree: ast.Call, name: str, names: Any) -> Any:
    """What a call gives, of plain numbers and of such calls."""
    return _given(names[name], tree, names)


def _given(make: Any, tree: ast.Call, names: Any) -> Any:
    """What `make` gives of a call's arguments."""

    def value(node: ast.expr) -> Any:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
            return _made(node, node.func.id, names)
        return ast.literal_eval(node)

    args = [value(a) for a in tree.args]
    return make(*args, **{k.arg: value(k.value) for k in tree.keywords if k.arg})
