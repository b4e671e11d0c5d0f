"""Ranks of large windows by sorted tiles and histograms, against NumPy's sort of explicit windows."""

from typing import Any

import numpy as np
import pytest

import anypool as ap

MODES: dict[Any, Any] = {"replicate": "edge", "reflect": "reflect", "circular": "wrap", 3.0: "constant"}


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


def explicit(x: Any, size: tuple[int, int], border: Any) -> Any:
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
def test_ranks(dtype: str, border: Any) -> None:
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
        sorted_ = explicit(x, size, border)
        for made in (x, np.asfortranarray(x), np.ascontiguousarray(x.transpose(1, 2, 0)).transpose(2, 0, 1)):
            for k in (0, 7, n // 2, n - 1):
                if size[1] > 3:
                    assert "tiles sorted once" in ap.explain(made, windows, ap.Rank(k)).engine
                got = ap.pool(made, windows, ap.Rank(k))
                assert got.dtype == made.dtype
                np.testing.assert_array_equal(got, sorted_[..., k])
                np.testing.assert_array_equal(
                    np.signbit(got), np.signbit(sorted_[..., k]) if k in (0, n - 1) else np.signbit(got)
                )


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8", "int8", "uint16", "int32"])
def test_between_two_ranks(dtype: str) -> None:
    """Even medians and interpolated quantiles read two neighbours in the order."""
    random = np.random.default_rng(6)
    for shape, size in (((270, 24), (18, 20)), ((40, 300), (22, 16))):
        x = elements(random, shape, dtype)
        sorted_ = explicit(x, size, "absent").astype(np.float64)
        n = size[0] * size[1]
        windows = ap.sliding(size, 1)
        assert "histogram" in ap.explain(x, windows, "median").engine
        with np.errstate(invalid="ignore"):
            low, high = sorted_[..., n // 2 - 1], sorted_[..., n // 2]
            want = np.where(low == high, low, (low + high) / 2)
            np.testing.assert_allclose(ap.pool(x, windows, "median"), want, rtol=1e-6)
            for even, each in (("lower", low), ("higher", high)):
                got = ap.pool(x, windows, ap.Median(even))
                assert got.dtype == x.dtype
                np.testing.assert_array_equal(got, each)
        x = np.where(np.isfinite(x), x, 1).astype(dtype) if "float" in dtype else x
        want = np.quantile(explicit(x, size, "absent").astype(np.float64), 0.3, axis=-1)
        np.testing.assert_allclose(ap.pool(x, windows, ap.Quantile(0.3)), want, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_nan(dtype: str) -> None:
    """A NaN spoils the medians of its windows alone, and is the largest element to a rank."""
    random = np.random.default_rng(7)
    x = elements(random, (40, 300), dtype)
    x[20, 150] = x[3, 299] = np.nan
    sorted_ = explicit(x, (17, 17), "absent")
    windows = ap.sliding((17, 17), 1)
    np.testing.assert_array_equal(ap.pool(x, windows, ap.Rank(100)), sorted_[..., 100])
    np.testing.assert_array_equal(ap.pool(x, windows, ap.Rank(-1)), sorted_[..., -1])
    want = np.where(np.isnan(sorted_[..., -1]), np.nan, sorted_[..., 144])
    np.testing.assert_array_equal(ap.pool(x, windows, "median"), want)


def test_gradients_and_result() -> None:
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
