"""Reductions × windows × backends × element types × layouts, against brute force."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from brute import FORMULAS, pooled, result_dtype
from element_types import DTYPES, FOR_BOOL, agree, data, dtype_of
from fold_cases import FOLDS
from sampling import spread
from windows_cases import CASES, SHAPE, Case

import anypool as ap
from anypool.engines import BACKENDS

NAMES = list(BACKENDS)


def call(x: Any, case: Case, reduction: Any, backend: str, **options: Any) -> Any:
    """The result; None where this backend refuses."""
    try:
        return ap.pool(x, case.windows, reduction, axes=case.axes, backend=backend, **options)
    except ap.PoolingError as error:
        if "refuses" in str(error):
            return None
        raise


def check(name: str, case: Case, key: str, x: np.ndarray, views: dict[str, Any], **options: Any) -> int:
    """Every backend on every view of x; how many answers were compared."""
    meant, real = FORMULAS[name], options.get("weights")
    real = real is not None and real.dtype != bool
    want = pooled(
        x,
        case.lines,
        case.at,
        meant,
        **case.options,
        weights=options.get("weights"),
        omit=options.get("nan") == "omit",
    )
    dtype = result_dtype(meant.kind, x, (real or bool(case.options.get("has_taps"))) and not meant.masks)
    no_answer = dtype.kind in "iub" and any(isinstance(v, float) and not np.isfinite(v) for v in want.ravel())
    seen = 0
    for backend in NAMES:
        for layout, view in views.items():
            what = f"{name} of {key}, {x.dtype}, {layout}, {backend}"
            if no_answer:
                with pytest.raises(ap.PoolingError, match=r"refuses|empty="):
                    ap.pool(view, case.windows, FOLDS[name], axes=case.axes, backend=backend, **options)
                continue
            got = call(view, case, FOLDS[name], backend, **options)
            if got is not None:
                agree(got, want, dtype, what, 3 if "3, signed" in name else 1)
                seen += 1
    return seen


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", FOLDS)
def test_element_types(name: str, dtype: str) -> None:
    x = data(dtype)
    if dtype == "bool" and name not in FOR_BOOL:
        with pytest.raises(ap.PoolingError, match="bool"):
            ap.pool(x, ap.sliding((2, 2)), FOLDS[name])
        return
    some = spread(CASES.items(), 3, name, dtype)
    seen = sum(check(name, case, key, x, {"contiguous": x}) for key, case in some if fits(case, x))
    assert seen > 20 * len(some) // len(CASES)


@pytest.mark.parametrize("name", ["max", "sum", "argmax", "var", "softpool"])
def test_an_axis_between_the_pooled_ones(name: str) -> None:
    x = data("float32", 1)
    between = np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 0, 2)), 2, 0)
    flat = np.broadcast_to(data("float32", 2).take([0], 2), SHAPE)
    for key in ("3x3/1 pad 1", "divisor 7"):
        check(name, CASES[key], key, x, {"batch inside": between})
        check(name, CASES[key], "zero stride on a pooled axis", np.array(flat), {"zero": flat})


def fits(case: Case, x: np.ndarray) -> bool:
    """A border of 2 is no truth value."""
    return not (x.dtype == bool and case.options.get("border"))


def layouts(x: np.ndarray) -> dict[str, Any]:
    """Views of the same numbers with other memory."""
    apart = np.zeros([2 * n + 1 for n in x.shape], x.dtype)
    apart[tuple(slice(1, None, 2) for _ in x.shape)] = x
    odd = np.zeros(x.nbytes + 1, np.uint8)[1:].view(x.dtype).reshape(x.shape)
    odd[...] = x
    fixed = x.copy()
    fixed.flags.writeable = False
    made = {
        "Fortran": np.asfortranarray(x),
        "channels-last": np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 1, -1)), -1, 1),
        "negative": np.ascontiguousarray(x[::-1, :, ::-1, ::-1])[::-1, :, ::-1, ::-1],
        "strided": apart[tuple(slice(1, None, 2) for _ in x.shape)],
        "transposed": np.ascontiguousarray(x.swapaxes(2, 3)).swapaxes(2, 3),
        "not aligned": odd,
        "read-only": fixed,
        "a list": x.tolist() if x.dtype == np.float64 else x,
    }
    if x.dtype.kind in "iuf" and x.dtype.name != "bfloat16":
        made["byte-swapped"] = x.astype(x.dtype.newbyteorder())
    for view in made.values():
        assert np.array_equal(view, x)
    return made


@pytest.mark.parametrize("dtype", ["uint8", "int64", "float16", "float32", "float64", "bfloat16"])
@pytest.mark.parametrize("name", FOLDS)
def test_layouts(name: str, dtype: str) -> None:
    x = data(dtype, 1)
    few = list(CASES)[:: 5 if dtype != "float32" else 1] if dtype != "float64" else list(CASES)[2::7]
    for key in spread(few, 3, name, dtype):
        check(name, CASES[key], key, x, layouts(x))
    for axis in (0, 1):
        flat = np.broadcast_to(data(dtype, 2).take([0], axis), SHAPE)
        assert 0 in flat.strides
        check(name, CASES["3x3/1 pad 1"], f"zero stride on {axis}", np.array(flat), {"zero": flat})


@pytest.mark.parametrize("dtype", ["int32", "uint8", "float16", "float32", "float64"])
@pytest.mark.parametrize("name", FOLDS)
def test_weights(name: str, dtype: str) -> None:
    """Masks, real weights with zeros, narrow weights that broadcast; with and without
    nan='omit'."""
    x, random = data(dtype, 3), np.random.default_rng(4)
    real = (random.integers(0, 5, SHAPE) / 4).astype("float32" if dtype == "float32" else "float64")
    choices = {"mask": real > 0.3, "real": real, "a row": real[:1, :1, :1], "none": np.zeros(SHAPE)}
    holed = np.where(random.random(SHAPE) < 0.3, np.nan, x).astype(x.dtype) if x.dtype.kind == "f" else x
    for kind, w in choices.items():
        for key in spread(list(CASES)[:: 3 if kind in ("mask", "real") else 9], 3, name, dtype, kind):
            check(name, CASES[key], f"{key} {kind}", x, {"contiguous": x, "Fortran": np.asfortranarray(x)}, weights=w)
    for key in spread(CASES, 3, name, dtype):
        check(name, CASES[key], f"{key} omit", holed, {"contiguous": holed}, nan="omit")
        check(name, CASES[key], f"{key} both", holed, {"contiguous": holed}, nan="omit", weights=choices["mask"])


@pytest.mark.parametrize("name", FOLDS)
def test_nan_and_infinity_stay_in_their_windows(name: str) -> None:
    """One NaN reaches the windows that hold it and no other."""
    if name in ("any", "all", "count", "argmax", "argmin", "first", "last"):  # these read no number, or one
        return
    for dtype in ("float16", "float32", "float64", "bfloat16"):
        x = np.ones((1, 2, 40), dtype_of(dtype))
        x[0, 1, 17] = np.nan
        for backend in NAMES:
            for windows in (ap.sliding((5,), 1), ap.sliding((17,), 1, 8), ap.sliding((3,), 2, 1, 2)):
                got = call(x, Case(windows, []), FOLDS[name], backend)
                holds = call(x, Case(windows, []), ap.REDUCTIONS["max"](), "reference")
                if got is not None:
                    np.testing.assert_array_equal(np.isnan(got.astype(float)), np.isnan(holds.astype(float)))
