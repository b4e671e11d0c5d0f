"""Borders and paddings as in other libraries: SciPy's modes, TensorFlow's SAME, causal, crops."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import anypool as ap

torch = pytest.importorskip("torch")
ndimage = pytest.importorskip("scipy.ndimage")
MODES = {"reflect": "mirror", "symmetric": "reflect", "replicate": "nearest", "circular": "wrap", 2.0: "constant"}
PADS = {"reflect": "reflect", "symmetric": "symmetric", "replicate": "edge", "circular": "wrap", 2.0: "constant"}
REDUCTIONS = ["max", "mean", "sum", "median", "std", "argmax", "mode"]


def padded(x: np.ndarray, a: int, pads: tuple[int, int], border: Any) -> np.ndarray:
    """x with one axis padded by NumPy, or cropped."""
    crop = [slice(None)] * x.ndim
    crop[a] = slice(max(-pads[0], 0), x.shape[a] - max(-pads[1], 0))
    row = [(0, 0)] * x.ndim
    row[a] = (max(pads[0], 0), max(pads[1], 0))
    more = {"constant_values": border} if not isinstance(border, str) else {}
    return np.pad(x[tuple(crop)], row, mode=PADS[border] if border in PADS else "constant", **more)  # type: ignore[call-overload]


@pytest.mark.parametrize("border", MODES, ids=str)
@pytest.mark.parametrize("size", [(3, 3), (5, 2), (1, 7), (4, 9)])
def test_scipys_modes(size: tuple[int, int], border: Any) -> None:
    x = np.random.default_rng(1).standard_normal((11, 13))
    pads = tuple((k // 2, k - 1 - k // 2) for k in size)
    windows = ap.sliding(size, 1, pads, border=border)
    options: dict[str, Any] = {"size": size, "mode": MODES[border], "cval": 2.0}
    filters = {"max": ndimage.maximum_filter, "min": ndimage.minimum_filter, "mean": ndimage.uniform_filter}
    for backend in (None, "reference"):
        for name, f in filters.items():
            np.testing.assert_allclose(ap.pool(x, windows, name, backend=backend), f(x, **options), atol=1e-12)
        want = ndimage.rank_filter(x, size[0] * size[1] // 2, **options)
        np.testing.assert_array_equal(ap.pool(x, windows, ap.Median("higher"), backend=backend), want)
    got = ap.pool(torch.tensor(x), windows, "max")
    np.testing.assert_array_equal(got.numpy(), ndimage.maximum_filter(x, **options))


@pytest.mark.parametrize("border", [b for b in MODES if isinstance(b, str)])
def test_far_beyond_the_edge(border: str) -> None:
    """More than the axis is long, and an axis of one element, as numpy.pad has it."""
    for n in (1, 2, 5):
        x = np.arange(n * 1.0) ** 2 + 1
        wide = np.pad(x, (17, 23), mode=PADS[border])  # type: ignore[call-overload]
        for backend in (None, "reference"):
            got = ap.pool(x, ap.sliding(3, 1, ((17, 23),), border=border), "sum", backend=backend)
            np.testing.assert_allclose(got, np.lib.stride_tricks.sliding_window_view(wide, 3).sum(-1))


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_a_border_an_axis(reduction: str) -> None:
    """Each pair of borders, with gradients; of two constants the one of the later axis fills the
    corners."""
    x = np.random.default_rng(2).integers(0, 9, (2, 6, 7)).astype(np.float64)
    pads = ((2, 1), (1, 3))
    options: list[Any] = ["absent", *MODES, 5]
    for first in options:
        for second in options:
            windows = ap.sliding((3, 2), (1, 2), pads, border=(first, second))
            z = x
            ends: list[Any] = [(1, pads[0], first), (2, pads[1], second)]
            for a, p, b in sorted(ends, key=lambda e: e[2] == "absent"):  # where nothing is there, no constant is
                if b == "absent":
                    row = [(0, 0)] * 3
                    row[a] = p
                    z = np.pad(z, row, constant_values=np.nan)
                else:
                    z = padded(z, a, p, b)
            want: Any = None
            if reduction != "argmax":
                want = ap.pool(z, ap.sliding((3, 2), (1, 2)), reduction, nan="omit", backend="reference")
            for backend in (None, "reference"):
                got = ap.pool(x, windows, reduction, backend=backend)
                want = got if want is None else want
                np.testing.assert_allclose(got, want, atol=1e-12, err_msg=f"{first} {second} {backend}")
            np.testing.assert_allclose(ap.pool(torch.tensor(x), windows, reduction).numpy(), want, atol=1e-12)
    named = ap.pool(x, ap.sliding((3, 2), 1, 1, border=("circular", 4.0)), reduction, axes=(2, 1))
    swapped = ap.pool(x.swapaxes(1, 2), ap.sliding((3, 2), 1, 1, border=("circular", 4.0)), reduction)
    if reduction != "argmax":
        np.testing.assert_allclose(named.swapaxes(1, 2), swapped)


def test_gradients_of_borders_and_crops() -> None:
    cases = [
        ap.sliding((3, 2), 1, 2, border="symmetric"),
        ap.sliding((3, 2), 1, 1, border=("symmetric", 0.5)),
        ap.sliding((2, 2), 1, ((-1, -2), (-1, 1)), border="reflect"),
        ap.sliding((2, 2), 2, "SAME"),
        ap.sliding((3, 2), 1, "causal", border=(0.25, 0.75)),
        ap.sliding((1.5, 2.5), 1, ((-1.5, 1), (0, -0.5)), border="symmetric"),
    ]
    for windows in cases:
        for reduction in ("sum", "mean", "max", "std", "median", ap.Lp(3)):
            x = torch.rand(1, 5, 6, dtype=torch.float64, requires_grad=True)
            assert torch.autograd.gradcheck(lambda t, w=windows, r=reduction: ap.pool(t, w, r), x), (windows, reduction)


def test_tensorflows_same() -> None:
    """⌈n / stride⌉ windows, as little padding as that takes, the odd element after."""
    for n in range(1, 12):
        x = np.random.default_rng(n).standard_normal(n)
        for k in (1, 2, 3, 5):
            for s in (1, 2, 3, 7):
                for d in (1, 2):
                    out = math.ceil(n / s)
                    total = max((out - 1) * s + (k - 1) * d + 1 - n, 0)
                    before = total // 2
                    for ceil in (False, True):
                        windows = ap.sliding(k, s, "SAME", d, ceil_mode=ceil)
                        want = [
                            np.mean(held) if held else np.nan
                            for o in range(out)
                            for held in [[x[i] for i in range(o * s - before, o * s - before + d * k, d) if 0 <= i < n]]
                        ]
                        assert windows.output_shape((n,), 0) == (out,)
                        for given in (x, torch.tensor(x)):
                            np.testing.assert_allclose(np.asarray(ap.pool(given, windows, "mean")), want)
                    same = ap.sliding(k, s, ((before, total - before),), d, border=0)
                    if total - before + n >= (k - 1) * d + 1:
                        got = ap.pool(x, ap.sliding(k, s, "SAME", d, border=0), "max")
                        np.testing.assert_array_equal(got, ap.pool(x, same, "max"))
    assert ap.pool(np.ones((2, 0)), ap.sliding(3, 2, "SAME"), "sum", axes=1).shape == (2, 0)
    real = ap.pool(np.arange(7.0), ap.sliding(2.5, 2.5, "SAME"), "mean")
    assert real.shape == (3,) and abs(real[1] - 3.0) < 1e-12  # windows from −0.25 to 7.25
    mixed = ap.sliding((3, 2), (2, 1), ("SAME", ((1, 0))))
    np.testing.assert_array_equal(mixed.output_shape((8, 8)), (4, 8))


def test_causal_windows() -> None:
    """Window o ends with element o: pandas' rolling."""
    pandas = pytest.importorskip("pandas")
    x = np.random.default_rng(3).standard_normal(40)
    for k in (1, 2, 7, 60):
        for name in ("mean", "max", "sum", "std"):
            rolling = pandas.Series(x).rolling(k, min_periods=1)
            want = getattr(rolling, name)(**({"ddof": 0} if name == "std" else {}))
            np.testing.assert_allclose(ap.pool(x, ap.sliding(k, 1, "causal"), name), want, atol=1e-12)
            strict = getattr(pandas.Series(x).rolling(k), name)(**({"ddof": 0} if name == "std" else {}))
            got = ap.pool(x, ap.sliding(k, 1, "causal"), name, min_count=k, empty=np.nan)
            np.testing.assert_allclose(got, strict, atol=1e-12)
    inside = ap.pool(x[:5], ap.segments([0, 2, 5]).sliding(3, 1, "causal"), "sum")
    np.testing.assert_allclose(inside, [x[0], x[0] + x[1], x[2], x[2] + x[3], x[2:5].sum()])
    real = ap.pool(np.arange(4.0), ap.sliding(1.5, 1, "causal"), "sum")
    np.testing.assert_allclose(real, [0, 1, 2.5, 4])


