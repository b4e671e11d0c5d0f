"""Tables of what exists, made from the registries; the README holds them between markers."""

from __future__ import annotations

import inspect
import os
import re
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..backends.recipes import RECIPES
from ..choose import BACKENDS, short_name
from ..errors import PoolingError
from ..expressions import KINDS
from ..orders import ORDERS, PARAMETRIC_ORDERS, Median, Mode, Order, Quantile, Rank
from ..reductions import PARAMETRIC, REDUCTIONS

MARKER = re.compile(r"(<!-- made by: anypool list --markdown (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def summary() -> str:
    """What exists for each choice, in a few lines of Markdown."""
    folds = [f"ap.{name}({_argument(kind)})" for name, kind in PARAMETRIC.items()]
    orders = [f"ap.{name}({_argument(kind)})" for name, kind in PARAMETRIC_ORDERS.items()]
    lines = [
        ("windows", _codes([*KINDS, "segments(…).sliding"])),
        ("reductions", f"{_codes(REDUCTIONS)} · {_codes(folds)} · a class of your own"),
        ("orders", f"{_codes(ORDERS)} · {_codes(orders)} · a class of your own"),
        ("weights", "masks · real weights · taps by place"),
        ("arrays", "NumPy · PyTorch, with gradients"),
        ("backends", _codes(short_name(b) for b in BACKENDS)),
    ]
    rows = [f"| {name} | {values} |" for name, values in lines]
    return "\n".join(["| choice | what exists |", "|---|---|", *rows])


def reductions() -> str:
    """Every reduction with its formula, its answer for an empty window, and whether it is compiled, in Markdown."""
    rows = ["| reduction | formula | of nothing | compiled | source |", "|---|---|---|---|---|"]
    rows += ["| " + " | ".join(row) + " |" for row in reduction_rows()]
    return "\n".join(rows)


def reduction_rows() -> list[tuple[str, ...]]:
    """One row a reduction: name, formula, value of an empty window, compiled or not, source."""
    found: list[tuple[str, ...]] = []
    for name, make in {**REDUCTIONS, **ORDERS}.items():
        found.append(_row(f'`"{name}"`', type(make())))
    for name, kind in {**PARAMETRIC, **PARAMETRIC_ORDERS}.items():
        found.append(_row(f"`ap.{name}({_argument(kind)})`", kind))
    return found


def _row(name: str, kind: Any) -> tuple[str, ...]:
    formula = str(kind.formula).replace("|", "\\|")
    return name, formula, "raises" if kind.empty is None else f"{kind.empty:g}", _compiled(kind), str(kind.source)


def _compiled(kind: Any) -> str:
    if issubclass(kind, Order):
        return "one rank of regular windows" if kind in (Median, Quantile, Rank, Mode) else "–"
    return "yes" if kind in RECIPES else "–"


def _argument(kind: Any) -> str:
    """The name of a reduction's first parameter."""
    return next(iter(inspect.signature(kind).parameters))


def _codes(names: Iterable[str]) -> str:
    return " · ".join(f"`{name}`" for name in names)


TABLES = {"summary": summary, "reductions": reductions}


def renewed(text: str) -> str:
    """The text with the tables between its markers made anew."""

    def table(found: re.Match[str]) -> str:
        if found[2] not in TABLES:
            raise PoolingError(f"no table is called {found[2]!r}: there are {', '.join(TABLES)}")
        return f"{found[1]}{TABLES[found[2]]()}\n{found[3]}"

    return MARKER.sub(table, text)


def renew(path: Path) -> bool:
    """Make the tables of a file anew, whole or not at all; whether anything changed."""
    try:
        old = path.read_text(encoding="utf-8")
    except OSError as error:
        raise PoolingError(f"{path} cannot be read: {error}") from None
    new = renewed(old)
    if MARKER.search(old) is None:
        raise PoolingError(f"{path} has no markers such as <!-- made by: anypool list --markdown summary -->")
    if new == old:
        return False
    handle, name = tempfile.mkstemp(suffix=path.suffix, dir=path.parent)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(new)
    os.chmod(name, path.stat().st_mode)
    os.replace(name, path)
    return True
