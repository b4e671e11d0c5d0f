"""Conventions that ours claims to equal: torch's, SciPy's and ONNX's, on the same numbers."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from scipy import ndimage, special

import anypool as ap

F = torch.nn.functional
MODES = {"reflect": "mirror", "replicate": "nearest", "circular": "wrap", 2.5: "constant"}


def image(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(-50, 50, shape or (2, 3, 9, 8)).astype(np.float64)


@pytest.mark.parametrize("border", MODES, ids=str)
@pytest.mark.parametrize("size", [(1, 1), (3, 3), (5, 2), (4, 4), (2, 7), (9, 9)], ids=str)
def test_scipy_filters(size: tuple[int, int], border: Any) -> None:
    """SciPy centres an even window one position to the right; its "mirror" is "reflect" here and in
    NumPy."""
    x = image(10, 9)
    centred = tuple((k // 2, (k - 1) // 2) for k in size)
    windows = ap.sliding(size, 1, centred, border=border)
    options = {"size": size, "mode": MODES[border], "cval": 2.5}
    np.testing.assert_array_equal(ap.pool(x, windows, "max"), ndimage.maximum_filter(x, **options))
    np.testing.assert_array_equal(ap.pool(x, windows, "min"), ndimage.minimum_filter(x, **options))
    np.testing.assert_allclose(
        ap.pool(x, windows, "mean"), ndimage.uniform_filter(x, **options), rtol=1e-12, atol=1e-11
    )
    for name, f in {"std": np.std, "range": np.ptp, "sum": np.sum, "logsumexp": special.logsumexp}.items():
        want = ndimage.generic_filter(x, f, **options)
        np.testing.assert_allclose(ap.pool(x, windows, name), want, rtol=1e-11, atol=1e-9, err_msg=name)
    if size[0] % 2 and size[1] % 2:
        np.testing.assert_array_equal(
            ap.pool(x, ap.sliding(size, 1, "same", border=border), "max"), ap.pool(x, windows, "max")
        )


def test_scipy_taps_are_a_correlation() -> None:
    x, kernel = image(9, 8), np.array([[1.0, 2, 0], [0, -1, 3], [0.5, 0, 1]])
    for border in ("reflect", "replicate", "circular", 2.5):
        got = ap.pool(x, ap.sliding((3, 3), 1, 1, border=border, taps=kernel), "sum")
        np.testing.assert_allclose(got, ndimage.correlate(x, kernel, mode=MODES[border], cval=2.5), atol=1e-10)
    rows = (np.array([1.0, 2, 1]), np.array([1.0, 0, -1]))
    got = ap.pool(x, ap.sliding((3, 3), 1, 1, border="reflect", taps=rows), "sum")
    np.testing.assert_allclose(got, ndimage.correlate(x, np.outer(*rows), mode="mirror"), atol=1e-10)


@pytest.mark.parametrize("lengths", [[3, 1, 4], [0, 5, 0, 3], [8]], ids=str)
def test_scipy_and_numpy_segments(lengths: list[int]) -> None:
    x = image(8)
    labels = np.repeat(np.arange(len(lengths)), lengths)
    windows = ap.segments(lengths=lengths)
    some = [i for i, n in enumerate(lengths) if n]
    for name in ("sum", "mean", "max", "min"):
        got = ap.pool(x, windows, name, axes=0)
        function = {"sum": ndimage.sum_labels, "max": ndimage.maximum, "min": ndimage.minimum, "mean": ndimage.mean}[
            name
        ]
        np.testing.assert_allclose(got[some], function(x, labels, some), err_msg=name)
    starts = np.concatenate([[0], np.cumsum(lengths)])[:-1][some]
    np.testing.assert_array_equal(ap.pool(x, windows, "prod", axes=0)[some], np.multiply.reduceat(x, starts))


SIZES = list(itertools.product([1, 2, 3, 5], [1, 2, 3, 7], [0, 1, 2], [1, 2, 3], [False, True]))


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_torch_max_pool(rank: int) -> None:
    x = torch.from_numpy(np.random.default_rng(1).integers(0, 6, (2, *(9, 8, 10)[:rank])).astype(np.float64))
    seen = 0
    for k, s, p, d, ceil in SIZES[:: 1 if rank == 1 else 5]:
        if 2 * p > k or d * (k - 1) + 1 > 8 + 2 * p:
            continue
        want, at = getattr(F, f"max_pool{rank}d")(x, k, s, p, d, ceil, return_indices=True)
        windows = ap.sliding((k,) * rank, s, p, d, ceil_mode=ceil)
        assert torch.equal(ap.pool(x, windows, "max"), want), (k, s, p, d, ceil)
        assert torch.equal(ap.pool(x, windows, "argmax"), at), (k, s, p, d, ceil)
        assert windows.output_shape(tuple(x.shape)) == tuple(want.shape)
        seen += 1
    assert seen > 20


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_torch_avg_pool(rank: int) -> None:
    x = torch.from_numpy(image(2, *(9, 8, 10)[:rank]))
    for k, s, p, _, ceil in SIZES[:: 1 if rank == 1 else 5]:
        if 2 * p > k or k > 8 + 2 * p:
            continue
        for count, padded, divisor in (("padded", True, None), ("present", False, None), (3, True, 3), (5, False, 5)):
            if divisor and rank == 1:
                continue
            more = () if rank == 1 else (divisor,)
            want = getattr(F, f"avg_pool{rank}d")(x, k, s, p, ceil, padded, *more)
            got = ap.pool(x, ap.sliding((k,) * rank, s, p, ceil_mode=ceil, count=count), "mean")
            torch.testing.assert_close(got, want, rtol=1e-13, atol=1e-13, msg=f"{k, s, p, ceil, count}")


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_torch_adaptive(rank: int) -> None:
    x = torch.from_numpy(image(2, 3, *(7, 5, 6)[:rank]))
    for out in itertools.product([1, 2, 3, 5, 9], repeat=rank):
        want = getattr(F, f"adaptive_avg_pool{rank}d")(x, out)
        torch.testing.assert_close(ap.pool(x, ap.adaptive(out), "mean"), want, rtol=1e-13, atol=1e-13)
        want, at = getattr(F, f"adaptive_max_pool{rank}d")(x, out, return_indices=True)
        assert torch.equal(ap.pool(x, ap.adaptive(out), "max"), want)
        assert torch.equal(ap.pool(x, ap.adaptive(out), "argmax"), at)


@pytest.mark.parametrize("n", [10**6 + 3, 2**31 + 11, 2**40 + 1])
def test_adaptive_edges_are_exact_for_long_axes(n: int) -> None:
    """Where float32 edges would be off by one."""
    out = 999_983
    axis = ap.adaptive((out,)).plan((n,), None).axes[0]
    for o in (0, 1, 7, out // 3, out - 2, out - 1):
        assert axis.first[o] == o * n // out
        assert axis.first[o] + axis.length[o] == -(-((o + 1) * n) // out)


def test_torch_padding_modes() -> None:
    x = torch.from_numpy(image(2, 3, 7, 6))
    for border, mode in (("reflect", "reflect"), ("replicate", "replicate"), ("circular", "circular")):
        padded = F.pad(x, (1, 2, 3, 0), mode=mode)
        got = ap.pool(x, ap.sliding((3, 2), 2, ((3, 0), (1, 2)), border=border), "mean")
        torch.testing.assert_close(got, F.avg_pool2d(padded, (3, 2), 2), rtol=1e-13, atol=1e-13)


def evaluate(op: str, x: np.ndarray, **attributes: Any) -> list[np.ndarray]:
    """One ONNX node by ONNX's own reference evaluator."""
    onnx = pytest.importorskip("onnx")
    reference = pytest.importorskip("onnx.reference")
    helper = onnx.helper
    outputs = ["y", "i"] if op == "MaxPool" else ["y"]
    node = helper.make_node(op, ["x"], outputs, **attributes)
    infos = [helper.make_tensor_value_info("x", 1, x.shape)]
    made = [helper.make_tensor_value_info(o, 1 if o == "y" else 7, None) for o in outputs]
    model = helper.make_model(helper.make_graph([node], "g", infos, made), opset_imports=[helper.make_opsetid("", 22)])
    return reference.ReferenceEvaluator(model).run(None, {"x": x})


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    "k,s,pads,d",
    [
        ((2, 2), (2, 2), (0, 0, 0, 0), (1, 1)),
        ((3, 3), (1, 1), (1, 1, 1, 1), (1, 1)),
        ((3, 2), (2, 1), (1, 0, 1, 1), (1, 1)),
        ((2, 2), (1, 2), (0, 1, 1, 0), (2, 2)),
    ],
)
def test_onnx(k: Any, s: Any, pads: Any, d: Any) -> None:
    x = image(2, 3, 8, 7, seed=2).astype(np.float32)
    both = {"kernel_shape": k, "strides": s, "pads": pads, "dilations": d}
    pairs = ((pads[0], pads[2]), (pads[1], pads[3]))
    windows = ap.sliding(k, s, pairs, d)
    np.testing.assert_array_equal(ap.pool(x, windows, "max"), evaluate("MaxPool", x, **both)[0])
    for include in (0, 1):
        count = "padded" if include else "present"
        want = evaluate("AveragePool", x, **both, count_include_pad=include)[0]
        got = ap.pool(x, ap.sliding(k, s, pairs, d, count=count), "mean")
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)
    if d == (1, 1):
        np.testing.assert_allclose(ap.pool(x, windows, ap.Lp(3)), evaluate("LpPool", x, **both, p=3)[0], rtol=1e-5)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_onnx_whole() -> None:
    x = image(2, 3, 5, 6).astype(np.float32)
    for op, name in (("GlobalAveragePool", "mean"), ("GlobalMaxPool", "max")):
        np.testing.assert_allclose(ap.pool(x, ap.whole(), name, axes=(2, 3)), evaluate(op, x)[0], rtol=1e-5, atol=1e-6)


def test_numpy_names_mean_what_numpys_do() -> None:
    x = image(4, 6)
    for name in ("sum", "mean", "max", "min", "prod", "any", "all", "var", "std", "argmax", "argmin"):
        got = ap.pool(x, ap.whole(), name, axes=1)[:, 0]
        want = getattr(np, name)(x, axis=1)
        np.testing.assert_allclose(got, want, rtol=1e-12)
        assert got.dtype == want.dtype, name
        flat = ap.pool(x, ap.whole(), name, axes=(0, 1))
        np.testing.assert_allclose(flat.item(), getattr(np, name)(x), rtol=1e-12)
    np.testing.assert_allclose(ap.pool(x, ap.whole(), ap.Var(1), axes=1)[:, 0], x.var(1, ddof=1))
    np.testing.assert_allclose(ap.pool(x, ap.whole(), "logsumexp", axes=1)[:, 0], special.logsumexp(x, 1))
    for p in (1, 2, 3.5, np.inf):
        np.testing.assert_allclose(ap.pool(x, ap.whole(), ap.Lp(p), axes=1)[:, 0], np.linalg.norm(x, p, axis=1))
