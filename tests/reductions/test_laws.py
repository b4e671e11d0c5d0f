"""Laws that hold for whatever hypothesis draws."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from strategies import AVERAGES, NAMES, arrays, pooled, reductions, small, windows

import anypool as ap
from anypool.engines import BACKENDS

BACKEND_NAMES = list(BACKENDS)
ODD = st.one_of(small, st.sampled_from([float("nan"), float("inf"), -float("inf"), 0.0, -0.0]))


def close(a: Any, b: Any, note: str = "", rtol: float = 1e-9) -> None:
    if a is None or b is None:
        assert a is None and b is None, note
        return
    assert a.dtype == b.dtype and a.shape == b.shape, note
    np.testing.assert_allclose(np.asarray(a, float), np.asarray(b, float), rtol=rtol, atol=rtol, err_msg=note)


@given(st.data())
def test_backends_agree(data: Any) -> None:
    """cpu = reference, for any type, with NaN and infinities."""
    dtype = data.draw(st.sampled_from(["float64", "float32", "int32", "uint8", "int64", "bool"]))
    if dtype.startswith("float"):
        x = data.draw(arrays(dtype, ODD))
    else:
        info = np.iinfo("int8" if dtype != "uint8" else dtype)
        x = data.draw(arrays(dtype, st.booleans() if dtype == "bool" else st.integers(int(info.min), int(info.max))))
    made = data.draw(windows(x.shape))
    bool_names = ["sum", "mean", "max", "min", "any", "all", "count", "argmax", "argmin"]
    reduction = data.draw(st.sampled_from(bool_names) if dtype == "bool" else reductions)
    options: dict[str, Any] = {"nan": data.draw(st.sampled_from(["propagate", "omit"]))}
    if data.draw(st.booleans()):
        options["ties"] = "last"
    if data.draw(st.booleans()):
        options["empty"] = 3
    want = pooled(x, made, reduction, backend="reference", **options)
    got = pooled(x, made, reduction, **options)
    rtol = 1e-9 if dtype != "float32" else 2e-4
    if dtype == "float32" and np.any(np.isinf(x)) and not isinstance(reduction, str):
        return
    close(got, want, f"{reduction} {made} {x!r} {options}", rtol)


@given(st.data())
def test_weights_agree(data: Any) -> None:
    """Backends agree on weights; a weight of 0 is absence for every value; weights of 1 change
    nothing."""
    x = data.draw(arrays())
    made = data.draw(windows(x.shape))
    reduction = data.draw(reductions)
    w = data.draw(st.integers(0, 2**31)) + np.arange(x.size).reshape(x.shape)
    w = (w * 2654435761 % 5).astype(float) / 2
    want = pooled(x, made, reduction, weights=w, backend="reference")
    close(pooled(x, made, reduction, weights=w), want, f"{reduction} {made} {x!r} {w!r}", 1e-8)
    spoiled = np.where(w == 0, np.nan, x)
    close(pooled(spoiled, made, reduction, weights=w), want, f"{reduction} {made}", 1e-8)
    plain = pooled(x, made, reduction)
    close(pooled(x, made, reduction, weights=np.ones(x.shape, bool)), plain, f"{reduction} {made} {x!r}", 1e-8)
    close(pooled(x, made, reduction, weights=np.ones(x.shape)), plain, f"{reduction} {made} {x!r}", 1e-8)
    mask = w > 0
    close(
        pooled(x, made, reduction, weights=mask),
        pooled(np.where(mask, x, np.nan), made, reduction, nan="omit"),
        "",
        1e-8,
    )


@given(st.data())
def test_split_and_merge_is_the_whole(data: Any) -> None:
    """A fold of two halves joined is the fold of both: by the reduction's own functions."""
    x = np.array(data.draw(st.lists(small, min_size=2, max_size=12)))
    cut = data.draw(st.integers(0, len(x)))
    for name in NAMES:
        fold = ap.REDUCTIONS[name]()

        def run(values: np.ndarray, start: int, fold: Any = fold) -> Any:
            state = fold.init(np.zeros(()))
            for i, v in enumerate(values):
                state = fold.step(state, np.float64(v), 1.0, np.int64(start + i))
            return state

        with np.errstate(all="ignore"):
            both = fold.finish(fold.merge(run(x[:cut], 0), run(x[cut:], cut)), float(len(x)))
            whole = fold.finish(run(x, 0), float(len(x)))
        np.testing.assert_allclose(float(both), float(whole), rtol=1e-12, atol=1e-12, err_msg=name)
        np.testing.assert_allclose(float(whole), float(ap.pool(x, ap.whole(), name, axes=0)[0]), rtol=1e-12, atol=1e-12)


@given(st.data())
def test_shift_and_scale(data: Any) -> None:
    x = data.draw(arrays())
    made = data.draw(windows(x.shape, borders=False))
    c = data.draw(small)
    if getattr(made[0], "count", "present") == "present":
        for name in ("mean", "max", "min", "logsumexp", "softpool"):
            y, moved = pooled(x, made, name), pooled(x + c, made, name)
            if y is not None:
                close(moved, y + c, f"{name} {made}", 1e-9)
        for name in ("var", "std", "range", "argmax", "argmin"):
            close(pooled(x + c, made, name), pooled(x, made, name), f"{name} {made}", 1e-7)
    for reduction in ("sum", "mean", "rms", ap.Lp(3), ap.PowerMean(2.0, form="magnitude"), "std"):
        y = pooled(x, made, reduction)
        if y is not None:
            close(pooled(x * 4, made, reduction), y * 4, f"{reduction} {made}", 1e-7)
    low, high = pooled(x, made, "min"), pooled(-x, made, "max")
    if low is not None:
        close(low, -high, f"{made}")


