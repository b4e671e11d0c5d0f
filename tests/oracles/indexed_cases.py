"""Boxes that tests of indexed windows share, and whether the reference answered."""

from __future__ import annotations

from typing import Any

import numpy as np

from anypool.engines.reference import indexed as lists_reference

RANDOM = np.random.default_rng(7)
BOXES = np.concatenate(
    [RANDOM.integers(0, 2, (11, 1)), np.sort(RANDOM.uniform(-3, 15, (11, 2, 2)), axis=1).reshape(11, 4)], 1
)


def watched(monkeypatch: Any) -> list[int]:
    """Grows whenever the reference answers."""
    heard, plain = list[int](), lists_reference.forward

    def spy(*args: Any) -> Any:
        heard.append(1)
        return plain(*args)

    monkeypatch.setattr(lists_reference, "forward", spy)
    return heard


def same(made: Any, wanted: Any, near: float) -> None:
    assert (made.dtype, made.shape) == (wanted.dtype, wanted.shape)
    if made.dtype.kind in "biu":
        assert np.array_equal(made, wanted)
    else:
        np.testing.assert_allclose(made.astype(float), wanted.astype(float), rtol=near, atol=20 * near)
