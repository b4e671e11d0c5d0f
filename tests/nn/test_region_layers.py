"""Boxes in torch: torchvision's functions and layers, feature levels, gradients; and bad input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from boxes_by_hand import BOXES, RNG, X, bilinear, roi_align_points, roi_pool_elements
from sampling import spread

import anypool as ap
import anypool.nn.functional as F


@pytest.mark.parametrize("aligned", [False, True])
@pytest.mark.parametrize("ratio", [-1, 1, 2])
def test_roi_align_drop_in(aligned: bool, ratio: int) -> None:
    x, rows = torch.tensor(X), torch.tensor(BOXES)
    got = F.roi_align(x, rows, (3, 2), 0.8, ratio, aligned)
    for k, (n, *box) in enumerate(BOXES):
        for o, points in roi_align_points(box, (3, 2), ratio, aligned, 0.8).items():
            want = np.mean([bilinear(X[int(n), 1], p) for p in points]) if points else 0.0
            np.testing.assert_allclose(got[(k, 1, *o)].item(), want, rtol=1e-9, atol=1e-12)
    split = [rows[rows[:, 0] == n][:, 1:] for n in (0, 1)]
    order = np.argsort(BOXES[:, 0], kind="stable")
    torch.testing.assert_close(F.roi_align(x, split, (3, 2), 0.8, ratio, aligned), got[torch.as_tensor(order)])


def test_roi_pool_drop_in() -> None:
    got = F.roi_pool(torch.tensor(X), torch.tensor(BOXES), 2, 0.9)
    for k, (n, *box) in enumerate(BOXES):
        for o, places in roi_pool_elements(box, (2, 2), X.shape[2:], 0.9).items():
            want = max((X[int(n), 2][p] for p in places), default=0.0)
            assert got[(k, 2, *o)].item() == want


def test_position_sensitive_drop_ins() -> None:
    x = RNG.standard_normal((2, 12, 7, 9))
    align = F.ps_roi_align(torch.tensor(x), torch.tensor(BOXES), (2, 3), 0.9, 2)
    whole = F.ps_roi_pool(torch.tensor(x), torch.tensor(BOXES), (2, 3), 0.9)
    assert align.shape == whole.shape == (8, 2, 2, 3)
    for k, (n, *box) in enumerate(BOXES):
        points = roi_align_points(box, (2, 3), 2, True, 0.9)
        corners = [int(np.floor(abs(v * 0.9) + 0.5)) * (1 if v >= 0 else -1) for v in box]
        for c in range(2):
            for i, j in np.ndindex(2, 3):
                plane = x[int(n), (c * 2 + i) * 3 + j]
                np.testing.assert_allclose(
                    align[k, c, i, j].item(), np.mean([bilinear(plane, p) for p in points[i, j]]), rtol=1e-9, atol=1e-12
                )
                spans = []
                for o, out, lo, hi, length in ((i, 2, corners[1], corners[3], 7), (j, 3, corners[0], corners[2], 9)):
                    step = max(hi - lo, 1) / out
                    a, b = int(np.floor(o * step)) + lo, int(np.ceil((o + 1) * step)) + lo
                    spans.append(slice(min(max(a, 0), length - 1), min(max(b, 0), length - 1)))
                seen = plane[spans[0], spans[1]]
                np.testing.assert_allclose(
                    whole[k, c, i, j].item(), seen.mean() if seen.size else 0.0, rtol=1e-9, atol=1e-12
                )


def test_levels() -> None:
    """A box of 224 is on level 4, one of half the size on level 3; outputs are in the order of
    boxes."""
    maps = [torch.full((1, 2, n, n), float(v)) for v, n in ((2, 64), (3, 32), (4, 16), (5, 8))]
    sides = [224.0, 112.0, 60.0, 500.0, 223.0, 1000.0, 10.0]
    rows = torch.tensor([[0, 0, 0, s, s] for s in sides])
    got = F.pyramid_boxes(maps, rows, (2, 3), [1 / 4, 1 / 8, 1 / 16, 1 / 32], "max")
    assert got.shape == (7, 2, 2, 3)
    assert got[:, 0, 0, 0].tolist() == [4.0, 3.0, 2.0, 5.0, 3.0, 5.0, 2.0]
    layer = ap.nn.BoxPool((2, 3), "max", scale=[1 / 4, 1 / 8, 1 / 16, 1 / 32])
    torch.testing.assert_close(layer(maps, rows), got)


@pytest.mark.parametrize("reading", ["sampled", "exact"])
@pytest.mark.parametrize("reduction", ["mean", "var", "logsumexp", "max"])
def test_gradients_to_boxes(reading: str, reduction: str) -> None:
    x = torch.tensor(X[:, :1], requires_grad=True)
    rows = torch.tensor(BOXES[[0, 3]] + [0, 0.013, 0.021, 0.034, 0.045], requires_grad=True)
    if reduction == "max" and reading == "exact":
        pytest.skip("the largest element does not move with the box")

    def pooled(x: Any, rows: Any) -> Any:
        return ap.pool(x, ap.boxes(rows, (2, 2), reading=reading), reduction)

    assert torch.autograd.gradcheck(pooled, (x, rows))
    if reduction in ("mean", "var"):
        assert torch.autograd.gradgradcheck(pooled, (x, rows))


def test_gradients_to_features_offsets_and_angles() -> None:
    x = torch.tensor(X[:, :1], requires_grad=True)
    for reduction in ("max", "median", "mean"):
        assert torch.autograd.gradcheck(lambda t, r=reduction: ap.pool(t, ap.boxes(BOXES, (2, 2)), r, empty=0.0), (x,))
    offsets = torch.tensor(RNG.standard_normal((2, 2, 2, 2)), requires_grad=True)
    rows = torch.tensor(BOXES[[0, 7]])
    assert torch.autograd.gradcheck(
        lambda x, o: ap.pool(x, ap.boxes(rows, (2, 2), reading="sampled", offsets=o), "mean"), (x, offsets)
    )
    turned = torch.tensor([[0, 4.1, 3.2, 4.0, 3.0, 33.0]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda x, b: ap.pool(x, ap.boxes(b, (2, 2), reading="sampled", rotated="clockwise"), "mean"), (x, turned)
    )
    outside = torch.tensor([[0, 90.0, 90.0, 95.0, 95.0]], dtype=torch.float64, requires_grad=True)
    for reading in ("sampled", "exact"):
        y = ap.pool(x, ap.boxes(outside, (2, 2), reading=reading), "mean")
        gx, gb = torch.autograd.grad(y.sum(), (x, outside))
        assert not y.any() and not gx.any() and not gb.any()


def test_prroi_gradient_formula() -> None:
    """∂/∂x2 of the mean of one bin is (mean over the right edge − mean) / width (Jiang 2018, eq.
    6)."""
    rows = torch.tensor([[0, 1.3, 0.9, 6.1, 5.2]], dtype=torch.float64, requires_grad=True)
    y = ap.pool(torch.tensor(X[:1, :1]), ap.boxes(rows, (1, 1), reading="exact"), "mean")
    (got,) = torch.autograd.grad(y.sum(), rows)
    steps = 4000
    edge = np.mean([bilinear(X[0, 0], (0.9 + 4.3 * (i + 0.5) / steps, 6.1)) for i in range(steps)])
    assert abs(got[0, 3].item() - (edge - y.item()) / (6.1 - 1.3)) < 1e-5


def test_layers() -> None:
    x, rows = torch.tensor(X), torch.tensor(BOXES)
    torch.testing.assert_close(ap.nn.RoIAlign(2, 0.5, 2, aligned=True)(x, rows), F.roi_align(x, rows, 2, 0.5, 2, True))
    torch.testing.assert_close(ap.nn.RoIPool((2, 3), 0.5)(x, rows), F.roi_pool(x, rows, (2, 3), 0.5))
    wide = torch.tensor(RNG.standard_normal((2, 4, 7, 9)))
    torch.testing.assert_close(ap.nn.PSRoIAlign(2, 0.5, 2)(wide, rows), F.ps_roi_align(wide, rows, 2, 0.5, 2))
    torch.testing.assert_close(ap.nn.PSRoIPool(2, 0.5)(wide, rows), F.ps_roi_pool(wide, rows, 2, 0.5))
    p = torch.nn.Parameter(torch.tensor(3.0, dtype=torch.float64))
    layer = ap.nn.BoxPool(2, ap.Lp(p), reading="exact")
    layer(x, rows[:2]).sum().backward()
    assert p.grad is not None and len(list(layer.parameters())) == 1


BAD: dict[str, tuple[Any, ...]] = {
    "NaN": (lambda: ap.boxes([[0, 1, np.nan, 3, 3]], 2), "finite"),
    "infinite": (lambda: ap.boxes([[0, 1, 1, np.inf, 3]], 2), "finite"),
    "columns": (lambda: ap.boxes([[0, 1, 2, 3]], 2), "columns"),
    "flat": (lambda: ap.boxes([0, 1, 2, 3, 4], 2), "shape"),
    "text": (lambda: ap.boxes([["a"] * 5], 2), "dtype"),
    "fraction of an image": (lambda: ap.boxes([[0.5, 1, 1, 3, 3]], 2), "image indices"),
    "size 0": (lambda: ap.boxes([[0, 1, 1, 3, 3]], 0), "at least 1"),
    "size of three": (lambda: ap.boxes([[0, 1, 1, 3, 3]], (2, 2, 2)), "3 entries"),
    "reading": (lambda: ap.boxes([[0, 1, 1, 3, 3]], 2, reading="bilinear"), "quantised"),
    "scale": (lambda: ap.boxes([[0, 1, 1, 3, 3]], 2, scale=0), "scale"),
    "sampling": (lambda: ap.boxes([[0, 1, 1, 3, 3]], 2, sampling=-1), "sampling"),
    "far too many points": (lambda: ap.boxes([[0, 1, 1, 3, 3]], 2, reading="sampled", sampling=2**40), "memory"),
    "far too many bins": (lambda: ap.boxes([[0, 1, 1, 3, 3]], 2**31), "memory"),
    "gamma": (
        lambda: ap.boxes([[0, 1, 1, 3, 3]], 1, reading="sampled", offsets=np.zeros((1, 2, 1, 1)), gamma=np.nan),
        "gamma",
    ),
    "ratio": (lambda: F.roi_align(torch.tensor(X), torch.zeros(1, 5), 2, 1.0, 1.5), "sampling_ratio"),  # type: ignore[arg-type]
    "image too large": (lambda: ap.pool(X, ap.boxes([[2, 1, 1, 3, 3]], 2)), "holds 2"),
    "image negative": (lambda: ap.pool(X, ap.boxes([[-1, 1, 1, 3, 3]], 2)), "holds 2"),
    "rank": (lambda: ap.pool(X[0, 0], ap.boxes([[0, 1, 1, 3, 3]], 2)), "needs x"),
    "rotated columns": (lambda: ap.boxes([[0, 1, 1, 3, 3]], 2, reading="sampled", rotated="clockwise"), "angle"),
    "rotated exact": (lambda: ap.boxes([[0, 1, 1, 3, 3, 5]], 2, reading="exact", rotated="clockwise"), "sampled"),
    "turn": (lambda: ap.boxes([[0, 1, 1, 3, 3, 5]], 2, reading="sampled", rotated="left"), "clockwise"),
    "offsets": (lambda: ap.boxes([[0, 1, 1, 3, 3]], 2, reading="sampled", offsets=np.zeros((1, 2, 3, 3))), "offsets"),
    "aligned quantised": (lambda: ap.boxes([[0, 1, 1, 3, 3]], 2, aligned=True), "aligned"),
    "channels": (lambda: ap.pool(X, ap.boxes([[0, 1, 1, 3, 3]], 2, position_sensitive=True)), "multiple"),
    "argmax of points": (lambda: ap.pool(X, ap.boxes([[0, 1, 1, 3, 3]], 2, reading="sampled"), "argmax"), "point"),
    "drop-in NaN": (
        lambda: F.roi_align(torch.ones(1, 1, 4, 4), torch.tensor([[0.0, 1, float("nan"), 3, 3]]), 2),
        "finite",
    ),
    "drop-in shape": (lambda: F.roi_pool(torch.ones(1, 4, 4), torch.ones(1, 5), 2), "N, C, H, W"),
    "uneven": (lambda: ap.boxes([[0, 1, 1, 3, 3], [0, 1]], 2), "one length"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name: str) -> None:
    call, says = BAD[name]
    with pytest.raises(ap.PoolingError, match=says):
        call()


@pytest.mark.filterwarnings("ignore:The .grad attribute")  # torch's own, where it leaves a graph
def test_torch_compile_of_region_layers() -> None:
    """torch.compile leaves its graph for windows that are made of numbers, and keeps the others."""
    x, rows = torch.randn(2, 3, 8, 8), torch.tensor([[0, 1.0, 1, 5, 5], [1, 2, 2, 6, 7.0]])
    calls: list[tuple[Any, bool]] = [
        (lambda x: F.roi_align(x * 2, rows, 2) + 1, False),
        (lambda x: ap.pool(x, ap.boxes(rows, 2), "median"), False),
        (lambda x: ap.pool(x, ap.groups(torch.arange(64).reshape(8, 8) % 5), "max"), False),
        (lambda x: ap.pool(x, ap.regions(2), "max"), True),
    ]
    for call, whole in spread(calls, 3, "graphs"):
        torch._dynamo.reset()
        compiled = torch.compile(call, fullgraph=whole, backend="aot_eager")
        a, b = (x.clone().requires_grad_() for _ in range(2))
        torch.testing.assert_close(compiled(a), call(b))
        compiled(a).sum().backward()
        call(b).sum().backward()
        torch.testing.assert_close(a.grad, b.grad)


def test_half_types_and_layouts_train() -> None:
    """bfloat16 features, channels-last features and a view: numbers and gradients of float64."""
    rows = torch.tensor(BOXES, dtype=torch.float32)
    wide = torch.tensor(X)
    for reduction, reading in (("mean", "sampled"), ("mean", "exact"), ("max", "quantised"), ("sum", "quantised")):
        want, grads = [], []
        for x in (
            wide,
            wide.bfloat16(),
            wide.contiguous(memory_format=torch.channels_last),
            wide.repeat(1, 2, 1, 1)[:, :3],
        ):
            leaf = x.detach().requires_grad_()
            y = ap.pool(leaf, ap.boxes(rows, 2, reading=reading), reduction, empty=0.0)
            (gx,) = torch.autograd.grad(y, leaf, torch.linspace(0.5, 1.5, y.numel()).reshape(y.shape).to(y.dtype))
            assert y.dtype == x.dtype and gx.dtype == x.dtype
            want.append(y.double())
            grads.append(gx.double())
        for y, g, tolerance in zip(want[1:], grads[1:], (0.05, 1e-9, 1e-9), strict=True):
            torch.testing.assert_close(y, want[0], atol=tolerance, rtol=tolerance)
            if reduction != "max" or tolerance < 0.01:  # rounding moves maxima
                torch.testing.assert_close(g, grads[0], atol=tolerance, rtol=tolerance)


def test_functional_transforms() -> None:
    """vmap, jvp and grad of torch.func, over features and, for continuous readings, over
    corners."""
    x, rows = torch.tensor(np.stack([X, X * 2])), torch.tensor(BOXES[[0, 3, 4]])
    for reading in ("quantised", "sampled", "exact"):
        windows = ap.boxes(rows, 2, reading=reading)
        for reduction in ("mean", "max", "median"):

            def pooled(t: Any, windows: Any = windows, reduction: Any = reduction) -> Any:
                return ap.pool(t, windows, reduction)

            torch.testing.assert_close(torch.vmap(pooled)(x), torch.stack([pooled(t) for t in x]), equal_nan=True)
            leaf = x[0].clone().requires_grad_()
            (want,) = torch.autograd.grad(pooled(leaf).sum(), leaf)
            torch.testing.assert_close(torch.func.grad(lambda t, f=pooled: f(t).sum())(x[0]), want)
            slope = torch.func.jvp(lambda t, f=pooled: f(t).sum(), (x[0],), (x[1],))[1]
            torch.testing.assert_close(slope, (want * x[1]).sum())
    for reading in ("sampled", "exact"):

        def of_corners(t: Any, reading: str = reading) -> Any:
            return ap.pool(x[0], ap.boxes(t, 2, reading=reading), "mean").sum()

        leaf = rows.clone().requires_grad_()
        (want,) = torch.autograd.grad(of_corners(leaf), leaf)
        torch.testing.assert_close(torch.func.grad(of_corners)(rows), want)
        torch.testing.assert_close(torch.func.jvp(of_corners, (rows,), (rows,))[1], (want * rows).sum())
    with pytest.raises(ap.PoolingError, match="vmap batches"):
        torch.vmap(of_corners)(rows[None])


@pytest.mark.parametrize("name", ["roi_align", "roi_pool"])
def test_boxes_that_were_pooled_before(name: str) -> None:
    """Windows of constant boxes are cached by the numbers of the boxes; a write changes the key."""
    call = getattr(ap.nn.functional, name)
    x = torch.rand(1, 2, 16, 16, generator=torch.Generator().manual_seed(0))
    boxes = torch.tensor([[0.0, 1, 1, 9, 9], [0, 2, 3, 12, 14]])
    first = call(x, boxes, 2)
    assert torch.equal(call(x, boxes, 2), first)
    boxes[0, 1] = 4.0
    moved = call(x, boxes, 2)
    assert torch.equal(moved, call(x, boxes.double(), 2)) or name == "roi_align"
    assert not torch.equal(moved[0], first[0]) and torch.equal(moved[1], first[1])
    boxes[0, 1] = 1.0
    assert torch.equal(call(x, boxes, 2), first)
    assert not torch.equal(call(x, boxes, 2, 0.5), first)
    learned = boxes.clone().requires_grad_()
    if name == "roi_align":
        assert torch.equal(call(x, boxes, 2, aligned=False), first)
        with pytest.raises(ap.PoolingError, match="aligned"):
            call(x, boxes, 2, aligned="no")
        call(x, learned, 2).sum().backward()
        assert learned.grad is not None


def test_a_windows_object_whose_corners_learn() -> None:
    """Each call reads the corners as they are, and has a graph of its own."""
    x = torch.rand(1, 2, 5, 5, generator=torch.Generator().manual_seed(0))
    corners = torch.tensor([[0.0, 0.5, 0.5, 3.2, 3.0]], requires_grad=True)
    windows = ap.boxes(corners, 2, reading="sampled")
    with torch.no_grad():
        before = ap.pool(x, windows, "mean")
    for _ in range(2):
        y = ap.pool(x, windows, "mean")
        assert torch.equal(y, before)
        y.sum().backward()
    with torch.no_grad():
        corners[0, 1] += 1
    assert not torch.equal(ap.pool(x, windows, "mean"), before)
