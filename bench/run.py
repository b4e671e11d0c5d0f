"""`python -m bench.run`: each case and its rivals; rows in bench/results, a table on the screen."""

from __future__ import annotations

import argparse
import json
import re
import time
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch

import anypool as ap
from anypool.engines.folds import native as cpu
from anypool.timing import machine

from .cases import Case
from .irregular import every
from .measure import WrongResult, as_json, measure
from .ours import TooSlow
from .report import HEAD, NOTE, RESULTS, cells, summary, where

PACKAGES = ("numpy", "torch", "onnxruntime", "opencv-python-headless", "scipy", "bottleneck", "scikit-image")
WIDTHS = (34, 7, 7, 6, 6, 10, 8, 7, 7, 10, 6, 8, 7, 7, 12, 9, 12, 8)


def main() -> None:
    """Measure what the arguments ask for; exit status 1 if a gate was red."""
    asked = _arguments()
    if asked.busy and asked.threads != 1:
        raise SystemExit("--busy counts the time of one thread: add --threads 1")
    torch.set_num_threads(asked.threads)
    ap.set_num_threads(asked.threads)
    chosen = [c for c in every() if re.search(asked.filter, f"{c.group}: {c.name}")]
    if not chosen:
        raise SystemExit(
            f"no case matches {asked.filter!r}; there are " + ", ".join(sorted({c.group for c in every()}))
        )
    if asked.quick:
        chosen = [c.smaller() for c in chosen]
    now = datetime.now(timezone.utc)
    about = {
        "machine": machine(),
        "threads": asked.threads,
        "isa": cpu.status()[0],
        "versions": versions(),
        "clock": "thread time" if asked.busy else "wall",
        "date": now.isoformat(timespec="seconds"),
        "quick": asked.quick,
    }
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{now:%Y-%m-%d-%H%M%S}.jsonl"
    rows, red, slow = _run(chosen, about, path, asked)
    print("\n".join(["", summary(rows), *slow]))
    print(f"\n{NOTE}\n\n{where(rows)}\n\nthe rows: {path.relative_to(RESULTS.parent.parent)}")
    if red:
        raise SystemExit("\n".join(["\nred gates, not timed:", *red]))


def _run(
    chosen: list[Case], about: dict[str, Any], path: Any, asked: Any
) -> tuple[list[dict[str, Any]], list[str], list[str]]:
    """The rows; the red gates; the cases that were too slow."""
    rows: list[dict[str, Any]] = []
    red: list[str] = []
    slow: list[str] = []
    clock = time.thread_time if asked.busy else time.perf_counter
    print(_line(HEAD))
    with path.open("w", encoding="utf-8") as file:
        for case in chosen:
            rounds, patience = (2, 0.2) if asked.quick else (asked.rounds, case.patience)
            try:
                row = measure(case, asked.threads, rounds, patience, clock=clock)
            except TooSlow as error:
                slow.append(f"{case.name}: not timed: {error}")
                print(slow[-1], flush=True)
                continue
            except WrongResult as error:
                red.append(str(error))
                print(f"{case.name}: RED, not timed: {error}", flush=True)
                continue
            rows.append({**as_json(row), **about})
            file.write(json.dumps(rows[-1], ensure_ascii=False) + "\n")
            file.flush()
            print(_line(cells(rows[-1])), flush=True)
    return rows, red, slow


def _line(row: tuple[str, ...]) -> str:
    numbers = " ".join(c.rjust(w) for c, w in zip(row[1:], WIDTHS[1:], strict=False))
    return f"{row[0].ljust(WIDTHS[0])} {numbers}  {' | '.join(row[len(WIDTHS) :])}"


def versions() -> dict[str, str]:
    """The versions of what is compared."""
    found = {"anypool": ap.__version__}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "absent"
    return found


def _arguments() -> Any:
    parser = argparse.ArgumentParser(prog="python -m bench.run", description=__doc__)
    parser.add_argument(
        "--filter", default="", help="a regular expression over 'group: name', such as '^table' or SPPF"
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument(
        "--quick", action="store_true", help="a sixteenth of each batch, two rounds: a look, no figures"
    )
    parser.add_argument(
        "--busy", action="store_true", help="count one thread's own time: for a machine that others use"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
