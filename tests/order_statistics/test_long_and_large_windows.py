"""Ranks of long and large windows: chains of sorted blocks, histograms, sorted tiles, selection;
exactly as sorting gives."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from backends import needs_core
from order_cases import orders
from sampling import spread
from scipy import ndimage
from thread_count import threads

import anypool as ap
from anypool.engines.ranks import algorithm as orders_call

pytestmark = needs_core
ORDERS = [
    *orders("median", "lower median", "smallest", "largest", "quantile 0.3"),
    *(ap.Quantile(0.9, method="nearest"), ap.Quantile([0.1, 1.0])),
]
MODES: dict[Any, Any] = {"replicate": "edge", "reflect": "reflect", "circular": "wrap", 3.0: "constant"}


def drawn(rng: Any, dtype: str, shape: tuple[int, ...]) -> Any:
    x = rng.standard_normal(shape) * (1 if dtype[0] == "f" else 30)
    x = np.round(x, 1) if rng.random() < 0.5 else x  # ties
    made = np.abs(x).astype(dtype) if dtype[0] == "u" else x.astype(dtype)
    if dtype[0] == "f" and rng.random() < 0.5:
        made.reshape(-1)[rng.integers(0, made.size, 4)] = rng.choice([np.nan, np.inf, -np.inf, -0.0], 4)
    return made


@pytest.mark.parametrize("dtype", "f2 f4 f8 i1 u1 i2 u2 i4 u4 i8 u8".split())
def test_long_windows_are_the_references(dtype: str, monkeypatch: Any) -> None:
    """Small windows are asked to go this way too, so that blocks begin and end everywhere."""
    monkeypatch.setattr(orders_call, "LONG", 2)
    rng = np.random.default_rng(5)
    for order, w in spread(itertools.product(ORDERS, (2, 3, 10, 65, 400)), 3, dtype):
        n = w + int(rng.choice([1, 2, w // 2, w, 3 * w + 7, 9000]))
        x = drawn(rng, dtype, (2, n) if w < 100 else (n,))
        axis = -1
        if x.ndim > 1 and rng.random() < 0.5:
            x, axis = np.moveaxis(x, -1, 0), 0
        options: dict[str, Any] = {}
        if rng.random() < 0.5:
            border: Any = 3.0 if rng.random() < 0.3 else str(rng.choice(["reflect", "replicate"]))
            options = {"padding": (tuple(int(p) for p in rng.integers(0, w, 2)),), "border": border}
        windows = ap.sliding((w,), 1, **options)
        made = ap.pool(x, windows, order, axes=axis)
        wanted = ap.pool(x, windows, order, axes=axis, backend="reference")
        assert made.dtype == wanted.dtype
        np.testing.assert_array_equal(made, wanted, err_msg=f"{order} {w} {x.shape} {options}")


@pytest.mark.parametrize("w", [311, 1001, 4097])
def test_scipys_median_filter(w: int) -> None:
    x = np.random.default_rng(w).standard_normal(20000).astype(np.float32)
    wanted = ndimage.median_filter(x, w, mode="reflect")[w // 2 : -(w // 2)]
    np.testing.assert_array_equal(ap.pool(x, ap.sliding((w,), 1), "median", axes=0), wanted)
    assert "chains" in ap.explain(x, ap.sliding((w,), 1), "median", axes=0).engine


def test_parts_of_a_long_series_meet(monkeypatch: Any) -> None:
    """Results do not depend on the threads, nor on where a task begins."""
    x = np.random.default_rng(1).standard_normal(60000)
    windows = ap.sliding((501,), 1)
    found = list[Any]()
    for n in (1, 3):
        with threads(n):
            found.append(ap.pool(x, windows, "median", axes=0))
    np.testing.assert_array_equal(found[0], found[1])
    at = np.r_[0:40, 8170:8200, 16370:16400, 59000:59500]
    np.testing.assert_array_equal(found[0][at], [np.median(x[i : i + 501]) for i in at])


def elements(random: np.random.Generator, shape: tuple[int, ...], dtype: str) -> Any:
    """Many ties, both signs where there are any, infinities where there are any."""
    if "float" in dtype:
        x = random.normal(size=shape).astype(dtype)
        x[random.random(shape) < 0.02] = np.inf
        x[random.random(shape) < 0.02] = -0.0
        x[random.random(shape) < 0.4] = 0.5
        return x
    info = np.iinfo(dtype)
    x = random.integers(info.min, info.max, shape, dtype, endpoint=True)
    x[random.random(shape) < 0.4] = 7
    return x


def sorted_windows(x: Any, size: tuple[int, int], border: Any) -> Any:
    """All windows of the last two axes, each in order."""
    if border != "absent":
        pads = [(0, 0)] * (x.ndim - 2) + [((s - 1) // 2, s - 1 - (s - 1) // 2) for s in size]
        options: Any = {"constant_values": 3} if border == 3.0 else {}
        x = np.pad(x, pads, MODES[border], **options)
    views = np.lib.stride_tricks.sliding_window_view(x, size, axis=(-2, -1))
    return np.sort(views.reshape(*views.shape[:-2], -1), -1)


@pytest.mark.parametrize(
    "dtype", ["float32", "float64", "float16", "uint16", "int16", "uint32", "int32", "uint64", "int64"]
)
@pytest.mark.parametrize("border", ["absent", *MODES])
def test_ranks_of_large_windows(dtype: str, border: Any) -> None:
    """Any rank, in any layout, in one tile and at the seams of several."""
    random = np.random.default_rng(5)
    for shape, size in (
        ((2, 24, 260), (17, 19)),
        ((1, 262, 19), (20, 18)),
        ((3, 21, 22), (16, 17)),
        ((1, 70, 75), (66, 3)),
    ):
        x = elements(random, shape, dtype)
        n = size[0] * size[1]
        windows = ap.sliding(size, 1, 0 if border == "absent" else "same", border=border)
        in_order = sorted_windows(x, size, border)
        for made in (x, np.asfortranarray(x), np.ascontiguousarray(x.transpose(1, 2, 0)).transpose(2, 0, 1)):
            for k in (0, 7, n // 2, n - 1):
                if size[1] > 3:
                    assert "tiles sorted once" in ap.explain(made, windows, ap.Rank(k)).engine
                got = ap.pool(made, windows, ap.Rank(k))
                assert got.dtype == made.dtype
                np.testing.assert_array_equal(got, in_order[..., k])
                np.testing.assert_array_equal(
                    np.signbit(got), np.signbit(in_order[..., k]) if k in (0, n - 1) else np.signbit(got)
                )


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8", "int8", "uint16", "int32"])
def test_between_two_ranks(dtype: str) -> None:
    """Even medians and interpolated quantiles read two neighbours in the order."""
    random = np.random.default_rng(6)
    for shape, size in (((270, 24), (18, 20)), ((40, 300), (22, 16))):
        x = elements(random, shape, dtype)
        in_order = sorted_windows(x, size, "absent").astype(np.float64)
        n = size[0] * size[1]
        windows = ap.sliding(size, 1)
        assert "histogram" in ap.explain(x, windows, "median").engine
        with np.errstate(invalid="ignore"):
            low, high = in_order[..., n // 2 - 1], in_order[..., n // 2]
            want = np.where(low == high, low, (low + high) / 2)
            np.testing.assert_allclose(ap.pool(x, windows, "median"), want, rtol=1e-6)
            for even, each in (("lower", low), ("higher", high)):
                got = ap.pool(x, windows, ap.Median(even))
                assert got.dtype == x.dtype
                np.testing.assert_array_equal(got, each)
        x = np.where(np.isfinite(x), x, 1).astype(dtype) if "float" in dtype else x
        want = np.quantile(sorted_windows(x, size, "absent").astype(np.float64), 0.3, axis=-1)
        np.testing.assert_allclose(ap.pool(x, windows, ap.Quantile(0.3)), want, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_nan_in_large_windows(dtype: str) -> None:
    """A NaN makes the medians of its own windows NaN; for a rank it is the largest element."""
    random = np.random.default_rng(7)
    x = elements(random, (40, 300), dtype)
    x[20, 150] = x[3, 299] = np.nan
    in_order = sorted_windows(x, (17, 17), "absent")
    windows = ap.sliding((17, 17), 1)
    np.testing.assert_array_equal(ap.pool(x, windows, ap.Rank(100)), in_order[..., 100])
    np.testing.assert_array_equal(ap.pool(x, windows, ap.Rank(-1)), in_order[..., -1])
    want = np.where(np.isnan(in_order[..., -1]), np.nan, in_order[..., 144])
    np.testing.assert_array_equal(ap.pool(x, windows, "median"), want)


def test_gradients_and_out_of_large_windows() -> None:
    """On a torch tensor with a gradient: to the elements selected; `out=` is written."""
    torch = pytest.importorskip("torch")
    x = torch.randn(1, 1, 40, 50, generator=torch.Generator().manual_seed(0), requires_grad=True)
    y = ap.pool(x, ap.sliding((17, 17), 1), "median")
    y.sum().backward()
    want = x.detach().unfold(2, 17, 1).unfold(3, 17, 1).flatten(4).median(-1).values
    torch.testing.assert_close(y.detach(), want, rtol=0, atol=0)
    flat = torch.zeros_like(x).flatten()
    for v in want.flatten():
        flat[(x.flatten() == v).nonzero()[0]] += 1
    torch.testing.assert_close(x.grad.flatten(), flat)
    out = np.empty(want.shape, np.float32)
    assert ap.pool(x.detach().numpy(), ap.sliding((17, 17), 1), "median", out=out) is out
    np.testing.assert_array_equal(out, want.numpy())


@pytest.mark.parametrize("dtype", ["uint8", "int8", "bool"])
@pytest.mark.parametrize("border", ["absent", "replicate", "reflect", "circular", 3.0])
def test_histograms_of_bytes(dtype: str, border: Any) -> None:
    """Large windows of bytes: each rank equals a sort, in each layout, for more columns than a
    strip."""
    random = np.random.default_rng(3)
    if dtype == "bool" and border == 3.0:
        pytest.skip("3 is no truth value")
    for shape, size in (((2, 24, 280), (17, 19)), ((1, 40, 20), (33, 16)), ((1, 18, 270), (16, 17))):
        info = (0, 2) if dtype == "bool" else (np.iinfo(dtype).min, np.iinfo(dtype).max + 1)
        x = random.integers(*info, shape).astype(dtype)
        flat = (x // 50 * 50).astype(dtype) if dtype != "bool" else x
        for made in (x, np.asfortranarray(flat), np.ascontiguousarray(x.transpose(1, 2, 0)).transpose(2, 0, 1)):
            pad = 0 if border == "absent" else "same"
            windows = ap.sliding(size, 1, pad, border=border)
            n = size[0] * size[1]
            mode: Any = {"replicate": "edge", "reflect": "reflect", "circular": "wrap", 3.0: "constant"}.get(border)
            pads = [(0, 0)] + [((s - 1) // 2, s - 1 - (s - 1) // 2) for s in size]
            options = {"constant_values": 3} if mode == "constant" else {}
            seen = made if mode is None else np.pad(made, pads, mode, **options)
            views = np.lib.stride_tricks.sliding_window_view(seen, size, axis=(1, 2))
            ranked = np.sort(views.reshape(*views.shape[:3], -1), -1)
            for order in (ap.Rank(0), ap.Rank(n - 1), ap.Rank(n // 2), ap.Rank(7), *(["median"] if n % 2 else [])):
                said = ap.explain(made, windows, order)
                assert said.backend == "cpu" and "histogram" in said.engine
                got = ap.pool(made, windows, order)
                k = n // 2 if order == "median" else order.parameters["k"]
                np.testing.assert_array_equal(got, ranked[..., k])
                assert got.dtype == made.dtype


@pytest.mark.parametrize("dtype", ["float32", "int16"])
@pytest.mark.parametrize("border", ["absent", "replicate"])
def test_large_windows_without_overlap_are_selected_from(dtype: str, border: Any) -> None:
    """No network is planned for them, which took seconds."""
    x = (np.random.default_rng(0).normal(size=(2, 100, 90)) * 50).astype(dtype)
    windows = ap.sliding((30, 26), (40, 30), (3, 2), border=border)
    assert "selected" in ap.explain(x, windows, "median").engine
    got = ap.pool(x, windows, ap.Rank(70))
    wide = np.pad(x, ((0, 0), (3, 3), (2, 2)), mode="edge")
    for i, j in np.ndindex(got.shape[1:]):
        rows, columns = slice(40 * i, 40 * i + 30), slice(30 * j, 30 * j + 26)
        if border == "absent":
            rows, columns = (slice(max(s.start - p, 0), s.stop - p) for s, p in ((rows, 3), (columns, 2)))
        held = (x if border == "absent" else wide)[:, rows, columns].reshape(2, -1)
        assert np.array_equal(got[:, i, j], np.sort(held, axis=1)[:, 70])
