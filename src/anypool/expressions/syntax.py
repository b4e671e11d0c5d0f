"""The grammar of expressions: plain values and calls of names. A parser of its own, not
Python's."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, NoReturn

from ..errors import PoolingError

LENGTH = 2**24  # the largest number of characters of a text
DEPTH = 32  # the largest depth of brackets
DIGITS = 1000  # the largest number of digits of an integer
SPACE = re.compile(r"[ \t\r\n]*")
NUMBER = re.compile(r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
NAME = re.compile(r"[A-Za-z_][A-Za-z_0-9]*(?:\.[A-Za-z_][A-Za-z_0-9]*)*")
ROW = re.compile(r"[0-9eE.,+\- \t\r\n]*")  # the characters of a row of plain numbers
VALUES: dict[str, Any] = {"None": None, "True": True, "False": False, "inf": float("inf"), "nan": float("nan")}
ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", "'": "'", '"': '"'}
CODES = {"x": 2, "u": 4, "U": 8}
MODULES = ("ap.", "anypool.", "np.", "numpy.")  # optional prefixes of names


@dataclass(frozen=True)
class Word:
    """A name in the text, with its arguments if it is called."""

    name: str
    args: tuple[Any, ...]
    named: tuple[tuple[str, Any], ...]
    of: Any  # the receiver, if this is a method
    called: bool
    at: int  # its position in the text


class Source:
    """A text, and the beginning and the end of its error messages."""

    def __init__(self, text: Any, what: str, possible: str, example: str) -> None:
        self.what, self.possible, self.example = what, possible, example
        if not isinstance(text, str):
            raise PoolingError(f"{what} {text!r}: use {possible}, such as {example!r}")
        self.text = text
        if len(text) > LENGTH:
            raise PoolingError(f"{what} of {len(text)} characters: at most {LENGTH} are read")

    def fail(self, fault: str, at: int, listing: bool = False) -> NoReturn:
        """Raise an error with the text, the fault and its position, and what is possible."""
        instead = f"use {self.possible}, such as" if listing else "write it as in"
        where = f"{fault} at character {at + 1}"
        raise PoolingError(f"{self.what} {shortened(self.text, at)}: {where}; {instead} {self.example!r}")


def shortened(text: str, at: int) -> str:
    """The text in quotes; of a long text, the characters around a position."""
    if len(text) <= 120:
        return repr(text)
    begin = max(min(at - 40, len(text) - 80), 0)
    return f"{'… ' * (begin > 0)}{text[begin : begin + 80]!r}{' …' * (begin + 80 < len(text))}"


def parsed(source: Source, begin: int = 0) -> Any:
    """The value of the text from `begin` to its end: plain values, and a Word for each name."""
    return _Parser(source, begin).whole()


class _Parser:
    def __init__(self, source: Source, begin: int) -> None:
        self.source, self.text, self.at = source, source.text, begin

    def whole(self) -> Any:
        value = self.value(0)
        if self.next():
            self.fail(f"{self.next_word()} follows a whole expression")
        return value

    def fail(self, fault: str, at: int | None = None) -> NoReturn:
        self.source.fail(fault, self.at if at is None else at)

    def next(self) -> str:
        """The next character that is no space; empty at the end."""
        match = SPACE.match(self.text, self.at)
        self.at = match.end() if match else self.at
        return self.text[self.at : self.at + 1]

    def next_word(self) -> str:
        """The next name or character, for an error."""
        match = NAME.match(self.text, self.at)
        return repr(match[0][:40]) if match else repr(self.text[self.at : self.at + 1] or "the end")

    def value(self, depth: int) -> Any:
        if depth > DEPTH:
            self.fail(f"more than {DEPTH} brackets lie inside each other")
        begin = self.next()
        if begin in ("(", "["):
            return self.row(depth)
        if begin in ("'", '"'):
            return self.string(begin)
        if begin in ("-", "+"):
            self.at += 1
            number = self.signed()
            return -number if begin == "-" else number
        if NUMBER.match(self.text, self.at):
            return self.number()
        match = NAME.match(self.text, self.at)
        if match:
            return self.word(match[0], depth)
        if not begin:
            self.fail("a value is missing, such as 3 or (3, 3),")
        self.fail(f"{begin!r} begins neither a number, a text, a row nor a name")

    def signed(self) -> Any:
        self.next()
        match = NAME.match(self.text, self.at)
        if match and match[0] in (module + name for module in ("", *MODULES) for name in ("inf", "nan")):
            self.at = match.end()
            return VALUES[match[0][-3:]]
        if not NUMBER.match(self.text, self.at):
            self.fail("a sign stands before something that is no number")
        return self.number()

    def number(self) -> Any:
        match = NUMBER.match(self.text, self.at)
        assert match
        end = match.end()
        if self.text[end : end + 1].isalnum() or self.text[end : end + 1] in ("_", "."):
            self.at = end
            self.fail(f"the number {match[0][:40]} is followed by {self.next_word()}")
        number = number_of(match[0])
        if number is None:
            self.fail(
                f"an integer of {end - self.at} digits, where at most {DIGITS} are read,"
                if match[0].isdigit()
                else f"{match[0][:40]} lies beyond the range of a float (inf is infinity)"
            )
        self.at = end
        return number

    def string(self, quote: str) -> str:
        begin, characters = self.at, []
        self.at += 1
        while True:
            c = self.text[self.at : self.at + 1]
            if not c or c == "\n":
                self.fail("a text in quotes does not end", begin)
            self.at += 1
            if c == quote:
                return "".join(characters)
            characters.append(self.escape() if c == "\\" else c)

    def escape(self) -> str:
        c = self.text[self.at : self.at + 1]
        if c in ESCAPES:
            self.at += 1
            return ESCAPES[c]
        code = self.text[self.at + 1 : self.at + 1 + CODES.get(c, 0)]
        if c not in CODES or not re.fullmatch(f"[0-9a-fA-F]{{{CODES[c]}}}", code) or int(code, 16) > 0x10FFFF:
            self.fail(f"'\\{c}' is no escape (those are \\n \\r \\t \\\\ \\' \\\" \\x \\u \\U)", self.at - 1)
        self.at += 1 + CODES[c]
        return chr(int(code, 16))

    def row(self, depth: int) -> Any:
        begin, opened = self.at, self.text[self.at]
        closing = ")" if opened == "(" else "]"
        self.at += 1
        plain = ROW.match(self.text, self.at)
        if plain and self.text[plain.end() : plain.end() + 1] == closing and "," in plain[0]:
            numbers = _numbers(plain[0])
            if numbers is not None:
                self.at = plain.end() + 1
                return tuple(numbers) if opened == "(" else numbers
        values, comma = [], False
        while self.next() != closing:
            if not self.next():
                self.fail(f"{opened!r} is not closed", begin)
            values.append(self.value(depth + 1))
            comma = self.next() == ","
            if comma:
                self.at += 1
            elif self.next() != closing:
                self.fail(f"{self.next_word()} stands where ',' or {closing!r} is needed")
        self.at += 1
        if opened == "[":
            return values
        return values[0] if len(values) == 1 and not comma else tuple(values)

    def word(self, name: str, depth: int) -> Any:
        begin, of = self.at, None
        self.at += len(name)
        for module in MODULES:
            name = name.removeprefix(module)
        if name in VALUES and self.next() != "(":
            return VALUES[name]
        while True:
            if self.next() != "(":
                return Word(name, (), (), of, False, begin)
            args, named = self.arguments(name, depth)
            of = Word(name, args, named, of, True, begin)
            if self.next() != ".":
                return of
            self.at += 1
            self.next()
            match, begin = NAME.match(self.text, self.at), self.at
            if not match:
                self.fail("the name of a method is missing after '.'")
            name, self.at = match[0], match.end()
            depth += 1
            if depth > DEPTH:
                self.fail(f"more than {DEPTH} calls follow each other")

    def arguments(self, name: str, depth: int) -> tuple[tuple[Any, ...], tuple[tuple[str, Any], ...]]:
        begin = self.at
        self.at += 1
        args: list[Any] = []
        named: dict[str, Any] = {}
        while self.next() != ")":
            if not self.next():
                self.fail("'(' is not closed", begin)
            at, key = self.at, NAME.match(self.text, self.at)
            if key:
                self.at = key.end()
            if key and self.next() == "=":
                self.at += 1
                if key[0] in named:
                    self.fail(f"{name} is given {key[0]!r} twice", at)
                named[key[0]] = self.value(depth + 1)
            else:
                self.at = at
                if named:
                    self.fail(f"{name} is given a value without a name after one with a name")
                args.append(self.value(depth + 1))
            if self.next() == ",":
                self.at += 1
            elif self.next() != ")":
                self.fail(f"{self.next_word()} stands where ',' or ')' is needed")
        self.at += 1
        return tuple(args), tuple(named.items())


def number_of(text: str) -> int | float | None:
    """The number of a text without a sign; None if it is too large."""
    if text.isdigit():
        return int(text) if len(text) <= DIGITS else None
    number = float(text)
    return number if number != float("inf") else None


def _numbers(text: str) -> list[Any] | None:
    """A row of plain numbers, read fast; None if the grammar has to find a fault."""
    parts = text.split(",")
    if not parts[-1].strip(" \t\r\n"):
        del parts[-1]
    numbers: list[Any] = []
    for part in parts:
        part = part.strip(" \t\r\n")
        digits = part[1:] if part[:1] == "-" else part
        if not NUMBER.fullmatch(digits) or (number := number_of(digits)) is None:
            return None
        numbers.append(-number if digits is not part else number)
    return numbers