@given(st.data())
def test_permutation_inside_a_window(data: Any) -> None:
    x = data.draw(arrays())
    axes = tuple(range(x.ndim))
    order = data.draw(st.permutations(range(x.size)))
    mixed = x.ravel()[order].reshape(x.shape)
    for reduction in (*(n for n in NAMES if not n.startswith("arg")), *AVERAGES):
        close(
            pooled(x, (ap.whole(), axes), reduction), pooled(mixed, (ap.whole(), axes), reduction), str(reduction), 1e-8
        )


@given(st.data())
def test_constant_in_constant_out(data: Any) -> None:
    c = data.draw(st.floats(0.01, 100.0))
    shape = data.draw(arrays()).shape
    made = data.draw(windows(shape, borders=False))
    if getattr(made[0], "count", "present") != "present":
        return
    x = np.full(shape, c)
    for reduction in AVERAGES:
        y = pooled(x, made, reduction, empty=c)
        if y is not None:
            np.testing.assert_allclose(y, np.full(y.shape, c), rtol=1e-12, err_msg=f"{reduction} {made}")
    for name in ("var", "std", "range"):
        y = pooled(x, made, name, empty=0)
        if y is not None:
            np.testing.assert_allclose(y, np.zeros(y.shape), atol=1e-12, err_msg=f"{name} {made}")


@given(st.data())
def test_layouts_and_axes_change_nothing(data: Any) -> None:
    """Moving axes about, in memory or by name, moves the answer alike."""
    x = data.draw(arrays(min_dims=2))
    made = data.draw(windows(x.shape))
    name = data.draw(st.sampled_from([n for n in NAMES if not n.startswith("arg")]))
    want = pooled(x, made, name)
    close(pooled(np.ascontiguousarray(x), made, name), want, f"{name} {made}")
    order = data.draw(st.permutations(range(x.ndim)))
    axes = (made[1],) if isinstance(made[1], int) else made[1]
    moved = pooled(x.transpose(order), (made[0], tuple(order.index(a) for a in axes)), name)
    if want is not None:
        close(moved, want.transpose(order), f"{name} {made} {order}")


@given(st.data())
def test_gradient_shares_sum_to_what_came_in(data: Any) -> None:
    """Σ∂ = Σg for selections and means of whatever is held by non-empty windows."""
    x = data.draw(arrays(elements=st.integers(-3, 3).map(float)))
    made = data.draw(windows(x.shape, borders=False))
    ties = data.draw(st.sampled_from(["first", "last", "split"]))
    count = pooled(x, made, "count")
    if count is None:
        return
    for name in ("max", "min", "mean"):
        if name == "mean" and getattr(made[0], "count", "present") != "present":
            continue
        t = torch.from_numpy(x.copy()).requires_grad_()
        y = ap.pool(t, made[0], name, axes=made[1], ties=ties)
        g = torch.arange(1.0, y.numel() + 1, dtype=y.dtype).reshape(y.shape)
        g = torch.where(torch.from_numpy(np.asarray(count)) > 0, g, torch.zeros_like(g))
        torch.where(g > 0, y, torch.zeros_like(y)).mul(g).sum().backward()
        assert t.grad is not None
        assert abs(float(t.grad.sum() - g.sum())) < 1e-6 * max(float(g.sum()), 1), f"{name} {made} {ties} {x!r}"


@given(st.data())
def test_gradients_agree_between_backends(data: Any) -> None:
    x = data.draw(arrays("float32"))
    made = data.draw(windows(x.shape))
    name = data.draw(st.sampled_from(["sum", "mean", "max", "min", "range", "softpool", "logsumexp", "var", ap.Lp(2)]))
    if pooled(x, made, name) is None:
        return
    grads = []
    for backend in ("reference", None):
        t = torch.from_numpy(x.copy()).requires_grad_()
        y = ap.pool(t, made[0], name, axes=made[1], backend=backend, empty=0)
        y.backward(torch.arange(1.0, y.numel() + 1).reshape(y.shape))
        grads.append(t.grad)
    torch.testing.assert_close(
        grads[1], grads[0], rtol=1e-4, atol=1e-3, equal_nan=True, msg=lambda m: f"{name} {made} {x!r} {m}"
    )


@pytest.mark.parametrize("name", NAMES)
def test_windows_of_one_are_the_identity_and_tiles_are_reshapes(name: str) -> None:
    x = np.random.default_rng(0).standard_normal((3, 8, 6))
    if name in ("sum", "mean", "max", "min", "prod", "logsumexp", "softpool"):
        np.testing.assert_allclose(ap.pool(x, ap.sliding((1, 1)), name), x, rtol=1e-14, atol=1e-15)
        np.testing.assert_allclose(ap.pool(x, ap.adaptive((None, None)), name), x, rtol=1e-14, atol=1e-15)
    tiles = np.moveaxis(x.reshape(3, 4, 2, 2, 3), 3, 2).reshape(3, 4, 2, 6)
    if not name.startswith("arg"):
        got = ap.pool(x, ap.sliding((2, 3)), name)
        np.testing.assert_allclose(got, ap.pool(tiles, ap.whole(), name, axes=-1)[..., 0], rtol=1e-12, atol=1e-12)
        segments = ap.pool(x, ap.segments(range(0, 9, 2)), name, axes=1)
        np.testing.assert_allclose(segments, ap.pool(x, ap.sliding(2), name, axes=1), rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(ap.pool(x, ap.adaptive((4, 2)), name), got, rtol=1e-12, atol=1e-12)
