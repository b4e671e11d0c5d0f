"""Names that a test registers for windows and reductions, and a reduction with any parameter."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import anypool as ap
from anypool.expressions import names


class Holder(ap.Fold):
    """A reduction that holds anything."""

    def __init__(self, value: Any, *, also: Any = None) -> None:
        super().__init__()
        self.value, self.also = value, also


@contextmanager
def forgotten() -> Iterator[None]:
    """What is registered inside is forgotten afterwards."""
    before, known = dict(names.REGISTERED), dict(names.NAMES)
    try:
        yield
    finally:
        for now, then in ((names.REGISTERED, before), (names.NAMES, known)):
            now.clear()
            now.update(then)
