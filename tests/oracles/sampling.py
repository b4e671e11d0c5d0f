"""How much of a product a test takes: all of it, or in the quick profile a sample that is spread by what the test is of."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable, Mapping
from typing import TypeVar

T = TypeVar("T")
QUICK = os.environ.get("HYPOTHESIS_PROFILE") == "quick"


def spread(items: Iterable[T], every: int, *of: object) -> list[T]:
    """All items; in the quick profile each `every`-th, from one that `of` decides, so that other tests take the others."""
    found = list(items)
    return found[zlib.crc32(repr(of).encode()) % every :: every] if QUICK else found


def cover(values: Mapping[str, set[object]]) -> set[str]:
    """Enough of the tests that each value is one of theirs, and each function has one; in an order by hash."""
    seen, kept = set[object](), set[str]()
    for test in sorted(values, key=lambda test: zlib.crc32(test.encode())):
        needed = {*values[test], test.split("[")[0]}
        if not needed <= seen:
            kept.add(test)
            seen |= needed
    return kept
