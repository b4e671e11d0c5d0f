"""Large windows that lack elements, and their modes: what is there, as NumPy sees it."""

import numpy as np
import pytest
from memory_growth import grown, linux

import anypool as ap

RNG = np.random.default_rng(8)
INTEGERS = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "bool"]


def integers(dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    if dtype == "bool":
        return RNG.random(shape) < 0.5
    info = np.iinfo(dtype)
    return RNG.integers(info.min, info.max, shape, dtype, endpoint=True)


@pytest.mark.parametrize("name", ["mean", "sum", "std", "median", ap.Quantile(0.95), "max", "argmax", "mode", "count"])
@pytest.mark.parametrize("dtype", ["uint8", "int32", "float32", "float64"])
def test_a_masked_window_is_the_window_of_present_elements(name: object, dtype: str):
    x = RNG.integers(0, 250, (31, 40, 50)).astype(dtype)
    mask = RNG.random(x.shape) < 0.2
    there = x[mask]
    want = {
        "mean": np.mean,
        "sum": np.sum,
        "std": np.std,
        "median": np.median,
        "max": np.max,
        "count": np.size,
        "mode": lambda v: np.bincount(v.astype(int)).argmax(),
        "argmax": lambda v: np.flatnonzero(mask)[v.argmax()],
    }.get(str(name), lambda v: np.quantile(v.astype(np.float64), 0.95))(there)
    y = ap.pool(x, ap.whole(), name, axes=(0, 1, 2), weights=mask)
    assert y.shape == (1, 1, 1) and y.item() == pytest.approx(want, rel=1e-5)
    if "float" in dtype and name not in ("argmax", "count"):
        gaps = np.where(mask, x, np.nan)
        assert ap.pool(gaps, ap.whole(), name, axes=(0, 1, 2), nan="omit").item() == pytest.approx(want, rel=1e-5)


def test_masks_of_each_item_and_of_all():
    x = RNG.standard_normal((3, 4, 80, 90))
    mask = RNG.random((3, 1, 80, 90)) < 0.4
    std = ap.pool(x, ap.whole(), "std", axes=(2, 3), weights=mask)
    median = ap.pool(x, ap.adaptive((1, 2)), "median", axes=(2, 3), weights=mask)
    for i in range(3):
        for c in range(4):
            assert std[i, c, 0, 0] == pytest.approx(x[i, c][mask[i, 0]].std())
            for j in range(2):
                part = np.s_[:, 45 * j : 45 * j + 45]
                assert median[i, c, 0, j] == pytest.approx(np.median(x[i, c][part][mask[i, 0][part]]))
    lanes = x.transpose(0, 2, 3, 1)
    again = ap.pool(lanes, ap.whole(), "std", axes=(1, 2), weights=mask.transpose(0, 2, 3, 1))
    assert np.allclose(again[:, 0, 0], std[..., 0, 0])
    weights = RNG.random((80, 90)) * (RNG.random((80, 90)) < 0.5)
    rms = ap.pool(x, ap.whole(), "rms", axes=(2, 3), weights=weights)
    assert np.allclose(rms[..., 0, 0], np.sqrt((x**2 * weights).sum((2, 3)) / weights.sum()))
    none = np.zeros((80, 90), bool)
    assert np.isnan(ap.pool(x, ap.whole(), "std", axes=(2, 3), weights=none)).all()
    assert (ap.pool(x, ap.whole(), "std", axes=(2, 3), weights=none, empty=-1.0) == -1).all()


def test_gradients_of_masked_windows():
    torch = pytest.importorskip("torch")
    x = torch.randn(3, 70, 80, dtype=torch.float64, requires_grad=True)
    mask = torch.rand(70, 80) < 0.3
    for name, plain in (("std", lambda v: v.std(-1, correction=0)), ("median", lambda v: v.quantile(0.5, -1))):
        want = torch.autograd.grad(plain(x[:, mask]).square().sum(), x)[0]
        got = torch.autograd.grad(ap.pool(x, ap.whole(), name, axes=(1, 2), weights=mask).square().sum(), x)[0]
        torch.testing.assert_close(got, want)
    weights = torch.rand(70, 80, dtype=torch.float64, requires_grad=True)
    got = torch.autograd.grad(ap.pool(x, ap.whole(), "rms", axes=(1, 2), weights=weights).sum(), (x, weights))
    plain = ((x.square() * weights).sum((1, 2)) / weights.sum()).sqrt().sum()
    torch.testing.assert_close(got, torch.autograd.grad(plain, (x, weights)))


@linux
def test_a_masked_volume_is_not_doubled_again_and_again():
    code = """
        import numpy as np, anypool as ap
        x = np.ones((128, 256, 256), "f4")
        mask = np.arange(256) % 5 == 0
        def work():
            for name in ("std", "rms", "median", "range"):
                ap.pool(x, ap.whole(), name, axes=(0, 1, 2), weights=mask)
    """
    assert grown(code) < 96  # the array is 32 MB, the reference took 900


def modes(x: np.ndarray, weights: np.ndarray | None = None) -> object:
    labels, at = np.unique(x, return_inverse=True)
    return labels[np.bincount(at.reshape(-1), None if weights is None else weights.reshape(-1)).argmax()]


@pytest.mark.parametrize("dtype", [*INTEGERS, "float16", "float32", "float64"])
def test_modes_of_large_windows(dtype: str):
    if dtype == "bool" or "float" in dtype:
        x = RNG.integers(0, 2 if dtype == "bool" else 90, (3, 40, 50)).astype(dtype)
    else:
        x = integers(dtype, (3, 40, 50))
        x[:, :2] = np.iinfo(dtype).max
        x[:, 2:4] = np.iinfo(dtype).min  # ties: the smallest
    y = ap.pool(x, ap.whole(), "mode", axes=(1, 2))
    assert y.dtype == x.dtype and [v.item() for v in y] == [modes(part) for part in x]
    ignored = x.min() if dtype != "bool" else np.int64(0)
    kept = [part[part != ignored] for part in x]
    y = ap.pool(x, ap.whole(), ap.Mode(ignore=ignored.item()), axes=(1, 2))
    assert [v.item() for v in y] == [modes(part) for part in kept]
    assert ap.pool(np.full(2000, 7, dtype), ap.whole(), ap.Mode(ignore=1), axes=0)[0] == np.asarray(7).astype(dtype)
    mass = RNG.integers(1, 9, x.shape).astype(np.float64)
    y = ap.pool(x, ap.whole(), "mode", axes=(1, 2), weights=mass)
    assert [v.item() for v in y] == [modes(part, w) for part, w in zip(x, mass, strict=True)]
    y = ap.pool(x[0].reshape(-1), ap.sliding((1500,), 100), "mode")
    assert [v.item() for v in y] == [modes(x[0].reshape(-1)[k : k + 1500]) for k in range(0, 501, 100)]


def test_modes_that_only_ignored_labels_or_nan_are_left_to():
    assert ap.pool(np.full(3000, 5), ap.whole(), ap.Mode(ignore=5), axes=0)[0] == 5
    x = RNG.integers(0, 9, 3000).astype(np.float32)
    x[7] = np.nan
    assert np.isnan(ap.pool(x, ap.whole(), "mode", axes=0)[0])
    assert ap.pool(x, ap.whole(), "mode", axes=0, nan="omit")[0] == modes(np.delete(x, 7))
    assert ap.pool(x[:, None], ap.whole(), "mode", axes=0, weights=np.zeros((3000, 1), bool), empty=3.0)[0, 0] == 3


def test_modes_of_groups_and_of_hundreds_of_elements():
    x = RNG.integers(0, 12, 40000)
    index = RNG.integers(0, 3, 40000)
    assert list(ap.pool(x, ap.groups(index), "mode", axes=0)) == [modes(x[index == g]) for g in range(3)]
    y = ap.pool(x, ap.sliding((300,), 90), ap.Mode(ignore=0))
    assert list(y) == [modes(w[w != 0]) for w in np.lib.stride_tricks.sliding_window_view(x, 300)[::90]]


@linux
def test_a_mode_counts_without_a_list_of_its_elements():
    code = """
        import numpy as np, anypool as ap
        x = np.arange(1 << 23).astype("u1")
        def work():
            ap.pool(x, ap.whole(), "mode", axes=0), ap.pool(x, ap.whole(), ap.Mode(ignore=0), axes=0)
    """
    assert grown(code) < 64


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("size, border", [((3, 3), "absent"), ((5, 5), "reflect"), ((2, 7), "replicate")])
def test_small_modes_leave_labels_out(dtype: str, size: tuple[int, int], border: str):
    ends = (0, 1) if dtype == "bool" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    labels = np.array(sorted({*ends, 0, 1, min(5, ends[1])}), object)
    x = RNG.choice(labels, (13, 70)).astype(dtype)
    pad = tuple(n // 2 for n in size)
    wide = x if border == "absent" else np.pad(x, [(p, p) for p in pad], "reflect" if border == "reflect" else "edge")
    for label in labels:
        y = ap.pool(
            x,
            ap.sliding(size, 1, 0 if border == "absent" else pad, border=border),
            ap.Mode(ignore=int(label)),
        )
        assert y.dtype == x.dtype
        for (i, j), got in np.ndenumerate(y):
            window = wide[i : i + size[0], j : j + size[1]].reshape(-1)
            kept = window[window != np.asarray(int(label)).astype(dtype)]
            assert got == (modes(kept) if kept.size else window[0])
    assert "sorting network and count" in str(ap.explain(x, ap.sliding(size), ap.Mode(ignore=0)))


@pytest.mark.parametrize("name", ["median", "mode", ap.Quantile(0.3), ap.TrimmedMean(0.1, 0.2), "argmedian", "std"])
def test_weights_of_large_windows_and_groups(name: object):
    torch = pytest.importorskip("torch")
    x, weights = RNG.integers(0, 9, (70, 80)), RNG.integers(0, 4, (70, 80)).astype(np.float64)
    repeated = np.repeat(x.reshape(-1), weights.reshape(-1).astype(int))
    want = {
        "median": np.median,
        "mode": lambda v: np.bincount(v).argmax(),
        "std": np.std,
        "argmedian": lambda v: np.flatnonzero(
            (x.reshape(-1) == np.sort(v)[(v.size - 1) // 2]) & (weights.reshape(-1) > 0)
        )[0],
    }.get(str(name))
    results = []
    for array, masses in ((x, weights), (torch.from_numpy(x), torch.from_numpy(weights))):
        for windows in (ap.whole(), ap.groups(np.zeros((70, 80), int))):
            results.append(ap.pool(array, windows, name, axes=(0, 1), weights=masses).item())
    assert results == pytest.approx([results[0]] * 4)
    if want is not None:
        assert results[0] == pytest.approx(want(repeated))


@pytest.mark.parametrize("order", [ap.KMax(2), ap.Rank(1)])
def test_large_windows_beside_those_of_one_element(order: object):
    x = RNG.standard_normal(5002)
    high = np.sort(x[:5000])[::-1][:2]
    gaps = np.insert(x, 4000, np.nan)
    for windows in (ap.segments([0, 5001, 5002, 5003]), ap.groups([0] * 5001 + [1, 2])):
        y = ap.pool(gaps, windows, order, axes=0, empty=0.0, nan="omit")
        if isinstance(order, ap.Rank):
            assert list(y) == [np.sort(x[:5000])[1], 0, 0]
        else:
            y = y if y.shape == (3, 2) else y.T
            assert sorted(y[0]) == sorted(high) and y[1:].tolist() == [[x[5000], 0], [x[5001], 0]]
