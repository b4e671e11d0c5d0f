"""torch's uint16, uint32, uint64: NumPy's numbers for each window kind and reduction, above 2**63
too."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import anypool as ap

KINDS = ["uint16", "uint32", "uint64"]
SQUARE = ap.sliding((3, 3), 1, 1)
BOXES = ap.boxes([[0, 1, 1, 5, 5], [1, 0, 2, 6, 7.5]], 2)
WINDOWS: list[Any] = [
    (ap.sliding((2, 2)), None),
    (SQUARE, None),
    (ap.sliding((3, 3), 1, taps=np.arange(9.0).reshape(3, 3)), None),
    (ap.pyramid([1, 2]), (2, 3)),
    (ap.groups([1, 0, 1, 2, 0, 1, 1, 2]), 2),
    (BOXES, None),
    (ap.whole(), (2, 3)),
]
REDUCTIONS: list[Any] = ["max", "min", "argmax", "mean", "std", "count", "any", "median", "mode", ap.Rank(0)]


def numbers(kind: str) -> Any:
    most = np.iinfo(kind).max
    return np.random.default_rng(5).integers(most // 2, most, (2, 3, 8, 8), kind, endpoint=True)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("windows,axes", WINDOWS)
def test_the_same_as_numpy(windows: Any, axes: Any, kind: str) -> None:
    x = numbers(kind)
    t = torch.from_numpy(x)
    w = np.random.default_rng(6).integers(0, 3, x.shape).astype("f4")
    for reduction in REDUCTIONS:
        for more in ({}, {"weights": w}, {"weights": w > 0}, {"nan": "omit"}):
            options: dict[str, Any] = {"axes": axes, "empty": 1, **more}
            want = ap.pool(x, windows, reduction, **options)
            if "weights" in more:
                options["weights"] = torch.from_numpy(more["weights"])  # type: ignore[call-overload]
            got = ap.pool(t, windows, reduction, **options)
            assert isinstance(got, torch.Tensor) and str(got.dtype) == f"torch.{want.dtype}"
            np.testing.assert_array_equal(got.numpy(), want)


@pytest.mark.parametrize("kind", KINDS)
def test_sums(kind: str) -> None:
    """int64, as torch's sums of unsigned integers; uint64 keeps its type, which int64 cannot
    represent."""
    x = numbers(kind) // 4 if kind == "uint64" else numbers(kind)
    got = ap.pool(torch.from_numpy(x), ap.sliding((2, 2)), "sum")
    assert got.dtype == (torch.uint64 if kind == "uint64" else torch.int64)
    want = x.reshape(2, 3, 4, 2, 4, 2).sum((3, 5), dtype="u8")
    np.testing.assert_array_equal(got.numpy().astype("u8"), want)
    spread = ap.pool(torch.from_numpy(x), ap.sliding((2, 2)), "range")
    assert spread.dtype == got.dtype
    tiles = x.reshape(2, 3, 4, 2, 4, 2)
    np.testing.assert_array_equal(spread.numpy().astype("u8"), tiles.max((3, 5)) - tiles.min((3, 5)))
    assert ap.explain(torch.from_numpy(x), ap.sliding((2, 2)), "sum").dtype == kind


@pytest.mark.parametrize("kind", KINDS)
def test_out_tuples_layouts_and_parameters(kind: str) -> None:
    x = numbers(kind)
    t = torch.from_numpy(x)
    out = torch.empty((2, 3, 4, 4), dtype=t.dtype)
    assert ap.pool(t, ap.sliding((2, 2)), "max", out=out) is out
    np.testing.assert_array_equal(out.numpy(), ap.pool(x, ap.sliding((2, 2)), "max"))
    top, low = ap.pool(t.permute(1, 0, 3, 2)[:, :, ::2], ap.sliding((2, 2)), ("max", "min"))
    np.testing.assert_array_equal(top.numpy(), ap.pool(x.transpose(1, 0, 3, 2)[:, :, ::2], ap.sliding((2, 2)), "max"))
    assert low.dtype == t.dtype
    with pytest.raises(ap.PoolingError, match="out must be"):
        ap.pool(t, ap.sliding((2, 2)), "max", out=torch.empty(3))
    with pytest.raises(ap.PoolingError, match=r"learn: pass x\.to\(torch\.float64\)"):
        ap.pool(t, ap.sliding((2, 2)), "mean", weights=torch.ones(8, requires_grad=True))
    with pytest.raises(ap.PoolingError, match=r"pass x\.to\("):
        torch.vmap(lambda v: ap.pool(v, ap.sliding((2, 2)), "max"))(t)
    with pytest.raises(ap.PoolingError, match=r"torch\.float64"):
        ap.pool(t, ap.sliding((2, 2)), ap.PowerMean(torch.ones(3, 1, 1)))
    compiled = torch.compile(lambda v: ap.pool(v, ap.sliding((2, 2)), "sum"), backend="eager", fullgraph=True)
    assert compiled(t).dtype == (torch.uint64 if kind == "uint64" else torch.int64)
