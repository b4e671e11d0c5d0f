"""Objects from text. Names are looked up in a table; no code is evaluated."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import PoolingError
from ..windows.deferred import MAKERS, Deferred
from .binding import bound
from .names import METHODS, OPERANDS, SCALARS, unknown
from .syntax import Source, Word

Operands = Mapping[str, Sequence[Any]]
UNKNOWN = float("nan")  # a number that is known only when the graph runs


@dataclass(frozen=True)
class Operand:
    """A placeholder for an operand of torch's operators."""

    kind: str
    at: int


@dataclass(frozen=True)
class Pending:
    """A call with operands, which each run of the graph supplies."""

    make: Any
    plain: dict[str, Any]
    waiting: dict[str, Any]
    maker: str = ""  # boxes, groups or segments: their shape is known without values
    then: tuple[Any, ...] = ()  # methods to call on them


class Reader:
    """Constructs the objects of a parsed text."""

    def __init__(self, source: Source, names: Mapping[str, Any], operands: bool = False) -> None:
        self.source, self.names, self.operands = source, names, operands

    def construct(self, value: Any) -> Any:
        """The value with its calls constructed. Calls with operands become Pending."""
        if isinstance(value, Word):
            return self.word(value)
        if isinstance(value, (tuple, list)) and not _plain(value):
            row = [self.construct(v) for v in value]
            return row if isinstance(value, list) else tuple(row)
        return value

    def arguments(self, word: Word, make: Any) -> dict[str, Any]:
        """The arguments of a call by name."""
        args, named = [self.construct(v) for v in word.args], {k: self.construct(v) for k, v in word.named}
        return bound(word, make, args, named, self.source)

    def word(self, word: Word) -> Any:
        """The object of a name or of a call."""
        args, named = [self.construct(v) for v in word.args], {k: self.construct(v) for k, v in word.named}
        if word.of is not None:
            return self.method(word, self.word(word.of), args, named)
        if self.operands and word.name in OPERANDS:
            if len(args) != 1 or named or type(args[0]) is not int or args[0] < 0:
                self.source.fail(f"{word.name} takes the number of an operand", word.at)
            return Operand(word.name, args[0])
        if word.name == "array":
            return self.call(word, _array, bound(word, _array, args, named, self.source))
        if word.name in SCALARS:
            if len(args) != 1 or named or isinstance(args[0], (tuple, list)):
                self.source.fail(f"{word.name} takes one number", word.at)
            return self.call(word, _array, {"values": args[0], "dtype": word.name})[()]
        if word.name not in self.names:
            self.source.fail(unknown(word.name, self.names), word.at, listing=True)
        make = self.names[word.name]
        if not word.called and inspect.isroutine(make) and word.name not in MAKERS and _needs(make):
            return make  # a function by its name
        arguments = bound(word, make, args, named, self.source)
        if not is_pending(tuple(arguments.values())):
            return self.call(word, MAKERS[word.name][0] if word.name in MAKERS else make, arguments)
        waiting = {k: v for k, v in arguments.items() if is_pending(v)}
        plain = {k: v for k, v in arguments.items() if k not in waiting}
        return Pending(make, plain, waiting, word.name if word.name in MAKERS else "")

    def method(self, word: Word, of: Any, args: list[Any], named: dict[str, Any]) -> Any:
        """The result of a method of windows."""
        method = METHODS.get(word.name)
        of_it = (
            isinstance(of, Pending) and method is not None and method.__qualname__.lower().startswith(of.maker + ".")
        )
        if method is None or not (of_it or getattr(type(of), word.name, None) is method):
            self.source.fail(f"there is no method {word.name!r} of {word.of.name}(…)", word.at, listing=True)
        arguments = bound(word, method, args, named, self.source)
        if is_pending(tuple(arguments.values())):
            self.source.fail(f"{word.name} of {word.of.name}(…) takes plain values", word.at)
        if isinstance(of, Pending):
            return replace(of, then=(*of.then, (word.name, tuple(arguments.items()))))
        return self.call(word, getattr(of, word.name), arguments)

    def call(self, word: Word, make: Any, arguments: dict[str, Any]) -> Any:
        """The result of the call. Arguments of a wrong type raise an error about the text."""
        try:
            return make(**arguments)
        except PoolingError:
            raise
        except (TypeError, ValueError, OverflowError, AttributeError, FloatingPointError):
            needed = "; its rows are of one length, and its type holds their numbers" if make is _array else ""
        self.source.fail(f"{word.name} does not take these arguments{needed}, in the call", word.at)


def is_pending(value: Any) -> bool:
    """Whether a value contains operands."""
    if isinstance(value, (Operand, Pending)):
        return True
    return isinstance(value, (tuple, list)) and not _plain(value) and any(is_pending(v) for v in value)


def filled(value: Any, operands: Operands, known: bool = True) -> Any:
    """The value with its operands filled in. Without `known` numbers, the objects only have valid
    shapes."""
    if isinstance(value, Operand):
        supplied = operands[value.kind]
        if value.at >= len(supplied):
            raise PoolingError(
                f"a program asks anypool::forward for {value.kind}({value.at}), but it is given "
                f"{len(supplied)} of these: "
                f"it is damaged; export it again"
            )
        return supplied[value.at]
    if isinstance(value, tuple):
        return tuple([filled(v, operands, known) for v in value])
    if isinstance(value, list):
        return [filled(v, operands, known) for v in value]
    if not isinstance(value, Pending):
        return value
    kind = isinstance(value.make, type)
    if not known and not value.maker and not kind:
        operands = {**operands, "number": [1.0] * len(operands["number"])}  # shapes do not depend on them
    arguments = {**value.plain, **{k: filled(v, operands, known) for k, v in value.waiting.items()}}
    if value.maker:
        return Deferred(value.maker, tuple(arguments.items()), value.then)
    if known or not kind or not _asks(tuple(value.waiting.values())):
        return value.make(**arguments)
    thing = object.__new__(value.make)  # without validation, because the numbers are unknown
    defaults = {p.name: p.default for p in inspect.signature(value.make).parameters.values()}
    thing.__dict__.update({**defaults, **arguments, "parameters": {**defaults, **arguments}})
    return thing


def _asks(value: Any) -> bool:
    """Whether a number or a size is among the operands, outside of nested objects."""
    if isinstance(value, Operand):
        return value.kind in ("number", "size")
    return isinstance(value, (tuple, list)) and any(_asks(v) for v in value)


def _plain(value: Any) -> bool:
    """Whether a row has only plain numbers."""
    return all(type(v) is int or type(v) is float for v in value)


def _needs(make: Any) -> bool:
    return any(p.default is p.empty for p in inspect.signature(make).parameters.values())


def _array(values: Any, dtype: str, shape: Any = None) -> Any:
    """An array of exactly these numbers."""
    if dtype not in SCALARS:
        raise PoolingError(f"array(…, {dtype!r}): use one of {', '.join(map(repr, SCALARS))}")
    with np.errstate(all="raise"):
        array = np.array(values, dtype)
    numbers = _listed(values)  # raises for anything but numbers
    if array.dtype.kind != "f" and array.tolist() != numbers:
        raise ValueError(dtype)
    return array if shape is None else array.reshape(shape)


def _listed(value: Any) -> Any:
    """Nested rows of numbers as nested lists."""
    if isinstance(value, (tuple, list)):
        return list(value) if _plain(value) else [_listed(v) for v in value]
    if not isinstance(value, (int, float)):
        raise TypeError(type(value))
    return value
