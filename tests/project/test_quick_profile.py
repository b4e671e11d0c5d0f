"""The quick profile runs each value of each parameter and each window kind; the full one, all
tests."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import sampling
from element_types import DTYPES
from fold_cases import FOLDS
from windows_cases import CASES


def test_samples_of_all_reductions_hold_every_window(monkeypatch: Any) -> None:
    monkeypatch.setattr(sampling, "QUICK", True)
    for every in (3, 5):
        samples = [sampling.spread(CASES, every, name, DTYPES[0]) for name in FOLDS]
        assert set().union(*samples) == set(CASES)
        assert all(abs(len(s) - len(CASES) / every) < 1 and s == sorted(s, key=list(CASES).index) for s in samples)
    monkeypatch.setattr(sampling, "QUICK", False)
    assert sampling.spread(CASES, 3, "any") == list(CASES)


def test_a_product_keeps_every_value_and_little_more() -> None:
    values = {f"test[{a}-{b}]": {("a", a), ("b", b)} for a, b in itertools.product(range(46), range(13))}
    values |= {f"alone[{a}]": {("alone", a)} for a in range(9)} | {"plain": set()}
    values |= {f"same[{a}]": {("alone", a)} for a in range(9)}
    kept = sampling.cover(values)
    assert set().union(*(values[k] for k in kept)) == set().union(*values.values())
    assert {k.split("[")[0] for k in kept} == {"test", "alone", "same", "plain"}
    assert len(kept) < 46 + 13 + 1 + 9 + 2
    assert kept == sampling.cover(dict(reversed(values.items())))


@pytest.mark.parametrize("a", range(5))
@pytest.mark.parametrize("b", range(4))
def test_products_are_sampled_in_the_quick_profile(a: int, b: int, request: Any) -> None:
    """The hook is at work: of these twenty at most eight are left."""
    mine = [item for item in request.session.items if item.name.split("[")[0] == request.function.__name__]
    if len(mine) > 1:
        assert len(mine) == 20 if not sampling.QUICK else len(mine) <= 8
