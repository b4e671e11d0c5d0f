"""Calls of pool as a plain, versioned text, and back. Reading a text calls only registered
names."""

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

VERSION = 1  # of the text format; it changes if an older reader would misunderstand a text
HEADER = re.compile(r"anypool/([0-9]{1,9}) ")
AGAIN = "export the program again with this version"
BESIDE = ("x", "weights", "out", "library")  # arguments that the text does not contain
FIXED = ("axes",)  # options that determine the number of axes of the result: one graph for each value


def traced(x: Any, windows: Any, reduction: Any, weights: Any, options: dict[str, Any]) -> Any:
    """The call as one opaque operator for each reduction; tensors in the windows (boxes, groups)
    are its tables."""
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

    reduction_text = reduction if isinstance(reduction, str) else described(reduction, parameter)
    windows_text = described(windows.deferred(), table)
    leaves = [(k, v, table if k == "log_weights" else plain) for k, v in options.items()]
    option_values = tuple([(k, with_values(v, leaf, k not in FIXED)) for k, v, leaf in leaves])
    text = text_of_call(windows_text, reduction_text, option_values, _exporting())
    return torch.ops.anypool.forward(x, weights, learned[0] if learned else None, tables, numbers, sizes, text)


def _exporting() -> bool:
    """Whether torch.export traces; another process may read its program."""
    is_exporting = getattr(torch.compiler, "is_exporting", None)
    return is_exporting is not None and is_exporting()


@constant
def text_of_call(windows: Any, reduction: Any, options: Any, lasting: bool) -> str:
    """The text of all arguments but tensors and symbols; `lasting`: valid in other processes."""
    defaults = _defaults()
    parts = [written(windows, lasting), written(reduction, lasting)]
    parts += [f"{k}={written(v, lasting)}" for k, v in options if written(v, lasting) != written(defaults[k])]
    return f"anypool/{VERSION} pool({', '.join(parts)})"


class _ParsedCall(NamedTuple):
    """The call of a text. Parts with operands are constructed when the graph runs."""

    windows: Any
    reduction: Any
    options: dict[str, Any]
    waiting: dict[str, Any]  # options with operands
    has_operands: bool


@lru_cache(maxsize=1024)
def _parse_call(text: str) -> _ParsedCall:
    header = HEADER.match(text)
    if not header:
        raise PoolingError(
            f"anypool::forward is given {shortened(text, 0)}, which is no call of anypool: "
            f"programs exported by version 0.1.0 carried a pickle, which is never read; {AGAIN}"
        )
    if int(header[1]) != VERSION:
        raise PoolingError(
            f"the program was exported by another anypool: its calls are of format {header[1]}, this "
            f"version reads {VERSION}; "
            f"install a version that reads it, or {AGAIN}"
        )
    source = Source(text, "the call of anypool::forward", "pool(windows, reduction)", "pool(whole(), 'max')")
    tree = parsed(source, header.end())
    if not isinstance(tree, Word) or tree.name != "pool":
        source.fail("pool is needed", header.end(), listing=True)
    arguments = Reader(source, {**KINDS, **FOLDS, **REGISTERED}, operands=True).arguments(tree, _pool())
    arguments = {**_defaults(), **arguments}
    windows, reduction = arguments.pop("windows"), arguments.pop("reduction")
    if not isinstance(windows, Pending) and not callable(getattr(windows, "plan", None)):
        source.fail("windows are needed in the call", tree.at, listing=True)
    if not isinstance(reduction, (str, Pending)) and not callable(getattr(reduction, "finish", None)):
        source.fail("a reduction is needed in the call", tree.at, listing=True)
    waiting = {k: v for k, v in arguments.items() if is_pending(v)}
    return _ParsedCall(windows, reduction, arguments, waiting, is_pending((windows, reduction)) or bool(waiting))


CHANGED.append(_parse_call.cache_clear)


def read(
    text: str, learned: Tensor | None, tables: Sequence[Tensor], numbers: Sequence[float] | int, sizes: Sequence[int]
) -> tuple[Any, Any, dict[str, Any]]:
    """The windows, the reduction and the options. Numbers that are not known yet are given by their
    count."""
    call = _parse_call(text)
    if not call.has_operands:
        return call.windows, call.reduction, call.options
    known = not isinstance(numbers, int)
    number_values = [UNKNOWN] * numbers if isinstance(numbers, int) else numbers
    operands = {
        "learned": [] if learned is None else [learned],
        "table": tables,
        "number": number_values,
        "size": sizes,
    }
    options = call.options
    if call.waiting:
        options = {**options, **{k: filled(v, operands, known) for k, v in call.waiting.items()}}
    windows, reduction = (
        filled(v, operands, known) if isinstance(v, Pending) else v for v in (call.windows, call.reduction)
    )
    return windows, reduction, options


@lru_cache(maxsize=1)
def _pool() -> Any:
    """A function whose parameters are the arguments of pool in a text."""

    def call(**arguments: Any) -> Any:
        return arguments

    signature = inspect.signature(evaluate)
    parameters = [p for p in signature.parameters.values() if p.name not in BESIDE]
    call.__signature__ = signature.replace(parameters=parameters)
    return call


def _defaults() -> dict[str, Any]:
    return {p.name: p.default for p in inspect.signature(_pool()).parameters.values()}
