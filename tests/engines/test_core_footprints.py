"""Footprints in the compiled core: random shapes, strides, borders, masks and element types."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from backends import needs_core
from scipy import ndimage
from thread_count import threads

import anypool as ap
from anypool.reductions import REDUCTIONS

pytestmark = needs_core
TOLERANCE = {"float16": 6e-3, "float32": 3e-5, "float64": 1e-9}
TYPES = ("float32", "float64", "float16", "uint8", "int16", "int32", "int64", "bool")
LEARNED = ("sum", "mean", "max", "min", "var", "std", "rms", "logsumexp", "softpool", "range", "prod")


def _call(g: np.random.Generator, real: bool, longest: tuple[int, int, int] = (150, 30, 12)) -> Any:
    """A shape, its pooled axes, and windows with a random footprint."""
    rank = int(g.integers(1, 4))
    pooled = int(g.integers(1, rank + 1))
    shape = tuple(int(n) for n in g.integers(1, longest[pooled - 1], rank))
    axes = tuple(sorted(g.choice(rank, pooled, replace=False).tolist()))
    size = tuple(int(n) for n in g.integers(1, (28, 8, 5)[pooled - 1], pooled))
    footprint = g.random(size) < g.choice([0.3, 0.6, 0.9])
    footprint.flat[g.integers(footprint.size)] = True
    table = footprint * np.round(g.random(size) * 3 + 0.5, 1) if real else footprint
    stride = 1 if g.random() < 0.5 else tuple(int(n) for n in g.integers(1, 4, pooled))
    dilation = 1 if g.random() < 0.6 else tuple(int(n) for n in g.integers(1, 3, pooled))
    border: Any = str(g.choice(["absent", "absent", "reflect", "circular", "0"]))
    padding: Any = tuple(tuple(pair) for pair in g.integers(0, 4, (pooled, 2)).tolist())
    try:
        windows = ap.sliding(size, stride, padding, dilation, border=0.0 if border == "0" else border, footprint=table)
        windows.plan(shape, axes)
    except ap.PoolingError:  # the border does not fit the axis, or the window is too large
        return _call(g, real, longest)
    return shape, axes, windows


def _numbers(g: np.random.Generator, shape: tuple[int, ...], dtype: str) -> Any:
    x = g.normal(size=shape) * 5
    if dtype == "bool":
        return x > 0
    if dtype.startswith("float"):
        x.flat[g.integers(x.size)] = g.choice([np.nan, np.inf, 1.0])
        return x.astype(dtype)
    return (np.abs(x * 9) if dtype.startswith("u") else x * 9).astype(dtype)


@pytest.mark.parametrize("real", [False, True], ids=["bool", "real"])
@pytest.mark.parametrize("dtype", TYPES)
def test_the_core_is_the_reference(dtype: str, real: bool) -> None:
    g = np.random.default_rng(TYPES.index(dtype) + 100 * real)
    served = 0
    for _ in range(60):
        shape, axes, windows = _call(g, real)
        x = _numbers(g, shape, dtype)
        x = np.asfortranarray(x) if g.random() < 0.3 else x
        masks: dict[str, Any] = {"mask": g.random(shape) < 0.7, "real": np.round(g.random(shape) * 2, 1)}
        options: list[dict[str, Any]] = [{}, {"weights": masks[str(g.choice(list(masks)))]}, {"nan": "omit"}]
        more = options[int(g.choice(3, p=[0.6, 0.25, 0.15]))]
        for name in g.choice(sorted(set(REDUCTIONS) - {"prod"} if "float" in dtype else REDUCTIONS), 5, replace=False):
            try:
                got = ap.pool(x, windows, name, axes=axes, backend="cpu", **more)
            except ap.PoolingError:
                continue
            want = ap.pool(x, windows, name, axes=axes, backend="reference", **more)
            served += 1
            tolerance = TOLERANCE.get(got.dtype.name, 0) * (20 if name in ("var", "std") else 1)
            assert got.dtype == want.dtype
            np.testing.assert_allclose(got, want, tolerance, 40 * tolerance, err_msg=f"{name} {windows} {shape} {axes}")
    assert served > 100


@pytest.mark.parametrize("name", LEARNED)
def test_gradients_are_those_of_the_reference(name: str) -> None:
    g = np.random.default_rng(LEARNED.index(name))
    for _ in range(12):
        shape, axes, windows = _call(g, g.random() < 0.4, (60, 16, 8))
        x = torch.from_numpy(g.permutation(int(np.prod(shape))).reshape(shape) / np.prod(shape) * 4 - 1)
        weights = torch.from_numpy(g.random(shape) * 2 + 0.1) if g.random() < 0.3 else None
        found: list[tuple[Any, ...]] = []
        for backend in (None, "reference"):
            leaves = [t.clone().requires_grad_() for t in (x, weights) if t is not None]
            y = ap.pool(leaves[0], windows, name, axes=axes, backend=backend, weights=(*leaves, None)[1])
            seed = torch.from_numpy(np.random.default_rng(7).normal(size=tuple(y.shape)))
            flat = y.detach() < 1e-3 if name == "std" else torch.zeros_like(y, dtype=torch.bool)
            y.backward(torch.where(torch.isfinite(y) & ~flat, seed, 0.0))
            found.append(tuple(t.grad for t in leaves))
        for got, want in zip(*found, strict=True):
            torch.testing.assert_close(got, want, rtol=1e-7, atol=1e-7, equal_nan=True, msg=f"{windows} {shape} {axes}")


@pytest.mark.parametrize("padding", [0, 10])
@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_a_large_disk_is_scipys(dtype: str, padding: int) -> None:
    disk = np.hypot(*np.mgrid[-10:11, -10:11]) <= 10
    x = (np.random.default_rng(0).random((300, 700)) * 200).astype(dtype)
    windows = ap.sliding((21, 21), 1, padding, footprint=disk)
    cut = (slice(10 - padding, padding - 10 or None),) * 2
    with threads(2):
        got = {name: ap.pool(x, windows, name) for name in ("max", "min", "sum", "count", "mean")}
    for name, theirs, beyond in (("max", ndimage.maximum_filter, 0), ("min", ndimage.minimum_filter, 255)):
        assert np.array_equal(got[name], theirs(x, footprint=disk, mode="constant", cval=beyond)[cut])
    total, n = (
        ndimage.correlate(v.astype(float), disk.astype(float), mode="constant")[cut] for v in (x, np.ones_like(x))
    )
    np.testing.assert_allclose(got["sum"], total, 2e-6)
    np.testing.assert_allclose(got["mean"], total / n, 2e-6)
    assert np.array_equal(got["count"], n)
    with threads(1):
        for name, y in got.items():
            assert np.array_equal(ap.pool(x, windows, name), y), name


def test_sums_over_a_bool_footprint_keep_large_integers() -> None:
    x = np.array([2**62, 1, 2**61, 3], np.int64)
    for backend in ("cpu", "reference"):
        got = ap.pool(x, ap.sliding(3, 1, footprint=[True, False, True]), "sum", axes=0, backend=backend)
        assert got.tolist() == [2**62 + 2**61, 4] and got.dtype == np.int64


def test_windows_that_hold_no_position_are_empty() -> None:
    x = np.arange(15.0).reshape(3, 5) + 1
    left = ap.sliding((1, 3), 1, (0, 2), footprint=[[True, False, False]])
    for name, empty in itertools.product(("max", "mean", "sum", "var", "softpool"), (None, 7.0)):
        got, want = (ap.pool(x, left, name, empty=empty, backend=b) for b in ("cpu", "reference"))
        np.testing.assert_allclose(got, want, 1e-12, err_msg=name)
        assert empty is None or (got[:, :2] == 7).all()
    assert ap.pool(x, left, "argmax").tolist() == [[-1, -1, *range(5 * i, 5 * i + 5)] for i in range(3)]
    corners = np.zeros((3, 3), bool)
    corners[::2, ::2] = True
    small = np.arange(4.0).reshape(2, 2) + 1  # windows larger than x
    assert ap.pool(small, ap.sliding((3, 3), 1, 1, footprint=corners), "mean").tolist() == [[4, 3], [2, 1]]


def test_selections_give_no_gradient_to_elements_of_empty_windows() -> None:
    x = torch.arange(1.0, 5.0).requires_grad_()
    y = ap.pool(x, ap.sliding((2,), 1, 1, footprint=[True, False]), "max", axes=0)
    (gradient,) = torch.autograd.grad(y[1:].sum() + 100 * y[0], x)
    assert gradient.tolist() == [1, 1, 1, 1]
    for dtype in (torch.float32, torch.float64):
        x = torch.arange(1.0, 5.0, dtype=dtype).requires_grad_()
        y = ap.pool(x, ap.sliding((1,), 1), "max", axes=0, weights=torch.tensor([False, True, True, True]), empty=3.0)
        assert torch.autograd.grad(y.sum(), x)[0].tolist() == [0, 1, 1, 1]


def test_medians_of_one_position_keep_large_integers() -> None:
    for dtype, value in (("int64", 2**63 - 1), ("uint64", 2**64 - 1), ("int64", 2**53 + 1)):
        x = np.full(5, value, dtype)
        for footprint, backend in itertools.product(([0, 1, 0], [1, 0, 1, 0, 1], [1]), (None, "reference")):
            windows = ap.sliding(len(footprint), 1, footprint=np.array(footprint, bool))
            got = ap.pool(x, windows, "median", axes=0, backend=backend)
            assert got.dtype == x.dtype and (got == x[0]).all()


def test_footprints_compile() -> None:
    x = torch.randn(1, 2, 6, 6, generator=torch.Generator().manual_seed(0))
    for table in (np.eye(3, dtype=bool), np.eye(3) * 0.5):
        windows = ap.sliding((3, 3), 1, 1, footprint=table)
        compiled = torch.compile(lambda t, w=windows: ap.pool(t, w, "mean"), fullgraph=True, backend="aot_eager")
        assert torch.equal(compiled(x), ap.pool(x, windows, "mean"))
