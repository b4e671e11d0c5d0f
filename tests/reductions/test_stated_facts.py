"""The facts that a fold states about its computation: a changed subclass does not inherit them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import anypool as ap
from anypool.arrays.ops import absolute
from anypool.reductions import REDUCTIONS, Fold, fact
from anypool.reductions.extremes import ArgMax, ArgMin, Max, Min, Range
from anypool.reductions.sums import Count, Mean, Prod, Sum

BASES = (Sum, Mean, Max, Min, Prod, Count, Range, ArgMax, ArgMin)
GROUPS = [0, 1, 1, 0, 2, 1, 0, 1]
X = np.array([[3.0, -4.0, 2.0, -5.0, 1.0, 4.0, -1.0, -2.0], [-1.0, 2.0, -7.0, 6.0, 2.0, -3.0, 5.0, 1.0]])


def of_magnitudes(base: type[Fold]) -> type[Fold]:
    """The fold of |x|: only `step` changes."""

    def step(self: Any, state: Any, x: Any, w: Any, at: Any) -> Any:
        return base.step(self, state, absolute(x), w, at)

    return type(f"{base.__name__}OfMagnitudes", (base,), {"step": step})


def test_a_subclass_that_changes_its_computation_states_no_fact() -> None:
    for base in BASES:
        renamed = type("Renamed", (base,), {"name": "renamed", "__doc__": "Another name."})()
        changed = of_magnitudes(base)()
        for name in ("merges_with", "divides"):
            assert fact(renamed, name) == fact(base(), name)
            assert fact(changed, name) == getattr(Fold, name)
        assert (fact(renamed, "difference_of") is None) == (base is not Range)
        assert fact(changed, "difference_of") is None


def test_another_class_than_a_fold_states_no_fact() -> None:
    plain = type("Plain", (), {"merges_with": "max", "difference_of": (1, 2)})()
    assert fact(plain, "merges_with") == "" and fact(plain, "difference_of") is None
    assert fact(ap.Median(), "merges_with") == ""


def test_the_stated_operation_is_that_of_merge() -> None:
    merges = {"sum": np.add, "max": np.maximum, "min": np.minimum, "prod": np.multiply}
    a, b = np.array([1.0, 5.0]), np.array([4.0, 3.0])
    stated = [make() for make in REDUCTIONS.values() if fact(make(), "merges_with")]
    assert {fact(r, "merges_with") for r in stated} == set(merges)
    for r in stated:
        zero, at = np.zeros(2), np.zeros(2, np.int64)
        states = [r.step(r.init(zero), v, np.ones(2), at) for v in (a, b)]
        values = [state[0] for state in states]
        want = merges[fact(r, "merges_with")](*values)
        np.testing.assert_array_equal(r.merge(*states)[0], want)


@pytest.mark.parametrize("base", BASES, ids=lambda b: b.__name__)
@pytest.mark.parametrize("dtype", ["float32", "float64", "int16"])
@pytest.mark.parametrize("masked", [False, True], ids=["plain", "masked"])
def test_a_changed_subclass_computes_what_it_defines(base: Any, dtype: str, masked: bool) -> None:
    x, weights = X.astype(dtype), (X < 4.5) if masked else None
    for windows in (ap.groups(GROUPS), ap.sliding((3,), 2, 1)):
        got = ap.pool(x, windows, of_magnitudes(base)(), axes=1, weights=weights)
        want = ap.pool(np.abs(x), windows, base(), axes=1, weights=weights)
        np.testing.assert_allclose(got, want, rtol=1e-6)


@pytest.mark.parametrize("base", [Max, Min, Range, Sum, Mean], ids=lambda b: b.__name__)
def test_a_renamed_subclass_has_the_gradient_of_its_base(base: Any) -> None:
    renamed = type("Renamed", (base,), {"name": "renamed"})
    for windows in (ap.groups(GROUPS), ap.sliding((3,), 2, 1)):
        gradients = []
        for reduction in (base(), renamed()):
            x = torch.tensor(X, dtype=torch.float32, requires_grad=True)
            ap.pool(x, windows, reduction, axes=1).square().sum().backward()
            gradients.append(x.grad)
        torch.testing.assert_close(*gradients)


def test_a_changed_position_of_a_large_window() -> None:
    x = np.arange(-5000, 5000, dtype=np.int64)
    assert int(ap.pool(x, ap.whole(), ArgMax(), backend="cpu").item()) == 9999
    assert int(ap.pool(x, ap.whole(), of_magnitudes(ArgMax)()).item()) == 0
    assert int(ap.pool(x, ap.whole(), of_magnitudes(ArgMin)()).item()) == 5000
