"""Rows and summaries as files and as text; each file is replaced as a whole."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path
from typing import Any

from ..atomic_write import write_text
from .trial import Row


def write_rows(out: Path, name: str, rows: list[Row]) -> None:
    """Write rows.json and rows.csv; a study with a name other than "study" adds it as a prefix."""
    plain = [r.plain() for r in rows]
    write_text(out / f"{prefix(name)}rows.json", json.dumps(plain, indent=1))
    flat = [{k: v for k, v in r.items() if not isinstance(v, list)} for r in plain]
    write_text(out / f"{prefix(name)}rows.csv", as_csv(flat))


def write_summary(out: Path, name: str, summary: list[dict[str, Any]]) -> None:
    """Write summary.json and summary.csv, with one record for each arm."""
    write_text(out / f"{prefix(name)}summary.json", json.dumps(finite(summary), indent=1))
    write_text(out / f"{prefix(name)}summary.csv", as_csv(summary))


def prefix(name: str) -> str:
    """The prefix of the file names of a study."""
    return "" if name == "study" else f"{name.lower().replace(' ', '-')}-"


def finite(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The records with None in place of NaN, which JSON cannot represent."""
    return [{k: None if isinstance(v, float) and math.isnan(v) else v for k, v in r.items()} for r in records]


def as_csv(records: list[dict[str, Any]]) -> str:
    """Records with equal keys as CSV."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(records[0]) if records else [])
    writer.writeheader()
    writer.writerows(records)
    return text.getvalue()


HEAD = ("arm", "seeds", "accuracy %", "Gaussian %", "salt %", "shift %", "parameters", "FLOPs", "KB", "ms", "train ms")


def cells(record: dict[str, Any]) -> tuple[str, ...]:
    """The table row of one arm."""

    def share(metric: str) -> str:
        mean, wide = record[metric], record[f"{metric}_interval"]
        if math.isnan(mean):
            return "–"
        return f"{mean * 100:.2f}" + ("" if math.isnan(wide) else f" ± {wide * 100:.2f}")

    def number(name: str, form: str, scale: float = 1.0) -> str:
        return "–" if math.isnan(record[name]) else format(record[name] * scale, form)

    return (
        record["arm"],
        str(record["seeds"]),
        *(share(m) for m in ("accuracy", "accuracy_gaussian", "accuracy_salt", "shift_consistency")),
        number("parameters", ",.0f"),
        number("flops", ",.0f"),
        number("memory_bytes", ",.1f", 1 / 1024),
        number("forward_ms", ".2f"),
        number("train_ms", ".2f"),
    )


def table(summary: list[dict[str, Any]]) -> str:
    """The summary as aligned text, followed by the verdicts."""
    rows = [HEAD, *(cells(r) for r in summary)]
    wide = [max(len(r[i]) for r in rows) for i in range(len(HEAD))]
    lines = [
        "  ".join(c.ljust(w) if not i else c.rjust(w) for i, (c, w) in enumerate(zip(r, wide, strict=True)))
        for r in rows
    ]
    return "\n".join([*lines, "", *(f"{r['arm']}: {r['verdict']}" for r in summary)])
