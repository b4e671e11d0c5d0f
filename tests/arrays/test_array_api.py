"""Arrays of the Array API standard: the result is of their library and equals NumPy's."""

from __future__ import annotations

import sys
from typing import Any

import array_api_strict as xp
import numpy as np
import pytest
from fold_cases import FOLDS
from order_cases import ORDERS
from sampling import spread
from windows_cases import CASES, SHAPE

import anypool as ap

REDUCTIONS: dict[str, Any] = {**FOLDS, **{name: case.order for name, case in ORDERS.items()}}
RANDOM = np.random.default_rng(3)
X = RANDOM.normal(size=SHAPE)
MASK = RANDOM.random(SHAPE) > 0.3
WEIGHTS = np.where(MASK, RANDOM.integers(0, 9, SHAPE) / 8, 0)
HOLED = np.where(RANDOM.random(SHAPE) > 0.3, X, np.nan)
BOXES = [[0, 1, 1, 4.5, 5], [1, -1, 0, 3, 9]]
IRREGULAR: dict[str, tuple[Any, Any]] = {
    "groups": (ap.groups(RANDOM.integers(0, 4, SHAPE[2:])), (2, 3)),
    "pyramid": (ap.pyramid((1, 2, 4)), None),
    **{
        f"boxes, {reading}": (ap.boxes(BOXES, 2, reading=reading), None)
        for reading in ("quantised", "sampled", "exact")
    },
    "rotated boxes": (ap.boxes([[0, 3, 2, 4, 2, 30.0]], 2, reading="sampled", rotated="clockwise"), None),
}
WINDOWS = {**{name: (case.windows, case.axes) for name, case in CASES.items()}, **IRREGULAR}


def answer(x: Any, windows: Any, reduction: Any, axes: Any, **options: Any) -> Any:
    """The result, or the sentence that refuses it."""
    try:
        return ap.pool(x, windows, reduction, axes=axes, **options)
    except ap.PoolingError as error:
        return str(error)


def as_numpy(y: Any) -> np.ndarray:
    assert isinstance(y, type(xp.asarray(0.0)))
    return np.asarray(np.from_dlpack(xp.astype(y, xp.uint8)), bool) if y.dtype == xp.bool else np.from_dlpack(y)


def agrees(x: np.ndarray, windows: Any, reduction: Any, axes: Any, weights: Any = None, **options: Any) -> bool:
    """Whether both libraries give the same numbers (True) or refuse in the same words (False)."""
    want = answer(x, windows, reduction, axes, weights=weights, backend="reference", **options)
    given = None if weights is None else xp.asarray(weights)
    got = answer(xp.asarray(x), windows, reduction, axes, weights=given, **options)
    if isinstance(want, str) or isinstance(got, str):
        assert got == want
        return False
    numbers = as_numpy(got)
    assert numbers.dtype == want.dtype
    np.testing.assert_allclose(numbers, want, rtol=1e-12, atol=1e-12)
    return True


@pytest.mark.parametrize("name", REDUCTIONS)
def test_every_window_kind(name: str) -> None:
    some = spread(WINDOWS.values(), 6, name)
    assert sum(agrees(X, windows, REDUCTIONS[name], axes) for windows, axes in some) > len(some) // 2


@pytest.mark.parametrize("name", REDUCTIONS)
def test_weights_masks_nan_and_integers(name: str) -> None:
    calls: list[tuple[np.ndarray, dict[str, Any]]] = [
        (X, {"weights": WEIGHTS}),
        (X, {"weights": MASK}),
        (X, {"weights": WEIGHTS[:1, :1, :, :1]}),
        (HOLED, {"nan": "omit"}),
        (HOLED, {"nan": "omit", "weights": MASK}),
        (HOLED, {}),
        ((X * 4).astype("int16"), {}),
        (X.astype("float32"), {"weights": MASK, "empty": 2.0}),
    ]
    seen = 0
    for i, (x, options) in enumerate(calls):
        for windows, axes in spread(list(WINDOWS.values())[i % 3 :: 3], 6, name, i):
            seen += agrees(x, windows, REDUCTIONS[name], axes, **options)
    assert seen > 8


@pytest.mark.parametrize("name", ["any", "all", "max", "sum", "mean", "count", "argmax"])
def test_truth_values(name: str) -> None:
    some = np.ones(SHAPE, bool)
    some[..., 1::3, 1::3] = False  # every window has an element
    assert all(agrees(MASK, ap.sliding((3, 2), 1, 1), name, None, weights=w) for w in (None, some))