@pytest.mark.parametrize("border", ["absent", *MODES], ids=str)
def test_negative_paddings_crop(border: Any) -> None:
    """As if the elements were cut off first: then come windows, borders and divisors."""
    x = np.random.default_rng(4).integers(0, 50, (3, 9, 10)).astype(np.float64)
    for pads in (((-1, -2), (0, -3)), ((-2, 1), (3, -1)), ((-4, -4), (1, 1))):
        (a, b), (c, d) = pads
        cut = x[:, max(-a, 0) : 9 - max(-b, 0), max(-c, 0) : 10 - max(-d, 0)]
        rest = tuple((max(p, 0), max(q, 0)) for p, q in pads)
        for ceil in (False, True):
            for count in ("present", "padded"):
                for size, stride, dilation in (((1, 2), 1, 1), ((1, 3), (1, 2), 1), ((1, 2), 2, (1, 3))):
                    options: dict[str, Any] = {"ceil_mode": ceil, "border": border, "count": count}
                    for reduction in ("max", "mean", "median", "count"):
                        if count == "padded" and reduction != "mean":
                            continue
                        want = ap.pool(cut, ap.sliding(size, stride, rest, dilation, **options), reduction)
                        for given in (x, torch.tensor(x)):
                            got = ap.pool(given, ap.sliding(size, stride, pads, dilation, **options), reduction)
                            np.testing.assert_allclose(np.asarray(got), want)
    whole = ap.sliding((2.0, 1.5), (1.0, 1.5), ((-2, 1), (0.0, -1.0)), border=border)
    cut = ap.sliding((2.0, 1.5), (1.0, 1.5), ((0, 1), (0.0, 0.0)), border=border)
    np.testing.assert_allclose(ap.pool(x, whole, "mean"), ap.pool(x[:, 2:, :9], cut, "mean"))
    half = ap.pool(np.arange(4.0), ap.sliding((1.0,), 1.0, -0.5), "sum")
    np.testing.assert_allclose(half, [0.5, 1.5, 2.5])
    for bad in (-6, ((-5, -5),), ((0, -10),), -(2**70)):
        with pytest.raises(ap.PoolingError, match="crops"):
            ap.pool(np.ones(9), ap.sliding(2, 1, bad), "max")


