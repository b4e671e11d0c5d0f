"""Tables of all windows and reductions, from the registries; the README contains them between
markers.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from ..atomic_write import write_text
from ..engines import BACKENDS
from ..engines.native.library import library
from ..errors import PoolingError
from ..explanation import explain
from ..expressions import KINDS
from ..order_statistics import ORDERS, PARAMETRIC_ORDERS, Rank
from ..reductions import PARAMETRIC, REDUCTIONS
from ..windows import boxes, sliding

MARKER = re.compile(r"(<!-- made by: anypool list --markdown (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def summary() -> str:
    """The table of all choices in Markdown."""
    folds = [f"ap.{name}({_argument(kind)})" for name, kind in PARAMETRIC.items()]
    orders = [f"ap.{name}({_argument(kind)})" for name, kind in PARAMETRIC_ORDERS.items()]
    lines = [
        ("windows", _codes([*KINDS, "segments(…).sliding"])),
        ("reductions", f"{_codes(REDUCTIONS)} · {_codes(folds)} · a class of your own"),
        ("orders", f"{_codes(ORDERS)} · {_codes(orders)} · a class of your own"),
        ("weights", "masks · real weights · logarithms of weights · footprints"),
        ("arrays", "NumPy · PyTorch, with gradients · the Array API standard, by the reference"),
        ("backends", _codes(BACKENDS)),
    ]
    rows = [f"| {name} | {values} |" for name, values in lines]
    return "\n".join(["| choice | what exists |", "|---|---|", *rows])


def reductions() -> str:
    """The table of reductions in Markdown: formula, value of an empty window, compiled calls,
    source.
    """
    rows = ["| reduction | formula | empty window | compiled for | source |", "|---|---|---|---|---|"]
    rows += ["| " + " | ".join(row) + " |" for row in reduction_rows()]
    return "\n".join(rows)


def reduction_rows() -> list[tuple[str, ...]]:
    """One row for each reduction: name, formula, value of an empty window, compiled calls,
    source.
    """
    rows: list[tuple[str, ...]] = []
    for name, make in {**REDUCTIONS, **ORDERS}.items():
        rows.append(_row(f'`"{name}"`', make()))
    for name, kind in {**PARAMETRIC, **PARAMETRIC_ORDERS}.items():
        rows.append(_row(f"`ap.{name}({_argument(kind)})`", _sample(kind)))
    return rows


def _row(name: str, reduction: Any) -> tuple[str, ...]:
    formula, empty = str(reduction.formula).replace("|", "\\|"), type(reduction).empty
    source = str(reduction.source)
    return name, formula, "raises" if empty is None else f"{empty:g}", _compiled(reduction), source


# Calls on float32 of 8×8: regular windows, a mask, real weights, boxes.
_ONES = np.ones((1, 1, 8, 8), np.float32)
PROBES: dict[str, tuple[Any, Any]] = {
    "windows": (sliding((3, 3), 1), None),
    "masks": (sliding((3, 3), 1), _ONES > 0),
    "weights": (sliding((3, 3), 1), _ONES),
    "boxes": (boxes([[0, 0.0, 0.0, 6.0, 6.0]], (2, 2)), None),
}
# Values of parameters without a default.
SAMPLES: dict[str, Any] = {
    "p": 3.0, "q": 0.25, "k": 1, "lower": 0.1, "upper": 0.1, "weights": np.ones(81), "r": 1.0, "beta": 1.0,
    "order": Rank(1),
}  # fmt: skip


def _sample(kind: Any) -> Any:
    """A reduction of this kind."""
    parameters = inspect.signature(kind).parameters.values()
    return kind(*(SAMPLES[p.name] for p in parameters if p.default is p.empty))


def _compiled(reduction: Any) -> str:
    """The calls that the compiled core computes; the reference computes the others."""
    if library() is None:
        return "–"
    served = [
        name
        for name, (windows, weights) in PROBES.items()
        if explain(_ONES, windows, reduction, axes=(0, 2, 3) if name == "boxes" else (2, 3), weights=weights).backend
        == "cpu"
    ]
    return ", ".join(served) or "–"


def _argument(kind: Any) -> str:
    """The name of a reduction's first parameter."""
    return next(iter(inspect.signature(kind).parameters))


def _codes(names: Iterable[str]) -> str:
    return " · ".join(f"`{name}`" for name in names)


TABLES = {"summary": summary, "reductions": reductions}


def updated(text: str) -> str:
    """The text with current tables between its markers."""

    def table(match: re.Match[str]) -> str:
        if match[2] not in TABLES:
            raise PoolingError(f"no table is called {match[2]!r}: the tables are {', '.join(TABLES)}")
        return f"{match[1]}{TABLES[match[2]]()}\n{match[3]}"

    return MARKER.sub(table, text)


def update(path: Path) -> bool:
    """Write current tables into a file; returns whether anything changed."""
    try:
        old = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PoolingError(f"{path} cannot be read as text: {error}") from None
    new = updated(old)
    if MARKER.search(old) is None:
        raise PoolingError(f"{path} has no markers such as <!-- made by: anypool list --markdown summary -->")
    if new == old:
        return False
    write_text(path, new)
    return True
