"""Shared fixtures: hypothesis profiles; fresh memory is poisoned before the library sees it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import settings

# A verdict belongs to a commit, not to a draw: only "long" looks elsewhere each time.
settings.register_profile("quick", max_examples=20, deadline=None, derandomize=True)
settings.register_profile("full", max_examples=100, deadline=None, derandomize=True)
settings.register_profile("long", max_examples=5000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "full"))


@pytest.fixture(autouse=True, scope="session")
def poisoned() -> Iterator[None]:
    """np.empty gives NaN (or a senseless integer), so that an element nobody wrote is seen."""
    fresh = np.empty

    def empty(*args: Any, **options: Any) -> Any:
        made = fresh(*args, **options)
        if made.dtype.kind != "O" and made.nbytes < 2**26:
            made.view(np.ndarray).reshape(-1).view(np.uint8)[...] = 0xFF if made.dtype.kind in "fV" else 0xA5
        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(np, "empty", empty)
        yield
