"""Quantiles of weighted elements against exact fractions: no scale counts, equal weights are as none, 0 is absent."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch

import anypool as ap
from anypool.orders import METHODS

SCALES = [1.0, 0.1, 1 / 3, 0.3, 7.0, 1e-5, math.pi * 1e30, 1e300, 1e-300, 3e-310]
QS = [0.0, 0.1, 0.25, 0.3, 0.5, 0.625, 0.75, 0.9, 1.0]
BACKENDS = [None, "reference"]


# ---- the oracle: weights are whole numbers, every sum is exact --------------------------------------------------


def held(v: Any, w: Any) -> list[tuple[float, Fraction]]:
    """The elements that are there, ascending, with their weights."""
    return sorted((float(a), Fraction(int(b))) for a, b in zip(v, w, strict=True) if b)


def whole_of(line: list[tuple[float, Fraction]]) -> tuple[Fraction, Fraction]:
    """The mass, and how much of it one of as many equal elements has."""
    mass = sum((m for _, m in line), Fraction(0))
    return mass, sum((m * m for _, m in line), Fraction(0)) / mass


def beside(line: list[tuple[float, Fraction]], point: Fraction) -> tuple[int, int]:
    """The element that ends at a point of the mass or holds it, and the one that begins there or holds it."""
    ends = np.cumsum([m for _, m in line]).tolist()
    low = next((i for i, e in enumerate(ends) if e >= point), len(line) - 1)
    high = next((i for i, e in enumerate(ends) if e > point), len(line) - 1)
    return low, high


def mean_between(line: list[tuple[float, Fraction]], begin: Fraction, end: Fraction) -> float:
    """The mean of what lies between two points of the mass."""
    total, start = 0.0, Fraction(0)
    for value, m in line:
        part = min(start + m, end) - max(start, begin)
        total += value * float(part / (end - begin)) if part > 0 else 0.0
        start += m
    return total


PLACES: dict[str, Callable[[Fraction, Fraction], Fraction]] = {  # Hyndman & Fan 1996: the rank, from 0
    "interpolated_inverted_cdf": lambda n, q: n * q - 1,
    "hazen": lambda n, q: n * q - Fraction(1, 2),
    "weibull": lambda n, q: (n + 1) * q - 1,
    "linear": lambda n, q: (n - 1) * q,
    "median_unbiased": lambda n, q: (n + Fraction(1, 3)) * q + Fraction(1, 3) - 1,
    "normal_unbiased": lambda n, q: (n + Fraction(1, 4)) * q + Fraction(3, 8) - 1,
}


def exact(v: Any, w: Any, q: float, method: str) -> float:
    line, p = held(v, w), Fraction(q).limit_denominator(1000)
    if not line:
        return math.nan
    if p in (0, 1):
        return line[-1 if p else 0][0]
    mass, unit = whole_of(line)
    n = mass / unit
    if method in ("inverted_cdf", "averaged_inverted_cdf"):
        low, high = beside(line, mass * p)
        return line[low][0] if method == "inverted_cdf" else (line[low][0] + line[high][0]) / 2
    if method == "closest_observation":
        low, high = beside(line, mass * p - unit / 2)
        return line[low if low % 2 else high][0]
    begin = min(max(PLACES.get(method, PLACES["linear"])(n, p), Fraction(0)), n - 1) * unit
    if method == "nearest":
        low, high = beside(line, begin + unit / 2)
        return line[high if low % 2 else low][0]
    low, high = line[beside(line, begin)[1]][0], line[beside(line, begin + unit)[0]][0]
    if method in ("lower", "higher", "midpoint"):
        return {"lower": low, "higher": high, "midpoint": (low + high) / 2}[method]
    return mean_between(line, begin, begin + unit)


def trimmed(v: Any, w: Any, lower: float, upper: float) -> float:
    line = held(v, w)
    if not line:
        return math.nan
    mass, unit = whole_of(line)
    cut = [math.floor(Fraction(c).limit_denominator(1000) * mass / unit) * unit for c in (lower, upper)]
    return mean_between(line, cut[0], mass - cut[1])


def middle(v: Any, w: Any, even: str) -> float:
    repeated = np.sort(np.repeat(v, w))
    n = len(repeated)
    if not n:
        return math.nan
    low, high = repeated[(n - 1) // 2], repeated[n // 2]
    return {"lower": low, "higher": high, "mean": (low + high) / 2}[even]


ORACLES: dict[str, tuple[ap.Order, Callable[[Any, Any], float]]] = {
    **{f"median {e}": (ap.Median(e), lambda v, w, e=e: middle(v, w, e)) for e in ("mean", "lower", "higher")},
    "trimmed": (ap.TrimmedMean(0.2, 0.3), lambda v, w: trimmed(v, w, 0.2, 0.3)),
    "range": (ap.Range(), lambda v, w: exact(v, w, 1.0, "linear") - exact(v, w, 0.0, "linear")),
    "interquartile": (
        ap.Range(0.25, 0.75),
        lambda v, w: exact(v, w, 0.75, "linear") - exact(v, w, 0.25, "linear"),
    ),
    **{
        f"{method} {q}": (ap.Quantile(q, method), lambda v, w, q=q, m=method: exact(v, w, q, m))
        for method in METHODS
        for q in QS
    },
}


def drawn(seed: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    return random.normal(size=size).round(1), random.integers(0, 5, size) * random.integers(0, 2, size)


def both(x: np.ndarray, windows: Any, order: Any, weights: np.ndarray, **options: Any) -> list[np.ndarray]:
    """By each backend and array library."""
    made: list[np.ndarray] = []
    for backend in BACKENDS:
        made.append(ap.pool(x, windows, order, weights=weights, backend=backend, **options))
        y = ap.pool(torch.tensor(x), windows, order, weights=torch.tensor(weights), backend=backend, **options)
        made.append(y.numpy())
    return made


# ---- values -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ORACLES)
def test_exact_fractions_at_every_scale(name: str) -> None:
    order, oracle = ORACLES[name]
    for seed in range(3):
        x, w = drawn(seed, 40)
        want = np.array([oracle(x[o : o + 5], w[o : o + 5]) for o in range(0, 36, 2)])
        rows, scaled = np.tile(x, (len(SCALES), 1)), w * np.array(SCALES)[:, None]
        for got in both(rows, ap.sliding((5,), 2), order, scaled, axes=1)[:: 1 if seed else 3]:
            np.testing.assert_allclose(got, np.broadcast_to(want, got.shape), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", ["median mean", "linear 0.3", "hazen 0.75", "averaged_inverted_cdf 0.25", "trimmed"])
def test_every_window_kind(name: str) -> None:
    order, oracle = ORACLES[name]
    random = np.random.default_rng(3)
    x, w = random.normal(size=(2, 40)).round(1), random.integers(0, 4, 40)
    label = random.integers(0, 5, 40)
    cuts = [0, 3, 3, 20, 40]
    for c in (0.1, 3.0):
        for got in both(x, ap.groups(label), order, w * c, axes=1):
            want = [[oracle(r[label == k], w[label == k]) for k in range(5)] for r in x]
            np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)
        for got in both(x, ap.segments(cuts), order, w * c, axes=1):
            want = [[oracle(r[a:b], w[a:b]) for a, b in itertools.pairwise(cuts)] for r in x]
            np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)
        plane, mass = x.reshape(1, 1, 8, 10), w.reshape(1, 1, 5, 8)[..., :1] + np.zeros((1, 1, 1, 10), int)
        mass = np.concatenate([mass, mass[:, :, :3]], 2)
        for got in both(plane, ap.boxes([[0, 1.0, 2.0, 6.0, 7.0]], (1, 1), reading="quantised"), order, mass * c):
            v, m = plane[0, 0, 2:8, 1:7].reshape(-1), mass[0, 0, 2:8, 1:7].reshape(-1)
            np.testing.assert_allclose(got.reshape(-1), [oracle(v, m)], rtol=1e-12, atol=1e-12)
    taps = np.array([1, 2, 1, 3])
    for c in (0.1, 1 / 3, 2.0):
        for got in (
            ap.pool(x, ap.sliding((4,), 1, taps=taps * c), order, axes=1, backend=backend) for backend in BACKENDS
        ):
            want = [[oracle(r[o : o + 4], taps) for o in range(37)] for r in x]
            np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", ORACLES)
def test_equal_weights_are_as_none(name: str) -> None:
    order, _ = ORACLES[name]
    random = np.random.default_rng(4)
    for dtype, size in (("float64", 4), ("float32", 7), ("int32", 3)):
        x = (random.normal(size=50) * 9).round(1).astype(dtype)
        want = ap.pool(x, ap.sliding((size,)), order)
        rows, equal = np.tile(x, (len(SCALES), 1)), np.array(SCALES)[:, None]
        for got in both(rows, ap.sliding((size,)), order, equal, axes=1):
            if name == "trimmed":  # sums may be joined in another order
                np.testing.assert_allclose(
                    got, np.broadcast_to(want, got.shape), rtol=1e-6 if dtype == "float32" else 1e-14
                )
            else:
                np.testing.assert_array_equal(got, np.broadcast_to(want, got.shape))


def test_equal_weights_of_every_size_of_window() -> None:
    """The rank that rounding of n·q gives is that of no weights too."""
    random = np.random.default_rng(5)
    for n in (10, 50, 100, 143):
        x = random.permutation(n).astype(float)
        for q in (0.07, 0.14, 0.29, 0.57):
            for method in METHODS:
                want = ap.pool(x, ap.whole(), ap.Quantile(q, method), axes=0)
                got = ap.pool(x, ap.whole(), ap.Quantile(q, method), axes=0, weights=np.full(n, 1 / 3))
                assert np.array_equal(got, want), (n, q, method)
            want = ap.pool(x, ap.whole(), ap.TrimmedMean(q / 2, 0.29), axes=0)
            got = ap.pool(x, ap.whole(), ap.TrimmedMean(q / 2, 0.29), axes=0, weights=np.full(n, 0.1))
            np.testing.assert_allclose(got, want, rtol=1e-14)


def test_real_weights_are_numpys() -> None:
    random = np.random.default_rng(6)
    x, w = random.normal(size=(400, 9)), random.random((400, 9))
    for q in (0.02, 0.3, 0.5, 0.77, 0.99):
        want = np.array([np.quantile(v, q, weights=m, method="inverted_cdf") for v, m in zip(x, w, strict=True)])
        for order in (ap.Quantile(q, "inverted_cdf"), ap.Quantile(q, "averaged_inverted_cdf")):
            for got in both(x, ap.whole(), order, w, axes=1):
                np.testing.assert_array_equal(got[:, 0], want)
    want = np.array([np.quantile(v, 0.5, weights=m, method="inverted_cdf") for v, m in zip(x, w, strict=True)])
    for even in ("mean", "lower", "higher"):
        for got in both(x, ap.whole(), ap.Median(even), w, axes=1):
            np.testing.assert_array_equal(got[:, 0], want)


def test_whole_weights_repeat_elements() -> None:
    random = np.random.default_rng(7)
    for _ in range(60):
        x, w = random.normal(size=6).round(1), random.integers(0, 9, 6)
        if not w.any():
            continue
        many = np.repeat(x, w)
        for q in (0.0, 0.25, 0.5, 0.75, 1.0):
            for method in ("inverted_cdf", "averaged_inverted_cdf"):
                got = ap.pool(x, ap.whole(), ap.Quantile(q, method), axes=0, weights=w)
                np.testing.assert_allclose(got, [np.quantile(many, q, method=method)], rtol=1e-14, atol=1e-15)
        assert ap.pool(x, ap.whole(), "median", axes=0, weights=w) == np.median(many)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
def test_weights_of_every_type_meet_halves(dtype: torch.dtype) -> None:
    """Of weights 1, 2 and 3, scaled and rounded to their type, the halves still meet."""
    x = torch.tensor([5.0, 1.0, 3.0], dtype=torch.float64)
    for c in (1.0, 0.1, 0.3, 1 / 3, 0.7, 1.1):
        w = (torch.tensor([3.0, 1.0, 2.0], dtype=torch.float64) * c).to(dtype)
        for backend in BACKENDS:
            assert ap.pool(x, ap.whole(), "median", axes=0, weights=w, backend=backend).item() == 4.0


def test_a_light_element_between_heavy_ones_is_seen() -> None:
    x = np.array([1.0, 2.0, 3.0])
    for dtype in ("float32", "float64"):
        for w in ([1, 1e-9, 1], [4e9, 1, 4e9], [1, 1e-14, 1]):
            weights = np.array(w, dtype)
            assert ap.pool(x, ap.whole(), "median", axes=0, weights=weights) == 2.0


@pytest.mark.parametrize("name", ORACLES)
def test_no_weight_is_no_element(name: str) -> None:
    order, _ = ORACLES[name]
    x, w = np.array([2.0, np.nan, 1.0, np.inf, 7.0, -np.inf, 4.0]), np.array([0.5, 0, 0.25, 0, 1.0, 0, 0.75])
    alone = ap.pool(x[w > 0], ap.whole(), order, axes=0, weights=w[w > 0])
    assert np.isfinite(alone).all()
    for got in both(x, ap.whole(), order, w, axes=0):
        np.testing.assert_array_equal(got, alone)
    assert all(np.isnan(got).all() for got in both(x, ap.whole(), order, w * 0, axes=0))


@pytest.mark.parametrize("method", METHODS)
def test_powers_of_two_change_no_bit(method: str) -> None:
    random = np.random.default_rng(8)
    x, w = random.normal(size=(50, 9)), random.random((50, 9))
    for order in (ap.Quantile(0.3, method), ap.TrimmedMean(0.2, 0.3), ap.Quantile(0.4, smooth=0.5)):
        want = ap.pool(x, ap.whole(), order, axes=1, weights=w)
        for power in (-1000, -40, -1, 3, 900):
            for got in both(x, ap.whole(), order, np.ldexp(w, power), axes=1)[:1]:
                np.testing.assert_array_equal(got, want)


def test_an_infinity_beside_the_quantile_is_no_part() -> None:
    x = np.array([-np.inf, 1.0, 2.0, 3.0, np.inf])
    for c in (1.0, 0.1, 0.7):
        w = np.array([2.0, 1, 2, 1, 2]) * c
        for order in (ap.Quantile(0.5), ap.Quantile(0.4, "hazen"), ap.TrimmedMean(0.45, 0.45)):
            for got in both(x, ap.whole(), order, w, axes=0):
                assert np.isfinite(got).all(), order


# ---- what counts masses as repetitions --------------------------------------------------------------------------


def test_ranks_and_the_k_largest_repeat_elements() -> None:
    random = np.random.default_rng(9)
    for _ in range(20):
        x, w = random.normal(size=5).round(1), random.integers(0, 4, 5)
        many = np.repeat(x, w)
        if len(many) < 3:
            continue
        for k in (0, 2, -1, -3):
            for got in both(x, ap.whole(), ap.Rank(k), w * 1.0, axes=0):
                assert got == np.sort(many)[k]
        at = np.repeat(np.arange(5), w)
        kept = np.sort(np.lexsort((at, -many))[:3])
        for got in both(x, ap.whole(), ap.KMax(3), w * 1.0, axes=0):
            np.testing.assert_array_equal(got, [many[kept]])
        for got in both(x, ap.whole(), ap.Place(ap.KMax(3)), w * 1.0, axes=0):
            np.testing.assert_array_equal(got, [at[kept]])
        for got in both(x, ap.whole(), ap.TopKMean(3), w * 1.0, axes=0):
            np.testing.assert_allclose(got, [np.sort(many)[-3:].mean()])
    x, w = np.array([3.0, 1.0, 2.0]), np.full(3, 0.25)  # three quarters of one element
    for order, want in ((ap.Rank(0), 1.0), (ap.Rank(-1), 3.0), (ap.Rank(1), np.nan), (ap.Rank(-2), np.nan)):
        for got in both(x, ap.whole(), order, w, axes=0):
            np.testing.assert_array_equal(got, [want])
    for got in both(x, ap.whole(), ap.KMax(2), w, axes=0):
        np.testing.assert_array_equal(got, [[3.0, np.nan]])


def test_the_element_there_is_the_answer() -> None:
    random = np.random.default_rng(10)
    x, w = random.integers(0, 9, (4, 30)).astype(float), random.random((4, 30))
    for method in ("inverted_cdf", "closest_observation", "lower", "higher", "nearest"):
        order = ap.Quantile(0.3, method)
        for backend in BACKENDS:
            y, at = ap.pool(x, ap.sliding((7,), 2), (order, ap.Place(order)), axes=1, weights=w, backend=backend)
            np.testing.assert_array_equal(np.take_along_axis(x, at, 1), y)


# ---- gradients --------------------------------------------------------------------------------------------------

LEARN = [
    ap.Quantile(0.3),
    ap.Quantile(0.7, "hazen"),
    ap.Quantile(0.45, "weibull"),
    ap.Quantile(0.6, "interpolated_inverted_cdf"),
    ap.Quantile([0.2, 0.8], "median_unbiased"),
    ap.Range(0.2, 0.7),
    ap.TrimmedMean(0.2, 0.3),
    ap.TopKMean(2),
    ap.Quantile(0.4, smooth=0.3),
]


@pytest.mark.parametrize("order", LEARN, ids=repr)
def test_gradients_hold_to_differences(order: ap.Order) -> None:
    made = torch.Generator().manual_seed(5)
    x = torch.randn(2, 3, 4, generator=made, dtype=torch.float64).requires_grad_()
    w = (torch.rand(3, 4, generator=made, dtype=torch.float64) * 2 + 0.2).requires_grad_()
    for windows in (ap.sliding((3, 3)), ap.sliding((2, 3), 2, (1, 0), border="reflect")):
        for backend in BACKENDS:
            call = lambda x, w, windows=windows, b=backend: ap.pool(x, windows, order, weights=w, backend=b)  # noqa: E731
            assert torch.autograd.gradcheck(call, (x, w))
    assert torch.autograd.gradgradcheck(lambda x, w: ap.pool(x, ap.whole(), order, weights=w, axes=(1, 2)), (x[:1], w))


@pytest.mark.parametrize("nan", ["propagate", "omit"])
@pytest.mark.parametrize("ties", ["first", "last", "split"])
def test_gradients_of_equal_elements_are_the_references(ties: str, nan: str) -> None:
    random = np.random.default_rng(11)
    values, masses = random.integers(0, 4, (2, 3, 7, 8)) / 2, random.random((7, 8)) + 0.1
    values[0, 0, 2, 3] = values[1, 1, 0, 0] = np.nan
    masses[random.random((7, 8)) < 0.2] = 0
    for order in (ap.Quantile(0.4), ap.Quantile(0.7, "hazen"), ap.Median(), ap.Quantile(0.5, "midpoint")):
        for windows in (ap.sliding((4, 4), 2, 1), ap.sliding((3, 3), 1, 1, border=0.5), ap.sliding((2, 2), taps=([1.0, 0.5], [0.3, 1.0]))):  # fmt: skip
            found: list[Any] = []
            for backend in BACKENDS:
                x, w = torch.tensor(values).requires_grad_(), torch.tensor(masses).requires_grad_()
                y = ap.pool(x, windows, order, weights=w, ties=ties, nan=nan, backend=backend)
                g = torch.arange(1.0, y.numel() + 1).reshape(y.shape).double()
                found.append((y, *torch.autograd.grad(y, [x, w], g, allow_unused=True)))
            for made, want in zip(*found, strict=True):
                if made is not None or want is not None:
                    torch.testing.assert_close(made, want, rtol=1e-9, atol=1e-9, equal_nan=True)
            assert all(t is None or bool(t.isfinite().all()) for t in found[0][1:])


@pytest.mark.parametrize(
    "order",
    [ap.Median(), ap.Median("higher"), ap.Rank(1), ap.Quantile(0.3, "averaged_inverted_cdf"), ap.Quantile(0.3, "midpoint"), ap.Quantile(0.0)],
    ids=repr,
)  # fmt: skip
def test_what_weights_only_choose_has_no_slope_in_them(order: ap.Order) -> None:
    w = (torch.rand(9, generator=torch.Generator().manual_seed(0), dtype=torch.float64) + 1).requires_grad_()
    x = torch.arange(9.0, dtype=torch.float64)
    for backend in BACKENDS:
        assert not ap.pool(x, ap.sliding((3,)), order, weights=w, backend=backend).requires_grad
        y = ap.pool(x.clone().requires_grad_(), ap.sliding((3,)), order, weights=w, backend=backend)
        assert y.requires_grad and torch.autograd.grad(y.sum(), w, allow_unused=True)[0] is None


def test_transforms_of_torch() -> None:
    made = torch.Generator().manual_seed(6)
    x = torch.randn(3, 12, generator=made, dtype=torch.float64)
    w = torch.rand(3, 12, generator=made, dtype=torch.float64)
    for order in (ap.Quantile(0.3), ap.Median(), ap.TrimmedMean(0.2, 0.2)):
        pool = lambda x, w, order=order: ap.pool(x, ap.sliding((4,)), order, weights=w, axes=0)  # noqa: E731
        want = torch.stack([pool(a, b) for a, b in zip(x, w, strict=True)])
        torch.testing.assert_close(torch.vmap(pool)(x, w), want)
        torch.testing.assert_close(
            torch.func.jvp(pool, (x[0], w[0]), (torch.ones(12).double(), w[0]))[1], torch.ones(3).double()
        )
