"""Windows made of tensors while torch.compile traces: the numbers are read when the graph runs."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np

from ..words import library
from .kind import Kind

Made = TypeVar("Made")
Shape = Callable[[dict[str, Any], tuple[Any, ...], "tuple[int, ...] | None", Callable[[], Any]], tuple[Any, ...]]
MAKERS: dict[str, tuple[Any, Shape]] = {}  # a window kind that reads numbers, and the shape of its result without them


@dataclass(frozen=True, eq=False)
class Deferred(Kind):
    """A call of boxes, groups or segments whose tensors the graph will hold; everything else is known."""

    maker: str
    names: tuple[str, ...]  # which arguments the tables are
    options: tuple[tuple[str, Any], ...]  # the other arguments
    changes: tuple[tuple[str, Any], ...] = ()  # of the windows, once they are made
    tables: tuple[Any, ...] = ()

    def facts(self) -> tuple[Any, ...]:
        """What makes these windows, tables apart."""
        return (self.maker, self.names, self.options, self.changes)

    def made_of(self, tables: Any) -> Any:
        """The windows, now that there are numbers."""
        made = MAKERS[self.maker][0](**dict(zip(self.names, tables, strict=True)), **dict(self.options))
        return replace(made, **dict(self.changes)) if self.changes else made

    def symbolic(self) -> bool:
        return True

    def but(self, **changes: Any) -> Any:
        """The same windows with other fields."""
        return replace(self, changes=(*self.changes, *changes.items()))

    def plan(self, shape: tuple[int, ...], axes: tuple[int, ...] | None) -> Any:
        return self.made_of(self.tables).plan(shape, axes)

    def shape_of(
        self, tables: Any, shape: tuple[Any, ...], axes: tuple[int, ...] | None, fresh: Callable[[], Any]
    ) -> tuple[Any, ...]:
        """Shape of the result from the tables' shapes; `fresh` makes a length that only the numbers will tell."""
        given = {**dict(self.options), **dict(zip(self.names, tables, strict=True)), **dict(self.changes)}
        return MAKERS[self.maker][1](given, shape, axes, fresh)


def deferred(*names: str, shape: Shape) -> Callable[[Made], Made]:
    """Mark a function that reads the numbers of its arguments: while torch.compile traces, they stay in the graph.

    names: of the arguments that may be given by position.
    """

    def marked(make: Made) -> Made:
        call: Any = make
        maker: str = call.__name__
        MAKERS[maker] = (call, shape)

        @functools.wraps(call)
        def made(*args: Any, **options: Any) -> Any:
            torch = sys.modules.get("torch")
            if torch is not None and torch.compiler.is_compiling():
                return later(maker, {**dict(zip(names, args, strict=False)), **options})
            return call(*args, **options)

        return made  # type: ignore[return-value]

    return marked


def later(maker: str, given: dict[str, Any]) -> Deferred:
    """The call for when the graph runs: arrays and tensors as tables, other arguments as they are."""
    torch: Any = sys.modules["torch"]
    arrays = (torch.Tensor, np.ndarray)
    names: list[str] = []
    tables: list[Any] = []
    options: list[tuple[str, Any]] = []
    for name, value in given.items():
        if isinstance(value, (list, tuple)) and value and all(isinstance(v, arrays) and v.ndim == 2 for v in value):
            value = numbered([_table(torch, v) for v in value])
        if isinstance(value, arrays):
            names.append(name)
            tables.append(_table(torch, value))
        else:
            options.append((name, value))
    return Deferred(maker, tuple(names), tuple(options), (), tuple(tables))


def _table(torch: Any, value: Any) -> Any:
    return torch.as_tensor(value, device="cpu") if isinstance(value, np.ndarray) else value


def numbered(parts: Any) -> Any:
    """One tensor of rows, each begun by the number of the tensor that it comes from."""
    concatenate = library(*parts).cat
    return concatenate([concatenate([b.new_full((len(b), 1), i), b], 1) for i, b in enumerate(parts)])
