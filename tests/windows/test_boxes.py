"""Boxes: three readings against their definitions, reductions, gradients, edges, ONNX, bad
input."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from boxes_by_hand import BOXES, RNG, X, bilinear, exact_weights, roi_align_points, roi_pool_elements, rotated_points

import anypool as ap

PLAIN: dict[str, Any] = {
    "sum": np.sum,
    "mean": np.mean,
    "max": np.max,
    "min": np.min,
    "median": np.median,
    "var": np.var,
    "logsumexp": lambda v: np.log(np.sum(np.exp(v))),
    "rms": lambda v: np.sqrt(np.mean(v**2)),
}
NOTHING = {"sum": 0.0, "max": -np.inf, "min": np.inf, "logsumexp": -np.inf}


def by_hand(values: Any, reduction: str) -> float:
    return float(PLAIN[reduction](np.array(values))) if len(values) else NOTHING.get(reduction, np.nan)


@pytest.mark.parametrize("reduction", PLAIN)
@pytest.mark.parametrize("scale", [1.0, 0.37])
def test_quantised_is_roi_pool(reduction: str, scale: float) -> None:
    got = ap.pool(X, ap.boxes(BOXES, (2, 3), scale=scale), reduction)
    for k, (n, *box) in enumerate(BOXES):
        for o, places in roi_pool_elements(box, (2, 3), X.shape[2:], scale).items():
            for c in range(3):
                want = by_hand([X[int(n), c][p] for p in places], reduction)
                np.testing.assert_allclose(got[(k, c, *o)], want, rtol=1e-9)


@pytest.mark.parametrize("reduction", PLAIN)
@pytest.mark.parametrize(("sampling", "aligned"), [(2, False), (1, True), (3, True), (0, False), (0, True)])
def test_sampled_is_roi_align(reduction: str, sampling: int, aligned: bool) -> None:
    windows = ap.boxes(BOXES, (3, 2), reading="sampled", sampling=sampling, aligned=aligned)
    got = ap.pool(X, windows, reduction)
    for k, (n, *box) in enumerate(BOXES):
        for o, points in roi_align_points(box, (3, 2), sampling, aligned).items():
            for c in range(3):
                want = by_hand([bilinear(X[int(n), c], p) for p in points], reduction)
                np.testing.assert_allclose(got[(k, c, *o)], want, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("aligned", [False, True])
def test_exact_is_the_integral(aligned: bool) -> None:
    """PrRoI: the mean divides by the area of the bin, with 0 outside; maxima read nonzero
    weights."""
    windows = ap.boxes(BOXES, (2, 3), reading="exact", aligned=aligned)
    mean, total, most = ap.pool(X, windows, ("mean", "sum", "max"))
    for k, (n, *box) in enumerate(BOXES):
        for o, pairs in exact_weights(box, (2, 3), X.shape[2:], 0.5 if aligned else 0.0).items():
            for c in range(3):
                values = [(0.0 if at is None else X[int(n), c][at], w) for at, w in pairs]
                whole = sum(w for _, w in values)
                at = (k, c, *o)
                np.testing.assert_allclose(total[at], sum(v * w for v, w in values), rtol=1e-9, atol=1e-11)
                assert (whole > 0) == np.isfinite(mean[at])
                if whole > 0:
                    np.testing.assert_allclose(mean[at], sum(v * w for v, w in values) / whole, rtol=1e-9, atol=1e-11)
                    assert most[at] == max(v for v, _ in values)


def test_exact_against_quadrature() -> None:
    """The mean of the bilinear interpolant by a fine midpoint rule."""
    plane, box = X[0, 0], (1.3, 0.9, 6.1, 5.2)
    got = ap.pool(X[:1, :1], ap.boxes([[0, *box]], (1, 1), reading="exact"), "mean")[0, 0, 0, 0]
    steps = 200
    at = [
        bilinear(
            plane, (box[1] + (box[3] - box[1]) * (i + 0.5) / steps, box[0] + (box[2] - box[0]) * (j + 0.5) / steps)
        )
        for i in range(steps)
        for j in range(steps)
    ]
    assert abs(got - np.mean(at)) < 1e-4


def test_weighted_orders() -> None:
    """A weighted median by exact weights is an element with half of the mass on each side."""
    got = ap.pool(X, ap.boxes(BOXES[:2], (2, 2), reading="exact"), ap.Median(even="lower"))
    for k, (n, *box) in enumerate(BOXES[:2]):
        for o, pairs in exact_weights(box, (2, 2), X.shape[2:]).items():
            for c in range(3):
                values = np.array([0.0 if at is None else X[int(n), c][at] for at, _ in pairs])
                weights = np.array([w for _, w in pairs])
                y, half = got[(k, c, *o)], weights.sum() / 2
                assert y in values
                assert weights[values < y].sum() <= half + 1e-9 and weights[values <= y].sum() >= half - 1e-9


@pytest.mark.parametrize("turn", ["clockwise", "counterclockwise"])
def test_rotated(turn: str) -> None:
    rows = np.array([[0, 4.0, 3.0, 5.0, 3.0, 30.0], [1, 2.0, 5.0, 4.0, 6.0, -75.0], [0, 4.0, 3.0, 0.2, 3.0, 90.0]])
    got = ap.pool(X, ap.boxes(rows, (2, 3), reading="sampled", sampling=2, rotated=turn), "mean")
    for k, (n, *box) in enumerate(rows):
        for o, points in rotated_points(box, (2, 3), 2, turn == "clockwise").items():
            for c in range(3):
                want = np.mean([bilinear(X[int(n), c], p) for p in points])
                np.testing.assert_allclose(got[(k, c, *o)], want, rtol=1e-9, atol=1e-12)


def test_rotation_by_a_right_angle_turns_the_bins() -> None:
    """Rotated by 90° counterclockwise, rows of the box run upwards: the bins are those rotated."""
    upright = ap.pool(X, ap.boxes([[0, 2.0, 1.0, 6.0, 5.0]], (4, 4), reading="sampled"), "mean")
    turned = ap.pool(
        X, ap.boxes([[0, 4.0, 3.0, 4.0, 4.0, 90.0]], (4, 4), reading="sampled", rotated="counterclockwise"), "mean"
    )
    np.testing.assert_allclose(turned[0], np.rot90(upright[0], -1, (1, 2)), atol=1e-12)
    same = ap.pool(X, ap.boxes([[0, 4.0, 3.0, 4.0, 4.0, 0.0]], (4, 4), reading="sampled", rotated="clockwise"), "mean")
    np.testing.assert_allclose(same, upright, atol=1e-12)


def test_deformed_bins_move() -> None:
    rows = BOXES[[0, 3, 7]]
    offsets = RNG.standard_normal((3, 2, 2, 2))
    got = ap.pool(X, ap.boxes(rows, (2, 2), reading="sampled", offsets=offsets, gamma=0.2), "mean")
    for k, (n, *box) in enumerate(rows):
        width, height = max(box[2] - box[0], 1), max(box[3] - box[1], 1)
        for o, points in roi_align_points(box, (2, 2), 2, False).items():
            dx, dy = 0.2 * width * offsets[(k, 0, *o)], 0.2 * height * offsets[(k, 1, *o)]
            for c in range(3):
                want = np.mean([bilinear(X[int(n), c], (y + dy, x + dx)) for y, x in points])
                np.testing.assert_allclose(got[(k, c, *o)], want, rtol=1e-9, atol=1e-12)
    still = ap.pool(X, ap.boxes(rows, (2, 2), reading="sampled", offsets=offsets * 0), "max")
    np.testing.assert_allclose(still, ap.pool(X, ap.boxes(rows, (2, 2), reading="sampled"), "max"), atol=1e-12)


def test_one_and_three_dimensions() -> None:
    signal = RNG.standard_normal((2, 4, 11))
    spans = np.array([[0, 1.3, 7.9], [1, 4.0, 4.5], [1, -2.0, 20.0]])
    got = ap.pool(signal, ap.boxes(spans, (3,), reading="sampled"), "max")
    for k, (n, *box) in enumerate(spans):
        for o, points in roi_align_points(box, (3,), 2, False).items():
            np.testing.assert_allclose(got[(k, 2, *o)], max(bilinear(signal[int(n), 2], p) for p in points), atol=1e-12)
    volume = RNG.standard_normal((1, 2, 4, 5, 6))
    rows = np.array([[0, 0.5, 1.5, 0.2, 5.5, 4.0, 3.0]])  # x1, y1, z1, x2, y2, z2
    got = ap.pool(volume, ap.boxes(rows, (2, 1, 3), reading="sampled", aligned=True), "mean")
    for o, points in roi_align_points(rows[0, 1:], (2, 1, 3), 2, True).items():
        np.testing.assert_allclose(got[(0, 1, *o)], np.mean([bilinear(volume[0, 1], p) for p in points]), atol=1e-12)
    got = ap.pool(volume, ap.boxes(rows, 2), "min")
    for o, places in roi_pool_elements(rows[0, 1:], (2, 2, 2), volume.shape[2:]).items():
        assert got[(0, 0, *o)] == min(volume[0, 0][p] for p in places)


def test_borders() -> None:
    """Outside: a number, or absent; None is the reading's own."""
    rows = [[0, -4.0, -4.0, 3.0, 3.0], [0, -9.0, -9.0, -5.0, -5.0]]
    x = X[:1]
    for reading in ("sampled", "exact"):
        absent = ap.pool(x, ap.boxes(rows, (1, 1), reading=reading, border="absent"), ("mean", "count", "max"))
        assert np.isnan(absent[0][1]).all() and (absent[1][1] == 0).all() and (absent[2][1] == -np.inf).all()
        seven = ap.pool(x, ap.boxes(rows, (1, 1), reading=reading, border=7.0), ("mean", "max"))
        assert np.allclose(seven[0][1], 7.0) and (seven[1] == 7.0).all()
        ones = ap.pool(np.ones_like(x), ap.boxes(rows, (1, 1), reading=reading, border="absent"), "mean")
        assert np.allclose(ones[0], 1.0)
    assert (ap.pool(x, ap.boxes(rows, (1, 1)), "mean", empty=5.0)[1] == 5.0).all()


