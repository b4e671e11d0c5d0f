"""Fixtures of all tests: profiles, the samples of the quick profile, poisoned memory, one
thread."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from sampling import QUICK, cover

if "PYTEST_XDIST_WORKER" in os.environ:  # workers share the cores: threads that wait for each other only burn them
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# A verdict belongs to a commit, not to a draw: only "long" looks elsewhere each time.
settings.register_profile("quick", max_examples=20, deadline=None, derandomize=True)
settings.register_profile("full", max_examples=100, deadline=None, derandomize=True)
settings.register_profile("long", max_examples=5000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "full"))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In the quick profile each function runs, and each value of a parameter runs once per file."""
    if not QUICK or any("[" in arg for arg in config.args):  # what is named runs
        return
    kept = cover({item.nodeid: parameters(item) for item in items})
    config.hook.pytest_deselected(items=[item for item in items if item.nodeid not in kept])
    items[:] = [item for item in items if item.nodeid in kept]


def parameters(item: pytest.Item) -> set[Any]:
    """The entries of the parametrize marks of this item, as values of its file."""
    found = set[Any]()
    for mark in item.iter_markers("parametrize"):
        names = mark.args[0].split(",") if isinstance(mark.args[0], str) else mark.args[0]
        found.add((item.nodeid.split("::")[0], *((name, id(item.callspec.params[name.strip()])) for name in names)))  # type: ignore[attr-defined]
    return found


@pytest.fixture(autouse=True, scope="session")
def quick_differences() -> Iterator[None]:
    """In the quick profile gradcheck compares one random direction, not the whole Jacobian."""
    torch = sys.modules.get("torch")  # collected files that need it have imported it
    with pytest.MonkeyPatch.context() as patch:
        if QUICK and torch is not None:
            for name in ("gradcheck", "gradgradcheck"):
                patch.setattr(torch.autograd, name, functools.partial(getattr(torch.autograd, name), fast_mode=True))
        yield


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
