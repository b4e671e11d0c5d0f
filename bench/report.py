"""Rows to a table: `python -m bench.report` prints the newest results, or the file named."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
RIVALS = (
    "torch",
    "torch composed",
    "onnxruntime",
    "opencv",
    "scipy",
    "numpy",
    "bottleneck",
    "scikit-image",
    "our median",
)
AT_MOST = ("copy", "read", "plain", "us")  # targets that limit the time; the others are speed-ups
HEAD = (
    "case",
    "ms",
    "new ms",
    "GB/s",
    "÷ copy",
    "÷ new copy",
    "plain ms",
    "÷ plain",
    "× torch",
    "× composed",
    "× ORT",
    "× OpenCV",
    "× SciPy",
    "× NumPy",
    "× bottleneck",
    "× skimage",
    "× our median",
    "extra MB",
    "targets",
    "met",
    "by",
)
NOTE = """ms: into memory that is there (out=); new ms: the call makes its result. ÷ copy: the time over that of a copy that
moves as many bytes, both into memory that is there; ÷ new copy: both make new memory (÷ read for global pooling: over a
plain read). A target "copy" is held to the former where the call has out=, else to the latter. plain: the same call
without weights, or with full windows, as the name says. × torch, composed of torch, onnxruntime …: how many times as fast; "–" where it cannot do it (the JSON row says why).
extra MB: by how much the process grew at most in the first call, less its result. by: what answered; "reference" means that the compiled core does not serve the call yet."""


def cells(row: dict[str, Any]) -> tuple[str, ...]:
    """One row of the table."""
    ours, found = row["ours_ms"], row["reached"]
    outs = [ms for name, ms in ours.items() if name.endswith("out")]
    new = ours.get("torch new") or ours["numpy new"]
    speed = row["bytes"] / (min(outs, default=new) * 1e6)
    return (
        row["case"],
        _ms(min(outs)) if outs else "–",
        _ms(new),
        f"{speed:.1f}",
        _ratio(found.get("copy")) if outs else "–",
        f"read {_ratio(found['read'])}" if "read" in found else _ratio(found.get("copy new")),
        _ms(row["rivals_ms"]["plain"]["new"]) if "plain" in found else "–",
        _ratio(found.get("plain")),
        *(_ratio(found.get(r)) for r in RIVALS),
        f"{row['extra_bytes'] / 1e6:.1f}",
        ", ".join(_target(k, v) + _beside(k, found) for k, v in row["targets"].items()) or "–",
        verdict(row),
        "reference" if row["backend"].startswith("reference") else row["backend"],
    )


def verdict(row: dict[str, Any]) -> str:
    """Whether each target is met."""
    if not row["targets"]:
        return "–"
    missed = [k for k, v in row["targets"].items() if not _met(k, v, row["reached"])]
    return "yes" if not missed else "no: " + ", ".join(missed)


def _met(key: str, wanted: float, found: dict[str, float]) -> bool:
    if key in AT_MOST:
        return found.get(key, float("inf")) <= wanted
    return found.get(key, 0.0) >= wanted


def _target(key: str, wanted: float) -> str:
    if key == "us":
        return f"≤ {wanted:g} µs"
    return f"≤ {wanted:g} {key}" if key in AT_MOST else f"≥ {wanted:.3g}× {key}"


def _beside(key: str, found: dict[str, float]) -> str:
    """What was reached, where no column says it."""
    return "" if key in (*RIVALS, *AT_MOST) else f" ({_ratio(found.get(key))})"


def _ms(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _ratio(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}" if value < 10 else f"{value:.0f}"


def markdown(rows: list[dict[str, Any]]) -> str:
    """The table in Markdown, with what the columns mean and where it was measured."""
    lines = ["| " + " | ".join(HEAD) + " |", "|" + "---|" * len(HEAD)]
    lines += ["| " + " | ".join(cells(row)) + " |" for row in rows]
    return "\n".join([*lines, "", summary(rows), "", NOTE, "", where(rows)])


def summary(rows: list[dict[str, Any]]) -> str:
    """How many targets are met, and how many rows the reference answers."""
    aimed = [row for row in rows if row["targets"]]
    met = sum(verdict(row) == "yes" for row in aimed)
    slow = sum(row["backend"].startswith("reference") for row in rows)
    return f"{met} of {len(aimed)} rows with targets meet them; the reference answers {slow} of {len(rows)} rows."


def where(rows: list[dict[str, Any]]) -> str:
    """The machine, the versions and the date of the rows."""
    if not rows:
        return "no rows"
    row = rows[-1]
    versions = ", ".join(f"{name} {version}" for name, version in row["versions"].items())
    loads = [r["load"] for r in rows]
    return f"{row['machine']}, load {min(loads):.1f} … {max(loads):.1f}, {row['threads']} threads, {row['clock']}; {versions}; {row['date']}{' (quick)' if row['quick'] else ''}"


def read(path: Path) -> list[dict[str, Any]]:
    """The rows of one results file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def main() -> None:
    """Print the table of the file named, or of the newest."""
    named = [Path(word) for word in sys.argv[1:]]
    path = named[0] if named else max(RESULTS.glob("*.jsonl"), default=None)
    if path is None:
        raise SystemExit("no results yet: python -m bench.run")
    print(markdown(read(path)))


if __name__ == "__main__":
    main()
