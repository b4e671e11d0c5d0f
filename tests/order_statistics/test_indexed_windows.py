"""Order statistics of boxes, groups, segments, adaptive and fractional windows: equal to
NumPy's."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from backends import needs_core
from order_cases import orders

import anypool as ap

pytestmark = needs_core
RANDOM = np.random.default_rng(11)
BOXES = np.concatenate(
    [RANDOM.integers(0, 2, (9, 1)), np.sort(RANDOM.uniform(-3, 20, (9, 2, 2)), axis=1).reshape(9, 4)], 1
)
PLANE: dict[str, Any] = {"axes": (2, 3)}
WINDOWS: dict[str, tuple[Any, dict[str, Any]]] = {
    "boxes": (ap.boxes(BOXES, (3, 2)), {}),
    "groups": (ap.groups(RANDOM.integers(0, 9, (17, 19))), PLANE),
    "adaptive": (ap.adaptive((4, 5)), PLANE),
    "everything": (ap.whole(), PLANE),
    "fractional": (ap.fractional((7, 9), seed=1), PLANE),
    "segments": (ap.segments([0, 3, 3, 10, 17]), {"axes": 2}),
    "large": (ap.sliding((11, 12), 3), PLANE),
    "large over a border": (ap.sliding((11, 12), 3, padding="same", border="reflect"), PLANE),
    "long, over a constant": (ap.sliding((97,), 40, padding=60, border=0.5), {"axes": 3}),
}
NAMES = [
    *("median", "lower median", "smallest", "third", "largest", "hazen quantile 0.7", "nearest quantile 0.3"),
]
ORDERS: dict[str, Any] = {**dict(zip(NAMES, orders(*NAMES), strict=True)), "two quantiles": ap.Quantile([0.1, 0.9])}


def numbers(channels: int, dtype: str, beside: bool) -> Any:
    x = np.round(RANDOM.standard_normal((2, channels, 17, 19)), 1)  # with ties
    v = x > 0 if dtype == "bool" else x.astype(dtype) if "float" in dtype else (x * 40).astype(dtype)
    if "float" in dtype:
        v[RANDOM.random(v.shape) < 0.03] = np.nan
    return np.ascontiguousarray(v.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2) if beside else v


def outcome(x: Any, name: str, order: Any, **options: Any) -> Any:
    windows, axes = WINDOWS[name]
    try:
        return ap.pool(x, windows, order, **axes, **options)
    except ap.PoolingError as error:
        return str(error)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("name", WINDOWS)
def test_values_are_the_references(name: str, order: str) -> None:
    forms = [(2, False), (5, False), (21, True)]
    for dtype, nan, (channels, beside) in itertools.product(
        ("float32", "float64", "float16", "uint8", "int32", "int64", "bool"), ("propagate", "omit"), forms
    ):
        x = numbers(channels, dtype, beside)
        wanted = outcome(x, name, ORDERS[order], nan=nan, backend="reference")
        made = outcome(x, name, ORDERS[order], nan=nan)
        if isinstance(wanted, str):
            assert made == wanted
            continue
        assert (made.dtype, made.shape) == (wanted.dtype, wanted.shape)
        np.testing.assert_array_equal(made, wanted)


def test_medians_of_groups_and_segments_are_numpys() -> None:
    x, index = RANDOM.standard_normal((3, 5000)), RANDOM.integers(0, 40, 5000)
    wanted = np.stack([np.median(x[:, index == g], axis=1) for g in range(40)], 1)
    np.testing.assert_array_equal(ap.pool(x, ap.groups(index), "median", axes=1), wanted)
    ends = [0, 1, 2, 66, 130, 131, 1000, 5000]
    for q in (0.5, 0.125, 1.0):
        wanted = np.stack([np.quantile(x[:, a:b], q, axis=1) for a, b in itertools.pairwise(ends)], 1)
        np.testing.assert_array_equal(ap.pool(x, ap.segments(ends), ap.Quantile(q), axes=1), wanted)


def test_explain_names_the_engine() -> None:
    x = np.zeros((2, 3, 17, 19), np.float32)
    for name in ("boxes", "groups", "adaptive", "segments"):
        windows, axes = WINDOWS[name]
        said = ap.explain(x, windows, "median", **axes)
        assert said.backend == "cpu" and "sorted across lanes" in said.engine
        gathered = name in ("boxes", "groups")
        assert ap.explain(x, windows, ap.KMax(2), **axes).backend == ("reference" if gathered else "cpu")


@pytest.mark.parametrize("name", WINDOWS)
def test_torch_values_and_gradients(name: str) -> None:
    torch = pytest.importorskip("torch")
    windows, axes = WINDOWS[name]
    for dtype in (torch.float32, torch.float64, torch.bfloat16):
        found: list[Any] = []
        for backend in ("reference", None):
            x = torch.from_numpy(np.random.default_rng(3).standard_normal((2, 3, 17, 19))).to(dtype).requires_grad_()
            still = ap.pool(x.detach(), windows, "median", backend=backend, **axes)
            y = ap.pool(x, windows, "median", backend=backend, **axes)
            assert torch.equal(y.detach().nan_to_num(), still.nan_to_num())
            found += [still, *torch.autograd.grad(torch.where(y.isnan(), torch.zeros_like(y), y).sum(), x)]
        torch.testing.assert_close(found[2:], found[:2], equal_nan=True)


class Spread(ap.Order):
    """The middle half's width: a user's own, linear in the ranks."""

    name = "spread"

    def linear(self) -> bool:
        return True

    def finish(self, window: Any, n: Any) -> Any:
        return window.at(3 * (n - 1) // 4) - window.at((n - 1) // 4)


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "uint8", "int32"])
@pytest.mark.parametrize(
    "order", [ap.TrimmedMean(0.2, 0.1), ap.TopKMean(2), ap.Rank(1), ap.Rank(-3), Spread()], ids=str
)
def test_sums_over_ranks_of_indexed_windows(order: Any, dtype: str) -> None:
    """Against the reference: short, long and too short windows, NaN and infinities."""
    random = np.random.default_rng(3)
    for lanes in (1, 20):
        x = random.standard_normal((2, lanes, 21, 23)) * 50 + 90
        if dtype.startswith("float"):
            x[0, :, 3:5, 7] = np.inf
            x[1, :, 11, 12] = np.nan
        x = x.astype(dtype)
        rows = np.array([[0, 1, 1, 4, 5], [1, 0, 0, 20, 18], [1, 9, 9, 13, 13], [0, 5, 2, 22, 20], [1, 4, 4, 4, 4.0]])
        for windows in (ap.boxes(rows, (3, 2)), ap.groups(random.integers(0, 30, (21, 23)))):
            for nan in ("propagate", "omit") if dtype.startswith("float") else ("propagate",):
                for empty in (None, 3):
                    asked: dict[str, Any] = {"nan": nan, "empty": empty}
                    try:
                        want = ap.pool(x, windows, order, backend="reference", **asked)
                    except ap.PoolingError:
                        with pytest.raises(ap.PoolingError):
                            ap.pool(x, windows, order, **asked)
                        continue
                    got = ap.pool(x, windows, order, **asked)
                    near = {"float32": 1e-5, "float16": 2e-3}.get(dtype, 1e-12)
                    assert got.dtype == want.dtype
                    np.testing.assert_allclose(got, want, rtol=near, atol=near)
                    assert ap.explain(x, windows, order, nan=nan, empty=empty).backend == "cpu"