def test_errors_name_the_right_argument() -> None:
    for call, says in (
        (lambda: ap.sliding(3, border="mirror"), "did you mean 'reflect'"),
        (lambda: ap.sliding(3, border="nearest"), "did you mean 'replicate'"),
        (lambda: ap.sliding(3, border="wrap"), "did you mean 'circular'"),
        (lambda: ap.sliding(3, border="simmetric"), "did you mean 'symmetric'"),
        (lambda: ap.sliding(3, border="constant"), "give the number, such as 0"),
        (lambda: ap.sliding(3, border=("reflect", "edge")), "did you mean 'replicate'"),
        (lambda: ap.sliding(3, padding="Same"), "did you mean 'same'|did you mean 'SAME'"),
        (lambda: ap.sliding(3, padding="casual"), "did you mean 'causal'"),
        (lambda: ap.pool(np.ones((4, 4)), ap.sliding((2, 2), border=(0, 0, 0)), "max"), "3 entries for 2"),
        (lambda: ap.pool(np.ones(4), ap.sliding(2), "avg"), "did you mean 'mean'"),
        (lambda: ap.pool(np.ones(4), ap.sliding(2), "maximum"), "did you mean 'max'"),
        (lambda: ap.pool(np.ones(4), ap.sliding(2), "medain"), "did you mean 'median'"),
        (lambda: ap.pool(np.ones(4), ap.sliding(2), ("max", "stdev")), "did you mean 'std'"),
        (lambda: ap.pool(np.ones(4), ap.sliding(2), "max", nan="ignore"), "did you mean 'omit'"),
        (lambda: ap.pool(np.ones(4), ap.sliding(2), "max", nan="propogate"), "did you mean 'propagate'"),
        (lambda: ap.pool(np.ones(4), ap.sliding(2), "max", ties="fist"), "did you mean 'first'"),
        (lambda: ap.Quantile(0.5, "linaer"), "did you mean 'linear'"),
    ):
        with pytest.raises(ap.PoolingError, match=says):
            call()


