"""The grammar of expressions: plain values and calls of names, read here and not by Python's parser."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, NoReturn

from ..errors import PoolingError

LENGTH = 2**24  # characters of a text
DEPTH = 32  # brackets inside each other
DIGITS = 1000  # of one integer
SPACE = re.compile(r"[ \t\r\n]*")
NUMBER = re.compile(r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
NAME = re.compile(r"[A-Za-z_][A-Za-z_0-9]*(?:\.[A-Za-z_][A-Za-z_0-9]*)*")
ROW = re.compile(r"[0-9eE.,+\- \t\r\n]*")  # what a row of plain numbers is made of
VALUES: dict[str, Any] = {"None": None, "True": True, "False": False, "inf": float("inf"), "nan": float("nan")}
ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", "'": "'", '"': '"'}
CODES = {"x": 2, "u": 4, "U": 8}
MODULES = ("ap.", "anypool.", "np.", "numpy.")  # as a program would write them


@dataclass(frozen=True)
class Word:
    """A name of the text, with its arguments where it is called."""

    name: str
    args: tuple[Any, ...]
    named: tuple[tuple[str, Any], ...]
    of: Any  # the call whose method this is
    called: bool
    at: int  # where it stands in the text


class Source:
    """A text that is read, and how its errors begin and end."""

    def __init__(self, text: Any, what: str, possible: str, example: str) -> None:
        self.what, self.possible, self.example = what, possible, example
        if not isinstance(text, str):
            raise PoolingError(f"{what} {text!r}: use {possible}, such as {example!r}")
        self.text = text
        if len(text) > LENGTH:
            raise PoolingError(f"{what} of {len(text)} characters: at most {LENGTH} are read")

    def fail(self, said: str, at: int, listing: bool = False) -> NoReturn:
        """Raise the error: what was asked, what is wrong and where, what is possible."""
        instead = f"use {self.possible}, such as" if listing else "write it as in"
        where = f"{said} at character {at + 1}"
        raise PoolingError(f"{self.what} {shortened(self.text, at)}: {where}; {instead} {self.example!r}")


def shortened(text: str, at: int) -> str:
    """The text in quotes; of a long one what stands around a place."""
    if len(text) <= 120:
        return repr(text)
    begin = max(min(at - 40, len(text) - 80), 0)
    return f"{'… ' * (begin > 0)}{text[begin : begin + 80]!r}{' …' * (begin + 80 < len(text))}"


def parsed(source: Source, begin: int = 0) -> Any:
    """The value that the whole text writes from there on: plain values, and a Word for each name."""
    return _Parser(source, begin).whole()


class _Parser:
    def __init__(self, source: Source, begin: int) -> None:
        self.source, self.text, self.at = source, source.text, begin

    def whole(self) -> Any:
        value = self.value(0)
        if self.next():
            self.fail(f"{self.seen()} follows a whole expression")
        return value

    def fail(self, said: str, at: int | None = None) -> NoReturn:
        self.source.fail(said, self.at if at is None else at)

    def next(self) -> str:
        """The next character that is no space; nothing at the end."""
        found = SPACE.match(self.text, self.at)
        self.at = found.end() if found else self.at
        return self.text[self.at : self.at + 1]

    def seen(self) -> str:
        """What stands here, for an error."""
        found = NAME.match(self.text, self.at)
        return repr(found[0][:40]) if found else repr(self.text[self.at : self.at + 1] or "the end")

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
        found = NAME.match(self.text, self.at)
        if found:
            return self.word(found[0], depth)
        if not begin:
            self.fail("a value is missing, such as 3 or (3, 3),")
        self.fail(f"{begin!r} begins neither a number, a text, a row nor a name")

    def signed(self) -> Any:
        self.next()
        found = NAME.match(self.text, self.at)
        if found and found[0] in (module + name for module in ("", *MODULES) for name in ("inf", "nan")):
            self.at = found.end()
            return VALUES[found[0][-3:]]
        if not NUMBER.match(self.text, self.at):
            self.fail("a sign stands before something that is no number")
        return self.number()

    def number(self) -> Any:
        found = NUMBER.match(self.text, self.at)
        assert found
        end = found.end()
        if self.text[end : end + 1].isalnum() or self.text[end : end + 1] in ("_", "."):
            self.at = end
            self.fail(f"the number {found[0][:40]} is followed by {self.seen()}")
        made = number_of(found[0])
        if made is None:
            self.fail(
                f"an integer of {end - self.at} digits, where at most {DIGITS} are read,"
                if found[0].isdigit()
                else f"{found[0][:40]} lies beyond the range of a float (inf is infinity)"
            )
        self.at = end
        return made

    def string(self, quote: str) -> str:
        begin, made = self.at, []
        self.at += 1
        while True:
            c = self.text[self.at : self.at + 1]
            if not c or c == "\n":
                self.fail("a text in quotes does not end", begin)
            self.at += 1
            if c == quote:
                return "".join(made)
            made.append(self.escape() if c == "\\" else c)

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
            made = _numbers(plain[0])
            if made is not None:
                self.at = plain.end() + 1
                return tuple(made) if opened == "(" else made
        values, comma = [], False
        while self.next() != closing:
            if not self.next():
                self.fail(f"{opened!r} is not closed", begin)
            values.append(self.value(depth + 1))
            comma = self.next() == ","
            if comma:
                self.at += 1
            elif self.next() != closing:
                self.fail(f"{self.seen()} stands where ',' or {closing!r} is needed")
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
            found, begin = NAME.match(self.text, self.at), self.at
            if not found:
                self.fail("the name of a method is missing after '.'")
            name, self.at = found[0], found.end()
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
                self.fail(f"{self.seen()} stands where ',' or ')' is needed")
        self.at += 1
        return tuple(args), tuple(named.items())


def number_of(text: str) -> int | float | None:
    """The number that a text writes without a sign; None where it is too large to be read."""
    if text.isdigit():
        return int(text) if len(text) <= DIGITS else None
    made = float(text)
    return made if made != float("inf") else None


def _numbers(text: str) -> list[Any] | None:
    """A row of plain numbers, which long ones are; None where the grammar shall say what is wrong."""
    parts = text.split(",")
    if not parts[-1].strip(" \t\r\n"):
        del parts[-1]
    made: list[Any] = []
    for part in parts:
        part = part.strip(" \t\r\n")
        digits = part[1:] if part[:1] == "-" else part
        if not NUMBER.fullmatch(digits) or (number := number_of(digits)) is None:
            return None
        made.append(-number if digits is not part else number)
    return made
