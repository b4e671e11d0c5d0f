"""A call of pool as the operators' text, plain and versioned, and back: reading it runs nothing but registered names."""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ...arrays.adapter import is_numpy
from ...errors import PoolingError
from ...evaluation import evaluate
from ...expressions.describing import Symbol, described, with_values
from ...expressions.names import CHANGED, FOLDS, KINDS, REGISTERED
from ...expressions.reading import UNKNOWN, Pending, Reader, filled, is_pending
from ...expressions.syntax import Source, Word, parsed, shortened
from ...expressions.writing import written
from ...windows.arguments import constant
from .symbols import fixed, symbol

VERSION = 1  # of the text; another one where an older reader would misunderstand it
HEADER = re.compile(r"anypool/([0-9]{1,9}) ")
AGAIN = "export the program again with this version"
BESIDE = ("x", "weights", "out", "library")  # not in the text
FIXED = ("axes",)  # options that decide how many axes the result has: a graph for each value


def traced(x: Any, windows: Any, reduction: Any, weights: Any, options: dict[str, Any]) -> Any:
    """The call as one opaque operator a reduction; tensors that windows are made of (boxes, groups) are its tables."""
    if weights is not None and not isinstance(weights, Tensor):
        kind = None if is_numpy(weights) else torch.float64
        weights = torch.as_tensor(weights, dtype=kind, device=x.device)
    if isinstance(reduction, (tuple, list)):
        return tuple([traced(x, windows, r, weights, options) for r in reduction])
    learned: list[Tensor] = []
    tables: list[Tensor] = []
    numbers: list[Tensor] = []
    sizes: list[int] = []

    def plain(value: Any, varies: bool) -> Any:
        return symbol(value, numbers, sizes) if varies else fixed(value)

    def table(value: Any, varies: bool) -> Any:
        if not (isinstance(value, Tensor) or is_numpy(value)):
            return plain(value, varies)
        tables.append(value if isinstance(value, Tensor) else torch.as_tensor(value, device="cpu"))
        return (Symbol, "table", len(tables) - 1)

    def parameter(value: Any, varies: bool) -> Any:
        if learned or not (isinstance(value, Tensor) or is_numpy(value)):
            return table(value, varies)
        learned.append(value if isinstance(value, Tensor) else torch.as_tensor(value, device="cpu"))
        return (Symbol, "learned", 0)

    what = reduction if isinstance(reduction, str) else described(reduction, parameter)
    where = described(windows.deferred(), table)
    how = tuple([(k, with_values(v, plain, k not in FIXED)) for k, v in options.items()])
    text = text_of_call(where, what, how, _exporting())
    return torch.ops.anypool.forward(x, weights, learned[0] if learned else None, tables, numbers, sizes, text)


def _exporting() -> bool:
    """Whether torch.export traces, whose program another process may read."""
    asked = getattr(torch.compiler, "is_exporting", None)
    return asked is not None and asked()


@constant
def text_of_call(windows: Any, reduction: Any, options: Any, lasting: bool) -> str:
    """Everything but tensors and symbols; `lasting`: for other processes too."""
    defaults = _defaults()
    parts = [written(windows, lasting), written(reduction, lasting)]
    parts += [f"{k}={written(v, lasting)}" for k, v in options if written(v, lasting) != written(defaults[k])]
    return f"anypool/{VERSION} pool({', '.join(parts)})"


class _Told(NamedTuple):
    """What a text says; what needs operands is made once they are there."""

    windows: Any
    reduction: Any
    options: dict[str, Any]
    waiting: dict[str, Any]  # options that are operands
    waits: bool


@lru_cache(maxsize=1024)
def _told(text: str) -> _Told:
    found = HEADER.match(text)
    if not found:
        raise PoolingError(
            f"anypool::forward is given {shortened(text, 0)}, which is no call of anypool: "
            f"programs exported by version 0.1.0 carried a pickle, which is never read; {AGAIN}"
        )
    if int(found[1]) != VERSION:
        raise PoolingError(
            f"the program was exported by another anypool: its calls are of format {found[1]}, this version reads {VERSION}; "
            f"install a version that reads it, or {AGAIN}"
        )
    source = Source(text, "the call of anypool::forward", "pool(windows, reduction)", "pool(whole(), 'max')")
    tree = parsed(source, found.end())
    if not isinstance(tree, Word) or tree.name != "pool":
        source.fail("pool is needed", found.end(), listing=True)
    given = Reader(source, {**KINDS, **FOLDS, **REGISTERED}, operands=True).arguments(tree, _pool())
    given = {**_defaults(), **given}
    windows, reduction = given.pop("windows"), given.pop("reduction")
    if not isinstance(windows, Pending) and not callable(getattr(windows, "plan", None)):
        source.fail("windows are needed in the call", tree.at, listing=True)
    if not isinstance(reduction, (str, Pending)) and not callable(getattr(reduction, "finish", None)):
        source.fail("a reduction is needed in the call", tree.at, listing=True)
    waiting = {k: v for k, v in given.items() if is_pending(v)}
    return _Told(windows, reduction, given, waiting, is_pending((windows, reduction)) or bool(waiting))


CHANGED.append(_told.cache_clear)


def read(
    text: str, learned: Tensor | None, tables: Sequence[Tensor], numbers: Sequence[float] | int, sizes: Sequence[int]
) -> tuple[Any, Any, dict[str, Any]]:
    """The windows, the reduction and the options; of numbers that are not known yet, how many there are."""
    told = _told(text)
    if not told.waits:
        return told.windows, told.reduction, told.options
    known = not isinstance(numbers, int)
    given = [UNKNOWN] * numbers if isinstance(numbers, int) else numbers
    operands = {"learned": [] if learned is None else [learned], "table": tables, "number": given, "size": sizes}
    options = told.options
    if told.waiting:
        options = {**options, **{k: filled(v, operands, known) for k, v in told.waiting.items()}}
    windows, reduction = (
        filled(v, operands, known) if isinstance(v, Pending) else v for v in (told.windows, told.reduction)
    )
    return windows, reduction, options


@lru_cache(maxsize=1)
def _pool() -> Any:
    """A function with the arguments of pool that a text holds."""

    def call(**given: Any) -> Any:
        return given

    signature = inspect.signature(evaluate)
    kept = [p for p in signature.parameters.values() if p.name not in BESIDE]
    call.__signature__ = signature.replace(parameters=kept)  # type: ignore[attr-defined]
    return call


def _defaults() -> dict[str, Any]:
    return {p.name: p.default for p in inspect.signature(_pool()).parameters.values()}