def test_lists_of_boxes_scales_and_types() -> None:
    per_image = [BOXES[BOXES[:, 0] == n][:, 1:] for n in (0, 1)]
    together = np.concatenate([BOXES[BOXES[:, 0] == n] for n in (0, 1)])
    for reading in ("quantised", "sampled", "exact"):
        a, b = (ap.pool(X, ap.boxes(v, (2, 2), reading=reading), "mean") for v in (per_image, together))
        np.testing.assert_array_equal(a, b)
        scaled = together * [1, 4, 8, 4, 8]
        np.testing.assert_allclose(
            ap.pool(X, ap.boxes(scaled, (2, 2), scale=(1 / 8, 1 / 4), reading=reading), "mean"), b
        )
        half = ap.pool(X.astype(np.float16), ap.boxes(together, (2, 2), reading=reading), "mean")
        assert half.dtype == np.float16
        np.testing.assert_allclose(half, b, atol=5e-3)
        short = (X * 100).astype(np.int16)
        np.testing.assert_allclose(
            ap.pool(short, ap.boxes(together[:2], (2, 2), reading=reading), "mean"),
            ap.pool(short.astype(float), ap.boxes(together[:2], (2, 2), reading=reading), "mean"),
        )
    assert ap.pool((X * 100).astype(np.int16), ap.boxes(together[:2], (2, 2)), "max").dtype == np.int16
    none = ap.pool(X, ap.boxes(np.zeros((0, 5)), (2, 2)), "mean")
    assert none.shape == (0, 3, 2, 2)
    moved = np.ascontiguousarray(np.moveaxis(X, 1, -1))  # channels last
    np.testing.assert_allclose(
        np.moveaxis(ap.pool(moved, ap.boxes(together, (2, 2)), "mean", axes=(0, 1, 2)), -1, 1),
        ap.pool(X, ap.boxes(together, (2, 2)), "mean"),
    )


