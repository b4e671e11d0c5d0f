"""Arrays of other libraries, and other values: the error says what to pass, and that works."""

from __future__ import annotations

import pathlib
import re
from collections.abc import Callable
from typing import Any

import dask.array as da
import ml_dtypes
import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
import torch
import xarray as xr
import zarr
from torch.masked import masked_tensor

import anypool as ap

pytestmark = pytest.mark.filterwarnings("ignore")
A = np.arange(16.0).reshape(4, 4)
T = torch.from_numpy(A)


class Refuses:
    """Converted by nobody: asking for its numbers is a test that fails."""

    shape, dtype, ndim = (4, 4), np.dtype("f8"), 2

    def __array__(self, *args: Any, **options: Any) -> Any:
        raise TypeError("Implicit conversion to a NumPy array is not allowed")


class Cupy(Refuses):
    """What CuPy declares."""

    @property
    def __cuda_array_interface__(self) -> Any:
        raise RuntimeError("asked")

    def __array_namespace__(self) -> Any:
        raise RuntimeError("asked")


class Jax(Refuses):
    """What an array of JAX declares; on the CPU it has a buffer too."""

    aval = None

    def __array_namespace__(self) -> Any:
        raise RuntimeError("asked")


class Tracer(Refuses):
    aval = None


class DynamicJaxprTracer(Tracer): ...


class Standard(Refuses):
    """Of the array standard alone."""

    def __array_namespace__(self) -> Any:
        raise RuntimeError("asked")


class Eager(Refuses):
    """As TensorFlow's."""

    def numpy(self) -> Any:
        raise RuntimeError("asked")


class Quantity:
    units = magnitude = None


def nested(layout: Any) -> Any:
    return torch.nested.nested_tensor([torch.ones(2), torch.ones(3)], layout=layout)


def masked() -> Any:
    return masked_tensor(T.clone(), T > 3)


