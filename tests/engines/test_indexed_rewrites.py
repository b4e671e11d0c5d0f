"""IndexedWindows by rewrites into compiled reductions: sums, points, two selections, integers as
floats."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from backends import needs_core
from fold_cases import folds
from indexed_cases import BOXES, RANDOM, same, watched

import anypool as ap

pytestmark = needs_core
TURNED = np.concatenate([BOXES[:, :1], RANDOM.uniform(2, 9, (11, 4)), RANDOM.uniform(-90, 90, (11, 1))], 1)
WINDOWS: dict[str, Any] = {
    "whole elements": ap.boxes(BOXES, (3, 2)),
    "points": ap.boxes(BOXES, (3, 2), reading="sampled"),
    "integrals": ap.boxes(BOXES, (3, 2), reading="exact"),
    "integrals inside": ap.boxes(BOXES, (3, 2), reading="exact", border="absent"),
    "points of turned boxes": ap.boxes(TURNED, (3, 2), reading="sampled", rotated="clockwise"),
    "groups": ap.groups(RANDOM.integers(0, 7, (13, 11))),
    "real-valued": ap.sliding((2.5, 3), (2.5, 1.5)),
    "taps": ap.sliding((3, 3), 2, taps=([0.25, 0.5, 0.25], [1.0, 2.0, 1.0])),
}
FOLDS = folds(
    *"rms var std logsumexp softpool range any all".split(),
    *("Lp(3)", "PowerMean(3)", "PowerMean(3, signed)", "LogMeanExp(-2)", "Std(0.5)"),
)
PLAIN: dict[str, Any] = {n: n for n in "sum mean max min argmax argmin".split()}


def asked(name: str) -> dict[str, Any]:
    return {"axes": (2, 3)} if name in ("groups", "real-valued", "taps") else {}


@pytest.mark.parametrize("fold", FOLDS)
@pytest.mark.parametrize("name", WINDOWS)
def test_rewritten_values_are_the_references(name: str, fold: str, monkeypatch: Any) -> None:
    x = RANDOM.standard_normal((2, 3, 13, 11))
    x[:, :, 4:9, 3] = 0.25  # flat windows too
    for dtype, near in (("float64", 1e-9), ("float32", 1e-4), ("float16", 2e-2), ("uint8", 1e-9), ("bool", 1e-9)):
        if dtype == "bool" and fold not in ("any", "all"):
            continue
        v = x.astype(dtype) if dtype[0] == "f" else (x * 30 + 99).astype("uint8") if dtype != "bool" else x > 0.5
        options = {**asked(name), **({"empty": 0} if (fold, dtype) == ("range", "uint8") else {})}
        wanted = ap.pool(v, WINDOWS[name], FOLDS[fold], backend="reference", **options)
        heard = watched(monkeypatch)
        same(ap.pool(v, WINDOWS[name], FOLDS[fold], **options), wanted, near)
        assert not heard or fold == "range" or dtype in ("float64", "bool", "uint8"), (dtype, len(heard))
        monkeypatch.undo()


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "uint32"])
@pytest.mark.parametrize("fold", PLAIN)
@pytest.mark.parametrize("name", ["whole elements", "groups", "points", "integrals inside"])
def test_integers_are_carried_exactly(name: str, fold: str, dtype: str) -> None:
    info = np.iinfo(dtype)
    x = RANDOM.integers(info.min, info.max, (2, 3, 13, 11), dtype, endpoint=True)
    windows, options = WINDOWS[name], {"empty": 0, **asked(name)}
    if name == "points" and fold.startswith("arg"):
        with pytest.raises(ap.PoolingError, match="no element"):
            ap.pool(x, windows, fold)
        return
    wanted = ap.pool(x, windows, fold, backend="reference", **options)
    same(ap.pool(x, windows, fold, **options), wanted, 1e-12)


@pytest.mark.parametrize("fold", [f for f in FOLDS if f not in ("any", "all")])
@pytest.mark.parametrize("name", WINDOWS)
def test_rewritten_gradients_are_the_references(name: str, fold: str) -> None:
    torch = pytest.importorskip("torch")
    for dtype, near in ((torch.float64, 1e-9), (torch.float32, 1e-3)):
        found: list[Any] = []
        for backend in ("reference", None):
            x = torch.from_numpy(np.random.default_rng(1).standard_normal((2, 3, 13, 11))).to(dtype).requires_grad_()
            y = ap.pool(x, WINDOWS[name], FOLDS[fold], backend=backend, **asked(name))
            y = torch.where(torch.isfinite(y), y, torch.zeros_like(y))
            g = torch.from_numpy(np.random.default_rng(2).standard_normal(y.shape)).to(dtype)
            found += torch.autograd.grad(y, x, g)
        torch.testing.assert_close(found[1], found[0], rtol=near, atol=near, equal_nan=True)


def test_flat_windows_beside_large_numbers_have_no_variance() -> None:
    x = np.full((1, 1, 6, 6), 0.1, np.float32)
    x[0, 0, 3:] = 1e6
    y = ap.pool(x, ap.boxes([[0, 0, 0, 5, 5]], (2, 2)), "std")
    assert y.ravel().tolist() == [0.0] * 4
    x[0, 0, 0, 0] = 0.3  # cancels in the sums: the reference is asked
    y = ap.pool(x, ap.boxes([[0, 0, 0, 5, 5]], (2, 2)), "std")
    np.testing.assert_allclose(y[0, 0, 0, 0], x[0, 0, :3, :3].astype(float).std(), rtol=1e-5)


def test_sums_that_would_lose_numbers_are_the_references(monkeypatch: Any) -> None:
    x = RANDOM.standard_normal((1, 1, 8, 8)).astype("float32")
    x[..., :4] -= 200.0  # e^-200 beside e^0
    x[..., 7, 7] = np.nan
    windows = ap.boxes([[0, 0, 0, 7, 7]], (2, 2))
    heard = watched(monkeypatch)
    for fold in ("logsumexp", "softpool", ap.Lp(40)):
        wanted = ap.pool(x, windows, fold, backend="reference")
        before = len(heard)
        np.testing.assert_allclose(ap.pool(x, windows, fold), wanted, rtol=1e-6)
        assert len(heard) == before + 1


@pytest.mark.parametrize("fold", [ap.Lp(3), ap.PowerMean(-1.5), ap.PowerMean(2.5, form="magnitude")])
def test_numpy_folds_that_are_functions_of_sums(fold: Any) -> None:
    x = RANDOM.standard_normal((3, 2, 14, 15))
    for v in (x, x.astype("float32"), x[:, :, ::-1, ::2], x.transpose(0, 2, 3, 1).copy().transpose(0, 3, 1, 2)):
        windows = ap.sliding((3, 2), 1)
        wanted = ap.pool(v, windows, fold, backend="reference", axes=(2, 3))
        same(ap.pool(v, windows, fold, axes=(2, 3)), wanted, 1e-10 if v.dtype == np.float64 else 1e-4)


@pytest.mark.parametrize("name", [n for n in WINDOWS if "points" not in n])
@pytest.mark.parametrize("masked", [False, True])
def test_windows_that_cancel_are_computed_again_one_by_one(name: str, masked: bool, monkeypatch: Any) -> None:
    """A few windows of nearly equal numbers far from the others: exact; the others use sums."""
    x = RANDOM.standard_normal((2, 3, 13, 11)).astype("float32")
    x[:, :, 3:6, 4:7] = 5e6 + np.arange(9, dtype="float32").reshape(3, 3)
    windows, options = WINDOWS[name], asked(name)
    if name == "groups":
        labels = np.arange(143).reshape(13, 11) % 17
        labels[3:6, 4:7] = 17
        windows = ap.groups(labels)
    if masked:
        options["weights"] = np.arange(11) % 7 != 0
    for fold in ("var", "std"):
        wanted = ap.pool(x.astype("float64"), windows, fold, backend="reference", **options)
        np.testing.assert_allclose(ap.pool(x, windows, fold, **options), wanted, rtol=1e-4, atol=1e-5)
    import torch

    t = torch.from_numpy(x).requires_grad_()
    t = ap.pool(
        t, windows, "var", **({**options, "weights": torch.from_numpy(options["weights"])} if masked else options)
    )
    np.testing.assert_allclose(t.detach().numpy(), ap.pool(x, windows, "var", **options), rtol=1e-4, atol=1e-5)
