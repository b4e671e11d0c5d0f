"""Groups and R-MAC regions: against loops, segments, NumPy and torch."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from sampling import spread

import anypool as ap

RNG = np.random.default_rng(5)
X = RNG.standard_normal((2, 3, 6, 5))
LABELS = RNG.integers(-1, 5, (6, 5))
PLAIN: dict[Any, Any] = {
    "sum": np.sum,
    "mean": np.mean,
    "max": np.max,
    "min": np.min,
    "prod": np.prod,
    "var": np.var,
    "median": np.median,
    "count": np.size,
    ap.Quantile(0.3): lambda v: np.quantile(v, 0.3),
    ap.Lp(3): lambda v: (np.abs(v) ** 3).sum() ** (1 / 3),
}


@pytest.mark.parametrize("reduction", PLAIN, ids=str)
def test_label_maps(reduction: Any) -> None:
    got = ap.pool(X, ap.groups(LABELS, count=5), reduction)
    assert got.shape == (2, 3, 5)
    for g in range(5):
        for n, c in np.ndindex(2, 3):
            np.testing.assert_allclose(got[n, c, g], PLAIN[reduction](X[n, c][LABELS == g]), rtol=1e-9)


def test_one_axis_equals_segments_when_sorted() -> None:
    index = np.sort(RNG.integers(0, 7, 40))
    x = RNG.standard_normal((40, 4))
    lengths = np.bincount(index, minlength=7)
    for reduction in ("sum", "mean", "max", "argmax", "median", "logsumexp", "count", ap.KMax(1)):
        a = ap.pool(x, ap.groups(index, count=7), reduction, axes=0)
        b = ap.pool(x, ap.segments(lengths=lengths), reduction, axes=0)
        np.testing.assert_array_equal(a, b)
    a, b = ap.groups(index, count=7), ap.groups(6 - index[::-1], count=7)
    assert a != b and a == a and ap.boxes([[0, 0, 0, 1, 1]], 1) != ap.boxes([[0, 0, 0, 2, 2]], 1)
    for windows, reduction in ((a, "max"), (b, "max"), (a, "max")):  # calls are remembered by their windows
        want = ap.pool(x, ap.segments(lengths=np.bincount(windows.index, minlength=7)), reduction, axes=0)
        np.testing.assert_array_equal(ap.pool(x, windows, reduction, axes=0), want)
    none = ap.groups(np.concatenate([[-1, -1], index]), count=9)
    more = ap.pool(np.concatenate([x[:2], x]), none, ("sum", "argmax"), axes=0)
    np.testing.assert_allclose(more[0][:7], ap.pool(x, a, "sum", axes=0))
    assert (more[0][7:] == 0).all() and (more[1][7:] == -1).all()
    np.testing.assert_array_equal(more[1][:7], np.where(lengths[:, None] > 0, ap.pool(x, a, "argmax", axes=0) + 2, -1))
    shuffle = RNG.permutation(40)
    np.testing.assert_allclose(
        ap.pool(x[shuffle], ap.groups(index[shuffle], count=7), "mean", axes=0),
        ap.pool(x, ap.groups(index, count=7), "mean", axes=0),
    )


def test_positions_are_those_of_the_array() -> None:
    index = np.array([2, 0, 2, 2, 0, 3])
    x = np.array([1.0, 5.0, 7.0, 7.0, 6.0, -1.0])
    assert ap.pool(x, ap.groups(index), "argmax", axes=0).tolist() == [4, -1, 2, 5]
    assert ap.pool(X[0, 0], ap.groups(LABELS, count=5), "argmin").tolist() == [
        int(min((i for i in range(30) if LABELS.reshape(-1)[i] == g), key=lambda i: X[0, 0].reshape(-1)[i]))
        for g in range(5)
    ]


def test_groups_weights_nan_and_empty() -> None:
    index = np.array([0, 1, 0, 3])
    x = np.array([1.0, np.nan, 3.0, 4.0])
    assert ap.pool(x, ap.groups(index), "mean", axes=0, nan="omit", empty=-9).tolist() == [2.0, -9.0, -9.0, 4.0]
    assert ap.pool(x, ap.groups(index), "sum", axes=0, weights=[1, 0, 2, 3]).tolist() == [7.0, 0.0, 0.0, 12.0]
    whole = ap.pool(np.array([1, 2, 3, 4]), ap.groups(index), ("max", "sum"), axes=0, empty=0)
    assert whole[0].dtype.kind == "i" and whole[0].tolist() == [3, 2, 0, 4] and whole[1].tolist() == [4, 2, 0, 4]
    with pytest.raises(ap.PoolingError, match="empty="):
        ap.pool(np.array([1, 2, 3, 4]), ap.groups(index), "max", axes=0)
    out = np.zeros(4)
    assert ap.pool(x, ap.groups(index), "max", axes=0, out=out) is out and out[3] == 4.0


def test_torch_groups() -> None:
    index = torch.tensor(RNG.integers(0, 6, 50))
    x = torch.tensor(RNG.standard_normal((50, 3)), requires_grad=True)
    for name, torchs in (("sum", "sum"), ("mean", "mean"), ("max", "amax"), ("prod", "prod")):
        got = ap.pool(x, ap.groups(index, count=6), name, axes=0)
        want = torch.zeros(6, 3, dtype=torch.float64).scatter_reduce(
            0, index[:, None].expand(-1, 3), x, torchs, include_self=False
        )
        torch.testing.assert_close(got, want)
        g = torch.tensor(RNG.standard_normal((6, 3)))
        (a,), (b,) = (torch.autograd.grad(v, x, g) for v in (got, want))
        torch.testing.assert_close(a, b)
    small = torch.tensor(RNG.standard_normal((9, 2)), requires_grad=True)
    for reduction in ("mean", "median", "var", "softpool"):
        assert torch.autograd.gradcheck(
            lambda t, r=reduction: ap.pool(t, ap.groups([0, 2, 1, 0, 2, 2, 1, 0, 0]), r, axes=0), (small,)
        )


def test_bad_groups() -> None:
    for call, says in (
        (lambda: ap.groups([0.5, 1.0]), "integers"),
        (lambda: ap.groups([0, 5], count=3), "count=3"),
        (lambda: ap.pool(X, ap.groups(LABELS[:, :3])), "lies on axes"),
        (lambda: ap.pool(X, ap.groups([0, 1, 2])), "axes=0"),
        (lambda: ap.pool(X, ap.groups(LABELS), axes=(0, 1, 2)), "2 axes"),
        (lambda: ap.groups([2**62]), "memory"),
    ):
        with pytest.raises(ap.PoolingError, match=says):
            call()


@pytest.mark.parametrize("shape", [(7, 7), (7, 10), (12, 5), (1, 3), (30, 40)])
def test_regions(shape: tuple[int, int]) -> None:
    """Counted as the paper says; every reduction; the squares lie inside and reach both edges."""
    x = RNG.standard_normal((2, 3, *shape))
    windows = ap.regions(3, whole=True)
    squares = windows.squares(*shape)
    assert squares[0].tolist() == [0, 0, *shape]
    short, long = sorted(shape)
    along = [n for n in range(2, 8)]
    m = 1
    if short != long:
        m = 1 + 1 + int(np.argmin([abs((short - (long - short) / (n - 1)) / short - 0.4) for n in along]))
    assert len(squares) == 1 + sum(level * (level + m - 1) for level in (1, 2, 3))
    for reduction, plain in (("max", np.max), ("mean", np.mean), ("median", np.median)):
        got = ap.pool(x, windows, reduction)
        for r, (i, j, h, w) in enumerate(squares):
            assert i >= 0 and j >= 0 and i + h <= shape[0] and j + w <= shape[1]
            np.testing.assert_allclose(got[:, :, r], plain(x[:, :, i : i + h, j : j + w], axis=(2, 3)))
    assert (squares[:, 0] + squares[:, 2]).max() == shape[0] and (squares[:, 1] + squares[:, 3]).max() == shape[1]
    assert windows.output_shape(x.shape) == (2, 3, len(squares))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("at", [0, 3])
@pytest.mark.parametrize("lanes", [8, 16, 40, 70])
def test_many_shuffled_groups_of_wide_elements_agree_with_numpy(dtype: type, at: int, lanes: int) -> None:
    index = RNG.integers(-1, 9000, 30000)
    x = RNG.standard_normal((30000, lanes + at)).astype(dtype)[:, at:]
    x = np.ascontiguousarray(x) if at == 0 else x
    held = index >= 0
    windows = ap.groups(index, count=9001)
    total, most = np.zeros((9001, lanes)), np.full((9001, lanes), -np.inf)
    np.add.at(total, index[held], x[held].astype(np.float64))
    np.maximum.at(most, index[held], x[held])
    counts = np.bincount(index[held], minlength=9001)[:, None]
    np.testing.assert_allclose(ap.pool(x, windows, "sum", axes=0), total, rtol=1e-5, atol=1e-5)
    mean = np.divide(total, counts, out=np.full_like(total, np.nan), where=counts > 0)
    np.testing.assert_allclose(ap.pool(x, windows, "mean", axes=0), mean, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(ap.pool(x, windows, "max", axes=0), most.astype(dtype))
    place = ap.pool(x, windows, "argmax", axes=0)
    filled = counts[:, 0] > 0
    np.testing.assert_array_equal(np.take_along_axis(x, place[filled], 0), most[filled].astype(dtype))


@pytest.mark.parametrize("lanes", spread([1, 3, 20], 3, "long sums"))
def test_long_sums_of_floats_keep_their_digits(lanes: int) -> None:
    """A float32 that grows to 2²⁴ takes in no more ones, if they are added one to the next."""
    many = 2**24 + 2**20
    x = np.ones((many, 1), np.float32) if lanes == 1 else np.broadcast_to(np.float32(1), (many // 8, lanes))
    index = np.zeros(len(x), np.int64)
    index[:4] = 1
    assert ap.pool(x, ap.groups(index), "sum", axes=0)[0].tolist() == [float(len(x) - 4)] * lanes
    noise = RNG.random((2**21, lanes), np.float32)
    for windows in (ap.groups(np.arange(len(noise)) % 2), ap.groups(np.arange(len(noise)) // 2**20)):
        want = ap.pool(noise.astype(np.float64), windows, "mean", axes=0)
        for x in (noise, np.asfortranarray(noise)):
            np.testing.assert_allclose(ap.pool(x, windows, "mean", axes=0), want, rtol=4e-6)
    image = noise[: 2**20, 0].reshape(1, 1, 1024, 1024)
    for reading in ("quantised", "exact"):
        whole = ap.boxes([[0, 0, 0, 1023, 1023]], 1, reading=reading)
        want = ap.pool(image.astype(np.float64), whole, "mean")
        np.testing.assert_allclose(ap.pool(image, whole, "mean"), want, rtol=4e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
@pytest.mark.parametrize("lanes", [1, 2, 8, 16, 17, 40])
def test_means_of_runs_are_divided_exactly(lanes: int, dtype: str) -> None:
    """Sums of small integers are exact, so that a mean is one rounded division in each backend."""
    lengths = RNG.integers(0, 9, 700)
    edges = np.concatenate([[0], np.cumsum(lengths)])
    x = RNG.integers(-99, 99, (edges[-1], lanes)).astype(dtype)
    got = ap.pool(x, ap.segments(lengths=lengths), "mean", axes=0, empty=7.0)
    for o, (a, b) in enumerate(itertools.pairwise(edges)):
        total, wide = x[a:b].astype(np.int64).sum(0), np.float64 if dtype == "float64" else np.float32
        want = total.astype(wide) / wide(b - a) if b > a else np.full(lanes, 7.0)
        assert np.array_equal(got[o], want.astype(dtype))


def test_positions_in_groups_of_every_length() -> None:
    """Windows are sorted beside others of their length; results lie where their windows do."""
    lengths = RNG.permutation(np.arange(1, 60))
    index = RNG.permutation(np.repeat(np.arange(len(lengths)), lengths))
    x = RNG.integers(0, 20, (3, len(index))).astype(np.float64)
    windows = ap.groups(index, count=len(lengths))
    most = ap.pool(x, windows, ap.KMax(2), axes=1, empty=-1.0)
    mode = ap.pool(torch.from_numpy(x), windows, "mode", axes=1)
    several = ap.pool(x, windows, ap.Quantile([0.2, 0.9]), axes=1, weights=np.ones(len(index)))
    for row, g in np.ndindex(3, len(lengths)):
        held = x[row, index == g]
        top = sorted(held)[-2:]
        values, counts = np.unique(held, return_counts=True)
        assert sorted(most[row, g]) == top or len(held) == 1
        assert mode[row, g] == values[counts.argmax()]
        if len(held) > 1:
            assert len(several) == 2 and np.isfinite(several[:, row, g]).all()
            assert np.all((held.min() <= several[:, row, g]) & (several[:, row, g] <= held.max()))


@pytest.mark.parametrize("axes", [(0,), (1, 2), (0, 1)])
def test_spreads_of_shuffled_groups(axes: tuple[int, ...]) -> None:
    """Elements sorted by group: values and gradients against the formula, with empty groups."""
    x = torch.randn(30, 7, 6, generator=torch.Generator().manual_seed(3), dtype=torch.float64, requires_grad=True)
    shape = tuple(x.shape[a] for a in axes)
    index = np.random.default_rng(1).integers(-1, 6, shape)
    index[index == 2] = 3
    assert all(n != 1 for n in np.bincount(index[index >= 0], minlength=6))  # torch warns of the spread of one
    y = ap.pool(x, ap.groups(index, count=6), ap.Std(1), axes=axes, empty=-1.0)
    moved = x.movedim(axes, tuple(range(3 - len(axes), 3))).reshape(
        *(n for a, n in enumerate(x.shape) if a not in axes), -1
    )
    parts = [moved[..., torch.from_numpy(index.reshape(-1) == g)] for g in range(6)]
    want = torch.stack([p.std(-1) if p.shape[-1] else torch.full(p.shape[:-1], -1.0, dtype=p.dtype) for p in parts])
    want = want.movedim(0, axes[0])
    torch.testing.assert_close(y, want)
    weight = torch.arange(y.numel()).view(y.shape)
    (found,) = torch.autograd.grad((y * weight).sum(), x)
    (expected,) = torch.autograd.grad((want * weight).sum(), x)
    torch.testing.assert_close(found, expected)