FOREIGN: dict[str, tuple[Callable[[], Any], str]] = {
    "pandas frame": (lambda: pd.DataFrame(A), "to_numpy()"),
    "pandas series": (lambda: pd.Series([1.0, 2.0]), "to_numpy()"),
    "pandas index": (lambda: pd.Index([1, 2]), "to_numpy()"),
    "pandas Int64": (lambda: pd.array([1, None]), "to_numpy()"),
    "polars frame": (lambda: pl.DataFrame(A), "to_numpy()"),
    "polars series": (lambda: pl.Series([1.0, 2.0]), "to_numpy()"),
    "polars lazy": (lambda: pl.DataFrame(A).lazy(), ".collect().to_numpy()"),
    "xarray": (lambda: xr.DataArray(A), ".values"),
    "xarray variable": (lambda: xr.Variable(("y", "x"), A), ".values"),
    "xarray set": (lambda: xr.Dataset({"a": (("y", "x"), A)}), ".values"),
    "xarray of dask": (lambda: xr.DataArray(da.from_array(A, chunks=2)), ".values"),
    "dask": (lambda: da.from_array(A, chunks=2), ".compute()"),
    "zarr": (lambda: zarr.array(A), "[...]"),
    "scipy csr": (lambda: sp.csr_array(A), ".toarray()"),
    "scipy coo": (lambda: sp.coo_matrix(A), ".toarray()"),
    "cupy": (Cupy, "torch.as_tensor("),
    "jax": (Jax, "numpy.asarray("),
    "jax tracer": (DynamicJaxprTracer, "pure_callback"),
    "standard": (Standard, "numpy.from_dlpack("),
    "eager": (Eager, ".numpy()"),
    "unknown": (Refuses, "numpy.asarray("),
    "quantity": (Quantity, ".magnitude"),
    "masked array": (lambda: np.ma.masked_array(A, A > 3), "numpy.ma"),
    "list of frames": (lambda: [pd.Series([1.0]), pd.Series([2.0])], "to_numpy()"),
    "list of masked": (lambda: [np.ma.masked_array([1.0], [True])], "numpy.ma"),
    "list of tensors": (lambda: [torch.ones(2), torch.ones(3, requires_grad=True)], "torch.stack("),
    "tuple of tensors": (lambda: ([torch.ones(2)], [torch.ones(2)]), "torch.stack("),
    "MaskedTensor": (masked, "MaskedTensor"),
    "sparse coo": (lambda: T.to_sparse(), ".to_dense()"),
    "sparse csr": (lambda: T.to_sparse_csr(), ".to_dense()"),
    "sparse bsr": (lambda: T.to_sparse_bsr((2, 2)), ".to_dense()"),
    "mkldnn": (lambda: T.float().to_mkldnn(), ".to_dense()"),
    "nested": (lambda: nested(torch.strided), ".to_padded_tensor("),
    "jagged": (lambda: nested(torch.jagged), ".to_padded_tensor("),
    "quantised": (lambda: torch.quantize_per_tensor(T.float(), 0.1, 0, torch.quint8), ".dequantize()"),
    "complex": (lambda: T.to(torch.complex64).conj(), ".real"),
    "bits": (lambda: torch.ones(4, dtype=torch.uint8).view(torch.bits8), "real numbers"),
    "dict": (lambda: {1: 2}, "give a NumPy array"),
    "set": (lambda: {1, 2}, "give a NumPy array"),
    "generator": (lambda: (i for i in (1, 2)), "give a NumPy array"),
    "object": (object, "give a NumPy array"),
    "layer": (torch.nn.ReLU, "give a NumPy array"),
    "text": (lambda: "photo.png", "PIL.Image.open"),
    "bytes": (lambda: b"abc", "PIL.Image.open"),
    "path": (lambda: pathlib.Path("photo.png"), "PIL.Image.open"),
}
X, XT = np.arange(4.0), torch.arange(4.0)
BOX = [[0, 1, 1, 2, 2]]
ROLES: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "x": ("x", lambda v: ap.pool(v, ap.whole(), "sum", axes=0)),
    "explain": ("x", lambda v: ap.explain(v, ap.whole(), "sum", axes=0)),
    "weights": ("weights", lambda v: ap.pool(X, ap.whole(), "sum", axes=0, weights=v)),
    "weights of a tensor": ("weights", lambda v: ap.pool(XT, ap.whole(), "sum", axes=0, weights=v)),
    "weights explained": ("weights", lambda v: ap.explain(X, ap.whole(), "sum", axes=0, weights=v)),
    "taps": ("taps", lambda v: ap.sliding((4, 4), taps=v)),
    "index": ("index", ap.groups),
    "boxes": ("boxes", lambda v: ap.boxes(v, 2)),
    "box offsets": ("offsets", lambda v: ap.boxes(BOX, 2, reading="sampled", offsets=v)),
    "offsets": ("", ap.segments),
    "lengths": ("", lambda v: ap.segments(lengths=v)),
    "parameter": ("", ap.PowerMean),
    "ordinal": ("", ap.Ordinal),
    "samples": ("samples", lambda v: ap.fractional((2,), sequence="pseudorandom", samples=v)),
    "size": ("", lambda v: ap.pool(X, ap.sliding(v), "sum")),
    "axes": ("", lambda v: ap.pool(X, ap.whole(), "sum", axes=v)),
    "out": ("", lambda v: ap.pool(X, ap.sliding((2,)), "sum", out=v)),
    "out of a tensor": ("", lambda v: ap.pool(XT, ap.sliding((2,)), "sum", out=v)),
}


@pytest.mark.parametrize("role", list(ROLES))
@pytest.mark.parametrize("kind", list(FOREIGN))
def test_one_error_that_says_the_way(kind: str, role: str) -> None:
    make, way = FOREIGN[kind]
    name, call = ROLES[role]
    if kind in ("pandas index", "polars series", "pandas series") and role in ("size", "axes"):
        return  # rows of integers
    with pytest.raises(ap.PoolingError) as caught:
        call(make())
    said = str(caught.value)
    if name:
        assert way in said and len(said) < 420 and "\n" not in said, said
        assert re.match(rf"{name}(\b|\[)", said), said