def test_an_array_of_one_axis_needs_no_axes() -> None:
    x = np.arange(10.0)
    offsets, index = [0, 4, 10], np.array([0, 1] * 5)
    kinds: list[Any] = [
        ap.sliding(3), ap.sliding(2.5), ap.adaptive(4), ap.whole(), ap.pyramid([1, 2]), ap.segments(offsets),
        ap.segments(offsets).sliding(2), ap.groups(index), ap.fractional(4, seed=1),
    ]  # fmt: skip
    for windows in kinds:
        for given in (x, torch.tensor(x), list(x)):
            want = ap.pool(given, windows, "max", axes=0)
            assert np.array_equal(np.asarray(ap.pool(given, windows, "max")), np.asarray(want))
        assert windows.output_shape((10,)) == ap.pool(x, windows).shape == ap.explain(x, windows).out_shape
        with pytest.raises(ap.PoolingError, match="ax"):
            ap.pool(np.ones((10, 10)), windows, "max")


def test_a_picture_pooled_over_its_channels_warns(recwarn: Any) -> None:
    rgb = np.random.default_rng(0).integers(0, 255, (8, 9, 3)).astype(np.uint8)
    for windows in (ap.sliding((3, 3), 1, 1), ap.adaptive((2, 2)), ap.pyramid([(1, 1)])):
        for reduction in ("max", "max", "median", ("max", "min")):
            with pytest.warns(UserWarning, match=r"axes=\(0, 1\)"):
                ap.pool(rgb, windows, reduction)
        with pytest.warns(UserWarning, match=r"axes=\(0, 1\)"):
            ap.explain(rgb, windows, "max")
    with pytest.warns(UserWarning, match=r"axes=\(0, 1\)"):
        ap.pool(np.ones((8, 9, 4), np.uint8), ap.sliding((3, 3), 1, 1), "max")
    recwarn.clear()
    windows = ap.sliding((3, 3), 1, 1)
    ap.pool(rgb, windows, "max", axes=(0, 1))
    ap.pool(rgb, windows, "max", axes=(1, 2))
    ap.pool(rgb.astype(np.float32), windows, "max")
    ap.pool(np.ones((3, 8, 9), np.uint8), windows, "max")
    ap.pool(np.ones((8, 9), np.uint8), windows, "max")
    ap.pool(torch.from_numpy(rgb), windows, "max")
    assert not recwarn.list


def test_a_mask_of_the_first_axes_says_how() -> None:
    x = np.ones((4, 12, 16))
    for given in (x, torch.tensor(x)):
        with pytest.raises(ap.PoolingError, match=r"weights\[\.\.\., None\]"):
            ap.pool(given, ap.whole(), "mean", axes=1, weights=np.ones((4, 12), bool))
        with pytest.raises(ap.PoolingError, match=r"weights\[\.\.\., None, None\]"):
            ap.pool(given, ap.whole(), "mean", axes=0, weights=np.ones(4, bool))
        with pytest.raises(ap.PoolingError) as caught:
            ap.pool(given, ap.whole(), "mean", axes=1, weights=np.ones((5, 12), bool))
        assert "None]" not in str(caught.value)