def test_the_call_s_other_arguments() -> None:
    x, windows = xp.asarray(X), ap.sliding((2, 2))
    out = xp.zeros((2, 2, 3, 2))
    assert ap.pool(x, windows, "max", out=out) is out
    assert np.array_equal(as_numpy(out), ap.pool(X, windows, "max"))
    greatest, mean = ap.pool(x, windows, ("max", "mean"))
    assert as_numpy(greatest).shape == as_numpy(mean).shape == (2, 2, 3, 2)
    assert as_numpy(ap.pool(x, ap.whole(), "max", axes=(2, 3), keepdims=False)).shape == (2, 2)
    few = ap.pool(x, windows, "sum", min_count=4, weights=xp.asarray(MASK))
    np.testing.assert_allclose(as_numpy(few), ap.pool(X, windows, "sum", min_count=4, weights=MASK))
    assert "reference" in str(ap.explain(x, windows, "max"))
    p = np.array([1.0, 2.0]).reshape(2, 1, 1)
    np.testing.assert_allclose(as_numpy(ap.pool(x, windows, ap.PowerMean(p))), ap.pool(X, windows, ap.PowerMean(p)))


def test_a_result_is_memory_of_its_own() -> None:
    x = xp.asarray(X.copy())
    y = ap.pool(x, ap.sliding((1, 1)), "max")
    y[...] = 0.0
    assert np.array_equal(as_numpy(x), X)


class Energy(ap.Fold):
    """Written with NumPy's operators, and with the standard's functions where x has them."""

    name = "energy"

    def init(self, zero: Any) -> Any:
        return (zero,)

    def step(self, state: Any, x: Any, w: Any, at: Any) -> Any:
        size = x.__array_namespace__().abs(x) if hasattr(x, "__array_namespace__") else abs(x)
        return (state[0] + w * size * size * (x > 0),)

    def merge(self, a: Any, b: Any) -> Any:
        return (a[0] + b[0],)


def test_reductions_that_a_user_writes() -> None:
    assert agrees(X, ap.sliding((3, 3), 1, 1), Energy(), None, weights=WEIGHTS)
    for f in (np.ptp, lambda v, axis: v.max(axis) if isinstance(v, np.ndarray) else xp.max(v, axis=axis)):
        assert agrees(X, ap.sliding((2, 2)), ap.function(f), None)


X_STRICT = xp.asarray(X)
REFUSED: dict[str, tuple[Any, str]] = {
    "backend": (lambda: ap.pool(X_STRICT, ap.sliding((2, 2)), "max", backend="cpu"), "compiled core does not read"),
    "out of NumPy": (lambda: ap.pool(X_STRICT, ap.sliding((2, 2)), out=np.zeros((2, 2, 3, 2))), "out must be"),
    "out of another shape": (
        lambda: ap.pool(X_STRICT, ap.sliding((2, 2)), out=X_STRICT),
        r"out must be .*\(2, 2, 3, 2\)",
    ),
    "complex": (lambda: ap.pool(xp.asarray([1j]), ap.whole(), axes=0), "complex128"),
    "negative weights": (lambda: ap.pool(X_STRICT, ap.sliding((2, 2)), "max", weights=X_STRICT), "at least 0"),
    "weights of NaN": (
        lambda: ap.pool(X_STRICT, ap.sliding((2, 2)), weights=xp.asarray(HOLED)),
        "NaN or an infinity",
    ),
    "weights of another library": (lambda: ap.pool(X, ap.sliding((2, 2)), weights=X_STRICT), r"numpy\.asarray"),
    "boxes": (lambda: ap.boxes(xp.asarray(BOXES), 2), r"numpy\.asarray"),
    "parameter": (lambda: ap.PowerMean(X_STRICT), r"numpy\.asarray"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_one_sentence_where_it_is_not_possible(case: str) -> None:
    call, said = REFUSED[case]
    with pytest.raises(ap.PoolingError, match=said):
        call()


def test_without_array_api_compat(monkeypatch: pytest.MonkeyPatch) -> None:
    from anypool.arrays import adapter

    monkeypatch.setitem(sys.modules, "anypool.arrays.array_api", None)
    monkeypatch.setattr(adapter, "_known", {})
    with pytest.raises(ap.PoolingError, match=r"anypool\[array-api\]"):
        ap.pool(X_STRICT, ap.sliding((2, 2)))