def test_none_in_place_of_an_array() -> None:
    with pytest.raises(ap.PoolingError, match="x is None: give a NumPy array"):
        ap.pool(None, ap.whole(), axes=0)


@pytest.mark.parametrize("array", [1j, np.ones(3, "M8[s]"), np.ones(3, object), np.ones(3, "U2"), [None, 1.0], [2**70]])
def test_types_without_a_meaning(array: Any) -> None:
    for role in ("x", "weights", "taps", "index", "boxes"):
        with pytest.raises(ap.PoolingError):
            ROLES[role][1](array)


@pytest.mark.parametrize(
    "array,way",
    [
        (np.ones(3, ml_dtypes.float8_e4m3fn), "x.astype('float32')"),
        (np.ones(3, np.longdouble), "x.astype('float64')"),
        (np.ones(3, "c8"), "x.real"),
        (np.ones(3, "m8[s]"), "x.astype('int64')"),
        (torch.ones(3).to(torch.float8_e5m2), r"x.to(torch.float32)"),
    ],
)
def test_types_that_convert(array: Any, way: str) -> None:
    with pytest.raises(ap.PoolingError, match=re.escape(way)):
        ap.pool(array, ap.whole(), "max", axes=0)
    assert np.asarray(eval(way, {"x": array, "torch": torch})).shape == (3,)


def test_ragged_rows_and_lists_of_tensors() -> None:
    x: Any = [[1.0, 2.0], [3.0, 4.0, 5.0]]
    with pytest.raises(ap.PoolingError, match=r"numpy\.concatenate\(x\) with windows ap\.segments\(lengths="):
        ap.pool(x, ap.whole(), "sum", axes=0)
    lengths = ap.segments(lengths=[len(v) for v in x])
    assert ap.pool(np.concatenate(x), lengths, "sum", axes=0).tolist() == [3.0, 12.0]
    x = [torch.tensor(v, requires_grad=True) for v in x]
    with pytest.raises(ap.PoolingError, match=r"torch\.cat\(x\) with windows ap\.segments\(lengths="):
        ap.pool(x, ap.whole(), "sum", axes=0)
    y = ap.pool(torch.cat(x), lengths, "sum", axes=0)
    y.sum().backward()
    assert y.tolist() == [3.0, 12.0] and x[0].grad.tolist() == [1.0, 1.0]


