"""spread(at=): values at stated places, which may meet."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from windows_cases import CASES, SHAPE

import anypool as ap

BOXES = np.array([[0, 0.0, 0.0, 4.0, 3.0], [1, 1.0, 1.0, 5.0, 5.0], [1, 0.0, 2.0, 3.0, 5.0]])
KINDS: dict[str, tuple[Any, Any]] = {
    **{key: (CASES[key].windows, CASES[key].axes) for key in ("2x2/2", "3x3/1 pad 1", "batch too", "one axis")},
    "boxes": (ap.boxes(BOXES, (2, 2), reading="quantised"), None),
    "groups": (ap.groups(np.arange(30).reshape(6, 5) % 7 - 1, count=6), None),
    "pyramid": (ap.pyramid([(1, 1), (2, 3), (4, None)]), None),
}


@pytest.mark.parametrize("reduction", ["sum", "average", "max", "min", "last"])
@pytest.mark.parametrize("key", list(KINDS))
def test_places(key: str, reduction: str) -> None:
    """Values at any places, some of which meet, against a loop; the gradient is a gather."""
    windows, axes = KINDS[key]
    plan = windows.plan(SHAPE, axes if axes is None else (axes,))
    groups = getattr(plan, "groups", None)
    pooled = [SHAPE[a] for a in plan.pooled_dims[groups is not None :]]
    y = np.random.default_rng(0).normal(size=plan.out_shape)
    at = np.random.default_rng(1).integers(-1, 3, y.shape) * (math.prod(pooled) // 3)
    at = np.maximum(at, -1)
    values: dict[tuple[int, ...], list[float]] = {}
    dims = list(getattr(plan, "result_dims", plan.pooled_dims))
    dims = dims[:1] if key == "pyramid" else dims
    for o in np.ndindex(*y.shape):
        if at[o] >= 0:
            lead = [n for a, n in enumerate(o) if a not in dims]
            image = [int(BOXES[o[0], 0])] if groups is not None else []
            inside = iter([*image, *(int(v) for v in np.unravel_index(at[o], pooled))])
            place = tuple(next(inside) if a in plan.pooled_dims else lead.pop(0) for a in range(len(SHAPE)))
            values.setdefault(place, []).append(y[o])
    join = {"sum": sum, "average": np.mean, "max": max, "min": min, "last": lambda v: v[-1]}[reduction]
    want = np.full(SHAPE, 7.0)
    for place, row in values.items():
        want[place] = join(row)
    assert max(map(len, values.values())) > 1
    got = ap.spread(y, windows, SHAPE, reduction, axes=axes, at=at, empty=7)
    np.testing.assert_allclose(got, want, rtol=1e-12)
    leaf = torch.from_numpy(y).requires_grad_()
    up = ap.spread(leaf, windows, SHAPE, reduction, axes=axes, at=torch.from_numpy(at), empty=7)
    np.testing.assert_allclose(up.detach().numpy(), want, rtol=1e-12)
    (slope,) = torch.autograd.grad(up.sum(), leaf)
    moved = [row for row in values.values() if len(row)]
    assert float((slope * leaf.detach()).sum()) == pytest.approx(sum(join(row) for row in moved))


def test_places_of_argmax_and_torch() -> None:
    x = torch.randn(2, 3, 8, 6)
    y, index = torch.nn.functional.max_pool2d(x, 2, return_indices=True)
    want = torch.nn.functional.max_unpool2d(y, index, 2)
    windows = ap.sliding((2, 2))
    assert torch.equal(ap.spread(y, windows, (8, 6), at=index), want)
    assert np.array_equal(ap.spread(y.numpy(), windows, (8, 6), at=ap.pool(x.numpy(), windows, "argmax")), want)
