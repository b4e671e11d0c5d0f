"""spread: the transposed matrix of every window kind, the laws, places, gradients, bad input."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from window_lists import table
from windows_cases import CASES, SHAPE

import anypool as ap

RANDOM = np.random.default_rng(3)
RULES = ("sum", "mean", "average", "max", "min", "last")
BOXES = np.array([[0, 0.0, 0.0, 4.0, 3.0], [1, 1.0, 1.0, 5.0, 5.0], [1, 0.0, 2.0, 3.0, 5.0]])
# Kinds whose matrix is that of their pooling.
LISTED: dict[str, tuple[Any, Any]] = {
    "pyramid": (ap.pyramid([(1, 1), (2, 3), (4, None)]), None),
    "groups": (ap.groups([1, 0, -1, 1, 3, 0]), 2),
    "sorted groups": (ap.groups([-1, 0, 0, 1, 3, 3]), 2),
    "groups of two axes": (ap.groups(RANDOM.integers(-1, 4, (6, 5)), count=6), None),
    "sparse groups": (ap.groups(np.array([5, 9000, 5, -1, 3, 3]), count=10000), 2),
    "boxes": (ap.boxes(BOXES, (2, 2)), None),
    "sampled boxes": (ap.boxes(BOXES, (2, 3), reading="sampled"), None),
    "whole boxes": (ap.boxes(BOXES, (1, 1), reading="quantised"), None),
    "footprint": (ap.sliding((3, 3), 1, 1, footprint=np.array([[0, 1, 0], [1, 1, 1], [0, 1, 1]], bool)), None),
    "table of taps": (ap.sliding((2, 3), 1, taps=np.array([[1.0, 0.0, 2.0], [0.5, 1.0, 1.0]])), None),
}


def matrices(windows: Any, axes: Any) -> tuple[np.ndarray, np.ndarray]:
    """The matrices of the sum and of the mean: one column for each element, by its unit vector."""
    units = np.eye(math.prod(SHAPE)).reshape(-1, *SHAPE)
    return tuple(  # type: ignore[return-value]
        np.stack([ap.pool(u, windows, r, axes=axes, empty=0).ravel() for u in units], 1)
        - ap.pool(np.zeros(SHAPE), windows, r, axes=axes, empty=0).reshape(-1, 1)
        for r in ("sum", "mean")
    )


def matrices_by_hand(case: Any) -> tuple[np.ndarray, np.ndarray]:
    """The same matrices from the explicit lists of positions."""
    lengths = tuple(SHAPE[a] for a in case.at)
    lists = table(case.lines, lengths)
    counts = [len(line.windows) for line in case.lines]
    rest = [a for a in range(len(SHAPE)) if a not in case.at]
    out = [counts[case.at.index(a)] if a in case.at else n for a, n in enumerate(SHAPE)]
    total, mean = (np.zeros((math.prod(out), math.prod(SHAPE))) for _ in range(2))
    divisor = case.options.get("count", "present")
    for w, (places, taps) in enumerate(zip(lists.at, lists.taps, strict=True)):
        n = lists.padded[w] if divisor == "padded" else taps.sum() if divisor == "present" else divisor
        for lead in np.ndindex(*(SHAPE[a] for a in rest)):
            row, column = np.zeros(len(SHAPE), int), np.zeros(len(SHAPE), int)
            row[rest] = column[rest] = lead
            row[list(case.at)] = np.unravel_index(w, counts)
            r = np.ravel_multi_index(tuple(row), tuple(out))
            for place, tap in zip(places, taps, strict=True):
                if place >= 0 and tap:
                    column[list(case.at)] = np.unravel_index(place, lengths)
                    c = np.ravel_multi_index(tuple(column), SHAPE)
                    total[r, c] += tap
                    mean[r, c] += tap / n
    return total, mean


def expected(total: np.ndarray, mean: np.ndarray, y: np.ndarray, reduction: str) -> np.ndarray:
    """The definition of each rule on the matrices."""
    holds, y = total != 0, y.ravel()
    none = ~holds.any(0)
    if reduction in ("sum", "mean"):
        return (total if reduction == "sum" else mean).T @ y
    if reduction == "average":
        return np.where(none, 0, total.T @ y / np.where(none, 1, total.sum(0)))
    if reduction == "last":
        last = len(y) - 1 - holds[::-1].argmax(0)
        return np.where(none, 0, y[last])
    f, absent = (np.max, -np.inf) if reduction == "max" else (np.min, np.inf)
    return np.where(none, 0, f(np.where(holds, y[:, None], absent), 0))


def check_every_rule(windows: Any, axes: Any, total: np.ndarray, mean: np.ndarray) -> None:
    y = np.random.default_rng(0).normal(size=windows.output_shape(SHAPE, axes))
    for reduction in RULES:
        want = expected(total, mean, y, reduction).reshape(SHAPE)
        for dtype, tolerance in (("float64", 1e-12), ("float32", 1e-5)):
            v = y.astype(dtype)
            target = want if dtype == "float64" or reduction in ("sum", "mean", "average") else want.astype(dtype)
            for array in (v, v.T.copy().T, torch.from_numpy(v)):
                got = ap.spread(array, windows, SHAPE, reduction, axes=axes)
                assert type(got) is type(array) and str(got.dtype).endswith(dtype)
                np.testing.assert_allclose(np.asarray(got), target, rtol=tolerance, atol=tolerance, err_msg=reduction)


@pytest.mark.parametrize("key", list(CASES))
def test_every_rule_on_windows_by_hand(key: str) -> None:
    case = CASES[key]
    total, mean = matrices_by_hand(case)
    check_every_rule(case.windows, case.axes, total, mean)


@pytest.mark.parametrize("key", list(LISTED))
def test_every_rule_on_listed_windows(key: str) -> None:
    check_every_rule(*LISTED[key], *matrices(*LISTED[key]))


EVERY = {**{key: (case.windows, case.axes) for key, case in CASES.items()}, **LISTED}


@pytest.mark.parametrize("key", list(EVERY))
def test_the_adjoint_and_gradients(key: str) -> None:
    """⟨Px, y⟩ = ⟨x, Pᵀy⟩; the gradient of a spread is the pooling; extremes obey Euler's rule."""
    windows, axes = EVERY[key]
    generator = torch.Generator().manual_seed(1)
    y = torch.randn(windows.output_shape(SHAPE, axes), dtype=torch.float64, generator=generator, requires_grad=True)
    x = torch.randn(SHAPE, dtype=torch.float64, generator=generator)
    for reduction in RULES:
        up = ap.spread(y, windows, SHAPE, reduction, axes=axes)
        (slope,) = torch.autograd.grad(up, y, x)
        torch.testing.assert_close((up * x).sum(), (y * slope).sum())
        if reduction in ("sum", "mean"):
            zero = ap.pool(torch.zeros_like(x), windows, reduction, axes=axes, empty=0)  # of the border
            torch.testing.assert_close(slope, ap.pool(x, windows, reduction, axes=axes, empty=0) - zero)


