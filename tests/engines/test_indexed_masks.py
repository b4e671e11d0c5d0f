"""IndexedWindows with masks, weights or omitted NaN: compiled by identity elements, as the
reference."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from backends import needs_core
from fold_cases import folds
from indexed_cases import BOXES, RANDOM, same, watched

import anypool as ap

pytestmark = needs_core
WINDOWS: dict[str, Any] = {
    "whole elements": ap.boxes(BOXES, (3, 2)),
    "integrals": ap.boxes(BOXES, (3, 2), reading="exact"),
    "integrals, 0.5 outside": ap.boxes(BOXES, (3, 2), reading="exact", border=0.5),
    "integrals inside": ap.boxes(BOXES, (3, 2), reading="exact", border="absent"),
    "groups": ap.groups(RANDOM.integers(-1, 7, (13, 11)), count=9),
    "regions": ap.regions(2),
}
FOLDS = folds(
    *"sum mean max min prod any all count range rms var std logsumexp softpool argmax argmin".split(),
    *("Lp(3)", "PowerMean(3)", "LogMeanExp(-2)"),
)
X = RANDOM.standard_normal((2, 3, 13, 11))
HOLE = np.s_[:, :, 3:8, 2:6]
MASK = RANDOM.random((13, 11)) > 0.3
MASK[HOLE[2:]] = False  # windows of nothing too
REAL = np.where(MASK, RANDOM.random((13, 11)), 0)
EACH = RANDOM.random((2, 3, 13, 11)) * MASK
NANS = np.where(RANDOM.random(X.shape) > 0.2, X, np.nan)
NANS[HOLE] = np.nan
#: (x, weights, nan)
ASKED: dict[str, Any] = {
    "mask": (X, MASK, "propagate"),
    "mask over NaN": (np.where(MASK, X, np.nan), MASK, "propagate"),
    "weights": (X, REAL, "propagate"),
    "a weight each": (X, EACH, "propagate"),
    "omit": (NANS, None, "omit"),
    "omit and weights": (NANS, REAL, "omit"),
}


@pytest.mark.parametrize("fold", FOLDS)
@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("name", WINDOWS)
def test_masked_values_are_the_references(name: str, asked: str, fold: str, monkeypatch: Any) -> None:
    x, weights, nan = ASKED[asked]
    for dtype, near in (("float64", 1e-9), ("float32", 2e-4), ("float16", 2e-2)):
        v = x.astype(dtype)
        options: dict[str, Any] = {"weights": weights, "nan": nan}
        wanted = ap.pool(v, WINDOWS[name], FOLDS[fold], backend="reference", **options)
        heard = watched(monkeypatch)
        same(ap.pool(v, WINDOWS[name], FOLDS[fold], **options), wanted, near)
        assert not heard or fold == "prod" or dtype == "float64", (dtype, len(heard))
        monkeypatch.undo()


@pytest.mark.parametrize("fold", FOLDS)
@pytest.mark.parametrize("name", ["whole elements", "groups", "integrals inside"])
def test_masked_integers(name: str, fold: str) -> None:
    for dtype in ("uint8", "int16", "int32"):
        x = (X * 30 + 99).astype(dtype)
        for empty in ({} if fold in ("any", "all", "count", "argmax", "argmin") else {"empty": 7},):
            wanted = ap.pool(x, WINDOWS[name], FOLDS[fold], backend="reference", weights=MASK, **empty)
            same(ap.pool(x, WINDOWS[name], FOLDS[fold], weights=MASK, **empty), wanted, 1e-9)
    with pytest.raises(ap.PoolingError, match="empty="):
        ap.pool((X * 30 + 99).astype("uint8"), WINDOWS["groups"], "max", weights=MASK)


def test_present_elements_win_over_absent_ones() -> None:
    x = np.full((4,), -np.inf)
    x[3] = 5.0
    windows = ap.groups([0, 0, 0, 0])
    mask = np.array([False, False, True, False])
    assert ap.pool(x, windows, "argmax", axes=0, weights=mask).tolist() == [2]
    assert ap.pool(x, windows, ("max", "count"), axes=0, weights=mask)[0].tolist() == [-np.inf]


def test_bad_weights() -> None:
    for weights in (-REAL, np.where(MASK, REAL, np.nan)):
        with pytest.raises(ap.PoolingError, match="weights"):
            ap.pool(X, WINDOWS["groups"], "rms", weights=weights)
    total = ap.pool(X, WINDOWS["groups"], "sum", weights=-REAL)  # a sum has signed weights
    np.testing.assert_allclose(total, -ap.pool(X, WINDOWS["groups"], "sum", weights=REAL))


@pytest.mark.parametrize("fold", ["sum", "mean", "max", "min", "range", "rms", "softpool"])
@pytest.mark.parametrize("name", WINDOWS)
def test_masked_gradients_are_the_references(name: str, fold: str) -> None:
    torch = pytest.importorskip("torch")
    found: list[Any] = []
    for backend in ("reference", None):
        x = torch.from_numpy(NANS.copy()).requires_grad_()
        w = torch.from_numpy(REAL.copy()).requires_grad_(fold in ("sum", "mean"))
        y = ap.pool(x, WINDOWS[name], fold, weights=w, nan="omit", backend=backend)
        y = torch.where(torch.isfinite(y), y, torch.zeros_like(y))
        g = torch.from_numpy(np.random.default_rng(2).standard_normal(y.shape))
        found.append(torch.autograd.grad(y, [x, w] if w.requires_grad else [x], g))
    for made, wanted in zip(found[1], found[0], strict=True):
        held = torch.isfinite(made) & torch.isfinite(wanted)
        torch.testing.assert_close(made[held], wanted[held], rtol=1e-9, atol=1e-9)
        assert torch.isfinite(made).all()
