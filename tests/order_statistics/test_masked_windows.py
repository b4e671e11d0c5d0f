"""Windows with absent elements and sums over ranks: the compiled networks equal the reference."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from backends import agrees, needs_core
from order_cases import orders
from sampling import spread

import anypool as ap
from anypool.errors import PoolingError

pytestmark = needs_core
random = np.random.default_rng(0)
SELECTING = orders("lower median", "higher median", "second", "largest", "higher quantile 0.8")
MIXING = [
    *orders("median", "quantile 0.3", "hazen quantile 0.4", "mean of the 2 largest", "interquartile range"),
    *(ap.Quantile([0.1, 0.5, 0.9]), ap.TrimmedMean(0.2, 0.1), ap.Ordinal(random.random(81))),
]
WINDOWS = [
    ap.sliding((3, 3), 1),
    ap.sliding((3, 3), 1, 1),
    ap.sliding((3, 3), 2, 1, ceil_mode=True),
    ap.sliding((5, 4), 1, 2),
    ap.sliding((3, 3), 1, 1, border="reflect"),
    ap.sliding((3, 2), (2, 1), (1, 0), 2, border=1.0),
    ap.sliding((7, 1), 1, (3, 0)),
    ap.sliding((9, 9), 1, 4),
]


def made(shape: tuple[int, ...], dtype: str, holes: float) -> np.ndarray:
    random = np.random.default_rng([*shape, *dtype.encode(), int(holes * 100)])  # the same in any order of tests
    x = (random.normal(size=shape) * 4).astype(dtype) if dtype[0] != "u" else random.integers(0, 256, shape, dtype)
    if dtype[0] == "f" and holes:
        x[random.random(shape) < holes] = np.nan
    return x


def tolerance(x: np.ndarray, order: Any) -> float:
    """Selections are exact; sums are of elements as large as 16."""
    return 0 if order in SELECTING else {"float16": 4e-3, "float32": 3e-5}.get(x.dtype.name, 1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "uint8", "int16", "int64"])
@pytest.mark.parametrize("windows", WINDOWS, ids=range(len(WINDOWS)))
def test_masks_and_nan(windows: Any, dtype: str) -> None:
    large = windows == WINDOWS[-1]  # whose reference sorts 81 elements a window
    for layout, axes, holes, heard in (
        ((2, 13, 21) if large else (2, 23, 37), (1, 2), 0.0, 0.9),
        ((2, 12, 15), (1, 2), 0.4, 0.1),
        ((23, 17, 3), (0, 1), 0.02, 0.5),
    ):
        x, mask = made(layout, dtype.replace("int64", "int32"), holes).astype(dtype), random.random(layout) < heard
        options: Any = ({"weights": mask}, {"nan": "omit"}, {"weights": mask, "nan": "omit"})
        options = options[:1] if holes and "int" in dtype else options  # integers have no NaN: one layout says so
        for order, more in spread(itertools.product((*SELECTING, *MIXING), options), 9, windows, dtype, layout):
            empty = {} if isinstance(order, ap.Range) else {"empty": 3}
            agrees(x, windows, order, tolerance(x, order), axes=axes, **empty, **more)


def test_infinities_and_views() -> None:
    x = made((2, 24, 38), "float32", 0.1)
    x[:, ::5, ::3], x[:, 1::5, ::7] = np.inf, -np.inf
    for view in (x[:, ::-1, ::2], x.transpose(1, 0, 2), np.asfortranarray(x), x[..., 1:]):
        for order in (*SELECTING, ap.Median(), ap.Quantile(0.5), ap.Quantile(0.25)):
            agrees(view, ap.sliding((3, 3), 1, 1), order, tolerance(view, order), nan="omit")
            agrees(view, ap.sliding((3, 3), 1), order, tolerance(view, order), weights=view > 0)


def test_a_linear_user_order_statistic_is_compiled() -> None:
    class Midrange(ap.Order):
        name = "midrange"

        def finish(self, window: Any, n: Any) -> Any:
            return (window.number(window.at(0)) + window.number(window.at(n - 1))) * 0.5

        def linear(self) -> bool:
            return True

    x = made((40, 50), "float32", 0.05)
    agrees(x, ap.sliding((3, 3), 1, 1), Midrange(), 3e-5, nan="omit")
    agrees(x, ap.sliding((5, 5), 2), Midrange(), 3e-5, weights=random.random(x.shape) < 0.5)


def test_an_empty_integer_window_raises_an_error() -> None:
    x = random.integers(0, 9, (20, 20), "uint8")
    mask = np.zeros(x.shape, bool)
    with pytest.raises(PoolingError, match="give empty="):
        ap.pool(x, ap.sliding((3, 3), 1), ap.Rank(0), weights=mask)
    assert (ap.pool(x, ap.sliding((3, 3), 1), ap.Rank(0), weights=mask, empty=7) == 7).all()
    assert np.isnan(ap.pool(x, ap.sliding((3, 3), 1), "median", weights=mask)).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("form", [torch.contiguous_format, torch.channels_last])
def test_gradients_of_selections(form: torch.memory_format, dtype: torch.dtype) -> None:
    x = torch.randint(0, 40, (2, 5, 14, 13), generator=torch.Generator().manual_seed(3)).to(dtype)
    x = x.contiguous(memory_format=form)
    mask = torch.from_numpy(random.random(x.shape) < 0.6)
    holed = x.clone()
    holed[torch.from_numpy(random.random(x.shape) < 0.2)] = torch.nan
    calls = itertools.product(
        (ap.sliding((3, 3), 1, 1), ap.sliding((2, 4), 2, 1), ap.adaptive((4, 3)), ap.whole()),
        (ap.Median(), ap.Median("lower"), ap.Rank(0), ap.Quantile(0.6, "nearest")),
        ("first", "last"),
        ((x, {}), (x, {"weights": mask}), (holed, {"nan": "omit"})),
    )
    for windows, order, ties, (of, options) in spread(calls, 5, form, dtype):
        grads = []
        for backend in (None, "reference"):
            leaf = of.clone().requires_grad_()
            y = ap.pool(leaf, windows, order, ties=ties, backend=backend, axes=(2, 3), empty=0, **options)
            sizes = torch.arange(y.numel(), dtype=dtype).reshape(y.shape) % 7
            y.backward(sizes)
            grads.append(leaf.grad)
        torch.testing.assert_close(grads[0], grads[1], msg=f"{windows} {order} {ties} {options.keys()}")


def test_counts() -> None:
    for dtype in ("float32", "float16", "uint8", "int64", "bool"):
        x = (
            made((3, 20, 31), "float32", 0.2).astype(dtype)
            if dtype[0] == "f"
            else random.integers(0, 2, (3, 20, 31)).astype(dtype)
        )
        mask = random.random(x.shape) < 0.5
        for windows in (ap.sliding((3, 3), 1, 1), ap.adaptive((4, 7)), ap.sliding((19, 19), 1)):
            for options in ({}, {"nan": "omit"}, {"weights": mask}, {"weights": mask, "nan": "omit"}):
                agrees(x, windows, "count", axes=(1, 2), **options)
    x = np.array([np.nan, 1.0], "float32")
    assert ap.pool(x, ap.sliding((1,), 1), "count", nan="omit", empty=3).tolist() == [3, 1]


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8", "int32"])
def test_ranks_that_windows_at_the_border_lack(dtype: str) -> None:
    """A window with too few elements has no answer: NaN, `empty`, or an error for integers."""
    x = np.random.default_rng(8).integers(0, 99, (2, 7, 9)).astype(dtype)
    for size, padding in (((3, 3), 1), ((5, 4), 2), ((2, 5), (1, 2))):
        windows = ap.sliding(size, 1, padding)
        n = size[0] * size[1]
        for k in (0, 2, 3, 4, 5, n - 1, -2, -5, -n):
            explicit = [sorted(w) for w in brute_windows(x, size, padding)]
            want = [float(w[k]) if -len(w) <= k < len(w) else np.nan for w in explicit]
            got = None
            if "float" in dtype or not np.isnan(want).any():
                got = ap.pool(x, windows, ap.Rank(k), axes=(1, 2))
            else:
                with pytest.raises(ap.PoolingError, match="too few"):
                    ap.pool(x, windows, ap.Rank(k), axes=(1, 2))
                for backend in (None, "reference"):
                    filled = ap.pool(x, windows, ap.Rank(k), axes=(1, 2), empty=101, backend=backend)
                    np.testing.assert_array_equal(filled.ravel(), np.nan_to_num(want, nan=101))
            if got is not None:
                np.testing.assert_array_equal(got.ravel(), want)


def brute_windows(x: Any, size: tuple[int, int], padding: Any) -> Any:
    """The elements of each window, stride 1, in the order of the results."""
    down, right = padding if isinstance(padding, tuple) else (padding, padding)
    for plane in x:
        for i in range(-down, plane.shape[0] + down - size[0] + 1):
            for j in range(-right, plane.shape[1] + right - size[1] + 1):
                yield plane[max(i, 0) : i + size[0], max(j, 0) : j + size[1]].ravel().tolist()
