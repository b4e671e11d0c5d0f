"""Windows of millions of elements: NumPy's answers, without copies of the array."""

import numpy as np
import pytest
from memory_growth import grown, linux
from thread_count import threads

import anypool as ap

RNG = np.random.default_rng(7)
N = 1 << 20  # elements whose lifted form is larger than a tile
INTEGERS = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "bool"]


def integers(dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    if dtype == "bool":
        return RNG.random(shape) < 0.5
    info = np.iinfo(dtype)
    return RNG.integers(info.min, info.max, shape, dtype, endpoint=True)


@pytest.mark.parametrize("dtype", INTEGERS)
def test_integers_are_summed_exactly_and_wrap_as_numpys_do(dtype: str):
    x = integers(dtype, (N + 3,))
    assert ap.pool(x, ap.whole(), "sum", axes=0) == x.sum()
    if dtype not in ("bool",):
        assert ap.pool(x, ap.whole(), "prod", axes=0) == x.prod()
    exact = sum(int(v) for v in x[: N // 8 * 8].reshape(-1, 8).astype(object).sum(1)) + sum(
        int(v) for v in x[N // 8 * 8 :]
    )
    mean = ap.pool(x, ap.whole(), "mean", axes=0)[0]
    # float64 first rounds 64-bit elements: if signs cancel, the error is one of elements, not of
    # the mean
    scale = float(np.abs(x.astype(np.float64)).mean())
    assert abs(mean - exact / x.size) <= max(abs(x.mean() - exact / x.size), scale * 2.0**-52)


@pytest.mark.parametrize("dtype", [*INTEGERS, "float16", "float32", "float64"])
def test_positions_and_extremes(dtype: str):
    x = RNG.standard_normal((1031, 1021)).astype(dtype) if "float" in dtype else integers(dtype, (1031, 1021))
    for view in (x, x[::-1, ::2], x.T):
        for name, numpy in (("argmax", np.argmax), ("argmin", np.argmin), ("max", np.max), ("min", np.min)):
            assert ap.pool(view, ap.whole(), name, axes=(0, 1)).item() == numpy(view)
        last = ap.pool(view, ap.whole(), "argmax", axes=(0, 1), ties="last").item()
        assert last == view.size - 1 - np.argmax(view.reshape(-1)[::-1])
    if dtype != "bool":
        high, low = int(x.max()) if "int" in dtype else x.max(), int(x.min()) if "int" in dtype else x.min()
        spread = ap.pool(x, ap.whole(), "range", axes=(0, 1)).item()
        assert np.asarray(spread).astype(dtype) == np.asarray(high).astype(dtype) - np.asarray(low).astype(dtype)
    assert ap.pool(x, ap.whole(), "any", axes=(0, 1)).item() == np.any(x)
    assert ap.pool(x, ap.whole(), "all", axes=(0, 1)).item() == np.all(x)


def test_the_position_of_a_nan():
    for dtype in ("float16", "float32", "float64"):
        x = np.zeros(N, dtype)
        x[[5, N // 2]] = np.nan
        assert ap.pool(x, ap.whole(), "argmax", axes=0)[0] == N // 2
        assert np.isnan(ap.pool(x, ap.whole(), "sum", axes=0)[0])


KINDS = {
    "sliding": (ap.sliding((N,), N // 4), [(k, k + N, 1) for k in range(0, N + 1, N // 4)]),
    "many": (ap.sliding((N,), 1 << 12), [(k, k + N, 1) for k in range(0, N + 1, 1 << 12)]),
    "dilated": (ap.sliding((N // 2,), N // 3, 0, 3), [(k, k + 3 * N // 2 - 2, 3) for k in (0, N // 3)]),
    "adaptive": (ap.adaptive((3,)), [(0, -(-2 * N // 3), 1), (2 * N // 3, -(-4 * N // 3), 1), (4 * N // 3, 2 * N, 1)]),
    "segments": (ap.segments([3, 5, N, N, 2 * N - 1]), [(3, 5, 1), (5, N, 1), (N, N, 1), (N, 2 * N - 1, 1)]),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["sum", "mean", "argmax", "std", "logsumexp"])
@pytest.mark.parametrize("dtype", ["uint8", "int32", "float16", "float32"])
def test_every_kind_of_large_windows(kind: str, name: str, dtype: str):
    x = RNG.integers(0, 200, 2 * N).astype(dtype) if "int" in dtype else RNG.standard_normal(2 * N).astype(dtype)
    windows, runs = KINDS[kind]
    y = ap.pool(x, windows, name, axes=0)
    wide = x.astype(np.float64)
    for got, (a, b, step) in zip(y, runs, strict=True):
        part, real = x[a:b:step], wide[a:b:step]
        if not part.size:
            assert {"sum": 0, "argmax": -1, "logsumexp": -np.inf}.get(name, got) == got or np.isnan(got)
        elif name == "argmax":
            assert got == a + step * part.argmax()
        elif name == "sum" and "int" in dtype:
            assert got == part.sum()
        else:
            want = {
                "sum": np.sum,
                "mean": np.mean,
                "std": np.std,
                "logsumexp": lambda v: np.log(np.exp(v - v.max()).sum()) + v.max(),
            }[name](real)
            digits = {"float16": 2e-3, "float32": 2e-5}.get(dtype, 1e-12)
            assert abs(got - want) <= digits * max(abs(want), 1.0 if name != "sum" else part.size**0.5)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32"])
@pytest.mark.parametrize("border", ["reflect", "replicate", "circular"])
def test_borders_of_large_windows(dtype: str, border: str):
    x = RNG.integers(0, 99, (700, 900)).astype(dtype)
    mode = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}[border]
    wide = np.pad(x, ((60, 60), (70, 70)), mode=mode)
    windows = ap.sliding((650, 800), (120, 150), (60, 70), border=border)
    y = ap.pool(x, windows, ("sum", "max", "std"))
    for (i, j), got in np.ndenumerate(y[0]):
        part = wide[120 * i : 120 * i + 650, 150 * j : 150 * j + 800]
        assert got == pytest.approx(part.sum(dtype=np.float64), rel=3e-7 if dtype == "float32" else 0)
        assert y[1][i, j] == part.max()
        assert y[2][i, j] == pytest.approx(part.std(dtype=np.float64), rel=1e-5)


def test_batches_and_lanes_beside_large_windows():
    x = RNG.integers(-99, 99, (3, 700, 2, 301)).astype(np.int16)
    assert np.array_equal(ap.pool(x, ap.whole(), "sum", axes=(1, 3)), x.sum((1, 3), keepdims=True))
    assert np.array_equal(ap.pool(x, ap.whole(), "sum", axes=(0, 1)), x.sum((0, 1), keepdims=True))
    stack = RNG.integers(0, 255, (6, 1 << 19)).astype(np.uint8)  # few elements a window, many windows
    assert np.array_equal(ap.pool(stack, ap.whole(), "mean", axes=0)[0], stack.mean(0))
    assert np.array_equal(ap.pool(stack, ap.sliding((4,), 1), "argmax", axes=0)[1], 1 + stack[1:5].argmax(0))
    tall = RNG.integers(0, 255, (2, 1 << 20)).astype(np.uint8)
    pairs = tall.reshape(2, -1, 2)
    assert np.array_equal(ap.pool(tall, ap.sliding((2, 2)), "sum")[0], pairs.sum((0, 2)))
    where = ap.pool(tall, ap.sliding((2, 2)), "argmax")[0]
    flat = pairs.transpose(1, 0, 2).reshape(-1, 4).argmax(1)
    assert np.array_equal(where, flat // 2 * tall.shape[1] + 2 * np.arange(len(flat)) + flat % 2)


def test_variances_keep_their_digits():
    x = RNG.integers(0, 3, 3 * N) + 10**12
    assert ap.pool(x, ap.whole(), "var", axes=0)[0] == pytest.approx((x - 10**12).var(), rel=1e-9)
    assert ap.pool(np.full(N, 12345, np.int32), ap.whole(), "std", axes=0)[0] == 0
    drift = np.linspace(0, 1000, 2 * N).astype(np.float16)
    assert ap.pool(drift, ap.whole(), "std", axes=0)[0] == pytest.approx(drift.astype(float).std(), rel=1e-3)
    steps = np.linspace(-80, 80, 2 * N).astype(np.float16).astype(np.float64)
    want = np.log(np.exp(steps - 80).sum()) + 80
    assert ap.pool(steps.astype(np.float16), ap.whole(), "logsumexp", axes=0)[0] == pytest.approx(want, rel=1e-3)


@linux
@pytest.mark.parametrize(
    "make, windows, axes",
    [
        ("np.ones((4096, 4096), 'u1')", "ap.whole()", (0, 1)),
        ("np.ones((4096, 8192), 'u1')[:, ::-2]", "ap.whole()", (0, 1)),
        ("np.ones(1 << 24, 'f2')", "ap.adaptive((2,))", 0),
        ("np.ones((8, 1 << 21), 'i4')", "ap.segments([0, 3, 1 << 20, 1 << 21])", 1),
        ("np.ones((1 << 23,), 'i8')", "ap.sliding((1 << 22,), 1 << 20)", 0),
    ],
)
def test_no_copy_of_the_array_is_made(make: str, windows: str, axes: object):
    code = f"""
        import numpy as np, anypool as ap
        x = {make}
        def work():
            for name in ("sum", "mean", "max", "argmax", "range", "std", "logsumexp", "any"):
                ap.pool(x, {windows}, name, axes={axes})
    """
    assert grown(code) < 64


@linux
def test_a_stack_of_pictures_takes_its_results_memory():
    code = """
        import numpy as np, anypool as ap
        x = np.ones((8, 1 << 21), "u1")
        def work():
            for name in ("mean", "argmax", "std", "range"):
                ap.pool(x, ap.whole(), name, axes=0)
    """
    assert grown(code) < 96  # the results are 16 MB each


@pytest.mark.parametrize("name", ["sum", "argmax", "argmin", "prod", "logsumexp", "softpool", "var", "count", "range"])
@pytest.mark.parametrize("kind", ["whole", "sliding", "reflect", "segments"])
def test_the_reference_folds_in_pieces(name: str, kind: str, monkeypatch: pytest.MonkeyPatch):
    from anypool.engines.reference import pieces

    x = np.round(RNG.standard_normal((2, 23, 41)), 1)
    windows, axes = {
        "whole": (ap.whole(), (1, 2)),
        "sliding": (ap.sliding((15, 30), (4, 5), 3, (1, 2), ceil_mode=True), (1, 2)),
        "reflect": (ap.sliding((15, 30), (4, 5), 3, border="reflect"), (1, 2)),
        "segments": (ap.segments([1, 4, 4, 40]), 2),
    }[kind]
    mask = RNG.random((23, 41)) < 0.8
    for options in ({}, {"weights": mask}):
        whole = ap.pool(x, windows, name, axes=axes, backend="reference", **options)
        monkeypatch.setattr(pieces, "LARGE", 50)
        assert np.allclose(ap.pool(x, windows, name, axes=axes, backend="reference", **options), whole, equal_nan=True)
        monkeypatch.undo()


@pytest.mark.parametrize("columns", [30_000, 60_000, 120_000])
@pytest.mark.parametrize("name", ["mean", "sum", "std", "max", "logsumexp"])
def test_windows_of_different_sizes_in_one_call(name: str, columns: int) -> None:
    """Some windows are read in pieces and the next ones as a whole: a piece must not limit the next
    ones."""
    x, rows = RNG.standard_normal((20, columns)), 11
    w = RNG.random(x.shape)
    weights = {"weights": w} if name != "max" else {"weights": w > 0.5}
    with threads(1):  # one thread computes all of them
        y = ap.pool(x, ap.adaptive((rows, 1)), name, axes=(0, 1), **weights)[:, 0]
    for o in range(rows):
        part = slice(o * 20 // rows, -(-(o + 1) * 20 // rows))
        v, u = x[part], w[part]
        mean = (v * u).sum() / u.sum()
        wanted = {
            "mean": lambda v=v, u=u: (v * u).sum() / u.sum(),
            "sum": lambda v=v, u=u: (v * u).sum(),
            "std": lambda v=v, u=u, m=mean: np.sqrt((u * (v - m) ** 2).sum() / u.sum()),
            "max": lambda v=v, u=u: v[u > 0.5].max(),
            "logsumexp": lambda v=v, u=u: np.log((u * np.exp(v)).sum()),
        }[name]()
        np.testing.assert_allclose(y[o], wanted, 1e-9)
