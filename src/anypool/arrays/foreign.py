"""Unsupported array types: an error message for each, with a way to pass their values."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..errors import PoolingError

NUMBERS = (bool, int, float, complex, np.generic)
INTEGERS = ("torch.bool", "torch.int", "torch.uint")
SERVED = "a NumPy array, a torch tensor, a buffer or a list of numbers"


class Type(NamedTuple):
    """A type: a test of its class, a description, and a way to pass its values."""

    declares: Callable[[Any], bool]  # a test of the class, since an instance may compute its attributes
    description: str
    advice: str
    lossless: str = ""  # for x: a way that preserves the type


def _has(*names: str) -> Callable[[Any], bool]:
    return lambda kind: all(hasattr(kind, name) for name in names)


def _of(root: str) -> Callable[[Any], bool]:
    return lambda kind: any(k.__module__.partition(".")[0] == root for k in kind.__mro__)


def _tracer(kind: Any) -> bool:
    return hasattr(kind, "aval") and any(k.__name__ == "Tracer" for k in kind.__mro__)


TYPES = (
    Type(
        lambda kind: _of("torch")(kind) and kind.__name__ == "Proxy",
        "what torch.fx records operations of torch by, and anypool.pool is none",
        "torch.export.export(model, args) works; anypool.nn.MaxPool2d and other layers with torch's numbers may be traced",
    ),
    Type(
        _tracer,
        "a tracer of JAX, which holds no numbers",
        "call pool outside jax.jit, jax.grad and jax.vmap, or inside jax.pure_callback",
    ),
    Type(_has("aval", "__array_namespace__"), "an array of JAX", "pass numpy.asarray({name})"),
    Type(
        _has("__cuda_array_interface__"),
        "an array on a GPU",
        "pass torch.as_tensor({name}, device='cuda'), or its numbers on the CPU ({name}.get() in CuPy)",
    ),
    Type(
        _has("data_vars", "coords"),
        "a set of arrays with labels",
        "pass the numbers of one of them, {name}[…].values",
    ),
    Type(
        lambda kind: _has("dims", "coords")(kind) or _of("xarray")(kind),
        "an array with labels, which a result would lose",
        "pass {name}.values",
        "xarray.apply_ufunc(ap.pool, x, input_core_dims=…, output_core_dims=…, kwargs=…) keeps those of other axes",
    ),
    Type(
        _has("__dask_graph__"),
        "a dask collection, whose chunks would all be loaded",
        "pass {name}.compute()",
        "dask.array.map_overlap(lambda chunk: ap.pool(chunk, …), x, …) pools chunk by chunk",
    ),
    Type(
        lambda kind: hasattr(kind, "chunks") or _of("zarr")(kind),
        "an array in chunks in a store",
        "read it with {name}[...]",
        "a part such as x[:100] is read alone",
    ),
    Type(
        lambda kind: _of("polars")(kind) and hasattr(kind, "collect"),
        "a lazy frame",
        "pass {name}.collect().to_numpy()",
    ),
    Type(_has("nnz", "toarray"), "a sparse array", "pass {name}.toarray()"),
    Type(_has("nnz", "todense"), "a sparse array", "pass {name}.todense()"),
    Type(_has("to_numpy"), "a table or column with labels or missing values", "pass {name}.to_numpy()"),
    Type(_has("units", "magnitude"), "a quantity with a unit", "pass {name}.magnitude"),
    Type(
        _has("__array_namespace__"),
        "an array of another library",
        "pass numpy.asarray({name}) or numpy.from_dlpack({name})",
    ),
    Type(_has("numpy", "__array__"), "an array of another library", "pass {name}.numpy()"),
)


STANDARD = next(t for t in TYPES if t.description == "an array of another library")


def follows_standard(kind: Any) -> bool:
    """Whether a class follows the Array API standard, and has no message of its own."""
    if not hasattr(kind, "__array_namespace__") or issubclass(kind, (np.ndarray, np.generic)):
        return False
    return next(t for t in TYPES if t.declares(kind)) is STANDARD


def refuse(value: Any, name: str) -> None:
    """Raise PoolingError for a value of an unsupported type."""
    torch = sys.modules.get("torch")
    tensor = torch is not None and isinstance(value, torch.Tensor)
    message = tensor_refusal(value, name) if tensor else refusal(value, name)
    if message is not None:
        raise PoolingError(message)


def refusal(value: Any, name: str) -> str | None:
    """The message for an unsupported value that is no tensor; None if NumPy reads it without
    loss."""
    kind: Any = type(value)
    if isinstance(value, np.ndarray):
        return _refused_ndarray(value, name)
    if isinstance(value, NUMBERS):
        return None
    if value is None:
        return f"{name} is None: give {SERVED}"
    if isinstance(value, (str, bytes, os.PathLike)):
        return (
            f"{name}={value!r} is no array: read a file first, such as numpy.asarray(PIL.Image.open(…)); give {SERVED}"
        )
    if isinstance(value, (list, tuple)):
        return _refused_row(value, name)
    known = next((t for t in TYPES if t.declares(kind)), None)
    subject = f"{name} is a {kind.__module__.partition('.')[0]}.{kind.__name__}"
    if known is not None:
        also = f"; {known.lossless}" if known.lossless and name == "x" else ""
        return f"{subject}, {known.description}: {known.advice.format(name=name)}{also}"
    if hasattr(kind, "__array_interface__") or _is_buffer(value):
        return None
    if isinstance(value, Sequence):
        return _refused_row(value, name)
    if hasattr(kind, "__array__"):
        return f"{subject}, an array of another library: pass numpy.asarray({name})"
    return f"{subject}: give {SERVED}"


def _refused_ndarray(array: Any, name: str) -> str | None:
    if isinstance(array, np.ma.MaskedArray):
        if name == "x":
            return "x is a numpy.ma array: pass x.data and weights=~numpy.ma.getmaskarray(x)"
        absent = ", 0 for an element that shall not count" if name == "weights" else ""
        return f"{name} is a numpy.ma array: pass {name}.filled({0 if absent else '…'}){absent}"
    if type(array) is not np.ndarray and hasattr(type(array), "unit") and hasattr(type(array), "value"):
        return f"{name} is a quantity with a unit, which a result would lose: pass {name}.value"
    return None


def _refused_row(row: Any, name: str) -> str | None:
    """The message for a row: its elements must be numbers, rows of numbers, or arrays."""
    torch = sys.modules.get("torch")
    for kind in set(map(type, row)):
        if issubclass(kind, (*NUMBERS, str, bytes)) or kind in (np.ndarray, type(None)):
            continue
        for value in (v for v in row if type(v) is kind):
            if torch is not None and isinstance(value, torch.Tensor):
                ragged = "; for others torch.cat(x) with windows ap.segments(lengths=[len(v) for v in x])"
                return (
                    f"{name} is a {type(row).__name__} of tensors: pass torch.stack({name}) of tensors of one shape"
                    f"{ragged if name == 'x' else ''}"
                )
            message = refusal(value, f"{name}[{_index_of(row, value)}]")
            if message is not None:
                return message
    return None


def _index_of(row: Any, value: Any) -> int:
    return next(i for i, v in enumerate(row) if v is value)


def _is_buffer(value: Any) -> bool:
    try:
        memoryview(value).release()
    except TypeError:
        return False
    return True


def tensor_refusal(t: Any, name: str) -> str | None:
    """The message for an unsupported tensor; None for strided tensors of real numbers or bool."""
    torch: Any = sys.modules["torch"]
    masked = sys.modules.get("torch.masked")
    if masked is not None and isinstance(t, masked.MaskedTensor):
        if name == "x":
            return "x is a MaskedTensor: pass x.get_data() and weights=x.get_mask()"
        return f"{name} is a MaskedTensor: pass {name}.to_tensor(0), 0 for an element that shall not count"
    if type(t) is not torch.Tensor and is_fake(t) and not (torch.compiler.is_compiling() or fake_mode_active(torch)):
        return f"{name} is a FakeTensor, which holds no numbers: call within its FakeTensorMode, or pass a real tensor"
    if t.is_nested:
        if name != "x":
            return f"{name} is a nested tensor: pass {name}.to_padded_tensor(0)"
        ways = "torch.cat(x.unbind()) with windows ap.segments(lengths=…), or x.to_padded_tensor(nan) with nan='omit'"
        return f"x is a nested tensor: pass {ways}"
    if t.layout is not torch.strided:
        return f"{name} is a tensor of layout {str(t.layout).removeprefix('torch.')}: pass {name}.to_dense()"
    if t.is_quantized:
        return f"{name} is a quantised tensor: pass {name}.dequantize(), or {name}.int_repr() for its integers"
    if t.is_complex():
        return f"{name} is complex: pass {name}.real, {name}.imag or {name}.abs()"
    if not (t.is_floating_point() or str(t.dtype).startswith(INTEGERS)) or t.dtype in _packed(torch):
        return f"{name} of dtype {t.dtype} holds bits, not numbers: use bool or real numbers"
    return None


def is_fake(t: Any) -> bool:
    """Whether a tensor is one of torch's FakeTensors: a shape and a type without numbers."""
    return hasattr(t, "fake_mode")


