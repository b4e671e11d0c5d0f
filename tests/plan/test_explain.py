"""explain() describes what pool() does: the same refusals, the same plans, and its backend runs."""

from __future__ import annotations

import itertools
import zlib
from typing import Any

import numpy as np
import pytest
import torch
from fold_cases import FOLDS
from sampling import QUICK
from windows_cases import CASES, SHAPE

import anypool as ap
from anypool.engines import numpy_calls as numpy_arrays
from anypool.torch import calls as torch_arrays

NUMBERS = np.random.default_rng(3).integers(-9, 9, SHAPE).astype(np.float32)
MASK = np.random.default_rng(4).random(SHAPE) > 0.3
OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "mask": {"weights": MASK},
    "weights": {"weights": MASK * np.float32(0.5)},
    "omit": {"nan": "omit"},
    "empty": {"empty": 3.0},
}
TYPES = {
    "float32": NUMBERS,
    "uint8": np.abs(NUMBERS).astype(np.uint8),
    "bool": NUMBERS > 0,
    "float64 reversed": NUMBERS.astype(np.float64)[..., ::-1],
    "torch": torch.from_numpy(NUMBERS),
}
ORDERS: dict[str, Any] = {
    "median": "median",
    "mode": "mode",
    "argmedian": "argmedian",
    "Quantile": ap.Quantile(0.3),
    "Quantiles": ap.Quantile([0.1, 0.5]),
    "KMax": ap.KMax(1),
    "TrimmedMean": ap.TrimmedMean(0.2, 0.2),
}
EVERY = {**FOLDS, **ORDERS}


def attempt(call: Any, *args: Any, **options: Any) -> Any:
    """The result, or the error that the library raised."""
    try:
        return call(*args, **options)
    except ap.PoolingError as error:
        return error


@pytest.mark.parametrize("key", list(CASES))
def test_explain_names_the_plans_that_pool_runs(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    case = CASES[key]
    ran: list[str] = []
    for arrays in (numpy_arrays, torch_arrays):
        bound = arrays.bound

        def logged(plan: Any, *rest: Any, bound: Any = bound) -> Any:
            ran.append(plan.engine.backend + ": " + str(plan))
            return bound(plan, *rest)

        monkeypatch.setattr(arrays, "bound", logged)
    calls = list(itertools.product(EVERY.items(), OPTIONS.items(), TYPES.items()))
    sample = np.random.default_rng(zlib.crc32(key.encode())).choice(len(calls), 25 if QUICK else 150, replace=False)
    for (name, reduction), (_, options), (_, x) in (calls[i] for i in sample):
        label = (key, name, list(options), x.dtype)
        told = attempt(ap.explain, x, case.windows, reduction, axes=case.axes, **options)
        if isinstance(told, ap.PoolingError):
            done = attempt(ap.pool, x, case.windows, reduction, axes=case.axes, **options)
            assert isinstance(done, ap.PoolingError), (label, str(told))
            continue
        ran.clear()
        done = attempt(ap.pool, x, case.windows, reduction, axes=case.axes, backend=told.backend, **options)
        if isinstance(done, ap.PoolingError):  # a window without an answer, which only the numbers show
            assert "refuses" not in str(done) and "backend" not in str(done), (label, str(done))
            continue
        assert tuple(done.shape) == told.out_shape, label
        if ran:
            assert ran[0].partition(": ")[0] == told.backend and ran[0].partition(": ")[2] in told.engine, label


def test_each_member_of_a_tuple_has_its_own_backend() -> None:
    x, windows = np.ones((1, 4, 4)), ap.sliding((2, 2))
    mixed = ap.explain(x, windows, ("max", ap.function(np.ptp)), axes=(1, 2))
    assert [(name, backend) for name, backend, _ in mixed.parts] == [("Max()", "cpu"), ("function(ptp)", "reference")]
    assert "Max(): cpu: compiled fold" in str(mixed) and "function(ptp): reference" in str(mixed)
    assert "  backend    cpu" in str(ap.explain(x, windows, ("max", "mean"), axes=(1, 2)))


@pytest.mark.parametrize(
    ("windows", "axes", "weights"),
    [
        (ap.sliding((2, 2)), (1, 2), np.full((1, 4, 4), 0.5)),
        (ap.sliding((2, 2), taps=[[1, 2], [3, 4]]), (1, 2), None),
        (ap.sliding((2.5, 2.5)), (1, 2), None),
        (ap.boxes([[0, 0.2, 0.1, 3.3, 3.1]], (2, 2), reading="exact"), (0, 1, 2), None),
    ],
)
def test_explain_refuses_the_weights_that_pool_refuses(windows: object, axes: object, weights: object) -> None:
    for call in (ap.pool, ap.explain):
        with pytest.raises(ap.PoolingError, match="accepts no weights"):
            call(np.ones((1, 4, 4)), windows, ap.function(np.ptp), axes=axes, weights=weights)


@pytest.mark.parametrize("key", ["2x2/2", "same", "one axis"])
def test_a_tuple_is_explained_member_by_member(key: str) -> None:
    case = CASES[key]
    alone = ap.explain(NUMBERS, case.windows, "std", axes=case.axes, weights=MASK)
    both = ap.explain(NUMBERS, case.windows, ("mean", "std"), axes=case.axes, weights=MASK)
    assert both.backend == alone.backend and both.refusals["cpu"] == alone.refusals["cpu"]
    shapes = ap.explain(NUMBERS, case.windows, ("max", ap.KMax(1)), axes=case.axes)
    assert (
        shapes.reduction.count("(") >= 2
        and shapes.out_shape == ap.pool(NUMBERS, case.windows, "max", axes=case.axes).shape
    )
