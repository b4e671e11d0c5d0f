"""Objects from text: names are looked up among those that there are, and nothing is evaluated."""

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
UNKNOWN = float("nan")  # a number that only a run of the graph will tell


@dataclass(frozen=True)
class Operand:
    """Stands for what a graph gives to an operator beside its text."""

    kind: str
    at: int


@dataclass(frozen=True)
class Later:
    """A call whose operands come with each run of a graph."""

    make: Any
    plain: dict[str, Any]
    waiting: dict[str, Any]
    maker: str = ""  # of boxes, groups or segments, whose shape is told without their numbers
    then: tuple[Any, ...] = ()  # methods of those


class Reader:
    """Makes what a parsed text writes."""

    def __init__(self, source: Source, names: Mapping[str, Any], operands: bool = False) -> None:
        self.source, self.names, self.operands = source, names, operands

    def made(self, value: Any) -> Any:
        """The value with its calls made; those that need operands, and what holds them, as Later."""
        if isinstance(value, Word):
            return self.word(value)
        if isinstance(value, (tuple, list)) and not _plain(value):
            made = [self.made(v) for v in value]
            return made if isinstance(value, list) else tuple(made)
        return value

    def given(self, word: Word, make: Any) -> dict[str, Any]:
        """The arguments of a call, by the names that they have there."""
        args, named = [self.made(v) for v in word.args], {k: self.made(v) for k, v in word.named}
        return bound(word, make, args, named, self.source)

    def word(self, word: Word) -> Any:
        """What a name or a call is."""
        args, named = [self.made(v) for v in word.args], {k: self.made(v) for k, v in word.named}
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
        given = bound(word, make, args, named, self.source)
        if not waits(tuple(given.values())):
            return self.call(word, MAKERS[word.name][0] if word.name in MAKERS else make, given)
        waiting = {k: v for k, v in given.items() if waits(v)}
        plain = {k: v for k, v in given.items() if k not in waiting}
        return Later(make, plain, waiting, word.name if word.name in MAKERS else "")

    def method(self, word: Word, of: Any, args: list[Any], named: dict[str, Any]) -> Any:
        """What a method of windows gives."""
        method = METHODS.get(word.name)
        of_it = isinstance(of, Later) and method is not None and method.__qualname__.lower().startswith(of.maker + ".")
        if method is None or not (of_it or getattr(type(of), word.name, None) is method):
            self.source.fail(f"there is no method {word.name!r} of {word.of.name}(…)", word.at, listing=True)
        given = bound(word, method, args, named, self.source)
        if waits(tuple(given.values())):
            self.source.fail(f"{word.name} of {word.of.name}(…) takes plain values", word.at)
        if isinstance(of, Later):
            return replace(of, then=(*of.then, (word.name, tuple(given.items()))))
        return self.call(word, getattr(of, word.name), given)

    def call(self, word: Word, make: Any, given: dict[str, Any]) -> Any:
        """What the call gives; arguments of a kind that it never takes are an error of the text."""
        try:
            return make(**given)
        except PoolingError:
            raise
        except (TypeError, ValueError, OverflowError, AttributeError, FloatingPointError):
            needed = "; its rows are of one length, and its type holds their numbers" if make is _array else ""
        self.source.fail(f"{word.name} does not take these arguments{needed}, in the call", word.at)


def waits(value: Any) -> bool:
    """Whether operands are still to come."""
    if isinstance(value, (Operand, Later)):
        return True
    return isinstance(value, (tuple, list)) and not _plain(value) and any(waits(v) for v in value)


def filled(value: Any, operands: Operands, known: bool = True) -> Any:
    """The value with its operands; where numbers are not `known`, objects that are good for their shapes alone."""
    if isinstance(value, Operand):
        given = operands[value.kind]
        if value.at >= len(given):
            raise PoolingError(
                f"a program asks anypool::forward for {value.kind}({value.at}), but it is given {len(given)} of these: "
                f"it is damaged; export it again"
            )
        return given[value.at]
    if isinstance(value, tuple):
        return tuple([filled(v, operands, known) for v in value])
    if isinstance(value, list):
        return [filled(v, operands, known) for v in value]
    if not isinstance(value, Later):
        return value
    kind = isinstance(value.make, type)
    if not known and not value.maker and not kind:
        operands = {**operands, "number": [1.0] * len(operands["number"])}  # no shape asks for them
    given = {**value.plain, **{k: filled(v, operands, known) for k, v in value.waiting.items()}}
    if value.maker:
        return Deferred(value.maker, tuple(given.items()), value.then)
    if known or not kind or not _asks(tuple(value.waiting.values())):
        return value.make(**given)
    made = object.__new__(value.make)  # unchecked, since the numbers are not there yet
    defaults = {p.name: p.default for p in inspect.signature(value.make).parameters.values()}
    made.__dict__.update({**defaults, **given, "parameters": {**defaults, **given}})
    return made


def _asks(value: Any) -> bool:
    """Whether a number or a size is among the operands, objects inside apart."""
    if isinstance(value, Operand):
        return value.kind in ("number", "size")
    return isinstance(value, (tuple, list)) and any(_asks(v) for v in value)


def _plain(value: Any) -> bool:
    """Whether a row holds nothing but numbers."""
    return all(type(v) is int or type(v) is float for v in value)


def _needs(make: Any) -> bool:
    return any(p.default is p.empty for p in inspect.signature(make).parameters.values())


def _array(values: Any, dtype: str, shape: Any = None) -> Any:
    """An array of exactly these numbers."""
    if dtype not in SCALARS:
        raise PoolingError(f"array(…, {dtype!r}): use one of {', '.join(map(repr, SCALARS))}")
    with np.errstate(all="raise"):
        made = np.array(values, dtype)
    given = _listed(values)
    if made.dtype.kind != "f" and made.tolist() != given:
        raise ValueError(dtype)
    return made if shape is None else made.reshape(shape)


def _listed(value: Any) -> Any:
    """Rows of numbers as lists of them."""
    if isinstance(value, (tuple, list)):
        return list(value) if _plain(value) else [_listed(v) for v in value]
    if not isinstance(value, (int, float)):
        raise TypeError(type(value))
    return value
