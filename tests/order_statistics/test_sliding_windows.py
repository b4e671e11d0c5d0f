"""Compiled order statistics of sliding windows equal the reference: every type, shape, rank,
stride, border and layout."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from backends import agrees, needs_core
from order_cases import orders
from thread_count import threads

import anypool as ap

pytestmark = needs_core
TYPES = "float32 float64 float16 uint8 int8 uint16 int16 uint32 int32 uint64 int64 bool".split()
WINDOWS = [
    ap.sliding((3, 3), 1),
    ap.sliding((5, 5), 1),
    ap.sliding((2, 2)),
    ap.sliding((3, 3)),
    ap.sliding((4, 3), (1, 2)),
    ap.sliding((3, 5), (5, 1)),
    ap.sliding((3, 3), 1, 0, 2),
    ap.sliding((1, 7), 1),
    ap.sliding((7, 1), (2, 1)),
    ap.sliding((3, 3), 1, 1, border="reflect"),
    ap.sliding((4, 4), (1, 3), ((1, 2),), border="circular"),
    ap.sliding((3, 2), 2, 1, border=1.0),
    ap.whole(),
]


def data(shape: tuple[int, ...], dtype: str, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    if dtype == "bool":
        return random.random(shape) < 0.4
    if np.dtype(dtype).kind in "iu":
        limits = np.iinfo(dtype)
        x = random.integers(limits.min, limits.max, shape, dtype, endpoint=True)
        return np.where(random.random(shape) < 0.5, x, (x % 7).astype(dtype))
    x = random.normal(size=shape).astype(dtype)
    x.reshape(-1)[:: max(x.size // 9, 1)] = np.array([np.inf, -np.inf, 0.0, -0.0, 5e-8, 1, 2, 3, 4, 5], dtype)[
        : len(x.reshape(-1)[:: max(x.size // 9, 1)])
    ]
    return x


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("windows", WINDOWS, ids=range(len(WINDOWS)))
def test_every_type_and_window(windows: object, dtype: str) -> None:
    x = data((2, 23, 37), dtype)
    axes = (1, 2)
    names = ("lower median", "median", "smallest", "second largest", "quantile 0.3", "nearest quantile 0.75")
    for order in orders(*names):
        agrees(x, windows, order, axes=axes)


@pytest.mark.parametrize("size", [*range(2, 12), 13, 15, 17])
def test_sizes(size: int) -> None:
    for dtype in ("float32", "uint8"):
        x = data((size + 9, size + 31), dtype)
        agrees(x, ap.sliding((size, size), 1), ap.Median("lower"))
    agrees(data((40, 50), "float32"), ap.sliding((3, size), 1), ap.Rank(size))


@pytest.mark.parametrize("size", [2, 3, 5, 9, 31, 101, 150])
def test_rows(size: int) -> None:
    agrees(data((3, 2 * size + 130), "float32"), ap.sliding((size,), 1), "median")
    agrees(data((700, 3), "float64"), ap.sliding((size,), 1), "median", axes=0)


def test_volumes_layouts_and_many_small_items() -> None:
    x = data((2, 9, 10, 11), "float32")
    agrees(x, ap.sliding((3, 3, 3), 1), "median")
    agrees(x, ap.sliding((2, 2, 2)), "median")
    agrees(x, ap.sliding((2, 3, 2), (1, 2, 1), 1, border="replicate"), "median")
    agrees(x, ap.sliding((2, 2), 1), "median", axes=(0, 2))
    agrees(x, ap.sliding((3, 3), 1), "median", axes=(1, 2))
    agrees(x.transpose(0, 3, 1, 2), ap.sliding((3, 3), 1), "median")
    agrees(x[:, ::-1, ::2, ::-2], ap.sliding((3, 3), 1), "median")
    agrees(data((700, 6, 5), "uint8"), ap.sliding((3, 3), 1), ap.Median("lower"))
    agrees(data((5, 6, 300), "float32"), ap.sliding((3, 3), 1), "median", axes=(0, 1))
    agrees(np.broadcast_to(data((1, 30), "float32"), (20, 30)), ap.sliding((3, 3), 1), "median")


@pytest.mark.parametrize("size", [3, 5, 7])
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_nan(dtype: str, size: int) -> None:
    x = data((30, 40), dtype)
    x[3, 4] = x[17, 30] = np.nan
    x[20, 10] = -np.nan
    for order in ("median", ap.Quantile(0.2), ap.Rank(3), ap.Rank(-1)):
        got = ap.pool(x, ap.sliding((size, size), 1), order)
        np.testing.assert_array_equal(got, ap.pool(x, ap.sliding((size, size), 1), order, backend="reference"))


@pytest.mark.parametrize("form", [torch.contiguous_format, torch.channels_last])
def test_torch(form: torch.memory_format) -> None:
    x = torch.randn(2, 20, 9, 12).contiguous(memory_format=form)
    for dtype in (torch.float32, torch.bfloat16, torch.float16, torch.float64):
        for order in ("median", ap.Quantile(0.4), ap.Rank(2)):
            got = ap.pool(x.to(dtype), ap.sliding((3, 3), 1), order, backend="cpu")
            torch.testing.assert_close(
                got, ap.pool(x.to(dtype), ap.sliding((3, 3), 1), order, backend="reference"), rtol=0, atol=0
            )
    x.requires_grad_()
    ap.pool(x, ap.sliding((3, 3), 2), "median").square().sum().backward()
    got, x.grad = x.grad, None
    ap.pool(x, ap.sliding((3, 3), 2), "median", backend="reference").square().sum().backward()
    torch.testing.assert_close(got, x.grad)


def test_results_do_not_depend_on_threads() -> None:
    x = data((300, 300), "float32")
    results = []
    for n in (1, 2, 3):
        with threads(n):
            results.append(ap.pool(x, ap.sliding((5, 5), 1), "median"))
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])


def test_windows_that_overhang_are_the_references() -> None:
    for dtype in ("float32", "uint8", "int32"):
        x = data((2, 30, 40), dtype)
        for windows in (
            ap.sliding((3, 3), 1, 1),
            ap.sliding((5, 4), (1, 2), "same"),
            ap.sliding((3, 3), 2, 1, ceil_mode=True),
        ):
            for order in (ap.Median("lower"), ap.Median(), ap.Quantile(0.3)):
                agrees(x, windows, order, axes=(1, 2))
                agrees(torch.as_tensor(x).permute(1, 2, 0).contiguous().numpy(), windows, order, axes=(0, 1))
    got = ap.pool(torch.as_tensor(x).float(), ap.sliding((3, 3), 1, 1), "median")
    np.testing.assert_array_equal(got, ap.pool(x.astype(np.float32), ap.sliding((3, 3), 1, 1), "median"))


def test_out() -> None:
    x = data((2, 20, 30), "float32")
    for windows in (ap.sliding((3, 3), 1), ap.sliding((3, 3), 1, 1), ap.sliding((5, 5), 2)):
        want = ap.pool(x, windows, "median")
        for out in (np.empty_like(want), np.asfortranarray(want * 0), np.empty((*want.shape, 2), "float32")[..., 0]):
            assert ap.pool(x, windows, "median", out=out) is out
            np.testing.assert_array_equal(out, want)
    same = x.copy()
    assert ap.pool(same, ap.sliding((3, 3), 1, 1), "median", out=same) is same
    np.testing.assert_array_equal(same, ap.pool(x, ap.sliding((3, 3), 1, 1), "median"))


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8", "int16"])
@pytest.mark.parametrize(
    ("border", "mode"), [("replicate", "edge"), ("reflect", "reflect"), ("circular", "wrap"), (3.0, "constant")]
)
@pytest.mark.parametrize(
    ("size", "stride", "padding"),
    [
        ((3, 3), 1, (1, 1)),
        ((3, 3), 1, ((0, 2), (2, 1))),
        ((3, 3), 2, (1, 1)),
        ((2, 2), 2, (1, 0)),
        ((3, 3), 3, (2, 2)),
        ((5, 5), 1, (2, 2)),
        ((5, 5), 1, ((3, 0), (0, 4))),
        ((7, 7), 1, (3, 3)),
    ],
)
def test_borders_are_those_of_a_padded_array(
    size: tuple[int, int], stride: int, padding: Any, border: Any, mode: str, dtype: str
) -> None:
    pads = [(p, p) if isinstance(p, int) else p for p in padding]
    sides: Any = padding if isinstance(padding[0], int) else tuple(padding)
    kwargs: Any = {"constant_values": 3} if mode == "constant" else {}

    def seen(x: np.ndarray) -> np.ndarray:
        wide: Any = np.pad(x, [*pads, *[(0, 0)] * (x.ndim - 2)], mode=mode, **kwargs)  # type: ignore[call-overload]
        return np.lib.stride_tricks.sliding_window_view(wide, size, axis=(0, 1))[::stride, ::stride]

    for shape, channels in (((37, 150), 0), ((9, 70), 0), ((23, 31), 16), ((8, 6), 3)):
        x = data((*shape, channels) if channels else shape, dtype)
        views = seen(x)
        ranked = np.sort(views.reshape(*views.shape[:-2], -1), -1)
        windows = ap.sliding(size, stride, sides, border=border)
        for k in {ranked.shape[-1] // 2, 1}:
            np.testing.assert_array_equal(ap.pool(x, windows, ap.Rank(k), axes=(0, 1)), ranked[..., k])
        if x.dtype.kind == "f":
            x[0, 1] = np.nan
            spoiled = np.isnan(seen(x)).any((-1, -2))
            np.testing.assert_array_equal(np.isnan(ap.pool(x, windows, "median", axes=(0, 1))), spoiled)


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8", "int16", "uint32"])
def test_rows_shorter_than_a_vector(dtype: str) -> None:
    """Rows of a few windows read and write nothing beyond themselves, at the end of memory too."""
    random = np.random.default_rng(9)
    for wide in (*range(4, 24), 31, 32, 33, 63, 64, 65):
        x = random.integers(0, 99, (3, 8, wide)).astype(dtype)
        for size, stride in (((3, 3), 1), ((2, 2), 2), ((3, 3), 3), ((3, 3), 2)):
            views = np.lib.stride_tricks.sliding_window_view(x, size, axis=(1, 2))[:, ::stride, ::stride]
            want = np.sort(views.reshape(*views.shape[:3], -1), -1)[..., size[0] * size[1] // 2]
            if not want.size:
                continue
            got = np.full((*want.shape[:2], want.shape[2] + 1), 77, dtype)  # results laid out with a gap are copied
            even = ap.Median("higher")
            ap.pool(x, ap.sliding(size, stride), even, axes=(1, 2), out=got[..., :-1])
            np.testing.assert_array_equal(got[..., :-1], want)
            assert (got[..., -1] == 77).all()
            flat = np.full(want.size + 64, 77, dtype)
            ap.pool(x, ap.sliding(size, stride), even, axes=(1, 2), out=flat[: want.size].reshape(want.shape))
            np.testing.assert_array_equal(flat[: want.size].reshape(want.shape), want)
            assert (flat[want.size :] == 77).all()
