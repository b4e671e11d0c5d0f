"""Positions of selected elements against explicit windows: kinds, types, NaN, ties, libraries."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from backends import BACKENDS
from brute import Meant, pooled
from sampling import spread
from windows_cases import CASES, SHAPE, Case

import anypool as ap

V = np.ndarray


def ranked(rank: Callable[[int], int], last: bool = False) -> Callable[..., int]:
    """The position of a rank, of the first or the last tied element; masses are whole numbers."""

    def of(v: V, w: V | None, n: float, at: V) -> int:
        if (v != v).any():
            return int(at[v != v][-1 if last else 0])
        each = np.ones(len(v), int) if w is None else np.round(w * 2).astype(int)
        line = np.sort(np.repeat(v, each))
        k = rank(len(line))
        return int(at[v == line[k]][-1 if last else 0]) if 0 <= k < len(line) else -1

    return of


def kept(k: int, j: int) -> Callable[..., int]:
    """The position of the j-th of the k largest; the first tied element is larger, NaN is
    largest."""

    def of(v: V, w: V | None, n: float, at: V) -> int:
        order = sorted(range(len(v)), key=lambda i: (not v[i] != v[i], -float(v[i]) if v[i] == v[i] else 0, i))
        places = sorted(order[:k])
        return int(at[places[j]]) if j < len(places) else -1

    return of


def voted(v: V, w: V | None, n: float, at: V) -> int:
    if (v != v).any():
        return int(at[v != v][0])
    each = np.ones(len(v)) if w is None else w
    values = np.unique(v)
    best = values[np.argmax([each[v == u].sum() for u in values])]
    return int(at[v == best][0])


# order, what it means, whether masses keep that meaning
ORDERS: dict[str, tuple[Any, Callable[..., int], bool]] = {
    "argmedian": ("argmedian", ranked(lambda n: (n - 1) // 2), True),
    "higher": (ap.Place(ap.Median("higher")), ranked(lambda n: n // 2), True),
    "smallest": (ap.Place(ap.Rank(0)), lambda v, w, n, at: kept_rank(v, at, 0), False),
    "third": (ap.Place(ap.Rank(2)), lambda v, w, n, at: kept_rank(v, at, 2), False),
    "quantile": (ap.Place(ap.Quantile(0.25, "inverted_cdf")), ranked(lambda n: max(-(-n // 4) - 1, 0)), True),
    "mode": (ap.Place(ap.Mode()), voted, True),
}


def kept_rank(v: V, at: V, k: int) -> int:
    """A rank counts a NaN as the largest."""
    if k >= len(v):
        return -1
    value = np.sort(v)[k]
    return int(at[(v == value) | ((v != v) & (value != value))][0])


def data(dtype: str, nan: bool = False, seed: int = 0) -> V:
    random = np.random.default_rng(seed)
    x = random.integers(0, 5, SHAPE).astype(dtype)
    if np.dtype(dtype).kind == "f":
        x.reshape(-1)[::7] = -0.0
        x.reshape(-1)[3::31] = np.inf
        if nan:
            x[random.random(SHAPE) < 0.15] = np.nan
    elif dtype != "bool":
        x.reshape(-1)[::9] = np.iinfo(dtype).max
    return x


def agree(got: Any, want: V, what: str) -> None:
    got = got.numpy() if isinstance(got, torch.Tensor) else got
    assert got.dtype == np.int64 and got.shape == want.shape, what
    np.testing.assert_array_equal(got, want.astype(np.int64), err_msg=what)


def held(case: Case, order: Any, means: Callable[..., int], x: V, what: str, **options: Any) -> None:
    """Each backend and library gives the place that the windows by hand give."""
    weights, omit = options.get("weights"), options.get("nan") == "omit"
    kinds = {k: v for k, v in case.options.items() if k != "count"}
    want = pooled(x, case.lines, case.at, Meant(means, -1), weights=weights, omit=omit, **kinds)
    if order == ap.Place(ap.Rank(2)) and all(
        np.prod([len(w) for w in o]) < 3 for o in itertools.product(*(a.windows for a in case.lines))
    ):
        with pytest.raises(ap.PoolingError, match="largest window holds"):
            ap.pool(x, case.windows, order, axes=case.axes, **options)
        return
    for backend in (None, "reference"):
        agree(ap.pool(x, case.windows, order, axes=case.axes, backend=backend, **options), want, f"{what} {backend}")
        if x.dtype.name not in ("uint16", "uint32", "uint64"):
            more = {k: torch.as_tensor(v) if k == "weights" else v for k, v in options.items()}
            got = ap.pool(torch.as_tensor(x), case.windows, order, axes=case.axes, backend=backend, **more)
            agree(got, want, f"{what} torch {backend}")


# Halves of whole numbers stay whole in the oracle of masses; shares of areas do not.
SIMPLE = {k: c for k, c in CASES.items() if not k.startswith("real") and "taps" not in k}


@pytest.mark.parametrize("name", ORDERS)
@pytest.mark.parametrize("key", SIMPLE)
def test_every_window_kind(key: str, name: str) -> None:
    order, means, _ = ORDERS[name]
    mask = np.random.default_rng(1).random(SHAPE) < 0.7
    for nan in (False, True):
        x = data("float32", nan)
        for more in ({}, {"nan": "omit"}, {"weights": mask}, {"weights": mask, "nan": "omit"}):
            held(SIMPLE[key], order, means, x, f"{key} {name} {list(more)} nan={nan}", **more)


@pytest.mark.parametrize("dtype", "float64 float16 int8 uint8 int16 uint16 int32 uint32 int64 uint64 bool".split())
@pytest.mark.parametrize("name", ORDERS)
def test_element_types(name: str, dtype: str) -> None:
    order, means, _ = ORDERS[name]
    mask = np.random.default_rng(2).random(SHAPE) < 0.6
    for key, case in spread(SIMPLE.items(), 3, name, dtype):
        if dtype == "bool" and case.options.get("border"):
            continue  # 2 is no truth value
        for more in ({}, {"weights": mask}):
            held(case, order, means, data(dtype), f"{key} {name} {dtype} {list(more)}", **more)


@pytest.mark.parametrize("name", [n for n, o in ORDERS.items() if o[2]])
def test_weights(name: str) -> None:
    order, means, _ = ORDERS[name]
    w = np.random.default_rng(3).integers(0, 4, SHAPE).astype(float) + 1
    w[..., ::2, 1] = 0
    for key in ("3x3/1 pad 1", "ceil", "taps by axis", "adaptive", "segments", "border 2.0", "border reflect"):
        if name != "quantile" or "taps" not in key:  # whose ranks are whole numbers
            held(CASES[key], order, means, data("float64"), f"{key} {name}", weights=w)
    if name != "quantile":
        held(CASES["taps by axis"], order, means, data("float32", True), f"taps {name}")


@pytest.mark.parametrize("key", ["3x3/1 pad 1", "segments, some empty", "border circular", "same", "border 2.0"])
def test_the_k_largest(key: str) -> None:
    case = SIMPLE[key]
    mask = np.random.default_rng(4).random(SHAPE) < 0.7
    kinds = {k: v for k, v in case.options.items() if k != "count"}
    for dtype, nan in (("float32", False), ("float32", True), ("uint8", False)):
        x = data(dtype, nan)
        for more in ({}, {"weights": mask}):
            want = np.stack(
                [pooled(x, case.lines, case.at, Meant(kept(2, j), -1), **more, **kinds) for j in (0, 1)], -1
            )
            for backend in (None, "reference"):
                got = ap.pool(x, case.windows, ap.Place(ap.KMax(2)), axes=case.axes, backend=backend, **more)
                agree(got, want, f"{key} {dtype} {backend} {list(more)}")


@pytest.mark.parametrize("key", ["3x3/1 pad 1", "adaptive", "border replicate", "whole"])
def test_the_last_of_those_that_tie(key: str) -> None:
    for nan in (False, True):
        means = ranked(lambda n: (n - 1) // 2, last=True)
        held(SIMPLE[key], "argmedian", means, data("float32", nan), key, ties="last")
        held(SIMPLE[key], "argmedian", means, data("float32", nan), key, ties="last", weights=data("uint8") + 1.0)


def test_the_element_at_the_position_is_the_value() -> None:
    """Boxes, groups, pyramids, several quantiles: the element at the position is the order
    statistic."""
    x = np.random.default_rng(5).integers(0, 30, (2, 3, 16, 20)).astype(np.float32)
    labels = np.random.default_rng(6).integers(-1, 9, (16, 20))
    rows = [[0, 0.0, 1.0, 9.0, 12.0], [1, 3.0, 2.0, 15.0, 11.0], [0, 5.0, 5.0, 6.0, 6.0]]
    flat = x.reshape(2, 3, -1)
    for order in (ap.Median("lower"), ap.Rank(1), ap.Mode(), ap.Quantile(0.8, "nearest")):
        for windows in (ap.groups(labels), ap.pyramid((1, 2)), ap.sliding((5, 5), 1, 2), ap.whole()):
            axes = (2, 3)
            value, place = ap.pool(x, windows, (order, ap.Place(order)), axes=axes)
            here = np.take_along_axis(flat, place.reshape(2, 3, -1), -1).reshape(value.shape)
            np.testing.assert_array_equal(here, value, err_msg=f"{order} {windows}")
            twin = ap.pool(torch.as_tensor(x), windows, ap.Place(order), axes=axes)
            np.testing.assert_array_equal(twin.numpy(), place)
        value, place = ap.pool(x, ap.boxes(rows, (1, 1)), (order, ap.Place(order)))
        for r, row in enumerate(rows):
            seen = np.take_along_axis(flat[int(row[0])], np.maximum(place[r].reshape(3, -1), 0), -1)
            lacks = place[r].reshape(3, -1) < 0
            np.testing.assert_array_equal(np.where(lacks, np.nan, seen), value[r].reshape(3, -1))
    several = ap.Quantile([0.1, 0.5, 0.9], "lower")
    place = ap.pool(x, ap.sliding((4, 3)), ap.Place(several))
    assert place.shape == (3, 2, 3, 4, 6)
    for q, found in zip((0.1, 0.5, 0.9), place, strict=True):
        np.testing.assert_array_equal(found, ap.pool(x, ap.sliding((4, 3)), ap.Place(ap.Quantile(q, "lower"))))


def test_an_empty_window_has_position_minus_1_or_empty() -> None:
    x, windows = np.arange(4, dtype=np.uint8), ap.segments([0, 0, 3, 4])
    for backend in (None, "reference"):
        for order, want in (("argmedian", [-1, 1, 3]), (ap.Place(ap.Rank(1)), [-1, 1, -1])):
            assert ap.pool(x, windows, order, axes=0, backend=backend).tolist() == want
            seven = [7 if w < 0 else w for w in want]
            assert ap.pool(x, windows, order, axes=0, backend=backend, empty=7).tolist() == seven
            with pytest.raises(ap.PoolingError, match="whole numbers"):
                ap.pool(x, windows, order, axes=0, backend=backend, empty=0.5)


@pytest.mark.parametrize(
    "order", [ap.Median(), ap.Quantile(0.3), ap.Quantile(0.3, "lower", smooth=1.0), ap.TopKMean(2), "max"]
)
def test_order_statistics_that_select_no_element_have_no_position(order: Any) -> None:
    with pytest.raises(ap.PoolingError, match=r"selects no element.*Median\('lower'\).*'argmax'"):
        ap.Place(order)


def test_ties_are_not_split() -> None:
    with pytest.raises(ap.PoolingError, match="one element's"):
        ap.pool(np.ones(4), ap.sliding((2,)), "argmedian", ties="split")
    with pytest.raises(ap.PoolingError, match="first ranks first"):
        ap.pool(np.ones(4), ap.sliding((2,)), ap.Place(ap.KMax(1)), ties="last")


def test_layouts_and_torch() -> None:
    x = torch.randint(0, 9, (2, 5, 12, 11), generator=torch.Generator().manual_seed(0)).float()
    windows = ap.sliding((3, 3), 1, 1, border="reflect")
    want = ap.pool(x, windows, "argmedian", backend="reference")
    for view in (x.contiguous(memory_format=torch.channels_last), x.transpose(2, 3).contiguous().transpose(2, 3)):
        assert torch.equal(ap.pool(view, windows, "argmedian"), want)
    assert torch.equal(ap.pool(x.requires_grad_(), windows, "argmedian"), want)
    for kind in (torch.bfloat16, torch.float16):
        assert torch.equal(ap.pool(x.detach().to(kind), windows, "argmedian"), want)
    x = x.detach()
    assert torch.equal(torch.vmap(lambda v: ap.pool(v, windows, "argmedian", axes=(1, 2)))(x), want)
    away = x.numpy()[:, ::-1, ::-1, ::2]
    got = ap.pool(away, ap.sliding((3, 2)), "argmedian", axes=(1, 3))
    np.testing.assert_array_equal(got, ap.pool(away.copy(), ap.sliding((3, 2)), "argmedian", axes=(1, 3)))


def test_torch_compile_sees_an_operator() -> None:
    torch._dynamo.reset()
    x = torch.randn(2, 9, 9, generator=torch.Generator().manual_seed(0))
    for order in ("argmedian", ap.Place(ap.Rank(2))):
        call = lambda v, order=order: ap.pool(v, ap.sliding((3, 3)), order)  # noqa: E731
        got = torch.compile(call, fullgraph=True, backend="aot_eager")(x)
        assert torch.equal(got, call(x)) and got.dtype == torch.int64


def test_explain_says_how() -> None:
    x = np.zeros((8, 8), np.float32)
    assert "a search for this value in each window" in str(ap.explain(x, ap.sliding((3, 3), 1), "argmedian"))
    assert "sorted" in str(ap.explain(x, ap.sliding((3, 3), 1), "argmedian", weights=x + 1.0))


def test_positions_of_weighted_quantiles() -> None:
    random = np.random.default_rng(10)
    x, w = random.integers(0, 9, (4, 30)).astype(float), random.random((4, 30))
    for method in ("inverted_cdf", "closest_observation", "lower", "higher", "nearest"):
        order = ap.Quantile(0.3, method)
        for backend in BACKENDS:
            y, at = ap.pool(x, ap.sliding((7,), 2), (order, ap.Place(order)), axes=1, weights=w, backend=backend)
            np.testing.assert_array_equal(np.take_along_axis(x, at, 1), y)