def test_the_ways_work() -> None:
    """What the errors say to pass is pooled, and means the same."""
    windows = ap.sliding((2, 2))
    want = ap.pool(A, windows, "mean")
    frame, labels, chunks = pd.DataFrame(A), xr.DataArray(A, dims=("y", "x")), da.from_array(A, chunks=2)
    for x in (frame.to_numpy(), pl.DataFrame(A).to_numpy(), labels.values, chunks.compute(), zarr.array(A)[...]):
        np.testing.assert_array_equal(ap.pool(x, windows, "mean"), want)
    for x in (sp.csr_array(A).toarray(), T.to_sparse().to_dense(), T.float().to_mkldnn().to_dense()):
        np.testing.assert_array_equal(np.asarray(ap.pool(x, windows, "mean")), want)
    tiles = da.map_overlap(
        lambda chunk: ap.pool(chunk, ap.sliding((3, 3), 1, 1), "max"), chunks, depth=1, boundary="none"
    )
    np.testing.assert_array_equal(tiles.compute(), ap.pool(A, ap.sliding((3, 3), 1, 1), "max"))
    stack = xr.DataArray(np.stack([A, A + 1]), dims=("time", "y", "x"), coords={"time": [10, 20]})
    options = {"windows": ap.whole(), "reduction": "max", "axes": (-2, -1)}
    kept = xr.apply_ufunc(lambda v: ap.pool(v, **options)[:, 0, 0], stack, input_core_dims=[["y", "x"]])
    assert kept.time.values.tolist() == [10, 20] and kept.values.tolist() == [15.0, 16.0]
    m = masked()
    got = ap.pool(m.get_data(), windows, "sum", weights=m.get_mask())
    np.testing.assert_array_equal(got.numpy(), ap.pool(A, windows, "sum", weights=A > 3))
    np.testing.assert_array_equal(
        ap.pool(T, windows, "sum", weights=m.to_tensor(0)).numpy(),
        ap.pool(A, windows, "sum", weights=np.where(A > 3, A, 0)),
    )
    for layout in (torch.strided, torch.jagged):
        n = nested(layout)
        flat = torch.cat(n.unbind())
        assert ap.pool(flat, ap.segments(lengths=[2, 3]), "sum", axes=0).tolist() == [2.0, 3.0]
        padded = n.to_padded_tensor(float("nan"))
        assert ap.pool(padded, ap.whole(), "sum", axes=1, nan="omit").ravel().tolist() == [2.0, 3.0]
    q = torch.quantize_per_tensor(T.float(), 0.5, 0, torch.quint8)
    np.testing.assert_array_equal(ap.pool(q.dequantize(), windows, "mean").numpy(), want)
    assert ap.pool(q.int_repr(), windows, "max").max() == 30


def test_units_of_array_classes() -> None:
    """A subclass of ndarray whose numbers have a unit, as astropy's."""

    class Length(np.ndarray):
        unit = "m"

        @property
        def value(self) -> Any:
            return self.view(np.ndarray)

    x = A.view(Length)
    with pytest.raises(ap.PoolingError, match=r"unit.*pass x\.value"):
        ap.pool(x, ap.sliding((2, 2)), "max")
    assert ap.pool(x.value, ap.sliding((2, 2)), "max").shape == (2, 2)


def test_a_remembered_call_asks_too() -> None:
    """A dense tensor of that form was pooled before; the sparse one has its shape and strides."""
    ap.pool(torch.ones(1).expand(4, 4), ap.sliding((2, 2)), "max")
    for x in (T.float().to_sparse(), T.float().to_mkldnn(), masked(), nested(torch.strided)):
        with pytest.raises(ap.PoolingError):
            ap.pool(x, ap.sliding((2, 2)), "max")


def test_numbers_of_another_library_as_weights() -> None:
    assert ap.pool(X, ap.whole(), "sum", axes=0, weights=torch.tensor([1, 0, 1, 1])).tolist() == [5.0]
    with pytest.raises(ap.PoolingError, match="meta"):
        ap.pool(XT, ap.whole(), "sum", axes=0, weights=torch.ones(4, device="meta"))


@pytest.mark.parametrize("kind", ["complex", "nested", "jagged", "sparse coo", "MaskedTensor", "quantised"])
def test_layers_ask_too(kind: str) -> None:
    x = FOREIGN[kind][0]()
    for layer in (ap.nn.MaxPool2d(2), ap.nn.AvgPool1d(2), ap.nn.FractionalMaxPool2d(2, 1), ap.nn.Pool1d(2, "median")):
        with pytest.raises(ap.PoolingError):
            layer(x)


@pytest.mark.parametrize("layout", ["to_sparse", "to_sparse_csr", "to_mkldnn"])
def test_a_result_without_strides_is_refused(layout: str) -> None:
    """Its shape and type are right, and the call is a repeated one."""
    windows = ap.sliding((2, 2))
    for _ in "ab":
        ap.pool(torch.ones(4, 4), windows, "sum")
        with pytest.raises(ap.PoolingError, match="out is a tensor of layout"):
            ap.pool(torch.ones(4, 4), windows, "sum", out=getattr(torch.eye(2), layout)())
