"""Objects as the calls that make them; torch.compile traces this, so that it may meet symbols and tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..errors import PoolingError
from ..order_statistics import Order
from ..reductions import Fold
from ..windows import Boxes, Segments, Sliding
from ..windows.deferred import Deferred
from ..windows.taps import _Table as Taps
from ..windows.window_kind import Kind
from .names import argument_names

Leaf = Callable[[Any, bool], Any]


class Call:
    """Begins the tuple of a call: what is called, a class or a name; its arguments; the call whose method it is, or None.

    Tuples, since torch.compile gives named ones to functions without their fields.
    """


class Table:
    """Begins the tuple of an array whose numbers do not change: type, shape, bytes."""


class Symbol:
    """Begins the tuple of what a graph gives to an operator beside its text: kind, number."""


def described(thing: Any, leaf: Leaf) -> tuple[Any, ...]:
    """The call that makes windows or a reduction; `leaf` says what becomes of the plain values among its arguments."""
    if isinstance(thing, type):
        return (Call, thing, (), None)
    arguments = with_values(arguments_of(thing), leaf, not isinstance(thing, Kind) or thing.symbolic())
    if isinstance(thing, Deferred):
        made = (Call, thing.maker, arguments, None)
        for name, given in thing.then:
            made = (Call, name, with_values(given, leaf, False), made)
        return made
    if isinstance(thing, Boxes) and not thing.inclusive:
        return (Call, "exclusive", (), (Call, Boxes, arguments, None))
    if isinstance(thing, Sliding) and thing.offsets is not None:
        inside = tuple([(k, v[0] if k == "size" else v) for k, v in arguments])  # along one axis
        return (Call, "sliding", inside, described(Segments(thing.offsets), leaf))
    if isinstance(thing, Order) and thing.ties != "first" and "ties" not in argument_names(type(thing)):
        return (Call, "tied", (("order", (Call, type(thing), arguments, None)), ("ties", thing.ties)), None)
    return (Call, type(thing), arguments, None)


def with_values(value: Any, leaf: Leaf, varies: bool) -> Any:
    """A value, or rows of values, with each object as a call; `varies`: whether a graph may serve all its numbers."""
    if isinstance(value, tuple):
        return tuple([with_values(v, leaf, varies) for v in value])
    if isinstance(value, list):
        return [with_values(v, leaf, varies) for v in value]
    if isinstance(value, Taps):
        return (Table, "float64", value.shape, value.data)
    return described(value, leaf) if isinstance(value, (Fold, Order, Kind)) else leaf(value, varies)


def arguments_of(thing: Any) -> tuple[tuple[str, Any], ...]:
    """The arguments that make an object: names and values."""
    if hasattr(thing, "arguments"):
        return tuple(thing.arguments().items())
    parameters = getattr(thing, "parameters", {})
    found: list[tuple[str, Any]] = []
    for name in argument_names(type(thing)):
        if name in parameters:
            found.append((name, parameters[name]))
        elif hasattr(thing, name):
            found.append((name, getattr(thing, name)))
        else:
            kind = type(thing).__name__
            raise PoolingError(
                f"{kind}: its argument {name!r} is kept neither as .parameters[{name!r}] nor as .{name}, so that no text "
                f"can tell it; keep it so, or give {kind} a method arguments() that returns a dict of all"
            )
    return tuple(found)
