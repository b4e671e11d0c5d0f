"""A user's own fold: a class with the same functions works everywhere, with its gradient."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import anypool as ap
from anypool.arrays.ops import absolute, exp, log, maximum, where, zeros

WINDOWS = [
    (ap.sliding((3, 2), (2, 1), 1), None),
    (ap.sliding((2, 2), 1, 1, border="reflect"), None),
    (ap.adaptive((2, 3)), None),
    (ap.whole(), (-2, -1)),
    (ap.segments([0, 1, 3, 5]), 1),
]


class Energy:
    """Σ w·x²: no base class, no gradient of its own."""

    def init(self, zero: Any) -> Any:
        return (zero,)

    def step(self, state: Any, x: Any, w: Any, at: Any) -> Any:
        return (state[0] + w * x * x,)

    def merge(self, a: Any, b: Any) -> Any:
        return (a[0] + b[0],)

    def finish(self, state: Any, n: Any) -> Any:
        return state[0]


class EnergyWithPull(Energy):
    """The same, and its gradient."""

    def local_gradient(self, x: Any, w: Any, at: Any, y: Any, kept: Any, n: Any) -> Any:
        return 2.0 * w * x


class EnergyInOrder:
    """The same without merge: the window is walked."""

    init, step, finish = Energy.init, Energy.step, Energy.finish


class GeometricMean(ap.Fold):
    """exp(Σ w·log|x| / n), with a fold's base class and an empty value."""

    name, empty = "geometric", 1.0

    def init(self, zero: Any) -> Any:
        return (zero,)

    def step(self, state: Any, x: Any, w: Any, at: Any) -> Any:
        return (state[0] + w * log(absolute(x)),)

    def merge(self, a: Any, b: Any) -> Any:
        return (a[0] + b[0],)

    def finish(self, state: Any, n: Any) -> Any:
        return exp(state[0] / n)


class LargestStep(ap.Fold):
    """max |xᵢ − xᵢ₋₁| in row-major order: needs the order that merge promises (a lies before b)."""

    def init(self, zero: Any) -> Any:
        return zero - 1, zero, zero, zeros(zero)

    def step(self, state: Any, x: Any, w: Any, at: Any) -> Any:
        return self.merge(state, (zeros(x), x, x, zeros(x) + 1))

    def merge(self, a: Any, b: Any) -> Any:
        both = (a[3] > 0) & (b[3] > 0)
        gap = where(both, absolute(b[1] - a[2]), zeros(b[1]))
        return (
            maximum(maximum(a[0], b[0]), gap),
            where(a[3] > 0, a[1], b[1]),
            where(b[3] > 0, b[2], a[2]),
            maximum(a[3], b[3]),
        )

    def finish(self, state: Any, n: Any) -> Any:
        return state[0]


