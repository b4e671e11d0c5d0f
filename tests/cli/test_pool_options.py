"""Options of `anypool pool`: masks, missing values, NaN, empty windows, reductions, the version."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from command_line import refused, said

import anypool as ap
from anypool.files.command import parts_of
from anypool.order_statistics import ORDERS, PARAMETRIC_ORDERS

Image = pytest.importorskip("PIL.Image")

HALF = ("--windows", "sliding((2, 2))", "--reduce")
RANDOM = np.random.default_rng(0)


def cells(x: np.ndarray, there: np.ndarray | None = None) -> np.ma.MaskedArray:
    """(rows, columns, 4, …) of windows of 2 × 2."""
    held = np.ma.masked_array(x, None if there is None else ~np.broadcast_to(there, x.shape))
    h, w, *rest = x.shape
    return held.reshape(h // 2, 2, w // 2, 2, *rest).swapaxes(1, 2).reshape(h // 2, w // 2, 4, *rest)


def test_version() -> None:
    assert said("--version") == f"anypool {ap.__version__}\n"


def test_check_names_what_is_compiled() -> None:
    from anypool.cli.registry_tables import reduction_rows
    from anypool.engines.native.library import library

    if library() is None:
        pytest.skip("the core is not built")
    lines = said("check").splitlines()
    orders = next(line for line in lines if "order statistics" in line).rpartition("statistics ")[2].split(", ")
    compiled = {
        name.strip('`"').removeprefix("ap.").partition("(")[0]
        for name, _, _, served, _ in reduction_rows()
        if served != "–"
    }
    assert set(orders) == compiled & {*ORDERS, *PARAMETRIC_ORDERS} and "median" in orders


def test_masks_of_every_form(tmp_path: Path) -> None:
    x = RANDOM.integers(0, 256, (6, 8, 3), np.uint8)
    mask = RANDOM.random((6, 8)) > 0.4
    mask[:2, :2] = False
    Image.fromarray(x).save(tmp_path / "x.png")
    np.save(tmp_path / "x.npy", x)
    Image.fromarray(mask).save(tmp_path / "bits.png")
    Image.fromarray(mask * np.uint8(255)).save(tmp_path / "grey.png")
    Image.fromarray(np.repeat((mask * np.uint8(9))[..., None], 3, 2)).save(tmp_path / "rgb.png")
    np.save(tmp_path / "plane.npy", mask)
    np.save(tmp_path / "full.npy", np.broadcast_to(mask[..., None], x.shape).astype(float))
    np.save(tmp_path / "lane.npy", mask[..., None])
    expected = cells(x, mask[..., None]).mean(2).filled(-1)
    for name in ("bits.png", "grey.png", "rgb.png", "plane.npy", "full.npy", "lane.npy"):
        for source in ("x.png", "x.npy"):
            words = ("--mask", tmp_path / name, "--empty", -1, "--axes", "0,1")
            said("pool", tmp_path / source, tmp_path / "y.npy", *HALF, "mean", *words)
            np.testing.assert_allclose(np.load(tmp_path / "y.npy"), expected)
    said("pool", tmp_path / "x.png", tmp_path / "y.png", *HALF, "mean", "--mask", tmp_path / "bits.png", "--empty", 0)
    text = refused("pool", tmp_path / "x.png", tmp_path / "y.png", *HALF, "mean", "--mask", tmp_path / "bits.png")
    assert "--empty" in text and "NaN" in text
    np.save(tmp_path / "odd.npy", mask[:5])
    Image.fromarray(mask[:, :7]).save(tmp_path / "odd.png")
    Image.fromarray(x).save(tmp_path / "colours.png")
    for name in ("odd.npy", "odd.png", "colours.png", "none.png"):
        assert name in refused("pool", tmp_path / "x.png", tmp_path / "y.npy", *HALF, "mean", "--mask", tmp_path / name)


def test_a_mask_is_cut_into_the_same_chunks_as_its_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from anypool.files import chunked

    monkeypatch.setattr(chunked, "LARGE", 1)
    monkeypatch.setattr(chunked, "CHUNK", 100)
    x, mask = RANDOM.random((6, 8, 5)), RANDOM.random((6, 8)) > 0.3
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "m.npy", mask)
    words = ("--mask", tmp_path / "m.npy", "--axes", "0,1", "--empty", "7")
    said("pool", tmp_path / "x.npy", tmp_path / "y.npy", *HALF, "sum", *words)
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), cells(x, mask[..., None]).sum(2).filled(7))


def test_values_that_mean_absent(tmp_path: Path) -> None:
    x = RANDOM.integers(0, 6, (6, 8)).astype(np.int32)
    x[:2, :2] = 3
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "f.npy", np.where(x == 3, np.nan, x))
    there = x != 3
    for reduction, expected in (
        ("max", cells(x, there).max(2)),
        ("mean", cells(x, there).mean(2)),
        ("sum", cells(x, there).sum(2)),
    ):
        said("pool", tmp_path / "x.npy", tmp_path / "y.npy", *HALF, reduction, "--nodata", 3)
        np.testing.assert_allclose(np.load(tmp_path / "y.npy"), expected.filled(3))
        said("pool", tmp_path / "f.npy", tmp_path / "y.npy", *HALF, reduction, "--nodata", "nan")
        np.testing.assert_allclose(np.load(tmp_path / "y.npy"), expected.astype(float).filled(np.nan))
        said("pool", tmp_path / "f.npy", tmp_path / "y.npy", *HALF, reduction, "--nan", "omit", "--empty", -5)
        np.testing.assert_allclose(np.load(tmp_path / "y.npy"), expected.filled(-5))
    said("pool", tmp_path / "x.npy", tmp_path / "y.npy", *HALF, "count", "--nodata", 3)
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), cells(there.astype(int)).sum(2))
    for value in ("3.5", "99999999999", "nan", "three"):
        assert value in refused("pool", tmp_path / "x.npy", tmp_path / "y.npy", *HALF, "max", "--nodata", value)
    assert "omit" in refused("pool", tmp_path / "x.npy", tmp_path / "y.npy", *HALF, "max", "--nan", "skip")
    assert "--empty" in refused("pool", tmp_path / "x.npy", tmp_path / "y.npy", *HALF, "max", "--empty", "few")
    for option in ("--empty", "--nodata"):
        for value in ("1e400", "-1e400", "9" * 400):
            text = refused("pool", tmp_path / "f.npy", tmp_path / "y.npy", *HALF, "max", option, value)
            assert value in text and "1.79769e+308" in text
    np.save(tmp_path / "single.npy", np.full((4, 4), np.nan, np.float32))
    for option in ("--empty", "--nodata"):
        words = ("pool", tmp_path / "single.npy", tmp_path / "y.npy", *HALF, "max", "--nan", "omit", option)
        assert "3.40282e+38" in refused(*words, "1e300")
        for value in ("inf", "-inf", "Infinity"):
            said(*words, value)
            np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), np.full((2, 2), float(value)))


def test_windows_with_too_few_elements(tmp_path: Path) -> None:
    x = RANDOM.random((6, 8))
    x[RANDOM.random((6, 8)) > 0.6] = np.nan
    np.save(tmp_path / "x.npy", x)
    held = cells(x, ~np.isnan(x))
    for least in (1, 2, 3, 4):
        words = ("--nan", "omit", "--min-count", least, "--empty", -1)
        said("pool", tmp_path / "x.npy", tmp_path / "y.npy", *HALF, "mean", *words)
        expected = np.where(held.count(2) >= least, held.mean(2).filled(-1), -1)
        np.testing.assert_allclose(np.load(tmp_path / "y.npy"), expected)


def test_several_reductions(tmp_path: Path) -> None:
    x = RANDOM.integers(0, 256, (6, 8), np.uint8)
    Image.fromarray(x).save(tmp_path / "x.png")
    said("pool", tmp_path / "x.png", tmp_path / "y.png", *HALF, "max,Quantile(0.5, method='lower')", "--reduce", "min")
    names = sorted(p.name for p in tmp_path.iterdir())
    assert names == ["x.png", "y-Quantile_0.5_method_lower.png", "y-max.png", "y-min.png"]
    for name in ("max", "min"):
        with Image.open(tmp_path / f"y-{name}.png") as y:
            np.testing.assert_array_equal(np.asarray(y), getattr(cells(x), name)(2))
    said("pool", tmp_path / "x.png", tmp_path / "y.npz", *HALF, "max, mean")
    with np.load(tmp_path / "y.npz") as held:
        assert sorted(held) == ["max", "mean"]
        np.testing.assert_allclose(held["mean"], cells(x).mean(2))
    assert "once" in refused("pool", tmp_path / "x.png", tmp_path / "z.npy", *HALF, "max,max")
    assert "once" in refused("pool", tmp_path / "x.png", tmp_path / "z.npy", *HALF, ",")
    assert "best" in refused("pool", tmp_path / "x.png", tmp_path / "z.npy", *HALF, "max,best")
    assert not list(tmp_path.glob("z*"))
    assert parts_of('Quantile([0.1, 0.9], "hazen"),Place(Rank(1))') == [
        'Quantile([0.1, 0.9], "hazen")',
        "Place(Rank(1))",
    ]


def test_borders_are_part_of_the_windows(tmp_path: Path) -> None:
    x = RANDOM.integers(0, 256, (6, 8), np.uint8)
    Image.fromarray(x).save(tmp_path / "x.png")
    for border, mode in (("'reflect'", "reflect"), ("'replicate'", "edge"), ("7", "constant")):
        said(
            "pool",
            tmp_path / "x.png",
            tmp_path / "y.npy",
            "--windows",
            f"sliding((3, 3), 1, 1, border={border})",
            "--reduce",
            "max",
        )
        wide = np.pad(x, 1, mode, **({"constant_values": 7} if mode == "constant" else {}))
        expected = np.lib.stride_tricks.sliding_window_view(wide, (3, 3)).max((2, 3))
        np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), expected)


def test_rounding_reaches_the_ends_of_the_type(tmp_path: Path) -> None:
    tifffile = pytest.importorskip("tifffile")
    for dtype in ("uint8", "int16", "uint64", "int64"):
        ends = np.iinfo(dtype)
        x = np.array([[ends.max, ends.max], [ends.max, ends.max]], dtype)
        tifffile.imwrite(tmp_path / "x.tif", x)
        said("pool", tmp_path / "x.tif", tmp_path / "y.tif", *HALF, "mean")
        y = tifffile.imread(tmp_path / "y.tif")
        assert y.dtype == dtype and int(ends.max) - int(y.item()) <= (2048 if ends.bits == 64 else 0)
