"""Objects as constructor calls. torch.compile traces this module, so that values may be symbols and
tensors."""

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
    """The first entry of the tuple of a call.

    The other entries are a class or a name, the arguments, and the receiver of a method or None.

    Plain tuples: under torch.compile, named tuples lose their fields in functions.
    """


class Table:
    """The first entry of the tuple of a constant array: then type, shape and bytes."""


class Symbol:
    """The first entry of the tuple of an operand of torch's operators: then kind and number."""


def described(thing: Any, leaf: Leaf) -> tuple[Any, ...]:
    """The constructor call of windows or of a reduction. `leaf` converts each plain value among its
    arguments."""
    if isinstance(thing, type):
        return (Call, thing, (), None)
    arguments = with_values(arguments_of(thing), leaf, not isinstance(thing, Kind) or thing.symbolic())
    if isinstance(thing, Deferred):
        call = (Call, thing.maker, arguments, None)
        for name, options in thing.then:
            call = (Call, name, with_values(options, leaf, False), call)
        return call
    if isinstance(thing, Boxes) and not thing.inclusive:
        return (Call, "exclusive", (), (Call, Boxes, arguments, None))
    if isinstance(thing, Sliding) and thing.offsets is not None:
        inside = tuple([(k, v[0] if k == "size" else v) for k, v in arguments])  # along one axis
        return (Call, "sliding", inside, described(Segments(thing.offsets), leaf))
    if isinstance(thing, Order) and thing.ties != "first" and "ties" not in argument_names(type(thing)):
        return (Call, "tied", (("order", (Call, type(thing), arguments, None)), ("ties", thing.ties)), None)
    return (Call, type(thing), arguments, None)


def with_values(value: Any, leaf: Leaf, varies: bool) -> Any:
    """A value or nested rows of values, with each object as a call. `varies`: numbers may be
    symbols."""
    if isinstance(value, tuple):
        return tuple([with_values(v, leaf, varies) for v in value])
    if isinstance(value, list):
        return [with_values(v, leaf, varies) for v in value]
    if isinstance(value, Taps):
        return (Table, value.dtype, value.shape, value.data)
    return described(value, leaf) if isinstance(value, (Fold, Order, Kind)) else leaf(value, varies)


def arguments_of(thing: Any) -> tuple[tuple[str, Any], ...]:
    """The constructor arguments of an object: names and values."""
    if hasattr(thing, "arguments"):
        return tuple(thing.arguments().items())
    parameters = getattr(thing, "parameters", {})
    pairs: list[tuple[str, Any]] = []
    for name in argument_names(type(thing)):
        if name in parameters:
            pairs.append((name, parameters[name]))
        elif hasattr(thing, name):
            pairs.append((name, getattr(thing, name)))
        else:
            kind = type(thing).__name__
            raise PoolingError(
                f"{kind}: its argument {name!r} is kept neither as .parameters[{name!r}] nor as .{name}, so that no text "
                f"can tell it; keep it so, or give {kind} a method arguments() that returns a dict of all"
            )
    return tuple(pairs)