@pytest.mark.parametrize("make", [Energy, EnergyWithPull, EnergyInOrder])
def test_values_and_gradients(make: Any) -> None:
    x = torch.randn(2, 5, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    w = torch.rand(5, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    for windows, axes in WINDOWS:
        want = ap.pool(x * x, windows, "sum", axes=axes)
        torch.testing.assert_close(ap.pool(x, windows, make(), axes=axes), want)
        np.testing.assert_allclose(ap.pool(x.detach().numpy(), windows, make(), axes=axes), want.detach().numpy())
        weighted = ap.pool(x, windows, make(), axes=axes, weights=w)
        torch.testing.assert_close(weighted, ap.pool(x * x, windows, "sum", axes=axes, weights=w))
        for options in ({}, {"weights": w}):
            assert torch.autograd.gradcheck(
                lambda v, o=options, k=windows, a=axes: ap.pool(v, k, make(), axes=a, **o), x, fast_mode=True
            )
    assert torch.autograd.gradgradcheck(lambda v: ap.pool(v, WINDOWS[0][0], make()), x, fast_mode=True)
    torch.testing.assert_close(
        torch.vmap(lambda v: ap.pool(v, ap.sliding((2, 2)), make()))(x), ap.pool(x, ap.sliding((2, 2)), make())
    )


def test_a_fold_with_an_empty_value_and_a_class_instead_of_an_object() -> None:
    x = np.array([1.0, 4.0, 2.0, 8.0])
    for given in (GeometricMean, GeometricMean()):
        np.testing.assert_allclose(ap.pool(x, ap.segments([0, 2, 2, 4]), given, axes=0), [2, 1, 4])
    np.testing.assert_allclose(ap.pool(x, ap.sliding((2,)), GeometricMean, weights=[1.0, 1, 3, 1]), [2, 2 ** (6 / 4)])
    a, b = ap.pool(x, ap.sliding((2,)), ("max", GeometricMean))
    np.testing.assert_allclose([a, b], [[4, 8], [2, 4]])


@pytest.mark.parametrize("size", [(2, 2), (3, 4), (5, 5), (1, 6)])
def test_order_is_row_major(size: tuple[int, int]) -> None:
    """What a fold sees comes in row-major order, whatever the memory's order."""
    x = np.random.default_rng(0).integers(0, 100, (6, 7)).astype(float)
    for view in (x, np.asfortranarray(x), x[::-1, ::-1].copy()[::-1, ::-1]):
        got = ap.pool(view, ap.sliding(size, 1), LargestStep())
        for i, j in np.ndindex(*got.shape):
            block = x[i : i + size[0], j : j + size[1]].ravel()
            assert got[i, j] == (np.abs(np.diff(block)).max() if block.size > 1 else -1)


@pytest.mark.parametrize(
    "bad",
    [object(), type("Half", (), {"init": lambda self, z: (z,)})(), type("NoFinish", (), {"init": 1, "step": 2})()],
)
def test_objects_that_are_no_folds(bad: Any) -> None:
    with pytest.raises(ap.PoolingError, match="finish"):
        ap.pool(np.ones(4), ap.sliding((2,)), bad)


def test_backends_say_why_not() -> None:
    said = ap.explain(np.ones((4, 4), np.float32), ap.sliding((2, 2)), Energy()).refusals
    assert said["reference"] is None and isinstance(said["cpu"], str) and said["cpu"].startswith("cpu: ")
    with pytest.raises(ap.PoolingError, match="refuses"):
        ap.pool(np.ones((4, 4)), ap.sliding((2, 2)), Energy(), backend="cpu")


def test_explain_computes_nothing_and_names_the_backend() -> None:
    x = np.broadcast_to(np.float32(1), (2**20, 2**20))
    told = ap.explain(x, ap.sliding((3, 3), 2, 1), ("max", "mean"))
    assert told.out_shape == (2**19, 2**19) and told.bytes_read == 2**42 and told.bytes_written == 2 * 2**40
    assert "Max()" in str(told) and "float32" in str(told)
    tiny = ap.explain(np.ones((4, 4)), ap.sliding((2, 2)), "max")
    assert tiny.operations == 16 and tiny.backend in tiny.refusals and tiny.refusals[tiny.backend] is None


BARE: list[tuple[str, Any, str]] = [
    ("init", lambda self, zero: zero, r"init\(…\) gave an array of shape .*`return \(value,\)`"),
    ("init", lambda self, zero: None, r"init\(…\) gave None.*tuple of arrays"),
    ("init", lambda self, zero: 0.0, r"init\(…\) gave a float.*tuple of arrays"),
    ("init", lambda self, zero: (0.0,), r"init\(…\) gave a state that holds a float.*`zero \+ 1.0`"),
    ("init", lambda self, zero: (), r"init\(…\) gave an empty state"),
    ("step", lambda self, s, x, w, at: s[0] + x, r"step\(…\) gave an array.*`return \(value,\)`"),
    ("step", lambda self, s, x, w, at: (s[0] + x, x), r"step\(…\) gave 2 arrays and init\(zero\) 1"),
    ("merge", lambda self, a, b: a[0] + b[0], r"merge\(…\) gave an array.*`return \(value,\)`"),
    ("finish", lambda self, s, n: s, r"finish\(…\) gave a tuple: its answer is one array of shape"),
    ("finish", lambda self, s, n: 1.5, r"finish\(…\) gave a float: its answer is one array of shape"),
    ("finish", lambda self, s, n: s[0].sum(), r"finish\(…\) gave an array of shape \(\)"),
]


@pytest.mark.parametrize(("function", "body", "said"), BARE)
@pytest.mark.parametrize("base", [Energy, EnergyInOrder, EnergyWithPull], ids=lambda b: b.__name__)
def test_a_state_is_a_tuple_of_arrays(base: Any, function: str, body: Any, said: str) -> None:
    if function == "merge" and base is EnergyInOrder:
        return  # it has none
    fold = type("Bare", (base,), {function: body})()
    for windows, axes in ((ap.sliding((2, 2), 1, 1), None), (ap.groups([0, 1, 1, 0]), 1)):
        for x in (np.ones((4, 4)), torch.ones(4, 4), torch.ones(4, 4, requires_grad=True)):
            for more in ({}, {"weights": np.ones((4, 4)) > 0}):
                with pytest.raises(ap.PoolingError, match=said):
                    ap.pool(x, windows, fold, axes=axes, **more)


def test_a_user_class_becomes_an_object() -> None:
    assert ap.pool(np.arange(4.0), ap.sliding((2,)), Energy).tolist() == [1.0, 13.0]
    with pytest.raises(ap.PoolingError, match="needs its parameters"):
        ap.pool(np.ones(4), ap.sliding((2,)), type("Needs", (Energy,), {"__init__": lambda self, a: None}))