def test_weights_masks_and_positions() -> None:
    mask = RNG.random((1, 1, 7, 9)) > 0.3
    got, where = ap.pool(X, ap.boxes(BOXES[:2], (2, 2)), ("mean", "argmax"), weights=mask)
    for k, (n, *box) in enumerate(BOXES[:2]):
        for o, places in roi_pool_elements(box, (2, 2), X.shape[2:]).items():
            seen = {p: X[int(n), 1][p] for p in places if mask[0, 0][p]}
            np.testing.assert_allclose(got[(k, 1, *o)], np.mean(list(seen.values())))
            best = max(seen, key=lambda p: seen[p])
            assert where[(k, 1, *o)] == best[0] * 9 + best[1]
    ones = ap.pool(X, ap.boxes(BOXES, (2, 2), reading="sampled"), "mean", weights=np.ones((7, 9)))
    np.testing.assert_allclose(ones, ap.pool(X, ap.boxes(BOXES, (2, 2), reading="sampled"), "mean"), atol=1e-12)
    hole = X.copy()
    hole[:, :, 3, 3] = np.nan
    keep = np.isfinite(hole)
    for reading in ("sampled", "exact"):
        windows = ap.boxes(BOXES[:2], (2, 2), reading=reading)
        assert np.isfinite(ap.pool(hole, windows, "mean", weights=keep)).all()
        assert np.isnan(ap.pool(hole, windows, "mean")).any()


