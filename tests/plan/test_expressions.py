"""Expressions: the text of an object constructs an equal object; invalid text gives one
sentence."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from fold_cases import FOLDS
from hypothesis import example, given
from hypothesis import strategies as st
from registered_names import Holder, forgotten
from windows_cases import CASES

import anypool as ap
from anypool.expressions import names, reduction_from, text_of, windows_from

RANDOM = np.random.default_rng(0)
ROWS = np.array([[0, 1.0, 1, 7.5, 8], [1, 2, -0.0, 9.2, 1 / 3]])
WINDOWS: dict[str, Any] = {
    **{name: case.windows for name, case in CASES.items()},
    "taps that are tiny, huge and -0.0": ap.sliding((5,), taps=np.array([5e-324, -0.0, 1.7e308, 0.1, -1 / 3])),
    "a table of taps": ap.sliding((2, 3), taps=RANDOM.random((2, 3))),
    "an infinite border": ap.sliding((3, 3), 1, 1, border=-np.inf),
    "a border of -0.0": ap.sliding((3, 3), 1, 1, border=-0.0),
    "NumPy's numbers": ap.sliding(np.array([3, 2]), np.int8(2), np.uint16(1), border=np.float32(0.1)),
    "groups": ap.groups(np.array([[0, 2, -1], [2, 1, 0]])),
    "groups of nothing": ap.groups(np.zeros((0, 3), np.int64), count=2),
    "groups and a count": ap.groups([0, 1, 2**40 - 2**40, 5], count=9),
    "groups by labels": ap.groups([7, 2**60, 7, -3], labels=[2**60, -3]),
    "boxes": ap.boxes(ROWS, (3, 2)),
    "boxes of float32": ap.boxes(ROWS.astype(np.float32), 2, scale=(0.1, 1 / 3), reading="exact", border="absent"),
    "no boxes": ap.boxes(np.zeros((0, 5)), 2),
    "points": ap.boxes(ROWS, 3, reading="sampled", sampling=0, aligned=True, border=-7),
    "rotated": ap.boxes(np.array([[0, 5.0, 5, 4, 6, 30]]), 2, reading="sampled", rotated="clockwise"),
    "deformed": ap.boxes(ROWS, 2, reading="sampled", offsets=RANDOM.random((2, 2, 2, 2)), gamma=0.3),
    "position-sensitive": ap.boxes(ROWS, 2, position_sensitive=True).exclusive(),
    "fractional": ap.fractional((4, 3), seed=2**200 + 1),
    "a ratio": ap.fractional(output_ratio=(0.7, 1 / 3), seed=0, overlapping=True),
    "pyramid": ap.pyramid([1, 2, 4]),
    "strips": ap.pyramid([(1, None), (None, 3)]),
    "spans of rows": ap.spans([0, 2, 2], [3, 2, 7], rows=[1, 0, 1]),
    "padded": ap.padded([2, 0], side="left"),
    "regions": ap.regions(2, overlap=0.1, whole=True),
}
OBJECTS: dict[str, Any] = {
    **{name: r() if isinstance(r, type) else r for name, r in FOLDS.items() if not isinstance(r, str)},
    **{f"{name}()": make() for name, make in ap.REDUCTIONS.items()},
    "max last": ap.REDUCTIONS["max"]("last"),  # type: ignore[call-arg]
    "range last": ap.REDUCTIONS["range"]("last"),  # type: ignore[call-arg]
    "split": ap.reductions.SplitMax(),
    "a p for each channel": ap.PowerMean(np.array([[[1.5]], [[-0.0]], [[1 / 3]]], np.float32), form="clamped"),
    "a rate of each lane": ap.SoftPool(np.array([-1e-300, 5e-324])),
    "median": ap.Median("lower"),
    "quantiles": ap.Quantile(np.array([0.1, 1 / 3, 1.0]), "hazen"),
    "one of a row": ap.Quantile([0.5], smooth=0.1),
    "rank": ap.Rank(-(2**70)),
    "spread": ap.Range(0.25, 0.75),
    "trimmed": ap.TrimmedMean(0.1, 0.2),
    "top": ap.TopKMean(np.int64(3)),
    "k-max": ap.KMax(2),
    "ordinal": ap.Ordinal([0.75, -0.0, 1e-320]),
    "mode": ap.Mode(ignore=0),
    "place": ap.Place(ap.Quantile((0.1, 0.9), "lower")),
    "the last median": ap.order_statistics.tied(ap.Median("higher"), "last"),
    "where the last rank lies": ap.order_statistics.tied(ap.Place(ap.Rank(2)), "last"),
}


def parts(value: Any) -> Any:
    """Each difference between two objects is in their texts: -0.0 and 0.0, 2 and 2.0; NaN equals
    itself."""
    if isinstance(value, np.ndarray):
        return (value.dtype.name, value.shape, value.tobytes())
    if isinstance(value, (tuple, list)):
        return (type(value).__name__, [parts(v) for v in value])
    if dataclasses.is_dataclass(value):
        fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value) if f.name != "made"}
        return (type(value).__name__, {k: parts(v) for k, v in fields.items()})
    if hasattr(value, "__dict__") and not isinstance(value, type):
        return (type(value).__name__, {k: parts(v) for k, v in vars(value).items()})
    if isinstance(value, dict):
        return {k: parts(v) for k, v in value.items()}
    return (type(value).__name__, repr(value))


@pytest.mark.parametrize("name", WINDOWS)
def test_text_of_windows_evaluates_to_equal_windows(name: str) -> None:
    windows = WINDOWS[name]
    assert parts(windows_from(text_of(windows))) == parts(windows), text_of(windows)


@pytest.mark.parametrize("name", OBJECTS)
def test_text_of_a_reduction_evaluates_to_an_equal_reduction(name: str) -> None:
    reduction = OBJECTS[name]
    assert parts(reduction_from(text_of(reduction))) == parts(reduction), text_of(reduction)


def test_every_kind_and_every_reduction_is_tried() -> None:
    assert set(names.KINDS) <= {type(w).__name__.lower() for w in WINDOWS.values()}
    classes = {make for make in names.FOLDS.values() if isinstance(make, type)} - {ap.reductions.SplitMin}
    assert classes <= {type(r) for r in OBJECTS.values()}


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    """What a test registers is forgotten after it."""
    with forgotten():
        ap.register(Holder, "tests.Holder")
        yield


FLOATS = st.floats(allow_nan=True, allow_infinity=True)
SCALARS = st.one_of(
    st.integers(-(10**400), 10**400),
    FLOATS,
    st.booleans(),
    st.none(),
    st.text(max_size=20),
    st.integers(-128, 127).map(np.int8),
    st.integers(0, 2**64 - 1).map(np.uint64),
    st.floats(width=32).map(np.float32),
    st.floats(width=16).map(np.float16),
    st.booleans().map(np.bool_),
)
VALUES = st.recursive(
    SCALARS, lambda v: st.one_of(st.lists(v, max_size=4), st.lists(v, max_size=4).map(tuple)), max_leaves=12
)


@given(VALUES, VALUES)
@example((-0.0, float("inf"), float("-inf"), float("nan")), [5e-324, 2**1000, -(10**999)])
@example("\\'\"\n\t\0\ud800\U0010ffff", [[[]], ((),), (1,)])
def test_every_plain_value_is_written_exactly(value: Any, also: Any) -> None:
    made = reduction_from(text_of(Holder(value, also=also)))
    assert (parts(made.value), parts(made.also)) == (parts(value), parts(also))


@pytest.mark.parametrize("dtype", names.SCALARS)
def test_every_type_of_array_is_written_exactly(dtype: str) -> None:
    most = {"b": 2, "f": 3}.get(np.dtype(dtype).kind, 100)
    for shape in ((), (1,), (0,), (2, 0, 3), (3, 2, 4)):
        array = (RANDOM.random(shape) * most).astype(dtype)
        if np.dtype(dtype).kind in "iu" and array.size:
            array.flat[0], array.flat[-1] = np.iinfo(dtype).min, np.iinfo(dtype).max
        if np.dtype(dtype).kind == "f" and array.size > 3:
            array.flat[:4] = [-0.0, np.inf, -np.inf, np.nan]
        made = reduction_from(text_of(Holder(array))).value
        assert made.dtype == array.dtype and made.shape == array.shape and made.tobytes() == array.tobytes()


def test_names_are_registered_once() -> None:
    class Mine(ap.Order):
        def __init__(self, share: float = 1.0) -> None:
            super().__init__()
            self.share = share

    class Other(ap.Order):
        pass

    with pytest.raises(ap.PoolingError, match=r"Mine is not registered.*ap\.register\(Mine\)"):
        text_of(Mine())
    assert ap.register(Mine) is Mine and text_of(Mine(2)) == "Mine(share=2)"
    assert ap.register(name="mine.Other")(Other) is Other and text_of(Other()) == "mine.Other()"
    assert ap.register("mine.Third")(Mine) is Mine and text_of(Mine()) == "mine.Third()"
    for name in (
        "max",
        "Lp",
        "sliding",
        "array",
        "inf",
        "pool",
        "table",
        "Mine.x y",
        "",
        "3d",
        "np.x",
        "unregistered.a",
    ):
        with pytest.raises(ap.PoolingError, match="name"):
            ap.register(Other, name)
    with pytest.raises(ap.PoolingError, match=r"is of .*Mine; give another"):
        ap.register(Other, "Mine")
    with pytest.raises(ap.PoolingError, match="give a class"):
        ap.register(3)  # type: ignore[call-overload]


def test_arguments_that_are_not_kept_raise_an_error() -> None:
    @ap.register
    class Lost(ap.Fold):
        def __init__(self, rate: float) -> None:
            super().__init__()
            self.parameters = {"slope": 1 / rate}

    @ap.register
    class Told(Lost):
        def arguments(self) -> dict[str, Any]:
            return {"rate": 1 / self.parameters["slope"]}

    with pytest.raises(ap.PoolingError, match=r"Lost: its argument 'rate'.*arguments\(\)"):
        text_of(Lost(2.0))
    assert text_of(Told(2.0)) == "Told(2.0)"


def test_a_function_may_be_an_argument() -> None:
    def spread(x: Any) -> Any:
        return x

    with pytest.raises(ap.PoolingError, match=r"spread is not registered"):
        text_of(Holder(spread))
    ap.register(spread, "mine.spread")
    assert text_of(Holder(spread)) == "tests.Holder(mine.spread)"
    assert reduction_from("tests.Holder(mine.spread)").value is spread


def test_tensors_have_no_text() -> None:
    import torch

    for thing in (ap.PowerMean(torch.ones(3)), ap.Ordinal(torch.ones(3))):
        with pytest.raises(ap.PoolingError, match="Tensor has no text"):
            text_of(thing)