@pytest.mark.parametrize("reduction", ["sum", "mean", "average"])
def test_second_derivatives(reduction: str) -> None:
    y = torch.randn(2, 3, 2, dtype=torch.float64, requires_grad=True)
    w = torch.rand(7, 5, dtype=torch.float64, requires_grad=True)
    windows = ap.sliding((3, 2), 2)
    assert torch.autograd.gradcheck(lambda v: ap.spread(v, windows, (7, 5), reduction), y)
    assert torch.autograd.gradgradcheck(lambda v: ap.spread(v, windows, (7, 5), reduction) ** 2, y)
    assert torch.autograd.gradcheck(lambda v, u: ap.spread(v, windows, (7, 5), reduction, weights=u), (y, w))


@pytest.mark.parametrize(
    ("windows", "shape", "axes"),
    [
        (ap.sliding((2, 3)), (4, 6), None),
        (ap.adaptive((2, 2)), (8, 6), None),
        (ap.segments([0, 2, 3, 7]), (7,), 0),
        (ap.groups([2, 0, 1, 1, 0]), (5,), 1),
    ],
)
def test_tiles(windows: Any, shape: Any, axes: Any) -> None:
    whole = (3, 5, *shape) if axes is None else (7, 4) if axes == 0 else (4, 5)
    y = np.random.default_rng(5).normal(size=windows.output_shape(whole, axes))
    for up, down in (("mean", "sum"), ("sum", "mean"), ("average", "mean"), ("last", "max")):
        big = ap.spread(y, windows, shape, up, axes=axes)
        assert big.shape == whole
        np.testing.assert_allclose(ap.pool(big, windows, down, axes=axes), y, rtol=1e-12)


def test_weights() -> None:
    """w·Pᵀy of a sum, w·Pᵀ(y / Σw) of a mean; a mask hides elements, also infinite values."""
    windows, y = ap.sliding((3, 2), 2), np.random.default_rng(0).normal(size=(2, 3, 2))
    w = np.random.default_rng(1).integers(0, 3, (7, 5)).astype(float)
    units = np.eye(35).reshape(35, 7, 5)
    p = np.stack([ap.pool(u, windows, "sum").ravel() for u in units], 1)
    for array, u in ((y, w), (torch.from_numpy(y), torch.from_numpy(w))):
        total = p @ w.ravel()
        for reduction, values in (("sum", y.reshape(2, -1)), ("mean", y.reshape(2, -1) / total)):
            got = np.asarray(ap.spread(array, windows, (7, 5), reduction, weights=u))
            np.testing.assert_allclose(got, (values @ p).reshape(2, 7, 5) * w, rtol=1e-12)
    got = ap.spread(np.array([np.inf, 1.0]), ap.sliding((2,)), 4, weights=np.array([True, False, True, True]), empty=9)
    assert got.tolist() == [np.inf, 9, 1, 1]
    total, x = p @ w.ravel(), np.random.default_rng(2).normal(size=(7, 5))
    assert (total > 0).all()
    np.testing.assert_allclose(
        (ap.pool(x, windows, "mean", weights=w) * y[0]).sum(),
        (x * ap.spread(y[0], windows, (7, 5), "mean", weights=w)).sum(),
    )


