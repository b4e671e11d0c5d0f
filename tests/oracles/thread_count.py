"""A number of threads for some calls; afterwards the former number."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import anypool as ap


@contextmanager
def threads(n: int) -> Iterator[None]:
    """Calls inside the block use n threads."""
    before = ap.get_num_threads()
    ap.set_num_threads(n)
    try:
        yield
    finally:
        ap.set_num_threads(before)
