"""The benchmarks: wrong results are not timed, cases are valid, rows and tables report the
facts."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

import anypool as ap
from bench import measure as measuring
from bench import report, weighted_calls
from bench.cases import TABLE, Case, Where, square
from bench.irregular import every
from bench.measure import WrongResult, as_json, measure
from bench.ours import TooSlow
from bench.truth import windows_of
from bench.weighted import FOLDS, MEANS, weighted_case
from bench.weighted_calls import HowMuch, ball

TINY: dict[str, Any] = {"threads": 1, "rounds": 1, "patience": 0.01}


def tiny(where: Where, reduction: Any, **options: Any) -> Case:
    return Case("tiny", "shapes", (2, 3, 12, 12), where, reduction, **options)


def test_cases_are_well_formed() -> None:
    all_cases = list(every())
    names = [c.name for c in all_cases]
    assert len(set(names)) == len(names)
    for case in all_cases:
        assert min(case.windows.output_shape(case.shape, case.axes)) > 0
        assert min(case.smaller().windows.output_shape(case.smaller().shape, case.axes)) > 0
        assert case.direction in ("forward", "backward", "forward+backward")
    assert sum(c.shape == TABLE and bool(c.targets) for c in all_cases) > 25


@pytest.mark.parametrize(
    "case",
    [
        tiny(square(3, 1), "max", targets={"copy": 1e-9, "torch": 1e-9}),
        tiny(square(3, 2), "mean"),
        tiny(square(3, 1, dilation=2), "max"),
        tiny(square(3, 1), ("max", "argmax")),
        tiny(square(3, 1), "var"),
        tiny(square(3, 1), "softpool"),
        tiny(square(2, 2), "mean", layout="channels-last"),
        tiny(square(3, 1), "max", dtype="uint8"),
        tiny(square(3, 1), "mean", dtype="bfloat16"),
        tiny(Where("whole", axes=(-2, -1)), "mean"),
        tiny(square(3, 1), "max", direction="backward"),
        tiny(square(3, 1), "mean", direction="forward+backward"),
        Case("ragged", "table", (6, 4), Where("segments", axes=(0,), lengths=(1, 3, 2)), "mean"),
        Case("small", "small", (1, 2, 4, 4), square(2, 2), "max", library="numpy", targets={"us": 8}),
    ],
    ids=str,
)
def test_gate_and_row(case: Case) -> None:
    pytest.importorskip("ml_dtypes")
    row = json.loads(json.dumps(as_json(measure(case, **TINY))))
    assert row["ours_ms"] and all(ms > 0 for ms in row["ours_ms"].values())
    assert row["backend"] == "cpu" or row["backend"].startswith("reference")
    assert set(row["rivals_ms"]) | set(row["rivals_not"]) >= {"torch"}
    assert len(report.cells(row)) == len(report.HEAD)
    if case.targets.get("copy"):
        assert report.verdict(row) == "no: copy"
    elif not case.targets:
        assert report.verdict(row) == "–"


def test_a_red_gate_is_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    case = tiny(square(3, 1), "max")
    right = measuring.expected
    monkeypatch.setattr(measuring, "expected", lambda c, x: (right(c, x)[0], right(c, x)[1] + 1))
    monkeypatch.setattr(measuring, "fastest", lambda *_: pytest.fail("timed on a red gate"))
    with pytest.raises(WrongResult, match="disagree"):
        measure(case, **TINY)


def test_a_rival_that_differs_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    case = tiny(square(3, 1), "max")
    wrong = ({"new": lambda: None}, torch.zeros(2, 3, 12, 12), 0.0)
    monkeypatch.setattr(measuring, "rivals_of", lambda *_: {"torch": wrong})
    with pytest.raises(WrongResult, match="torch and anypool"):
        measure(case, **TINY)


def test_plain_windows_are_right() -> None:
    x = np.arange(5.0)
    got = windows_of(x, replace(square(3, 2), size=(3,)))
    np.testing.assert_array_equal(got, [[np.nan, 0, 1], [1, 2, 3], [3, 4, np.nan]])


TINY_SHAPE = (2, 3, 12, 12)
NEVER = {"plain": 1e-9}


def tiny_weighted(fold: Any, how: HowMuch, size: int = 3, **more: Any) -> Case:
    stride, padding = (1, 1) if size == 3 else (size, 0)
    made = ap.sliding((size, size), stride, padding)
    where = Where("sliding", (size, size), stride, padding, axes=(2, 3), made=made)
    return weighted_case("tiny", TINY_SHAPE, where, fold, how, NEVER, **more)


@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize("kind", ["mask", "omit", "weights"])
def test_weighted_rows_agree_with_the_definition(kind: str, size: int) -> None:
    for fold in MEANS if kind == "weights" else (*FOLDS, ap.PowerMean(3)):
        row = as_json(measure(tiny_weighted(fold, HowMuch(kind, TINY_SHAPE), size), **TINY))
        assert row["reached"]["plain"] > 0
        assert report.verdict(row) == "no: plain"
        assert len(report.cells(row)) == len(report.HEAD)


@pytest.mark.parametrize("kind", ["mask", "weights", "logits"])
def test_weighted_gradients_agree_with_the_definition(kind: str) -> None:
    how = HowMuch(kind, TINY_SHAPE, learns=kind != "mask")
    for fold in ("mean",) if kind == "logits" else MEANS:
        case = tiny_weighted(fold, how, direction="backward", library="torch", loose=1e-3)
        assert as_json(measure(case, **TINY))["reached"]["plain"] > 0


def test_every_result_of_a_tuple_is_compared() -> None:
    case = tiny_weighted(("mean", "max"), HowMuch("mask", TINY_SHAPE), library="torch")
    measure(case, **TINY)
    right = case.truth

    def wrong(x: Any) -> Any:
        at, (mean, most) = right(x)
        return at, (mean, most + 1)

    with pytest.raises(WrongResult, match="disagree"):
        measure(replace(case, truth=wrong), **TINY)


def test_footprints_that_take_too_long_are_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    disk = ap.sliding((5, 5), 1, 2, footprint=ball(5, 2))
    where = Where("sliding", (5, 5), 1, 2, axes=(0, 1), made=disk)
    how = HowMuch(footprint=(5, 2), against=ap.sliding((5, 5), 1, 2))
    case = weighted_case("tiny", (40, 40), where, "median", how, NEVER)
    assert as_json(measure(case, **TINY))["reached"]["plain"] > 0
    monkeypatch.setattr(weighted_calls, "LONGEST", 0.0)
    with pytest.raises(TooSlow, match="would take"):
        measure(case, **TINY)