def test_elements_of_no_window() -> None:
    y = np.array([3, 5])
    for reduction in RULES:
        assert ap.spread(y, ap.sliding((1,), 3), 6, reduction, empty=-1).tolist() == [3, -1, -1, 5, -1, -1]
    assert ap.spread(y, ap.sliding((2,), 3), 5, "sum").dtype == np.int64


def test_the_shape_may_be_that_of_the_pooled_axes() -> None:
    x = np.random.default_rng(0).normal(size=(3, 8, 2, 6))
    for windows, axes, shape in (
        (ap.sliding((2, 3)), (1, 3), (8, 6)),
        (ap.sliding((3, 2)), (3, 1), (6, 8)),
        (ap.pyramid([1, 2]), (1, 3), (8, 6)),
        (ap.groups(np.arange(48).reshape(8, 6) % 5), (1, 3), (8, 6)),
        (ap.whole(), (0, 1, 2, 3), (3, 8, 2, 6)),
    ):
        y = ap.pool(x, windows, "sum", axes=axes)
        assert np.array_equal(ap.spread(y, windows, shape, axes=axes), ap.spread(y, windows, x.shape, axes=axes))


def test_position_sensitive_boxes() -> None:
    windows = ap.boxes(BOXES, (2, 2), position_sensitive=True)
    x = np.random.default_rng(0).normal(size=(2, 8, 6, 5))
    y = np.random.default_rng(1).normal(size=windows.output_shape(x.shape))
    up = ap.spread(y, windows, x.shape)
    assert up.shape == x.shape
    np.testing.assert_allclose((ap.pool(x, windows, "sum") * y).sum(), (x * up).sum())


@pytest.mark.parametrize("reading", ["exact", "sampled"])
@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_learned_boxes(reading: str, reduction: str) -> None:
    """The gradient of ⟨Pᵀy, x⟩ with respect to the boxes is that of ⟨y, Px⟩."""
    x, y = torch.randn(SHAPE, dtype=torch.float64), torch.randn(3, 2, 2, 2, dtype=torch.float64)
    slopes: list[Any] = []
    for up in (True, False):
        boxes = torch.from_numpy(BOXES + np.array([0, 0.13, 0.21, 0.34, -0.27])).requires_grad_()
        windows = ap.boxes(boxes, (2, 2), reading=reading)
        whole = ap.spread(y, windows, SHAPE, reduction) * x if up else ap.pool(x, windows, reduction) * y
        result = whole.sum()
        slopes.append(torch.autograd.grad(result, boxes)[0])
    torch.testing.assert_close(*slopes)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"reduction": "summ"}, "did you mean 'sum'?"),
        ({"shape": (9, 9)}, "y of shape (2, 3, 4) is no result of these windows: x of shape=(9, 9) gives"),
        ({"shape": (6.5, 8)}, "a length in shape=6.5: use an integer"),
        ({"shape": (-1, 8)}, "must be at least 0"),
        ({"axes": 7}, "axis 7 is out of range"),
        ({"empty": "a"}, "empty='a': give a number"),
        ({"weights": np.ones(7)}, "weights of shape (7,) do not broadcast"),
        ({"weights": np.full(8, np.nan)}, "weights"),
        ({"at": np.full((2, 3, 4), 48)}, "at= holds 48, but the plane (6, 8) has the places 0 to 47"),
        ({"at": np.full((2, 3, 4), -2)}, "at= holds -2"),
        ({"at": np.zeros((2, 3, 4))}, "at= of float64: give integers"),
        ({"at": np.zeros((2, 3), int)}, "at= of shape (2, 3): give one place for each value of y"),
        ({"at": np.zeros((2, 3, 4), int), "reduction": "mean"}, 'use "average"'),
        ({"at": np.zeros((2, 3, 4), int), "weights": np.ones(8)}, "multiply y by its weights"),
    ],
)
def test_bad_input(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ap.PoolingError) as error:
        ap.spread(np.ones((2, 3, 4)), ap.sliding((2, 2)), **{"shape": (6, 8), **options})
    assert sentence in str(error.value)


def test_types_and_libraries() -> None:
    xp = pytest.importorskip("array_api_strict")
    y, windows = [[1.0, 2.0]], ap.sliding((2, 2))
    for reduction in RULES:
        got = ap.spread(xp.asarray(y), windows, (2, 4), reduction)
        assert type(got) is type(xp.asarray(y))
        assert np.array_equal(np.asarray(got), ap.spread(y, windows, (2, 4), reduction))
    for dtype in ("int32", "uint8", "bool", "float16"):
        for reduction in RULES:
            got = ap.spread(np.ones((1, 2), dtype), windows, (2, 4), reduction)
            like = ap.pool(
                np.ones((1, 2), dtype), ap.sliding((1, 1)), {"average": "mean", "last": "max"}.get(reduction, reduction)
            )
            assert got.dtype == like.dtype and got.shape == (2, 4)
    with pytest.raises(ap.PoolingError, match=r"spread of torch.uint16: use y.to\(torch.int64\)"):
        ap.spread(torch.ones(1, 2, dtype=torch.uint16), windows, (2, 4))
