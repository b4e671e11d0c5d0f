"""Times of calls taken in turns, so that what slows the machine slows each; and how many times as fast one is."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Any


@dataclass(frozen=True)
class Ratio:
    """How many times as fast: the median over rounds, and the quarters below and above which a quarter of rounds lie."""

    before: float  # seconds
    after: float
    middle: float
    low: float
    high: float
    rounds: int

    def __str__(self) -> str:
        return f"{self.middle:.2f} times as fast ({self.low:.2f} to {self.high:.2f})"


def in_turns(calls: Sequence[Callable[[], Any]], seconds: float, least: int = 5, most: int = 50) -> list[list[float]]:
    """The seconds of each call in every round; each round begins with another call. The first round does not count."""
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
    """What `after` gains, round by round."""
    each = [b / a for b, a in zip(before, after, strict=True)]
    low, middle, high = quantiles(each, n=4, method="inclusive")
    return Ratio(median(before), median(after), middle, low, high, len(each))
