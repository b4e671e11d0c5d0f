"""Interleaved measurements of the times of calls, and a description of the machine."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Any

Call = Callable[[], Any]


@dataclass(frozen=True)
class Ratio:
    """A speed-up: the median over rounds, and its quartiles."""

    before: float  # seconds
    after: float
    middle: float
    low: float
    high: float
    rounds: int

    def __str__(self) -> str:
        return f"{self.middle:.2f} times as fast ({self.low:.2f} to {self.high:.2f})"


def in_turns(calls: Sequence[Call], seconds: float, least: int = 5, most: int = 50) -> list[list[float]]:
    """The seconds of each call in each round, without the first round.

    Each round begins with another call.
    """
    times: list[list[float]] = [[] for _ in calls]
    begin, rounds = time.perf_counter(), -1
    while rounds < least or (time.perf_counter() - begin < seconds and rounds < most):
        for i in range(len(calls)):
            which = (i + rounds) % len(calls)
            start = time.perf_counter()
            calls[which]()
            took = time.perf_counter() - start
            if rounds >= 0:
                times[which].append(took)
        rounds += 1
    return times


def ratio(before: Sequence[float], after: Sequence[float]) -> Ratio:
    """The speed-up from `before` to `after`, from the ratios of the rounds."""
    each = [b / a for b, a in zip(before, after, strict=True)]
    low, middle, high = quantiles(each, n=4, method="inclusive")
    return Ratio(median(before), median(after), middle, low, high, len(each))


def fastest(
    calls: Mapping[str, Call],
    rounds: int = 15,
    patience: float = 1.0,
    known: Mapping[str, float] | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, float]:
    """The seconds of each call: the minimum over several rounds, each of which runs every call.

    patience: a call is skipped after this many seconds in total. known: seconds of earlier
    measurements, which count for `patience`. A call far below a millisecond is repeated within its
    round. clock: the wall clock, or `time.thread_time` for one thread on a busy machine.
    """
    best = {name: (known or {}).get(name, 0.0) for name in calls}
    spent = dict(best)
    for name, call in calls.items():
        if spent[name] < patience:
            best[name] = min(
                _seconds(call, 1, clock) for _ in range(1 if best[name] > 0.01 else 9)
            )  # the first ones are cold
    repeats = {name: max(1, min(int(1e-3 / max(seconds, 1e-7)), 1000)) for name, seconds in best.items()}
    for _ in range(rounds):
        for name, call in calls.items():
            if spent[name] < patience:
                seconds = _turn(call, repeats[name], clock)
                best[name] = min(best[name], seconds)
                spent[name] += seconds * repeats[name]
    return best


def _turn(call: Call, repeats: int, clock: Callable[[], float]) -> float:
    """The seconds of a call, after a pause that ends spinning threads and a call that starts its
    own.
    """
    time.sleep(0.003)
    if (first := _seconds(call, 1, clock)) > 0.2:
        return first
    return _seconds(call, repeats, clock)


def _seconds(call: Call, repeats: int, clock: Callable[[], float]) -> float:
    begin = clock()
    for _ in range(repeats):
        call()
    return (clock() - begin) / repeats


def machine() -> str:
    """The name of the processor and the number of cores, without the name of the host."""
    name = platform.processor() or platform.machine()
    listed = Path("/proc/cpuinfo")
    if listed.exists():
        lines = listed.read_text(encoding="utf-8", errors="replace").splitlines()
        name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), name)
    return f"{name}, {os.cpu_count()} cores"


def load() -> float:
    """The load average of the last minute; above the number of cores, times are not reliable."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