@pytest.mark.slow  # onnx makes the cases of all its operators
def test_onnx_cases() -> None:
    """The expected outputs inside the onnx package."""
    node_cases = pytest.importorskip("onnx.backend.test.case.node")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # other operators' cases overflow on purpose
        cases = node_cases.collect_testcases("RoiAlign")
    done = 0
    for case in cases:
        node = case.model.graph.node[0]
        about = {a.name: a for a in node.attribute}
        (x, rois, images), (want,) = case.data_sets[0]
        aligned = (
            about["coordinate_transformation_mode"].s == b"half_pixel"
            if "coordinate_transformation_mode" in about
            else True
        )
        if "mode" in about and about["mode"].s == b"max":
            continue  # ONNX's maximum is of the four weighted neighbours, not of interpolated values
        rows = np.concatenate([np.asarray(images, np.float32)[:, None], rois], 1)
        size = (about["output_height"].i, about["output_width"].i)
        windows = ap.boxes(
            rows,
            size,
            scale=about["spatial_scale"].f,
            reading="sampled",
            sampling=about["sampling_ratio"].i,
            aligned=aligned,
        )
        np.testing.assert_allclose(ap.pool(np.asarray(x), windows, "mean"), want, atol=2e-4)
        done += 1
    assert done >= 2


def test_coordinates_beyond_every_array() -> None:
    """Coordinates beyond every array: no crash, no allocation by their size."""
    rows = [[0, -1e30, -1e30, 1e30, 1e30], [0, 1e18, 1e18, 1e19, 1e19], [0, 1e-30, 1e-30, 2e-30, 2e-30]]
    for reading in ("quantised", "sampled", "exact"):
        y = ap.pool(X, ap.boxes(rows, (2, 2), reading=reading, sampling=2), "mean")
        assert y.shape == (3, 3, 2, 2) and not np.isinf(y).any()


def test_corner_pooling_falls_out() -> None:
    """Law & Deng 2018: top-left corner pooling is the sum of two one-sided running maxima."""
    x = X[0]
    down = ap.pool(x, ap.sliding((7,), 1, ((0, 6),)), "max", axes=1)
    right = ap.pool(x, ap.sliding((9,), 1, ((0, 8),)), "max", axes=2)
    np.testing.assert_array_equal(down, np.flip(np.maximum.accumulate(np.flip(x, 1), 1), 1))
    np.testing.assert_array_equal(right, np.flip(np.maximum.accumulate(np.flip(x, 2), 2), 2))


@pytest.mark.parametrize("rotated", [False, True])
def test_k_largest_of_points(rotated: bool) -> None:
    rows = np.array([[0, 4.0, 3.0, 5.0, 3.0, 30.0], [1, 2.0, 5.0, 4.0, 6.0, -75.0]]) if rotated else BOXES
    windows = ap.boxes(rows, (2, 3), reading="sampled", rotated="clockwise" if rotated else None)
    got = ap.pool(X, windows, ap.KMax(3))
    assert got.shape == (len(rows), 3, 2, 3, 3)
    for k, (n, *box) in enumerate(rows):
        points = rotated_points(box, (2, 3), 2, True) if rotated else roi_align_points(box, (2, 3), 2, False)
        for o, at in points.items():
            values = [bilinear(X[int(n), 1], p) for p in at]
            kept = np.sort(np.argsort(values, kind="stable")[::-1][:3])
            if len(np.unique(np.round(values, 12))) == len(values):
                np.testing.assert_allclose(got[(k, 1, *o)], np.array(values)[kept], rtol=1e-9)
    several = ap.pool(X, windows, ap.Quantile((0.25, 0.75)))
    np.testing.assert_allclose(several[1], ap.pool(X, windows, ap.Quantile(0.75)))


def test_elements_of_weight_0_do_not_count() -> None:
    """Reductions that ignore the values of weights count each element of an integral as present."""
    windows = ap.boxes(BOXES, (2, 3), reading="exact", border="absent")
    counts = ap.pool(X, windows, "count")
    in_bytes = (X * 30 + 99).astype(np.uint8)
    most, product = ap.pool(in_bytes, windows, "max", empty=0), ap.pool(X, windows, "prod")
    for k, (n, *box) in enumerate(BOXES):
        for o, pairs in exact_weights(box, (2, 3), X.shape[2:]).items():
            places = [at for at, w in pairs if at is not None and w > 1e-9]
            assert counts[(k, 1, *o)] == len(places)
            assert most[(k, 1, *o)] == max((in_bytes[int(n), 1][at] for at in places), default=0)
            np.testing.assert_allclose(product[(k, 1, *o)], np.prod([X[int(n), 1][at] for at in places]))