def fake_mode_active(torch: Any) -> bool:
    """Whether new tensors have a shape and a type alone."""
    return torch._C._get_dispatch_mode(torch._C._TorchDispatchModeKey.FAKE) is not None


def _packed(torch: Any) -> tuple[Any, ...]:
    """Types with two numbers in one element."""
    return (getattr(torch, "float4_e2m1fn_x2", None),)


def unsupported_type(name: str, dtype: Any, supported: Iterable[str], advice: str = "") -> PoolingError:
    """The error for an element type that has no meaning here."""
    return PoolingError(f"{name} of dtype {dtype}: pooling has a meaning for {', '.join(sorted(supported))}{advice}")


def advice_for(dtype: Any) -> str:
    """Advice for a NumPy array of an unsupported element type, or an empty text."""
    if dtype.kind == "c":
        return "; pass x.real, x.imag or abs(x)"
    if dtype.kind in "mM":
        return "; pass x.astype('int64'), whose unit is the dtype's"
    if dtype.kind == "f" and dtype.itemsize > 8:
        return "; pass x.astype('float64')"
    small = dtype.name.startswith(("float", "int", "uint"))  # ml_dtypes
    return "; pass x.astype('float32')" if small else "; pass x.astype(float)" if dtype.kind == "O" else ""
