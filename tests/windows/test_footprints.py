"""`sliding(size, footprint=…)`: every reduction on the positions of a footprint, by walking over
them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from brute import FORMULAS, one_by_one
from fold_cases import FOLDS
from scipy import ndimage

import anypool as ap
from anypool.expressions import text_of, windows_from

DISK = np.hypot(*np.mgrid[-2:3, -2:3]) <= 2.3
EVEN = np.array([[1, 0, 1, 1], [0, 1, 0, 0]], bool)
REAL = np.array([[0.5, 0.0, 2.0], [1.0, 1.5, 0.0], [0.25, 3.0, 1.0]])
FOOTPRINTS = {"disk": (DISK, 1, 2), "even sizes": (EVEN, (2, 3), 0), "real": (REAL, 2, 1)}
SIGNED = ("sum", "mean")


def by_hand(name: str, x: Any, footprint: Any, stride: Any, pad: int, real: bool) -> Any:
    """Each window of a plane, position by position."""
    (h, w), (down, right) = footprint.shape, stride if isinstance(stride, tuple) else (stride, stride)
    rows = range(-pad, x.shape[0] + pad - h + 1, down)
    columns = range(-pad, x.shape[1] + pad - w + 1, right)
    meant, out = FORMULAS[name], np.empty((len(rows), len(columns)), object)
    for i, top in enumerate(rows):
        for j, left in enumerate(columns):
            v, mass, at = list[Any](), list[float](), list[int]()
            for p, q in np.argwhere(footprint):
                y, z = top + p, left + q
                if 0 <= y < x.shape[0] and 0 <= z < x.shape[1]:
                    v.append(x[y, z])
                    mass.append(float(footprint[p, q]))
                    at.append(int(y * x.shape[1] + z))
            if not v:
                out[i, j] = meant.empty
                continue
            lists = np.array([v]), np.array([mass]) if real and not meant.masks else None
            more = np.array([sum(mass)]), np.array([at])
            out[i, j] = (one_by_one(meant.f, *lists, *more) if meant.alone else meant.f(*lists, *more))[0]
    return out


@pytest.mark.parametrize("backend", [None, "reference"])
@pytest.mark.parametrize("key", FOOTPRINTS)
@pytest.mark.parametrize("name", FOLDS)
def test_folds(name: str, key: str, backend: str | None) -> None:
    footprint, stride, pad = FOOTPRINTS[key]
    x = np.random.default_rng(0).standard_normal((2, 9, 8)) + 0.2
    windows = ap.sliding(footprint.shape, stride, pad, footprint=footprint)
    got = ap.pool(x, windows, FOLDS[name], backend=backend)
    for plane, y in zip(x, got, strict=True):
        want = by_hand(name, plane, footprint, stride, pad, key == "real")
        np.testing.assert_allclose(y.astype(float), want.astype(float), 1e-9, 1e-9)


@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_scipy_agrees_on_a_disk(dtype: str) -> None:
    x = (np.random.default_rng(1).random((23, 31)) * 200).astype(dtype)
    windows = ap.sliding((5, 5), 1, 2, border="symmetric", footprint=DISK)
    for name, theirs in (
        ("max", ndimage.maximum_filter),
        ("min", ndimage.minimum_filter),
        ("median", ndimage.median_filter),
    ):
        assert np.array_equal(ap.pool(x, windows, name), theirs(x, footprint=DISK, mode="reflect")), name


def test_a_ball_and_masks_and_log_weights() -> None:
    random = np.random.default_rng(2)
    ball = np.sqrt((np.mgrid[-2:3, -2:3, -2:3] ** 2).sum(0)) <= 2.3
    x, mask = random.standard_normal((9, 8, 7)), random.random((9, 8, 7)) < 0.7
    windows = ap.sliding((5, 5, 5), 1, 2, footprint=ball)
    holes = np.where(mask, x, -np.inf)
    want = ndimage.maximum_filter(holes, footprint=ball, mode="constant", cval=-np.inf)
    assert np.array_equal(ap.pool(x, windows, "max", weights=mask), want)
    for scale in (1.0, 1e4):
        a = random.integers(-2, 3, x.shape) * scale
        got = ap.pool(x, windows, log_weights=a)
        for i in ((0, 0, 0), (4, 4, 4), (8, 3, 6), (5, 7, 0)):
            at = [
                p
                for p in np.argwhere(ball) + np.array(i) - 2
                if all(0 <= c < n for c, n in zip(p, x.shape, strict=True))
            ]
            v, b = (np.array([t[tuple(p)] for p in at]) for t in (x, a))
            share = np.exp(b - b.max())
            np.testing.assert_allclose(got[i], (share * v).sum() / share.sum(), 1e-10)


def test_spellings() -> None:
    windows, real = (ap.sliding((5, 5), 1, footprint=t) for t in (DISK, DISK.astype(float)))
    assert windows == ap.sliding(5, 1, footprint=DISK) == ap.sliding((5, 5), 1, footprint=DISK.tolist())
    assert real == ap.sliding((5, 5), 1, taps=DISK.astype(float)) != windows
    assert windows_from(text_of(windows)) == windows and windows_from(text_of(real)) == real
    assert windows_from("sliding((1, 2), footprint=[[True, False]])") == ap.sliding((1, 2), footprint=[[True, False]])
    whole = np.arange(64).reshape(8, 8)  # a bool footprint only selects: sums of integers are integers
    assert [ap.pool(whole, w, "sum").dtype.name for w in (windows, real)] == ["int64", "float64"]
    assert windows.output_shape((3, 9, 9)) == (3, 5, 5)
    assert ap.sliding((3, 3), footprint=np.ones((3, 3), bool)) == ap.sliding((3, 3))
    assert ap.sliding((5, 5), footprint=DISK).output_shape((3, 3)) == (1, 1)  # larger than x
    inside = ap.segments([0, 4, 9]).sliding(3, 1, footprint=[True, False, True])
    x = np.arange(9.0)
    assert ap.pool(x, inside, "sum", axes=0).tolist() == [2, 4, 10, 12, 14]


def test_gradients_reach_the_positions_of_the_footprint() -> None:
    x = torch.randn(2, 7, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    for name in ("max", "mean", "std", "median"):
        pooled = ap.pool(x, ap.sliding((5, 5), 1, 2, footprint=DISK), name)
        (gradient,) = torch.autograd.grad(pooled[:, 3, 3].sum(), x)
        outside = torch.ones(7, 7, dtype=torch.bool)
        outside[1:6, 1:6] = torch.from_numpy(~DISK)
        assert (gradient[:, outside] == 0).all() and gradient.abs().sum() > 0
    compiled = torch.compile(lambda x: ap.pool(x, ap.sliding((5, 5), footprint=DISK), "max"), backend="eager")
    assert torch.equal(compiled(x), ap.pool(x, ap.sliding((5, 5), footprint=DISK), "max"))


BAD: list[tuple[dict[str, Any], str]] = [
    ({"footprint": DISK, "taps": DISK}, "not both"),
    ({"footprint": DISK[:4]}, "shape"),
    ({"footprint": True}, "shape"),
    ({"footprint": np.zeros((5, 5), bool)}, "no position"),
    ({"footprint": np.zeros((5, 5))}, "no position"),
    ({"footprint": np.full((5, 5), np.nan)}, "NaN"),
    ({"footprint": np.full((5, 5), np.inf)}, "infinity"),
    ({"footprint": DISK * 1j}, "dtype"),
    ({"footprint": "disk"}, "no array"),
]


@pytest.mark.parametrize(("how", "said"), BAD, ids=str)
def test_refused(how: dict[str, Any], said: str) -> None:
    with pytest.raises(ap.PoolingError, match=said):
        ap.sliding((5, 5), **how)


@pytest.mark.parametrize("name", ["max", "std", "median", "prod", "count", ap.Lp(2)], ids=str)
def test_negative_weights_are_refused_where_they_mean_nothing(name: Any) -> None:
    windows = ap.sliding((2, 2), footprint=[[1.0, -1.0], [1.0, 1.0]])
    with pytest.raises(ap.PoolingError, match="at least 0"):
        ap.pool(np.ones((4, 4)), windows, name)
    assert ap.pool(np.ones((4, 4)), windows, "sum").tolist() == [[2, 2], [2, 2]]
    with pytest.raises(ap.PoolingError, match="interval"):
        ap.sliding((2.5, 2.5), footprint=np.ones((2, 2), bool))
