"""`anypool bench`: times of a few calls, of torch's functions, and of a copy of the same bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import windows as kinds
from ..api import pool
from ..explanation import explain
from ..lazy import there
from ..timing import Call, fastest


@dataclass(frozen=True)
class Speed:
    """The best times of one call in milliseconds; `torch` is None if torch is not installed."""

    call: str
    ours: float
    torch: float | None
    copy: float
    backend: str


def speeds(shape: tuple[int, ...] = (8, 64, 112, 112), threads: int = 0) -> list[Speed]:
    """The times of a few calls on a float32 batch, of torch's functions, and of a copy of the same
    bytes.

    anypool and the copy write into existing memory (`out=`). torch allocates its result, because
    these functions have no `out`.
    """
    x = np.random.default_rng(0).standard_normal(shape, np.float32)
    own: Any = None
    if there("torch"):
        from ..nn import own_calls as own  # torch is optional

        if threads:
            own.set_threads(threads)
    rows: list[Speed] = []
    for size, stride, padding in [(2, 2, 0), (3, 2, 1), (3, 1, 1), (7, 1, 3), (15, 1, 7)]:
        windows = kinds.sliding((size, size), stride, padding, count="padded")
        for name in ("max", "mean"):
            y = pool(x, windows, name)
            half = (x.nbytes + y.nbytes) // 2
            source, target = np.ones(half, np.uint8), np.zeros(half, np.uint8)
            calls: dict[str, Call] = {
                "ours": lambda w=windows, n=name, o=y: pool(x, w, n, out=o),
                "copy alone": lambda s=source, t=target: np.copyto(t, s),
            }
            if own is not None:
                calls["copy"] = own.copying(source, target)
                calls["torch"] = own.pooling(name, x, size, stride, padding)
            best = fastest(calls, 9, 0.6)
            rows.append(
                Speed(
                    f"{name} {size}×{size}/{stride}",
                    best["ours"] * 1e3,
                    best["torch"] * 1e3 if "torch" in best else None,
                    min(best[c] for c in best if c.startswith("copy")) * 1e3,
                    explain(x, windows, name).backend,
                )
            )
    return rows


def speed_table(rows: list[Speed]) -> Any:
    """The rows as a table for the terminal."""
    from rich.table import Table

    table = Table(title="float32, 8×64×112×112: best of several rounds, milliseconds")
    table.add_column("call")
    for head in ("anypool", "torch", "copy", "× torch", "÷ copy", "backend"):
        table.add_column(head, justify="right")
    for r in rows:
        torch, times = (f"{r.torch:.2f}", f"{r.torch / r.ours:.3g}") if r.torch else ("–", "–")
        table.add_row(r.call, f"{r.ours:.2f}", torch, f"{r.copy:.2f}", times, f"{r.ours / r.copy:.2f}", r.backend)
    return table
