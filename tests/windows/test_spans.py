"""Spans and padded rows: any runs of one axis or of rows, against slices by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from brute import FORMULAS
from fold_cases import FOLDS

import anypool as ap
from anypool.expressions import text_of, windows_from

B, T, D = 3, 6, 2
# Overlapping and nested, with an empty span; and spans whose ends ascend if they are sorted.
MANY = {
    "nested": ([0, 1, 3, 2, 5, 0], [4, 6, 3, 3, 6, 6], [0, 2, 1, 0, 2, 2]),
    "ascending": ([0, 0, 1, 3, 4, 2], [2, 3, 3, 5, 6, 4], [2, 0, 2, 1, 1, 0]),
}
LAYOUTS = {
    "(B, T, D)": ((B, T, D), (0, 1)),
    "(T, B, D)": ((T, B, D), (1, 0)),
    "(B, D, T)": ((B, D, T), (0, 2)),
    "(D, T, B)": ((D, T, B), (2, 1)),
}
RANDOM = np.random.default_rng(0)


def by_hand(name: str, rows: np.ndarray, spans: tuple[list[int], list[int], list[int]]) -> np.ndarray:
    """The formula of a reduction on each slice of (B, T, D)."""
    meant = FORMULAS[name]
    result = np.empty((len(spans[0]), D))
    for i, (start, stop, row) in enumerate(zip(*spans, strict=True)):
        at, v = row * T + np.arange(start, stop), rows[row, start:stop]
        for d in range(D):
            if start == stop:
                result[i, d] = meant.empty
                continue
            with np.errstate(invalid="ignore", divide="ignore"):  # a variance of one element
                if meant.alone:
                    result[i, d] = meant.f(v[:, d], None, np.array(len(v)), at)
                else:
                    result[i, d] = meant.f(v[None, :, d], None, np.array([len(v)]), at[None])[0]
    return result


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("kind", MANY)
def test_rows_of_every_layout_and_reduction(kind: str, layout: str) -> None:
    shape, axes = LAYOUTS[layout]
    x, spans = RANDOM.normal(size=shape), MANY[kind]
    rows = np.moveaxis(x, axes, (0, 1))
    windows = ap.spans(*spans)
    for name, reduction in FOLDS.items():
        want = by_hand(name, rows, spans)
        for backend in (None, "reference"):
            y = ap.pool(x, windows, reduction, axes=axes, backend=backend)
            np.testing.assert_allclose(np.moveaxis(y, min(axes), 0), want, rtol=1e-9, atol=1e-12, err_msg=name)
    assert windows.output_shape(shape, axes) == y.shape
    explained = ap.explain(x, windows, "mean", axes=axes)
    assert explained.shape == shape and explained.out_shape == y.shape and repr(windows) in str(explained)


@pytest.mark.parametrize("kind", MANY)
def test_masks_weights_and_log_weights(kind: str) -> None:
    x, logs, keep = RANDOM.normal(size=(B, T, D)), RANDOM.normal(size=(B, T, D)), RANDOM.random((B, T, 1)) > 0.4
    windows = ap.spans(*MANY[kind])
    mean, median = ap.pool(x, windows, ("mean", "median"), axes=(0, 1), weights=keep)
    weighted = ap.pool(x, windows, "mean", axes=(0, 1), log_weights=logs)
    few = ap.pool(x, windows, "sum", axes=(0, 1), min_count=3, empty=7.0)
    for i, (start, stop, row) in enumerate(zip(*MANY[kind], strict=True)):
        v, a = x[row, start:stop], np.exp(logs[row, start:stop])
        present = v[keep[row, start:stop, 0]]
        if len(present):
            np.testing.assert_allclose(mean[i], present.mean(0))
            np.testing.assert_allclose(median[i], np.median(present, 0))
        if len(v):
            np.testing.assert_allclose(weighted[i], (a * v).sum(0) / a.sum(0))
        np.testing.assert_allclose(few[i], v.sum(0) if len(v) >= 3 else 7.0)


@pytest.mark.parametrize("name", ["mean", "max", "std", "median", "first", "last", "softpool"])
@pytest.mark.parametrize("kind", MANY)
def test_gradients(kind: str, name: str) -> None:
    x = torch.randn(B, T, D, dtype=torch.float64, requires_grad=True)
    windows = ap.spans(*MANY[kind])
    pool = lambda t: ap.pool(t, windows, name, axes=(0, 1)).nan_to_num()  # noqa: E731
    assert torch.autograd.gradcheck(pool, x)
    assert name != "softpool" or torch.autograd.gradgradcheck(pool, x)


@pytest.mark.parametrize("side", ["right", "left"])
def test_padding_is_never_read(side: str) -> None:
    x, lengths = np.full((4, 5, 2), np.nan, np.float32), [5, 0, 2, 1]
    rows = [RANDOM.normal(size=(n, 2)).astype(np.float32) for n in lengths]
    for i, row in enumerate(rows):
        x[i, slice(5 - len(row), 5) if side == "left" else slice(len(row))] = row
    windows = ap.padded(lengths, side=side)
    flat, offsets = np.concatenate(rows), np.cumsum([0, *lengths])
    for name in ("mean", "max", "std", "median", "sum"):
        want = ap.pool(flat, ap.segments(offsets), name, axes=0)
        np.testing.assert_array_equal(ap.pool(x, windows, name, axes=(0, 1)), want)
        y = ap.pool(np.ascontiguousarray(x.swapaxes(0, 1)), windows, name, axes=(1, 0))
        np.testing.assert_array_equal(y, want)
    assert ap.pool(x, windows, "mean", axes=(0, 1), empty=0.0)[1].tolist() == [0, 0]


def test_text_tensors_and_results_in_place() -> None:
    x = np.arange(14.0).reshape(2, 7)
    for windows in (ap.spans([5, 0], [7, 1], rows=[1, 0]), ap.padded([2, 7])):
        again = windows_from(text_of(windows))
        want = ap.pool(x, windows, "sum")
        np.testing.assert_array_equal(ap.pool(x, again, "sum"), want)
        out = np.empty(2)
        assert ap.pool(x, windows, "sum", out=out) is out and out.tolist() == want.tolist()
    assert ap.pool([1.0, 2.0, 3.0], windows_from("spans([2, 0], [3, 2])"), "sum").tolist() == [3, 3]
    ends = torch.tensor([0, 3]), torch.tensor([2, 7])
    assert ap.pool(torch.ones(7), ap.spans(*ends), "sum").tolist() == [2, 4]
    both, place = ap.pool(x, ap.spans([5, 0], [7, 1], rows=[1, 0]), (ap.KMax(1), "argmax"))
    assert both[:, 0].tolist() == [13, 0] and place.tolist() == [13, 0]


def test_compiled_with_other_lengths() -> None:
    def pool(x: Any, starts: Any, stops: Any, rows: Any, lengths: Any) -> Any:
        spans = ap.pool(x, ap.spans(starts, stops, rows=rows), "mean", axes=(0, 1))
        return spans, ap.pool(x, ap.padded(lengths), "max", axes=(0, 1), empty=0.0)

    compiled = torch.compile(pool, fullgraph=True, dynamic=True)
    for count in (6, 4):
        x = torch.randn(B, T, D, requires_grad=True)
        arguments = (*(torch.tensor(v[:count]) for v in MANY["ascending"]), torch.tensor([6, 0, count]))
        got, want = compiled(x, *arguments), pool(x, *arguments)
        torch.testing.assert_close(got, want)
        (g,) = torch.autograd.grad(got[0].sum() + got[1].sum(), x)
        torch.testing.assert_close(g, torch.autograd.grad(want[0].sum() + want[1].sum(), x)[0])


def test_nothing() -> None:
    assert ap.pool(np.ones((0, 4, 2)), ap.padded([]), "mean", axes=(0, 1)).shape == (0, 2)
    assert ap.pool(np.ones((3, 0, 2)), ap.padded([0, 0, 0]), "sum", axes=(0, 1)).tolist() == [[0, 0]] * 3
    assert ap.pool(np.ones((3, 4)), ap.spans([], [], rows=[]), "max").shape == (0,)
    assert ap.pool(np.ones(0), ap.spans([0], [0]), "sum").tolist() == [0]


WRONG: dict[str, tuple[Any, str]] = {
    "stop before start": (lambda: ap.spans([0, 5], [1, 4]), "span 1 is 5 to 4: use 0 ≤ start ≤ stop"),
    "negative start": (lambda: ap.spans([-1], [4]), "span 0 is -1 to 4"),
    "as many": (lambda: ap.spans([0, 1], [4]), "2 starts and 1 stops"),
    "as many rows": (lambda: ap.spans([0], [4], rows=[0, 1]), "2 rows for 1 spans"),
    "negative row": (lambda: ap.spans([0], [4], rows=[-1]), "reads row -1"),
    "floats": (lambda: ap.spans(np.array([0.5]), [4]), "1-D row of integers"),
    "a table": (lambda: ap.spans([0], np.ones((1, 1), int)), "1-D row of integers"),
    "outside": (lambda: ap.pool(np.ones((2, 5)), ap.spans([0], [9], [0])), r"span 0 is 0 to 9.*length 5"),
    "outside one axis": (lambda: ap.pool(np.ones(5), ap.spans([3, 0], [9, 2])), r"is 3 to 9.*length 5"),
    "no such row": (lambda: ap.pool(np.ones((2, 5)), ap.spans([0], [5], [2])), r"row 2.*rows must be 0 to 1"),
    "axes": (lambda: ap.pool(np.ones((2, 5, 1)), ap.spans([0], [5], [0]), axes=1), r"axes=\(batch, time\)"),
    "one axis": (lambda: ap.pool(np.ones((2, 5)), ap.spans([0], [5]), axes=(0, 1)), "give rows="),
    "negative length": (lambda: ap.padded([2, -1]), r"lengths\[1\] = -1: lengths must be at least 0"),
    "float lengths": (lambda: ap.padded(torch.tensor([1.0])), "1-D row of integers"),
    "long": (lambda: ap.pool(np.ones((2, 5)), ap.padded([2, 6])), r"lengths\[1\] = 6, but rows have 5"),
    "batch": (lambda: ap.pool(np.ones((2, 5)), ap.padded([2])), "1 lengths for a batch of 2 rows"),
    "side": (lambda: ap.padded([2], side="top"), "use 'right' or 'left'"),
    "padded axes": (lambda: ap.pool(np.ones((2, 5, 1)), ap.padded([2, 2])), r"axes=\(batch, time\)"),
    "weights": (lambda: ap.pool(np.ones((2, 5)), ap.padded([2, 2]), weights=np.ones((3, 5))), "do not broadcast"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_arguments(name: str) -> None:
    call, sentence = WRONG[name]
    with pytest.raises(ap.PoolingError, match=sentence):
        call()
