"""Tensors: each reduction × window kind × element type × memory format against brute force."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from brute import FORMULAS, pooled
from element_types import FOR_BOOL, TOLERANCE, data
from fold_cases import FOLDS
from sampling import spread
from windows_cases import CASES, Case

import anypool as ap
from anypool.engines import BACKENDS

DTYPES = ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64"]
NAMES = list(BACKENDS)
KINDS = {"wide": torch.int64, "number": torch.int64, "truth": torch.bool, "mean": torch.float64}


def tensor(x: np.ndarray) -> torch.Tensor:
    return (
        torch.from_numpy(x.astype(np.float32)).to(torch.bfloat16)
        if x.dtype.name == "bfloat16"
        else torch.from_numpy(x.copy())
    )


def formats(t: torch.Tensor) -> dict[str, torch.Tensor]:
    return {
        "contiguous": t,
        "channels_last": t.contiguous(memory_format=torch.channels_last),
        "transposed": t.transpose(2, 3).contiguous().transpose(2, 3),
        "expanded": t[:1].expand(t.shape) if bool((t[:1] == t).all()) else t,
        "a parameter": t.clone().requires_grad_() if t.is_floating_point() else t,
    }


def check(name: str, key: str, case: Case, x: np.ndarray, views: dict[str, torch.Tensor], **options: Any) -> None:
    meant = FORMULAS[name]
    w = options.get("weights")
    want = pooled(x, case.lines, case.at, meant, **case.options, weights=None if w is None else w.numpy())
    for backend in (*NAMES, None):
        for layout, view in views.items():
            what = f"{name} of {key}, {x.dtype}, {layout}, {backend}"
            try:
                got = ap.pool(view, case.windows, FOLDS[name], axes=case.axes, backend=backend, **options).detach()
            except ap.PoolingError as error:
                assert "refuses" in str(error) or (not view.is_floating_point() and "empty=" in str(error)), what
                continue
            kind = (
                view.dtype
                if view.is_floating_point() and meant.kind not in ("number", "truth")
                else KINDS.get(meant.kind, view.dtype)
            )
            if not (
                (case.options.get("has_taps") or (w is not None and w.is_floating_point()))
                and not view.is_floating_point()
            ):
                assert got.dtype == kind, f"{what}: {got.dtype} for {kind}"
            tolerance = TOLERANCE.get(str(got.dtype).removeprefix("torch."), 0) * (
                50 if "signed" in name else 1
            )  # roots near 0
            with np.errstate(over="ignore"):
                rounded = want.astype(float).astype("float16" if got.dtype == torch.float16 else float).astype(float)
            np.testing.assert_allclose(
                got.to(torch.float64).numpy(), rounded, rtol=tolerance, atol=4 * tolerance, err_msg=what
            )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", FOLDS)
def test_element_types_and_formats(name: str, dtype: str) -> None:
    x = data(dtype, 5)
    if dtype == "bool" and name not in FOR_BOOL:
        with pytest.raises(ap.PoolingError, match="bool"):
            ap.pool(tensor(x), ap.sliding((2, 2)), FOLDS[name])
        return
    if "int" in dtype and name == "prod":
        x = np.clip(x, 0 if dtype[0] == "u" else -2, 2)  # products of more than 2**53 are tested in NumPy
    for key in spread(list(CASES)[:: 1 if dtype == "float32" else 4], 6, name, dtype):
        if dtype != "bool" or not CASES[key].options.get("border"):
            check(
                name,
                key,
                CASES[key],
                x,
                formats(tensor(x)) if dtype in ("float32", "uint8", "float16") else {"contiguous": tensor(x)},
            )


@pytest.mark.parametrize("name", FOLDS)
def test_weights(name: str) -> None:
    x, random = data("float32", 6), np.random.default_rng(7)
    w = torch.from_numpy(random.integers(0, 4, x.shape).astype(np.float32) / 2)
    choices = (w, w > 0.6, w[:, :, :1], w.double())
    for key, weights in spread(itertools.product(list(CASES)[::3], choices), 8, name):
        views = formats(tensor(x))
        some = {k: views[k] for k in ("contiguous", "channels_last", "a parameter")}
        check(name, key, CASES[key], x, some, weights=weights)


def test_formats_are_kept() -> None:
    for rank, form in ((2, torch.channels_last), (3, torch.channels_last_3d)):
        x = torch.randn(2, 3, *(6,) * rank).contiguous(memory_format=form)
        for name in ap.REDUCTIONS:
            for tracked in (False, True):
                y = ap.pool(x.clone().requires_grad_(tracked), ap.sliding((2,) * rank), name)
                assert y.is_contiguous(memory_format=form), (name, tracked)


@pytest.mark.parametrize("dtype", [torch.complex64, torch.complex128])
def test_types_without_meaning(dtype: torch.dtype) -> None:
    with pytest.raises(ap.PoolingError, match="complex"):
        ap.pool(torch.zeros(4, dtype=dtype), ap.sliding((2,)), "max")
    with pytest.raises(ap.PoolingError):
        ap.pool(torch.zeros(4), ap.sliding((2,)), "mean", weights=torch.zeros(4, dtype=dtype))


@pytest.mark.parametrize("bad", [torch.ones(3), torch.ones(2, 4), np.ones(3), "w"], ids=["3", "2x4", "NumPy", "text"])
def test_weights_of_wrong_shapes(bad: Any) -> None:
    with pytest.raises(ap.PoolingError):
        ap.pool(torch.ones(4), ap.sliding((2,)), "mean", weights=bad)


def test_empty_tensors() -> None:
    for shape, want in (((0, 3, 4, 4), (0, 3, 2, 2)), ((2, 0, 4, 4), (2, 0, 2, 2)), ((2, 3, 0, 4), (2, 3, 0, 2))):
        for name in ap.REDUCTIONS:
            x = torch.zeros(shape, requires_grad=True)
            y = ap.pool(x, ap.sliding((2, 2)), name)
            assert y.shape == want, name
            if y.requires_grad:
                y.sum().backward()
                assert x.grad is not None and x.grad.shape == shape, name


def test_subclasses_and_parameters_are_accepted() -> None:
    class Tagged(torch.Tensor):
        pass

    x = torch.arange(8.0).as_subclass(Tagged)
    assert torch.equal(
        torch.as_tensor(ap.pool(x, ap.sliding((2,)), "max")).as_subclass(torch.Tensor), torch.tensor([1.0, 3, 5, 7])
    )
