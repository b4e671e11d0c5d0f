"""The part of a product that a test runs: all of it, or a spread sample in the quick profile."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable, Mapping
from typing import TypeVar

T = TypeVar("T")
QUICK = os.environ.get("HYPOTHESIS_PROFILE") == "quick"


def spread(items: Iterable[T], every: int, *of: object) -> list[T]:
    """All items; in the quick profile each `every`-th, from a start that `of` determines."""
    found = list(items)
    return found[zlib.crc32(repr(of).encode()) % every :: every] if QUICK else found


def cover(values: Mapping[str, set[object]]) -> set[str]:
    """A subset of the tests with each value of a parameter and each function, ordered by hash."""
    seen, kept = set[object](), set[str]()
    for test in sorted(values, key=lambda test: zlib.crc32(test.encode())):
        needed = {*values[test], test.split("[")[0]}
        if not needed <= seen:
            kept.add(test)
            seen |= needed
    return kept
